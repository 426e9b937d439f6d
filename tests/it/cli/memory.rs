//! Remembering and recalling.

use serde_json::{Value, json};

use super::stage::Stage;

fn with_documents() -> Stage {
    Stage::new()
        .with("docs/refunds.md", "# Refunds\n\nA refund above 500 euros is approved by the head of finance.\n")
        .with("docs/travel.txt", "Trains are booked by the office. Flights need a reason.\n")
        .with("docs/picture.png", [0x89, b'P', b'N', b'G', 0, 1, 2, 3])
}

#[test]
fn what_was_remembered_is_recalled_with_its_source() {
    let stage = with_documents();
    let remembered = stage.json(&["remember", "docs"]);
    assert_eq!((&remembered["added"], &remembered["unchanged"]), (&json!(2), &json!(0)), "{remembered:#}");

    let found = stage.json(&["recall", "who", "approves", "a", "refund"]);
    assert_eq!((&found["searched_by"], &found["told"]), (&json!("words"), &json!("words only")));
    let found = &found["hits"];
    assert!(found[0]["source"].as_str().unwrap().ends_with("refunds.md"), "{found:#}");
    assert!(found[0]["text"].as_str().unwrap().contains("head of finance"));
    let shown = stage.done(&["recall", "flights"]).stdout;
    assert!(shown.contains("travel.txt"), "{shown}");

    assert_eq!(found[0]["matched"], json!(["approves", "refund"]), "{found:#}");
    assert!(shown.contains("(found by: flights)"), "{shown}");

    let again = stage.json(&["remember", "docs"]);
    assert_eq!((&again["added"], &again["unchanged"]), (&json!(0), &json!(2)), "{again:#}");
}

#[test]
fn a_copy_is_named_beside_what_is_found() {
    let refunds = "# Refunds\n\nA refund above 500 euros is approved by the head of finance.\n";
    let stage = with_documents().with("docs/old/refunds.md", refunds);
    stage.done(&["remember", "docs"]);
    let found = &stage.json(&["recall", "refund"])["hits"];
    assert_eq!(
        (found.as_array().unwrap().len(), found[0]["also"][0]["lines"].clone()),
        (1, json!([1, 3])),
        "{found:#}"
    );
    let shown = stage.done(&["recall", "refund"]).stdout;
    assert!(shown.contains("(also in ") && shown.contains("refunds.md:1-3"), "{shown}");
}

#[test]
fn the_index_can_be_lost_and_rebuilt() {
    let stage = with_documents();
    stage.done(&["remember", "docs"]);
    let rebuilt = stage.json(&["memory", "rebuild"]);
    assert!(rebuilt["entries"].as_u64().unwrap() >= 2, "{rebuilt:#}");
    assert!(!stage.json(&["recall", "refund"])["hits"].as_array().unwrap().is_empty());
}

