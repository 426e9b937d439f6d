//! What values of a workflow say: what they come to, where they come from, and what conditions compare.

use std::collections::{HashMap, HashSet};

use callboard::workflow::yaml::step_to_json;
use callboard::workflow::{Process, Step, Workflow};
use regex::Regex;
use serde_json::Value;

use super::tree;

/// A workflow as it became, beside what it was.
pub(super) struct World<'a> {
    pub(super) after: &'a Workflow,
    pub(super) ancestors: HashMap<&'a str, HashSet<&'a str>>,
    steps: HashMap<&'a str, &'a Step>,
    old: HashMap<&'a str, &'a Step>,
    /// The names that loops give their items.
    items: HashSet<&'a str>,
}

/// How far values are followed that only stand for others.
const DEPTH: usize = 3;

impl<'a> World<'a> {
    pub(super) fn new(before: Option<&'a Workflow>, after: &'a Workflow) -> Self {
        let all = tree::steps(&after.steps);
        let items = all.iter().filter_map(|step| match &step.process {
            Process::ForEach(each) => Some(each.item_name.as_str()),
            _ => None,
        });
        let by_id = |steps: Vec<&'a Step>| steps.into_iter().map(|step| (step.id.as_str(), step)).collect();
        Self {
            after,
            ancestors: tree::ancestors(after),
            items: items.collect(),
            old: by_id(before.map(|before| tree::steps(&before.steps)).unwrap_or_default()),
            steps: by_id(all),
        }
    }

    /// Whether the step is one of the workflow before, as it was.
    pub(super) fn is_kept(&self, step: &Step, id: &str) -> bool {
        step.id.as_str() == id && self.old.get(id).is_some_and(|old| content(old) == content(step))
    }

    /// Whether a step of the workflow before is still there, as it was.
    pub(super) fn keeps(&self, id: &str) -> bool {
        self.steps.get(id).is_some_and(|step| self.is_kept(step, id))
    }

    /// Whether the step does what this one of the workflow before did.
    pub(super) fn does_as(&self, step: &Step, id: &str) -> bool {
        let Some(old) = self.old.get(id) else { return false };
        match (&old.process, &step.process) {
            (Process::Tool { tool: a }, Process::Tool { tool: b }) => a == b,
            (Process::Agent { agent: a, .. }, Process::Agent { agent: b, .. }) => a == b,
            (a, b) => a.kind() == b.kind(),
        }
    }

    /// Whether a value is what is expected of it.
    pub(super) fn is(&self, bound: &Value, expected: &Value) -> bool {
        let resolved = self.resolved(bound);
        match expected {
            Value::String(reference) if reference.starts_with('$') => {
                !resolved.is_null() && self.comes_from(bound, &reference[1..])
            }
            Value::String(constant) => plain(&resolved) == plain_text(constant),
            Value::Number(number) => {
                resolved.as_f64().or_else(|| resolved.as_str()?.trim().parse().ok()) == number.as_f64()
            }
            Value::Object(any) => {
                any.get("any").and_then(Value::as_array).is_some_and(|any| any.iter().any(|one| self.is(bound, one)))
            }
            Value::Array(all) => all.iter().all(|one| match one {
                Value::String(reference) if reference.starts_with('$') => self.comes_from(bound, &reference[1..]),
                one => plain(&resolved).contains(&plain(one)),
            }),
            other => resolved == *other,
        }
    }

    /// Whether a value is made of `item`, of anything (`_`), or of the output of a step: `TOOL`, `=ID`, `agent`, `…#FIELD`.
    fn comes_from(&self, bound: &Value, source: &str) -> bool {
        let text = self.expanded(bound);
        match source {
            "_" => true,
            "item" => self.items.iter().any(|item| has_word(&text, item)),
            _ => {
                let (step, field) = source.split_once('#').map_or((source, None), |(step, field)| (step, Some(field)));
                self.refers(&text, step) && field.is_none_or(|field| has_word(&text, field))
            }
        }
    }

    /// Whether a text refers to a step: `=ID`, any `agent`'s, or one that calls this tool, also in its body.
    pub(super) fn refers(&self, text: &str, step: &str) -> bool {
        referred(text).any(|id| match (step.strip_prefix('='), self.steps.get(id.as_str())) {
            (Some(wanted), _) => id == wanted,
            (None, Some(found)) if step == "agent" => matches!(found.process, Process::Agent { .. }),
            (None, Some(found)) => calls(found, step),
            (None, None) => false,
        })
    }

    /// The text of a value, with those of the transforms, inputs and vars that it is made of.
    pub(super) fn expanded(&self, value: &Value) -> String {
        self.expand(value, DEPTH)
    }

    fn expand(&self, value: &Value, depth: usize) -> String {
        let mut text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if depth == 0 {
            return text;
        }
        let transforms = referred(&text).filter_map(|id| match &self.steps.get(id.as_str())?.process {
            Process::Transform { value } => Some(value),
            _ => None,
        });
        let named = named(&text);
        let named = named.iter().filter_map(|(kind, name)| self.named(kind, name));
        for value in transforms.chain(named).cloned().collect::<Vec<_>>() {
            text.push(' ');
            text.push_str(&self.expand(&value, depth - 1));
        }
        text
    }

    /// What a value comes to if it only names an input or a var.
    fn resolved(&self, value: &Value) -> Value {
        let Some(text) = value.as_str() else { return value.clone() };
        let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(str::trim);
        let named = inner.and_then(|inner| inner.split_once('.')).and_then(|(kind, name)| self.named(kind, name));
        named.cloned().unwrap_or_else(|| value.clone())
    }

