//! What a workflow refers to: tools, agents, other workflows; and the values that it gives them.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::schemas::{check_arguments, check_schema};
use super::{Checker, each_step};
use crate::workflow::problem::{Path, Problem, suggest_name};
use crate::workflow::{CatalogWorkflow, Process, Step};

/// Adds what is wrong with all that the steps refer to.
pub(super) fn check(checker: &mut Checker<'_>) {
    let root = &Path::Root;
    let mut children: HashMap<&str, Value> = HashMap::new();
    each_step(&checker.workflow.steps, &root.key("steps"), &mut |step, path| {
        if let Some(output) = &step.output {
            check_schema(checker, output, &path.key("output"));
        }
        let process = &path.key("process");
        match &step.process {
            Process::Agent { agent, plan, .. } => {
                unknown(checker, "agent", "unknown_agent", agent, &checker.catalog.agents, &process.key("agent"));
                for (index, planned) in plan.iter().enumerate() {
                    let group = planned.tool.strip_suffix('*');
                    let is_there = |group| checker.catalog.tools.keys().any(|tool| tool.starts_with(group));
                    if !group.is_some_and(is_there) {
                        usable(checker, &planned.tool, &process.key("plan").index(index));
                    }
                }
            }
            Process::Tool { tool } => {
                let tools = &checker.catalog.tools;
                usable(checker, tool, &process.key("tool"));
                if let Some(known) = tools.get(tool) {
                    check_arguments(
                        checker,
                        tool,
                        &known.parameters,
                        step.input.iter(),
                        &format!("the tool `{tool}`"),
                        path,
                    );
                }
            }
            Process::Workflow { workflow, .. } => {
                let path = &path;
                child(checker, step, workflow, &mut children, path);
            }
            Process::Human(human) => {
                if let Some(form) = &human.form {
                    let human = &process.key("human");
                    check_schema(checker, form, &human.key("form"));
                }
            }
            _ => {}
        }
    });
}

/// Adds that there is no such tool, or that it may not be used.
fn usable(checker: &mut Checker<'_>, tool: &str, path: &Path<'_>) {
    let tools = &checker.catalog.tools;
    unknown(checker, "tool", "unknown_tool", tool, tools, path);
    if let Some(reason) = tools.get(tool).and_then(|known| known.denied.clone()) {
        checker.add(|| Problem::new("denied_tool", reason).at(path));
    }
}

fn unknown<T>(
    checker: &mut Checker<'_>,
    what: &str,
    code: &'static str,
    name: &str,
    known: &IndexMap<String, T>,
    path: &Path<'_>,
) {
    if !checker.catalog.open && !known.contains_key(name) {
        checker.add(|| {
            Problem::new(code, format!("there is no {what} `{name}`"))
                .at(path)
                .maybe_suggest(suggest_name(name, known.keys().map(String::as_str)))
        });
    }
}

/// Checks a step that starts another workflow. `children` keeps the schema of each other workflow's inputs.
fn child<'c>(
    checker: &mut Checker<'c>,
    step: &Step,
    workflow: &'c str,
    children: &mut HashMap<&'c str, Value>,
    path: &Path<'_>,
) {
    let process = &path.key("process");
    let name_path = &process.key("workflow");
    let workflows = &checker.catalog.workflows;
    let me = checker.workflow.name.as_str();
    if workflow != me {
        unknown(checker, "workflow", "unknown_workflow", workflow, workflows, name_path);
    }
    if !children.contains_key(workflow)
        && let Some(circle) = circle(me, workflow, workflows)
    {
        checker.add(|| {
            Problem::new("workflow_cycle", format!("these workflows start each other: {}", circle.join(" -> ")))
                .at(name_path)
                .suggest("a workflow may not start itself, not even through others")
        });
    }
    let mine = &checker.workflow.inputs;
    let inputs = if workflow == me { Some(mine) } else { workflows.get(workflow).map(|known| &known.inputs) };
    let schema = children.entry(workflow).or_insert_with(|| inputs.map_or(Value::Null, inputs_schema));
    if !schema.is_null() {
        let what = format!("the workflow `{workflow}`");
        check_arguments(checker, &format!("workflow:{workflow}"), schema, step.input.iter(), &what, path);
    }
}

/// The schema of the object of a workflow's inputs: an input without a default is required.
fn inputs_schema(inputs: &IndexMap<String, Value>) -> Value {
    let required: Vec<&String> =
        inputs.iter().filter(|(_, schema)| schema.get("default").is_none()).map(|(name, _)| name).collect();
    let properties: Map<String, Value> = inputs.clone().into_iter().collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A path of workflows that start each other, from `me` by way of `child`, and back to one that it went through.
fn circle<'c>(me: &'c str, child: &'c str, workflows: &'c IndexMap<String, CatalogWorkflow>) -> Option<Vec<&'c str>> {
    let starts = |name: &str| workflows.get(name).map_or(&[][..], |workflow| &workflow.starts);
    let mut path = vec![me];
    // For each workflow of the path but the first, which of those that it starts comes next.
    let mut next: Vec<usize> = Vec::new();
    let mut done: HashSet<&str> = HashSet::new();
    let mut entering = Some(child);
    loop {
        if let Some(name) = entering.take() {
            if let Some(begin) = path.iter().position(|before| *before == name) {
                return Some(path[begin..].iter().copied().chain([name]).collect());
            }
            if !done.contains(name) {
                path.push(name);
                next.push(0);
            }
        }
        let (name, at) = (path.last()?, next.last_mut()?);
        if let Some(started) = starts(name).get(*at) {
            *at += 1;
            entering = Some(started);
        } else {
            done.insert(name);
            path.pop();
            next.pop();
        }
    }
}
