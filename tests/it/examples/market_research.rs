//! `examples/market_research.yaml`.

use serde_json::json;

use super::{asked, parked, read, staged_and_remembered};

const FILE: &str = "examples/market_research.yaml";

#[test]
fn competitors_are_compared_in_a_report_that_passes_review() {
    let stage = staged_and_remembered("market_research");
    let run = stage.json(&["run", FILE]);
    let expected = json!({
        "published": true, "review": "ok", "known": ["Nordlager", "Paletto", "Shelfline", "Kontorio"], "unknown": []
    });
    assert_eq!(run["result"], expected);

    let report = read(&stage, "market/report.md");
    for (competitor, facts) in [
        ("Nordlager", ["49 euros per user and month", "Copenhagen", "by telephone"]),
        ("Paletto", ["99 euros per month and warehouse", "Frankfurt", "by chat only"]),
        ("Shelfline", ["38,000 euros", "the customer's own servers", "round the clock"]),
        ("Kontorio", ["29 euros per user and month", "Paris and Lille", "by mail within one working day"]),
    ] {
        let row = report.lines().find(|line| line.starts_with(&format!("| {competitor} |")));
        let row = row.unwrap_or_else(|| panic!("no row for {competitor}:\n{report}"));
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").skip(1).collect();
        assert_eq!(cells.len(), facts.len(), "{row}");
        assert!(cells.iter().zip(facts).all(|(cell, fact)| cell.contains(fact)), "{row}");
    }
    let (text, sources) = report.split_once("## Sources").unwrap_or_else(|| panic!("no sources:\n{report}"));
    for number in 1..=12 {
        let id = format!("[F{number}]");
        assert!(text.contains(&id) && sources.contains(&id), "{id} is not cited:\n{report}");
    }
}

#[test]
fn one_of_whom_nothing_is_known_does_not_stop_the_others() {
    let stage = staged_and_remembered("market_research");
    let run = stage.json(&["run", FILE, "-i", r#"competitors=["Boxwerk", "Paletto"]"#, "-i", "min_sources=3"]);
    assert_eq!(
        run["result"],
        json!({ "published": true, "review": "ok", "known": ["Paletto"], "unknown": ["Boxwerk"] })
    );
    let report = read(&stage, "market/report.md");
    assert!(report.contains("\n| Boxwerk | not known | not known | not known |\n"), "{report}");
}

#[test]
fn a_person_decides_on_a_draft_that_does_not_pass_in_three_rounds() {
    let stage = staged_and_remembered("market_research");
    let arguments = ["run", FILE, "-i", "min_sources=13"];
    let run = parked(&stage, &arguments);
    assert_eq!(asked(&run), ["publish_anyway"]);
    assert!(
        run["questions"][0]["ask"].as_str().unwrap().contains("it cites 12 findings, and 13 are wanted"),
        "{run:#}"
    );
    let shown = stage.json(&["show", "last"]);
    let steps = shown["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["step"] == "review" && step["outcome"] == "exhausted"), "{shown:#}");

    let dropped = stage.json(&["answer", "last", "publish_anyway", "drop"]);
    assert_eq!((&dropped["status"], &dropped["result"]["published"]), (&json!("completed"), &json!(false)));
    assert!(!stage.path().join("market/report.md").exists());

    parked(&stage, &arguments);
    let published = stage.json(&["answer", "last", "publish_anyway", "publish"]);
    assert_eq!(published["result"]["published"], true);
    assert!(read(&stage, "market/report.md").contains("_This report did not pass review; a person published it._"));
}

#[test]
fn without_a_single_finding_a_person_is_told() {
    let stage = staged_and_remembered("market_research");
    let run = parked(&stage, &["run", FILE, "-i", r#"competitors=["Boxwerk"]"#]);
    assert_eq!(asked(&run), ["nothing_known"]);
    let run = stage.json(&["answer", "last", "nothing_known", "understood"]);
    assert_eq!(run["result"]["published"], false);
    assert!(!stage.path().join("market").exists());
}
