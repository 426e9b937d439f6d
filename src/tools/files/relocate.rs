//! `files.move`: another path for a file or a folder.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use super::folder::Existing;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.move`: moves a file or a folder within the folder. Unless told to, it replaces nothing, so that it can be moved back.
#[derive(Clone, Debug)]
pub struct FilesMove {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    from: String,
    to: String,
    #[serde(default)]
    replace: bool,
}

impl FilesMove {
    /// Moves files in `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesMove {
    fn name(&self) -> &'static str {
        "files.move"
    }

    fn description(&self) -> &'static str {
        "Moves or renames a file or a folder within the folder of this workspace."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "from": { "type": "string", "minLength": 1, "description": "Path of the file or folder, relative to the folder" },
                "to": { "type": "string", "minLength": 1, "description": "Its new path; folders on the way are made" },
                "replace": { "type": "boolean", "description": "Whether another file at `to` is replaced; default false" }
            },
            "required": ["from", "to"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": { "path": { "type": "string", "description": "Where it is now" } },
            "required": ["path"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Write
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Write)
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let Arguments { from, to, replace } = arguments;
            folder.rename(&from, &to, Existing::replaced(replace))?;
            Ok(json!({ "path": to }))
        })
        .await
    }
}
