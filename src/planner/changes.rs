//! What differs between two workflows, in plain sentences: all that is ever said of a change is made here, of what was
//! really applied.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::workflow::diff::diff;
use crate::workflow::edit::{self, Edit};
use crate::workflow::yaml::{step_to_json, to_json};
use crate::workflow::{Catalog, Condition, Human, Process, Step, StepId, Wait, Workflow};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// In which way.
    pub kind: ChangeKind,
    /// The step, by its id afterwards if it is still there; `None` if it is about the workflow itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// In a sentence.
    pub text: String,
    /// The values that differ, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Difference>,
}

/// In which way something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A step is there that was not.
    Added,
    /// A step is gone.
    Removed,
    /// A step is not as it was.
    Changed,
    /// A step has another id.
    Renamed,
    /// A step is at another place of its list, or in another list.
    Moved,
    /// Something about the workflow itself.
    Workflow,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Its path in the file's form of the step or the workflow.
    pub path: String,
    /// How it was; `None` if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// How it is; `None` if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The longest value that a sentence quotes, in characters.
const LONGEST_QUOTE: usize = 80;

/// What differs between two workflows. Of the edits in between only the renamings are looked at: which step became which.
#[must_use]
pub(super) fn changes(old: &Workflow, new: &Workflow, edits: &[Edit], catalog: &Catalog) -> Vec<Change> {
    let (old, renamed) = with_new_ids(old, new, edits);
    let mut found = settings(&old, new);
    for (from, to) in renamed {
        let text = format!("Calls `{from}` `{to}` from now on, wherever it is named.");
        found.push(Change { kind: ChangeKind::Renamed, step: Some(to), text, values: Vec::new() });
    }
    let (before, after) = (flat(&old), flat(new));
    for (id, place) in &before {
        if !after.iter().any(|(other, _)| other == id) {
            let text = format!("Removes `{id}`, which {}.", does(place.step, catalog));
            found.push(Change { kind: ChangeKind::Removed, step: Some((*id).clone()), text, values: Vec::new() });
        }
    }
    let known: BTreeMap<&StepId, &Placed<'_>> = before.iter().map(|(id, placed)| (*id, placed)).collect();
    for (id, placed) in &after {
        match known.get(id) {
            None => found.push(added(id, placed, catalog)),
            Some(was) => found.extend(changed(id, was, placed, catalog)),
        }
    }
    let moved = diff(&old, new).edits.into_iter().filter_map(|edit| match edit {
        Edit::MoveStep { id, position } => Some((id, position)),
        _ => None,
    });
    for (id, position) in moved {
        if !found.iter().any(|change| change.step.as_ref() == Some(&id) && change.kind != ChangeKind::Renamed) {
            let text =
                format!("Moves `{id}` to place {} of its list; what depends on what stays as it is.", position + 1);
            found.push(Change { kind: ChangeKind::Moved, step: Some(id), text, values: Vec::new() });
        }
    }
    found
}

/// The old workflow with the ids that its steps have in the new one, and which those are.
fn with_new_ids(old: &Workflow, new: &Workflow, edits: &[Edit]) -> (Workflow, Vec<(StepId, StepId)>) {
    let mut with = old.clone();
    let mut renamed: Vec<(StepId, StepId)> = Vec::new();
    for edit in edits {
        let Edit::RenameStep { id, to } = edit else { continue };
        if edit::carry_out(&mut with, edit).is_err() {
            continue;
        }
        match renamed.iter_mut().find(|(_, now)| now == id) {
            Some((_, now)) => *now = to.clone(),
            None => renamed.push((id.clone(), to.clone())),
        }
    }
    let is_there = |id: &StepId| super::resolve::find(new, id.as_str()).is_ok();
    renamed.retain(|(from, to)| from != to && is_there(to));
    (with, renamed)
}

/// A step, and the loop in whose body it is.
struct Placed<'w> {
    step: &'w Step,
    within: Option<&'w StepId>,
}

