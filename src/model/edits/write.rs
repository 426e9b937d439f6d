//! Edits in the form in which a model says them.

use serde_json::Value;

use super::said::{Asked, Case, Pair, Tested, WaitFor, Work};
use crate::workflow::edit::Edit;
use crate::workflow::yaml::{step_to_json, to_json};
use crate::workflow::{Condition, Human, Process, Step, StepId, Wait, Workflow};

/// An edit as a model would ask for it; `workflow` is what it is applied to.
#[must_use]
pub fn asked_of(edit: &Edit, workflow: &Workflow) -> Vec<Asked> {
    match edit {
        Edit::SetName { name } => set("name", name.clone().into()),
        Edit::SetDescription { description } => set("description", description.clone().into()),
        Edit::SetInput { name, schema, .. } => set_or_take(&format!("inputs.{name}"), schema.as_ref()),
        Edit::SetVar { name, value, .. } => set_or_take(&format!("vars.{name}"), value.as_ref()),
        Edit::SetTriggers { triggers } => {
            let with = Workflow { triggers: triggers.clone(), ..workflow.clone() };
            set("triggers", to_json(&with).get("triggers").cloned().unwrap_or_else(|| Value::Array(Vec::new())))
        }
        Edit::SetResult { result } => set_or_take("result", result.as_ref()),
        Edit::AddStep { step, body_of, position } => added(step, body_of.as_ref(), *position),
        Edit::RemoveStep { id } => vec![Asked::Remove { step: id.to_string() }],
        Edit::RenameStep { id, to } => vec![Asked::Rename { step: id.to_string(), to: to.to_string() }],
        Edit::ReplaceStep { step } => {
            let Some(before) = find(&workflow.steps, &step.id) else { return added(step, None, None) };
            let set = differences(before, step);
            if set.is_empty() { Vec::new() } else { vec![Asked::Change { step: step.id.to_string(), set }] }
        }
        Edit::MoveStep { id, position } => {
            let position = Pair::new("position", (*position).into());
            vec![Asked::Change { step: id.to_string(), set: vec![position] }]
        }
    }
}

fn set(name: &str, value: Value) -> Vec<Asked> {
    vec![Asked::Workflow { set: vec![Pair::new(name, value)] }]
}

fn set_or_take(name: &str, value: Option<&Value>) -> Vec<Asked> {
    let pair = value.map_or_else(|| Pair::gone(name), |value| Pair::new(name, value.clone()));
    vec![Asked::Workflow { set: vec![pair] }]
}

fn find<'s>(steps: &'s [Step], id: &StepId) -> Option<&'s Step> {
    steps.iter().find_map(
        |step| {
            if step.id == *id { Some(step) } else { find(step.process.body().unwrap_or_default(), id) }
        },
    )
}

/// A step and the steps of its body, each by itself.
fn added(step: &Step, body_of: Option<&StepId>, position: Option<usize>) -> Vec<Asked> {
    let mut rest = step_to_json(step);
    let fields = rest.as_object_mut();
    let mut set: Vec<Pair> = fields
        .into_iter()
        .flat_map(std::mem::take)
        .filter(|(name, _)| !["id", "needs", "input", "process"].contains(&name.as_str()))
        .map(|(name, value)| Pair::new(name, value))
        .collect();
    set.extend(details(&step.process));
    set.extend(position.map(|position| Pair::new("position", position.into())));
    let mut asked = vec![Asked::Add {
        step: step.id.to_string(),
        work: work(&step.process),
        input: step.input.iter().map(|(name, value)| Pair::new(name, value.clone())).collect(),
        set,
        after: step.needs.iter().map(ToString::to_string).collect(),
        before: Vec::new(),
        within: body_of.map(ToString::to_string),
    }];
    for (index, inner) in step.process.body().unwrap_or_default().iter().enumerate() {
        asked.extend(added(inner, Some(&step.id), Some(index)));
    }
    asked
}

