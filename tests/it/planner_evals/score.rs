//! What a planner's proposals are worth: each case judged, and the sums that are kept.

use std::collections::BTreeMap;
use std::fmt;

use callboard::planner::{Proposed, Standing};
use callboard::workflow::edit::apply_all;
use callboard::workflow::{Process, Workflow};
use serde::{Deserialize, Serialize};

use super::case::{Case, Wanted};
use super::expected::{Element, Head};
use super::fit::{Fit, Level, starts_as};
use super::tree;
use super::world::World;

/// What one proposal is worth.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) is_exact: bool,
    pub(super) has_structure: bool,
    /// Whether what was not to be touched was left alone; `None` if there was nothing.
    pub(super) preserves: Option<bool>,
    tools: Tools,
}

/// How many calls of tools are right, too many, and missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tools {
    right: usize,
    extra: usize,
    missing: usize,
}

/// The sums of cases of a kind, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) cases: usize,
    pub(super) exact: usize,
    pub(super) structure: usize,
    /// Twice the calls that are right, by all that are expected and all that were made.
    pub(super) tool_f1: f64,
    pub(super) preserved: usize,
    /// Of so many that change a workflow.
    pub(super) edits: usize,
    #[serde(skip)]
    tools: Tools,
}

/// The whole result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Score {
    pub(super) total: Sums,
    pub(super) kinds: BTreeMap<String, Sums>,
    /// The cases that are not exact: what changes between two results can be seen here.
    pub(super) missed: Vec<String>,
}

/// Judges what was proposed.
pub(super) fn judge(case: &Case, proposed: &Proposed) -> Judged {
    let before = case.before.as_ref();
    let after = &drafted(case, proposed);
    let standing = proposed.proposal.standing;
    match &case.wanted {
        Wanted::Steps { readings, triggers, is_loose, .. } => {
            let wanted_triggers = triggers.as_deref();
            let old_triggers = before.map(|before| before.triggers.as_slice()).unwrap_or_default();
            let starts = match wanted_triggers {
                Some(wanted) => starts_as(&after.triggers, wanted),
                None => after.triggers == old_triggers,
            };
            let of = |reading: &Vec<Element>| {
                let fits = |level| Fit { world: World::new(before, after), level, is_loose: *is_loose }.fits(reading);
                let has_structure = fits(Level::Structure);
                let is_sound = standing == Standing::Ready && starts && !tree::has_dead_steps(&after.steps);
                Judged {
                    is_exact: has_structure && is_sound && fits(Level::Exact),
                    has_structure,
                    preserves: before.map(|before| {
                        let world = World::new(Some(before), after);
                        kept(reading).iter().all(|id| world.keeps(id))
                    }),
                    tools: tools(reading, before, after),
                }
            };
            let judged = readings.iter().map(of);
            judged.max_by_key(|judged| (judged.is_exact, judged.has_structure, judged.tools.right)).unwrap_or_default()
        }
        Wanted::Question { between } => {
            let questions = &proposed.proposal.questions;
            let said: String = questions
                .iter()
                .flat_map(|question| {
                    let choices = question.choices.iter().flat_map(|choice| [&choice.label, &choice.request]);
                    std::iter::once(&question.ask).chain(choices)
                })
                .map(|text| text.to_lowercase() + "\n")
                .collect();
            let has_choice = between.is_empty() || questions.iter().any(|question| question.choices.len() > 1);
            let leaves_alone = before.is_none_or(|before| keeps_all(before, after));
            let asks = !questions.is_empty() && has_choice && between.iter().all(|one| said.contains(one.as_str()));
            let is_right = asks && leaves_alone && standing != Standing::Failed;
            Judged {
                is_exact: is_right,
                has_structure: is_right,
                preserves: before.map(|_| leaves_alone),
                ..Judged::default()
            }
        }
        Wanted::Nothing => {
            let is_right =
                matches!(standing, Standing::Nothing | Standing::Asking) && proposed.proposal.edits.is_empty();
            Judged {
                is_exact: is_right,
                has_structure: is_right,
                preserves: before.map(|before| keeps_all(before, after)),
                tools: overlap(before.map(tree::tools).unwrap_or_default(), tree::tools(after)),
            }
        }
    }
}

/// The workflow with what is proposed, also if that has failed: how far it got can be seen all the same.
pub(super) fn drafted(case: &Case, proposed: &Proposed) -> Workflow {
    let base = case.before.clone().unwrap_or_else(callboard::planner::empty);
    apply_all(&base, &proposed.proposal.edits).unwrap_or(base)
}

fn keeps_all(before: &Workflow, after: &Workflow) -> bool {
    let world = World::new(Some(before), after);
    tree::steps(&before.steps).iter().all(|step| world.keeps(step.id.as_str()))
}

