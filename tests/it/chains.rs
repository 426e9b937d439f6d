//! Chains of models, budgets and costs, through the binary and against a server that speaks chat completions.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::stage::{Ended, Stage};

/// What looks like a key, and must be seen nowhere.
const KEY: &str = "sk-canary-5d41402abc4b2a76b9719d911017c592";

/// A server that answers each request as it is told to.
struct Server {
    address: String,
    asked: Arc<AtomicUsize>,
    bodies: Arc<Mutex<Vec<Value>>>,
}

fn server(answer: impl Fn(usize) -> (u16, Value) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, bodies) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Value>>>::default());
    let (counted, seen) = (asked.clone(), bodies.clone());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let (answer, counted, seen) = (answer.clone(), counted.clone(), seen.clone());
            std::thread::spawn(move || {
                let body = read(&stream);
                seen.lock().unwrap().push(body);
                let (status, body) = answer(counted.fetch_add(1, Ordering::SeqCst));
                let body = body.to_string();
                let _ = write!(
                    &stream,
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    Server { address, asked, bodies }
}

fn read(stream: &TcpStream) -> Value {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// A reply with its usage.
fn says(text: &str, read: u64, written: u64) -> (u16, Value) {
    let message = json!({ "role": "assistant", "content": text });
    let usage = json!({ "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    (
        200,
        json!({ "id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage }),
    )
}

const TWO: &str = "\
name: two
description: Asks a model twice.
steps:
  - id: first
    process: { model: default, prompt: Say something about tea. }
  - id: work
    process: { agent: writer, goal: Say something more about tea. }
";

const WRITER: &str = "name: writer\ndescription: Writes.\nprompt: writer.md\nmodel: default\n";

fn stage(server: &Server, config: &str) -> Stage {
    let config = format!(
        "{config}\n[models.ollama]\nbase_url = \"http://127.0.0.1:1\"\n[models.openai]\nbase_url = \"http://{}/v1\"\nkey_variable = \"TEST_KEY\"\n",
        server.address
    );
    Stage::new()
        .with("two.yaml", TWO)
        .with("agents/writer.yaml", WRITER)
        .with("prompts/writer.md", "You write.")
        .with("callboard.toml", config)
}

fn run(stage: &Stage, arguments: &[&str]) -> Ended {
    stage.go_on(stage.command(arguments).env("TEST_KEY", KEY)).end()
}

fn json_of(stage: &Stage, arguments: &[&str]) -> Value {
    let ended = run(stage, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
}

fn events(stage: &Stage) -> Vec<Value> {
    let ended = run(stage, &["events", "last", "--format", "json"]);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_goes_on_with_the_next_model_and_says_so_without_the_key() {
    let server =
        server(|_| (401, json!({ "error": { "message": format!("the key {KEY} is not known"), "type": "x" } })));
    let stage = stage(&server, "[models]\ndefault = [\"openai/broken\", \"offline\"]\n");
    let ended = run(&stage, &["run", "two.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("default goes on with offline, not openai/broken (rejected)"), "{}", ended.stdout);
    let hops: Vec<Value> = events(&stage)
        .into_iter()
        .map(|event| event["event"]["model_hopped"].clone())
        .filter(|hop| !hop.is_null())
        .collect();
    assert_eq!(hops.len(), 2, "one in each step: {hops:#?}");
    assert_eq!((&hops[0]["step"], &hops[1]["step"]), (&json!("first"), &json!("work")));
    let hop = &hops[0]["hop"];
    let named = ["alias", "from", "to", "trouble"].map(|key| hop[key].as_str().unwrap());
    assert_eq!(named, ["default", "openai/broken", "offline", "rejected"]);
    assert_eq!(server.asked.load(Ordering::SeqCst), 2, "what is rejected is not tried again");
    // The recorded reply says who gave it, under a key that does not depend on it.
    let replies = events(&stage);
    let reply = replies.iter().find_map(|event| event["event"].get("call_returned")).unwrap();
    assert_eq!((&reply["tool"], &reply["result"]["value"]["model"]), (&json!("model:default"), &json!("offline")));
    let shown = run(&stage, &["show", "last"]).stdout;
    assert!(shown.contains("offline asked instead of openai/broken (rejected)"), "{shown}");
    let everything = format!("{ended:?}{}{:?}", shown, events(&stage));
    assert!(!everything.contains(KEY), "{everything}");
}

#[test]
fn a_spent_budget_parks_the_run_and_the_answer_lets_it_go_on() {
    let server = server(|_| says("Tea is good.", 200, 50));
    // A token costs a millionth of a dollar: a call $0.00025, and at most the tokens of its request and 100.
    let stage = stage(&server, "[models]\ndefault = \"openai/m\"\n[budget]\nrun = \"$0.0003\"\n")
        .with("config/prices.toml", "[\"openai/m\"]\ninput = 1\noutput = 1\nreply = 100\n");
    let parked = run(&stage, &["run", "two.yaml"]);
    assert_eq!(parked.code, Some(3), "{parked:#?}");
    assert!(parked.stdout.contains("the budget of this run is spent: $0.00025 of $0.0003 are"), "{}", parked.stdout);
    assert!(parked.stdout.contains("raise|again|fail"), "{}", parked.stdout);
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    let questions = json_of(&stage, &["questions"]);
    let id = questions[0]["id"].as_str().or_else(|| questions[0]["question"]["id"].as_str()).unwrap().to_owned();
    // Again with the same budget asks again, and spends nothing.
    let again = run(&stage, &["answer", "last", &id, "again"]);
    assert_eq!((again.code, server.asked.load(Ordering::SeqCst)), (Some(3), 1), "{again:#?}");
    let questions = json_of(&stage, &["questions"]);
    let id = questions[0]["id"].as_str().or_else(|| questions[0]["question"]["id"].as_str()).unwrap().to_owned();
    let raised = run(&stage, &["answer", "last", &id, "raise"]);
    assert_eq!((raised.code, server.asked.load(Ordering::SeqCst)), (Some(0), 2), "{raised:#?}");

    let bodies = server.bodies.lock().unwrap().clone();
    assert!(
        bodies.iter().all(|body| body["max_tokens"] == json!(100)),
        "what is reserved is what the model is told: {bodies:#?}"
    );

    let costs = json_of(&stage, &["costs", "--by", "step", "--run", "last"]);
    let sums: Vec<_> =
        costs["sums"].as_array().unwrap().iter().map(|sum| (&sum["of"], &sum["cost"], &sum["calls"])).collect();
    assert_eq!(sums, [(&json!("first"), &json!(250_000), &json!(1)), (&json!("work"), &json!(250_000), &json!(1))]);
    assert_eq!(costs["budget"][0], json!({ "scope": "run", "limit": 600_000, "spent": 500_000 }));
    let shown = run(&stage, &["show", "last"]).stdout;
    assert!(shown.contains("cost      $0.0005 of $0.0006 for 2 calls, 400 tokens read and 100 written"), "{shown}");
    let by_model = run(&stage, &["costs", "--by", "model"]).stdout;
    assert!(by_model.lines().any(|line| line.starts_with("openai/m") && line.contains("$0.0005")), "{by_model}");
    assert_eq!(json_of(&stage, &["costs"])["sums"].as_array().unwrap().len(), 1, "on one day");
}

#[test]
fn what_was_in_hand_when_the_process_died_counts_at_its_most_until_it_is_made_again() {
    let server = server(|nth| {
        if nth == 0 {
            // The process is dead by then.
            std::thread::sleep(Duration::from_mins(1));
        }
        says("Tea is good.", 200, 50)
    });
    let stage = stage(&server, "[models]\ndefault = \"openai/m\"\n[budget]\nrun = \"$1\"\n")
        .with("config/prices.toml", "[\"openai/m\"]\ninput = 1\noutput = 1\nreply = 100000\n");
    let going = stage.go_on(stage.command(&["run", "two.yaml"]).env("TEST_KEY", KEY));
    let begun = Instant::now();
    while server.asked.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the model is asked");
        std::thread::sleep(Duration::from_millis(10));
    }
    going.signal("KILL");
    going.end();
    let costs = json_of(&stage, &["costs", "--by", "step", "--run", "last"]);
    let sum = &costs["sums"][0];
    assert_eq!((&sum["calls"], &sum["lost"]), (&json!(1), &json!(1)), "{costs}");
    assert!(sum["cost"].as_u64().unwrap() > 100_000_000, "a hundred thousand tokens: {costs}");
    let resumed = run(&stage, &["resume"]);
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    let costs = json_of(&stage, &["costs", "--by", "step", "--run", "last"]);
    let sum = &costs["sums"][0];
    assert_eq!((&sum["calls"], &sum["lost"], &sum["cost"]), (&json!(2), &json!(1), &json!(500_000)), "{costs}");
}

#[test]
fn a_budget_needs_the_prices_of_all_models_that_cost_something() {
    let server = server(|_| says("Tea.", 1, 1));
    let stage = stage(&server, "[models]\nfast = [\"offline\", \"openai/m\"]\n[budget]\nday = 5\n");
    let ended = run(&stage, &["runs"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("budget.day: expected a text in quotes"), "{}", ended.stderr);
    let config =
        std::fs::read_to_string(stage.path().join("callboard.toml")).unwrap().replace("day = 5", "day = \"$5\"");
    stage.write("callboard.toml", config);
    let ended = run(&stage, &["runs"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(
        ended.stderr.contains("models.fast: there is a budget, and no price is known for `openai/m`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn models_shows_what_is_there_and_check_asks_each() {
    let server = server(|nth| if nth == 0 { says("ready", 9, 1) } else { (500, json!({})) });
    let stage = stage(
        &server,
        "[models]\ndefault = [\"openai/gpt-4o-mini\", \"offline\"]\n[models.aliases]\nlong = \"openai/big\"\n",
    )
    .with("config/prices.toml", "[\"openai/big\"]\ninput = 1\noutput = 2.5\nwindow = 1000000\n");
    let found = json_of(&stage, &["models"]);
    let default = &found["aliases"]["default"];
    assert_eq!((&default[0]["model"], &default[0]["window"]), (&json!("openai/gpt-4o-mini"), &json!(128_000)));
    assert_eq!((&default[0]["tokenizer"], &default[1]["model"]), (&json!("o200k_base"), &json!("offline")));
    assert_eq!(found["aliases"]["fast"], *default);
    assert_eq!(found["aliases"]["long"][0]["price"], json!({ "input": 1_000_000_000, "output": 2_500_000_000_u64 }));
    assert_eq!(found["providers"][0]["found"], json!(true));
    let text = run(&stage, &["models"]).stdout;
    for shown in ["openai: found: there is a key in TEST_KEY", "long     openai/big", "$2.50", "no price", "free"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let without_key = stage.done(&["models"]).stdout;
    assert!(without_key.contains("openai: not found: there is no key in TEST_KEY"), "{without_key}");

    let checked = run(&stage, &["models", "--check", "--format", "json"]);
    assert_eq!(checked.code, Some(5), "one of them fails: {checked:#?}");
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    let failed: Vec<&Value> =
        checked["checks"].as_array().unwrap().iter().filter(|check| !check["error"].is_null()).collect();
    assert_eq!((checked["checks"].as_array().unwrap().len(), failed.len()), (3, 1), "{checked}");
    assert!(server.bodies.lock().unwrap().len() >= 2);
}

#[test]
fn auto_stands_for_what_is_found_and_only_if_it_is_asked_for() {
    let server = server(|_| says("Tea.", 1, 1));
    let model_of = |config: &str, with_key: bool| {
        let stage = stage(&server, config);
        let mut command = stage.command(&["models", "--format", "json"]);
        if with_key {
            command.env("TEST_KEY", KEY);
        }
        let ended = stage.go_on(&mut command).end();
        let found: Value = serde_json::from_str(&ended.stdout).unwrap();
        found["aliases"]["default"][0]["model"].as_str().unwrap().to_owned()
    };
    assert_eq!(model_of("", true), "offline", "a key alone changes nothing");
    assert_eq!(model_of("[models]\ndefault = \"auto\"\n", false), "offline");
    assert_eq!(model_of("[models]\ndefault = \"auto\"\n", true), "openai/gpt-4.1-mini");

    let model = |name: &str| json!({ "name": name, "modified_at": "2026-01-01T00:00:00Z", "size": 1 });
    let installed = json!({ "models": [model("nomic-embed-text"), model("tiny:1b")] });
    let ollama = self::server(move |_| (200, installed.clone()));
    let stage = stage(&server, "[models]\ndefault = \"auto\"\n");
    let mut command = stage.command(&["models", "--format", "json"]);
    command.env("CALLBOARD_MODELS__OLLAMA__BASE_URL", format!("http://{}", ollama.address));
    let found: Value = serde_json::from_str(&stage.go_on(&mut command).end().stdout).unwrap();
    assert_eq!(found["aliases"]["default"][0]["model"], "ollama/tiny:1b", "what only makes vectors is passed over");
    let provider = &found["providers"][1];
    assert_eq!((&provider["provider"], &provider["found"]), (&json!("ollama"), &json!(true)), "{provider}");
}

#[test]
fn a_run_is_recorded_and_replayed_with_nobody_there_and_without_the_key() {
    let stage = {
        let server = server(|nth| says(&format!("Tea is good, {KEY}, {nth}."), 200, 50));
        let stage = stage(&server, "[models]\ndefault = \"openai/m\"\nexchanges = \"record\"\n");
        assert_eq!(run(&stage, &["run", "two.yaml"]).code, Some(0));
        assert_eq!(server.asked.load(Ordering::SeqCst), 2);
        stage
    };
    let recorded = json_of(&stage, &["show", "last"]);
    let config = std::fs::read_to_string(stage.path().join("callboard.toml")).unwrap();
    stage.write(
        "callboard.toml",
        config
            .replace("\"record\"", "\"replay\"")
            .replace("base_url = \"http://127.0.0.1:", "base_url = \"http://127.0.0.1:1/"),
    );
    let ended = run(&stage, &["run", "two.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let replayed = json_of(&stage, &["show", "last"]);
    assert_ne!(replayed["id"], recorded["id"]);
    assert_eq!(replayed["result"].to_string(), recorded["result"].to_string().replace(KEY, "***"));
    let found = crate::cli::secrets::grep(&stage.path().join("cassettes"), KEY.as_bytes());
    assert!(found.is_empty(), "{found:?}");
    // What was never asked is nobody's to answer.
    stage.write("two.yaml", TWO.replace("tea", "coffee"));
    let other = run(&stage, &["run", "two.yaml"]);
    assert_eq!(other.code, Some(1), "{other:#?}");
    assert!(other.stdout.contains("was recorded for this request"), "{other:#?}");
}