    fn named(&self, kind: &str, name: &str) -> Option<&Value> {
        match kind {
            "inputs" => self.after.inputs.get(name)?.get("default"),
            "vars" => self.after.vars.get(name),
            _ => None,
        }
    }

    /// Whether a condition is the expected one (`FIELD OPERATOR CONSTANT`), or just its opposite; `None` if it is neither.
    pub(super) fn condition(&self, found: &str, expected: &str) -> Option<bool> {
        let found = found.trim();
        let found = found.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(found).trim();
        let expanded = self.expanded(&Value::String(found.to_owned()));
        let (field, test) = expected.split_once(' ')?;
        if field != "_" && !has_word(&expanded, field) {
            return None;
        }
        let is_negated = found.starts_with("not ") || found.starts_with("not(");
        match test {
            "is true" => truth(found, is_negated),
            "is false" => truth(found, is_negated).map(|truth| !truth),
            "is empty" => emptiness(found, is_negated),
            "not empty" => emptiness(found, is_negated).map(|empty| !empty),
            test => {
                let (operator, constant) = test.split_once(' ')?;
                let at = place_of(found, constant)?;
                let (used, from) = operator_of(found)?;
                let used = if at < from { mirrored(used) } else { used };
                if used == operator {
                    Some(!is_negated)
                } else if used == opposite(operator) {
                    Some(is_negated)
                } else {
                    None
                }
            }
        }
    }
}

/// What a step is, but for what it needs and what is in its body.
fn content(step: &Step) -> Value {
    let mut content = step_to_json(&step.without_body());
    if let Some(fields) = content.as_object_mut() {
        fields.retain(|key, _| key != "needs" && key != "join");
    }
    content
}

fn calls(step: &Step, tool: &str) -> bool {
    matches!(&step.process, Process::Tool { tool: called } if called == tool)
        || step.process.body().is_some_and(|body| body.iter().any(|step| calls(step, tool)))
}

/// The ids of the steps that a text refers to.
fn referred(text: &str) -> impl Iterator<Item = String> {
    let pattern = Regex::new(r#"\bsteps(?:\.|\[['"])([a-z][a-z0-9_]*)"#).unwrap();
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect::<Vec<_>>().into_iter()
}

/// The inputs and vars that a text names.
fn named(text: &str) -> Vec<(String, String)> {
    let pattern = Regex::new(r"\b(inputs|vars)\.([a-z][a-z0-9_]*)").unwrap();
    pattern.captures_iter(text).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

pub(super) fn has_word(text: &str, word: &str) -> bool {
    Regex::new(&format!(r"(?i)\b{}\b", regex::escape(word))).unwrap().is_match(text)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| plain_text(&value.to_string()), plain_text)
}

/// A text without what makes no difference: case, spaces, quotes, the mark of a channel, a full stop.
fn plain_text(text: &str) -> String {
    let trimmed = text.trim().trim_matches(['"', '\'', '“', '”']).trim_start_matches('#').trim_end_matches('.');
    trimmed.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Where a constant stands in a condition.
fn place_of(condition: &str, constant: &str) -> Option<usize> {
    let pattern = format!(r#"(?i)(?:^|[^\w.])(['"]?){}(?:\.0+)?['"]?(?:$|[^\w.])"#, regex::escape(constant));
    Regex::new(&pattern).unwrap().captures(condition)?.get(1).map(|found| found.start())
}

/// The only comparison of a condition, and where it stands.
fn operator_of(condition: &str) -> Option<(&'static str, usize)> {
    let pattern = Regex::new("(>=|<=|==|!=|>|<)").unwrap();
    let mut found = pattern.find_iter(condition);
    let (first, None) = (found.next()?, found.next()) else { return None };
    let known = [">=", "<=", "==", "!=", ">", "<"];
    Some((known.into_iter().find(|known| *known == first.as_str())?, first.start()))
}

fn mirrored(operator: &'static str) -> &'static str {
    match operator {
        ">" => "<",
        "<" => ">",
        ">=" => "<=",
        "<=" => ">=",
        same => same,
    }
}

fn opposite(operator: &str) -> &'static str {
    match operator {
        ">" => "<=",
        "<" => ">=",
        ">=" => "<",
        "<=" => ">",
        "==" => "!=",
        _ => "==",
    }
}

/// Whether a condition holds when the value that it names is true.
fn truth(condition: &str, is_negated: bool) -> Option<bool> {
    let says = |pattern: &str| Regex::new(pattern).unwrap().is_match(condition);
    let plainly = if says(r"(==|\bis)\s*true\b") || says(r"!=\s*false\b") {
        true
    } else if says(r"(==|\bis)\s*false\b") || says(r"!=\s*true\b") {
        false
    } else if operator_of(condition).is_none() {
        true
    } else {
        return None;
    };
    Some(plainly != is_negated)
}

/// Whether a condition holds when what it names is empty.
fn emptiness(condition: &str, is_negated: bool) -> Option<bool> {
    let says = |pattern: &str| Regex::new(pattern).unwrap().is_match(condition);
    let plainly = if says(r"==\s*(0|none|\[\])") || says(r"<\s*1\b") || says(r"\bis\s+none\b") {
        true
    } else if says(r"!=\s*(0|none|\[\])") || says(r">\s*0\b") || says(r">=\s*1\b") || says(r"\bis\s+not\s+none\b") {
        false
    } else if operator_of(condition).is_none() {
        // The value by itself holds when there is something.
        false
    } else {
        return None;
    };
    Some(plainly != is_negated)
}
