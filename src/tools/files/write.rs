//! `files.write`: a file, all of it or nothing.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use super::content::Encoding;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.write`: writes a file in the folder. Writing the same bytes to the same place twice
/// is writing them once, so that a call whose result was lost can be repeated.
#[derive(Clone, Debug)]
pub struct FilesWrite {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    path: String,
    text: String,
    #[serde(default)]
    encoding: Encoding,
}

impl FilesWrite {
    /// Writes to `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesWrite {
    fn name(&self) -> &'static str {
        "files.write"
    }

    fn description(&self) -> &'static str {
        "Writes a text to a file in the folder of this workspace, replacing what was there."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "minLength": 1, "description": "Path of the file, relative to the folder" },
                "text": { "type": "string", "description": "The whole new text of the file" },
                "encoding": Encoding::schema()
            },
            "required": ["path", "text"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "path": { "type": "string" },
                "bytes": { "type": "integer", "description": "How long the file is" }
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
        let Arguments { path, text, encoding } = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let bytes = encoding.decode(text)?;
            folder.write(&path, &bytes, permit.idempotency_key())?;
            Ok(json!({ "path": path, "bytes": bytes.len() }))
        })
        .await
    }
}
