//! Carrying out edits.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::Edit;
use super::rename::{rename, times_named};
use crate::workflow::problem::{Problem, suggest_name};
use crate::workflow::validate::structure;
use crate::workflow::{Join, Need, Outcome, Port, Process, Step, StepId, Workflow};

/// The workflow that an edit makes of another.
///
/// # Errors
/// Why it cannot be carried out, or a structural problem that it would bring in.
pub fn apply(workflow: &Workflow, edit: &Edit) -> Result<Workflow, Problem> {
    apply_all(workflow, std::slice::from_ref(edit)).map_err(|problem| match edit {
        Edit::RemoveStep { id } if problem.code == "unknown_step" => still_needed(workflow, id).unwrap_or(problem),
        _ => problem,
    })
}

/// Why a step cannot be removed: those that need of it what nothing else can give.
fn still_needed(workflow: &Workflow, id: &StepId) -> Option<Problem> {
    let found = find(workflow, id).ok()?;
    let needs = found.list.iter().flat_map(|step| step.needs.iter().map(move |need| (step, need)));
    let needed: Vec<String> = needs
        .filter(|(step, need)| need.step == *id && !(goes_on(found.step, &need.port) && inherits(step, found.step)))
        .map(|(step, need)| format!("`{}` needs `{need}`", step.id))
        .collect();
    let message = format!("`{id}` cannot be removed: {}", needed.join(", "));
    (!needed.is_empty())
        .then(|| Problem::new("still_needed", message).suggest("change those needs first, or in the same proposal"))
}

/// The workflow that several edits make of another, one after the other. Only what comes of all of them together must
/// be whole, so that they can be in any order that names things before using them.
///
/// # Errors
/// Why one of them cannot be carried out, or a structural problem that all together would bring in.
pub fn apply_all(workflow: &Workflow, edits: &[Edit]) -> Result<Workflow, Problem> {
    let mut edited = workflow.clone();
    for edit in edits {
        carry_out(&mut edited, edit)?;
    }
    let problems = structure(&edited);
    if problems.is_empty() {
        return Ok(edited);
    }
    // A workflow that is broken already may be mended step by step.
    let known: HashSet<(&str, String)> =
        structure(workflow).into_iter().map(|problem| (problem.code, problem.message)).collect();
    match problems.into_iter().find(|problem| !known.contains(&(problem.code, problem.message.clone()))) {
        Some(problem) => Err(problem),
        None => Ok(edited),
    }
}

/// Carries out an edit, whatever comes of it: for a draft that is checked as a whole when all its edits are carried out.
///
/// # Errors
/// Why it cannot be carried out.
pub(crate) fn carry_out(workflow: &mut Workflow, edit: &Edit) -> Result<(), Problem> {
    match edit {
        Edit::SetName { name } => workflow.name.clone_from(name),
        Edit::SetDescription { description } => workflow.description.clone_from(description),
        Edit::SetInput { name, schema, position } => {
            set_entry(&mut workflow.inputs, name, schema.as_ref(), *position, "input")?;
        }
        Edit::SetVar { name, value, position } => {
            set_entry(&mut workflow.vars, name, value.as_ref(), *position, "var")?;
        }
        Edit::SetTriggers { triggers } => workflow.triggers.clone_from(triggers),
        Edit::SetResult { result } => workflow.result.clone_from(result),
        Edit::AddStep { step, body_of, position } => {
            let list = list_mut(workflow, body_of.as_ref())?;
            let position = position.unwrap_or(list.len()).min(list.len());
            list.insert(position, step.clone());
        }
        Edit::RemoveStep { id } => remove(workflow, id)?,
        Edit::RenameStep { id, to } => {
            find(workflow, id)?;
            if times_named(workflow, to) > 0 {
                let message = format!("an expression names a step `{to}` already");
                return Err(
                    Problem::new("name_taken", message).suggest("mend that expression first, or choose another id")
                );
            }
            rename(workflow, id, to);
        }
        Edit::ReplaceStep { step } => {
            let (list, index) = locate_mut(workflow, &step.id)?;
            list[index] = step.clone();
        }
        Edit::MoveStep { id, position } => {
            let (list, index) = locate_mut(workflow, id)?;
            let step = list.remove(index);
            list.insert((*position).min(list.len()), step);
        }
    }
    Ok(())
}

