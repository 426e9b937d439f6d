//! What a conversation is for, from one end to the other: trying, accepting a part, what came in between, and questions about runs.

use callboard::clock::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::{HELLO, Talk, branch, calling, owner, result, saying, stage_with, words};
use crate::cli::stage::Stage;
use crate::models::server::{Answer, Sent, Server};

const WRITES: &str = "\
name: notes
steps:
  - id: note
    input: { path: notes.txt, text: Remember the milk }
    process: { tool: files.write }
";

#[test]
fn what_is_saved_and_what_is_proposed_are_simulated_and_nothing_is_done() {
    let stage = Stage::new();
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({ "files": [{ "file": "notes.yaml", "text": WRITES }] }));
    let said = talk.told("simulate it");
    assert!(said.contains("Simulated, `notes` would end completed; nothing was changed."), "{said}");
    assert!(said.contains("- `files.write` in `note` (writes): `{\"path\":\"notes.txt\""), "{said}");
    talk.told("rename note to jot");
    let said = talk.told("simulate it");
    assert!(said.contains("`notes (as proposed)`") && said.contains("`files.write` in `jot`"), "{said}");
    let state = talk.state();
    assert!(state["proposal"].is_u64() && state["runs"] == json!([]), "{state:#}");
    assert_eq!(stage.json(&["runs"]), json!([]));
    let files: Vec<_> = walk(stage.path());
    assert!(!files.iter().any(|path| path.ends_with("notes.txt")), "{files:?}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn is_talk(sent: &Sent) -> bool {
    let body = sent.json();
    body["tools"].as_array().is_some_and(|tools| tools.iter().any(|tool| tool["function"]["name"] == "propose"))
}

fn edits(edits: &Value) -> Answer {
    saying(&json!({ "edits": edits, "questions": [], "assumptions": [], "doubts": [] }).to_string())
}

fn add(id: &str) -> Value {
    json!({ "do": "add", "step": id, "work": { "kind": "transform", "value": format!("\"{id}\"") }, "input": [], "set": [],
        "after": ["shout"], "before": [], "within": null })
}

/// Proposes two steps, or another greeting; whatever else is said is a decision.
fn answer(sent: &Sent) -> Answer {
    let said = words(sent);
    match (is_talk(sent), said.as_str()) {
        (true, text) if text.starts_with("please") => calling("", "propose", &json!({ "request": text })),
        (true, _) => calling("", "decide", &json!({ "decision": "accept" })),
        (false, text) if text.contains("please greet otherwise") => {
            edits(&json!([{ "do": "change", "step": "greet", "set": [{ "name": "transform", "value": "Hey" }] }]))
        }
        (false, _) => edits(&json!([add("left"), add("right")])),
    }
}

