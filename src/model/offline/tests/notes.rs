//! Which of several notes on the same thing holds.

use super::*;

/// What QA is given when notes contradict each other, and what it answers; `hits` is what every search returns.
async fn arbitrate(notes: &Value, hits: Value, tools: Vec<ToolSpec>) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "holds": { "type": ["integer", "null"], "description": "The id of the note that holds" },
            "reason": { "type": "string", "minLength": 1 }
        },
        "required": ["holds", "reason"]
    });
    let goal = "Which of these notes on the same thing holds: robots.count?";
    let input = json!({ "key": "robots.count", "notes": notes });
    let mut asked = request("# Quality\n\nYou are the reviewer.", goal, &input, Some(schema.clone()), tools);
    for _ in 0..3 {
        let reply = Offline.reply(&asked).await.unwrap();
        if reply.calls.is_empty() {
            let value: Value = serde_json::from_str(&reply.text).unwrap_or_else(|_| panic!("not JSON: {}", reply.text));
            jsonschema::validate(&schema, &value).unwrap();
            return value;
        }
        asked.messages.push(Message::Assistant { text: reply.text, calls: reply.calls.clone() });
        for call in reply.calls {
            asked.messages.push(Message::Tool { call: call.id, result: hits.clone() });
        }
    }
    panic!("it goes on searching");
}

fn notes(one: &str, other: &str) -> Value {
    json!([
        { "id": 12, "author": "research", "text": one, "confidence": 0.8 },
        { "id": 15, "author": "analysis", "text": other, "confidence": null }
    ])
}

fn hits(documents: &[(&str, &str)]) -> Value {
    let hit = |(source, text): &(&str, &str)| json!({ "text": text, "source": source, "lines": [3, 9], "heading": null, "score": 1.0, "note": false });
    let mut hits: Vec<Value> = documents.iter().map(hit).collect();
    // The notes themselves are found too, and bear nothing out.
    hits.push(json!({ "text": "The warehouse holds 52 robots.", "source": "analysis", "lines": null, "note": true }));
    hits.push(json!({ "text": "The warehouse holds 40 robots.", "source": "research", "lines": null, "note": true }));
    json!({ "hits": hits })
}

const ROBOTS: [&str; 2] = ["The warehouse holds 40 robots.", "The warehouse holds 52 robots."];

#[tokio::test]
async fn the_note_that_a_document_bears_out_holds() {
    let notes = notes(ROBOTS[0], ROBOTS[1]);
    let found =
        hits(&[("handover.md", "The keys were handed over.\nThe warehouse in Tallinn holds 52 picking robots.")]);
    let judged = arbitrate(&notes, found, vec![search_spec()]).await;
    assert_eq!(judged["holds"], 15, "{judged}");
    let reason = judged["reason"].as_str().unwrap();
    assert!(reason.contains("handover.md:4") && reason.contains("52 picking robots"), "{reason}");
    assert!(reason.contains("No document that was found bears out note 12 by research"), "{reason}");
}

#[tokio::test]
async fn of_two_that_are_borne_out_the_one_from_the_newer_source_holds() {
    let found = hits(&[
        ("survey.md", "The warehouse in Tallinn holds 40 robots. They were counted on 4 March 2024."),
        ("handover.md", "The warehouse in Tallinn holds 52 robots. Both shifts signed on 9 June 2026."),
    ]);
    let judged = arbitrate(&notes(ROBOTS[0], ROBOTS[1]), found, vec![search_spec()]).await;
    assert_eq!(judged["holds"], 15, "{judged}");
    let reason = judged["reason"].as_str().unwrap();
    assert!(reason.contains("handover.md:3 (2026-06-09)") && reason.contains("survey.md:3 (2024-03-04)"), "{reason}");
    assert!(reason.contains("is older"), "{reason}");
}

#[tokio::test]
async fn what_the_documents_do_not_decide_is_left_open_and_what_is_missing_is_said() {
    let nothing = hits(&[("canteen.md", "The canteen of the warehouse serves 40 meals.")]);
    let undated = hits(&[
        ("survey.md", "The warehouse in Tallinn holds 40 robots."),
        ("handover.md", "The warehouse in Tallinn holds 52 robots. Both shifts signed on 9 June 2026."),
    ]);
    let neither = hits(&[("a.md", "The warehouse holds 40 robots."), ("b.md", "The warehouse holds 52 robots.")]);
    let the_same = hits(&[("a.md", "The warehouse now holds 52 robots, where earlier the warehouse held 40 robots.")]);
    for (found, missing) in [
        (nothing, "a source for “The warehouse holds 40 robots.” and “The warehouse holds 52 robots.”"),
        (undated, "the date of survey.md:3"),
        (neither, "the dates of"),
        (the_same, "a source newer than a.md:3"),
    ] {
        let judged = arbitrate(&notes(ROBOTS[0], ROBOTS[1]), found, vec![search_spec()]).await;
        assert_eq!(judged["holds"], Value::Null, "{judged}");
        assert!(judged["reason"].as_str().unwrap().contains(missing), "{missing}: {judged}");
    }
    let judged = arbitrate(&notes(ROBOTS[0], ROBOTS[1]), Value::Null, Vec::new()).await;
    assert_eq!(judged["holds"], Value::Null, "{judged}");
}

#[tokio::test]
async fn a_word_or_a_denial_decides_as_a_figure_does() {
    let backups = notes("The backup of the shop runs daily.", "The backup of the shop runs weekly.");
    let found = hits(&[("runbook.md", "The backup of the shop runs weekly, on Sundays.")]);
    assert_eq!(arbitrate(&backups, found, vec![search_spec()]).await["holds"], 15);

    let yard = notes("The tenant may sublet the yard.", "The tenant may not sublet the yard.");
    let found = hits(&[("lease.md", "The tenant may not sublet the yard to anybody.")]);
    assert_eq!(arbitrate(&yard, found, vec![search_spec()]).await["holds"], 15);
}

#[tokio::test]
async fn thousands_may_be_written_either_way_and_notes_that_agree_do_not_contradict() {
    let cost = json!([
        { "id": 3, "author": "research", "text": "The outage cost 41200 euros.", "confidence": 0.4 },
        { "id": 4, "author": "qa", "text": "The outage cost 41,200 euros.", "confidence": 0.9 },
        { "id": 5, "author": "analysis", "text": "The outage cost 45,000 euros.", "confidence": 1.0 }
    ]);
    let found = hits(&[("report.md", "The outage cost 41,200 euros in lost orders.")]);
    let judged = arbitrate(&cost, found, vec![search_spec()]).await;
    assert_eq!(judged["holds"], 4, "{judged}");
    assert!(judged["reason"].as_str().unwrap().contains("bears out note 5 by analysis"), "{judged}");
}
