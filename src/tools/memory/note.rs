//! `memory.note`: something that the company is to remember.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Reach;
use crate::memory::Memory;
use crate::run::Permit;
use crate::store::entries::{NewNote, Provenance};
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// The tool's name.
pub(crate) const NOTE: &str = "memory.note";
/// The longest note, in characters.
const LONGEST: usize = 20_000;

/// `memory.note`: notes something for all agents of the workspace, or of the workflow or the run alone. The call's idempotency key is the note's, so that
/// a repeated call notes nothing twice. The result says what else was noted about the same.
#[derive(Clone, Debug)]
pub struct MemoryNote {
    memory: Memory,
}

#[derive(Deserialize)]
struct Arguments {
    text: String,
    key: Option<String>,
    confidence: Option<u8>,
    source: Option<String>,
    #[serde(default)]
    scope: Reach,
}

impl MemoryNote {
    /// Notes in `memory`.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self { memory }
    }
}

#[async_trait]
impl Tool for MemoryNote {
    fn name(&self) -> &'static str {
        NOTE
    }

    fn description(&self) -> &'static str {
        "Notes something that all agents are to remember from now on, or those of this workflow or run. If others noted something else under the same key, the \
         result says so."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "text": { "type": "string", "minLength": 1, "maxLength": LONGEST },
                "key": {
                    "type": "string", "minLength": 1, "maxLength": 200,
                    "description": "What the note is about, always in the same words; what the same step noted about it before is revised"
                },
                "confidence": {
                    "type": "integer", "minimum": 0, "maximum": 100,
                    "description": "How sure it is, in percent; weighed against other notes about the same"
                },
                "source": {
                    "type": "string", "minLength": 1, "maxLength": 1000,
                    "description": "Where it is from, if not from the agent itself"
                },
                "scope": {
                    "enum": ["workspace", "workflow", "run"],
                    "description": "Who is to remember it: all runs (unless given), those of this workflow, or this run alone"
                }
            },
            "required": ["text"],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        Effect::Write
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect { effect: Effect::Write, idempotent: true }
    }

    /// A note that contradicts others comes back with what those say.
    fn origin_of(&self, result: &Value) -> Origin {
        if result.get("conflict").is_some_and(|conflict| !conflict.is_null()) { Origin::Untrusted } else { Origin::Own }
    }

    /// Whoever reads notes reads untrusted text, and none is ever lost.
    fn is_contained(&self) -> bool {
        true
    }

    async fn call(&self, arguments: Value, permit: Permit, caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { text, key, confidence, source, scope } = crate::tools::arguments(arguments)?;
        let author = caller.agent.clone().unwrap_or_else(|| caller.step.to_string());
        let scope = super::scopes(&self.memory, caller, Some(&[scope])).await?.pop();
        let note = NewNote {
            scope: scope.ok_or_else(|| ToolError::give_up("no_such_scope", "this run has no workflow of its own"))?,
            source: source.unwrap_or_else(|| author.clone()),
            author: Some(author),
            heading: key,
            text,
            confidence,
            provenance: Some(Provenance { run: caller.run, step: caller.step.clone() }),
            key: Some(permit.idempotency_key().to_owned()),
        };
        let noted = self.memory.note(note).await.map_err(|error| super::failed(&error))?;
        Ok(json!(noted))
    }
}
