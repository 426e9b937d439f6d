//! `files.info`: whether something is there, and what it is.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use super::list::described;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.info`: whether there is a file or a folder, how long it is, when it was changed, and the SHA-256 of what it holds.
#[derive(Clone, Debug)]
pub struct FilesInfo {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    path: String,
    #[serde(default)]
    hash: bool,
}

impl FilesInfo {
    /// Looks at files in `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesInfo {
    fn name(&self) -> &'static str {
        "files.info"
    }

    fn description(&self) -> &'static str {
        "Says whether there is a file or folder at a path, and its kind, size, time of change and SHA-256."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "minLength": 1, "description": "Path of the file or folder, relative to the folder" },
                "hash": { "type": "boolean", "description": "Whether a file's SHA-256 is computed; default false" }
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
                "exists": { "type": "boolean" },
                "kind": { "enum": ["file", "folder", "link", "other"] },
                "bytes": { "type": "integer", "description": "How long a file is" },
                "modified": { "type": "string", "description": "When it was last changed, as RFC 3339 in UTC" },
                "sha256": { "type": "string", "description": "In hexadecimal digits" }
            },
            "required": ["path", "exists"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Read)
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let Arguments { path, hash } = arguments;
            let Some(found) = folder.info(&path)? else { return Ok(json!({ "path": path, "exists": false })) };
            let mut told = described(&path, &found);
            told.insert("exists".to_owned(), json!(true));
            if hash && told["kind"] == "file" {
                told.insert("sha256".to_owned(), json!(folder.sha256(&path)?));
            }
            Ok(Value::Object(told))
        })
        .await
    }
}
