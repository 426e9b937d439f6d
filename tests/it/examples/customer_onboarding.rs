//! `examples/customer_onboarding.yaml`.

use serde_json::{Value, json};

use super::{asked, parked, read, shorten, staged, staged_and_remembered};
use crate::cli::stage::Stage;

const COMPLETE: [&str; 4] =
    ["run", "examples/customer_onboarding.yaml", "--inputs", "examples/fixtures/customer_onboarding/complete.json"];
const INCOMPLETE: [&str; 4] =
    ["run", "examples/customer_onboarding.yaml", "--inputs", "examples/fixtures/customer_onboarding/incomplete.json"];

fn has(stage: &Stage, path: &str) -> bool {
    stage.path().join("customers").join(path).exists()
}

fn outcome(run: &Value) -> &Value {
    &run["result"]["outcome"]
}

#[test]
fn a_complete_record_gets_a_letter_that_cites_the_documents() {
    let stage = staged_and_remembered("customer_onboarding");
    let run = parked(&stage, &COMPLETE);
    assert_eq!(asked(&run), ["approve"]);
    assert!(!has(&stage, "TW-20418/welcome.md"), "nobody has approved it");
    let run = stage.json(&["answer", "last", "approve", "approved"]);
    assert_eq!(outcome(&run), "onboarded");

    let letter = read(&stage, "customers/TW-20418/welcome.md");
    assert!(letter.starts_with("# Welcome to Tidewater Rota, Marrow & Finch Bakeries Ltd\n"), "{letter}");
    let (text, sources) = letter.split_once("## Sources").unwrap_or_else(|| panic!("no sources:\n{letter}"));
    assert!(text.contains("The Team plan costs 6 euros for each seat"), "{letter}");
    for document in ["plans.md:", "getting-started.md:", "support.md:"] {
        assert!(sources.contains(document), "{document} is not cited:\n{letter}");
    }
    let checklist = read(&stage, "customers/TW-20418/checklist.md");
    assert!(checklist.contains("- [ ] Team plan with 14 seats set up\n"), "{checklist}");
    assert!(checklist.contains("Video call"), "{checklist}");
}

#[test]
fn what_the_person_objects_to_is_changed() {
    let stage = staged_and_remembered("customer_onboarding");
    let run = parked(&stage, &COMPLETE);
    let objection = "Customers on the Solo plan reach support by mail and get a first answer within two working days.";
    assert!(run["questions"][0]["ask"].as_str().unwrap().contains(objection.trim_end_matches('.')), "{run:#}");
    stage.done(&["answer", "last", "approve", "change", "--form", &format!("remark={objection}")]);
    let letter = read(&stage, "customers/TW-20418/welcome.md");
    assert!(!letter.contains("Customers on the Solo plan reach support"), "{letter}");
    assert!(letter.contains("Customers on the Team plan reach support"), "{letter}");
}

#[test]
fn a_letter_that_nobody_looks_at_is_taken_as_it_is() {
    let stage = staged_and_remembered("customer_onboarding");
    shorten(&stage, "customer_onboarding", "after: 2d", "after: 1s");
    parked(&stage, &COMPLETE);
    assert_eq!(outcome(&stage.json(&["resume", "--wait"])[0]), "onboarded");
    assert!(has(&stage, "TW-20418/welcome.md"));
}

#[test]
fn what_is_missing_is_asked_for() {
    let stage = staged_and_remembered("customer_onboarding");
    let run = parked(&stage, &INCOMPLETE);
    assert_eq!(asked(&run), ["fill_in"]);
    assert!(run["questions"][0]["ask"].as_str().unwrap().contains("lacks email, country."), "{run:#}");
    let bad = stage.run(&["answer", "last", "fill_in", "filled_in", "--form", "email=piet"]);
    assert_eq!(bad.code, Some(2), "that is no address: {bad:#?}");

    let form = ["--form", "email=piet@gantrylane.example", "--form", "country=BE"];
    let run = parked(&stage, &[&["answer", "last", "fill_in", "filled_in"][..], &form].concat());
    assert_eq!(asked(&run), ["approve"]);
    let run = stage.json(&["answer", "last", "approve", "approved"]);
    let record = json!({
        "company": "Gantry Lane Cycles", "contact": "Piet Vandersloot", "email": "piet@gantrylane.example",
        "country": "BE", "plan": "Solo"
    });
    assert_eq!(run["result"], json!({ "customer": "TW-20419", "outcome": "onboarded", "record": record }));
    let checklist = read(&stage, "customers/TW-20419/checklist.md");
    assert!(checklist.contains("Record complete (filled in: email, country)"), "{checklist}");
    assert!(checklist.contains("Solo plan with 1 seat set up") && !checklist.contains("Video call"), "{checklist}");
}

#[test]
fn whom_nobody_can_complete_is_turned_away() {
    let stage = staged("customer_onboarding");
    shorten(&stage, "customer_onboarding", "after: 5d", "after: 1s");
    parked(&stage, &INCOMPLETE);
    assert_eq!(outcome(&stage.json(&["resume", "--wait"])[0]), "turned away");
    let note = read(&stage, "customers/TW-20419/not-onboarded.md");
    assert!(note.contains("lacked email, country"), "{note}");
}

#[test]
fn a_form_that_comes_back_with_a_gap_is_not_enough() {
    let stage = staged("customer_onboarding");
    parked(&stage, &INCOMPLETE);
    let half = ["answer", "last", "fill_in", "filled_in", "--form", "email=piet@gantrylane.example"];
    assert_eq!(outcome(&stage.json(&half)), "turned away", "the country is missing still");
    assert!(!has(&stage, "TW-20419/welcome.md"));
}

#[test]
fn a_person_writes_the_letter_that_the_agents_cannot_write() {
    let stage = staged("customer_onboarding");
    let run = parked(&stage, &COMPLETE);
    assert_eq!(asked(&run), ["by_hand"], "nothing is remembered to write it from");
    let run = stage.json(&["answer", "last", "by_hand", "written", "--form", "text=Dear Leila, welcome."]);
    assert_eq!(outcome(&run), "onboarded");
    assert_eq!(read(&stage, "customers/TW-20418/welcome.md"), "Dear Leila, welcome.");
    assert!(read(&stage, "customers/TW-20418/checklist.md").contains("written by hand"));
}
