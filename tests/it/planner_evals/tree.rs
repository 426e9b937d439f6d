//! A workflow as the tree that cases expect: lists of steps, with what hangs on each outcome of a step below it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use callboard::workflow::{ForEach, Join, Need, Outcome, Port, Process, Repeat, Step, Workflow};

/// A step, its body, and what follows it only when it is left by a certain outcome.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) step: &'a Step,
    pub(super) body: Vec<Node<'a>>,
    pub(super) arms: BTreeMap<String, Vec<Node<'a>>>,
}

/// What stands between the beginning of a list and a step of it: outcomes by which other steps must have been left.
type Guard = Vec<(String, String)>;

/// A list of steps as a tree, in an order in which they can run. Transforms only hand values on, and are left out.
pub(super) fn tree(steps: &[Step]) -> Vec<Node<'_>> {
    let order = in_order(steps);
    let guards = guards(&order);
    build(&order, &guards, &Guard::new())
}

/// As written, but for steps that wait for later ones.
fn in_order(steps: &[Step]) -> Vec<&Step> {
    let ids: HashSet<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    let mut pending: Vec<&Step> = steps.iter().collect();
    let mut done: HashSet<&str> = HashSet::new();
    let mut order = Vec::new();
    while !pending.is_empty() {
        let is_ready = |step: &&Step| {
            step.needs.iter().all(|need| !ids.contains(need.step.as_str()) || done.contains(need.step.as_str()))
        };
        // A circle is nothing that validation lets through.
        let next = pending.iter().position(is_ready).unwrap_or(0);
        let step = pending.remove(next);
        done.insert(step.id.as_str());
        order.push(step);
    }
    order
}

fn guards<'a>(order: &[&'a Step]) -> HashMap<&'a str, Guard> {
    let mut guards: HashMap<&str, Guard> = HashMap::new();
    for step in order {
        let mut common: Option<Guard> = None;
        for need in &step.needs {
            let mut guard = guards.get(need.step.as_str()).cloned().unwrap_or_default();
            guard.extend(arm(need, order).map(|outcome| (need.step.to_string(), outcome)));
            common = Some(match common {
                None => guard,
                Some(other) => other.into_iter().zip(guard).take_while(|(a, b)| a == b).map(|(a, _)| a).collect(),
            });
        }
        guards.insert(step.id.as_str(), common.unwrap_or_default());
    }
    guards
}

/// The outcome that a need waits for, unless it is the main one.
fn arm(need: &Need, order: &[&Step]) -> Option<String> {
    let Port::Named(outcome) = &need.port else { return None };
    let step = order.iter().find(|step| step.id == need.step)?;
    let is_main = match &step.process {
        Process::Branch { .. } => false,
        Process::Human(_) => outcome.as_str() == Outcome::APPROVED,
        _ => outcome.as_str() == Outcome::OK,
    };
    (!is_main).then(|| outcome.to_string())
}

fn build<'a>(order: &[&'a Step], guards: &HashMap<&str, Guard>, at: &Guard) -> Vec<Node<'a>> {
    let here = order.iter().filter(|step| guards[step.id.as_str()] == *at && !is_transform(step));
    here.map(|step| {
        let outcomes = guards.values().filter(|guard| guard.starts_with(at)).filter_map(|guard| guard.get(at.len()));
        let outcomes: HashSet<&str> =
            outcomes.filter(|(id, _)| id == step.id.as_str()).map(|(_, outcome)| outcome.as_str()).collect();
        let arm = |outcome: &str| {
            let mut guard = at.clone();
            guard.push((step.id.to_string(), outcome.to_owned()));
            build(order, guards, &guard)
        };
        let arms = outcomes.into_iter().map(|outcome| (outcome.to_owned(), arm(outcome)));
        Node {
            step,
            body: tree(step.process.body().unwrap_or_default()),
            arms: arms.filter(|(_, steps)| !steps.is_empty()).collect(),
        }
    })
    .collect()
}

