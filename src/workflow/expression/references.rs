//! What an expression names, without evaluating it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::environment::ENVIRONMENT;
use super::scan::{self, Form, Scanned, TokenKind};
use super::{ExpressionError, at_source, explain, in_environment};
use crate::workflow::problem::suggest_name;

/// Something that an expression names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `inputs.NAME`; all of them if `None`.
    Input(Option<String>),
    /// `vars.NAME`; all of them if `None`.
    Var(Option<String>),
    /// `run.…`.
    Run,
    /// `steps.ID.FIELD`; all fields if `None`.
    Step {
        /// The step's id.
        id: String,
        /// What of it.
        field: Option<StepField>,
    },
    /// Any other name: an item, `index`, `event`, or one that nobody knows (`steps` by itself is such a one).
    Name(String),
}

/// What can be named of a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepField {
    /// `output`.
    Output,
    /// `outcome`.
    Outcome,
    /// `error`.
    Error,
    /// Anything else, which no step has.
    Other(String),
}

/// What the expressions in a value name, each once.
///
/// # Errors
/// The first expression that cannot be compiled.
pub fn references(value: &Value) -> Result<Vec<Reference>, ExpressionError> {
    let mut found = BTreeSet::new();
    collect(value, &mut found)?;
    Ok(found.into_iter().collect())
}

/// What the expressions in a string name, each once.
///
/// # Errors
/// The first expression that cannot be compiled.
pub fn references_of_text(text: &str) -> Result<Vec<Reference>, ExpressionError> {
    let mut found = BTreeSet::new();
    collect_scanned(&scan::scan(text)?, &mut found)?;
    Ok(found.into_iter().collect())
}

/// What a condition names, each once.
///
/// # Errors
/// The condition cannot be compiled.
pub fn references_of_condition(condition: &str) -> Result<Vec<Reference>, ExpressionError> {
    let mut found = BTreeSet::new();
    collect_scanned(&scan::condition(condition)?, &mut found)?;
    Ok(found.into_iter().collect())
}

fn collect(value: &Value, found: &mut BTreeSet<Reference>) -> Result<(), ExpressionError> {
    match value {
        Value::String(text) => collect_scanned(&scan::scan(text)?, found),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, found).map_err(|error| error.under(&format!("[{index}]")))?;
            }
            Ok(())
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                collect(value, found).map_err(|error| error.under(key))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn collect_scanned(scanned: &Scanned<'_>, found: &mut BTreeSet<Reference>) -> Result<(), ExpressionError> {
    if let Some(paths) = scanned.plain_paths() {
        found.extend(paths.iter().map(|path| reference(path)));
        return Ok(());
    }
    if let Some((kind, name, known)) = scanned.unknown_name() {
        let near = suggest_name(name, known.iter().copied()).map_or(String::new(), |near| format!("; {near}"));
        return Err(at_source(scanned.source, &format!("there is no {kind} `{name}`{near}")));
    }
    let names = match &scanned.form {
        Form::Literal => return Ok(()),
        Form::Whole(expression) => {
            in_environment(|environment| Ok(environment.compile_expression(expression)?.undeclared_variables(true)))
        }
        Form::Text(template) => {
            in_environment(|environment| Ok(environment.template_from_str(template)?.undeclared_variables(true)))
        }
    };
    let names = names.map_err(|error| explain(scanned, &error))?;
    let functions: BTreeSet<&str> = ENVIRONMENT.globals().map(|(name, _)| name).collect();
    for name in &names {
        let path: Vec<&str> = name.split('.').collect();
        if !functions.contains(path[0]) {
            found.insert(reference(&path));
        }
    }
    found.extend(scanned.paths_beside_slices().iter().map(|path| reference(path)));
    Ok(())
}

fn reference(path: &[&str]) -> Reference {
    let second = || path.get(1).map(|name| (*name).to_owned());
    match path[0] {
        "inputs" => Reference::Input(second()),
        "vars" => Reference::Var(second()),
        "run" => Reference::Run,
        "steps" if path.len() > 1 => Reference::Step {
            id: path[1].to_owned(),
            field: path.get(2).map(|field| match *field {
                "output" => StepField::Output,
                "outcome" => StepField::Outcome,
                "error" => StepField::Error,
                other => StepField::Other(other.to_owned()),
            }),
        },
        name => Reference::Name(name.to_owned()),
    }
}

/// The text with `steps.FROM` as `steps.TO` in its expressions; `None` if it does not name that step, or is broken.
pub(in crate::workflow) fn rename_step(text: &str, from: &str, to: &str) -> Option<String> {
    renamed(&scan::scan(text).ok()?, from, to)
}

/// As [`rename_step`], of a condition.
pub(in crate::workflow) fn rename_step_in_condition(condition: &str, from: &str, to: &str) -> Option<String> {
    renamed(&scan::condition(condition).ok()?, from, to)
}

fn renamed(scanned: &Scanned<'_>, from: &str, to: &str) -> Option<String> {
    let mut result = String::new();
    let mut done = 0;
    let tokens = &scanned.tokens;
    for (index, window) in tokens.windows(3).enumerate() {
        let is_attribute = index > 0 && tokens[index - 1].kind == TokenKind::Sign(b'.');
        let [steps, dot, id] = window else { continue };
        if !is_attribute
            && steps.kind == TokenKind::Word
            && scanned.text(steps) == "steps"
            && dot.kind == TokenKind::Sign(b'.')
            && id.kind == TokenKind::Word
            && scanned.text(id) == from
        {
            result.push_str(&scanned.source[done..id.range.start]);
            result.push_str(to);
            done = id.range.end;
        }
    }
    if done == 0 {
        return None;
    }
    result.push_str(&scanned.source[done..]);
    Some(result)
}
