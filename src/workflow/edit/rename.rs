//! Another id for a step, wherever the step is named.

use serde_json::Value;

use crate::workflow::expression::{rename_step, rename_step_in_condition};
use crate::workflow::{Condition, Process, Step, StepId, Wait, Workflow};

/// Renames a step in needs, in expressions and in the step itself. Returns how many expressions named it.
pub(super) fn rename(workflow: &mut Workflow, from: &StepId, to: &StepId) -> usize {
    let mut renaming = Renaming { from, to, expressions: 0 };
    renaming.steps(&mut workflow.steps);
    if let Some(result) = &mut workflow.result {
        renaming.value(result);
    }
    renaming.expressions
}

/// How many expressions name a step.
pub(super) fn times_named(workflow: &Workflow, id: &StepId) -> usize {
    rename(&mut workflow.clone(), id, id)
}

struct Renaming<'a> {
    from: &'a StepId,
    to: &'a StepId,
    expressions: usize,
}

impl Renaming<'_> {
    fn steps(&mut self, steps: &mut [Step]) {
        for step in steps {
            if step.id == *self.from {
                step.id = self.to.clone();
            }
            for need in &mut step.needs {
                if need.step == *self.from {
                    need.step = self.to.clone();
                }
            }
            step.input.values_mut().for_each(|value| self.value(value));
            self.process(&mut step.process);
        }
    }

    fn process(&mut self, process: &mut Process) {
        match process {
            Process::Agent { goal, plan, .. } => {
                self.text(goal);
                plan.iter_mut().flat_map(|planned| planned.with.values_mut()).for_each(|value| self.value(value));
            }
            Process::Model { prompt, system, .. } => {
                self.text(prompt);
                if let Some(system) = system {
                    self.text(system);
                }
            }
            Process::Transform { value } => self.value(value),
            Process::Branch { cases } => cases.values_mut().for_each(|condition| self.condition(condition)),
            Process::ForEach(for_each) => {
                self.value(&mut for_each.items);
                self.steps(&mut for_each.steps);
            }
            Process::Repeat(repeat) => {
                match &mut repeat.condition {
                    Condition::Until(condition) | Condition::While(condition) => self.condition(condition),
                }
                self.steps(&mut repeat.steps);
            }
            Process::Wait(Wait::Until(instant)) => self.text(instant),
            Process::Wait(Wait::Event { name, matching, .. }) => {
                self.text(name);
                if let Some(condition) = matching {
                    self.condition(condition);
                }
            }
            Process::Human(human) => self.text(&mut human.ask),
            Process::Tool { .. } | Process::Workflow { .. } | Process::Wait(Wait::For(_)) => {}
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(entries) => entries.values_mut().for_each(|value| self.value(value)),
            _ => {}
        }
    }

    fn text(&mut self, text: &mut String) {
        if let Some(renamed) = rename_step(text, self.from.as_str(), self.to.as_str()) {
            *text = renamed;
            self.expressions += 1;
        }
    }

    fn condition(&mut self, condition: &mut String) {
        if let Some(renamed) = rename_step_in_condition(condition, self.from.as_str(), self.to.as_str()) {
            *condition = renamed;
            self.expressions += 1;
        }
    }
}
