//! A proposal: edits that are not applied yet, and what they would change.
//!
//! It is data: it can be shown, stored, and accepted later.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::changes::Change;
use super::confidence::Confidence;
use super::resolve::resolve;
use super::{placed, reach};
use crate::model::edits::{Asked, Question};
use crate::model::{Dollars, Usage};
use crate::workflow::diff::diff;
use crate::workflow::edit::{self, Edit};
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