fn flat(workflow: &Workflow) -> Vec<(&StepId, Placed<'_>)> {
    fn collect<'w>(steps: &'w [Step], within: Option<&'w StepId>, found: &mut Vec<(&'w StepId, Placed<'w>)>) {
        for step in steps {
            found.push((&step.id, Placed { step, within }));
            collect(step.process.body().unwrap_or_default(), Some(&step.id), found);
        }
    }
    let mut found = Vec::new();
    collect(&workflow.steps, None, &mut found);
    found
}

fn added(id: &StepId, placed: &Placed<'_>, catalog: &Catalog) -> Change {
    let Placed { step, within } = placed;
    let mut text = format!("Adds `{id}`, which {}", does(step, catalog));
    if !step.needs.is_empty() {
        let needs: Vec<String> = step.needs.iter().map(|need| format!("`{need}`")).collect();
        let any = if step.join == crate::workflow::Join::Any { "the first of " } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, ", after {any}{}", needs.join(", "));
    }
    if let Some(within) = within {
        let _ = write!(text, ", in each round of `{within}`");
    }
    text.push('.');
    Change { kind: ChangeKind::Added, step: Some(id.clone()), text, values: Vec::new() }
}

fn changed(id: &StepId, was: &Placed<'_>, is: &Placed<'_>, catalog: &Catalog) -> Option<Change> {
    let mut values = Vec::new();
    let (before, after) = (step_to_json(&was.step.without_body()), step_to_json(&is.step.without_body()));
    differences("", &before, &after, &mut values);
    let is_elsewhere = was.within != is.within;
    if values.is_empty() && !is_elsewhere {
        return None;
    }
    let mut parts = Vec::new();
    if is_elsewhere {
        parts.push(match is.within {
            Some(owner) => format!("it is in the body of `{owner}` now"),
            None => "it is no longer in a loop".to_owned(),
        });
    }
    let is_other_work = values.iter().any(|value| is_work(&value.path));
    if is_other_work && was.step.process.kind() != is.step.process.kind() {
        parts.push(format!("it {} now, and no longer {}", does(is.step, catalog), does(was.step, catalog)));
    }
    for value in &values {
        let is_told = is_work(&value.path) && was.step.process.kind() != is.step.process.kind();
        if !is_told {
            parts.push(in_words(value));
        }
    }
    let kind = if values.is_empty() { ChangeKind::Moved } else { ChangeKind::Changed };
    Some(Change { kind, step: Some(id.clone()), text: format!("Changes `{id}`: {}.", parts.join("; ")), values })
}

fn is_work(path: &str) -> bool {
    path == "process" || path.starts_with("process.")
}

fn in_words(Difference { path, before, after }: &Difference) -> String {
    if path == "needs" {
        let list = |value: &Option<Value>| -> Vec<String> {
            let needs = value.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            needs.iter().filter_map(Value::as_str).map(|need| format!("`{need}`")).collect()
        };
        let (before, after) = (list(before), list(after));
        return match (before.is_empty(), after.is_empty()) {
            (true, _) => format!("it waits for {}", after.join(", ")),
            (_, true) => format!("it no longer waits for {}", before.join(", ")),
            _ => format!("it waits for {} in place of {}", after.join(", "), before.join(", ")),
        };
    }
    match (before, after) {
        (Some(before), Some(after)) => format!("{path} from {} to {}", quoted(before), quoted(after)),
        (None, Some(after)) => format!("{path} is {} now", quoted(after)),
        (Some(before), None) => format!("{path} is gone; it was {}", quoted(before)),
        (None, None) => path.clone(),
    }
}

fn quoted(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("“{text}”"),
        other => other.to_string(),
    };
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= LONGEST_QUOTE {
        return line;
    }
    line.chars().take(LONGEST_QUOTE - 1).chain(['…']).collect()
}

