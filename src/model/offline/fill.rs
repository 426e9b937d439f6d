//! Gives what there is the form of a JSON Schema: a result's, or that of a tool's arguments.
//!
//! A property takes the part of the draft whose name is likeliest to mean the same; what no part
//! fits is taken from the text at hand by what the property's name asks for. What cannot be filled
//! is said, with its place.

mod values;

use std::fmt;

use serde_json::{Map, Value};

use super::conversation::Conversation;
use super::draft::{Draft, part};
use values::Values;

/// How deep schemas are followed.
const DEEPEST: usize = 16;

/// Why a schema cannot be filled.
#[derive(Debug)]
pub(super) struct Cannot {
    place: String,
    reason: String,
}

impl fmt::Display for Cannot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "the result" } else { &self.place };
        write!(f, "The offline model cannot fill {place}: {}.", self.reason)
    }
}

impl Cannot {
    fn at(place: &str, reason: impl Into<String>) -> Self {
        Self { place: place.to_owned(), reason: reason.into() }
    }
}

/// The draft in the form of `schema`.
pub(super) fn result(schema: &Value, draft: &Draft, conversation: &Conversation<'_>) -> Result<Value, Cannot> {
    let filler = Filler { root: schema, values: Values::of(conversation) };
    let value = filler.top(schema, draft)?;
    check(schema, &value)?;
    Ok(value)
}

/// Arguments in the form of `parameters`, from goal and input; `None` if something required is not there.
pub(super) fn arguments(parameters: &Value, conversation: &Conversation<'_>) -> Option<Map<String, Value>> {
    let filler = Filler { root: parameters, values: Values::of(conversation) };
    let arguments = filler.object(parameters, &conversation.input, "", 0).ok()?;
    check(parameters, &arguments).ok()?;
    arguments.as_object().cloned()
}

fn check(schema: &Value, value: &Value) -> Result<(), Cannot> {
    let validator =
        jsonschema::validator_for(schema).map_err(|error| Cannot::at("", format!("its schema is wrong ({error})")))?;
    validator
        .validate(value)
        .map_err(|error| Cannot::at(&error.instance_path().to_string(), error.masked_with("the value").to_string()))
}

struct Filler<'a> {
    root: &'a Value,
    values: Values<'a>,
}

