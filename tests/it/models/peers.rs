//! What is sent, and what the servers of the tests say, is what the providers' own clients take it for: PyPI's packages
//! `openai` and `ollama`, in `target/peers` (`tests/peers/install`).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use callboard::model::Request;
use serde_json::{Value, json};

use super::embedders;
use super::protocol::{ALL, HARD_TEXTS, Protocol, Said, conversation, question, schema};
use super::server::{Answer, Server};
use super::suite::streamed;

/// What the packages say of these texts, each of a kind that `wires.py` knows: nothing, if they are well.
fn judged(texts: &[(String, String)]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let python = target.join("peers/python/bin/python");
    assert!(python.exists(), "{} is missing; run tests/peers/install", python.display());
    let mut script = Command::new(python)
        .arg(root.join("tests/peers/wires.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = script.stdin.take().unwrap();
    for (kind, text) in texts {
        writeln!(to, "{}", json!({ "kind": kind, "text": text })).unwrap();
    }
    drop(to);
    let output = script.wait_with_output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop(), Some(format!("checked {}", texts.len())));
    lines
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The exchanges of the suite: what was sent, and what was said.
async fn exchanges(protocol: Protocol, name: &str) -> Vec<(String, String)> {
    let calls = [("c3", "memory-search", json!({ "query": "世界" })), ("c4", "files-read", json!({}))];
    let mut texts = Vec::new();
    for (request, said) in [
        (conversation(), Said::text(&HARD_TEXTS)),
        (conversation(), Said { end: "tool_calls", ..Said::calls(&calls) }),
        (Request { output: Some(schema()), ..question() }, Said::text(&["{\"found\":1}"])),
        (Request { output: Some(schema()), ..conversation() }, Said { usage: None, ..Said::text(&["{\"found\":1}"]) }),
    ] {
        let (whole, pieces) = (protocol.whole(&said), protocol.streamed(&said));
        let answers = [whole.clone(), pieces.clone()];
        let server = Server::start(move |sent| answers[usize::from(sent.json()["stream"] == true)].clone()).await;
        let model = protocol.model(&server.address);
        model.reply(&request).await.unwrap();
        streamed(&*model, &request).await.1.unwrap();
        let sent = server.sent();
        let [one, two] = sent.as_slice() else { panic!("{} requests", sent.len()) };
        let streaming = if protocol == Protocol::OpenAi { "streaming " } else { "" };
        let in_pieces = if protocol == Protocol::OpenAi { "streamed " } else { "" };
        texts.push((format!("{name} request"), text(one.body.clone())));
        texts.push((format!("{name} {streaming}request"), text(two.body.clone())));
        texts.push((format!("{name} reply"), text(whole.body())));
        texts.push((format!("{name} {in_pieces}reply"), text(pieces.body())));
    }
    texts
}

#[tokio::test]
async fn requests_and_replies_are_of_the_types_of_the_providers_own_clients() {
    let mut texts = Vec::new();
    for (protocol, name) in ALL.into_iter().zip(["openai", "ollama"]) {
        texts.extend(exchanges(protocol, name).await);
    }
    for (provider, name) in embedders::ALL.into_iter().zip(["openai", "ollama"]) {
        let given = provider.given(&[embedders::vector_of("a"), embedders::vector_of("b")]);
        let server = Server::saying(Answer::json(200, &given)).await;
        let embedder = provider.embedder(&server.address, Some(3));
        embedder.embed(&["a".to_owned(), "b".to_owned()]).await.unwrap();
        texts.push((format!("{name} embedding request"), text(server.sent()[0].body.clone())));
        texts.push((format!("{name} embedding reply"), given.to_string()));
    }
    assert_eq!(judged(&texts), Vec::<String>::new());
    // What is broken is found, so that nothing is no lie.
    let without = |at: usize, pointer: &str, key: &str| {
        let (kind, text) = &texts[at];
        let mut body: Value = serde_json::from_str(text).unwrap();
        body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        (kind.clone(), body.to_string())
    };
    let broken = [
        without(0, "/messages/2/tool_calls/0/function", "name"),
        without(0, "/tools/0", "function"),
        without(2, "/choices/0", "message"),
        (texts[0].0.clone(), texts[0].1.replacen("\"messages\"", "\"letters\"", 1)),
        (texts[3].0.clone(), texts[3].1.replace("\"choices\"", "\"chances\"")),
        without(16, "/messages/0", "role"),
        without(18, "", "message"),
    ];
    let told = judged(&broken);
    assert_eq!(told.len(), broken.len(), "{told:#?}");
}
