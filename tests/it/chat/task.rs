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
        .find_map(|recorded| recorded["event"].get("ended"))
        .unwrap_or_else(|| panic!("it has not ended: {:#?}\n{}", events.last(), ended.stdout));
    let result = &result["result"];
    let text = result["text"].as_str().unwrap_or_else(|| panic!("no text: {result:#}\n{}", ended.stdout));
    assert!(text.contains("migration") && text.contains("signing key"), "one of the two is missing:\n{text}");
    assert!(text.contains("incident-2026-03-14-checkout.md") && text.contains("incident-2026-05-02"), "{text}");
    assert_eq!((&result["verdict"], &result["problems"]), (&json!("pass"), &json!([])), "{text}");

    // What has no need of each other waits for nothing.
    let workflow = &stage.json(&["show", &run]);
    assert!(workflow.is_object(), "{workflow}");
    let began = |role: &str| {
        let is_begun = |recorded: &&Value| recorded["event"].to_string().contains(role);
        events.iter().position(|recorded| is_begun(&recorded))
    };
    assert!(began("research").is_some());
}