fn set_entry(
    entries: &mut IndexMap<String, Value>,
    name: &str,
    value: Option<&Value>,
    position: Option<usize>,
    what: &str,
) -> Result<(), Problem> {
    let Some(value) = value else {
        if entries.shift_remove(name).is_none() {
            let known = entries.keys().map(String::as_str);
            return Err(Problem::new("unknown_name", format!("there is no {what} `{name}` to remove"))
                .maybe_suggest(suggest_name(name, known)));
        }
        return Ok(());
    };
    match (position, entries.get_index_of(name)) {
        (None, _) => {
            entries.insert(name.to_owned(), value.clone());
        }
        (Some(position), before) => {
            if before.is_some() {
                entries.shift_remove(name);
            }
            entries.shift_insert(position.min(entries.len()), name.to_owned(), value.clone());
        }
    }
    Ok(())
}

/// A step with its place: the step whose body it is in, and its index there.
pub(super) struct Found<'w> {
    pub(super) step: &'w Step,
    pub(super) body_of: Option<StepId>,
    pub(super) index: usize,
    pub(super) list: &'w [Step],
}

/// Finds a step; of several with one id the one that is least deep.
pub(super) fn find<'w>(workflow: &'w Workflow, id: &StepId) -> Result<Found<'w>, Problem> {
    let mut lists: Vec<(Option<&StepId>, &[Step])> = vec![(None, &workflow.steps)];
    let mut next = 0;
    while let Some(&(body_of, list)) = lists.get(next) {
        if let Some(index) = list.iter().position(|step| step.id == *id) {
            return Ok(Found { step: &list[index], body_of: body_of.cloned(), index, list });
        }
        lists.extend(list.iter().filter_map(|step| Some((Some(&step.id), step.process.body()?))));
        next += 1;
    }
    let known = lists.iter().flat_map(|(_, list)| *list).map(|step| step.id.as_str());
    Err(Problem::new("unknown_step", format!("there is no step `{id}`"))
        .maybe_suggest(suggest_name(id.as_str(), known)))
}

fn locate_mut<'w>(workflow: &'w mut Workflow, id: &StepId) -> Result<(&'w mut Vec<Step>, usize), Problem> {
    let Found { body_of, index, .. } = find(workflow, id)?;
    Ok((list_mut(workflow, body_of.as_ref())?, index))
}

/// The list of a body; the workflow's own if no step is given.
fn list_mut<'w>(workflow: &'w mut Workflow, body_of: Option<&StepId>) -> Result<&'w mut Vec<Step>, Problem> {
    let Some(id) = body_of else { return Ok(&mut workflow.steps) };
    // The way to the list, from the outside in.
    let mut way = Vec::new();
    let mut next = Some(id.clone());
    while let Some(id) = next {
        let found = find(workflow, &id)?;
        way.push(found.index);
        next = found.body_of;
    }
    let no_body = || {
        Problem::new("no_body", format!("the step `{id}` has no body")).suggest("only `for_each` and `repeat` have one")
    };
    let mut list = &mut workflow.steps;
    while let Some(index) = way.pop() {
        list = list[index].process.body_mut().ok_or_else(no_body)?;
    }
    Ok(list)
}

/// Removes a step and lets those that needed it need what it needed.
fn remove(workflow: &mut Workflow, id: &StepId) -> Result<(), Problem> {
    let (list, index) = locate_mut(workflow, id)?;
    let removed = list.remove(index);
    for step in list.iter_mut() {
        if !step.needs.iter().any(|need| need.step == *id) {
            continue;
        }
        if step.needs.iter().all(|need| need.step == *id && goes_on(&removed, &need.port)) {
            step.needs.clone_from(&removed.needs);
            step.join = removed.join;
        } else if inherits(step, &removed) {
            let instead = |need: &Need| if need.step == *id { removed.needs.clone() } else { vec![need.clone()] };
            let mut seen = HashSet::new();
            step.needs = step.needs.iter().flat_map(instead).filter(|need| seen.insert(need.clone())).collect();
        }
        // Else the need stays, and the result is refused unless a later edit changes the step.
    }
    Ok(())
}

/// True if a need for `port` is one for the step's regular end, so that what comes before may take its place.
fn goes_on(removed: &Step, port: &Port) -> bool {
    match port {
        Port::Main | Port::Done => true,
        Port::Named(outcome) => match removed.process {
            Process::Branch { .. } => false,
            Process::Human(_) => outcome.as_str() == Outcome::APPROVED,
            _ => outcome.as_str() == Outcome::OK,
        },
    }
}

/// True if the needs of a removed step mean the same among those of `step`.
fn inherits(step: &Step, removed: &Step) -> bool {
    let same_join = removed.join == step.join || removed.needs.len() <= 1;
    // A step that may run for any of its needs would lose one if there is nothing to inherit.
    let something = !removed.needs.is_empty() || step.join == Join::All;
    same_join
        && something
        && step.needs.iter().filter(|need| need.step == removed.id).all(|need| goes_on(removed, &need.port))
}
