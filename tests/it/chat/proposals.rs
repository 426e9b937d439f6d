//! Proposals that are kept outside of conversations, over the routes and from the command line.

use std::thread;

use serde_json::{Value, json};

use super::{HELLO, Talk, ask, calling, get, is_planning, owner, post, saying, stage_with, words};
use crate::cli::stage::Stage;
use crate::models::server::{Answer, Sent, Server};

fn add(id: &str) -> Value {
    json!({ "do": "add", "step": id, "work": { "kind": "transform", "value": format!("\"{id}\"") }, "input": [], "set": [],
        "after": ["shout"], "before": [], "within": null })
}

fn change(text: &str) -> Value {
    json!({ "do": "change", "step": "greet", "set": [{ "name": "transform", "value": text }] })
}

fn reply(edits: &[Value]) -> Answer {
    saying(&json!({ "edits": edits, "questions": [], "assumptions": [], "doubts": [] }).to_string())
}

/// A planner that adds what it is asked for (`add a b`), and else says good day.
fn answer(sent: &Sent) -> Answer {
    let said = words(sent);
    if !is_planning(sent) {
        return match said.as_str() {
            "yes" => calling("", "decide", &json!({ "decision": "accept" })),
            _ => calling("", "propose", &json!({ "request": said })),
        };
    }
    if said.contains("not like this: too loud") && !said.contains("add d") {
        return reply(&[change("Good day")]);
    }
    let request = said.rsplit_once("add ").map_or("", |(_, rest)| rest).lines().next().unwrap_or_default();
    let ids: Vec<&str> = request.split_whitespace().collect();
    if ids.is_empty() { reply(&[change("HEY")]) } else { reply(&ids.into_iter().map(add).collect::<Vec<_>>()) }
}

/// Saves a workflow; its version's hash.
fn save(stage: &Stage, text: &str) -> String {
    let saved = post(stage, "/api/workflows", &json!({ "files": [{ "file": "hello.yaml", "text": text }] }));
    saved[0]["version"].as_str().unwrap_or_else(|| panic!("{saved}")).to_owned()
}

/// The last line of an answer that comes line by line.
fn last_line(answer: &Value) -> Value {
    let mut lines = answer.as_str().unwrap_or_else(|| panic!("{answer}")).lines();
    let last = lines.rfind(|line| line.starts_with("{\"planned\"") || line.starts_with("{\"failed\""));
    serde_json::from_str(last.unwrap_or_else(|| panic!("{answer}"))).unwrap()
}

/// Has something proposed; the proposal's id.
fn plan(stage: &Stage, request: &str) -> String {
    let (_, answer) = ask(stage, "POST", "/api/plans", &json!({ "request": request, "workflow": "hello" }));
    let line = last_line(&answer);
    line["planned"]["id"].as_str().unwrap_or_else(|| panic!("{line:#}")).to_owned()
}

fn shown(stage: &Stage, id: &str) -> Value {
    get(stage, &format!("/api/proposals/{id}"))
}

