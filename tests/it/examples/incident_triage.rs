//! `examples/incident_triage.yaml`.

use serde_json::json;

use super::status_page::StatusPage;
use super::{asked, parked, read, shorten, staged, staged_and_remembered};
use crate::cli::stage::{Stage, run_id};

const FILE: &str = "examples/incident_triage.yaml";
const ALERT: &str = "examples/fixtures/incident_triage/alert.json";
const MINOR: &str = "examples/fixtures/incident_triage/alert-minor.json";
const ACCOUNT: [&str; 4] = [
    "--form",
    "cause=A migration of the table shipments held the connections of the pool.",
    "--form",
    "impact=2,100 labels were printed 19 minutes late.",
];

/// Lets the workflow call this machine, where the status page is.
fn allow_local(stage: Stage) -> Stage {
    stage.with("callboard.toml", "tools.http.allow = [\"127.0.0.1\"]\n")
}

/// The texts that the status page was told, in order.
fn statuses(page: &StatusPage) -> Vec<String> {
    page.told().iter().map(|told| told.body["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_incident_is_announced_acknowledged_and_written_up() {
    let page = StatusPage::start(1);
    let stage = allow_local(staged_and_remembered("incident_triage"));
    let address = format!("status_page={}", page.url());
    let mut owner = stage.start(&["run", FILE, "--inputs", ALERT, "-i", &address]);
    let id = run_id(&owner.line("run "));
    owner.line("acknowledged waits for signal incident.acknowledged");
    stage.done(&["signal", &id, "incident.acknowledged", r#"{"alert_id": "ALR-1", "by": "ruta"}"#]);
    stage.done(&["signal", &id, "incident.acknowledged", r#"{"alert_id": "ALR-77103", "by": "emil"}"#]);
    let ended = owner.end();
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.stdout.contains("emil works on ALR-77103."), "the other alert is somebody else's: {ended:#?}");
    let brief = read(&stage, "incidents/ALR-77103.md");
    assert!(brief.contains("Severity 1.") && brief.contains("pg_terminate_backend"), "{brief}");

    let run = stage.json(&[&["answer", &id, "over", "resolved"][..], &ACCOUNT].concat());
    let expected = json!({
        "alert": "ALR-77103", "severity": "sev1", "escalated": false, "end": "resolved", "status_page": "told"
    });
    assert_eq!(run["result"], expected);
    assert_eq!(statuses(&page), ["investigating", "investigating", "resolved"], "the first was answered with 503");
    let told = page.told();
    assert!(told.iter().all(|told| told.place == "PUT /incidents/ALR-77103"), "{told:#?}");
    assert!(!told[0].key.is_empty() && told[0].key == told[1].key && told[1].key != told[2].key, "{told:#?}");

    let draft = read(&stage, "incidents/ALR-77103-postmortem.md");
    for part in [
        "A migration of the table shipments held the connections of the pool [N1].",
        "2,100 labels were printed 19 minutes late [N2].",
        "- [N1] account of the engineer on call: ",
        "runbook-label-api.md:",
        "incident-2026-06-09-label-api.md:",
    ] {
        assert!(draft.contains(part), "no `{part}`:\n{draft}");
    }
}

#[test]
fn what_nobody_acknowledges_is_escalated_and_a_page_that_fails_is_told_by_hand() {
    let page = StatusPage::start(usize::MAX);
    let stage = allow_local(staged("incident_triage"));
    shorten(&stage, "incident_triage", "timeout: 15m }", "timeout: 1s }");
    let run = parked(&stage, &["run", FILE, "--inputs", ALERT, "-i", &format!("status_page={}", page.url())]);
    assert!(asked(&run).contains(&"announce_by_hand"), "{run:#}");
    assert_eq!(page.told().len(), 3, "it is tried three times");
    assert!(read(&stage, "incidents/ALR-77103.md").contains("No runbook and no past incident was found."));

    let run = parked(&stage, &["answer", "last", "announce_by_hand", "told"]);
    assert_eq!(asked(&run), ["escalate"]);
    let run = parked(&stage, &["answer", "last", "escalate", "taken", "--form", "by=dagny"]);
    assert_eq!(asked(&run), ["over"]);
    assert!(run["questions"][0]["ask"].as_str().unwrap().starts_with("dagny works on ALR-77103."), "{run:#}");
    let run = stage.json(&[&["answer", "last", "over", "resolved"][..], &ACCOUNT].concat());
    let expected = json!({
        "alert": "ALR-77103", "severity": "sev1", "escalated": true, "end": "resolved", "status_page": "told"
    });
    assert_eq!(run["result"], expected);
    assert_eq!(page.told().len(), 3, "whoever told it by hand takes it off by hand");
    let draft = read(&stage, "incidents/ALR-77103-postmortem.md");
    assert!(draft.contains("[N1]") && draft.contains("## What is not known"), "{draft}");
}

#[test]
fn a_false_alarm_is_cleared_and_has_no_post_mortem() {
    let page = StatusPage::start(0);
    let stage = allow_local(staged_and_remembered("incident_triage"));
    shorten(&stage, "incident_triage", "timeout: 15m }", "timeout: 1s }");
    let run = parked(&stage, &["run", FILE, "--inputs", ALERT, "-i", &format!("status_page={}", page.url())]);
    assert_eq!(asked(&run), ["escalate"]);
    let run = stage.json(&["answer", "last", "escalate", "false_alarm"]);
    assert_eq!((&run["result"]["end"], &run["result"]["escalated"]), (&json!("false_alarm"), &json!(true)));
    assert_eq!(statuses(&page), ["investigating", "resolved"]);
    assert!(!stage.path().join("incidents/ALR-77103-postmortem.md").exists());
}

#[test]
fn a_nuisance_is_noted_and_wakes_nobody() {
    let page = StatusPage::start(0);
    let stage = allow_local(staged("incident_triage"));
    let run = stage.json(&["run", FILE, "--inputs", MINOR, "-i", &format!("status_page={}", page.url())]);
    let expected = json!({
        "alert": "ALR-77110", "severity": "minor", "escalated": false, "end": "noted", "status_page": "not told"
    });
    assert_eq!(run["result"], expected);
    assert!(page.told().is_empty());
    assert!(read(&stage, "incidents/ALR-77110.md").contains("To be looked at on the next working day."));
}
