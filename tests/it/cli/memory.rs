//! Remembering and recalling.

use serde_json::json;

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
    assert!(found[0]["source"].as_str().unwrap().ends_with("refunds.md"), "{found:#}");
    assert!(found[0]["text"].as_str().unwrap().contains("head of finance"));
    let shown = stage.done(&["recall", "flights"]).stdout;
    assert!(shown.contains("travel.txt"), "{shown}");

    let again = stage.json(&["remember", "docs"]);
    assert_eq!((&again["added"], &again["unchanged"]), (&json!(0), &json!(2)), "{again:#}");
}

#[test]
fn the_index_can_be_lost_and_rebuilt() {
    let stage = with_documents();
    stage.done(&["remember", "docs"]);
    let rebuilt = stage.json(&["memory", "rebuild"]);
    assert!(rebuilt["entries"].as_u64().unwrap() >= 2, "{rebuilt:#}");
    assert!(!stage.json(&["recall", "refund"]).as_array().unwrap().is_empty());
}

#[test]
fn nothing_remembered_is_nothing_found() {
    let stage = Stage::new();
    assert_eq!(stage.json(&["recall", "anything"]), json!([]));
    let ended = stage.run(&["remember", "nowhere"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("nowhere cannot be read"), "{ended:#?}");
}