#[test]
fn nothing_remembered_is_nothing_found() {
    let stage = Stage::new();
    assert_eq!(stage.json(&["recall", "anything"])["hits"], json!([]));
    let ended = stage.run(&["remember", "nowhere"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("nowhere cannot be read"), "{ended:#?}");
}

/// Two steps that note different things about the same.
const NOTES: &str = "\
name: notes
description: Two steps that note different things.
steps:
  - id: march
    process: { tool: memory.note }
    input: { key: budget of the pool, text: The budget of the pool is ten. }
  - id: april
    process: { tool: memory.note }
    input: { key: budget of the pool, text: The budget of the pool is twelve. }
    needs: [march]
";

#[test]
fn notes_that_contradict_each_other_stand_until_a_person_says_which_holds() {
    let stage = Stage::new().with("notes.yaml", NOTES);
    assert_eq!(stage.done(&["memory", "notes"]).stdout, "nothing is noted\n");
    for _ in 0..2 {
        stage.done(&["run", "notes.yaml"]);
    }
    let notes = stage.json(&["memory", "notes"]);
    let standing: Vec<&Value> =
        notes.as_array().unwrap().iter().filter(|note| note.get("gave_way_to").is_none()).collect();
    let authors: Vec<&Value> = standing.iter().map(|note| &note["author"]).collect();
    assert_eq!((authors, notes.as_array().unwrap().len()), (vec![&json!("march"), &json!("april")], 4), "{notes:#}");
    let recalled = &stage.json(&["recall", "budget of the pool"])["hits"];
    assert_eq!(recalled[0]["conflict"]["holds"], Value::Null);
    assert!(stage.done(&["recall", "budget"]).stdout.contains("others noted something else about the same"));

    let april = standing[1]["id"].to_string();
    let told = stage.done(&["memory", "settle", &april, "--because", "it is later", "--by", "ann"]);
    assert_eq!(told.stdout, format!("note {april} holds; what gave way: {}\n", standing[0]["id"]));
    let shown = stage.done(&["memory", "notes"]).stdout;
    assert!(shown.contains(&format!("gave way to {april}: ann: it is later")), "{shown}");
    assert_eq!(stage.json(&["recall", "budget of the pool"])["hits"].as_array().unwrap().len(), 1);
    let refused = stage.run(&["memory", "settle", "999", "--because", "no"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("there is no note 999"), "{refused:#?}");
}

#[test]
fn what_is_forgotten_is_found_no_more() {
    let stage = with_documents();
    stage.done(&["remember", "docs", "--scope", "workflow:brief", "--confidence", "80", "--by", "ann"]);
    assert_eq!(stage.json(&["recall", "refund"])["hits"], json!([]));
    let found = &stage.json(&["recall", "refund", "--scope", "workspace,workflow:brief", "--kind", "document"])["hits"];
    let known = ["scope", "confidence", "author", "version"].map(|field| found[0][field].clone());
    assert_eq!(known, [json!("workflow:brief"), json!(80), json!("ann"), json!(1)], "{found:#}");
    let late = ["recall", "refund", "--scope", "workflow:brief", "--until", "2020-01-01"];
    assert_eq!(stage.json(&late)["hits"], json!([]));
    let listed = stage.done(&["memory", "documents"]).stdout;
    assert!(listed.contains("docs/refunds.md  (workflow:brief, version 1, 1 entries"), "{listed}");

    let shown = stage.run(&["forget", "docs"]).stdout;
    assert!(shown.contains("nothing is remembered from docs; did you mean docs/"), "{shown}");
    let shown = stage.done(&["forget", "docs/refunds.md"]).stdout;
    assert_eq!(shown, "forgot 1 entries of 1 documents\n  docs/refunds.md  (workflow:brief)\n");
    let forgotten = stage.json(&["forget", "docs/", "https://example.org/"]);
    assert_eq!((&forgotten[0]["entries"], &forgotten[1]["entries"]), (&json!(1), &json!(0)), "{forgotten:#}");
    assert_eq!(stage.json(&["memory", "documents"]), json!([]));
}

#[test]
fn tables_and_pdf_are_remembered_and_a_private_page_is_not() {
    let pdf = include_bytes!("../../fixtures/pdf/chromium.pdf");
    let prices: String = (0..300).map(|row| format!("article {row},{row}.50\n")).collect();
    let stage = Stage::new().with("rules.pdf", pdf).with("prices.csv", format!("name,price\n{prices}"));
    let remembered = stage.json(&["remember", "rules.pdf", "prices.csv", "http://127.0.0.1:9/"]);
    assert_eq!((&remembered["added"], &remembered["skipped"][0]["path"]), (&json!(2), &json!("http://127.0.0.1:9/")));
    assert!(remembered["skipped"][0]["reason"].as_str().unwrap().contains("a private address"), "{remembered:#}");
    let found = &stage.json(&["recall", "otter", "allowance"])["hits"];
    assert_eq!((&found[0]["source"], &found[0]["pages"]), (&json!("rules.pdf"), &json!([1, 1])), "{found:#}");
    assert!(stage.done(&["recall", "otter", "allowance"]).stdout.contains("rules.pdf p. 1"));
    let found = &stage.json(&["recall", "article 217"])["hits"];
    let text = found[0]["text"].as_str().unwrap();
    assert!(text.starts_with("name,price\n") && text.contains("article 217,217.50"), "{found:#}");
}

#[test]
fn what_is_remembered_is_told_with_its_versions() {
    let stage = Stage::new().with("notes.md", "The depot opens at six.");
    assert!(
        stage
            .done(&["memory", "status"])
            .stdout
            .starts_with("0 documents in 0 pieces, and 0 notes\nsearched by words only")
    );
    stage.done(&["remember", "notes.md"]);
    stage.write("notes.md", "The depot opens at seven.");
    stage.done(&["remember", "notes.md", "--by", "ada"]);
    let status = stage.json(&["memory", "status"]);
    assert_eq!((&status["documents"], &status["pieces"], &status["embedder"]), (&1.into(), &1.into(), &Value::Null));
    let versions = stage.json(&["memory", "versions", "./notes.md"]);
    let told: Vec<_> = versions.as_array().unwrap().iter().map(|version| &version["version"]).collect();
    assert_eq!(told, [2, 1], "{versions:#}");
    assert_eq!((&versions[0]["author"], &versions[0]["superseded_by"]), (&"ada".into(), &Value::Null), "{versions:#}");
    assert!(versions[1]["superseded_by"].is_number(), "{versions:#}");
    assert!(stage.done(&["memory", "versions", "notes.md"]).stdout.contains("version 1: superseded by entry"));
    for (arguments, says) in [
        (&["memory", "versions", "other.md"][..], "nothing is remembered from other.md"),
        (&["forget", "other.md"], "nothing is remembered from other.md"),
        (&["remember", "ftp://example.org/a"], "only http and https are fetched"),
        (&["recall", "depot", "--limit", "0"], "0 is not in 1..=100"),
    ] {
        let ended = stage.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:#?}");
        assert!(ended.stdout.contains(says) || ended.stderr.contains(says), "{arguments:?}: {ended:#?}");
    }
}
