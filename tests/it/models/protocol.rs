//! The protocols, as their servers speak them.

use std::sync::Arc;
use std::time::Duration;

use callboard::model::{Message, Model, Ollama, OllamaSettings, OpenAi, OpenAiSettings, Request, ToolCall, ToolSpec};
use serde_json::{Value, json};

use super::server::Answer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    OpenAi,
    Ollama,
}

pub const ALL: [Protocol; 2] = [Protocol::OpenAi, Protocol::Ollama];

/// What a server has its model say.
#[derive(Clone, Debug)]
pub struct Said {
    pub texts: Vec<&'static str>,
    /// Id, name and arguments.
    pub calls: Vec<(&'static str, &'static str, Value)>,
    /// Tokens read and written.
    pub usage: Option<(u64, u64)>,
    pub end: &'static str,
}

impl Said {
    pub fn text(texts: &[&'static str]) -> Self {
        Self { texts: texts.to_vec(), calls: Vec::new(), usage: Some((11, 7)), end: "stop" }
    }

    pub fn calls(calls: &[(&'static str, &'static str, Value)]) -> Self {
        Self { calls: calls.to_vec(), ..Self::text(&[]) }
    }
}

/// Letters of one to four bytes, and what JSON escapes.
pub const HARD_TEXTS: [&str; 4] = ["Grüße, ", "世界 ", "🌍\"\\\n", " {\"data\": [1]}"];

pub fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: "Searches.".to_owned(),
        parameters: json!({ "type": "object", "properties": { "query": { "type": "string" } } }),
    }
}

/// A conversation that has all that a request can have, but for a schema.
pub fn conversation() -> Request {
    let call = |id: &str, query: &str| ToolCall {
        id: id.to_owned(),
        name: "memory.search".to_owned(),
        arguments: json!({ "query": query }),
    };
    Request {
        messages: vec![
            Message::System { text: "You find.".to_owned() },
            Message::User { text: "Find x and y, schön.".to_owned() },
            Message::Assistant { text: String::new(), calls: vec![call("c1", "x"), call("c2", "y")] },
            Message::Tool { call: "c1".to_owned(), result: json!({ "hits": [] }) },
            Message::Tool { call: "c2".to_owned(), result: json!("none") },
            Message::Assistant { text: "Nothing yet.".to_owned(), calls: Vec::new() },
            Message::User { text: "Go on.".to_owned() },
        ],
        tools: vec![tool("memory.search"), tool("files.read")],
        output: None,
        reply_tokens: Some(500),
        temperature: Some(0.25),
    }
}

/// The schema of a reply.
pub fn schema() -> Value {
    json!({ "type": "object", "required": ["found"], "properties": { "found": { "type": "integer" } } })
}

pub fn question() -> Request {
    Request { messages: vec![Message::User { text: "Find x.".to_owned() }], ..Request::default() }
}

pub const TIMEOUT: Duration = Duration::from_secs(20);
pub const SHORT: Duration = Duration::from_millis(200);

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai/small-1",
            Self::Ollama => "ollama/small-1",
        }
    }

    pub fn line(self) -> &'static str {
        match self {
            Self::OpenAi => "POST /v1/chat/completions",
            Self::Ollama => "POST /api/chat",
        }
    }

    pub fn model(self, address: &str) -> Arc<dyn Model> {
        self.patient(address, TIMEOUT, TIMEOUT)
    }

    pub fn patient(self, address: &str, timeout: Duration, idle_timeout: Duration) -> Arc<dyn Model> {
        let model = "small-1".to_owned();
        match self {
            Self::OpenAi => {
                let (base_url, key) = (format!("{address}/v1"), Some("sk-canary".into()));
                Arc::new(OpenAi::new(&OpenAiSettings { base_url, model, key, timeout, idle_timeout }).unwrap())
            }
            Self::Ollama => {
                let base_url = address.to_owned();
                let settings = OllamaSettings { base_url, model, context: 2048, timeout, idle_timeout };
                Arc::new(Ollama::new(&settings).unwrap())
            }
        }
    }

    /// The answer to whoever wants all of it at once.
    pub fn whole(self, said: &Said) -> Answer {
        let Said { texts, calls, usage, end } = said;
        let text = texts.concat();
        match self {
            Self::OpenAi => {
                let calls = calls.iter().map(|(id, name, arguments)| {
                    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments.to_string() } })
                });
                let calls: Vec<Value> = calls.collect();
                let mut message = json!({ "role": "assistant", "content": text, "refusal": null });
                if !calls.is_empty() {
                    message["tool_calls"] = calls.into();
                }
                let mut body = json!({
                    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "small-1",
                    "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": end }]
                });
                if let Some((read, written)) = usage {
                    body["usage"] = tokens(*read, *written);
                }
                Answer::json(200, &body)
            }
            Self::Ollama => {
                let mut body = line(&text, calls);
                finish(&mut body, *usage, end);
                Answer::json(200, &body)
            }
        }
    }

    /// The answer to whoever wants it as it comes.
    pub fn streamed(self, said: &Said) -> Answer {
        match self {
            Self::OpenAi => events(&chunks(said), "\n"),
            Self::Ollama => {
                let Said { texts, calls, usage, end } = said;
                let mut lines: Vec<Value> = texts.iter().map(|text| line(text, &[])).collect();
                lines.extend(calls.iter().map(|call| line("", std::slice::from_ref(call))));
                let mut last = line("", &[]);
                finish(&mut last, *usage, end);
                lines.push(last);
                let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
                Answer::new(200, "application/x-ndjson", body)
            }
        }
    }

    /// Where in an answer a text begins.
    pub fn body_up_to(self, answer: &Answer, text: &str) -> usize {
        String::from_utf8(answer.body()).unwrap().find(text).unwrap()
    }

    /// What the server says if it fails.
    pub fn complaint(self, message: &str) -> Value {
        match self {
            Self::OpenAi => json!({ "error": { "message": message, "type": "x", "param": null, "code": null } }),
            Self::Ollama => json!({ "error": message }),
        }
    }
}

