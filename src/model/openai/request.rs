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
            "type": "json_schema", "json_schema": { "name": "result", "schema": schema, "strict": false }
        });
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = temperature.into();
    }
    body
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
