//! Content hashes: equal content has equal hashes, however it is written and on whatever machine.

use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::yaml::{step_to_json, to_json};
use super::{Process, Step, Workflow};

/// JSON text with sorted keys and no spaces: equal values have equal texts. Strings and numbers are as `serde_json`
/// writes them.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_scalar(&json!(key), text);
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        scalar => write_scalar(scalar, text),
    }
}

fn write_scalar(value: &Value, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{value}");
}

/// SHA-256 of a value's canonical JSON, in hex.
#[must_use]
pub fn content_hash(value: &Value) -> String {
    Sha256::digest(canonical_json(value)).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The hash of a step with all that is in it, its body included; not of its place in the list.
#[must_use]
pub fn step_hash(step: &Step) -> String {
    content_hash(&hashable(step))
}

/// The hash of a workflow, from those of its steps.
#[must_use]
pub fn workflow_hash(workflow: &Workflow) -> String {
    let mut value = to_json(workflow);
    value["steps"] = workflow.steps.iter().map(step_hash).collect();
    content_hash(&value)
}

/// The file's form of a step, with the cases of a branch as a list, since their order matters, and with the hashes of a
/// body's steps in their place.
fn hashable(step: &Step) -> Value {
    let mut value = step_to_json(step);
    match &step.process {
        Process::Branch { cases } => {
            value["process"]["branch"] = cases.iter().map(|(case, condition)| json!([case, condition])).collect();
        }
        process => {
            if let Some(body) = process.body() {
                value["process"][process.kind()]["steps"] = body.iter().map(step_hash).collect();
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_level() {
        let value = json!({ "b": [1.5, { "z": null, "a": "é\n" }], "a": true });
        assert_eq!(canonical_json(&value), r#"{"a":true,"b":[1.5,{"a":"é\n","z":null}]}"#);
    }

    #[test]
    fn the_order_of_cases_counts_and_that_of_inputs_does_not() {
        let step = |text: &str| crate::workflow::yaml::step_from_json(&serde_json::from_str(text).unwrap()).unwrap();
        let hash = |text: &str| step_hash(&step(text));
        let branch = |cases: &str| format!(r#"{{"id":"a","process":{{"branch":{{{cases}}}}}}}"#);
        assert_ne!(hash(&branch(r#""x":"p","y":"q""#)), hash(&branch(r#""y":"q","x":"p""#)));
        let tool = |input: &str| format!(r#"{{"id":"a","input":{{{input}}},"process":{{"tool":"t"}}}}"#);
        assert_eq!(hash(&tool(r#""x":1,"y":2"#)), hash(&tool(r#""y":2,"x":1"#)));
    }

    #[test]
    fn a_change_inside_a_body_changes_the_hashes_around_it() {
        let text =
            "{name: w, steps: [{id: a, process: {repeat: {until: x, max: 2, steps: [{id: b, process: {tool: t}}]}}}]}";
        let parse = |text: &str| crate::workflow::yaml::parse(text).unwrap().workflow;
        let (one, other) = (parse(text), parse(&text.replace("tool: t", "tool: u")));
        assert_ne!(step_hash(&one.steps[0]), step_hash(&other.steps[0]));
        assert_ne!(workflow_hash(&one), workflow_hash(&other));
        assert_eq!(workflow_hash(&one), workflow_hash(&parse(text)));
    }
}
