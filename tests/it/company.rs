//! That the agents are a company and not a pipeline: what one of them would miss is found because it asks another.
//!
//! Each test plants something in documents, and is carried out twice: by the agents as they are, and by agents that may
//! not talk to each other, who must miss it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod faults;

use serde_json::Value;

use crate::cli::stage::Stage;

/// What came of a brief: its text, and what was said, as `from>to kind: text`.
struct Brief {
    text: String,
    said: Vec<String>,
}

/// A brief about a question by agents that may talk, or may not.
fn brief(documents: &[(&str, &str)], question: &str, may_talk: bool) -> Brief {
    let mut stage = Stage::new().with("brief.yaml", include_str!("../../examples/brief.yaml"));
    for (name, text) in documents {
        stage = stage.with(&format!("documents/{name}"), text);
    }
    if !may_talk {
        for role in ["analysis", "qa"] {
            let path = format!("{}/agents/{role}.yaml", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains("company."), "{text}");
            stage = stage.with(&format!("agents/{role}.yaml"), text.replace(", company.ask, company.object", ""));
        }
    }
    stage.done(&["remember", "documents"]);
    stage.done(&["run", "brief.yaml", "--input", &format!("question={question}")]);
    let events = stage.done(&["events", "last", "--format", "json"]);
    let said = events.stdout.lines().filter_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let message = &event["event"]["said"]["message"];
        let (kind, says) = message["says"].as_object()?.iter().next()?;
        let to = message["to"].as_str().unwrap();
        Some(format!("{}>{to} {kind}: {says}", message["from"].as_str().unwrap()))
    });
    let said = said.collect();
    let text = std::fs::read_to_string(stage.path().join("brief.md")).unwrap();
    Brief { text, said }
}

impl Brief {
    /// The text without the list of sources.
    fn stated(&self) -> &str {
        self.text.split("## Sources").next().unwrap()
    }

    fn heard(&self, beginning: &str) -> bool {
        self.said.iter().any(|line| line.starts_with(beginning))
    }
}

/// Each document says more of the robots than a researcher hands on, and its date at the end.
const WAREHOUSE: [(&str, &str); 2] = [
    (
        "survey.md",
        "# Survey of the warehouse\n\nThe warehouse in Tallinn holds 40 picking robots. The picking robots in the warehouse in \
         Tallinn are charged at night. A picking robot of the warehouse carries two crates. The warehouse in Tallinn lends \
         picking robots to nobody. Every picking robot in the warehouse has a name. Two picking robots in the warehouse in Tallinn \
         wait for wheels. The warehouse in Tallinn bought its picking robots in Turku. Picking robots in the warehouse hold still at \
         crossings. The warehouse in Tallinn insures each picking robot.\n\nNothing else was looked at.\n\nThe facility team counted on 4 March \
         2024.\n",
    ),
    (
        "handover.md",
        "# Handover of the warehouse\n\nThe warehouse in Tallinn holds 52 picking robots. The picking robots in the warehouse in \
         Tallinn are washed on Mondays. A picking robot in the warehouse stops at doors. The warehouse in Tallinn keeps spare \
         wheels for its picking robots. No picking robot leaves the warehouse in Tallinn. Visitors may ride no picking robot in the \
         warehouse. Night shifts in the warehouse in Tallinn name new picking robots. A picking robot in the warehouse hums. The \
         warehouse in Tallinn rents no picking robots.\n\nThe keys were handed over.\n\nBoth shifts signed on 9 June \
         2026.\n",
    ),
];

#[test]
fn which_of_two_figures_is_out_of_date_is_found_out() {
    let question = "How many picking robots does the warehouse in Tallinn hold?";
    let newer = "holds 52 picking robots [";
    let told = brief(&WAREHOUSE, question, true);
    assert!(told.heard("analysis>research objection"), "{:#?}", told.said);
    assert!(told.heard("research>analysis answer"), "{:#?}", told.said);
    let (holds, superseded) = told.stated().split_once("Superseded: ").unwrap_or_else(|| panic!("{}", told.text));
    assert!(holds.contains(newer) && superseded.contains("40 picking robots"), "{}", told.text);

    let alone = brief(&WAREHOUSE, question, false);
    assert!(alone.said.is_empty(), "{:#?}", alone.said);
    assert!(!alone.stated().contains("Superseded"), "{}", alone.text);
}

const WAREHOUSES: [(&str, &str); 4] = [
    ("tallinn.md", "# Tallinn\n\nThe warehouse in Tallinn holds 40 robots.\n"),
    ("oslo.md", "# Oslo\n\nThe warehouse in Oslo holds 33 robots.\n"),
    ("turku.md", "# Turku\n\nThe warehouse in Turku holds 27 robots.\n"),
    ("malmo.md", "# Malmo\n\nThe warehouse in Malmo holds 61 robots.\n"),
];

#[test]
fn figures_of_different_things_contradict_nothing() {
    let told = brief(&WAREHOUSES, "How many robots does each warehouse hold?", true);
    assert!(!told.text.contains("disagree") && !told.text.contains("Superseded"), "{}", told.text);
    for row in ["| Tallinn | 40 robots [", "| Oslo | 33 robots [", "| Turku | 27 robots [", "| Malmo | 61 robots ["] {
        assert!(told.stated().contains(row), "{row}\n{}", told.text);
    }
    assert!(
        !told.said.iter().any(|line| line.contains(" objection: ") || line.contains("contradicts")),
        "{:#?}",
        told.said
    );
}

