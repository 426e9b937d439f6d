//! `memory.settle`: a ruling which of several notes about one thing holds.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::memory::Memory;
use crate::run::Permit;
use crate::store::entries::EntryId;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// The tool's name. The role that lists it is asked when notes contradict each other.
pub(crate) const SETTLE: &str = "memory.settle";

/// `memory.settle`: rules which of several notes about one thing holds. The others give way, and stay readable.
#[derive(Clone, Debug)]
pub struct MemorySettle {
    memory: Memory,
}

#[derive(Deserialize)]
struct Arguments {
    holds: EntryId,
    against: Option<Vec<EntryId>>,
    reason: String,
}

impl MemorySettle {
    /// Settles notes in `memory`.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self { memory }
    }
}

#[async_trait]
impl Tool for MemorySettle {
    fn name(&self) -> &'static str {
        SETTLE
    }

    fn description(&self) -> &'static str {
        "Rules which of several notes about the same thing holds, when they contradict each other."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "holds": { "type": "integer", "minimum": 1, "description": "The id of the note that holds" },
                "against": {
                    "type": "array", "items": { "type": "integer", "minimum": 1 },
                    "description": "The ids of the notes that do not; all others about the same if left out"
                },
                "reason": {
                    "type": "string", "minLength": 1, "maxLength": 4000,
                    "description": "Why, with the sources that bear it out"
                }
            },
            "required": ["holds", "reason"],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        Effect::Write
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect { effect: Effect::Write, idempotent: true }
    }

    /// What gives way stays readable, and whoever reads notes reads untrusted text.
    fn is_contained(&self) -> bool {
        true
    }

    async fn call(&self, arguments: Value, _permit: Permit, caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { holds, against, reason } = crate::tools::arguments(arguments)?;
        let by = caller.agent.clone().unwrap_or_else(|| caller.step.to_string());
        let scopes = super::scopes(&self.memory, caller, None).await?;
        let settled = self.memory.settle(Some(&scopes), holds, against.as_deref(), &by, &reason).await;
        let settled = settled.map_err(|error| super::failed(&error))?;
        Ok(json!({ "holds": holds, "gave_way": settled }))
    }
}
