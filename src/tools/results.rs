//! Results that are too long for a conversation: kept whole beside the database, and told by a summary. An agent reads
//! on in them with `results.read`.
//!
//! They are kept in the store's content-addressed files and not in the folder of `files.*`, which is the user's own: what
//! a call returned is journaled there already when it is long, so that keeping it takes no more room.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, Origin, Tool, ToolError};
use crate::run::Permit;
use crate::store::{Blobs, StoreError};
use crate::workflow::{CallEffect, Effect};

/// The tool that reads what is kept.
pub(crate) const READ: &str = "results.read";
/// The field of a summary that names what is kept.
const KEPT: &str = "kept";
/// How much of its beginning and of its end a summary tells, in characters.
const BEGINNING: usize = 4_000;
const END: usize = 1_000;
/// The longest piece that is read at once, in characters.
const LONGEST: usize = 16_000;
/// How many fields of an object a summary names.
const MOST_FIELDS: usize = 20;

/// Where long results are kept.
#[derive(Clone, Debug)]
pub struct Results {
    blobs: Blobs,
    limit: usize,
}

impl Results {
    /// The longest result that an agent is told whole unless told otherwise, in bytes of JSON text.
    pub const DEFAULT_LIMIT: usize = 64 * 1024;

    /// Keeps what is longer than `limit` bytes in `blobs`.
    #[must_use]
    pub fn new(blobs: Blobs, limit: usize) -> Self {
        Self { blobs, limit }
    }

    /// The result as an agent is told of it: itself, or its summary if it is too long. It is on the disk then.
    pub(super) async fn told(&self, result: Value) -> Result<Value, StoreError> {
        let text = result.to_string();
        if text.len() <= self.limit {
            return Ok(result);
        }
        let mut summary = summary(&result);
        let kept = self.blobs.put(text).await?;
        summary[KEPT] = kept.sha256.as_ref().into();
        summary["bytes"] = kept.bytes.into();
        Ok(summary)
    }
}

/// Whether this is a summary of something that is kept.
pub(crate) fn is_kept(result: &Value) -> bool {
    result.get(KEPT).is_some()
}

fn summary(result: &Value) -> Value {
    let text = plain(result);
    let count = text.chars().count();
    let end: String = text.chars().skip(count.saturating_sub(END)).collect();
    json!({
        "summary": format!("the result is too long to be told whole; read on in it with {READ}"),
        "shape": shape(result, 0),
        "beginning": beginning(&text, BEGINNING),
        "end": end,
    })
}

/// What a value is made of, in words: `object of 2: path: text of 8, rows: list of 900, the first: …`.
fn shape(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) => format!("text of {} characters", text.chars().count()),
        Value::Array(items) if items.is_empty() || depth > 3 => format!("list of {}", items.len()),
        Value::Array(items) => format!("list of {}, the first: {}", items.len(), shape(&items[0], depth + 1)),
        Value::Object(fields) if depth > 3 => format!("object of {}", fields.len()),
        Value::Object(fields) => {
            let told = fields.iter().take(MOST_FIELDS);
            let mut told: Vec<String> =
                told.map(|(name, value)| format!("{}: {}", beginning(name, 80), shape(value, depth + 1))).collect();
            if fields.len() > told.len() {
                told.push("and more".to_owned());
            }
            format!("object of {} {{ {} }}", fields.len(), told.join(", "))
        }
    }
}

/// A text as it is, anything else as JSON text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

/// `results.read`: a piece of a result that was too long to be told whole.
#[derive(Clone, Debug)]
pub struct ResultsRead {
    blobs: Blobs,
}

#[derive(Deserialize)]
struct Arguments {
    kept: String,
    at: Option<String>,
    #[serde(default)]
    from: usize,
    length: Option<usize>,
}

impl ResultsRead {
    /// Reads what is kept in `blobs`.
    #[must_use]
    pub fn new(blobs: Blobs) -> Self {
        Self { blobs }
    }
}

#[async_trait]
impl Tool for ResultsRead {
    fn name(&self) -> &'static str {
        READ
    }

    fn description(&self) -> &'static str {
        "Reads a piece of a result that was too long to be told whole."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "kept": { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "What the summary says under `kept`" },
                "at": {
                    "type": "string", "pattern": "^(/.*)?$",
                    "description": "JSON Pointer to a part of the result, such as /rows/7; all of it if left out"
                },
                "from": { "type": "integer", "minimum": 0, "description": "The first character; default 0" },
                "length": { "type": "integer", "minimum": 1, "maximum": LONGEST, "description": "Characters; default 16000" }
            },
            "required": ["kept"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "required": ["text", "from", "of"],
            "properties": { "text": { "type": "string" }, "from": { "type": "integer" }, "of": { "type": "integer" } }
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Read)
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { kept, at, from, length } = super::arguments(arguments)?;
        let content = self.blobs.get(&kept).await.map_err(|error| match error {
            StoreError::Missing(_) => {
                ToolError::give_up("not_found", format!("no result is kept under {kept}; copy `kept` from its summary"))
            }
            error => ToolError::retry("unreadable", error.to_string()),
        })?;
        super::blocking(move || {
            let whole: Value = serde_json::from_slice(&content)
                .map_err(|error| ToolError::give_up("not_json", format!("what is kept there is no result: {error}")))?;
            let part = whole.pointer(at.as_deref().unwrap_or_default()).ok_or_else(|| {
                let shape = shape(&whole, 0);
                ToolError::give_up("not_found", format!("there is nothing at that pointer; the result is: {shape}"))
            })?;
            let text = plain(part);
            let piece: String = text.chars().skip(from).take(length.unwrap_or(LONGEST)).collect();
            Ok(json!({ "text": piece, "from": from, "of": text.chars().count() }))
        })
        .await
    }
}
