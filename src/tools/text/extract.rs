//! `text.extract`: the text of a document, or what a pattern finds in it.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::{Captures, Regex};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::document::{Format, Style};
use super::pattern;
use crate::run::Permit;
use crate::tools::files::Folder;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// How many matches are returned if the call does not say.
const DEFAULT_LIMIT: usize = 1000;
/// How many matches are returned at most.
const MOST: usize = 10_000;

/// `text.extract`: the text of a document, or what a pattern finds in it.
#[derive(Clone, Debug)]
pub struct TextExtract {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    text: Option<String>,
    path: Option<String>,
    base64: Option<String>,
    format: Option<Format>,
    #[serde(default, rename = "as")]
    style: Style,
    pattern: Option<String>,
    between: Option<Between>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct Between {
    start: String,
    end: String,
}

impl TextExtract {
    /// Reads files from `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

fn bad(message: impl std::fmt::Display) -> ToolError {
    ToolError::give_up("bad_arguments", message.to_string())
}

fn extract(folder: &Folder, arguments: Arguments) -> Result<Value, ToolError> {
    let Arguments { text, path, base64, format, style, pattern, between, limit } = arguments;
    let (content, name) = match (text, path, base64) {
        (Some(text), None, None) => (text.into_bytes(), None),
        (None, Some(path), None) => (folder.read(&path)?, Some(path)),
        (None, None, Some(base64)) => {
            let decoded = STANDARD.decode(base64.trim());
            (decoded.map_err(|error| bad(format!("argument `base64`: it is not base64: {error}")))?, None)
        }
        _ => return Err(bad("a document comes from one of `text`, `path` and `base64`; give one of them")),
    };
    let format = format.unwrap_or_else(|| Format::of(name.as_deref(), &content));
    let text = format.text(&content, style)?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let (matches, complete) = match (pattern, between) {
        (None, None) => return Ok(json!({ "text": text })),
        (Some(pattern), None) => {
            let wrong = |error: String| bad(format!("argument `pattern`: {error}"));
            let expression = pattern::compile(&pattern).map_err(wrong)?;
            let (found, complete) = pattern::matches(&expression, &text, limit).map_err(wrong)?;
            (found.iter().map(|captures| told(&expression, captures)).collect(), complete)
        }
        (None, Some(Between { start, end })) => enclosed(&text, &start, &end, limit),
        (Some(_), Some(_)) => return Err(bad("give `pattern` or `between`, not both")),
    };
    Ok(json!({ "matches": matches, "complete": complete }))
}

/// A match, and what its groups hold, by name or else by number.
fn told(expression: &Regex, captures: &Captures<'_>) -> Value {
    let groups = expression.capture_names().enumerate().skip(1).map(|(index, name)| {
        let name = name.map_or_else(|| index.to_string(), str::to_owned);
        (name, captures.get(index).map_or(Value::Null, |group| json!(group.as_str())))
    });
    json!({ "text": &captures[0], "groups": groups.collect::<Map<_, _>>() })
}

/// What stands between two marks, and whether that is all of it.
fn enclosed(text: &str, start: &str, end: &str, limit: usize) -> (Vec<Value>, bool) {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((inner, after)) = rest.split_once(start).and_then(|(_, after)| after.split_once(end)) {
        if found.len() == limit {
            return (found, false);
        }
        found.push(json!({ "text": inner, "groups": {} }));
        rest = after;
    }
    (found, true)
}

#[async_trait]
impl Tool for TextExtract {
    fn name(&self) -> &'static str {
        "text.extract"
    }

    fn description(&self) -> &'static str {
        "Takes the text out of HTML, PDF, Markdown or a file, or finds in it what a regular expression matches or what \
         stands between two marks."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "text": { "type": "string", "description": "The document itself; give one of `text`, `path` and `base64`" },
                "path": { "type": "string", "minLength": 1, "description": "A file, relative to the folder of the workspace" },
                "base64": { "type": "string", "description": "The document's bytes" },
                "format": {
                    "enum": ["text", "markdown", "html", "pdf"],
                    "description": "What the document is; default: by its name and its first bytes"
                },
                "as": {
                    "enum": ["text", "markdown"],
                    "description": "Whether links and emphasis are left out (text, the default) or kept as Markdown"
                },
                "pattern": {
                    "type": "string", "minLength": 1, "maxLength": pattern::LONGEST,
                    "description": "A regular expression; what it matches is returned, with its groups: `(?<year>\\d{4})`. \
                        (?m), (?s) and (?i) may begin it; no look-around"
                },
                "between": {
                    "type": "object",
                    "properties": { "start": { "type": "string", "minLength": 1 }, "end": { "type": "string", "minLength": 1 } },
                    "required": ["start", "end"],
                    "additionalProperties": false,
                    "description": "Instead of `pattern`: two texts, and what stands between them is returned, each time"
                },
                "limit": { "type": "integer", "minimum": 1, "maximum": MOST, "description": "How many matches at most; default 1000" }
            },
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "text": { "type": "string", "description": "The whole text, if nothing was looked for in it" },
                "matches": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "text": { "type": "string" },
                            "groups": {
                                "type": "object", "additionalProperties": { "type": ["string", "null"] },
                                "description": "By name, or by number from 1; null if a group took no part"
                            }
                        },
                        "required": ["text", "groups"],
                        "additionalProperties": false
                    }
                },
                "complete": { "type": "boolean", "description": "False if there are more matches than `limit`" }
            },
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, arguments: &Value) -> CallEffect {
        CallEffect::of(if arguments.get("path").is_some() { Effect::Read } else { Effect::Pure })
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || extract(&folder, arguments)).await
    }
}
