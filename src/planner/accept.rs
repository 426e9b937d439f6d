//! What becomes of a proposal: accepted in whole or in part, undone, and brought onto what came in between.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::changes::{Change, changes};
use super::proposal::{Drafted, Proposal, Standing, draft, new_problems};
use crate::model::edits::Asked;
use crate::workflow::diff::diff;
use crate::workflow::edit::{self, Edit};
use crate::workflow::hash::workflow_hash;
use crate::workflow::merge::{Conflict, merge};
use crate::workflow::{Catalog, Problem, StepId, Workflow};

/// Why a proposal cannot be accepted.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotAccepted {
    /// It has failed, asks something first, or changes nothing.
    #[error("the proposal cannot be accepted: {0}")]
    NotReady(String),
    /// There is nothing about this step in it.
    #[error("the proposal does nothing about `{step}`{}", .near.as_ref().map(|near| format!(" ({near})")).unwrap_or_default())]
    NoSuchStep {
        /// The step.
        step: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// What would come of it is no valid workflow.
    #[error("what would come of it is not valid: {}", in_words(.0))]
    Invalid(Vec<Problem>),
    /// The workflow has been changed otherwise in the meantime.
    #[error("it was changed otherwise in the meantime: {}", conflicts_in_words(.0))]
    Conflicts(Vec<Conflict>),
}

fn in_words(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn conflicts_in_words(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(|conflict| format!("{}: {}", conflict.about, conflict.message)).collect::<Vec<_>>().join("; ")
}

/// What comes of accepting a proposal.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The workflow afterwards.
    pub workflow: Workflow,
    /// The edits that were applied.
    pub edits: Vec<Edit>,
    /// What they changed.
    pub diff: Vec<Change>,
    /// Steps that were accepted although they were not named: those that were could not do without them.
    pub besides: Vec<StepId>,
}

/// What a part of a proposal makes of the workflow that it was made for.
struct Part {
    workflow: Workflow,
    edits: Vec<Edit>,
    besides: Vec<StepId>,
}

impl Proposal {
    /// Applies all of it to the workflow that it was made for (an empty one, for a new one), or to what has become of that.
    ///
    /// # Errors
    /// [`NotAccepted`].
    pub fn accept(&self, base: &Workflow, current: &Workflow, catalog: &Catalog) -> Result<Accepted, NotAccepted> {
        self.accept_further(&[], &[], base, current, catalog)
    }

    /// Applies what it says about these steps, and what that cannot do without.
    ///
    /// # Errors
    /// [`NotAccepted`].
    pub fn accept_steps(
        &self,
        steps: &[StepId],
        base: &Workflow,
        current: &Workflow,
        catalog: &Catalog,
    ) -> Result<Accepted, NotAccepted> {
        self.accept_further(&[], steps, base, current, catalog)
    }

    /// Applies what it says about these steps, or all of it if there are none, where what it says about `earlier` ones is applied
    /// already. What was done to those since stays as it is.
    ///
    /// # Errors
    /// [`NotAccepted`].
    pub fn accept_further(
        &self,
        earlier: &[StepId],
        steps: &[StepId],
        base: &Workflow,
        current: &Workflow,
        catalog: &Catalog,
    ) -> Result<Accepted, NotAccepted> {
        self.ready()?;
        let from = if earlier.is_empty() { base.clone() } else { self.part(earlier, base, catalog)?.workflow };
        let part = if steps.is_empty() {
            let workflow = edit::apply_all(base, &self.edits).map_err(|problem| NotAccepted::Invalid(vec![problem]))?;
            Part { workflow, edits: self.edits.clone(), besides: Vec::new() }
        } else {
            self.part(&[earlier, steps].concat(), base, catalog)?
        };
        let edits = if earlier.is_empty() { part.edits } else { diff(&from, &part.workflow).edits };
        let accepted = onto(&from, part.workflow, &edits, current, catalog)?;
        Ok(Accepted { besides: part.besides, ..accepted })
    }

    /// Takes back what it says about these steps, or all of it if there are none, and leaves alone what else became of the workflow.
    ///
    /// # Errors
    /// [`NotAccepted`].
    pub fn take_back(
        &self,
        steps: &[StepId],
        base: &Workflow,
        current: &Workflow,
        catalog: &Catalog,
    ) -> Result<Accepted, NotAccepted> {
        let accepted = self.accept_further(&[], steps, base, base, catalog)?;
        undo(base, &accepted.workflow, current, catalog)
    }

    /// The steps that can be accepted by themselves, in the order in which it speaks of them.
    #[must_use]
    pub fn steps(&self) -> Vec<StepId> {
        let mut steps: Vec<StepId> = Vec::new();
        for step in self.asked.iter().filter_map(Asked::step).map(StepId::from) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        steps
    }

    /// Whether it changes what is no step's: triggers, inputs, vars.
    #[must_use]
    pub fn is_about_more_than_steps(&self) -> bool {
        self.asked.iter().any(|asked| asked.step().is_none())
    }

    /// What it makes of the workflow that it was made for if only these steps are accepted.
    fn part(&self, steps: &[StepId], base: &Workflow, catalog: &Catalog) -> Result<Part, NotAccepted> {
        let (chosen, besides) = self.chosen(steps)?;
        let asked = self.asked.iter().enumerate().filter(|(at, _)| chosen.contains(at));
        let asked: Vec<(usize, Asked)> = asked.map(|(at, one)| (at, one.clone())).collect();
        let Drafted { workflow, edits, problems, .. } = draft(self.base.is_some().then_some(base), &asked, catalog);
        if problems.is_empty() { Ok(Part { workflow, edits, besides }) } else { Err(NotAccepted::Invalid(problems)) }
    }

