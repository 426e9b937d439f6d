//! A request as Ollama has it, in the types of ollama-rs. What these have no place for is added to the JSON: the name of the
//! tool that a result is of.

use std::collections::HashMap;

use ollama_rs::generation::chat::request::ChatMessageRequest;
use ollama_rs::generation::chat::{ChatMessage, MessageRole};
use ollama_rs::generation::parameters::FormatType;
use ollama_rs::generation::tools::{ToolCall, ToolCallFunction, ToolInfo};
use ollama_rs::models::ModelOptions;
use serde_json::{Value, json};

use super::super::calls::ToolNames;
use super::super::{Message, Request};

/// Whether a reply is wanted whole or line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Lines,
}

/// # Errors
/// A schema of the request is none.
pub(super) fn body(
    model: &str,
    context: u32,
    request: &Request,
    names: &ToolNames<'_>,
    wanted: Wanted,
) -> Result<Value, serde_json::Error> {
    let mut messages: Vec<ChatMessage> = request.messages.iter().map(|said| message(said, names)).collect();
    let tools = request.tools.iter().map(|tool| {
        serde_json::from_value::<ToolInfo>(json!({ "type": "function", "function": {
            "name": names.to_wire(&tool.name), "description": tool.description, "parameters": tool.parameters,
        } }))
    });
    let tools = tools.collect::<Result<Vec<_>, _>>()?;
    let mut format = None;
    match &request.output {
        // What keeps to a format from its first letter on can call no tool.
        Some(schema) if !tools.is_empty() => messages.push(ChatMessage::system(format!(
            "When you call no more tools, reply with nothing but JSON that satisfies this JSON Schema: {schema}"
        ))),
        Some(schema) if schema.is_object() => format = Some(serde_json::from_value::<FormatType>(schema.clone())?),
        _ => {}
    }
    let mut body = ChatMessageRequest::new(model.to_owned(), messages).tools(tools);
    body.format = format;
    let mut options = ModelOptions::default().num_ctx(context.into());
    if let Some(tokens) = request.reply_tokens {
        options = options.num_predict(i32::try_from(tokens).unwrap_or(i32::MAX));
    }
    body.options = Some(options);
    let mut body = serde_json::to_value(body)?;
    if let Some(temperature) = request.temperature {
        body["options"]["temperature"] = temperature.into();
    }
    body["stream"] = (wanted == Wanted::Lines).into();
    name_results(&mut body["messages"], request, names);
    Ok(body)
}

fn message(message: &Message, names: &ToolNames<'_>) -> ChatMessage {
    match message {
        Message::System { text } => ChatMessage::system(text.clone()),
        Message::User { text } => ChatMessage::user(text.clone()),
        Message::Assistant { text, calls } => {
            let mut said = ChatMessage::assistant(text.clone());
            let calls = calls.iter().map(|call| ToolCall {
                function: ToolCallFunction { name: names.to_wire(&call.name), arguments: object(&call.arguments) },
            });
            said.tool_calls = calls.collect();
            said
        }
        Message::Tool { result, .. } => {
            let content = result.as_str().map_or_else(|| result.to_string(), str::to_owned);
            ChatMessage::new(MessageRole::Tool, content)
        }
    }
}

/// Arguments as Ollama takes them, which refuses all but an object.
fn object(arguments: &Value) -> Value {
    if arguments.is_object() { arguments.clone() } else { json!({ "arguments": arguments }) }
}

/// Says of each result which tool it is of: Ollama knows no ids of calls.
fn name_results(messages: &mut Value, request: &Request, names: &ToolNames<'_>) {
    let mut called = HashMap::new();
    for (said, message) in request.messages.iter().zip(messages.as_array_mut().into_iter().flatten()) {
        match said {
            Message::Assistant { calls, .. } => called.extend(calls.iter().map(|call| (&call.id, &call.name))),
            Message::Tool { call, .. } => {
                if let Some(name) = called.get(call) {
                    message["tool_name"] = names.to_wire(name).into();
                }
            }
            _ => {}
        }
        if let Some(message) = message.as_object_mut() {
            message.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
        }
    }
}
