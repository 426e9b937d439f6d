//! The conversation in a pipe, with the offline model.

use serde_json::{Value, json};

use super::{HELLO, chat, reply};
use crate::cli::stage::{READS, Stage};

#[test]
fn a_workflow_is_changed_run_asked_about_and_taken_back() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let lines = [
        "what does it do?",
        "rename greet to welcome",
        "yes",
        "run it",
        "how long did it take?",
        "what did it cost?",
        "undo that",
    ];
    let ended = chat(&stage, &["--workflow", "hello.yaml"], &lines);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let shown = &ended.stdout;
    assert!(reply(shown, lines[0]).contains("1. `greet` (computes)\n2. `shout` (computes)"), "{shown}");
    let proposed = reply(shown, lines[1]);
    assert!(proposed.contains("+   - id: welcome") || proposed.contains("+ - id: welcome"), "{shown}");
    assert!(proposed.contains("Calls `greet` `welcome` from now on"), "{shown}");
    assert!(reply(shown, lines[2]).contains("Accepted and saved: `hello`"), "{shown}");
    let ran = reply(shown, lines[3]);
    assert!(ran.contains("welcome") && ran.contains("HELLO, WORLD!") && ran.contains("callboard show"), "{shown}");
    assert!(reply(shown, lines[4]).contains("of `hello` took"), "{shown}");
    assert!(reply(shown, lines[5]).contains("has cost nothing"), "{shown}");
    assert!(reply(shown, lines[6]).contains("Taken back: `hello` is as it was"), "{shown}");
    let file = std::fs::read_to_string(stage.path().join("hello.yaml")).unwrap();
    assert_eq!(file, HELLO, "byte for byte");
}

#[test]
fn a_new_workflow_is_made_beside_the_one_in_front() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let lines = ["Create a new workflow that asks Maria for approval every Monday at 9", "yes", "what does hello do?"];
    let ended = chat(&stage, &["--workflow", "hello.yaml"], &lines);
    let proposed = reply(&ended.stdout, lines[0]);
    assert!(proposed.contains("- Makes the workflow `ask_maria`.") && proposed.contains("asks maria"), "{proposed}");
    assert!(reply(&ended.stdout, lines[1]).contains("Accepted and saved: `ask_maria`"), "{}", ended.stdout);
    assert!(
        reply(&ended.stdout, lines[2]).contains("1. `greet` (computes)\n2. `shout` (computes)"),
        "{}",
        ended.stdout
    );
    assert_eq!(std::fs::read_to_string(stage.path().join("hello.yaml")).unwrap(), HELLO);
}

#[test]
fn why_a_run_failed_is_told_from_its_events_with_links_to_them() {
    let stage = Stage::new().with("reads.yaml", READS);
    let ended = chat(&stage, &["--workflow", "reads.yaml"], &["run it", "why did it fail?", "what did it do?"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let why = reply(&ended.stdout, "why did it fail?");
    let run = stage.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    let events = stage.done(&["events", &run, "--format", "json"]).stdout;
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let gave_up = events.iter().find(|event| event["event"].get("gave_up").is_some()).unwrap();
    let message = gave_up["event"]["gave_up"]["failure"]["message"].as_str().unwrap();
    assert!(why.contains(message) && why.contains("Step `read` gave up"), "{why}");
    assert!(why.contains(&format!("(event {})", gave_up["seq"])), "{why}");
    assert!(why.contains("Done before that: `before`.\n"), "what was skipped is not done: {why}");
    assert!(why.contains(&format!("callboard show {run}")) && why.contains("callboard events"), "{why}");
    let did = reply(&ended.stdout, "what did it do?");
    assert!(did.contains("- `before`: ok") && did.contains("- `read`: error"), "{did}");
}

#[test]
fn what_is_noted_is_found_again_in_another_conversation() {
    let stage = Stage::new();
    let first = chat(&stage, &[], &["remember that the harbour master is called Olafsson"]);
    assert!(first.stdout.contains("Noted: the harbour master is called Olafsson"), "{first:#?}");
    let second = chat(&stage, &[], &["what is the harbour master called?"]);
    assert!(second.stdout.contains("Olafsson"), "{second:#?}");
    let listed = stage.json(&["chat", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["title"], "what is the harbour master called?");
    let shown = stage.json(&["chat", "show", "last"]);
    assert_eq!(shown["messages"][0]["by"], "person");
    let text = stage.done(&["chat", "show", "last"]).stdout;
    assert!(text.contains("callboard:\n") && text.contains("Olafsson"), "{text}");
}

#[test]
fn one_message_is_one_answer_and_programs_get_the_events() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let arguments = ["chat", "--workflow", "hello.yaml", "--yes", "--format", "json", "remove shout"];
    let ended = stage.done(&arguments);
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<String> =
        events.iter().filter_map(|event| event["event"].as_object()?.keys().next().cloned()).collect();
    for kind in ["said", "turn_began", "doing", "proposed", "replied", "turn_ended", "decided"] {
        assert!(kinds.iter().any(|one| one == kind), "no `{kind}`: {kinds:?}");
    }
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    let file = std::fs::read_to_string(stage.path().join("hello.yaml")).unwrap();
    assert!(!file.contains("shout") && file.contains("greet"), "{file}");

    let shown = stage.json(&["chat", "show", "last"]);
    assert_eq!((&shown["workflow"], &shown["proposal"]), (&json!("hello"), &Value::Null));
}

#[test]
fn nonsense_gets_an_error_that_says_what_to_do() {
    let stage = Stage::new();
    for (arguments, code, says) in [
        (&["chat", "show", "last"][..], "no_such_conversation", "there is no conversation yet"),
        (&["chat", "--conversation", "otter", "hello"], "no_such_conversation", "`otter` is no id"),
        (&["chat", "--workflow", "missing.yaml", "hello"], "unreadable_file", "missing.yaml"),
        (&["chat", "--workflow", "missing", "hello"], "no_such_workflow", "there is no workflow missing"),
        (&["chat", "--model", "grand", "hello"], "no_such_model", "there is no model `grand`"),
    ] {
        let ended = stage.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:#?}");
        let error = ended.error();
        assert_eq!(error["code"], code, "{arguments:?}: {error}");
        assert!(error["message"].as_str().unwrap().contains(says), "{arguments:?}: {error}");
    }
    let ended = stage.run(&["chat", "--format", "json", ""]);
    assert_eq!((ended.code, &ended.error()["code"]), (Some(2), &json!("nothing_said")), "{ended:#?}");
}
