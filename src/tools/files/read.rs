//! `files.read`: the text of a file.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `files.read`: the text of a file in the folder.
#[derive(Clone, Debug)]
pub struct FilesRead {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    path: String,
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
                "path": { "type": "string", "minLength": 1, "description": "Path of the file, relative to the folder" }
            },
            "required": ["path"],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Read)
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { path } = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let text = folder.read(&path)?;
            Ok(json!({ "path": path, "text": text }))
        })
        .await
    }
}
