//! Whether a workflow makes sense: its structure, its expressions, and what it refers to.
//!
//! Everything that is wrong is found at once. The work is proportional to the size of the workflow, and nothing recurses
//! over a list of steps, however long a chain it is.

mod ancestry;
mod catalog;
mod expressions;
mod names;
mod schemas;
mod structure;
mod triggers;

use super::problem::{Path, Problem, Problems};
use super::yaml::{self, Places};
use super::{Catalog, Step, ValidWorkflow, Workflow};

pub(super) use names::check_names;

/// Everything that is wrong with a workflow.
#[must_use]
pub fn validate(workflow: &Workflow, catalog: &Catalog) -> Vec<Problem> {
    let mut problems = Problems::default();
    everything(workflow, &Places::default(), catalog, &mut problems);
    problems.finish()
}

/// Checks a workflow that was read from a text.
///
/// # Errors
/// Everything that is wrong with it, with line and column.
pub fn check(workflow: Workflow, places: &Places, catalog: &Catalog) -> Result<ValidWorkflow, Vec<Problem>> {
    let mut problems = Problems::default();
    everything(&workflow, places, catalog, &mut problems);
    if problems.is_empty() { Ok(ValidWorkflow::of(workflow)) } else { Err(problems.finish()) }
}

/// Reads and checks a workflow, so that problems of form and of meaning are reported together.
///
/// # Errors
/// Everything that is wrong with it, with line and column.
pub fn check_text(text: &str, catalog: &Catalog) -> Result<ValidWorkflow, Vec<Problem>> {
    let mut draft = yaml::read_text(text);
    if let Some(workflow) = &draft.workflow {
        everything(workflow, &draft.places, catalog, &mut draft.problems);
    }
    match draft.workflow {
        Some(workflow) if draft.problems.is_empty() => Ok(ValidWorkflow::of(workflow)),
        _ => Err(draft.problems.finish()),
    }
}

/// What is wrong with a workflow's structure: names, needs, bounds. An edit may not bring in any of it.
pub(super) fn structure(workflow: &Workflow) -> Vec<Problem> {
    let mut problems = Problems::default();
    let (places, catalog) = (Places::default(), Catalog::default());
    let mut checker = Checker::of(workflow, &places, &catalog, &mut problems);
    if structure::is_bearable(&mut checker) {
        check_names(workflow, &places, checker.problems);
        structure::check(&mut checker);
    }
    problems.finish()
}

fn everything(workflow: &Workflow, places: &Places, catalog: &Catalog, problems: &mut Problems) {
    let mut checker = Checker::of(workflow, places, catalog, problems);
    if structure::is_bearable(&mut checker) {
        check_names(workflow, places, checker.problems);
        structure::check(&mut checker);
        schemas::check_inputs(&mut checker);
        triggers::check(&mut checker);
        expressions::check(&mut checker);
        catalog::check(&mut checker);
    }
}

/// What every check needs.
struct Checker<'a> {
    workflow: &'a Workflow,
    catalog: &'a Catalog,
    places: &'a Places,
    problems: &'a mut Problems,
    schemas: schemas::Schemas,
}

impl<'a> Checker<'a> {
    fn of(workflow: &'a Workflow, places: &'a Places, catalog: &'a Catalog, problems: &'a mut Problems) -> Self {
        Self { workflow, catalog, places, problems, schemas: schemas::Schemas::default() }
    }

    fn add(&mut self, describe: impl FnOnce() -> Problem) {
        let places = self.places;
        self.problems.add(|| places.locate(describe()));
    }
}

/// Calls `visit` for every step with its path, bodies included. Recursion is as deep as bodies are nested.
fn each_step<'s>(steps: &'s [Step], path: &Path<'_>, visit: &mut impl FnMut(&'s Step, &Path<'_>)) {
    for (index, step) in steps.iter().enumerate() {
        let path = &path.index(index);
        visit(step, path);
        if let Some(body) = step.process.body() {
            let process = &path.key("process");
            let kind = &process.key(step.process.kind());
            each_step(body, &kind.key("steps"), visit);
        }
    }
}