/// Whether there is a step that waits for different outcomes of the same step, and so never runs.
pub(super) fn has_dead_steps(steps: &[Step]) -> bool {
    let order = in_order(steps);
    let guards = guards(&order);
    let is_dead = |step: &Step| {
        let ways = step.needs.iter().map(|need| {
            let mut guard = guards.get(need.step.as_str()).cloned().unwrap_or_default();
            guard.extend(arm(need, &order).map(|outcome| (need.step.to_string(), outcome)));
            guard
        });
        let all: Vec<(String, String)> = ways.flatten().collect();
        step.join == Join::All
            && all.iter().any(|(id, outcome)| all.iter().any(|(other, way)| other == id && way != outcome))
    };
    steps.iter().any(|step| is_dead(step) || has_dead_steps(step.process.body().unwrap_or_default()))
}

fn is_transform(step: &Step) -> bool {
    matches!(step.process, Process::Transform { .. })
}

/// All steps, those of bodies included.
pub(super) fn steps(steps: &[Step]) -> Vec<&Step> {
    steps
        .iter()
        .flat_map(|step| std::iter::once(step).chain(self::steps(step.process.body().unwrap_or_default())))
        .collect()
}

/// What each step waits for, also by way of others.
pub(super) fn ancestors(workflow: &Workflow) -> HashMap<&str, HashSet<&str>> {
    let mut all = HashMap::new();
    let mut lists = vec![workflow.steps.as_slice()];
    while let Some(list) = lists.pop() {
        for step in in_order(list) {
            let mut before: HashSet<&str> = HashSet::new();
            for need in &step.needs {
                before.insert(need.step.as_str());
                before.extend(all.get(need.step.as_str()).into_iter().flatten());
            }
            all.insert(step.id.as_str(), before);
        }
        lists.extend(list.iter().filter_map(|step| step.process.body()));
    }
    all
}

/// The tools that are called, as often as they are.
pub(super) fn tools(workflow: &Workflow) -> Vec<String> {
    let tool = |step: &&Step| match &step.process {
        Process::Tool { tool } => Some(tool.clone()),
        _ => None,
    };
    steps(&workflow.steps).iter().filter_map(tool).collect()
}

/// A tree in few words, to be shown.
pub(super) fn shown(nodes: &[Node<'_>]) -> String {
    let mut text = String::new();
    for (index, node) in nodes.iter().enumerate() {
        let separator = if index > 0 { " → " } else { "" };
        let _ = write!(text, "{separator}{}:{}", node.step.id, what(&node.step.process));
        if !node.step.input.is_empty() {
            let input = serde_json::to_string(&node.step.input).unwrap();
            let _ = write!(text, "{}", input.chars().take(240).collect::<String>());
        }
        if let Some(retry) = node.step.retry {
            let _ = write!(text, " retry {}", retry.max_attempts);
        }
        if let Some(timeout) = node.step.timeout {
            let _ = write!(text, " timeout {}", humantime::format_duration(timeout));
        }
        if !node.body.is_empty() {
            let _ = write!(text, " [{}]", shown(&node.body));
        }
        for (outcome, steps) in &node.arms {
            let _ = write!(text, " {{{outcome}: {}}}", shown(steps));
        }
    }
    text
}

fn what(process: &Process) -> String {
    match process {
        Process::Tool { tool } => tool.clone(),
        Process::Agent { agent, goal, .. } => format!("agent {agent} “{goal}”"),
        Process::Model { prompt, .. } => format!("model “{prompt}”"),
        Process::Human(human) => format!("human “{}” {:?}", human.ask, human.to),
        Process::Branch { cases } => {
            format!("branch {:?}", cases.iter().map(|(o, c)| format!("{o}: {c}")).collect::<Vec<_>>())
        }
        Process::ForEach(ForEach { items, .. }) => format!("for_each {items}"),
        Process::Repeat(Repeat { condition, max, .. }) => format!("repeat {condition:?} max {max}"),
        other => other.kind().to_owned(),
    }
}
