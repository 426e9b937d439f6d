//! A workflow in the making: steps put in, taken out and exchanged, with the needs around them kept whole.
//!
//! What is not spoken of keeps its id and its content; of what comes after something new, only the needs change.

mod texts;
mod ways;

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::lexicon::LEXICON;
use crate::workflow::{Join, Need, Outcome, Port, Process, Step, StepId, Workflow};
pub(super) use texts::{each_text, mentions, replace};
use ways::{Needs, arm, build, ends_of, ends_of_fork, ends_within, insert, main, of};

/// What is to be put into a workflow: steps in order, without their needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Step(Step),
    /// A `for_each` or `repeat` with an empty body, and what goes into it.
    Loop(Step, Vec<Node>),
    /// A step that is left by several outcomes, and what follows each.
    Fork(Step, Vec<(Outcome, Vec<Node>)>),
}

impl Node {
    pub(super) fn step(&self) -> &Step {
        match self {
            Self::Step(step) | Self::Loop(step, _) | Self::Fork(step, _) => step,
        }
    }
}

/// Where something is put.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Spot {
    /// Before everything in the workflow's own list, or in a body.
    Start(Option<StepId>),
    /// After everything.
    End(Option<StepId>),
    Before(StepId),
    After(StepId),
    /// After what follows an outcome of a step.
    Arm(StepId, Outcome),
    /// After the step's failure.
    Failure(StepId),
}

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) workflow: Workflow,
    taken: HashSet<String>,
}

/// The longest id that is made, so that a number fits behind it.
const LONGEST: usize = 40;

impl Draft {
    pub(super) fn of(workflow: Workflow) -> Self {
        let mut taken = HashSet::new();
        each_step(&workflow.steps, &mut |step| {
            taken.insert(step.id.to_string());
        });
        Self { workflow, taken }
    }

    /// An id that says what it is of, and that nothing has yet.
    pub(super) fn id(&mut self, words: &[String]) -> StepId {
        let id = fresh(words, "step", &self.taken);
        self.taken.insert(id.clone());
        id.as_str().into()
    }

    /// The name of an input, made or there already.
    pub(super) fn input(&mut self, words: &[String], schema: Value) -> String {
        let name = fresh(words, "value", &HashSet::new());
        self.workflow.inputs.entry(name.clone()).or_insert(schema);
        name
    }

    /// Finds a step wherever it is.
    pub(super) fn step(&self, id: &StepId) -> Option<&Step> {
        find(&self.workflow.steps, id)
    }

    pub(super) fn step_mut(&mut self, id: &StepId) -> Option<&mut Step> {
        find_mut(&mut self.workflow.steps, id)
    }

    /// The step whose body a step is in; `None` for the workflow's own list.
    pub(super) fn owner(&self, id: &StepId) -> Option<StepId> {
        owner(&self.workflow.steps, id)
    }

    pub(super) fn list(&self, owner: Option<&StepId>) -> &[Step] {
        match owner {
            None => &self.workflow.steps,
            Some(owner) => self.step(owner).and_then(|step| step.process.body()).unwrap_or(&[]),
        }
    }

    fn list_mut(&mut self, owner: Option<&StepId>) -> Option<&mut Vec<Step>> {
        match owner {
            None => Some(&mut self.workflow.steps),
            Some(owner) => self.step_mut(owner)?.process.body_mut(),
        }
    }

    /// Puts something in.
    pub(super) fn put(&mut self, nodes: &[Node], spot: &Spot) {
        if nodes.is_empty() {
            return;
        }
        let owner = match spot {
            Spot::Start(owner) | Spot::End(owner) => owner.clone(),
            Spot::Before(id) | Spot::After(id) | Spot::Arm(id, _) | Spot::Failure(id) => self.owner(id),
        };
        let Some(list) = self.list_mut(owner.as_ref()) else { return };
        match spot {
            Spot::Start(_) => {
                let mut steps = Vec::new();
                let ends = build(nodes, Needs::default(), &mut steps);
                for step in list.iter_mut().filter(|step| step.needs.is_empty()) {
                    step.needs.clone_from(&ends.needs);
                    step.join = ends.join;
                }
                list.splice(0..0, steps);
            }
            Spot::End(_) => {
                let entry = ends_of(list);
                build(nodes, entry, list);
            }
            Spot::Before(id) => {
                let Some(at) = list.iter().position(|step| step.id == *id) else { return };
                let entry = Needs { needs: list[at].needs.clone(), join: list[at].join };
                let mut steps = Vec::new();
                let ends = build(nodes, entry, &mut steps);
                list[at].needs = ends.needs;
                list[at].join = ends.join;
                list.splice(at..at, steps);
            }
            Spot::After(id) => {
                let Some(at) = list.iter().position(|step| step.id == *id) else { return };
                let mut entry = Needs { needs: vec![main(id)], join: Join::All };
                if matches!(list[at].process, Process::Branch { .. }) {
                    // After a branch means after all that follows from it.
                    entry = ends_of_fork(list, at);
                    let end =
                        list.iter().rposition(|step| entry.needs.iter().any(|need| need.step == step.id)).unwrap_or(at);
                    insert(list, nodes, &entry, end + 1);
                    return;
                }
                insert(list, nodes, &entry, at + 1);
            }
            Spot::Arm(id, outcome) => {
                let Some(at) = list.iter().position(|step| step.id == *id) else { return };
                let arm = arm(list, at, outcome);
                let entry = match arm.last() {
                    None => Needs { needs: vec![of(id, outcome.as_str())], join: Join::All },
                    Some(_) => ends_within(list, &arm),
                };
                let place = arm.last().map_or(at, |last| *last) + 1;
                insert(list, nodes, &entry, place);
            }
            Spot::Failure(id) => {
                let entry = Needs { needs: vec![of(id, Outcome::ERROR)], join: Join::All };
                build(nodes, entry, list);
            }
        }
    }

