//! The texts of a step that may hold expressions.

use serde_json::Value;

use crate::workflow::{Process, Step};

fn texts(step: &mut Step, visit: &mut impl FnMut(&mut String)) {
    for value in step.input.values_mut() {
        texts_of(value, visit);
    }
    match &mut step.process {
        Process::Agent { goal, plan, .. } => {
            visit(goal);
            plan.iter_mut().flat_map(|planned| planned.with.values_mut()).for_each(|value| texts_of(value, visit));
        }
        Process::Model { prompt, system, .. } => {
            visit(prompt);
            system.iter_mut().for_each(visit);
        }
        Process::Transform { value } => texts_of(value, visit),
        Process::Branch { cases } => cases.values_mut().for_each(visit),
        Process::ForEach(for_each) => texts_of(&mut for_each.items, visit),
        Process::Repeat(repeat) => match &mut repeat.condition {
            crate::workflow::Condition::Until(text) | crate::workflow::Condition::While(text) => visit(text),
        },
        Process::Human(human) => visit(&mut human.ask),
        Process::Wait(crate::workflow::Wait::Until(text)) => visit(text),
        Process::Tool { .. } | Process::Workflow { .. } | Process::Wait(_) => {}
    }
}

fn texts_of(value: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|value| texts_of(value, visit)),
        Value::Object(entries) => entries.values_mut().for_each(|value| texts_of(value, visit)),
        _ => {}
    }
}

/// Every text of a step that may hold expressions, its body's left out.
pub(in crate::model::offline::planning) fn each_text(step: &Step, visit: &mut impl FnMut(&str)) {
    texts(&mut step.without_body(), &mut |text| visit(text));
}

pub(in crate::model::offline::planning) fn mentions(step: &Step, what: &str) -> bool {
    let mut found = false;
    texts(&mut step.without_body(), &mut |text| found |= names(text, what).is_some());
    found || step.process.body().unwrap_or_default().iter().any(|step| mentions(step, what))
}

/// Where a text names just this, and not something that begins with it.
fn names(text: &str, what: &str) -> Option<usize> {
    let follows = |at: usize| text[at + what.len()..].chars().next();
    text.match_indices(what).map(|(at, _)| at).find(|at| !follows(*at).is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

pub(in super::super) fn replace(step: &mut Step, from: &str, to: &str) {
    texts(step, &mut |text| {
        while let Some(at) = names(text, from) {
            text.replace_range(at..at + from.len(), to);
        }
    });
}
