//! The workflow file: YAML or JSON (its subset) to a [`Workflow`] and back.
//!
//! [`parse`] yields a workflow or every problem of the text, never half a workflow. It knows the shape of the file and
//! its names; whether the workflow makes sense is [`super::validate`]'s business, which finds the lines in [`Places`].

mod guesses;
mod process;
mod read;
mod rewrite;
mod tree;
mod write;

use std::sync::Arc;

use serde_json::Value;

use super::problem::{Path, Problems};
use super::{Place, Problem, Step, Workflow};
use guesses::Guesses;
use read::Reader;
use tree::{Node, Tree};

pub use rewrite::{Rewritten, rewrite};
pub use write::{step_to_json, to_json, write};

pub(super) use write::triggers_to_json;

/// A workflow as it was read from a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The workflow.
    pub workflow: Workflow,
    /// Where everything stands in the text.
    pub places: Places,
}

/// Where each value stands in the text that it was read from. The default knows of no text.
#[derive(Clone, Debug, Default)]
pub struct Places {
    root: Option<Arc<Node>>,
    guesses: Guesses,
}

impl Places {
    /// Line and column of the value at a document path such as `steps[2].needs[0]`, or of the innermost value around
    /// it that is in the text.
    #[must_use]
    pub fn place(&self, path: &str) -> Place {
        let place = Place { path: path.to_owned(), ..Place::default() };
        let Some(mut node) = self.root.as_deref() else { return place };
        let mut rest = path;
        while let Some((inner, after)) = self.child(node, path, rest) {
            (node, rest) = (inner, after);
        }
        Place { line: Some(node.mark.line), column: Some(node.mark.column), ..place }
    }

    /// What was guessed to read on after a problem of form.
    pub(super) fn guesses(&self) -> &Guesses {
        &self.guesses
    }

    /// The problem, with its line and column if its path is known and it has none yet; `None` if it is about something
    /// that was guessed.
    pub(super) fn locate(&self, mut problem: Problem) -> Option<Problem> {
        if self.guesses.covers(&problem.place.path) {
            return None;
        }
        if problem.place.line.is_none() {
            problem.place = self.place(&problem.place.path);
        }
        Some(problem)
    }

    /// The value that the first segment of `rest` names, which ends `path`, and what follows that segment.
    fn child<'a, 'p>(&self, node: &'a Node, path: &'p str, rest: &'p str) -> Option<(&'a Node, &'p str)> {
        match &node.value {
            Tree::List(items) => {
                let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }
            Tree::Object(entries) => {
                let object = &path[..path.len() - rest.len()];
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                entries
                    .iter()
                    .filter_map(|(key, node)| {
                        let key = self.guesses.meant(object, &key.text).unwrap_or(&key.text);
                        let after = rest.strip_prefix(key)?;
                        let whole = after.is_empty() || after.starts_with(['.', '[']);
                        (whole && !rest.is_empty()).then_some((key.len(), node, after))
                    })
                    .max_by_key(|(length, ..)| *length)
                    .map(|(_, node, after)| (node, after))
            }
            _ => None,
        }
    }
}

/// Reads a workflow.
///
/// # Errors
/// Every problem of its form: syntax, unknown, missing or repeated keys, wrong types, bad names and durations.
pub fn parse(text: &str) -> Result<Parsed, Vec<Problem>> {
    let draft = read_text(text);
    let mut problems = draft.problems;
    if let Some(workflow) = &draft.workflow {
        super::validate::check_names(workflow, &draft.places, &mut problems);
    }
    match draft.workflow {
        Some(workflow) if problems.is_empty() => Ok(Parsed { workflow, places: draft.places }),
        _ => Err(problems.finish()),
    }
}

/// What could be made of a text.
pub(super) struct Draft {
    /// The workflow, unless there is nothing like one. Guesses stand in for what is wrong.
    pub(super) workflow: Option<Workflow>,
    /// Where everything stands.
    pub(super) places: Places,
    /// What is wrong with its form; names are not looked at yet.
    pub(super) problems: Problems,
}

/// Reads as much of a workflow as there is, so that problems of form and of meaning can be reported together.
pub(super) fn read_text(text: &str) -> Draft {
    let mut problems = Problems::default();
    let root = match tree::parse(text, &mut problems) {
        Ok(root) => Arc::new(root),
        Err(problem) => {
            problems.add(|| problem);
            return Draft { workflow: None, places: Places::default(), problems };
        }
    };
    let mut reader = Reader::new(problems);
    let workflow = reader.workflow(&root);
    Draft { workflow, places: Places { root: Some(root), guesses: reader.guesses }, problems: reader.problems }
}

/// Reads a workflow from JSON in the file's format.
///
/// # Errors
/// Every problem of its form, by path.
pub fn from_json(value: &Value) -> Result<Workflow, Vec<Problem>> {
    let workflow = read_value(value, Reader::workflow)?;
    let mut problems = Problems::default();
    super::validate::check_names(&workflow, &Places::default(), &mut problems);
    if problems.is_empty() { Ok(workflow) } else { Err(problems.finish()) }
}

/// Reads one step from JSON in the file's format. A body's list without any `needs` is a chain; the step itself needs
/// what it says.
///
/// # Errors
/// Every problem of its form, by path.
pub fn step_from_json(value: &Value) -> Result<Step, Vec<Problem>> {
    read_value(value, |reader, node| reader.step(node, &Path::Root).map(|(step, _)| step))
}

pub(super) fn triggers_from_json(value: &Value) -> Result<Vec<super::Trigger>, Vec<Problem>> {
    read_value(value, |reader, node| Some(reader.triggers(node, &Path::Root)))
}

fn read_value<T>(value: &Value, read: impl FnOnce(&mut Reader, &Node) -> Option<T>) -> Result<T, Vec<Problem>> {
    let mut reader = Reader::new(Problems::default());
    let result = if let Some(node) = Node::from_value(value) {
        read(&mut reader, &node)
    } else {
        let message = format!("values are nested more than {} deep", tree::MAX_DEPTH);
        reader.problems.add(|| Problem::new("too_deep", message));
        None
    };
    match result {
        Some(result) if reader.problems.is_empty() => Ok(result),
        _ => Err(reader.problems.finish()),
    }
}