fn tokens(read: u64, written: u64) -> Value {
    json!({ "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written })
}

/// A chunk of chat completions.
pub fn chunk(delta: Value, finish_reason: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "small-1",
        "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }]
    })
}

/// The chunk that has the usage and nothing else.
pub fn usage_chunk(read: u64, written: u64) -> Value {
    let mut chunk = chunk(json!({}), None);
    chunk["choices"] = json!([]);
    chunk["usage"] = tokens(read, written);
    chunk
}

/// Arguments of parallel calls come in pieces of a few letters, by turns.
fn chunks(said: &Said) -> Vec<Value> {
    let Said { texts, calls, usage, end } = said;
    let mut chunks = vec![chunk(json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    chunks.extend(texts.iter().map(|text| chunk(json!({ "content": text }), None)));
    for (index, (id, name, _)) in calls.iter().enumerate() {
        let call =
            json!({ "index": index, "id": id, "type": "function", "function": { "name": name, "arguments": "" } });
        chunks.push(chunk(json!({ "tool_calls": [call] }), None));
    }
    let mut rest: Vec<Vec<char>> =
        calls.iter().map(|(_, _, arguments)| arguments.to_string().chars().collect()).collect();
    while rest.iter().any(|letters| !letters.is_empty()) {
        for (index, letters) in rest.iter_mut().enumerate().filter(|(_, letters)| !letters.is_empty()) {
            let piece: String = letters.drain(..letters.len().min(5)).collect();
            let call = json!({ "index": index, "function": { "arguments": piece } });
            chunks.push(chunk(json!({ "tool_calls": [call] }), None));
        }
    }
    chunks.push(chunk(json!({}), Some(end)));
    if let Some((read, written)) = usage {
        chunks.push(usage_chunk(*read, *written));
    }
    chunks
}

/// Chunks as events, between comments that keep the connection alive, up to the mark of the end.
pub fn events(chunks: &[Value], line_end: &str) -> Answer {
    let mut body = format!(": keep-alive{line_end}{line_end}");
    for chunk in chunks {
        body.push_str(&format!("data: {chunk}{line_end}{line_end}"));
    }
    body.push_str(&format!(": keep-alive{line_end}{line_end}data: [DONE]{line_end}{line_end}"));
    Answer::new(200, "text/event-stream; charset=utf-8", body)
}

/// A line of Ollama's.
fn line(text: &str, calls: &[(&str, &str, Value)]) -> Value {
    let mut message = json!({ "role": "assistant", "content": text });
    if !calls.is_empty() {
        let calls =
            calls.iter().map(|(_, name, arguments)| json!({ "function": { "name": name, "arguments": arguments } }));
        message["tool_calls"] = calls.collect();
    }
    json!({ "model": "small-1", "created_at": "2026-01-02T03:04:05.678901234Z", "message": message, "done": false })
}

fn finish(line: &mut Value, usage: Option<(u64, u64)>, end: &str) {
    line["done"] = true.into();
    line["done_reason"] = if end == "tool_calls" { "stop" } else { end }.into();
    line["total_duration"] = 5_191_566_416_u64.into();
    if let Some((read, written)) = usage {
        line["prompt_eval_count"] = read.into();
        line["eval_count"] = written.into();
    }
}
