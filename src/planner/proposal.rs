//! A proposal: edits that are not applied yet, what they would change, and what becomes of them.
//!
//! It is data: it can be shown, stored, accepted in whole or in part, undone, and brought onto a workflow that has gone on in
//! the meantime.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::changes::{Change, changes};
use super::confidence::Confidence;
use super::resolve::resolve;
use super::{placed, reach};
use crate::model::edits::{Asked, Question};
use crate::model::{Dollars, Usage};
use crate::workflow::diff::diff;
use crate::workflow::edit::{self, Edit};
use crate::workflow::hash::workflow_hash;
use crate::workflow::merge::{Conflict, merge};
use crate::workflow::validate::validate;
use crate::workflow::{Catalog, Problem, StepId, Workflow};

/// What a proposal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It can be accepted.
    Ready,
    /// Nothing is to change.
    Nothing,
    /// A person must say what is meant, before anything can be proposed.
    Asking,
    /// It still had problems after the last round.
    Failed,
}

/// A step that is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its id.
    pub step: StepId,
    /// Its content hash, before and after.
    pub hash: String,
}

/// Edits that are proposed. What is stored can be read again, but for the problems of one that has failed: only one that can be
/// accepted is worth that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// What it came to.
    pub standing: Standing,
    /// The hash of the workflow that it was made for; `None` if that was to be a new one.
    pub base: Option<String>,
    /// The edits, to be applied all together.
    pub edits: Vec<Edit>,
    /// What they change, from a comparison of before and after.
    pub diff: Vec<Change>,
    /// The steps that they leave alone.
    pub kept: Vec<Kept>,
    /// What is wrong with it, if it failed.
    #[serde(default, skip_deserializing)]
    pub problems: Vec<Problem>,
    /// How sure it is that each step is what was meant.
    pub confidence: Vec<Confidence>,
    /// What a person should say first.
    pub questions: Vec<Question>,
    /// What was taken for granted, in the model's words.
    pub assumptions: Vec<String>,
    /// How many rounds it took, from 1.
    pub rounds: u32,
    /// The tokens that it took.
    pub usage: Usage,
    /// What it cost, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Dollars>,
    /// What was asked for, one by one: what accepting a part is made of.
    pub asked: Vec<Asked>,
}

/// What comes of applying edits to a workflow.
#[derive(Clone, Debug)]
pub(super) struct Drafted {
    /// The edits that could be made of what was asked for.
    pub(super) edits: Vec<Edit>,
    /// The workflow with them.
    pub(super) workflow: Workflow,
    /// All that is wrong with it that was not wrong before.
    pub(super) problems: Vec<Problem>,
}

/// Applies what was asked for to a copy, and checks it as a whole.
pub(super) fn draft(base: Option<&Workflow>, asked: &[(usize, Asked)], catalog: &Catalog) -> Drafted {
    let mut workflow = base.cloned().unwrap_or_else(empty);
    let mut edits = Vec::new();
    let mut problems = Vec::new();
    for (index, asked) in asked {
        let mut trial = workflow.clone();
        let resolved = resolve(asked, &workflow).and_then(|resolved| {
            for edit in &resolved {
                edit::carry_out(&mut trial, edit).map_err(|problem| vec![problem])?;
            }
            Ok(resolved)
        });
        match resolved {
            Ok(resolved) => {
                edits.extend(resolved);
                workflow = trial;
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| placed::at_edit(problem, *index, asked))),
        }
    }
    problems.extend(new_problems(base, &workflow, catalog));
    Drafted { edits, workflow, problems }
}

/// A workflow of which there is nothing yet.
#[must_use]
pub fn empty() -> Workflow {
    Workflow {
        name: String::new(),
        description: String::new(),
        inputs: IndexMap::new(),
        vars: IndexMap::new(),
        triggers: Vec::new(),
        steps: Vec::new(),
        result: None,
    }
}

/// What is wrong with a workflow that was not wrong with the one before, by step instead of by place in the list.
pub(super) fn new_problems(before: Option<&Workflow>, after: &Workflow, catalog: &Catalog) -> Vec<Problem> {
    let found = validate(after, catalog);
    if found.is_empty() {
        return found;
    }
    let known: BTreeSet<(&'static str, String, String)> = before
        .into_iter()
        .flat_map(|before| {
            let found = validate(before, catalog);
            found.into_iter().map(|problem| placed::key(&problem, before))
        })
        .collect();
    found
        .into_iter()
        .filter(|problem| !known.contains(&placed::key(problem, after)))
        .map(|problem| placed::by_step(problem, after))
        .collect()
}

/// The steps of a workflow that are as they were.
pub(super) fn kept(before: &Workflow, after: &Workflow) -> Vec<Kept> {
    diff(before, after).untouched.into_iter().map(|(step, hash)| Kept { step, hash }).collect()
}

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

impl Proposal {
    /// Applies all of it to the workflow that it was made for (an empty one, for a new one), or to what has become of that.
    ///
    /// # Errors
    /// [`NotAccepted`].
    pub fn accept(&self, base: &Workflow, current: &Workflow, catalog: &Catalog) -> Result<Accepted, NotAccepted> {
        self.ready()?;
        let proposed = edit::apply_all(base, &self.edits).map_err(|problem| NotAccepted::Invalid(vec![problem]))?;
        onto(base, proposed, &self.edits, current, catalog)
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
        self.ready()?;
        let (chosen, besides) = self.chosen(steps)?;
        let asked: Vec<(usize, Asked)> = self
            .asked
            .iter()
            .enumerate()
            .filter(|(at, _)| chosen.contains(at))
            .map(|(at, one)| (at, one.clone()))
            .collect();
        let drafted = draft(self.base.is_some().then_some(base), &asked, catalog);
        if !drafted.problems.is_empty() {
            return Err(NotAccepted::Invalid(drafted.problems));
        }
        let accepted = onto(base, drafted.workflow, &drafted.edits, current, catalog)?;
        Ok(Accepted { besides, ..accepted })
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

/// Holds a finished draft against what may be touched.
pub(super) fn overreach(
    request: &str,
    base: Option<&Workflow>,
    drafted: &Drafted,
    asked: &[Asked],
    catalog: &Catalog,
) -> Vec<Problem> {
    let Some(base) = base else { return Vec::new() };
    let mut problems = reach::strays(base, &drafted.workflow, asked);
    problems.extend(reach::beside_the_point(request, base, asked, catalog));
    problems
}
