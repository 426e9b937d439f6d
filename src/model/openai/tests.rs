//! Against a server of the test's own that speaks the protocol and keeps what it was sent. Not tested against a paid one.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use super::*;
use crate::model::{Message, ToolCall, ToolSpec};

/// What the server was sent: the authorization and the body.
type Sent = Arc<Mutex<Vec<(String, Value)>>>;

#[derive(Clone)]
struct Wire {
    sent: Sent,
    status: StatusCode,
    reply: Value,
}

async fn answer(State(wire): State<Wire>, headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    wire.sent.lock().unwrap().push((authorization.to_owned(), body));
    (wire.status, Json(wire.reply))
}

async fn server(status: u16, reply: Value) -> (OpenAi, Sent) {
    let sent = Sent::default();
    let wire = Wire { sent: sent.clone(), status: StatusCode::from_u16(status).unwrap(), reply };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/chat/completions", post(answer)).with_state(wire);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let settings = OpenAiSettings {
        base_url,
        model: "small-1".to_owned(),
        key: Some("sk-secret".into()),
        timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
    };
    (OpenAi::new(&settings).unwrap(), sent)
}

fn said(message: &Value, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "small-1",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14 }
    })
}

fn request() -> Request {
    let call =
        ToolCall { id: "call_1".to_owned(), name: "memory.search".to_owned(), arguments: json!({ "query": "x" }) };
    Request {
        messages: vec![
            Message::System { text: "You find.".to_owned() },
            Message::User { text: "Find x.".to_owned() },
            Message::Assistant { text: String::new(), calls: vec![call] },
            Message::Tool { call: "call_1".to_owned(), result: json!({ "hits": [] }) },
        ],
        tools: vec![ToolSpec {
            name: "memory.search".to_owned(),
            description: "Searches.".to_owned(),
            parameters: json!({ "type": "object", "properties": { "query": { "type": "string" } } }),
        }],
        output: Some(json!({ "type": "object", "required": ["found"] })),
        reply_tokens: None,
        temperature: None,
    }
}

#[tokio::test]
async fn a_request_goes_out_as_the_protocol_has_it_and_the_reply_comes_back() {
    let (model, sent) = server(200, said(&json!({ "role": "assistant", "content": "{\"found\":1}" }), "stop")).await;
    let reply = model.reply(&request()).await.unwrap();
    let usage = Usage { input_tokens: 11, output_tokens: 3 };
    assert_eq!(reply, Reply { text: "{\"found\":1}".to_owned(), usage, ..Reply::default() });
    let sent = sent.lock().unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, "Bearer sk-secret");
    let expected = json!({
        "model": "small-1",
        "messages": [
            { "role": "system", "content": "You find." },
            { "role": "user", "content": "Find x." },
            { "role": "assistant", "content": null, "tool_calls": [{
                "id": "call_1", "type": "function",
                "function": { "name": "memory-search", "arguments": "{\"query\":\"x\"}" }
            }] },
            { "role": "tool", "tool_call_id": "call_1", "content": "{\"hits\":[]}" },
        ],
        "tools": [{ "type": "function", "function": {
            "name": "memory-search", "description": "Searches.",
            "parameters": { "type": "object", "properties": { "query": { "type": "string" } } }
        } }],
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "result", "schema": { "type": "object", "required": ["found"] }, "strict": false
        } },
    });
    assert_eq!(sent[0].1, expected);
}

