//! What a model said, in OpenAI's words: whole, or in chunks.

use std::io::Write as _;

use axum::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::model::{Reply, ToolCall, Usage};

/// What ends a stream.
pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";

/// The answer to one request: what is the same in all its chunks.
pub(super) struct Answer {
    id: String,
    created: i64,
    model: String,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

impl Answer {
    pub(super) fn new(clock: &dyn Clock, model: String) -> Self {
        Self { id: format!("chatcmpl-{}", clock.fresh_id().simple()), created: clock.now().0 / 1000, model }
    }

    /// The whole reply.
    pub(super) fn whole(&self, reply: &Reply) -> Value {
        let mut message = json!({ "role": "assistant", "content": reply.text, "refusal": null });
        if !reply.calls.is_empty() {
            message["tool_calls"] = reply.calls.iter().map(called).collect();
            if reply.text.is_empty() {
                message["content"] = Value::Null;
            }
        }
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{ "index": 0, "message": message, "finish_reason": finish(reply), "logprobs": null }],
            "usage": usage(reply.usage),
        })
    }

    /// A chunk with more of the text; the first one says who speaks.
    pub(super) fn text(&self, text: &str, first: bool) -> Bytes {
        let mut event = Vec::with_capacity(256 + text.len());
        let delta = Delta { role: first.then_some("assistant"), content: Some(text), ..Delta::default() };
        self.event(&mut event, delta, None);
        event.into()
    }

    /// The chunks at the end: the text if none of it was sent before, the calls, why it ends, and what it used.
    pub(super) fn end(&self, reply: &Reply, whole: bool, wants_usage: bool) -> Vec<u8> {
        let mut events = Vec::with_capacity(1024);
        if whole {
            let delta = Delta { role: Some("assistant"), content: Some(&reply.text), ..Delta::default() };
            self.event(&mut events, delta, None);
        }
        if !reply.calls.is_empty() {
            let numbered = |(index, call): (usize, &ToolCall)| {
                let mut called = called(call);
                called["index"] = index.into();
                called
            };
            let tool_calls = reply.calls.iter().enumerate().map(numbered).collect();
            self.event(&mut events, Delta { tool_calls, ..Delta::default() }, None);
        }
        self.event(&mut events, Delta::default(), Some(finish(reply)));
        if wants_usage {
            self.write(&mut events, &[], Some(usage(reply.usage)));
        }
        events
    }

    fn event(&self, to: &mut Vec<u8>, delta: Delta<'_>, finish_reason: Option<&'static str>) {
        self.write(to, &[Choice { index: 0, delta, finish_reason }], None);
    }

    fn write(&self, to: &mut Vec<u8>, choices: &[Choice<'_>], usage: Option<Value>) {
        let (id, model) = (self.id.as_str(), self.model.as_str());
        let chunk = Chunk { id, object: "chat.completion.chunk", created: self.created, model, choices, usage };
        // Writing to memory, and what is written has string keys only: neither can fail.
        let _ = to.write_all(b"data: ");
        let _ = serde_json::to_writer(&mut *to, &chunk);
        let _ = to.write_all(b"\n\n");
    }
}

fn finish(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn called(call: &ToolCall) -> Value {
    let arguments = match &call.arguments {
        Value::String(text) => text.clone(),
        arguments => arguments.to_string(),
    };
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
}

fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.tokens(),
    })
}
