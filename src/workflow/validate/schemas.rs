//! JSON Schemas: that they are some, and that values written in the file satisfy them.

use std::collections::{HashMap, HashSet};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::Checker;
use crate::workflow::hash::canonical_json;
use crate::workflow::problem::{Path, Problem};

/// Schemas that were compiled already.
#[derive(Default)]
pub(super) struct Schemas {
    good: HashSet<String>,
    /// By tool or `workflow:NAME`: what holds the arguments that are there against what is said of them.
    arguments: HashMap<String, Option<Validator>>,
}

/// Adds what is wrong with the schemas of the workflow's inputs and with their defaults.
pub(super) fn check_inputs(checker: &mut Checker<'_>) {
    let root = &Path::Root;
    let root = &root.key("inputs");
    for (name, schema) in &checker.workflow.inputs {
        let path = &root.key(name);
        if !check_schema(checker, schema, path) {
            continue;
        }
        let Some(default) = schema.get("default") else { continue };
        let Ok(validator) = compile(schema) else { continue };
        if let Err(error) = validator.validate(default) {
            checker.add(|| {
                Problem::new("type_mismatch", format!("the default does not satisfy the schema: {error}"))
                    .at(&path.key("default"))
            });
        }
    }
}

/// Adds what is wrong with a schema; true if it is good.
pub(super) fn check_schema(checker: &mut Checker<'_>, schema: &Value, path: &Path<'_>) -> bool {
    let text = canonical_json(schema);
    if checker.schemas.good.contains(&text) {
        return true;
    }
    match compile(schema) {
        Ok(_) => {
            checker.schemas.good.insert(text);
            true
        }
        Err(why) => {
            checker.add(|| {
                Problem::new("bad_schema", format!("this is no JSON Schema: {why}"))
                    .at(path)
                    .suggest("see json-schema.org, draft 2020-12; for example `{ type: string }`")
            });
            false
        }
    }
}

fn compile(schema: &Value) -> Result<Validator, String> {
    if refers_to_itself(schema) {
        return Err("it refers to itself without end".into());
    }
    jsonschema::validator_for(schema).map_err(|error| error.to_string())
}

/// Holds arguments against a schema of an object. Values that hold expressions are not known yet, so nothing is said of
/// them; what is required must be there, though.
pub(super) fn check_arguments<'v>(
    checker: &mut Checker<'_>,
    key: &str,
    schema: &Value,
    arguments: impl Iterator<Item = (&'v String, &'v Value)> + Clone,
    what: &str,
    path: &Path<'_>,
) {
    let input = &path.key("input");
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !arguments.clone().any(|(given, _)| given == name) {
            checker.add(|| {
                Problem::new("missing_argument", format!("{what} needs `{name}`"))
                    .at(input)
                    .suggest(format!("add `{name}` to the step's `input`"))
            });
        }
    }
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let mut known = Map::new();
    for (name, value) in arguments {
        if closed && !properties.contains_key(name) && schema.get("patternProperties").is_none() {
            checker.add(|| {
                Problem::new("unknown_argument", format!("{what} takes no `{name}`"))
                    .at(&input.key(name))
                    .maybe_suggest(crate::workflow::problem::suggest_name(name, properties.keys().map(String::as_str)))
            });
        } else if !holds_expressions(value) {
            known.insert(name.clone(), value.clone());
        } else if is_text_for_sure(value) && !may_be_text(properties.get(name)) {
            checker.add(|| {
                Problem::new("type_mismatch", format!("{what} takes no text as `{name}`"))
                    .at(&input.key(name))
                    .suggest("let the whole value be one `{{ … }}`: it keeps its type then")
            });
        }
    }
    if known.is_empty() {
        return;
    }
    let validator =
        checker.schemas.arguments.entry(key.to_owned()).or_insert_with(|| compile(&without_required(schema)).ok());
    let Some(validator) = validator else { return };
    let known = Value::Object(known);
    let wrong: Vec<(String, String)> = validator
        .iter_errors(&known)
        // What stands there may be a secret that was written where its name belongs.
        .map(|error| (error.instance_path().to_string(), error.masked_with("the value").to_string()))
        .take(10)
        .collect();
    for (at, why) in wrong {
        let name = at.trim_start_matches('/').split('/').next().unwrap_or_default();
        checker.add(|| Problem::new("type_mismatch", format!("{what}: {why}")).at(&input.key(name)));
    }
}

/// The schema as far as it speaks of what is there.
fn without_required(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(schema) = &mut schema {
        for keyword in ["required", "minProperties", "dependentRequired", "anyOf", "oneOf", "allOf", "not", "if"] {
            schema.shift_remove(keyword);
        }
        schema.insert("additionalProperties".into(), json!(true));
    }
    schema
}

fn holds_expressions(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{") || text.contains("{%"),
        Value::Array(items) => items.iter().any(holds_expressions),
        Value::Object(entries) => entries.values().any(holds_expressions),
        _ => false,
    }
}

/// True for text with something around its expressions: whatever these yield, it stays text.
fn is_text_for_sure(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().starts_with("{{") || !text.trim().ends_with("}}"))
}

fn may_be_text(schema: Option<&Value>) -> bool {
    match schema.and_then(|schema| schema.get("type")) {
        None => true,
        Some(Value::String(kind)) => kind == "string",
        Some(kinds) => kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "string")),
    }
}

/// True if following references in place comes back to where it began: such a schema has no end to check.
fn refers_to_itself(schema: &Value) -> bool {
    /// How many references may follow each other without going deeper into the value.
    const MOST: usize = 64;
    fn in_place<'s>(schema: &'s Value, found: &mut Vec<&'s str>) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            found.push(reference);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for inner in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                in_place(inner, found);
            }
        }
        for keyword in ["not", "if", "then", "else"] {
            if let Some(inner) = schema.get(keyword) {
                in_place(inner, found);
            }
        }
    }
    fn every_schema<'s>(value: &'s Value, found: &mut Vec<&'s Value>) {
        match value {
            Value::Object(entries) => {
                found.push(value);
                entries.values().for_each(|value| every_schema(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| every_schema(value, found)),
            _ => {}
        }
    }
    let mut starts = Vec::new();
    every_schema(schema, &mut starts);
    starts.iter().filter(|start| start.get("$ref").is_some()).any(|start| {
        let mut at = vec![*start];
        for _ in 0..MOST {
            let mut references = Vec::new();
            for schema in at {
                in_place(schema, &mut references);
            }
            references.sort_unstable();
            references.dedup();
            at = references.into_iter().filter_map(|reference| schema.pointer(reference.strip_prefix('#')?)).collect();
            if at.is_empty() {
                return false;
            }
        }
        true
    })
}
