//! How sure it is that a step is what was meant, by evidence that is named.

use serde::{Deserialize, Serialize};

use super::changes::{Change, ChangeKind};
use crate::model::edits::Doubt;
use crate::workflow::{Catalog, Process, StepId, Workflow};

/// How sure it is that a step is what was meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// The step.
    pub step: StepId,
    /// From 0 to 1: the weakest of the evidence.
    pub score: f64,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// Something that speaks for or against a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What kind it is.
    pub kind: EvidenceKind,
    /// From 0 to 1.
    pub score: f64,
    /// What was found, in words.
    pub text: String,
}

/// What evidence there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// How far the tool stands out among those that were found for the request.
    Retrieval,
    /// How much of what the tool takes is known and given.
    Schema,
    /// How often the proposal had to be mended.
    Rounds,
    /// The model's own doubt.
    Doubt,
}

/// Below this a person is told.
pub const LOW: f64 = 0.6;

impl Confidence {
    /// True if a person should look at the step.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.score < LOW
    }

    /// The evidence that it is low for.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.evidence.iter().filter(|evidence| evidence.score < LOW).map(|evidence| evidence.text.as_str())
    }
}

/// What is known besides the workflow.
pub(super) struct Known<'a> {
    pub(super) catalog: &'a Catalog,
    /// The tools that were offered, the likeliest first.
    pub(super) offered: &'a [String],
    pub(super) rounds: u32,
    pub(super) doubts: &'a [Doubt],
}

/// How sure each step is that a proposal adds or changes.
pub(super) fn weigh(diff: &[Change], workflow: &Workflow, known: &Known<'_>) -> Vec<Confidence> {
    let mut weighed: Vec<Confidence> = Vec::new();
    for change in diff {
        let Some(id) = &change.step else { continue };
        let is_there = matches!(change.kind, ChangeKind::Added | ChangeKind::Changed);
        let only_waits = change.kind == ChangeKind::Changed
            && change.values.iter().all(|value| value.path == "needs" || value.path == "join");
        if !is_there || only_waits || weighed.iter().any(|confidence| confidence.step == *id) {
            continue;
        }
        let mut evidence = Vec::new();
        if let Ok(step) = super::resolve::find(workflow, id.as_str())
            && let Process::Tool { tool } = &step.process
        {
            let is_chosen =
                change.kind == ChangeKind::Added || change.values.iter().any(|value| value.path.starts_with("process"));
            if is_chosen {
                evidence.push(retrieval(tool, known.offered));
            }
            evidence.extend(schema(tool, step.input.keys().map(String::as_str), known.catalog));
        }
        if known.rounds > 1 {
            let score = if known.rounds == 2 { 0.8 } else { 0.55 };
            let text = format!("the proposal had to be mended {} before it was valid", times(known.rounds - 1));
            evidence.push(Evidence { kind: EvidenceKind::Rounds, score, text });
        }
        let doubts = known.doubts.iter().filter(|doubt| doubt.step == id.as_str());
        evidence.extend(doubts.map(|doubt| Evidence {
            kind: EvidenceKind::Doubt,
            score: 0.4,
            text: doubt.why.clone(),
        }));
        let score = evidence.iter().map(|evidence| evidence.score).fold(1.0, f64::min);
        weighed.push(Confidence { step: id.clone(), score, evidence });
    }
    weighed
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// By the place among the tools that were found for the request.
fn retrieval(tool: &str, offered: &[String]) -> Evidence {
    let (score, text) = match offered.iter().position(|name| name == tool) {
        Some(place) => {
            let last = offered.len().max(2) - 1;
            // The best is as sure as can be, the last of all no more than even.
            let score = 1.0 - 0.4 * ratio(place, last);
            (score, format!("`{tool}` is number {} of {} tools that fit the request", place + 1, offered.len()))
        }
        None => (0.3, format!("`{tool}` is not among the tools that were found for the request")),
    };
    Evidence { kind: EvidenceKind::Retrieval, score, text }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

/// By what of the tool's arguments is given; nothing if the tool does not say what it takes.
fn schema<'n>(tool: &str, given: impl Iterator<Item = &'n str>, catalog: &Catalog) -> Option<Evidence> {
    let parameters = &catalog.tools.get(tool)?.parameters;
    let properties = parameters.get("properties")?.as_object().filter(|properties| !properties.is_empty())?;
    let unknown: Vec<&str> = given.filter(|name| !properties.contains_key(*name)).collect();
    let (score, text) = if unknown.is_empty() {
        (1.0, format!("what `{tool}` is given is what it takes"))
    } else {
        (0.5, format!("`{tool}` says nothing of {}", unknown.join(", ")))
    };
    Some(Evidence { kind: EvidenceKind::Schema, score, text })
}
