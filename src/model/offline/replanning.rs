//! Another way to what a step was for that has failed for good.
//!
//! What can be said without knowing why it failed: that another tool does the same, or that a person can do it. The step keeps its
//! id, and what it yields keeps its form, so that whatever follows still has its input.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::planning::{Card, Evidence, Planned, same_work};
use crate::model::edits::AnotherWay;
use crate::workflow::diff::diff;
use crate::workflow::validate::validate;
use crate::workflow::yaml::to_json;
use crate::workflow::{Catalog, Effect, Human, Outcome, Port, Process, Step, StepId, Workflow};

/// How sure it is that a tool that is described as another one is does the same.
const BY_DESCRIPTION: f64 = 0.4;

/// What a text that is shown in short has in it.
const SHORT: char = '⟨';

/// A step that does by other means what one did that failed.
struct Other {
    step: Step,
    /// What is taken for granted by that.
    why: String,
    confidence: f64,
}

/// What else can be done in place of the steps that failed: of all of them, or nothing.
pub(super) fn plan(way: &AnotherWay, before: &Workflow, tools: &[Card]) -> Planned {
    let mut after = before.clone();
    let mut planned = Planned::default();
    for id in &way.steps {
        let Some(step) = before.steps.iter().find(|step| step.id.as_str() == id) else {
            return nothing(format!("`{id}` is no step of it."));
        };
        let Some(Other { step, why, confidence }) = other(step, before, tools) else {
            return nothing(format!(
                "No tool is known that does the same as `{id}`, and a person cannot do it instead."
            ));
        };
        planned.evidence.push(Evidence {
            step: step.id.clone(),
            said: String::new(),
            matched: Vec::new(),
            margin: None,
            assumed: vec![why.clone()],
            confidence,
        });
        planned.assumptions.push(why);
        put(step, &mut after);
    }
    if way.steps.is_empty() {
        return nothing("It is not known which step failed.".to_owned());
    }
    let known: Vec<String> = validate(before, &Catalog::open()).into_iter().map(|problem| problem.message).collect();
    let wrong = validate(&after, &Catalog::open()).into_iter().find(|problem| !known.contains(&problem.message));
    if let Some(wrong) = wrong {
        return nothing(format!("What could be done instead does not fit what follows: {}.", wrong.message));
    }
    planned.edits = diff(before, &after).edits;
    planned
}

fn nothing(why: String) -> Planned {
    Planned { assumptions: vec![why, "So no other way is known to what failed.".to_owned()], ..Planned::default() }
}

/// Puts a step in the place of the one with its id. Those that come after a step that went well come after what is now its main
/// outcome.
fn put(step: Step, workflow: &mut Workflow) {
    let is_asked = matches!(step.process, Process::Human(_));
    for follower in &mut workflow.steps {
        for need in follower.needs.iter_mut().filter(|need| is_asked && need.step == step.id) {
            if need.port == Port::Named(Outcome::from(Outcome::OK)) {
                need.port = Port::Main;
            }
        }
    }
    if let Some(place) = workflow.steps.iter_mut().find(|other| other.id == step.id) {
        *place = step;
    }
}

fn other(step: &Step, workflow: &Workflow, tools: &[Card]) -> Option<Other> {
    let used = Used::of(&step.id, workflow);
    match &step.process {
        Process::Tool { tool } => exchanged(step, tool, &used, tools).or_else(|| {
            let card = tools.iter().find(|card| card.name == *tool);
            let description = card.map_or("", |card| card.description.trim_end_matches('.'));
            let what = if description.is_empty() { tool.clone() } else { description.to_owned() };
            asked(step, with_input(&what, step), used.form(step)?)
        }),
        // Word for word: a text that was shown in short is restored only whole.
        Process::Agent { goal: what, .. } | Process::Model { prompt: what, .. } => {
            asked(step, what.clone(), step.output.clone().unwrap_or_else(text_form))
        }
        _ => None,
    }
}