    /// Takes a step out, with its body. What needed it needs what it needed.
    pub(super) fn remove(&mut self, id: &StepId) {
        let owner = self.owner(id);
        let Some(list) = self.list_mut(owner.as_ref()) else { return };
        let Some(at) = list.iter().position(|step| step.id == *id) else { return };
        let removed = list.remove(at);
        for step in list.iter_mut().filter(|step| step.needs.iter().any(|need| need.step == *id)) {
            let only = step.needs.len() == 1;
            let mut seen = HashSet::new();
            let instead = |need: &Need| match &need.port {
                _ if need.step != *id => vec![need.clone()],
                Port::Named(outcome) if outcome.as_str() == Outcome::ERROR => Vec::new(),
                _ => removed.needs.clone(),
            };
            step.needs = step.needs.iter().flat_map(instead).filter(|need| seen.insert(need.clone())).collect();
            if only || step.needs.len() < 2 {
                step.join = if step.needs.len() < 2 { Join::All } else { removed.join };
            }
        }
        let empty = list.is_empty();
        // What the step gave is given by whoever starts the workflow instead.
        let mut gone = vec![removed.id.clone()];
        each_step(removed.process.body().unwrap_or_default(), &mut |step| gone.push(step.id.clone()));
        for gone in gone {
            self.detach(&gone);
        }
        // A body has at least one step.
        if let Some(owner) = owner.filter(|_| empty) {
            self.remove(&owner);
        }
    }

    fn detach(&mut self, id: &StepId) {
        let from = format!("steps.{id}.output");
        if !self.workflow.steps.iter().any(|step| mentions(step, &from)) {
            return;
        }
        let name = self.input(&[id.to_string()], json!({}));
        let to = format!("inputs.{name}");
        each_step_mut(&mut self.workflow.steps, &mut |step| replace(step, &from, &to));
    }

    /// Takes out all that follows an outcome of a step.
    pub(super) fn clear_arm(&mut self, id: &StepId, outcome: &Outcome) -> Vec<StepId> {
        let owner = self.owner(id);
        let list = self.list(owner.as_ref());
        let Some(at) = list.iter().position(|step| step.id == *id) else { return Vec::new() };
        let gone: Vec<StepId> = arm(list, at, outcome).iter().map(|step| list[*step].id.clone()).collect();
        for id in gone.iter().rev() {
            self.remove(id);
        }
        gone
    }

    /// Lets a branch of one case ask for the opposite: what was behind `otherwise` comes behind the case.
    pub(super) fn turn(&mut self, id: &StepId, case: &Outcome, opposite: &str) {
        let owner = self.owner(id);
        let Some(list) = self.list_mut(owner.as_ref()) else { return };
        for step in list.iter_mut() {
            if step.id == *id
                && let Process::Branch { cases } = &mut step.process
            {
                cases.insert(case.clone(), opposite.to_owned());
            }
            for need in step.needs.iter_mut().filter(|need| need.step == *id) {
                if let Port::Named(outcome) = &need.port {
                    let other = if outcome == case {
                        Outcome::from(Outcome::OTHERWISE)
                    } else if outcome.as_str() == Outcome::OTHERWISE {
                        case.clone()
                    } else {
                        continue;
                    };
                    need.port = Port::Named(other);
                }
            }
        }
    }

    /// Puts a step behind an outcome of the branch before it; what came after the step goes on either way, but for what goes with it.
    pub(super) fn guard(&mut self, id: &StepId, branch: &StepId, case: &Outcome, with: &[StepId]) {
        let owner = self.owner(id);
        let Some(list) = self.list_mut(owner.as_ref()) else { return };
        for step in list.iter_mut() {
            if step.id == *id {
                for need in step.needs.iter_mut().filter(|need| need.step == *branch) {
                    need.port = Port::Named(case.clone());
                }
            } else if step.needs == [main(id)] && !with.contains(&step.id) {
                step.needs.push(of(branch, Outcome::OTHERWISE));
                step.join = Join::Any;
            }
        }
    }

