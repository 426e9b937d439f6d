//! That the agents are a company and not a pipeline: what one of them would miss is found because it asks another.
//!
//! Each test plants something in documents, and is carried out twice: by the agents as they are, and by agents that may
//! not talk to each other, who must miss it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

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
            stage = stage.with(&format!("agents/{role}.yaml"), &text.replace(", company.ask, company.object", ""));
        }
    }
    stage.done(&["remember", "documents"]);
    stage.done(&["run", "brief.yaml", "--input", &format!("question={question}")]);
    let events = stage.done(&["events", "last", "--format", "json"]);
    let said = events.stdout.lines().filter_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let message = &event["event"]["said"]["message"];
        let (kind, says) = message["says"].as_object()?.iter().next()?;
        let to = message["to"].as_str().unwrap_or("all");
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

const WAREHOUSE: [(&str, &str); 3] = [
    (
        "survey.md",
        "# Warehouse survey\n\nAs of March 2024 the warehouse in Tallinn holds 40 picking robots. The survey was made by the \
         facility team.\n",
    ),
    (
        "handover.md",
        "# Handover\n\nAs of June 2026 the warehouse in Tallinn holds 52 picking robots. The handover was signed by both \
         shifts.\n",
    ),
    ("canteen.md", "# Canteen\n\nThe canteen of the warehouse in Tallinn serves lunch from eleven to two.\n"),
];

#[test]
fn an_out_of_date_figure_is_named_as_such() {
    let question = "How many picking robots does the warehouse in Tallinn hold?";
    let told = brief(&WAREHOUSE, question, true);
    assert!(told.heard("analysis>research objection"), "{:#?}", told.said);
    assert!(told.heard("research>analysis answer"), "{:#?}", told.said);
    println!("{}\n{:#?}", told.text, told.said);
    let alone = brief(&WAREHOUSE, question, false);
    println!("ALONE {}\n{:#?}", alone.text, alone.said);
    assert!(alone.said.is_empty());
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
    println!("{}\n{:#?}", told.text, told.said);
    assert!(told.heard("qa>research question"), "{:#?}", told.said);
    assert!(!told.stated().contains("to anybody at any time"), "{}", told.text);
    let alone = brief(&QUOTED, question, false);
    println!("ALONE {}\n{:#?}", alone.text, alone.said);
    assert!(alone.stated().contains("to anybody at any time"), "{}", alone.text);
}