/// Another tool that does the same, takes all that the step gives, and brings all that is made of its result.
fn exchanged(step: &Step, tool: &str, used: &Used, tools: &[Card]) -> Option<Other> {
    let worst = tools.iter().find(|card| card.name == tool).map_or(Effect::Write, |card| card.effect);
    let is_fit = |card: &Card| {
        let takes = |name: &String| card.parameters.is_empty() || card.parameters.iter().any(|one| one.name == *name);
        let is_given = card.parameters.iter().all(|one| !one.required || step.input.contains_key(&one.name));
        let brings = !used.whole && used.fields.iter().all(|field| card.outputs.contains(field));
        card.effect <= worst && step.input.keys().all(takes) && is_given && brings
    };
    let card = same_work(tool, tools).into_iter().map(|at| &tools[at]).find(|card| is_fit(card))?;
    let process = Process::Tool { tool: card.name.clone() };
    Some(Other {
        step: Step { process, ..step.clone() },
        why: format!("By its description `{}` does the same as `{tool}`; `{}` calls it instead.", card.name, step.id),
        confidence: BY_DESCRIPTION,
    })
}

/// A person, who is asked for what the step was to bring.
fn asked(step: &Step, ask: String, form: Value) -> Option<Other> {
    if ask.trim().is_empty() {
        return None;
    }
    let form = Some(form).filter(|form| !form.is_null());
    let process = Process::Human(Human { form, ..Human::asking(ask) });
    let why =
        format!("No tool is known that does the same as `{}`, so a person is asked for what it was to bring.", step.id);
    let Step { id, name, needs, join, .. } = step.clone();
    Some(Other { step: Step { name, needs, join, ..Step::of(id, process) }, why, confidence: 1.0 })
}

/// What is to be done, and with what.
fn with_input(what: &str, step: &Step) -> String {
    let given: Vec<String> = step
        .input
        .iter()
        .map(|(name, value)| {
            value.as_str().map_or_else(|| format!("{name}: {value}"), |text| format!("{name}: {text}"))
        })
        // What was shown in short cannot be said again in part.
        .filter(|given| !given.contains(SHORT))
        .collect();
    if given.is_empty() { what.to_owned() } else { format!("{what} ({})", given.join("; ")) }
}

/// What an agent or a model brings if nothing else is wanted of it.
fn text_form() -> Value {
    json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } })
}

/// What expressions elsewhere make of a step's output.
#[derive(Debug, Default, PartialEq)]
struct Used {
    /// The fields that are named.
    fields: BTreeSet<String>,
    /// Whether it is also used as a whole.
    whole: bool,
}

impl Used {
    fn of(step: &StepId, workflow: &Workflow) -> Self {
        let text = to_json(workflow).to_string();
        let path = format!("steps.{step}.output");
        let mut used = Self::default();
        for (at, _) in text.match_indices(&path) {
            let rest = &text[at + path.len()..];
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            match rest.strip_prefix('.') {
                Some(rest) => {
                    used.fields.insert(rest.chars().take_while(|c| is_name(*c)).collect());
                }
                // A field whose name goes on is another one: `output_path`.
                None => used.whole |= !rest.starts_with(is_name),
            }
        }
        used
    }

    /// What a person fills in in place of what a tool would have brought: null if nothing is made of it. `None` if that cannot be
    /// said.
    fn form(&self, step: &Step) -> Option<Value> {
        if let Some(schema) = &step.output {
            return Some(schema.clone());
        }
        if self.whole {
            return None;
        }
        if self.fields.is_empty() {
            return Some(Value::Null);
        }
        let fields: Map<String, Value> = self.fields.iter().map(|field| (field.clone(), json!({}))).collect();
        Some(json!({ "type": "object", "required": self.fields, "properties": fields }))
    }
}

#[cfg(test)]
mod tests;
