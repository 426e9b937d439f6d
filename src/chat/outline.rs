//! A workflow in a few lines: its steps, and what each waits for.

use std::fmt::Write as _;

use crate::workflow::{Process, Step, Workflow};

/// How many steps are told of.
const MOST_STEPS: usize = 60;

/// How much of a text is shown.
const LONGEST: usize = 80;

/// The graph of a workflow as Markdown: what runs side by side stands in one line of the list.
#[must_use]
pub fn graph(workflow: &Workflow) -> String {
    let mut text = String::new();
    let mut done: Vec<&str> = Vec::new();
    let mut left: Vec<&Step> = workflow.steps.iter().collect();
    let mut number = 1;
    while !left.is_empty() && number <= MOST_STEPS {
        let is_ready = |step: &&Step| step.needs.iter().all(|need| done.contains(&need.step.as_str()));
        let (ready, rest): (Vec<&Step>, Vec<&Step>) = left.iter().copied().partition(is_ready);
        if ready.is_empty() {
            break;
        }
        let together = if ready.len() > 1 { " (side by side)" } else { "" };
        let parts: Vec<String> = ready.iter().map(|step| format!("`{}` {}", step.id, does(step))).collect();
        let _ = writeln!(text, "{number}. {}{together}", parts.join("; "));
        done.extend(ready.iter().map(|step| step.id.as_str()));
        left = rest;
        number += 1;
    }
    if !left.is_empty() {
        let _ = writeln!(text, "{number}. … and {} more", left.len());
    }
    text
}

/// A workflow as it is told to a person: what it is for, what it takes, and its graph.
#[must_use]
pub fn describe(workflow: &Workflow) -> String {
    let mut text = format!("`{}`", workflow.name);
    if !workflow.description.is_empty() {
        let _ = write!(text, ": {}", workflow.description);
    }
    text.push_str("\n\n");
    if !workflow.inputs.is_empty() {
        let names: Vec<String> = workflow.inputs.keys().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(text, "It takes {}.\n", names.join(", "));
    }
    text.push_str(&graph(workflow));
    text
}

fn does(step: &Step) -> String {
    let body = step.process.body().map(|steps| steps.iter().map(|step| format!("`{}`", step.id)).collect::<Vec<_>>());
    match &step.process {
        Process::Agent { agent, goal, .. } => format!("({agent}: {})", short(goal)),
        Process::Model { prompt, .. } => format!("(a model: {})", short(prompt)),
        Process::Tool { tool } => format!("(calls {tool})"),
        Process::Transform { .. } => "(computes)".to_owned(),
        Process::Branch { cases } => {
            format!("(goes by {})", cases.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Process::ForEach(_) => format!("(for each: {})", body.unwrap_or_default().join(", ")),
        Process::Repeat(_) => format!("(repeats: {})", body.unwrap_or_default().join(", ")),
        Process::Workflow { workflow, .. } => format!("(runs {workflow})"),
        Process::Wait(_) => "(waits)".to_owned(),
        Process::Human(human) => format!("(asks a person: {})", short(&human.ask)),
    }
}

fn short(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}
