//! `memory.note`: something that the company is to remember.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::memory::Memory;
use crate::run::Permit;
use crate::store::entries::{EntryScope, NewNote, Provenance, Supersedes};
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// The longest note, in characters.
const LONGEST: usize = 20_000;

/// `memory.note`: notes something for all agents of the workspace. The call's idempotency key is the note's, so that
/// a repeated call notes nothing twice.
#[derive(Clone, Debug)]
pub struct MemoryNote {
    memory: Memory,
}

#[derive(Deserialize)]
struct Arguments {
    text: String,
    key: Option<String>,
    source: Option<String>,
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
        "memory.note"
    }

    fn description(&self) -> &'static str {
        "Notes something that all agents are to remember from now on."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "text": { "type": "string", "minLength": 1, "maxLength": LONGEST },
                "key": {
                    "type": "string", "minLength": 1, "maxLength": 200,
                    "description": "What the note is about; it takes the place of the last note about the same"
                },
                "source": {
                    "type": "string", "minLength": 1, "maxLength": 1000,
                    "description": "Where it is from, if not from the agent itself"
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

    async fn call(&self, arguments: Value, permit: Permit, caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { text, key, source } = crate::tools::arguments(arguments)?;
        let author = caller.agent.clone().unwrap_or_else(|| caller.step.to_string());
        let note = NewNote {
            scope: EntryScope::Workspace,
            author: source.unwrap_or(author),
            supersedes: key.is_some().then_some(Supersedes::SameHeading),
            heading: key,
            text,
            provenance: Some(Provenance { run: caller.run, step: caller.step.clone() }),
            key: Some(permit.idempotency_key().to_owned()),
        };
        let id = self.memory.note(note).await.map_err(|error| super::failed(&error))?;
        Ok(json!({ "id": id }))
    }
}
