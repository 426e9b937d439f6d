//! Other programs use the models over HTTP: here the OpenAI package itself does.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use serde_json::Value;

use super::stage::{Going, Stage};

/// A process that serves, at a free port, and where it does.
fn serving(stage: &Stage, key: &str, settings: &[(&str, &str)]) -> (Going, String) {
    let mut command = stage.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut going = stage.go_on(command.env("CALLBOARD_KEY", key).envs(settings.iter().copied()));
    let line = going.line("listening at");
    (going, line.trim().rsplit(' ').next().unwrap().to_owned())
}

/// Runs tests/peers/chat.py, which prints one JSON document, and reads that.
fn chat(url: &str, key: &str, what: &[&str]) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let python = target.join("peers/python/bin/python");
    assert!(python.exists(), "{} is missing: run tests/peers/install", python.display());
    let child = Command::new(python)
        .arg(root.join("tests/peers/chat.py"))
        .args([url, key])
        .args(what)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    serde_json::from_slice(&child.stdout).unwrap()
}

/// The status and the body of a request written by hand.
fn raw(url: &str, request: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn post(key: &str, body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn the_openai_package_gets_whole_replies_and_streams() {
    let stage = Stage::new();
    let (going, url) = serving(&stage, "the-key", &[]);

    let first = chat(&url, "the-key", &["models", "whole", "stream", "tools"]);
    assert_eq!(first["models"], serde_json::json!(["default", "fast", "strong", "offline"]));
    let (whole, streamed, called) = (&first["whole"], &first["stream"], &first["tools"]);
    assert_eq!(whole["text"], streamed["text"]);
    assert!(whole["text"].as_str().unwrap().contains("depot"), "{whole}");
    assert_eq!(whole["finish_reason"], "stop");
    assert_eq!(whole["usage"], streamed["usage"], "the last chunk says what was used");
    assert_eq!(called["finish_reason"], "tool_calls");
    assert_eq!(called["name"], "memory_search");

    // A second process whose models are those of the first.
    let second = Stage::new();
    let settings = [
        ("CALLBOARD_MODELS__DEFAULT", "openai/default"),
        ("CALLBOARD_MODELS__OPENAI__BASE_URL", &url),
        ("OPENAI_API_KEY", "the-key"),
    ];
    let (behind, there) = serving(&second, "another", &settings);
    let through = chat(&there, "another", &["whole", "stream", "tools"]);
    for what in ["whole", "stream", "tools"] {
        assert_eq!(through[what], first[what], "{what}");
    }
    for going in [behind, going] {
        going.signal("TERM");
        assert_eq!(going.end().code, Some(0));
    }
}

#[test]
fn who_has_no_key_or_asks_for_what_there_is_not_is_told() {
    let stage = Stage::new();
    let (_going, url) = serving(&stage, "the-key", &[]);
    let hello = r#"{"model": "default", "messages": [{"role": "user", "content": "Hello"}]"#;
    for (key, body, status, says) in [
        ("", format!("{hello}}}"), 401, "callboard serve"),
        ("the-kez", format!("{hello}}}"), 401, "invalid_api_key"),
        ("the-key", "{".to_owned(), 400, "the body cannot be read"),
        (
            "the-key",
            r#"{"model": "big", "messages": []}"#.to_owned(),
            404,
            "there is no model `big`; there are `default`",
        ),
        ("the-key", r#"{"model": "default", "messages": []}"#.to_owned(), 400, "there is no message"),
        ("the-key", format!(r#"{hello}, "n": 3}}"#), 400, "the parameter `n` cannot be passed on"),
        (
            "the-key",
            r#"{"model": "default", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#.to_owned(),
            400,
            "only text can be passed on",
        ),
        ("the-key", format!(r#"{hello}, "temperature": 3}}"#), 400, "a temperature is from 0 to 2"),
        (
            "the-key",
            format!(r#"{hello}, "n": 1, "user": "ada", "tool_choice": "auto", "temperature": 0, "max_tokens": 99}}"#),
            200,
            "assistant",
        ),
    ] {
        let (got, answer) = raw(&url, &post(key, &body));
        assert_eq!(got, status, "{body}: {answer}");
        assert!(answer.contains(says), "{body}: {answer}");
        assert!(!answer.contains("the-key"), "{answer}");
    }
    assert_eq!(raw(&url, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").0, 200);
    assert_eq!(raw(&url, "GET /api/runs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").0, 401);
}

#[test]
fn an_address_that_cannot_be_listened_on_is_said() {
    let stage = Stage::new();
    let ended = stage.run(&["serve", "--listen", "localhost"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("write an address of this machine: 127.0.0.1:4000"), "{ended:#?}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = stage.run(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(ended.stderr.contains("choose another address or port with --listen"), "{ended:#?}");
}

#[test]
fn a_key_is_made_if_none_is_given() {
    let stage = Stage::new();
    let mut going = stage.start(&["serve", "--listen", "127.0.0.1:0", "--format", "json"]);
    let said: Value = serde_json::from_str(&going.line("url")).unwrap();
    let (url, key) = (said["url"].as_str().unwrap(), said["key"].as_str().unwrap());
    assert!(key.len() > 40, "{key}");
    assert_eq!(chat(url, key, &["models"])["models"][0], "default");
    going.signal("INT");
    assert_eq!(going.end().code, Some(0));
}

/// Answers one request after another as OpenAI does, and sends the usage once it is told to.
fn late_usage(listener: &TcpListener, usage: &mpsc::Receiver<()>) {
    for connection in listener.incoming() {
        let mut connection = connection.unwrap();
        let mut request = vec![0; 64 << 10];
        let mut length = 0;
        while !request[..length].ends_with(b"}") {
            length += connection.read(&mut request[length..]).unwrap();
        }
        let chunk = |choices: &str, usage: &str| {
            format!(
                "data: {{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{choices}],\"usage\":{usage}}}\n\n"
            )
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        connection.write_all(head.as_bytes()).unwrap();
        let mut send = |text: &str| write!(connection, "{:x}\r\n{text}\r\n", text.len()).unwrap();
        send(&chunk(r#"{"index":0,"delta":{"role":"assistant","content":"Good evening"}}"#, "null"));
        send(&chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, "null"));
        usage.recv().unwrap();
        send(&chunk("", r#"{"prompt_tokens":1234,"completion_tokens":77,"total_tokens":1311}"#));
        send("data: [DONE]\n\n");
        connection.write_all(b"0\r\n\r\n").unwrap();
    }
}

#[test]
fn a_stream_ends_when_all_is_said_and_what_it_used_is_accounted_for_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let (go_on, usage) = mpsc::channel();
    std::thread::spawn(move || late_usage(&listener, &usage));
    let stage = Stage::new();
    let settings = [
        ("CALLBOARD_MODELS__DEFAULT", "openai/gpt-4.1-mini"),
        ("CALLBOARD_MODELS__OPENAI__BASE_URL", &address),
        ("OPENAI_API_KEY", "a-key"),
    ];
    let (going, url) = serving(&stage, "the-key", &settings);
    let hello = r#"{"model": "default", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}"#;
    let (status, answer) = raw(&url, &post("the-key", hello));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("Good evening") && answer.contains("[DONE]"), "{answer}");
    go_on.send(()).unwrap();
    // It is accounted for a moment later.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !stage.json(&["costs"]).to_string().contains("1234") {
        assert!(std::time::Instant::now() < until, "{}", stage.json(&["costs"]));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    going.signal("TERM");
    assert_eq!(going.end().code, Some(0));
}
