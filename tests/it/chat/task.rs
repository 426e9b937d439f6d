//! A task from words: decomposed over the agents, carried out over what is remembered, written, and checked.

use std::path::Path;

use serde_json::{Value, json};

use super::{chat, reply};
use crate::cli::stage::Stage;

const TASK: &str = "Research the checkout outage of March, compare it with the delayed payment confirmations of May \
                    and write a one-page brief for the board, checked.";

#[test]
fn a_task_is_planned_over_the_agents_carried_out_and_checked() {
    let stage = Stage::new();
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/documents");
    stage.done(&["remember", documents.to_str().unwrap()]);
    let ended = chat(&stage, &[], &[TASK, "yes, run it"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let proposed = reply(&ended.stdout, TASK);
    for role in ["research", "analysis", "implementation", "qa"] {
        assert!(proposed.contains(role), "nobody is {role}:\n{proposed}");
    }

    let run = stage.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    let events = stage.done(&["events", &run, "--format", "json"]).stdout;
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let result = events
        .iter()
        .find_map(|recorded| recorded["event"].get("completed"))
        .unwrap_or_else(|| panic!("it has not ended: {:#?}\n{}", events.last(), ended.stdout));
    let result = &result["result"]["value"]["value"];
    let text = result["text"].as_str().unwrap_or_else(|| panic!("no text: {result:#}\n{}", ended.stdout));
    assert!(text.contains("14 March") && text.contains("2 May"), "one of the two is missing:\n{text}");
    assert!(text.contains("incident-2026-03-14-checkout.md") && text.contains("incident-2026-05-02"), "{text}");
    assert_eq!((&result["verdict"], &result["problems"]), (&json!("pass"), &json!([])), "{text}");

    // What has no need of each other begins at once; what needs both waits for both.
    let place = |kind: &str, step: &str| {
        let is_it = |recorded: &Value| recorded["event"][kind]["step"].as_str().is_some_and(|id| id.starts_with(step));
        let all: Vec<usize> = (0..events.len()).filter(|at| is_it(&events[*at])).collect();
        assert!(!all.is_empty(), "`{step}` was never {kind}: {}", ended.stdout);
        all
    };
    let (began, done) = (place("started", "research"), place("ended", "research"));
    assert_eq!((began.len(), done.len()), (2, 2));
    assert!(began[1] < done[0], "one waited for the other: {began:?} {done:?}");
    assert!(place("started", "compare")[0] > done[1]);
}
