//! Parts of a proposal, one after the other; taking them back; new names; and who is quicker.

use std::thread;

use serde_json::{Value, json};
use sqlx::Connection as _;

use super::{HELLO, Talk, ask, calling, get, is_planning, owner, post, saying, stage_with, words};
use crate::cli::stage::Stage;
use crate::models::server::{Answer, Sent, Server};

/// Steps that hang on each other in a row.
const ROW: &str = "\
name: row
steps:
  - id: first
    process: { transform: \"1\" }
  - id: alpha
    needs: [first]
    process: { transform: \"2\" }
  - id: beta
    needs: [alpha]
    process: { transform: \"3\" }
  - id: gamma
    needs: [beta]
    process: { transform: \"4\" }
";

fn edits(edits: &Value) -> Answer {
    saying(&json!({ "edits": edits, "questions": [], "assumptions": [], "doubts": [] }).to_string())
}

/// A planner that knows a few requests; in a conversation all that it is not told to plan is a decision.
fn answer(sent: &Sent) -> Answer {
    let said = words(sent);
    if !is_planning(sent) {
        return match said.as_str() {
            "run it" => calling("", "run_workflow", &json!({ "workflow": "wipe", "inputs": {} })),
            "run notes" => {
                calling("", "run_workflow", &json!({ "workflow": "notes", "inputs": { "path": "other.txt" } }))
            }
            "save this as a workflow called morning" => calling("", "keep_workflow", &json!({ "name": "evening" })),
            text if text.starts_with("please") || text == "another" => {
                calling("", "propose", &json!({ "request": text, "new": text.contains("new") }))
            }
            text if text.starts_with("no") => calling("", "decide", &json!({ "decision": "reject" })),
            text if text.starts_with("undo") => calling("", "decide", &json!({ "decision": "undo" })),
            _ => calling("", "decide", &json!({ "decision": "accept" })),
        };
    }
    // The request comes last in what the model is told.
    let request =
        said.rsplit_once("please ").map_or("", |(_, rest)| rest).lines().next().unwrap_or_default().to_owned();
    let new = |name: &str, id: &str| {
        let work = json!({ "kind": "transform", "value": "\"x\"" });
        json!([{ "do": "workflow", "set": [{ "name": "name", "value": name }] },
            { "do": "add", "step": id, "work": work, "input": [], "set": [], "after": [], "before": [], "within": null }])
    };
    match request.as_str() {
        "remove alpha and beta" => {
            edits(&json!([{ "do": "remove", "step": "alpha" }, { "do": "remove", "step": "beta" }]))
        }
        text if text.starts_with("call it ") => {
            edits(&json!([{ "do": "workflow", "set": [{ "name": "name", "value": &text["call it ".len()..] }] }]))
        }
        "call gamma delta" => edits(&json!([{ "do": "rename", "step": "gamma", "to": "delta" }])),
        "make a new one" => edits(&new("fresh", "one")),
        "greet otherwise" if said.contains("it is too loud") => {
            edits(&json!([{ "do": "change", "step": "greet", "set": [{ "name": "transform", "value": "Good day" }] }]))
        }
        _ => edits(&json!([{ "do": "change", "step": "greet", "set": [{ "name": "transform", "value": "HEY" }] }])),
    }
}

fn save(stage: &Stage, text: &str) -> String {
    let saved = post(stage, "/api/workflows", &json!({ "files": [{ "file": "any.yaml", "text": text }] }));
    saved[0]["version"].as_str().unwrap_or_else(|| panic!("{saved}")).to_owned()
}

/// The live versions by name, with their texts: as the database has them.
async fn all(stage: &Stage) -> Vec<(String, String, String)> {
    let address = format!("sqlite://{}?mode=ro", stage.path().join("data/callboard.db").display());
    let mut database = sqlx::SqliteConnection::connect(&address).await.unwrap();
    let rows = sqlx::query_as(
        "SELECT name, live, text FROM workflows JOIN workflow_versions AS versions ON versions.workflow = name AND hash = live ORDER BY name",
    );
    let rows = rows.fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    rows
}

/// The live version and its text; null if none is live.
async fn live(stage: &Stage, name: &str) -> (Value, String) {
    let found = all(stage).await.into_iter().find(|(found, ..)| found == name);
    found.map_or((Value::Null, String::new()), |(_, live, text)| (json!(live), text))
}

/// Has something proposed about a saved workflow; the route of the proposal.
fn plan(stage: &Stage, workflow: &str, request: &str) -> String {
    let (_, answer) = ask(stage, "POST", "/api/plans", &json!({ "request": request, "workflow": workflow }));
    let last = answer.as_str().unwrap().lines().rfind(|line| line.starts_with("{\"planned\"")).unwrap();
    let line: Value = serde_json::from_str(last).unwrap();
    format!("/api/proposals/{}", line["planned"]["id"].as_str().unwrap_or_else(|| panic!("{line:#}")))
}

fn steps(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("- id: ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbouring_parts_are_accepted_one_by_one_and_what_came_between_stays() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let original = save(&stage, ROW);
    let path = plan(&stage, "row", "please remove alpha and beta");
    assert_eq!(get(&stage, &path)["steps"], json!(["alpha", "beta"]), "what can be accepted by itself");
    post(&stage, &format!("{path}/accept"), &json!({ "steps": ["alpha"] }));
    post(&stage, &format!("{path}/accept"), &json!({ "steps": ["beta"] }));
    assert_eq!(steps(&live(&stage, "row").await.1), ["first", "gamma"]);
    post(&stage, &format!("{path}/undo"), &Value::Null);
    assert_eq!(live(&stage, "row").await.0, json!(original));

    // Something else is done between the parts: it outlives taking them back.
    let path = plan(&stage, "row", "please remove alpha and beta");
    post(&stage, &format!("{path}/accept"), &json!({ "steps": ["alpha"] }));
    let between = live(&stage, "row").await.1.replace("transform: \"1\"", "transform: \"one\"");
    save(&stage, &between);
    post(&stage, &format!("{path}/accept"), &json!({}));
    let undone = post(&stage, &format!("{path}/undo"), &Value::Null);
    let text = live(&stage, "row").await.1;
    assert_eq!(steps(&text), ["first", "alpha", "beta", "gamma"], "{undone:#}");
    assert!(text.contains("transform: \"one\"") || text.contains("transform: one"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_is_accepted_in_a_conversation_and_all_of_it_taken_back() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let original = save(&stage, ROW);
    let talk = Talk::begin(&stage, &json!({ "workflow": "row" }));
    talk.told("please remove alpha and beta");
    let said = talk.told("accept only alpha");
    assert!(said.contains("Not accepted yet: `beta`. Say “accept the rest” for that."), "{said}");
    // Thanks are no yes, and a part that is accepted cannot be rejected.
    let said = talk.told("ok, thanks");
    assert!(said.contains("nothing was decided") || !said.contains("Accepted"), "{said}");
    let said = talk.told("accept the rest");
    assert!(said.contains("Removes `beta`") && !said.contains("Removes `alpha`"), "{said}");
    assert_eq!(steps(&live(&stage, "row").await.1), ["first", "gamma"]);
    let said = talk.told("undo that");
    assert!(said.contains("Taken back: `row` is as it was"), "{said}");
    assert_eq!(live(&stage, "row").await.0, json!(original));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_gets_another_name_and_its_old_one_back() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let original = save(&stage, ROW);
    let path = plan(&stage, "row", "please call it queue");
    let done = post(&stage, &format!("{path}/accept"), &json!({}));
    assert_eq!((&done["workflow"], &live(&stage, "row").await.0), (&json!("queue"), &Value::Null));
    assert!(live(&stage, "queue").await.1.starts_with("name: queue\n"));
    let undone = post(&stage, &format!("{path}/undo"), &Value::Null);
    assert_eq!((&undone["workflow"], &undone["version"]), (&json!("row"), &json!(original)));
    assert_eq!((live(&stage, "row").await.0, live(&stage, "queue").await.0), (json!(original), Value::Null));
    // A name that another has is refused, and nothing is changed.
    save(&stage, &ROW.replace("name: row", "name: queue"));
    let path = plan(&stage, "row", "please call it queue");
    let (status, error) = ask(&stage, "POST", &format!("{path}/accept"), &json!({}));
    assert_eq!((status, &error["error"]["code"]), (422, &json!("name_taken")), "{error}");
    assert_eq!(live(&stage, "row").await.0, json!(original));

    // In a conversation it stays in front, whatever it is called.
    save(&stage, &ROW.replace("name: row", "name: line"));
    let talk = Talk::begin(&stage, &json!({ "workflow": "line" }));
    talk.told("please call it pipe");
    talk.told("yes");
    assert_eq!(talk.state()["workflow"], "pipe");
    talk.told("undo that");
    assert_eq!(talk.state()["workflow"], "line");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_workflow_that_is_accepted_three_times_at_once_is_there_once() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.told("please make a new one");
    let path = format!("{}/proposals/{}", talk.path, talk.state()["proposal"]);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let asking = (0..3).map(|_| scope.spawn(|| ask(&stage, "POST", &path, &json!({ "accept": {} })).0));
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let names: Vec<String> = all(&stage).await.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["fresh"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_is_kept_by_the_name_that_was_said() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.told("please make a new one");
    // The model says another name: what the person said counts.
    let said = talk.told("save this as a workflow called morning");
    assert!(said.contains("Accepted and saved: `morning`"), "{said}");
    assert_eq!((talk.state()["runs"].clone(), live(&stage, "fresh").await.0), (json!([]), Value::Null));
    assert!(live(&stage, "morning").await.1.starts_with("name: morning\n"));
    let said = talk.told("undo that");
    assert!(said.contains("no version of `morning` is in use"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_is_proposed_in_a_conversation_with_why_the_first_was_not_wanted() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    save(&stage, HELLO);
    let talk = Talk::begin(&stage, &json!({ "workflow": "hello" }));
    talk.told("please greet otherwise");
    let said = talk.told("no, because it is too loud");
    assert!(said.starts_with("Rejected. Nothing is changed."), "{said}");
    let said = talk.told("another");
    assert!(said.contains("Good day"), "{said}");
    let asked = words(server.sent().iter().rfind(|sent| is_planning(sent)).unwrap());
    assert!(asked.contains("No, not what you have proposed last: it is too loud."), "{asked}");
    let said = talk.told("another");
    assert!(said.contains("The same would be proposed again"), "{said}");
    assert!(talk.state()["proposal"].is_u64(), "what was proposed last is still there");
}

const WIPE: &str = "\
name: NAME
inputs:
  path: { type: string, default: notes.txt }
steps:
  - id: note
    input: { path: \"{{ inputs.path }}\", text: gone }
    process: { tool: files.write }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_changes_the_world_is_the_one_that_the_person_asks_for() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    save(&stage, &WIPE.replace("NAME", "wipe"));
    save(&stage, &WIPE.replace("NAME", "notes"));
    let talk = Talk::begin(&stage, &json!({ "workflow": "notes" }));
    // The model calls for another workflow, and for inputs that nobody spoke of.
    for words in ["run it", "run notes"] {
        talk.told(words);
        assert_eq!(talk.state()["runs"], json!([]), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_branch_has_the_workflow_in_front_that_it_had() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    let first = talk.say("please make a new one", &json!("next"));
    talk.rest();
    talk.told("yes");
    assert_eq!(talk.state()["workflow"], "fresh");
    let head = talk.state()["head"].clone();
    talk.say("please make a new one", &json!({ "instead_of": first }));
    let state = talk.rest();
    assert_eq!(state["workflow"], Value::Null, "{state:#}");
    post(&stage, &format!("{}/go-on", talk.path), &json!({ "head": head }));
    assert_eq!(talk.state()["workflow"], "fresh");
}

const TWO_QUESTIONS: &str = "\
name: asks
steps:
  - id: first
    process: { human: { ask: Is the boat blue?, choices: [yes, no] } }
  - id: second
    needs: [first.yes]
    process: { human: { ask: Is the boat dry?, choices: [yes, no] } }
";

#[test]
fn each_question_of_a_run_is_told_of_in_the_conversation() {
    let stage = Stage::new();
    let _owner = owner(&stage);
    save(&stage, TWO_QUESTIONS);
    let talk = Talk::begin(&stage, &json!({ "workflow": "asks" }));
    talk.say("run it", &json!("next"));
    let told = |what: &str| {
        talk.until(what, |event| event["reported"]["text"].as_str().is_some_and(|text| text.contains(what)));
    };
    told("Is the boat blue?");
    stage.done(&["answer", "last", "first", "yes"]);
    told("Is the boat dry?");
    stage.done(&["answer", "last", "second", "yes"]);
    talk.until("end", |event| event["reported"]["status"] == "completed");
    let reports = talk.events(0).iter().filter(|one| one["event"].get("reported").is_some()).count();
    assert_eq!(reports, 3, "and nothing twice");
}