fn live(stage: &Stage) -> String {
    let talk = Talk::begin(stage, &json!({ "workflow": "hello" }));
    talk.told("please greet otherwise");
    let events = talk.events(0);
    let proposed = events.iter().find_map(|one| one["event"].get("proposed")).unwrap_or_else(|| panic!("{events:#?}"));
    proposed["base"]["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_of_a_proposal_is_accepted_and_what_came_in_between_stays_or_conflicts() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let file = |text: &str| json!({ "files": [{ "file": "hello.yaml", "text": text }] });
    let talk = Talk::begin(&stage, &file(HELLO));
    talk.told("please add two");
    // Somebody greets otherwise meanwhile.
    let between = HELLO.replace("Hello, {{", "Hi, {{");
    super::post(&stage, "/api/workflows", &file(&between));
    let said = talk.told("accept only left");
    assert!(
        said.contains("Accepted and saved: `hello`")
            && said.contains("- Adds `left`")
            && !said.contains("Adds `right`")
            && said.contains("Not accepted yet: `right`."),
        "{said}"
    );
    let text = live(&stage);
    assert!(text.contains("Hi, {{") && text.contains("id: left\n") && !text.contains("id: right\n"), "{text}");
    assert_eq!(talk.state()["proposal"], Value::Null);

    // And once more, at the same place.
    let talk = Talk::begin(&stage, &json!({ "workflow": "hello" }));
    talk.told("please greet otherwise");
    super::post(&stage, "/api/workflows", &file(&text.replace("Hi, {{", "Good day, {{")));
    let said = talk.told("yes");
    assert!(said.contains("changed otherwise in the meantime") && said.contains("Nothing is changed"), "{said}");
    assert!(talk.state()["proposal"].is_u64(), "it is still open");
    assert!(live(&stage).contains("Good day, {{"));
}

#[tokio::test(flavor = "multi_thread")]
async fn last_night_is_asked_about_and_what_it_cost_with_links() {
    let stage = Stage::new().with("reads.yaml", crate::cli::stage::READS).with("hello.yaml", HELLO);
    stage.run(&["run", "reads.yaml"]);
    let night = stage.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    // It was at eleven yesterday evening.
    let day = 24 * 3_600_000;
    let Timestamp(now) = SystemClock.now();
    let address = format!("sqlite://{}", stage.path().join("data/callboard.db").display());
    let mut database = sqlx::SqliteConnection::connect(&address).await.unwrap();
    sqlx::query("UPDATE runs SET created_at = ?")
        .bind(now / day * day - 3_600_000)
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    stage.done(&["run", "hello.yaml"]);

    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    let why = talk.told("why did last night's run fail?");
    assert!(why.contains(&format!("Run `{night}` of `reads` failed")) && why.contains("Step `read` gave up"), "{why}");
    let state = talk.state();
    let message = state["messages"].as_array().unwrap().last().unwrap();
    let links: Vec<&str> =
        message["links"].as_array().unwrap().iter().map(|link| link["path"].as_str().unwrap()).collect();
    let events = stage.done(&["events", &night, "--format", "json"]).stdout;
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let gave_up = events.iter().find(|event| event["event"].get("gave_up").is_some()).unwrap();
    let failed = events.iter().find(|event| event["event"].get("run_failed").is_some()).unwrap();
    for path in [
        format!("/runs/{night}"),
        format!("/runs/{night}#event-{}", gave_up["seq"]),
        format!("/runs/{night}#event-{}", failed["seq"]),
    ] {
        assert!(links.contains(&path.as_str()), "no {path} in {links:?}");
    }
    let cost = talk.told("what did last night's run cost?");
    assert!(cost.contains(&night) && cost.contains("has cost nothing"), "{cost}");
}

/// What the tool that writes files is called on the wire.
fn writing(sent: &Sent) -> String {
    let body = sent.json();
    let tools = body["tools"].as_array().cloned().unwrap_or_default();
    let names = tools.iter().filter_map(|tool| tool["function"]["name"].as_str());
    names.filter(|name| name.contains("write")).map(str::to_owned).next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_tells_of_the_files_that_it_made_and_what_it_cost() {
    let task = json!([
        { "do": "workflow", "set": [{ "name": "name", "value": "letter" }] },
        { "do": "add", "step": "write", "work": { "kind": "agent", "agent": "clerk", "goal": "Write a letter to letter.txt" },
          "input": [], "set": [], "after": [], "before": [], "within": null },
    ]);
    let server = Server::start(move |sent| {
        let said = words(sent);
        match (is_talk(sent), said.as_str()) {
            (true, "write a letter") => calling("", "propose", &json!({ "request": said })),
            (true, "what did it cost?") => match result(sent) {
                Some(result) => saying(&result),
                None => calling("", "ask_about_runs", &json!({ "question": said })),
            },
            (true, _) => calling("", "decide", &json!({ "decision": "accept" })),
            (false, text) if text.contains("write a letter") => edits(&task),
            (false, _) if result(sent).is_none() => {
                super::calling_whole(&writing(sent), &json!({ "path": "letter.txt", "text": "Dear Maria" }))
            }
            (false, _) => super::whole("The letter is written."),
        }
    })
    .await;
    let stage = stage_with(&server)
        .with("agents/clerk.yaml", "name: clerk\ndescription: Writes letters.\nprompt: clerk.md\nmodel: default\ntools: [files.write]\nworkers: 1\n")
        .with("prompts/clerk.md", "You write letters.\n");
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.say("write a letter", &json!("next"));
    let mut state = talk.rest();
    if state["runs"] == json!([]) {
        talk.say("yes", &json!("next"));
        state = talk.rest();
    }
    let said = branch(&state).join("\n---\n");
    assert!(said.contains("of `letter` completed") && said.contains("Files that it made: `letter.txt`"), "{said}");
    let reported = talk.events(0).into_iter().find_map(|one| one["event"].get("reported").cloned()).unwrap();
    assert_eq!(reported["artifacts"], json!(["letter.txt"]), "{reported:#}");
    let cost = talk.told("what did it cost?");
    assert!(cost.contains("`write`") && cost.contains("callboard costs --run"), "{cost}");
}