impl Filler<'_> {
    fn top(&self, schema: &Value, draft: &Draft) -> Result<Value, Cannot> {
        let whole = self.resolved(schema, 0);
        match kind_of(&whole) {
            Some("object") | None if whole.get("properties").is_some() => self.object(&whole, &draft.parts, "", 0),
            Some("array") => {
                let lists = ["findings", "points", "problems", "gaps"];
                let list = lists.iter().find_map(|name| draft.parts.get(*name)).cloned();
                self.coerce(&whole, &list.unwrap_or_else(|| draft.text.clone().into()), "", 0)
            }
            Some("object") => Ok(Value::Object(draft.parts.clone())),
            _ => {
                let simple = draft.parts.get("verdict").cloned().unwrap_or_else(|| draft.text.clone().into());
                let direct = self.coerce(&whole, &simple, "", 0);
                direct.or_else(|cannot| self.values.find("", "", &whole).ok_or(cannot))
            }
        }
    }

    /// An object: each property from the part of `record` that means the same, else from the text at hand.
    fn object(&self, schema: &Value, record: &Map<String, Value>, place: &str, depth: usize) -> Result<Value, Cannot> {
        let required = |name: &str| {
            let names = schema.get("required").and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|other| other == name))
        };
        let mut object = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let property = self.resolved(property, depth);
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
            let given = part(record, name, description);
            let filled = match given {
                Some(value) => self.coerce(&property, value, &place, depth + 1),
                None => Err(Cannot::at(&place, "nothing that was given says it")),
            };
            // Only the result as a whole can be about all of the text; an item of a list is about itself.
            let filled = filled.or_else(|cannot| {
                let found = if depth == 0 { self.values.find(name, description, &property) } else { None };
                found.ok_or(cannot)
            });
            match filled {
                Ok(value) => {
                    object.insert(name.clone(), value);
                }
                Err(_) if property.get("default").is_some() => {
                    object.insert(name.clone(), property["default"].clone());
                }
                Err(cannot) if required(name) => return Err(cannot),
                Err(_) => {}
            }
        }
        Ok(Value::Object(object))
    }

    /// A value in the form of a schema.
    fn coerce(&self, schema: &Value, value: &Value, place: &str, depth: usize) -> Result<Value, Cannot> {
        if depth > DEEPEST {
            return Err(Cannot::at(place, "the schema is nested too deep"));
        }
        let schema = &self.resolved(schema, depth);
        if let Some(constant) = schema.get("const") {
            return Ok(constant.clone());
        }
        if let Some(options) = schema.get("enum").and_then(Value::as_array) {
            let chosen = values::choose(options, value);
            return chosen.ok_or_else(|| Cannot::at(place, "none of the values that may be chosen is what was found"));
        }
        let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array());
        if let Some(alternatives) = alternatives {
            let fits =
                alternatives.iter().find_map(|alternative| self.coerce(alternative, value, place, depth + 1).ok());
            return fits.ok_or_else(|| Cannot::at(place, "none of the forms that it may have fits"));
        }
        let kinds: Vec<&str> = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => kind_of(schema).into_iter().collect(),
        };
        if kinds.is_empty() {
            return Ok(value.clone());
        }
        let as_kind = |kind: &&str| match *kind {
            "array" => self.array(schema, value, place, depth),
            "object" => match (value, schema.get("properties")) {
                (Value::Object(record), Some(_)) => self.object(schema, record, place, depth.max(1)),
                (Value::Object(_), None) => Ok(value.clone()),
                _ => Err(Cannot::at(place, "what was found is no object")),
            },
            kind => values::scalar(kind, schema, value)
                .ok_or_else(|| Cannot::at(place, format!("what was found is no {kind}"))),
        };
        let mut cannot = None;
        for filled in kinds.iter().map(as_kind) {
            match filled {
                Ok(value) => return Ok(value),
                Err(error) => cannot = cannot.or(Some(error)),
            }
        }
        Err(cannot.unwrap_or_else(|| Cannot::at(place, "its type is unknown")))
    }

    fn array(&self, schema: &Value, value: &Value, place: &str, depth: usize) -> Result<Value, Cannot> {
        let items = match value {
            Value::Array(items) => items.clone(),
            Value::Null => Vec::new(),
            single => vec![single.clone()],
        };
        let anything = Value::Bool(true);
        let item = schema.get("items").unwrap_or(&anything);
        let mut filled: Vec<Value> = Vec::new();
        let mut cannot = None;
        for (index, value) in items.iter().enumerate() {
            match self.coerce(item, value, &format!("{place}[{index}]"), depth + 1) {
                Ok(value) if schema.get("uniqueItems") == Some(&Value::Bool(true)) && filled.contains(&value) => {}
                Ok(value) => filled.push(value),
                Err(error) => cannot = cannot.or(Some(error)),
            }
        }
        let limit = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
        filled.truncate(limit("maxItems").unwrap_or(usize::MAX));
        if filled.len() < limit("minItems").unwrap_or(0) {
            return Err(cannot.unwrap_or_else(|| Cannot::at(place, "too little was found")));
        }
        Ok(Value::Array(filled))
    }

    /// A schema without its references within the document, and with what `allOf` adds to it.
    fn resolved(&self, schema: &Value, depth: usize) -> Value {
        if depth > DEEPEST {
            return schema.clone();
        }
        let target =
            schema.get("$ref").and_then(Value::as_str).and_then(|path| self.root.pointer(path.strip_prefix('#')?));
        if let Some(target) = target {
            return self.resolved(target, depth + 1);
        }
        let (Some(all), Some(own)) = (schema.get("allOf").and_then(Value::as_array), schema.as_object()) else {
            return schema.clone();
        };
        let mut merged = own.clone();
        for more in all {
            let more = self.resolved(more, depth + 1);
            for (key, value) in more.as_object().into_iter().flatten() {
                match (merged.get_mut(key), value) {
                    (Some(Value::Object(ours)), Value::Object(theirs)) => ours.extend(theirs.clone()),
                    (Some(Value::Array(ours)), Value::Array(theirs)) => ours.extend(theirs.iter().cloned()),
                    (Some(_), _) => {}
                    (None, value) => {
                        merged.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        Value::Object(merged)
    }
}

/// The kind of value that a schema describes, as far as it says or its keywords imply.
fn kind_of(schema: &Value) -> Option<&str> {
    let implied = [
        ("properties", "object"),
        ("items", "array"),
        ("minItems", "array"),
        ("minLength", "string"),
        ("pattern", "string"),
    ];
    schema
        .get("type")
        .and_then(Value::as_str)
        .or_else(|| implied.iter().find(|(key, _)| schema.get(*key).is_some()).map(|(_, kind)| *kind))
}
