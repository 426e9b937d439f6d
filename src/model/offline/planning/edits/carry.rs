//! What a step was given, for the tool that takes its place.

use indexmap::IndexMap;
use serde_json::Value;

use super::super::Card;
use super::super::scene::Scene;
use super::super::slots::{SLOTS, name_stems};
use crate::workflow::{Process, StepId};

impl Scene<'_> {
    /// The arguments of a step for another tool: by their names, or by what they hold. What that tool must have besides is asked
    /// for.
    pub(super) fn carried(&mut self, old: &IndexMap<String, Value>, card: &Card) -> IndexMap<String, Value> {
        let mut input = IndexMap::new();
        let is_known = |name: &String| card.parameters.iter().any(|parameter| parameter.name == *name);
        let mut left: Vec<(&String, &Value)> = old.iter().filter(|(name, _)| !is_known(name)).collect();
        for parameter in &card.parameters {
            if let Some(value) = old.get(&parameter.name) {
                input.insert(parameter.name.clone(), value.clone());
                continue;
            }
            let alike = left.iter().position(|(name, _)| hold_the_same(name, &parameter.name));
            if let Some(at) = alike {
                input.insert(parameter.name.clone(), left.remove(at).1.clone());
            } else if parameter.required {
                let asked = self.asked(parameter, card);
                input.insert(parameter.name.clone(), asked);
            }
        }
        input
    }

    /// What was said is taken; what was only found for want of a word stays as it was before.
    pub(super) fn kept_beside(&mut self, id: &StepId, old: &IndexMap<String, Value>) {
        let is_said = |value: &Value| value.as_str().is_none_or(|text| !text.contains("{{"));
        if let Some(step) = self.draft.step_mut(id) {
            for (name, value) in &mut step.input {
                if let Some(before) = old.get(name).filter(|_| !is_said(value)) {
                    value.clone_from(before);
                }
            }
            let optional = old
                .iter()
                .filter(|(name, _)| !step.input.contains_key(*name))
                .map(|(name, value)| (name.clone(), value.clone()));
            let optional: Vec<(String, Value)> = optional.collect();
            if let Process::Tool { tool } = &step.process
                && let Some(card) = self.tools.iter().find(|card| card.name == *tool)
            {
                let is_taken = |name: &str| card.parameters.iter().any(|parameter| parameter.name == name);
                step.input.extend(optional.into_iter().filter(|(name, _)| is_taken(name)));
            }
        }
    }
}

/// `channel` and `room`, `text` and `body`.
fn hold_the_same(one: &str, other: &str) -> bool {
    let (one, other) = (name_stems(one), name_stems(other));
    // An id is of just one thing.
    if one.last().is_some_and(|last| last == "id") || other.last().is_some_and(|last| last == "id") {
        return false;
    }
    let roles: Vec<_> = SLOTS.roles(&one).map(std::ptr::from_ref).collect();
    SLOTS.roles(&other).any(|role| roles.contains(&std::ptr::from_ref(role)))
}
