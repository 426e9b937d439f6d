//! What a run waits on a person for.

use expect_test::expect;
use serde_json::{Value, json};

use super::stage::{ASK, Stage};

#[test]
fn a_parked_run_says_what_it_waits_for_and_how_to_answer() {
    let stage = Stage::new().with("ask.yaml", ASK);
    expect![[r#"
        run RUN of ask
          go_on asks: Go on?
        parked after SPAN
        ask, step go_on, asks:
          Go on?
          answer with: callboard answer RUN go_on approved|rejected --form words=… --form comment=…
        --- exit 3
    "#]]
    .assert_eq(&stage.run(&["run", "ask.yaml"]).shown());
    expect![[r#"
        ask, step go_on, asks:
          Go on?
          answer with: callboard answer RUN go_on approved|rejected --form words=… --form comment=…
        --- exit 0
    "#]]
    .assert_eq(&stage.run(&["questions"]).shown());
    expect![[r#"
          go_on             approved SPAN
          done              ok SPAN
        completed after SPAN
        {
          "words": 3
        }
        --- exit 0
    "#]]
    .assert_eq(&stage.run(&["answer", "last", "go_on", "approved", "--form", "words=3"]).shown());
    expect![[r#"
        no open questions
        --- exit 0
    "#]]
    .assert_eq(&stage.run(&["questions", "--run", "last"]).shown());
}

#[test]
fn a_parked_run_as_json_carries_its_questions() {
    let stage = Stage::new().with("ask.yaml", ASK);
    let ended = stage.run(&["run", "ask.yaml", "--format", "json"]);
    assert_eq!(ended.code, Some(3));
    let run: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&run["status"], &run["result"], &run["failure"]), (&json!("parked"), &Value::Null, &Value::Null));
    assert_eq!(run["questions"][0]["choices"], json!(["approved", "rejected"]));

    let open = stage.json(&["questions"]);
    assert_eq!((&open[0]["run"], &open[0]["question"]["id"]), (&run["id"], &json!("go_on")));
    let resumed = stage.run(&["resume"]);
    assert_eq!(resumed.code, Some(3), "nobody has answered: {resumed:#?}");
}

#[test]
fn the_form_is_read_as_the_question_declares_it() {
    let stage = Stage::new().with("ask.yaml", ASK);
    stage.run(&["run", "ask.yaml"]);
    let form = ["--form", "words=3", "--form", "comment=12"];
    let answered = stage.json(&[&["answer", "last", "go_on", "approved", "--by", "grace"][..], &form].concat());
    assert_eq!(answered["result"], json!({ "words": 3, "comment": "12" }));
    let events = stage.done(&["events", "last", "--format", "json"]).stdout;
    assert!(events.contains(r#""by":"grace""#), "{events}");
}

#[test]
fn an_answer_that_does_not_fit_says_what_would() {
    let stage = Stage::new().with("ask.yaml", ASK);
    stage.run(&["run", "ask.yaml"]);
    for (arguments, expected) in [
        (
            &["answer", "last", "go_on", "maybe"][..],
            expect![[r#"
            --- stderr
            error: question go_on cannot be answered with maybe; choose one of approved, rejected
            --- exit 2
        "#]],
        ),
        (
            &["answer", "last", "go_in", "approved"],
            expect![[r#"
            --- stderr
            error: run RUN has no open question go_in; it has go_on
            --- exit 2
        "#]],
        ),
        (
            &["answer", "last", "go_on", "approved", "--form", "words=many"],
            expect![[r#"
            --- stderr
            error: the form of question go_on does not fit: words: "many" is not of type "integer"
            --- exit 2
        "#]],
        ),
        (
            &["answer", "last", "go_on", "approved", "--form", "words"],
            expect![[r#"
            --- stderr
            error: --form: `words` is not of the form key=value
            --- exit 2
        "#]],
        ),
    ] {
        expected.assert_eq(&stage.run(arguments).shown());
    }
    assert_eq!(stage.json(&["show", "last"])["status"], "parked");
}

#[test]
fn the_default_is_taken_while_somebody_waits_for_it() {
    let workflow = "\
name: patient
description: Asks, and goes on without an answer.
steps:
  - id: sure
    process: { human: { ask: Sure?, default: { after: 1s, outcome: approved } } }
  - id: done
    process: { transform: went on }
";
    let stage = Stage::new().with("patient.yaml", workflow);
    let parked = stage.run(&["run", "patient.yaml"]);
    assert_eq!(parked.code, Some(3), "{parked:#?}");
    assert!(parked.stdout.contains("without an answer by"), "{parked:#?}");
    let resumed = stage.json(&["resume", "--wait"]);
    assert_eq!((&resumed[0]["status"], &resumed[0]["result"]), (&json!("completed"), &json!("went on")));
}

#[test]
fn a_person_is_asked_before_a_call_if_that_is_configured() {
    let workflow = "\
name: writes
description: Writes a file.
steps:
  - id: write
    input: { path: out.txt, text: hello }
    process: { tool: files.write }
";
    let stage = Stage::new().with("writes.yaml", workflow).with("callboard.toml", "gate.ask = \"write\"\n");
    let parked = stage.run(&["run", "writes.yaml", "--format", "json"]);
    assert_eq!(parked.code, Some(3), "{parked:#?}");
    assert!(!stage.path().join("out.txt").exists());
    let run: Value = serde_json::from_str(&parked.stdout).unwrap();
    let question = run["questions"][0]["id"].as_str().unwrap();
    assert_eq!(stage.json(&["answer", "last", question, "approved"])["status"], "completed");
    assert_eq!(std::fs::read_to_string(stage.path().join("out.txt")).unwrap(), "hello");
}
