//! `files.append`: more at the end of a file.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use super::content::Encoding;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.append`: adds to the end of a file in the folder. What was there stays; a call whose result was lost cannot be repeated
/// unasked, since the text might stand there twice.
#[derive(Clone, Debug)]
pub struct FilesAppend {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    path: String,
    text: String,
    #[serde(default)]
    encoding: Encoding,
}

impl FilesAppend {
    /// Adds to files in `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Tool for FilesAppend {
    fn name(&self) -> &'static str {
        "files.append"
    }

    fn description(&self) -> &'static str {
        "Adds a text to the end of a file in the folder of this workspace; makes the file if it is not there."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "minLength": 1, "description": "Path of the file, relative to the folder" },
                "text": { "type": "string", "description": "What is added, as it is: end it with a line break if lines are added" },
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
                "added": { "type": "integer", "description": "How many bytes were added" },
                "bytes": { "type": "integer", "description": "How long the file is now" }
            },
            "required": ["path", "added", "bytes"],
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
            let Arguments { path, text, encoding } = arguments;
            let added = encoding.decode(text)?;
            let bytes = folder.append(&path, &added)?;
            Ok(json!({ "path": path, "added": added.len(), "bytes": bytes }))
        })
        .await
    }
}
