//! What a server says that it offers, bounded, and as it is kept in the data folder.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::effects::Hints;
use super::names::fitted;
use super::settings::ServerSettings;
use crate::clock::Timestamp;
use crate::tools::allows;

/// Tools that are taken of one server.
pub(super) const MOST_TOOLS: usize = 500;

/// Pages that are read of a server's list.
pub(super) const MOST_PAGES: usize = 50;

/// The longest name that a tool may have there, in bytes.
const LONGEST_NAME: usize = 256;

/// The longest description that is kept, in characters.
const LONGEST_DESCRIPTION: usize = 1_000;

/// The largest schema that is kept, in bytes of JSON.
const LARGEST_SCHEMA: usize = 64 << 10;

/// How deep schemas are looked into.
const DEEPEST: u32 = 32;

/// How much all schemas of a server may be together.
const LARGEST_SCHEMAS: usize = 4 << 20;

/// What a server offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// When it said so.
    pub at: Timestamp,
    /// What the server calls itself.
    pub server: String,
    /// Hash of how it is reached.
    pub(super) reach: String,
    /// All its tools, allowed or not.
    pub(super) tools: Vec<Listed>,
    /// What it offers besides, and why that is no tool of ours.
    pub left_out: Vec<LeftOut>,
}

/// What a server offers and we do not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The beginning of the server's name for it.
    pub tool: String,
    /// Why.
    pub reason: String,
}

/// A tool as a server lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Listed {
    /// The server's own name for it.
    pub(super) own: String,
    /// Ours, without the server's.
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<Value>,
    pub(super) hints: Hints,
}

impl Listing {
    /// What a server says, as far as we take it.
    pub(super) fn of(settings: &ServerSettings, server: &str, offered: Vec<rmcp::model::Tool>, at: Timestamp) -> Self {
        let mut room = Room { tools: MOST_TOOLS, schemas: LARGEST_SCHEMAS, names: BTreeSet::new() };
        let mut tools = Vec::new();
        let mut left_out = Vec::new();
        for tool in offered {
            let name = clipped(&tool.name, LONGEST_NAME);
            match listed(tool, &mut room) {
                Ok(tool) => tools.push(tool),
                Err(reason) if left_out.len() < MOST_TOOLS => left_out.push(LeftOut { tool: name, reason }),
                Err(_) => {}
            }
        }
        let own: Vec<&str> = tools.iter().map(|tool| tool.own.as_str()).collect();
        for (name, tool) in fitted(&settings.name, &own).into_iter().zip(&mut tools) {
            tool.name = name;
        }
        Self { at, server: clipped(server, LONGEST_NAME), reach: settings.reach.hash(), tools, left_out }
    }

    /// Whether the same would be said to be offered, whenever that was.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        (&self.reach, &self.server, &self.tools, &self.left_out)
            == (&other.reach, &other.server, &other.tools, &other.left_out)
    }

    /// The tools that may be used.
    pub(super) fn allowed(&self, settings: &ServerSettings) -> impl Iterator<Item = &Listed> {
        self.tools.iter().filter(|tool| settings.tools.iter().any(|entry| allows(entry, &tool.own)))
    }
}

/// How much more is taken.
struct Room {
    tools: usize,
    schemas: usize,
    names: BTreeSet<String>,
}

/// A tool as we take it, or why we do not.
fn listed(tool: rmcp::model::Tool, room: &mut Room) -> Result<Listed, String> {
    if tool.name.is_empty() || tool.name.len() > LONGEST_NAME {
        return Err(format!("its name is empty or longer than {LONGEST_NAME} bytes"));
    }
    if room.tools == 0 {
        return Err(format!("more than {MOST_TOOLS} tools are not taken of one server"));
    }
    if room.names.contains(tool.name.as_ref()) {
        return Err("the server lists it twice".to_owned());
    }
    let mut parameters = Value::Object(with_type(Map::clone(&tool.input_schema)));
    without_defaulted(&mut parameters, DEEPEST);
    let size = parameters.to_string().len();
    if size > LARGEST_SCHEMA.min(room.schemas) {
        return Err(format!("the schema of its arguments is too large, with {size} bytes"));
    }
    // A result without a schema is still a result.
    let output = tool.output_schema.map(|output| Value::Object(Map::clone(&output)));
    let output = output.filter(|output| output.to_string().len() <= LARGEST_SCHEMA.min(room.schemas - size));
    let output = output.filter(|output| jsonschema::validator_for(output).is_ok());
    room.tools -= 1;
    room.schemas -= size + output.as_ref().map_or(0, |output| output.to_string().len());
    room.names.insert(tool.name.to_string());
    let hints = tool.annotations.map(|hints| Hints {
        read_only: hints.read_only_hint,
        destructive: hints.destructive_hint,
        idempotent: hints.idempotent_hint,
    });
    let description = tool.description.or(tool.title.map(Into::into)).unwrap_or_default();
    Ok(Listed {
        own: tool.name.into_owned(),
        name: String::new(),
        description: clipped(&description, LONGEST_DESCRIPTION),
        parameters,
        output,
        hints: hints.unwrap_or_default(),
    })
}

/// A schema of arguments that says nothing of a type means an object, since nothing else can be sent.
fn with_type(mut schema: Map<String, Value>) -> Map<String, Value> {
    schema.entry("type").or_insert_with(|| "object".into());
    schema
}

/// What has a default may be left out: many servers list it as required, since it always is there once it was filled in.
fn without_defaulted(schema: &mut Value, deepest: u32) {
    if deepest == 0 {
        return;
    }
    if let Some(object) = schema.as_object_mut() {
        let has_default = |name: &Value, object: &Map<String, Value>| {
            let property = object.get("properties").and_then(|properties| properties.get(name.as_str()?));
            property.is_some_and(|property| property.get("default").is_some())
        };
        if let Some(Value::Array(mut required)) = object.remove("required") {
            required.retain(|name| !has_default(name, object));
            object.insert("required".to_owned(), required.into());
        }
        for inner in object.values_mut() {
            without_defaulted(inner, deepest - 1);
        }
    } else if let Some(items) = schema.as_array_mut() {
        for inner in items {
            without_defaulted(inner, deepest - 1);
        }
    }
}

/// The beginning of a text of others. Line ends stay, since descriptions are written in lines.
fn clipped(text: &str, length: usize) -> String {
    let plain = text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
    if text.trim().chars().nth(length).is_none() {
        return plain.collect();
    }
    plain.take(length - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_a_default_may_be_left_out() {
        let nested = json!({ "type": "object", "properties": { "x": { "default": 1 } }, "required": ["x"] });
        let mut schema = json!({
            "type": "object",
            "properties": { "a": {}, "b": { "default": null }, "c": { "type": "array", "items": nested }, "required": {} },
            "required": ["a", "b", "c", "required", 7]
        });
        without_defaulted(&mut schema, DEEPEST);
        assert_eq!(schema["required"], json!(["a", "c", "required", 7]));
        assert_eq!(schema["properties"]["c"]["items"]["required"], json!([]));
    }
}