#[tokio::test]
async fn calls_come_back_under_the_names_of_the_tools() {
    let call = |id: &str, name: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
    let calls = [
        call("a", "memory-search", "{\"query\":\"y\"}"),
        call("b", "memory-search", "{\"que"),
        call("c", "none", "{}"),
    ];
    let (model, _) =
        server(200, said(&json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls")).await;
    let reply = model.reply(&request()).await.unwrap();
    let calls: Vec<(&str, &str, &Value)> =
        reply.calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), &call.arguments)).collect();
    let (good, cut, empty) = (json!({ "query": "y" }), json!("{\"que"), json!({}));
    assert_eq!(calls, [("a", "memory.search", &good), ("b", "memory.search", &cut), ("c", "none", &empty)]);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_a_server_does_not_count_is_estimated_and_that_is_said_once() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(lines);
    let call =
        json!({ "id": "a", "type": "function", "function": { "name": "memory-search", "arguments": "{\"query\":1}" } });
    let message = json!({ "role": "assistant", "content": "Ninebytes", "tool_calls": [call] });
    let output = ("Ninebytes".len() + "memory-search".len() + "{\"query\":1}".len()).div_ceil(4) as u64;
    for (usage, counted) in [
        (None, (None, None)),
        (Some(json!(null)), (None, None)),
        (Some(json!({})), (None, None)),
        (Some(json!({ "prompt_tokens": 0, "completion_tokens": null })), (None, None)),
        (Some(json!({ "prompt_tokens": 11 })), (Some(11), None)),
        (Some(json!({ "prompt_tokens": 11, "completion_tokens": 0 })), (Some(11), Some(0))),
    ] {
        let mut reply = said(&message, "tool_calls");
        reply.as_object_mut().unwrap().remove("usage");
        if let Some(usage) = &usage {
            reply["usage"] = usage.clone();
        }
        log.0.lock().unwrap().clear();
        let (model, sent) = server(200, reply).await;
        for _ in 0..2 {
            let used = model.reply(&request()).await.unwrap().usage;
            let input = sent.lock().unwrap()[0].1.to_string().len().div_ceil(4) as u64;
            assert!(input > 100, "{input}");
            let expected =
                Usage { input_tokens: counted.0.unwrap_or(input), output_tokens: counted.1.unwrap_or(output) };
            assert_eq!(used, expected, "{usage:?}");
        }
        let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let warnings = told.lines().filter(|line| line.contains("WARN") && line.contains("by an estimate"));
        let is_counted = counted.0.is_some() && counted.1.is_some();
        assert_eq!(warnings.count(), usize::from(!is_counted), "{usage:?} {told}");
    }
}

#[tokio::test]
async fn every_failure_says_what_can_be_done_about_it() {
    let refused = |message: &str| json!({ "error": { "message": message, "type": "x", "param": null, "code": null } });
    for (status, reply, again, told) in [
        (401, refused("Incorrect API key provided: sk-secret"), false, "is the key right?"),
        (404, refused("no such model"), false, "the model's name?"),
        (400, refused("too many tokens"), false, "too many tokens"),
        (200, said(&json!({ "content": "{\"fo" }), "length"), false, "limit of tokens"),
        (200, said(&json!({ "content": "" }), "content_filter"), false, "filter"),
        (200, said(&json!({ "content": null, "refusal": "I will not" }), "stop"), false, "refuses: I will not"),
        (200, json!({ "choices": [] }), true, "no choice"),
        (200, json!({ "something": "else" }), true, "cannot be read"),
    ] {
        let (model, _) = server(status, reply).await;
        let (is_again, message) = match model.reply(&request()).await {
            Err(error) => (error.may_go_better(), error.message),
            Ok(reply) => panic!("{status} {told}: {reply:?}"),
        };
        assert_eq!(is_again, again, "{message}");
        assert!(message.contains(told) && message.starts_with("openai/small-1: "), "{message}");
        assert!(!message.contains("sk-secret"), "{message}");
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_once_and_left_to_the_router() {
    let busy = json!({ "error": { "message": "slow down", "type": "x", "param": null, "code": null } });
    let (model, sent) = server(429, busy).await;
    let error = model.reply(&request()).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Busy);
    assert!(error.message.contains("slow down"), "{error}");
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
    let settings = OpenAiSettings {
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        model: "m".to_owned(),
        key: None,
        timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(2),
    };
    let Err(ModelError {
        message,
        trouble: Trouble::Busy | Trouble::Unavailable | Trouble::TimedOut | Trouble::Malformed,
        ..
    }) = OpenAi::new(&settings).unwrap().reply(&request()).await
    else {
        panic!("there")
    };
    assert!(message.contains("cannot be reached"), "{message}");
}
