//! Values set by their paths in a step's file form.

use serde_json::{Map, Value};

use crate::model::edits::Pair;
use crate::workflow::{Need, Outcome, Port, Problem, StepId};

/// What a step can have, at the top.
const FIELDS: [&str; 9] = ["name", "needs", "join", "input", "process", "output", "retry", "timeout", "id"];

/// How many parts a path has at most: no step is deeper, and each part is a level of the value that is made.
const LONGEST_PATH: usize = 32;

/// The kinds of a process, which models leave `process.` away from.
const KINDS: [&str; 10] =
    ["agent", "model", "tool", "transform", "branch", "for_each", "repeat", "workflow", "wait", "human"];

/// Sets values in a step's file form. Null takes a value away.
///
/// # Errors
/// All that make no sense.
pub(super) fn patch(file: &mut Value, set: &[&Pair]) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for pair in set {
        let parts = pair.name.split('.').count();
        let put = if parts > LONGEST_PATH {
            let begin: String = pair.name.chars().take(40).collect();
            Err(format!("`{begin}…` is a path of {parts} parts, and {LONGEST_PATH} are allowed"))
        } else {
            pair.value().and_then(|value| put(file, &pair.name, value))
        };
        if let Err(why) = put {
            problems.push(Problem::new("bad_value", why));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn put(file: &mut Value, path: &str, value: Option<Value>) -> Result<(), String> {
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    if KINDS.contains(&field) {
        return put(file, &format!("process.{path}"), value);
    }
    if !FIELDS.contains(&field) {
        // Part of the process, which models name without saying so.
        let process = file.get("process").and_then(Value::as_object);
        let is_there = process.is_some_and(|process| process.contains_key(field));
        let kind = process.and_then(|process| process.iter().find(|(_, value)| value.get(field).is_some()));
        if let Some(way) = match (is_there, kind) {
            (true, _) => Some("process".to_owned()),
            (false, Some((kind, _))) => Some(format!("process.{kind}")),
            (false, None) => None,
        } {
            return put(file, &format!("{way}.{path}"), value);
        }
        return Err(format!(
            "a step has no `{field}`; set one of {}, or a path in one of them",
            FIELDS[..8].join(", ")
        ));
    }
    let value = value.map(|value| match field {
        "needs" => needs(value),
        // A schema, an object of settings or a process that was written as text.
        "output" | "retry" => parsed(value),
        "process" if rest.is_empty() => parsed(value),
        _ => value,
    });
    let Some(fields) = file.as_object_mut() else { return Err("the step is no object".to_owned()) };
    if field == "process" {
        let kind = rest.split('.').next().unwrap_or_default();
        // Another kind of process is another process: what belongs to the old one goes.
        if let Some(process) = fields.get_mut("process").and_then(Value::as_object_mut)
            && KINDS.contains(&kind)
            && !process.contains_key(kind)
        {
            process.clear();
        }
    }
    set_in(fields, path, value)
}

/// Sets the value at a path of keys. A key may hold dots: the longest that is there is taken.
fn set_in(fields: &mut Map<String, Value>, path: &str, value: Option<Value>) -> Result<(), String> {
    let whole = fields.contains_key(path) || !path.contains('.');
    if whole {
        match value {
            Some(value) => drop(fields.insert(path.to_owned(), value)),
            None => drop(fields.shift_remove(path)),
        }
        return Ok(());
    }
    let there = path.match_indices('.').map(|(at, _)| at).filter(|at| fields.contains_key(&path[..*at])).max();
    let at = there.or_else(|| path.find('.')).unwrap_or(path.len());
    let (key, rest) = (&path[..at], &path[at + 1..]);
    let inner = fields.entry(key).or_insert_with(|| Value::Object(Map::new()));
    match inner {
        Value::Object(inner) => set_in(inner, rest, value),
        // A shorthand, such as the question of a `human`, becomes what it stands for.
        Value::String(text) if key == "human" => {
            let mut human = Map::from_iter([("ask".to_owned(), std::mem::take(text).into())]);
            let result = set_in(&mut human, rest, value);
            *inner = human.into();
            result
        }
        other => Err(format!("`{key}` is {other}, and has no `{rest}`")),
    }
}

/// Needs as a list, however they were written.
fn needs(value: Value) -> Value {
    match parsed(value) {
        Value::String(text) => {
            text.split(',').map(str::trim).filter(|need| !need.is_empty()).map(Value::from).collect::<Vec<_>>().into()
        }
        other => other,
    }
}

/// A list or an object that was written as text, as what it is.
pub(super) fn parsed(value: Value) -> Value {
    match &value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(parsed @ (Value::Array(_) | Value::Object(_))) => parsed,
            _ => value,
        },
        _ => value,
    }
}

/// A need as the file writes it: `step`, `step.done`, `step.outcome`.
pub(super) fn need(text: &str) -> Need {
    match text.trim().split_once('.') {
        None => Need { step: StepId::from(text.trim()), port: Port::Main },
        Some((step, "done")) => Need { step: StepId::from(step), port: Port::Done },
        Some((step, outcome)) => Need { step: StepId::from(step), port: Port::Named(Outcome::from(outcome)) },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_of_any_length_is_an_error_or_a_value() {
        for parts in [LONGEST_PATH, LONGEST_PATH + 1, 100_000] {
            let path = vec!["input"; parts].join(".");
            let mut step = json!({ "id": "a", "process": { "tool": "mail" } });
            let result = patch(&mut step, &[&Pair::new(path, 1.into())]);
            assert_eq!(result.is_ok(), parts <= LONGEST_PATH, "{parts} parts");
        }
    }
}
