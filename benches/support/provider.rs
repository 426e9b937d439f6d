//! A model's server of OpenAI's protocol that thinks for a fixed time: what is measured is what Callboard adds.
//!
//! It answers as the mock of the side-by-side scripts does: offered tools and given no result, it calls the first with
//! `{"a": 2, "b": 3}`; else it says that the sum is 5. It has a thread of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use futures::StreamExt;
use serde_json::{Value, json};

/// How it takes its time.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Before the first byte.
    pub latency: Duration,
    /// From one streamed piece to the next.
    pub gap: Duration,
    /// How many pieces a streamed text has.
    pub pieces: u32,
}

/// Serves until the process ends.
pub fn provider(pace: Pace) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket that tokio can take");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            // Else each piece waits for the one before it to be acknowledged.
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
            let app = Router::new().route("/v1/chat/completions", post(answer)).with_state(pace);
            axum::serve(listener, app).await.expect("it serves");
        });
    });
    address
}

async fn answer(State(pace): State<Pace>, Json(request): Json<Value>) -> Response {
    tokio::time::sleep(pace.latency).await;
    if request["stream"] == json!(true) { streamed(pace, &request) } else { whole(&request) }
}

fn usage() -> Value {
    json!({ "prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60 })
}

fn calls(request: &Value) -> Option<Value> {
    let is_answered = request["messages"].as_array().into_iter().flatten().any(|message| message["role"] == "tool");
    let name = request["tools"][0]["function"]["name"].as_str().filter(|_| !is_answered)?;
    let function = json!({ "name": name, "arguments": r#"{"a": 2, "b": 3}"# });
    Some(json!([{ "index": 0, "id": "call_1", "type": "function", "function": function }]))
}

fn whole(request: &Value) -> Response {
    let (message, reason) = match calls(request) {
        Some(calls) => (json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls"),
        None => (json!({ "role": "assistant", "content": "The sum is 5." }), "stop"),
    };
    let choice = json!({ "index": 0, "message": message, "finish_reason": reason });
    Json(json!({
        "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_790_000_000, "model": "mock",
        "choices": [choice], "usage": usage(),
    }))
    .into_response()
}

fn streamed(pace: Pace, request: &Value) -> Response {
    let piece =
        |delta: Value, reason: Option<&str>| vec![json!({ "index": 0, "delta": delta, "finish_reason": reason })];
    let mut pieces = Vec::new();
    let end = match calls(request) {
        Some(calls) => {
            pieces.push((piece(json!({ "role": "assistant", "tool_calls": calls }), None), None));
            "tool_calls"
        }
        None => {
            pieces.push((piece(json!({ "role": "assistant", "content": "The sum is 5." }), None), None));
            pieces.extend((1..pace.pieces).map(|n| (piece(json!({ "content": format!(" tok{n}") }), None), None)));
            "stop"
        }
    };
    pieces.push((piece(json!({}), Some(end)), None));
    if request["stream_options"]["include_usage"] == json!(true) {
        pieces.push((Vec::new(), Some(usage())));
    }
    let mut lines: Vec<String> = pieces
        .into_iter()
        .map(|(choices, usage)| {
            let chunk = json!({
                "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "mock",
                "choices": choices, "usage": usage,
            });
            format!("data: {chunk}\n\n")
        })
        .collect();
    // The end comes with the last piece, as providers send it.
    if let Some(last) = lines.last_mut() {
        last.push_str("data: [DONE]\n\n");
    }
    let begun = tokio::time::Instant::now();
    let body = futures::stream::iter(lines.into_iter().zip(0u32..)).then(move |(line, n)| async move {
        tokio::time::sleep_until(begun + pace.gap * n).await;
        Ok::<_, Infallible>(Bytes::from(line))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}
