//! `files.copy`: the same file at a second place.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use super::folder::Existing;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.copy`: copies a file in the folder. Copying twice is copying once: a copy that is there already is as good as a new one.
#[derive(Clone, Debug)]
pub struct FilesCopy {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    from: String,
    to: String,
    #[serde(default)]
    replace: bool,
}

impl FilesCopy {
    /// Copies files in `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesCopy {
    fn name(&self) -> &'static str {
        "files.copy"
    }

    fn description(&self) -> &'static str {
        "Copies a file in the folder of this workspace to another path in it."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "from": { "type": "string", "minLength": 1, "description": "Path of the file, relative to the folder" },
                "to": { "type": "string", "minLength": 1, "description": "Path of the copy; folders on the way are made" },
                "replace": { "type": "boolean", "description": "Whether another file at `to` is replaced; default false" }
            },
            "required": ["from", "to"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "description": "Where the copy is" },
                "bytes": { "type": "integer", "description": "How long it is" }
            },
            "required": ["path", "bytes"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Write
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect { effect: Effect::Write, idempotent: true }
    }

    async fn call(&self, arguments: Value, permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let Arguments { from, to, replace } = arguments;
            let bytes = folder.copy(&from, &to, Existing::replaced(replace), permit.idempotency_key())?;
            Ok(json!({ "path": to, "bytes": bytes }))
        })
        .await
    }
}