/// What is set of the workflow itself, and differs.
fn settings(old: &Workflow, new: &Workflow) -> Vec<Change> {
    let without_steps = |workflow: &Workflow| to_json(&Workflow { steps: Vec::new(), ..workflow.clone() });
    let mut values = Vec::new();
    differences("", &without_steps(old), &without_steps(new), &mut values);
    let change = |value: Difference| {
        let text = match (value.path.as_str(), &value.before) {
            ("name", Some(Value::String(before))) if before.is_empty() => {
                format!("Makes the workflow `{}`.", new.name)
            }
            _ => format!("Of the workflow, {}.", in_words(&value)),
        };
        Change { kind: ChangeKind::Workflow, step: None, text, values: vec![value] }
    };
    values.into_iter().map(change).collect()
}

/// The values that differ, as deep as names mean the same on both sides.
fn differences(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return };
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) if old == new && !order_differs(old, new) => {}
            (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) if GROUPS.contains(&inner.as_str()) => {
                differences(&inner, old, new, found);
            }
            (before, after) => {
                found.push(Difference { path: inner, before: before.cloned(), after: after.cloned() });
            }
        }
    }
}

/// Objects whose values are told of one by one.
const GROUPS: [&str; 8] =
    ["input", "process", "process.for_each", "process.repeat", "process.human", "process.wait", "inputs", "vars"];

/// The order of a branch's cases counts.
fn order_differs(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => !old.keys().eq(new.keys()) && old.values().all(Value::is_string),
        _ => false,
    }
}

/// What a step does, as the end of a sentence that begins with it.
pub(super) fn does(step: &Step, catalog: &Catalog) -> String {
    let short = |text: &str| quoted(&Value::from(text));
    match &step.process {
        Process::Agent { agent, goal, plan } => {
            let calls: Vec<String> = plan.iter().map(|planned| format!("`{}`", planned.tool)).collect();
            let unasked =
                if calls.is_empty() { String::new() } else { format!(", and may call {} unasked", calls.join(", ")) };
            format!("has `{agent}` work on {}{unasked}", short(goal))
        }
        Process::Model { prompt, .. } => format!("asks a model {}", short(prompt)),
        Process::Tool { tool } => match catalog.tools.get(tool) {
            Some(known) if known.effect.changes_the_world() => {
                format!("calls `{tool}` ({})", effect(known.effect))
            }
            _ => format!("calls `{tool}`"),
        },
        Process::Transform { value } => format!("computes {}", quoted(value)),
        Process::Branch { cases } => {
            let cases: Vec<String> = cases.iter().map(|(case, when)| format!("`{case}` if {}", short(when))).collect();
            format!("goes by {}, else `otherwise`", cases.join(", "))
        }
        Process::ForEach(for_each) => format!("does its body for each of {}", quoted(&for_each.items)),
        Process::Repeat(repeat) => {
            let (word, condition) = match &repeat.condition {
                Condition::Until(condition) => ("until", condition),
                Condition::While(condition) => ("while", condition),
            };
            format!("repeats its body {word} {}, {} times at most", short(condition), repeat.max)
        }
        Process::Workflow { workflow, .. } => format!("runs the workflow `{workflow}`"),
        Process::Wait(Wait::For(length)) => format!("waits for {}", humantime::format_duration(*length)),
        Process::Wait(Wait::Until(instant)) => format!("waits until {}", short(instant)),
        Process::Wait(Wait::Event { name, .. }) => format!("waits for the event {}", short(name)),
        Process::Human(Human { ask, to, default, .. }) => {
            let whom = if to.is_empty() { "a person".to_owned() } else { to.join(" or ") };
            let taken = default.as_ref().map_or_else(String::new, |default| {
                let after = humantime::format_duration(default.after);
                format!(" (`{}` is taken for the answer after {after})", default.outcome)
            });
            format!("asks {whom} {}{taken}", short(ask))
        }
    }
}

/// An effect, as people are told of it.
pub(super) fn effect(effect: crate::workflow::Effect) -> &'static str {
    match effect {
        crate::workflow::Effect::Pure => "computes only",
        crate::workflow::Effect::Read => "reads",
        crate::workflow::Effect::Write => "writes",
        crate::workflow::Effect::Irreversible => "cannot be undone",
    }
}
