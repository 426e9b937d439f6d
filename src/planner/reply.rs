//! What a person is told of a proposal: made of what it changes, and of nothing else.

use std::fmt::Write as _;

use super::changes::effect;
use super::proposal::{Proposal, Standing};
use super::reach;
use crate::workflow::{Catalog, Effect, Process, Workflow};

/// The reply to a request. What a model says of its own stands in it as what the model says.
#[must_use]
pub(super) fn reply(proposal: &Proposal, workflow: Option<&Workflow>, catalog: &Catalog) -> String {
    let mut text = String::new();
    match proposal.standing {
        Standing::Ready => changed(proposal, workflow, catalog, &mut text),
        Standing::Nothing => text.push_str("Nothing is to change.\n"),
        Standing::Asking => text.push_str("Nothing is proposed yet: what is meant must be said first.\n"),
        Standing::Failed => {
            let rounds =
                if proposal.rounds == 1 { "one round".to_owned() } else { format!("{} rounds", proposal.rounds) };
            let _ = writeln!(text, "No valid proposal was found in {rounds}. What is wrong with the last one:\n");
            for problem in &proposal.problems {
                let _ = writeln!(text, "- {}", words(&problem.to_string()));
            }
            let _ = writeln!(text, "\nNothing is changed. Say it in other words, or in smaller parts.");
            return text;
        }
    }
    if !proposal.questions.is_empty() {
        let _ = writeln!(text);
        for question in &proposal.questions {
            let _ = writeln!(text, "Question: {}", words(&question.ask));
            for choice in &question.choices {
                let _ = writeln!(text, "  - {}: say “{}”", words(&choice.label), words(&choice.request));
            }
        }
    }
    if !proposal.assumptions.is_empty() {
        let _ = writeln!(text, "\nTaken for granted, by the model:");
        for assumption in &proposal.assumptions {
            let _ = writeln!(text, "- {}", words(assumption));
        }
    }
    let low: Vec<_> = proposal.confidence.iter().filter(|confidence| confidence.is_low()).collect();
    if proposal.standing == Standing::Ready && !low.is_empty() {
        let _ = writeln!(text, "\nTo be looked at:");
        for confidence in low {
            let reasons: Vec<String> = confidence.reasons().map(words).collect();
            let _ = writeln!(text, "- `{}`: {}", confidence.step, reasons.join("; "));
        }
    }
    text
}

/// A model's words in one line: they must not look like anything but what they are.
fn words(text: &str) -> String {
    const LONGEST: usize = 500;
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    line.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

fn changed(proposal: &Proposal, workflow: Option<&Workflow>, catalog: &Catalog, text: &mut String) {
    for change in &proposal.diff {
        let _ = writeln!(text, "- {}", change.text);
    }
    if proposal.base.is_some() {
        let _ = match proposal.kept.len() {
            0 => writeln!(text, "\nNo step stays as it was."),
            1 => writeln!(text, "\nOne other step stays as it was."),
            more => writeln!(text, "\n{more} other steps stay as they were."),
        };
    }
    let touched: Vec<&str> = proposal.confidence.iter().map(|confidence| confidence.step.as_str()).collect();
    let calls: Vec<String> = workflow
        .into_iter()
        .flat_map(reach::steps)
        .filter(|step| touched.contains(&step.id.as_str()))
        .filter_map(|step| match &step.process {
            Process::Tool { tool } => Some((step, tool, catalog.tools.get(tool)?.effect)),
            _ => None,
        })
        .filter(|(.., worst)| *worst == Effect::Irreversible)
        .map(|(step, tool, worst)| format!("`{tool}` in `{}` ({})", step.id, effect(worst)))
        .collect();
    if !calls.is_empty() {
        let _ = writeln!(text, "\nOnce it runs, it calls {}.", calls.join(", "));
    }
}
