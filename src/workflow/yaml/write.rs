//! A workflow as JSON and YAML in the file's format.
//!
//! The JSON form is canonical: needs are always explicit and defaults are left out, so that equal steps have equal
//! forms wherever they stand. The YAML form is the same for people, without needs that go without saying.

use std::time::Duration;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use serde_saphyr::{FlowMap, FlowSeq, LitStr};

use crate::workflow::step::Backoff;
use crate::workflow::{
    Condition, ForEach, Human, Join, OnError, Planned, Process, Repeat, Retry, Step, Trigger, Wait, Workflow,
};

/// A workflow in the file's format, canonical.
#[must_use]
pub fn to_json(workflow: &Workflow) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), workflow.name.clone().into());
    if !workflow.description.is_empty() {
        object.insert("description".into(), workflow.description.clone().into());
    }
    if !workflow.inputs.is_empty() {
        object.insert("inputs".into(), workflow.inputs.clone().into_iter().collect());
    }
    if !workflow.vars.is_empty() {
        object.insert("vars".into(), workflow.vars.clone().into_iter().collect());
    }
    if !workflow.triggers.is_empty() {
        object.insert("triggers".into(), triggers_to_json(&workflow.triggers));
    }
    object.insert("steps".into(), workflow.steps.iter().map(step_to_json).collect());
    if let Some(result) = &workflow.result {
        object.insert("result".into(), result.clone());
    }
    Value::Object(object)
}

pub(in crate::workflow) fn triggers_to_json(triggers: &[Trigger]) -> Value {
    let trigger = |trigger: &Trigger| match trigger {
        Trigger::Cron { pattern, timezone: None } => json!({ "cron": pattern }),
        Trigger::Cron { pattern, timezone: Some(timezone) } => json!({ "cron": pattern, "timezone": timezone }),
        Trigger::Webhook { path } => json!({ "webhook": { "path": path } }),
        Trigger::Event { name } => json!({ "event": name }),
        Trigger::RunEnded { workflow, outcome: None } => json!({ "run_ended": { "workflow": workflow } }),
        Trigger::RunEnded { workflow, outcome: Some(outcome) } => {
            json!({ "run_ended": { "workflow": workflow, "outcome": outcome } })
        }
    };
    triggers.iter().map(trigger).collect()
}

/// A step in the file's format, canonical: its needs are always there.
#[must_use]
pub fn step_to_json(step: &Step) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), step.id.as_str().into());
    if let Some(name) = &step.name {
        object.insert("name".into(), name.clone().into());
    }
    object.insert("needs".into(), step.needs.iter().map(ToString::to_string).collect());
    if step.join == Join::Any {
        object.insert("join".into(), "any".into());
    }
    if !step.input.is_empty() {
        object.insert("input".into(), step.input.clone().into_iter().collect());
    }
    object.insert("process".into(), process_to_json(&step.process));
    if let Some(output) = &step.output {
        object.insert("output".into(), output.clone());
    }
    if let Some(retry) = &step.retry {
        object.insert("retry".into(), retry_to_json(*retry));
    }
    if let Some(timeout) = step.timeout {
        object.insert("timeout".into(), duration(timeout));
    }
    Value::Object(object)
}

fn duration(duration: Duration) -> Value {
    humantime::format_duration(duration).to_string().into()
}

fn retry_to_json(retry: Retry) -> Value {
    let usual = Retry::default();
    let mut object = Map::new();
    if retry.max_attempts != usual.max_attempts {
        object.insert("max_attempts".into(), retry.max_attempts.into());
    }
    if retry.backoff == Backoff::Fixed {
        object.insert("backoff".into(), "fixed".into());
    }
    if retry.initial != usual.initial {
        object.insert("initial".into(), duration(retry.initial));
    }
    if retry.max != usual.max {
        object.insert("max".into(), duration(retry.max));
    }
    Value::Object(object)
}

/// The fields that are there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

fn planned_to_json(planned: &Planned) -> Value {
    match planned {
        Planned { tool, with } if with.is_empty() => tool.as_str().into(),
        Planned { tool, with } => {
            json!({ "tool": tool, "with": with.clone().into_iter().collect::<Map<_, _>>() })
        }
    }
}

fn process_to_json(process: &Process) -> Value {
    match process {
        Process::Agent { agent, goal, plan } => object([
            ("agent", Some(agent.clone().into())),
            ("goal", Some(goal.clone().into())),
            ("plan", (!plan.is_empty()).then(|| plan.iter().map(planned_to_json).collect())),
        ]),
        Process::Model { model, prompt, system } => object([
            ("model", Some(model.clone().into())),
            ("prompt", Some(prompt.clone().into())),
            ("system", system.clone().map(Value::from)),
        ]),
        Process::Tool { tool } => json!({ "tool": tool }),
        Process::Transform { value } => json!({ "transform": value }),
        Process::Branch { cases } => {
            let cases = cases.iter().map(|(case, condition)| (case.as_str().to_owned(), condition.clone().into()));
            json!({ "branch": cases.collect::<Map<_, _>>() })
        }
        Process::ForEach(for_each) => json!({ "for_each": for_each_to_json(for_each) }),
        Process::Repeat(repeat) => json!({ "repeat": repeat_to_json(repeat) }),
        Process::Workflow { workflow, version } => {
            object([("workflow", Some(workflow.clone().into())), ("version", version.clone().map(Value::from))])
        }
        Process::Wait(wait) => json!({ "wait": wait_to_json(wait) }),
        Process::Human(human) => json!({ "human": human_to_json(human) }),
    }
}

