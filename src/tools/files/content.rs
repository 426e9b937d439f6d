//! What a file holds, as arguments and results carry it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Folder;
use crate::tools::ToolError;

/// How bytes are written in JSON.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) enum Encoding {
    /// They are UTF-8 text.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Any bytes.
    #[serde(rename = "base64")]
    Base64,
}

impl Encoding {
    /// Its schema.
    pub(super) fn schema() -> Value {
        json!({
            "enum": ["utf-8", "base64"],
            "description": "base64 for files that are no text, such as pictures; default utf-8"
        })
    }

    /// The bytes that a text stands for.
    pub(super) fn decode(self, text: String) -> Result<Vec<u8>, ToolError> {
        match self {
            Self::Utf8 => Ok(text.into_bytes()),
            Self::Base64 => STANDARD.decode(text.trim()).map_err(|error| {
                ToolError::give_up("bad_arguments", format!("argument `text`: it is not base64: {error}"))
            }),
        }
    }

    /// The text that stands for a file.
    pub(super) fn read(self, folder: &Folder, path: &str) -> Result<String, ToolError> {
        match self {
            Self::Utf8 => folder.read_text(path),
            Self::Base64 => Ok(STANDARD.encode(folder.read(path)?)),
        }
    }
}
