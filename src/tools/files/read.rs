//! `files.read`: what a file holds.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use super::content::Encoding;
use crate::run::Permit;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.read`: what a file in the folder holds: its text, or its bytes in base64.
#[derive(Clone, Debug)]
pub struct FilesRead {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    path: String,
    #[serde(default)]
    encoding: Encoding,
}

impl FilesRead {
    /// Reads from `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesRead {
    fn name(&self) -> &'static str {
        "files.read"
    }

    fn description(&self) -> &'static str {
        "Reads a text file from the folder of this workspace and returns its text."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "minLength": 1, "description": "Path of the file, relative to the folder" },
                "encoding": Encoding::schema()
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
                "text": { "type": "string", "description": "Its text, or its bytes in base64 if that was asked for" }
            },
            "required": ["path", "text"],
            "additionalProperties": false
        }))
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Read)
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { path, encoding } = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let text = encoding.read(&folder, &path)?;
            Ok(json!({ "path": path, "text": text }))
        })
        .await
    }
}