/// Who or what does it, without the steps of a body.
fn work(process: &Process) -> Work {
    match process {
        Process::Tool { tool } => Work::Tool { tool: tool.clone() },
        Process::Agent { agent, goal, plan } if plan.is_empty() => {
            Work::Agent { agent: agent.clone(), goal: goal.clone() }
        }
        Process::Branch { cases } => {
            let case = |(outcome, when): (&_, &String)| Case { outcome: format!("{outcome}"), when: when.clone() };
            Work::Branch { cases: cases.iter().map(|(outcome, when)| case((outcome, when))).collect() }
        }
        Process::ForEach(for_each) if for_each.items.is_string() => {
            let items = for_each.items.as_str().unwrap_or_default().to_owned();
            Work::ForEach { items, item: for_each.item_name.clone() }
        }
        Process::Repeat(repeat) => {
            let (tested, condition) = match &repeat.condition {
                Condition::Until(condition) => (Tested::Until, condition.clone()),
                Condition::While(condition) => (Tested::While, condition.clone()),
            };
            Work::Repeat { tested, condition, max: repeat.max }
        }
        Process::Workflow { workflow, version: None } => Work::Workflow { workflow: workflow.clone() },
        Process::Wait(Wait::For(length)) => {
            Work::Wait { wait_for: WaitFor::Time, value: humantime::format_duration(*length).to_string() }
        }
        Process::Wait(Wait::Until(instant)) => Work::Wait { wait_for: WaitFor::Instant, value: instant.clone() },
        Process::Wait(Wait::Event { name, matching: None, timeout: None }) => {
            Work::Wait { wait_for: WaitFor::Event, value: name.clone() }
        }
        Process::Transform { value: Value::String(value) } => Work::Transform { value: value.clone() },
        Process::Human(human) if human.form.is_none() && human.default.is_none() => {
            let usual = Human::asking(human.ask.clone());
            let choices = if human.choices == usual.choices { Vec::new() } else { human.choices.clone() };
            let choices = choices.iter().map(ToString::to_string).collect();
            Work::Human { ask: human.ask.clone(), choices, to: human.to.clone() }
        }
        other => {
            let mut bare = Step::of(StepId::from("step"), other.clone());
            if let Some(body) = bare.process.body_mut() {
                body.clear();
            }
            Work::Other { json: step_to_json(&bare)["process"].to_string() }
        }
    }
}

/// What [`work`] has no place for.
fn details(process: &Process) -> Vec<Pair> {
    let Process::ForEach(for_each) = process else { return Vec::new() };
    let mut json = step_to_json(&Step::of(StepId::from("step"), process.clone()));
    let fields = json["process"]["for_each"].as_object_mut().map(std::mem::take).unwrap_or_default();
    let fields = fields.into_iter().filter(|(name, _)| ["concurrency", "on_error"].contains(&name.as_str()));
    // With items that are no text, the whole process is written out.
    let is_written = !for_each.items.is_string();
    fields.filter(|_| !is_written).map(|(name, value)| Pair::new(format!("process.for_each.{name}"), value)).collect()
}

/// The values by which a step differs from how it was.
fn differences(before: &Step, after: &Step) -> Vec<Pair> {
    let (before, after) = (step_to_json(before), step_to_json(after));
    let mut set = Vec::new();
    differ("", &before, &after, &mut set);
    set
}

/// Goes down where both sides are objects in which names mean the same on both; else the whole value is set.
fn differ(path: &str, before: &Value, after: &Value, set: &mut Vec<Pair>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            set.push(Pair::new(path, after.clone()));
        }
        return;
    };
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    for name in names {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) if old == new => {}
            (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) if goes_down(path, name, old, new) => {
                differ(&inner, old, new, set);
            }
            (_, Some(new)) => set.push(Pair::new(inner, new.clone())),
            (Some(_), None) => set.push(Pair::gone(inner)),
            (None, None) => {}
        }
    }
}

/// Whether an object is changed in parts: a step's input, a process of the same kind and what is in it. The order of a branch's
/// cases matters, so that these are set together.
fn goes_down(path: &str, name: &str, old: &Value, new: &Value) -> bool {
    let kind = |value: &Value| value.as_object().and_then(|fields| fields.keys().next().cloned());
    match (path, name) {
        ("", "input") => true,
        ("", "process") => kind(old) == kind(new),
        ("process", name) => name != "branch" && name != "transform",
        _ => false,
    }
}
