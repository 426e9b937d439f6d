//! `text.diff`: what changed between two texts.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use similar::{Algorithm, ChangeTag};

use crate::run::Permit;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// The longest that the two texts are together, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;
/// How long it is looked for the smallest difference; then a larger one will do.
const TIME: Duration = Duration::from_secs(5);
/// How many lines stay around a change unless told otherwise.
const CONTEXT: usize = 3;

/// `text.diff`: what changed between two texts.
#[derive(Clone, Copy, Debug)]
pub struct TextDiff;

#[derive(Deserialize)]
struct Arguments {
    before: String,
    after: String,
    #[serde(default)]
    by: Unit,
    context: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    #[default]
    Lines,
    Words,
}

fn diff(arguments: &Arguments) -> Result<Value, ToolError> {
    let Arguments { before, after, by, context } = arguments;
    let length = before.len() + after.len();
    if length > LONGEST {
        return Err(ToolError::give_up(
            "too_large",
            format!("the texts have {length} bytes, more than the limit of {LONGEST}"),
        ));
    }
    let mut config = similar::TextDiff::configure();
    config.algorithm(Algorithm::Myers).timeout(TIME);
    let diff = match by {
        Unit::Lines => config.diff_lines(before, after),
        Unit::Words => config.diff_words(before, after),
    };
    let (mut added, mut removed, mut changes) = (0, 0, Vec::<Value>::new());
    for change in diff.iter_all_changes() {
        let kind = match change.tag() {
            ChangeTag::Equal => "equal",
            ChangeTag::Insert => "added",
            ChangeTag::Delete => "removed",
        };
        // Between words there is space, which counts for nothing.
        let counts = usize::from(*by == Unit::Lines || !change.value().trim().is_empty());
        match change.tag() {
            ChangeTag::Insert => added += counts,
            ChangeTag::Delete => removed += counts,
            ChangeTag::Equal => {}
        }
        match (*by, changes.last_mut()) {
            // Words that follow each other are one piece of text.
            (Unit::Words, Some(last)) if last["kind"] == kind => {
                if let Value::String(text) = &mut last["text"] {
                    text.push_str(change.value());
                }
            }
            (Unit::Words, _) => changes.push(json!({ "kind": kind, "text": change.value() })),
            (Unit::Lines, _) if change.tag() == ChangeTag::Equal => {}
            (Unit::Lines, _) => {
                let line = change.new_index().or(change.old_index()).map_or(0, |index| index + 1);
                let text = change.value().trim_end_matches('\n').trim_end_matches('\r');
                changes.push(json!({ "kind": kind, "line": line, "text": text }));
            }
        }
    }
    let unified = match by {
        Unit::Lines => {
            diff.unified_diff().context_radius(context.unwrap_or(CONTEXT)).header("before", "after").to_string()
        }
        Unit::Words => String::new(),
    };
    let mut told = json!({ "equal": before == after, "added": added, "removed": removed, "changes": changes });
    if let (Unit::Lines, Some(told)) = (by, told.as_object_mut()) {
        told.insert("unified".to_owned(), json!(if added + removed == 0 { String::new() } else { unified }));
    }
    Ok(told)
}

#[async_trait]
impl Tool for TextDiff {
    fn name(&self) -> &'static str {
        "text.diff"
    }

    fn description(&self) -> &'static str {
        "Compares two texts by lines or by words: what was added and removed, how much, and a unified diff."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "before": { "type": "string", "description": "The older text" },
                "after": { "type": "string", "description": "The newer text" },
                "by": { "enum": ["lines", "words"], "description": "What is compared; default lines" },
                "context": {
                    "type": "integer", "minimum": 0, "maximum": 1000,
                    "description": "How many lines stay around a change in the unified diff; default 3"
                }
            },
            "required": ["before", "after"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "equal": { "type": "boolean" },
                "added": { "type": "integer", "description": "How many lines, or words" },
                "removed": { "type": "integer", "description": "How many lines, or words" },
                "changes": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "kind": { "enum": ["added", "removed", "equal"], "description": "`equal` by words only" },
                            "line": { "type": "integer", "description": "In the newer text; of what was removed, in the older" },
                            "text": { "type": "string" }
                        },
                        "required": ["kind", "text"],
                        "additionalProperties": false
                    }
                },
                "unified": { "type": "string", "description": "As `diff -u` writes it; by lines only" }
            },
            "required": ["equal", "added", "removed", "changes"],
            "additionalProperties": false
        }))
    }

    fn worst(&self) -> Effect {
        Effect::Pure
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Pure)
    }

    /// What goes in comes out.
    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        crate::tools::blocking(move || diff(&arguments)).await
    }
}