    /// Moves a step, with what is around it closing and opening.
    pub(super) fn move_to(&mut self, id: &StepId, spot: &Spot) {
        let Some(step) = self.step(id).cloned() else { return };
        // A loop's list comes before the loop, wherever it goes.
        let before = self.workflow.clone();
        self.unlink(id);
        let mut moved = step;
        moved.needs.clear();
        moved.join = Join::All;
        let at = match spot {
            Spot::Before(other) | Spot::After(other) if other == id => None,
            Spot::Before(other) | Spot::After(other) if self.step(other).is_none() => None,
            _ => Some(spot),
        };
        match at {
            Some(spot) => self.put(&[Node::Step(moved)], spot),
            None => self.workflow = before,
        }
    }

    /// Takes a step out that comes back elsewhere.
    fn unlink(&mut self, id: &StepId) {
        let owner = self.owner(id);
        let Some(list) = self.list_mut(owner.as_ref()) else { return };
        let Some(at) = list.iter().position(|step| step.id == *id) else { return };
        let removed = list.remove(at);
        for step in list.iter_mut().filter(|step| step.needs.iter().any(|need| need.step == *id)) {
            let mut seen = HashSet::new();
            let instead = |need: &Need| if need.step == *id { removed.needs.clone() } else { vec![need.clone()] };
            step.needs = step.needs.iter().flat_map(instead).filter(|need| seen.insert(need.clone())).collect();
            if step.needs.len() < 2 {
                step.join = Join::All;
            }
        }
    }

    /// The steps that follow an outcome of a step, in the order of the list.
    pub(super) fn arm(&self, id: &StepId, outcome: &Outcome) -> Vec<StepId> {
        let owner = self.owner(id);
        let list = self.list(owner.as_ref());
        let Some(at) = list.iter().position(|step| step.id == *id) else { return Vec::new() };
        arm(list, at, outcome).iter().map(|step| list[*step].id.clone()).collect()
    }
}

pub(super) fn each_step(steps: &[Step], visit: &mut impl FnMut(&Step)) {
    for step in steps {
        visit(step);
        each_step(step.process.body().unwrap_or_default(), visit);
    }
}

fn each_step_mut(steps: &mut [Step], visit: &mut impl FnMut(&mut Step)) {
    for step in steps {
        visit(step);
        if let Some(body) = step.process.body_mut() {
            each_step_mut(body, visit);
        }
    }
}

fn find<'w>(steps: &'w [Step], id: &StepId) -> Option<&'w Step> {
    steps.iter().find(|step| step.id == *id).or_else(|| steps.iter().find_map(|step| find(step.process.body()?, id)))
}

fn find_mut<'w>(steps: &'w mut [Step], id: &StepId) -> Option<&'w mut Step> {
    match steps.iter().position(|step| step.id == *id) {
        Some(at) => steps.get_mut(at),
        None => steps.iter_mut().find_map(|step| find_mut(step.process.body_mut()?, id)),
    }
}

/// The step whose body a step is in, if it is in one.
fn owner(steps: &[Step], id: &StepId) -> Option<StepId> {
    let bodies = || steps.iter().filter_map(|step| Some((&step.id, step.process.body()?)));
    let around = bodies().find(|(_, body)| body.iter().any(|step| step.id == *id)).map(|(owner, _)| owner.clone());
    around.or_else(|| bodies().find_map(|(_, body)| owner(body, id)))
}

/// A name of these words that is not taken.
fn fresh(words: &[String], usual: &str, taken: &HashSet<String>) -> String {
    let mut name = String::new();
    for word in words.iter().flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric())) {
        let word = word.to_ascii_lowercase();
        if word.is_empty() || LEXICON.is("determiner", &word) || name.len() + word.len() > LONGEST {
            continue;
        }
        if !name.is_empty() {
            name.push('_');
        }
        name.push_str(&word);
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name = if name.is_empty() { usual.to_owned() } else { format!("{usual}_{name}") };
    }
    if TAKEN.contains(&name.as_str()) {
        name.push('s');
    }
    let mut number = 2;
    let mut id = name.clone();
    while taken.contains(&id) {
        id = format!("{name}_{number}");
        number += 1;
    }
    id
}

/// What expressions know by other means.
const TAKEN: [&str; 11] = ["inputs", "vars", "run", "steps", "index", "event", "loop", "true", "false", "none", "self"];

/// The name of an item: as an id, but it may be the same in different loops.
pub(super) fn item_name(words: &[String]) -> String {
    fresh(words, "item", &HashSet::new())
}

/// A step without needs.
pub(super) fn step(id: StepId, process: Process, input: IndexMap<String, Value>) -> Step {
    Step { input, ..Step::of(id, process) }
}
