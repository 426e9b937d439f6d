//! `files.delete`: a file that is no more.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.delete`: deletes a file, or a folder, from the folder. Nothing is kept of it, so this cannot be undone; to delete what
/// is gone already is no failure, so that a call whose result was lost can be repeated.
#[derive(Clone, Debug)]
pub struct FilesDelete {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    path: String,
    #[serde(default)]
    recursive: bool,
}

impl FilesDelete {
    /// Deletes from `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesDelete {
    fn name(&self) -> &'static str {
        "files.delete"
    }

    fn description(&self) -> &'static str {
        "Deletes a file or a folder in the folder of this workspace, for good."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "minLength": 1, "description": "Path of the file or folder, relative to the folder" },
                "recursive": {
                    "type": "boolean",
                    "description": "Whether a folder is deleted with all that is in it; default false: only an empty one"
                }
            },
            "required": ["path"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "path": { "type": "string" },
                "deleted": { "type": "boolean", "description": "False if it was not there" },
                "files": { "type": "integer", "description": "How many files went" }
            },
            "required": ["path", "deleted", "files"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Irreversible
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect { effect: Effect::Irreversible, idempotent: true }
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let Arguments { path, recursive } = arguments;
            let gone = folder.delete(&path, recursive)?;
            Ok(json!({ "path": path, "deleted": gone.is_some(), "files": gone.unwrap_or(0) }))
        })
        .await
    }
}
