//! What makes one workflow of another: edits, and the steps that they leave alone.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::edit::Edit;
use super::hash::{canonical_json, step_hash};
use super::{Step, StepId, Workflow};

/// The difference between two workflows.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// Applied all together ([`super::edit::apply_all`]) to the old workflow, these yield the new one.
    pub edits: Vec<Edit>,
    /// Every step that no edit touches, with its hash. A step whose body changed is not among them, while the other
    /// steps of the body are.
    pub untouched: Vec<(StepId, String)>,
}

/// The difference between two workflows whose structure is valid.
#[must_use]
pub fn diff(old: &Workflow, new: &Workflow) -> Diff {
    let mut edits = Vec::new();
    if old.name != new.name {
        edits.push(Edit::SetName { name: new.name.clone() });
    }
    if old.description != new.description {
        edits.push(Edit::SetDescription { description: new.description.clone() });
    }
    edits.extend(entries(&old.inputs, &new.inputs).into_iter().map(|Entry { name, value, position }| Edit::SetInput {
        name,
        schema: value,
        position,
    }));
    edits.extend(entries(&old.vars, &new.vars).into_iter().map(|Entry { name, value, position }| Edit::SetVar {
        name,
        value,
        position,
    }));
    if old.triggers != new.triggers {
        edits.push(Edit::SetTriggers { triggers: new.triggers.clone() });
    }
    let text = |value: &Option<Value>| value.as_ref().map(canonical_json);
    if text(&old.result) != text(&new.result) {
        edits.push(Edit::SetResult { result: new.result.clone() });
    }
    let mut steps = Steps::default();
    steps.list(&old.steps, &new.steps, None);
    // What is removed must be gone before a replaced or added body brings it back elsewhere, and what is replaced may
    // have to leave a body before it is added to another list.
    edits.extend(steps.removed);
    edits.extend(steps.replaced);
    edits.extend(steps.placed);
    Diff { edits, untouched: steps.untouched }
}

struct Entry {
    name: String,
    value: Option<Value>,
    position: Option<usize>,
}

/// What makes one ordered set of named values of another.
fn entries(old: &IndexMap<String, Value>, new: &IndexMap<String, Value>) -> Vec<Entry> {
    let gone = |name: &&String| !new.contains_key(*name);
    let mut changes: Vec<Entry> =
        old.keys().filter(gone).map(|name| Entry { name: name.clone(), value: None, position: None }).collect();
    let mut names: Vec<&String> = old.keys().filter(|name| !gone(name)).collect();
    for (position, (name, value)) in new.iter().enumerate() {
        let same = old.get(name).is_some_and(|before| canonical_json(before) == canonical_json(value));
        if same && names.get(position) == Some(&name) {
            continue;
        }
        names.retain(|other| *other != name);
        names.insert(position.min(names.len()), name);
        changes.push(Entry { name: name.clone(), value: Some(value.clone()), position: Some(position) });
    }
    changes
}

#[derive(Default)]
struct Steps {
    removed: Vec<Edit>,
    replaced: Vec<Edit>,
    placed: Vec<Edit>,
    untouched: Vec<(StepId, String)>,
}

impl Steps {
    fn list(&mut self, old: &[Step], new: &[Step], body_of: Option<&StepId>) {
        let olds: HashMap<&StepId, &Step> = old.iter().map(|step| (&step.id, step)).collect();
        let news: HashSet<&StepId> = new.iter().map(|step| &step.id).collect();
        for step in old.iter().filter(|step| !news.contains(&step.id)) {
            self.removed.push(Edit::RemoveStep { id: step.id.clone() });
        }
        for step in new {
            if let Some(before) = olds.get(&step.id) {
                self.step(before, step);
            }
        }
        self.places(old, new, body_of);
    }

    fn step(&mut self, old: &Step, new: &Step) {
        let hash = step_hash(new);
        if step_hash(old) == hash {
            self.untouched.push((new.id.clone(), hash));
            for step in new.process.body().unwrap_or_default() {
                self.step(step, step);
            }
            return;
        }
        match (old.process.body(), new.process.body()) {
            (Some(before), Some(after)) if step_hash(&old.without_body()) == step_hash(&new.without_body()) => {
                self.list(before, after, Some(&new.id));
            }
            _ => self.replaced.push(Edit::ReplaceStep { step: new.clone() }),
        }
    }

    /// Adds what is new, and moves as few of the others as bring the list in order.
    fn places(&mut self, old: &[Step], new: &[Step], body_of: Option<&StepId>) {
        let place_of: HashMap<&StepId, usize> = new.iter().enumerate().map(|(place, step)| (&step.id, place)).collect();
        let places: Vec<usize> = old.iter().filter_map(|step| place_of.get(&step.id).copied()).collect();
        let staying: HashSet<usize> = longest_rising(&places).into_iter().collect();
        let known: HashSet<usize> = places.iter().copied().collect();
        // The list as it is when the edits so far have been applied, by place in the new one.
        let mut now = places;
        for (place, step) in new.iter().enumerate() {
            if staying.contains(&place) {
                continue;
            }
            now.retain(|other| *other != place);
            let position = match place.checked_sub(1) {
                Some(before) => now.iter().position(|other| *other == before).map_or(now.len(), |at| at + 1),
                None => 0,
            };
            now.insert(position, place);
            self.placed.push(if known.contains(&place) {
                Edit::MoveStep { id: step.id.clone(), position }
            } else {
                Edit::AddStep { step: step.clone(), body_of: body_of.cloned(), position: Some(position) }
            });
        }
    }
}

/// A longest rising subsequence of different numbers.
fn longest_rising(numbers: &[usize]) -> Vec<usize> {
    // For each length the index of the smallest number that ends a rising subsequence of it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (index, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut rising = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(index) = at {
        rising.push(numbers[index]);
        at = before[index];
    }
    rising.reverse();
    rising
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rising_subsequence_is_found() {
        assert_eq!(longest_rising(&[3, 0, 1, 4, 2, 5]), [0, 1, 2, 5]);
        assert_eq!(longest_rising(&[2, 1, 0]), [0]);
        assert!(longest_rising(&[]).is_empty());
    }
}
