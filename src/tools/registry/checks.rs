//! What goes in and out of a tool, held against what it declares; and calls that come to no end.

use std::time::Duration;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::Registered;
use crate::tools::ToolError;
use crate::workflow::nearest;

/// How many things that are wrong are told at once.
const MOST_PROBLEMS: usize = 5;

impl Registered {
    /// Holds arguments against what the tool takes.
    pub(super) fn check(&self, arguments: &Value) -> Result<(), ToolError> {
        let problems: Vec<String> =
            self.validator.iter_errors(arguments).map(|error| self.explain(&error)).take(MOST_PROBLEMS).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(ToolError::give_up("bad_arguments", format!("tool `{}`: {}", self.tool.name(), problems.join("; "))))
    }

    /// What is wrong with a result, by what the tool declares: where, and never the value.
    pub(super) fn wrong_with(&self, result: &Value) -> Option<String> {
        let problems: Vec<String> = self
            .output
            .as_ref()?
            .iter_errors(result)
            .take(MOST_PROBLEMS)
            .map(|error| {
                let place = error.instance_path().to_string();
                format!("at `{}`: {}", if place.is_empty() { "/" } else { &place }, error.masked_with("the value"))
            })
            .collect();
        let name = self.tool.name();
        (!problems.is_empty())
            .then(|| format!("tool `{name}`: its result is not what it declares: {}", problems.join("; ")))
    }

    /// Names the argument, and never repeats its value, which may be long or secret.
    fn explain(&self, error: &ValidationError<'_>) -> String {
        let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
        let within = if place.is_empty() { String::new() } else { format!(" of `{place}`") };
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                format!("the argument `{}`{within} is missing", property.as_str().unwrap_or_default())
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let known = self.parameters.get("properties").and_then(Value::as_object);
                let one = |name: &String| {
                    let near = known.and_then(|known| nearest(name, known.keys().map(String::as_str)));
                    let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
                    format!("there is no argument `{name}`{within}{hint}")
                };
                unexpected.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            _ if place.is_empty() => format!("the arguments are wrong: {}", error.masked_with("the value")),
            _ => format!("argument `{place}`: {}", error.masked_with("the value")),
        }
    }
}

/// A call that died. What it said is left out: nobody knows what it holds.
pub(super) fn broken(tool: &str, changes: bool) -> ToolError {
    let message =
        format!("tool `{tool}`: it died during the call, which is a defect of the tool; others are not affected");
    if changes { ToolError::unknown("panicked", message) } else { ToolError::retry("panicked", message) }
}

/// A call that took longer than the tool says.
pub(super) fn too_slow(tool: &str, limit: Duration, changes: bool) -> ToolError {
    let message = format!("tool `{tool}`: the call was given up after {}", humantime::format_duration(limit));
    if changes { ToolError::unknown("timeout", message) } else { ToolError::retry("timeout", message) }
}