fn refused(stage: &Stage, id: &str, what: &str) -> String {
    let (status, error) = ask(stage, "POST", &format!("/api/proposals/{id}/{what}"), &json!({}));
    assert_eq!(status, 422, "{what}: {error}");
    error["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_outlives_the_process_and_is_accepted_step_by_step_and_taken_back() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let first = owner(&stage);
    let original = save(&stage, HELLO);
    let id = plan(&stage, "add a b c");
    let before = shown(&stage, &id);
    assert_eq!((&before["state"], &before["base"]), (&json!({ "is": "open" }), &json!(original)), "{before:#}");
    assert!(before["text"].as_str().unwrap().contains("id: b") && before["proposal"]["edits"].is_array());
    first.signal("KILL");
    first.end();
    let _second = owner(&stage);
    assert_eq!(shown(&stage, &id), before);

    let path = |what: &str| format!("/api/proposals/{id}/{what}");
    let text = |decided: &Value| decided["proposal"]["state"]["after"]["text"].as_str().unwrap().to_owned();
    let part = post(&stage, &path("accept"), &json!({ "steps": ["a"] }));
    assert!(text(&part).contains("id: a\n") && !text(&part).contains("id: b\n"), "{}", text(&part));
    assert_eq!(part["proposal"]["state"]["steps"], json!(["a"]));
    let more = post(&stage, &path("accept"), &json!({ "steps": ["c"] }));
    assert!(text(&more).contains("id: a\n") && text(&more).contains("id: c\n") && !text(&more).contains("id: b\n"));
    let all = post(&stage, &path("accept"), &json!({}));
    assert!(text(&all).contains("id: b\n"), "{}", text(&all));
    assert_eq!(refused(&stage, &id, "accept"), "not_now");
    assert_eq!(refused(&stage, &id, "reject"), "not_now");
    let undone = post(&stage, &path("undo"), &Value::Null);
    assert_eq!((&undone["version"], &undone["proposal"]["state"]["is"]), (&json!(original), &json!("undone")));
    assert_eq!(refused(&stage, &id, "undo"), "not_now");
    let (status, error) = ask(&stage, "GET", "/api/proposals/otter", &Value::Null);
    assert_eq!((status, &error["error"]["code"]), (404, &json!("no_such_proposal")));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_is_asked_for_with_what_was_not_wanted_and_why() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    save(&stage, HELLO);
    let first = plan(&stage, "say it otherwise");
    let rejected = post(&stage, &format!("/api/proposals/{first}/reject"), &json!({ "reason": "too loud" }));
    assert_eq!(rejected["state"], json!({ "is": "rejected", "reason": "too loud" }));
    assert_eq!(refused(&stage, &first, "accept"), "not_now");
    let (_, answer) = ask(&stage, "POST", &format!("/api/proposals/{first}/another"), &json!({}));
    let line = last_line(&answer);
    let second = line["planned"]["id"].as_str().unwrap_or_else(|| panic!("{line:#}")).to_owned();
    let view = shown(&stage, &second);
    assert_eq!((&view["replaces"], &view["request"]), (&json!(first), &json!("say it otherwise")));
    assert!(view["text"].as_str().unwrap().contains("Good day"), "{view:#}");
    let asked = words(server.sent().iter().rfind(|sent| is_planning(sent)).unwrap());
    assert!(asked.contains("not like this: too loud") && asked.contains("HEY"), "{asked}");

    // The same again is none.
    let (_, answer) =
        ask(&stage, "POST", &format!("/api/proposals/{second}/another"), &json!({ "reason": "too loud" }));
    assert_eq!(last_line(&answer)["failed"]["error"]["code"], "same_again", "{answer}");
    assert_eq!(shown(&stage, &second)["state"], json!({ "is": "open" }));
    let (_, answer) = ask(&stage, "POST", &format!("/api/proposals/{second}/another"), &json!({ "request": "add d" }));
    let third = last_line(&answer)["planned"]["id"].clone();
    assert_eq!(shown(&stage, &second)["state"], json!({ "is": "superseded", "by": third }));
    assert_eq!(refused(&stage, &second, "accept"), "not_now");
    let (_, answer) = ask(&stage, "POST", &format!("/api/proposals/{second}/another"), &json!({}));
    assert_eq!(last_line(&answer)["failed"]["error"]["code"], "not_now", "{answer}");

    let listed = get(&stage, "/api/proposals?workflow=hello");
    let states: Vec<&Value> = listed.as_array().unwrap().iter().map(|one| &one["state"]["is"]).collect();
    assert_eq!(states, ["open", "superseded", "rejected"]);
    // The same from the command line.
    let listed = stage.done(&["plan", "--list"]).stdout;
    assert!(listed.contains("superseded") && listed.contains("say it otherwise"), "{listed}");
    let done = stage.done(&["plan", "--accept", "last"]).stdout;
    assert!(done.starts_with("Accepted: `hello` is at version ") && done.contains("`d`"), "{done}");
    assert!(stage.done(&["plan", "--undo", "last"]).stdout.starts_with("Taken back: `hello` is at version "));
    let ended = stage.run(&["plan", "--reject", "last", "--format", "json"]);
    assert_eq!((ended.code, &ended.error()["code"]), (Some(2), &json!("not_now")), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_between_is_merged_or_said_to_conflict() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    save(&stage, HELLO);
    let (merging, conflicting) = (plan(&stage, "add a"), plan(&stage, "say it otherwise"));
    let between = save(&stage, &HELLO.replace("Hello, {{", "Hi, {{"));
    let merged = post(&stage, &format!("/api/proposals/{merging}/accept"), &json!({}));
    let text = merged["proposal"]["state"]["after"]["text"].as_str().unwrap();
    assert!(text.contains("Hi, {{") && text.contains("id: a\n"), "{text}");
    assert_eq!(merged["proposal"]["state"]["before"]["version"], json!(between));
    assert_eq!(refused(&stage, &conflicting, "accept"), "conflict");
    assert_eq!(shown(&stage, &conflicting)["state"], json!({ "is": "open" }));
    let undone = post(&stage, &format!("/api/proposals/{merging}/undo"), &Value::Null);
    assert_eq!(undone["version"], json!(between), "nothing was changed by what conflicts");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_are_accepted_at_once_neither_is_lost() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    save(&stage, HELLO);
    let talk = Talk::begin(&stage, &json!({ "workflow": "hello" }));
    let mut expected = vec!["greet".to_owned(), "shout".to_owned()];
    for round in 0..5 {
        let kept: Vec<String> = (0..2).map(|n| plan(&stage, &format!("add k{round}x{n}"))).collect();
        talk.told(&format!("add c{round}"));
        let proposal = talk.state()["proposal"].as_u64().unwrap();
        let stage = &stage;
        thread::scope(|scope| {
            for id in &kept {
                scope.spawn(move || post(stage, &format!("/api/proposals/{id}/accept"), &json!({})));
            }
            scope.spawn(|| post(stage, &format!("{}/proposals/{proposal}", talk.path), &json!({ "accept": {} })));
        });
        expected.extend([format!("k{round}x0"), format!("k{round}x1"), format!("c{round}")]);
    }
    let id = plan(&stage, "add last");
    let text = shown(&stage, &id)["text"].as_str().unwrap().to_owned();
    for step in expected {
        assert!(text.contains(&format!("id: {step}\n")), "`{step}` is lost:\n{text}");
    }
}

#[test]
fn tools_whose_names_would_forge_lines_are_refused_over_the_routes_too() {
    let stage = Stage::new();
    let _owner = owner(&stage);
    for name in ["x\n- y", "a b", "", &"x".repeat(2_000)] {
        let wanted = json!({ "request": "hello", "tools": [{ "name": name }] });
        let (_, answer) = ask(&stage, "POST", "/api/plans", &wanted);
        let line = last_line(&answer);
        assert_eq!(line["failed"]["error"]["code"], "bad_tools", "{name:?}: {line}");
        assert_eq!(line["failed"]["invalid"], true);
    }
}
