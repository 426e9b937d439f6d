//! Trying a proposal: what recorded runs would have come to with it.

use serde_json::{Value, json};

use super::cli::stage;
use super::edits;
use crate::cli::stage::Stage;
use crate::models::protocol::{Protocol, Said};
use crate::models::server::Server;

const REPORT: &str = "\
name: report
inputs:
  topic: { type: string, default: Rust }
steps:
  - id: note
    input: { path: notes.txt, text: \"About {{ inputs.topic }}\" }
    process: { tool: files.write }
  - id: read
    needs: [note]
    input: { path: notes.txt }
    process: { tool: files.read }
  - id: kind
    needs: [read]
    process: { branch: { long: \"{{ steps.read.output.text | length > 8 }}\" } }
  - id: shout
    needs: [kind.long]
    process: { transform: \"{{ steps.read.output.text | upper }}\" }
  - id: sigh
    needs: [kind.otherwise]
    process: { transform: \"too short\" }
";

fn change(step: &str, name: &str, value: &str) -> Value {
    edits(json!([{ "do": "change", "step": step, "set": [{ "name": name, "value": value }] }]))
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_runs_are_replayed_with_nothing_done_and_nothing_made_up() {
    let says = [
        change("shout", "process.transform", "{{ steps.read.output.text | lower }}"),
        change("shout", "name", "Shout it"),
        edits(
            json!([{ "do": "change", "step": "kind", "set": [{ "name": "process.branch", "json": "{\"long\": \"{{ steps.read.output.text | length > 11 }}\"}" }] }]),
        ),
        change("read", "input.path", "other.txt"),
        edits(
            json!([{ "do": "add", "step": "sure", "work": { "kind": "human", "ask": "Sure?", "choices": [], "to": [] }, "input": [], "set": [],
            "after": ["note"], "before": ["read"], "within": null }]),
        ),
    ];
    let (stage, _server) = stage(&says).await;
    let stage = stage.with("report.yaml", REPORT);
    stage.done(&["run", "report.yaml", "--input", "topic=Rust"]);
    stage.done(&["run", "report.yaml", "--input", "topic=C"]);
    let notes = walk(stage.path()).into_iter().find(|path| path.ends_with("notes.txt")).expect("the notes");
    std::fs::remove_file(&notes).unwrap();
    let tried = || {
        let told = stage.json(&["plan", "--workflow", "report.yaml", "--try", "--runs", "5", "do it"]);
        let trial = told["trial"].clone();
        assert!(!notes.exists(), "an effect was performed");
        let replayed = trial["replayed"].as_array().expect("replays").clone();
        assert_eq!(replayed.len(), 2, "{trial:#}");
        // The newest first: that about C.
        (trial, replayed[1].clone(), replayed[0].clone())
    };

    // Another text: the results differ, and how the steps are left does not.
    let (trial, rust, c) = tried();
    assert_eq!(
        (&rust["before"]["result"], &rust["after"]["result"]),
        (&json!("ABOUT RUST"), &json!("about rust")),
        "{rust:#}"
    );
    assert_eq!(rust["steps"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&rust["steps"][0]["before"]["outcome"], &rust["steps"][0]["after"]["outcome"]),
        (&json!("ok"), &json!("ok"))
    );
    assert_eq!(c["before"], c["after"], "about C nothing is shouted");
    let withheld = &trial["simulated"]["withheld"][0];
    assert_eq!((&withheld["tool"], &withheld["step"]), (&json!("files.write"), &json!("note")), "{trial:#}");

    // A name: nothing differs.
    let (_, rust, _) = tried();
    assert_eq!((rust["steps"].as_array().unwrap().len(), &rust["before"]), (0, &rust["after"]), "{rust:#}");

    // Another condition: another way.
    let (_, rust, _) = tried();
    assert_eq!(rust["after"]["result"], "too short", "{rust:#}");
    let ways: Vec<_> = rust["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["step"].as_str().unwrap().to_owned(), step["after"]["outcome"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        ways,
        [("kind".into(), "otherwise".into()), ("shout".into(), "skipped".into()), ("sigh".into(), "ok".into())]
    );

    // Another call: nobody knows what it would have returned, nor anything that hangs on it.
    let (_, rust, _) = tried();
    assert_eq!(rust["after"], json!({ "status": "unknown" }), "{rust:#}");
    assert_eq!(
        rust["unknown"],
        json!([{ "step": "read", "what": "files.read", "arguments": { "path": "other.txt" } }])
    );
    for step in rust["steps"].as_array().unwrap() {
        assert_eq!((&step["is_unknown"], step.get("after")), (&json!(true), None), "{step:#}");
    }

    // A question that nobody was asked then has no answer.
    let (_, rust, _) = tried();
    assert_eq!(
        (&rust["after"]["status"], &rust["unknown"][0]["what"]),
        (&json!("unknown"), &json!("human")),
        "{rust:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_replayed_run_is_called_by_an_id_that_is_its_own() {
    let (stage, _server) = stage(&[change("shout", "name", "Shout it")]).await;
    let stage = stage.with("report.yaml", REPORT);
    stage.done(&["run", "report.yaml"]);
    stage.done(&["run", "report.yaml"]);
    let shown = stage.done(&["plan", "--workflow", "report.yaml", "--try", "do it"]).stdout;
    let runs = stage.json(&["runs"]);
    for run in runs.as_array().unwrap() {
        let id = run["id"].as_str().unwrap();
        assert!(shown.contains(&format!("Run {id} would have been the same")), "{id}: {shown}");
    }
}

/// What a model said is paid for: with the same prompt it would have been the same, with another nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn what_models_cost_is_known_as_far_as_they_would_be_asked_the_same() {
    let says = [
        change("tail", "process.transform", "{{ steps.ask.output.text | lower }}"),
        change("ask", "process.prompt", "Write about {{ inputs.topic }} at length"),
    ];
    let next = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |sent| {
        if sent.json()["stream"] == json!(true) {
            let said = says[next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(1)].to_string();
            Protocol::OpenAi.streamed(&Said::text(&[&*Box::leak(said.into_boxed_str())]))
        } else {
            Protocol::OpenAi.whole(&Said::text(&["Rust is new."]))
        }
    })
    .await;
    let config = format!(
        "[models]\ndefault = \"openai/small-1\"\n\n[models.openai]\nbase_url = \"{}/v1\"\nkey_variable = \"NO_SUCH_KEY\"\n",
        server.address
    );
    let text = "name: paid\ninputs: { topic: { type: string, default: Rust } }\nsteps:\n  - { id: ask, process: { model: default, prompt: \"Write about {{ inputs.topic }}\" } }\n  - { id: tail, process: { transform: \"{{ steps.ask.output.text | upper }}\" } }\n";
    let stage = Stage::new()
        .with("callboard.toml", config)
        .with("config/prices.toml", "[\"openai/small-1\"]\ninput = 1.0\noutput = 2.0\n")
        .with("paid.yaml", text);
    stage.done(&["run", "paid.yaml"]);
    let tried = || stage.json(&["plan", "--workflow", "paid.yaml", "--try", "do it"])["trial"]["replayed"][0].clone();
    let same = tried();
    assert_eq!(
        (&same["before"]["result"], &same["after"]["result"]),
        (&json!("RUST IS NEW."), &json!("rust is new.")),
        "{same:#}"
    );
    let cost = same["cost"].as_u64().unwrap();
    assert_eq!(
        (cost, same["cost_known"].as_u64().unwrap()),
        (25_000, 25_000),
        "11 tokens read and 7 written: {same:#}"
    );
    let other = tried();
    assert_eq!((&other["cost"], &other["cost_known"]), (&json!(cost), &json!(0)), "{other:#}");
    assert_eq!((&other["unknown"][0]["what"], &other["after"]["status"]), (&json!("model:default"), &json!("unknown")));
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}
