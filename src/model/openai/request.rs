//! A request as chat completions have it.

use serde_json::{Value, json};

use super::super::calls::ToolNames;
use super::super::{Message, Request};

/// The body of a request for the whole reply.
pub(super) fn body(model: &str, request: &Request, names: &ToolNames<'_>) -> Value {
    let messages: Vec<Value> = request.messages.iter().map(|said| message(said, names)).collect();
    let mut body = json!({ "model": model, "messages": messages });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": {
                "name": names.to_wire(&tool.name), "description": tool.description, "parameters": tool.parameters,
            } })
        });
        body["tools"] = tools.collect();
    }
    if let Some(schema) = &request.output {
        body["response_format"] = json!({
            "type": "json_schema", "json_schema": { "name": "result", "schema": schema, "strict": is_strict(schema) }
        });
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = temperature.into();
    }
    body
}

/// Whether a schema is one that `OpenAI` can hold a model to letter by letter: every object is closed and has all of its
/// properties. Any other is only asked for.
fn is_strict(schema: &Value) -> bool {
    const LOOSE: [&str; 10] = [
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "patternProperties",
        "dependentRequired",
        "dependentSchemas",
        "default",
    ];
    let Some(fields) = schema.as_object() else { return false };
    if LOOSE.iter().any(|keyword| fields.contains_key(*keyword)) {
        return false;
    }
    let kind = fields.get("type");
    let is = |name: &str| {
        kind.is_some_and(|kind| kind == name || kind.as_array().is_some_and(|kinds| kinds.contains(&name.into())))
    };
    let properties = fields.get("properties").and_then(Value::as_object);
    if is("object") || properties.is_some() {
        let required: Vec<&str> =
            fields.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let is_whole =
            properties.is_some_and(|properties| properties.keys().all(|name| required.contains(&name.as_str())));
        if fields.get("additionalProperties") != Some(&Value::Bool(false)) || !is_whole {
            return false;
        }
    } else if kind.is_none() && !["anyOf", "$ref", "enum", "const"].iter().any(|keyword| fields.contains_key(*keyword))
    {
        return false;
    }
    if is("array") && !fields.get("items").is_some_and(is_strict) {
        return false;
    }
    let inner = ["properties", "$defs"].iter().filter_map(|key| fields.get(*key)?.as_object());
    inner.flat_map(|named| named.values()).all(is_strict)
        && fields.get("anyOf").and_then(Value::as_array).is_none_or(|choices| choices.iter().all(is_strict))
}

fn message(message: &Message, names: &ToolNames<'_>) -> Value {
    match message {
        Message::System { text } => json!({ "role": "system", "content": text }),
        Message::User { text } => json!({ "role": "user", "content": text }),
        Message::Assistant { text, calls } if calls.is_empty() => json!({ "role": "assistant", "content": text }),
        Message::Assistant { text, calls } => {
            let content = if text.is_empty() { Value::Null } else { text.as_str().into() };
            let calls = calls.iter().map(|call| {
                json!({ "id": call.id, "type": "function", "function": {
                    "name": names.to_wire(&call.name), "arguments": call.arguments.to_string(),
                } })
            });
            json!({ "role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>() })
        }
        Message::Tool { call, result } => {
            let content = result.as_str().map_or_else(|| result.to_string(), str::to_owned);
            json!({ "role": "tool", "tool_call_id": call, "content": content })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_strict_if_it_leaves_nothing_open() {
        let closed = json!({ "type": "object", "properties": { "a": { "type": ["string", "null"] } }, "required": ["a"],
            "additionalProperties": false });
        assert!(is_strict(&closed));
        assert!(is_strict(crate::model::edits::schema()));
        for (path, value) in [
            ("/additionalProperties", json!(true)),
            ("/required", json!([])),
            ("/properties/a", json!({})),
            ("/properties/a", json!({ "type": "string", "default": "x" })),
            ("/properties/a", json!({ "type": "array" })),
            ("/properties/a", json!({ "type": "array", "items": { "type": "object" } })),
            ("/properties/a", json!({ "anyOf": [{ "type": "string" }, { "type": "object" }] })),
        ] {
            let mut open = closed.clone();
            *open.pointer_mut(path).unwrap() = value;
            assert!(!is_strict(&open), "{open}");
        }
    }
}