fn for_each_to_json(for_each: &ForEach) -> Value {
    object([
        ("items", Some(for_each.items.clone())),
        ("as", (for_each.item_name != ForEach::ITEM).then(|| for_each.item_name.clone().into())),
        ("concurrency", (for_each.concurrency != 1).then(|| for_each.concurrency.into())),
        ("on_error", (for_each.on_error == OnError::Collect).then(|| "collect".into())),
        ("steps", Some(for_each.steps.iter().map(step_to_json).collect())),
    ])
}

fn repeat_to_json(repeat: &Repeat) -> Value {
    let (until, while_) = match &repeat.condition {
        Condition::Until(condition) => (Some(condition.clone().into()), None),
        Condition::While(condition) => (None, Some(condition.clone().into())),
    };
    object([
        ("until", until),
        ("while", while_),
        ("max", Some(repeat.max.into())),
        ("steps", Some(repeat.steps.iter().map(step_to_json).collect())),
    ])
}

fn wait_to_json(wait: &Wait) -> Value {
    match wait {
        Wait::For(length) => json!({ "for": duration(*length) }),
        Wait::Until(instant) => json!({ "until": instant }),
        Wait::Event { name, matching, timeout } => object([
            ("event", Some(name.clone().into())),
            ("where", matching.clone().map(Value::from)),
            ("timeout", timeout.map(duration)),
        ]),
    }
}

fn human_to_json(human: &Human) -> Value {
    let usual = Human::asking(human.ask.clone());
    if *human == usual {
        return usual.ask.into();
    }
    let choices = || human.choices.iter().map(|choice| Value::from(choice.as_str())).collect();
    object([
        ("ask", Some(human.ask.clone().into())),
        ("choices", (human.choices != usual.choices).then(choices)),
        ("form", human.form.clone()),
        ("to", (!human.to.is_empty()).then(|| human.to.clone().into())),
        (
            "default",
            human
                .default
                .as_ref()
                .map(|default| json!({ "after": duration(default.after), "outcome": default.outcome.as_str() })),
        ),
    ])
}

/// A workflow as YAML that parses back to an equal one.
#[must_use]
pub fn write(workflow: &Workflow) -> String {
    let mut value = to_json(workflow);
    if let Some(steps) = value.get_mut("steps") {
        leave_out_empty_needs(steps);
    }
    to_yaml(&value)
}

/// A value as YAML, a line for each of its own entries or items.
pub(super) fn to_yaml(value: &Value) -> String {
    let text = match value {
        Value::Object(entries) => serde_saphyr::to_string(&Entries(entries)),
        Value::Array(items) => serde_saphyr::to_string(&Items(items)),
        scalar => serde_saphyr::to_string(&Yaml(scalar)),
    };
    // JSON is YAML too, should the writer ever refuse a value.
    text.unwrap_or_else(|_| value.to_string())
}

/// A step without needs need not say so when another of its list has some: the list is no chain then.
fn leave_out_empty_needs(steps: &mut Value) {
    let Value::Array(steps) = steps else { return };
    let is_empty = |step: &Value| step["needs"].as_array().is_none_or(Vec::is_empty);
    let say_so = steps.len() > 1 && steps.iter().all(is_empty);
    for step in steps {
        let leave_out = !say_so && is_empty(step);
        let Value::Object(step) = step else { continue };
        if leave_out {
            step.shift_remove("needs");
        }
        for kind in ["for_each", "repeat"] {
            if let Some(body) = step.get_mut("process").and_then(|process| process.get_mut(kind)?.get_mut("steps")) {
                leave_out_empty_needs(body);
            }
        }
    }
}

/// A value, laid out for people: small lists and objects on one line, long text as a block.
struct Yaml<'a>(&'a Value);

/// The longest list or object that is written on one line, in characters of JSON.
const ONE_LINE: usize = 88;

impl Serialize for Yaml<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if is_block(text) => LitStr(text).serialize(serializer),
            Value::Array(items) if fits_one_line(self.0) => FlowSeq(Items(items)).serialize(serializer),
            Value::Array(items) => Items(items).serialize(serializer),
            Value::Object(entries) if fits_one_line(self.0) => FlowMap(Entries(entries)).serialize(serializer),
            Value::Object(entries) => Entries(entries).serialize(serializer),
            scalar => scalar.serialize(serializer),
        }
    }
}

struct Items<'a>(&'a [Value]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            list.serialize_element(&Yaml(item))?;
        }
        list.end()
    }
}

struct Entries<'a>(&'a Map<String, Value>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            object.serialize_entry(key, &Yaml(value))?;
        }
        object.end()
    }
}

/// True for text of several lines that a literal block shows as it is.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.ends_with("\n\n")
        && !text.chars().any(|c| c.is_control() && c != '\n')
        && !text.lines().any(|line| line.ends_with([' ', '\t']))
        && !text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'])
}

/// True for a short list or object of nothing but scalars.
fn fits_one_line(value: &Value) -> bool {
    let plain = |value: &Value| match value {
        Value::String(text) => !text.contains('\n'),
        // Not even empty ones: the writer would take what follows for a part of the line.
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    };
    let small = match value {
        Value::Array(items) => items.len() <= 8 && items.iter().all(plain),
        Value::Object(entries) => entries.len() <= 4 && entries.values().all(plain),
        _ => false,
    };
    small && value.to_string().len() <= ONE_LINE
}