/// The ids of the steps that an expectation keeps.
pub(super) fn kept(expected: &[Element]) -> Vec<&str> {
    let mut ids = Vec::new();
    visit(expected, &mut |element| {
        if let Head::Kept(id, _) = &element.head {
            ids.push(id.as_str());
        }
    });
    ids
}

/// Every element of an expectation, but only the first of several choices.
pub(super) fn visit<'e>(expected: &'e [Element], each: &mut dyn FnMut(&'e Element)) {
    for element in expected {
        each(element);
        match &element.head {
            Head::Kept(_, body) | Head::Each(_, body) | Head::Repeat(_, body) => visit(body, each),
            Head::Branch(cases, otherwise) => {
                cases.iter().for_each(|(_, steps)| visit(steps, each));
                visit(otherwise, each);
            }
            Head::Either(lists) => visit(lists.first().map(Vec::as_slice).unwrap_or_default(), each),
            head => head.lists().iter().for_each(|list| visit(list, each)),
        }
        element.arms.values().for_each(|steps| visit(steps, each));
    }
}

fn tools(expected: &[Element], before: Option<&Workflow>, after: &Workflow) -> Tools {
    let old = before.map(|before| tree::steps(&before.steps)).unwrap_or_default();
    let mut wanted = Vec::new();
    visit(expected, &mut |element| match &element.head {
        Head::Tool(tool, _) => wanted.push(tool.clone()),
        Head::Kept(id, _) => {
            wanted.extend(old.iter().filter(|step| step.id.as_str() == id).filter_map(|step| match &step.process {
                Process::Tool { tool } => Some(tool.clone()),
                _ => None,
            }))
        }
        _ => {}
    });
    overlap(wanted, tree::tools(after))
}

fn overlap(wanted: Vec<String>, mut found: Vec<String>) -> Tools {
    let mut tools = Tools::default();
    for tool in wanted {
        if let Some(at) = found.iter().position(|one| *one == tool) {
            found.swap_remove(at);
            tools.right += 1;
        } else {
            tools.missing += 1;
        }
    }
    tools.extra = found.len();
    tools
}

impl Sums {
    fn add(&mut self, judged: &Judged) {
        self.cases += 1;
        self.exact += usize::from(judged.is_exact);
        self.structure += usize::from(judged.has_structure);
        self.edits += usize::from(judged.preserves.is_some());
        self.preserved += usize::from(judged.preserves == Some(true));
        self.tools.right += judged.tools.right;
        self.tools.extra += judged.tools.extra;
        self.tools.missing += judged.tools.missing;
        let Tools { right, extra, missing } = self.tools;
        let all = 2 * right + extra + missing;
        // Three digits: a file that is read by people.
        self.tool_f1 = if all == 0 { 1.0 } else { (2_000.0 * right as f64 / all as f64).round() / 1_000.0 };
    }
}

impl Score {
    pub(super) fn add(&mut self, case: &Case, judged: &Judged) {
        self.total.add(judged);
        self.kinds.entry(case.kind.clone()).or_default().add(judged);
        if !judged.is_exact {
            self.missed.push(case.id.clone());
        }
    }

    /// What is worse than it was.
    pub(super) fn worse_than(&self, kept: &Score) -> Vec<String> {
        let (now, then) = (&self.total, &kept.total);
        let mut worse = Vec::new();
        if now.exact < then.exact {
            let lost: Vec<&str> =
                self.missed.iter().filter(|id| !kept.missed.contains(id)).map(String::as_str).collect();
            worse.push(format!(
                "exact: {} of {}, and {} of {} is kept; lost: {}",
                now.exact,
                now.cases,
                then.exact,
                then.cases,
                lost.join(", ")
            ));
        }
        if now.preserved * then.edits < then.preserved * now.edits {
            worse.push(format!(
                "preservation: {}/{}, and {}/{} is kept",
                now.preserved, now.edits, then.preserved, then.edits
            ));
        }
        worse
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:16}{:>6}{:>12}{:>12}{:>9}{:>14}", "", "cases", "exact", "structure", "tool F1", "preservation")?;
        for (kind, sums) in self.kinds.iter().map(|(kind, sums)| (kind.as_str(), sums)).chain([("all", &self.total)]) {
            let Sums { cases, exact, structure, tool_f1, preserved, edits, .. } = sums;
            let share = |count: &usize| format!("{count} {:.2}", *count as f64 / (*cases).max(1) as f64);
            let preservation = if *edits == 0 { "–".to_owned() } else { format!("{preserved}/{edits}") };
            writeln!(
                f,
                "{kind:16}{cases:>6}{:>12}{:>12}{tool_f1:>9.3}{preservation:>14}",
                share(exact),
                share(structure)
            )?;
        }
        Ok(())
    }
}
