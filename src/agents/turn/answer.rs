//! Reads a model's final reply as the result that was asked for.

use serde_json::{Value, json};

use crate::agents::output::{bad_schema, violations};
use crate::model::untrusted;
use crate::run::Failure;

/// Why a reply is no result.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unreadable {
    /// The reply is not what was asked for: what is wrong with it.
    Answer(String),
    /// What was asked for makes no sense: the schema itself is wrong.
    Schema(Failure),
}

/// The result in a reply: the JSON value that satisfies `schema`, or `{"text": …}` if none is asked for.
pub(super) fn read(text: &str, schema: Option<&Value>) -> Result<Value, Unreadable> {
    let text = text.trim();
    let Some(schema) = schema else {
        return if text.is_empty() {
            Err(Unreadable::Answer("the reply was empty".to_owned()))
        } else {
            Ok(json!({ "text": text }))
        };
    };
    let validator = jsonschema::validator_for(schema).map_err(|error| Unreadable::Schema(bad_schema(&error)))?;
    let value = match serde_json::from_str(unfenced(text)) {
        Ok(value) => value,
        Err(_) if validator.is_valid(&json!(text)) && !text.is_empty() => json!(text),
        Err(error) => {
            let said = shown(text);
            return Err(Unreadable::Answer(format!("the reply is not JSON ({error}) but says: {said}")));
        }
    };
    match violations(&validator, &value) {
        None => Ok(value),
        Some(wrong) => Err(Unreadable::Answer(wrong)),
    }
}

/// The beginning of a reply, on one line.
fn shown(text: &str) -> String {
    const LONGEST: usize = 300;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What a model is told when its reply is no result.
pub(super) fn repair(wrong: &str, schema: Option<&Value>) -> String {
    let ask = if schema.is_some() {
        "Reply again with the whole result, mended: one JSON value that satisfies the schema, and nothing else."
    } else {
        "Reply again with the text of the result."
    };
    format!("That result cannot be used: {wrong}. {ask}")
}

/// What a model is told when its result is not accepted.
pub(super) fn sent_back(reasons: &[String], untrusted: Option<&str>) -> String {
    let mut reasons = format!("- {}", reasons.join("\n- "));
    if let Some(whose) = untrusted {
        reasons = untrusted::marked(whose, &reasons);
    }
    format!(
        "# Problems\n\nThat result is not accepted:\n\n{reasons}\n\nMend it, and reply with the whole result again, in the \
         same form."
    )
}

/// The failure of an agent whose result could not be used to the end. Not one to retry: a further attempt would
/// be given the same recorded replies.
pub(super) fn bad_output(wrong: &str, repairs: u32) -> Failure {
    let told = match repairs {
        0 => String::new(),
        1 => " (after the model was told once)".to_owned(),
        times => format!(" (after the model was told {times} times)"),
    };
    Failure::give_up(
        "bad_output",
        format!(
            "the result is not what the step's `output` asks for: {wrong}{told}; loosen the schema or say in the goal what is wanted"
        ),
    )
}

/// The text inside a Markdown fence, if the whole text is one: many models put JSON into one unasked.
fn unfenced(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else { return text };
    match inner.split_once('\n') {
        Some((language, body)) if language.trim().chars().all(char::is_alphanumeric) => body,
        _ => inner,
    }
}
