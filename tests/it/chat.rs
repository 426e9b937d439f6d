//! Conversations, from outside: through a pipe, over the routes, with a model that is a server of the tests' own, and across a kill.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod branches;
mod file;
mod live;
mod parts;
mod pipe;
mod proposals;
mod replanning;
mod task;
mod terminal;
mod turns;
mod whole;
mod wire;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::stage::{Ended, Going, Stage};
use crate::models::protocol::{chunk, events, usage_chunk};
use crate::models::server::{Answer, Sent, Server};

const HELLO: &str = "\
name: hello
description: Greets somebody.
inputs:
  who: { type: string, default: world }
steps:
  - id: greet
    process: { transform: \"Hello, {{ inputs.who }}!\" }
  - id: shout
    needs: [greet]
    process: { transform: \"{{ steps.greet.output | upper }}\" }
";

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `callboard chat` with these lines on its standard input.
fn chat(stage: &Stage, arguments: &[&str], lines: &[&str]) -> Ended {
    let mut command = stage.command(&[&["chat"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    stage.ended(&child.wait_with_output().unwrap())
}

/// What is shown between a line that was said and the next one.
fn reply<'t>(shown: &'t str, said: &str) -> &'t str {
    let (_, after) = shown.split_once(&format!("> {said}\n")).unwrap_or_else(|| panic!("`{said}` is not in:\n{shown}"));
    after.split("\n> ").next().unwrap()
}

/// A process that owns the data folder and answers its socket.
fn owner(stage: &Stage) -> Going {
    let mut command = stage.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut going = stage.go_on(command.env("CALLBOARD_KEY", "the-key"));
    going.line("listening at");
    going
}

/// A request over the data folder's socket: the status and the answer.
fn ask(stage: &Stage, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = UnixStream::connect(stage.path().join("data/callboard.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = if method == "GET" { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: callboard\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}

fn get(stage: &Stage, path: &str) -> Value {
    let (status, answer) = ask(stage, "GET", path, &Value::Null);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

fn post(stage: &Stage, path: &str, body: &Value) -> Value {
    let (status, answer) = ask(stage, "POST", path, body);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// A conversation over the routes.
struct Talk<'s> {
    stage: &'s Stage,
    path: String,
}

impl<'s> Talk<'s> {
    fn begin(stage: &'s Stage, wanted: &Value) -> Self {
        let begun = post(stage, "/api/conversations", wanted);
        Self { stage, path: format!("/api/conversations/{}", begun["id"].as_str().unwrap()) }
    }

    fn say(&self, text: &str, place: &Value) -> u64 {
        let said = post(self.stage, &format!("{}/messages", self.path), &json!({ "text": text, "place": place }));
        said["message"].as_u64().unwrap()
    }

    fn state(&self) -> Value {
        get(self.stage, &self.path)
    }

    fn events(&self, after: u64) -> Vec<Value> {
        let events = get(self.stage, &format!("{}/events?after={after}", self.path));
        events.as_array().unwrap().clone()
    }

    /// Waits until there is an event like this.
    fn until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let events = self.events(0);
            if let Some(found) = events.iter().find(|recorded| is_it(&recorded["event"])) {
                return found.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "no {what} came: {events:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until nothing goes on.
    fn rest(&self) -> Value {
        let begun = Instant::now();
        loop {
            let state = self.state();
            if state["is_working"] == json!(false) {
                return state;
            }
            assert!(begun.elapsed() < PATIENCE, "it goes on: {state:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Says something and waits for what comes of it: the last message.
    fn told(&self, text: &str) -> String {
        self.say(text, &json!("next"));
        last(&self.rest())
    }
}

/// The last message of the current branch.
fn last(state: &Value) -> String {
    let messages = state["messages"].as_array().unwrap();
    let head = messages.iter().find(|message| message["id"] == state["head"]).unwrap();
    head["text"].as_str().unwrap().to_owned()
}

/// The texts of the current branch.
fn branch(state: &Value) -> Vec<String> {
    let messages = state["messages"].as_array().unwrap();
    let text = |id: &Value| messages.iter().find(|message| message["id"] == *id).unwrap()["text"].as_str().unwrap();
    state["branch"].as_array().unwrap().iter().map(|id| text(id).to_owned()).collect()
}

/// A folder whose models are those of a server.
fn stage_with(server: &Server) -> Stage {
    let settings = format!(
        "[models]\ndefault = \"openai/small-1\"\n\n[models.openai]\nbase_url = \"{}/v1\"\nkey_variable = \"NO_SUCH_KEY\"\n",
        server.address
    );
    Stage::new().with("callboard.toml", settings).with("hello.yaml", HELLO)
}

/// What the person said last, in a request to the model.
fn words(sent: &Sent) -> String {
    let body = sent.json();
    let messages = body["messages"].as_array().unwrap();
    let user = messages.iter().rev().find(|message| message["role"] == "user");
    user.and_then(|message| message["content"].as_str()).unwrap_or_default().to_owned()
}

/// Whether the last message is a tool's result, and what it says.
fn result(sent: &Sent) -> Option<String> {
    let body = sent.json();
    let last = body["messages"].as_array().unwrap().last().unwrap().clone();
    (last["role"] == "tool").then(|| last["content"].as_str().unwrap_or_default().to_owned())
}

/// Whether this is the planner's request.
fn is_planning(sent: &Sent) -> bool {
    sent.json().get("tools").is_none()
}

fn saying(text: &str) -> Answer {
    let letters: Vec<char> = text.chars().collect();
    let mut chunks: Vec<Value> =
        letters.chunks(20).map(|piece| chunk(json!({ "content": piece.iter().collect::<String>() }), None)).collect();
    chunks.push(chunk(json!({}), Some("stop")));
    chunks.push(usage_chunk(11, 7));
    events(&chunks, "\n")
}

/// The same, not streamed.
fn whole(text: &str) -> Answer {
    let message = json!({ "role": "assistant", "content": text });
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "small-1",
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 }
    });
    Answer::json(200, &body)
}

fn calling(text: &str, name: &str, arguments: &Value) -> Answer {
    let call = json!({ "index": 0, "id": "call_1", "type": "function",
        "function": { "name": name, "arguments": arguments.to_string() } });
    let letters: Vec<char> = text.chars().collect();
    let mut chunks: Vec<Value> =
        letters.chunks(20).map(|piece| chunk(json!({ "content": piece.iter().collect::<String>() }), None)).collect();
    chunks.push(chunk(json!({ "tool_calls": [call] }), None));
    chunks.push(chunk(json!({}), Some("tool_calls")));
    chunks.push(usage_chunk(11, 7));
    events(&chunks, "\n")
}

/// A call, not streamed.
fn calling_whole(name: &str, arguments: &Value) -> Answer {
    let call =
        json!({ "id": "call_1", "type": "function", "function": { "name": name, "arguments": arguments.to_string() } });
    let message = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "small-1",
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 }
    });
    Answer::json(200, &body)
}