const OUTAGE: [(&str, &str); 3] = [
    (
        "report.md",
        "# Report\n\nThe outage in March cost 27,400 euros in refunds to hotel guests. The outage in March lasted a night. The \
         outage was caused by a switch.\n",
    ),
    ("letter.md", "# Letter of the accountant\n\nRefunds to hotel guests came to 31,000 euros. They are booked.\n"),
    ("canteen.md", "# Canteen\n\nDuring the outage in March the canteen served cold meals.\n"),
];

#[test]
fn a_contradiction_that_the_question_does_not_lead_to_is_found() {
    let question = "What did the outage in March cost?";
    let told = brief(&OUTAGE, question, true);
    assert!(told.heard("analysis>research question"), "{:#?}", told.said);
    assert!(told.stated().contains("The sources disagree"), "{}\n{:#?}", told.text, told.said);
    assert!(told.stated().contains("27,400") && told.stated().contains("31,000"), "{}", told.text);

    let alone = brief(&OUTAGE, question, false);
    assert!(!alone.stated().contains("31,000"), "{}", alone.text);
}

const MOVE: [(&str, &str); 3] = [
    (
        "minutes.md",
        "# Minutes\n\nThe move to Riga was approved. What the move to Riga comes to is set out in Annex B. The move to Riga begins in \
         May.\n",
    ),
    ("annex-b.md", "# Annex B\n\nThe haulier charges 18,300 euros and the new racks are 9,150 euros.\n"),
    ("canteen.md", "# Canteen\n\nBefore the move to Riga the canteen serves cold meals.\n"),
];

#[test]
fn a_fact_that_is_missing_is_fetched_from_where_a_source_points() {
    let question = "What does the move to Riga come to?";
    let told = brief(&MOVE, question, true);
    assert!(told.heard("analysis>research question"), "{:#?}", told.said);
    assert!(told.stated().contains("18,300 euros"), "{}\n{:#?}", told.text, told.said);

    let alone = brief(&MOVE, question, false);
    assert!(!alone.text.contains("18,300"), "{}", alone.text);
}

const QUOTED: [(&str, &str); 2] = [
    (
        "newsletter.md",
        "# Newsletter\n\nThe lease of the workshop says: \"The tenant may sublet the yard to anybody at any time\". The yard has \
         been swept.\n",
    ),
    (
        "lease.md",
        "# Lease of the workshop\n\nThe tenant may use the workshop and the yard. The tenant may sublet the workshop with the \
         consent of the owner only. The yard may not be sublet to anybody.\n",
    ),
];

#[test]
fn a_fabricated_quotation_does_not_get_into_the_brief() {
    let question = "May the tenant sublet the yard of the workshop?";
    let told = brief(&QUOTED, question, true);
    assert!(told.heard("qa>research question"), "{:#?}", told.said);
    assert!(!told.stated().contains("to anybody at any time"), "{}", told.text);
    let alone = brief(&QUOTED, question, false);
    assert!(alone.stated().contains("to anybody at any time"), "{}", alone.text);
}

const NOTES: &str = "\
name: notes
description: Two agents note different things about the same.
steps:
  - id: first
    process: { agent: scribe, goal: Make a memory note of the input }
    input: { key: robots in Tallinn, text: The warehouse in Tallinn holds 40 picking robots. }
  - id: second
    process: { agent: scribe, goal: Make a memory note of the input }
    input: { key: robots in Tallinn, text: The warehouse in Tallinn holds 52 picking robots. }
    needs: [first]
";

#[test]
fn notes_that_contradict_each_other_are_settled_by_what_a_document_says() {
    let scribe = "name: scribe\ndescription: Notes what it is told.\nprompt: scribe.md\ntools: [memory.note]\n";
    let handover = "# Handover\n\nThe warehouse in Tallinn holds 52 picking robots. Signed on 9 June 2026.\n";
    for may_settle in [true, false] {
        let mut stage = Stage::new()
            .with("notes.yaml", NOTES)
            .with("agents/scribe.yaml", scribe)
            .with("prompts/scribe.md", "You note what you are told.\n")
            .with("documents/handover.md", handover);
        if !may_settle {
            let qa = std::fs::read_to_string(format!("{}/agents/qa.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
            assert!(qa.contains(", memory.settle"), "{qa}");
            stage = stage.with("agents/qa.yaml", qa.replace(", memory.settle", ""));
        }
        stage.done(&["remember", "documents"]);
        stage.done(&["run", "notes.yaml"]);
        let notes = stage.json(&["memory", "notes"]);
        let [first, second] = notes.as_array().unwrap().as_slice() else { panic!("{notes:#}") };
        assert!(second.get("gave_way_to").is_none(), "{notes:#}");
        let events = stage.done(&["events", "last", "--format", "json"]).stdout;
        if may_settle {
            assert_eq!((&first["gave_way_to"], &first["settled"]["ruling"]["by"]), (&second["id"], &"qa".into()));
            let reason = first["settled"]["ruling"]["reason"].as_str().unwrap();
            assert!(reason.contains("documents/handover.md:3"), "{reason}");
            assert!(events.contains(r#""from":"scribe","to":"*""#) && events.contains(r#""verdict":{"accepted":true"#));
        } else {
            assert!(first.get("gave_way_to").is_none(), "{notes:#}");
            assert!(!events.contains("verdict"), "{events}");
        }
    }
}