    /// Which parts are about these steps, or are needed by such: by index; and the steps that were not named.
    fn chosen(&self, steps: &[StepId]) -> Result<(BTreeSet<usize>, Vec<StepId>), NotAccepted> {
        let about: Vec<&str> = self.asked.iter().filter_map(Asked::step).collect();
        for step in steps {
            if !about.contains(&step.as_str()) {
                let near = crate::workflow::problem::suggest_name(step.as_str(), about.iter().copied());
                return Err(NotAccepted::NoSuchStep { step: step.to_string(), near });
            }
        }
        let wanted = |asked: &Asked| asked.step().is_some_and(|id| steps.iter().any(|step| step.as_str() == id));
        let mut chosen: BTreeSet<usize> =
            self.asked.iter().enumerate().filter(|(_, asked)| wanted(asked)).map(|(at, _)| at).collect();
        // What the workflow is called belongs to every part of a new one.
        if self.base.is_none() {
            chosen.extend(self.asked.iter().enumerate().filter(|(_, asked)| asked.step().is_none()).map(|(at, _)| at));
        }
        loop {
            let needed: BTreeSet<usize> = chosen
                .iter()
                .flat_map(|at| {
                    let text = serde_json::to_value(&self.asked[*at]).unwrap_or_default();
                    self.asked.iter().enumerate().filter(move |(other, made)| other != at && introduces(made, &text))
                })
                .map(|(at, _)| at)
                .filter(|at| !chosen.contains(at))
                .collect();
            if needed.is_empty() {
                break;
            }
            chosen.extend(needed);
        }
        let mut besides: Vec<StepId> = Vec::new();
        for asked in chosen.iter().map(|at| &self.asked[*at]) {
            if let Some(id) = asked.step().filter(|_| !wanted(asked)) {
                let id = StepId::from(id);
                if !besides.contains(&id) {
                    besides.push(id);
                }
            }
        }
        Ok((chosen, besides))
    }

    fn ready(&self) -> Result<(), NotAccepted> {
        match self.standing {
            Standing::Ready => Ok(()),
            Standing::Nothing => Err(NotAccepted::NotReady("it changes nothing".to_owned())),
            Standing::Asking => Err(NotAccepted::NotReady("it asks something first".to_owned())),
            Standing::Failed => Err(NotAccepted::NotReady(format!("it has problems: {}", in_words(&self.problems)))),
        }
    }
}

/// Whether an edit makes, or gives a name to, what `other` speaks of: a step, an input, a var.
fn introduces(asked: &Asked, other: &Value) -> bool {
    match asked {
        Asked::Add { step, .. } | Asked::Rename { to: step, .. } => speaks_of(other, step),
        Asked::Workflow { set } => set.iter().any(|pair| {
            pair.name.split_once('.').is_some_and(|(kind, _)| ["inputs", "vars"].contains(&kind))
                && uses(other, &pair.name)
        }),
        _ => false,
    }
}

/// Whether a text in a value names a step: as a need, as a place, or in an expression.
fn speaks_of(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => {
            let is_place = text == id || text.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
            is_place || uses(value, &format!("steps.{id}")) || (text.starts_with('[') && names(text, id))
        }
        Value::Array(items) => items.iter().any(|item| speaks_of(item, id)),
        Value::Object(fields) => fields.values().any(|field| speaks_of(field, id)),
        _ => false,
    }
}

/// Whether a text in a value has this path in it, and not only the beginning of a longer one.
fn uses(value: &Value, path: &str) -> bool {
    match value {
        Value::String(text) => text
            .match_indices(path)
            .any(|(at, _)| !text[at + path.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')),
        Value::Array(items) => items.iter().any(|item| uses(item, path)),
        Value::Object(fields) => fields.values().any(|field| uses(field, path)),
        _ => false,
    }
}

/// Whether a word stands in a text.
fn names(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|other| other == word)
}

/// Brings what was made of `base` onto what else became of it.
fn onto(
    base: &Workflow,
    proposed: Workflow,
    edits: &[Edit],
    current: &Workflow,
    catalog: &Catalog,
) -> Result<Accepted, NotAccepted> {
    if workflow_hash(base) == workflow_hash(current) {
        let diff = changes(current, &proposed, edits, catalog);
        return Ok(Accepted { workflow: proposed, edits: edits.to_vec(), diff, besides: Vec::new() });
    }
    let merged = merge(base, current, &proposed).map_err(NotAccepted::Conflicts)?;
    let problems = new_problems(Some(current), &merged, catalog);
    if !problems.is_empty() {
        return Err(NotAccepted::Invalid(problems));
    }
    // The three-way merge knows of no renamings: what it makes is told as a comparison finds it.
    let edits = diff(current, &merged).edits;
    let diff = changes(current, &merged, &edits, catalog);
    Ok(Accepted { workflow: merged, edits, diff, besides: Vec::new() })
}

/// The edits that take a workflow back to how it was before these were applied to it.
///
/// # Errors
/// The edits cannot be applied to it.
pub fn undoing(before: &Workflow, edits: &[Edit]) -> Result<Vec<Edit>, Problem> {
    let after = edit::apply_all(before, edits)?;
    Ok(diff(&after, before).edits)
}

/// Takes accepted edits back. If the workflow has gone on since, what else was done to it stays.
///
/// # Errors
/// [`NotAccepted::Conflicts`] if something else was done to the same steps.
pub fn undo(
    before: &Workflow,
    after: &Workflow,
    current: &Workflow,
    catalog: &Catalog,
) -> Result<Accepted, NotAccepted> {
    let edits = diff(after, before).edits;
    onto(after, before.clone(), &edits, current, catalog)
}
