//! A workflow in the making: steps put in, taken out and exchanged, with the needs around them kept whole.
//!
//! What is not spoken of keeps its id and its content; of what comes after something new, only the needs change.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::lexicon::LEXICON;
use crate::workflow::{Join, Need, Outcome, Port, Process, Step, StepId, Workflow};

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

/// Needs and how many of them must come true.
#[derive(Clone, Debug, Default, PartialEq)]
struct Needs {
    needs: Vec<Need>,
    join: Join,
}

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) workflow: Workflow,
    taken: HashSet<String>,
}

/// The longest id that is made, so that a number fits behind it.
const LONGEST: usize = 40;

fn main(step: &StepId) -> Need {
    Need { step: step.clone(), port: Port::Main }
}

fn of(step: &StepId, outcome: &str) -> Need {
    Need { step: step.clone(), port: Port::Named(outcome.into()) }
}

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

/// Puts nodes between what is needed and those that needed it.
fn insert(list: &mut Vec<Step>, nodes: &[Node], entry: &Needs, place: usize) {
    let mut steps = Vec::new();
    let ends = build(nodes, entry.clone(), &mut steps);
    for step in list.iter_mut() {
        let needs_all = entry.needs.iter().all(|need| step.needs.contains(need));
        if !needs_all {
            continue;
        }
        let alone = step.needs.len() == entry.needs.len();
        if alone {
            step.needs.clone_from(&ends.needs);
            step.join = if step.needs.len() > 1 { ends.join } else { Join::All };
        } else if ends.needs.len() == 1 || ends.join == step.join {
            let first = step.needs.iter().position(|need| entry.needs.contains(need)).unwrap_or(0);
            step.needs.retain(|need| !entry.needs.contains(need));
            for (offset, need) in ends.needs.iter().enumerate() {
                if !step.needs.contains(need) {
                    step.needs.insert((first + offset).min(step.needs.len()), need.clone());
                }
            }
        }
    }
    let place = place.min(list.len());
    list.splice(place..place, steps);
}

/// Appends nodes one after the other; what whoever comes next needs.
fn build(nodes: &[Node], entry: Needs, into: &mut Vec<Step>) -> Needs {
    let mut entry = entry;
    for node in nodes {
        let mut step = node.step().clone();
        step.needs.clone_from(&entry.needs);
        step.join = if step.needs.len() > 1 { entry.join } else { Join::All };
        let id = step.id.clone();
        entry = match node {
            Node::Step(_) => {
                into.push(step);
                Needs { needs: vec![main(&id)], join: Join::All }
            }
            Node::Loop(_, body) => {
                if let Some(steps) = step.process.body_mut() {
                    build(body, Needs::default(), steps);
                }
                into.push(step);
                Needs { needs: vec![main(&id)], join: Join::All }
            }
            Node::Fork(_, arms) => {
                into.push(step);
                let mut ends = Needs { needs: Vec::new(), join: Join::Any };
                for (outcome, nodes) in arms {
                    let start = Needs { needs: vec![of(&id, outcome.as_str())], join: Join::All };
                    ends.needs.extend(build(nodes, start, into).needs);
                }
                ends
            }
        };
    }
    entry
}

/// The forks that each step of a list is behind: which, and by which outcome.
fn guards(list: &[Step]) -> Vec<Vec<(usize, Outcome)>> {
    let by_id: HashMap<&StepId, usize> = list.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
    let mut guards: Vec<Option<Vec<(usize, Outcome)>>> = vec![None; list.len()];
    // As often as there are steps is enough, in whatever order they stand.
    for _ in 0..list.len() {
        let mut changed = false;
        for (at, step) in list.iter().enumerate() {
            if guards[at].is_some() {
                continue;
            }
            let behind: Option<Vec<Vec<(usize, Outcome)>>> = step
                .needs
                .iter()
                .map(|need| {
                    let Some(&needed) = by_id.get(&need.step) else { return Some(Vec::new()) };
                    let mut guard = guards[needed].clone()?;
                    if let Port::Named(outcome) = &need.port
                        && forks(&list[needed], outcome)
                    {
                        guard.push((needed, outcome.clone()));
                    }
                    Some(guard)
                })
                .collect();
            let Some(behind) = behind else { continue };
            let mut common = behind.first().cloned().unwrap_or_default();
            for other in &behind {
                let same = common.iter().zip(other).take_while(|(one, other)| one == other).count();
                common.truncate(same);
            }
            guards[at] = Some(common);
            changed = true;
        }
        if !changed {
            break;
        }
    }
    guards.into_iter().map(Option::unwrap_or_default).collect()
}

/// True if an outcome is one of several that a step is left by for good.
fn forks(step: &Step, outcome: &Outcome) -> bool {
    match &step.process {
        Process::Branch { .. } => true,
        Process::Human(_) => outcome.as_str() != Outcome::APPROVED,
        _ => outcome.as_str() != Outcome::OK,
    }
}

/// The steps behind an outcome of a step, by index.
fn arm(list: &[Step], fork: usize, outcome: &Outcome) -> Vec<usize> {
    let guards = guards(list);
    (0..list.len()).filter(|at| guards[*at].iter().any(|(step, by)| *step == fork && by == outcome)).collect()
}

/// What is to be needed to come after the last of some steps.
fn ends_within(list: &[Step], some: &[usize]) -> Needs {
    let needed: HashSet<&StepId> = some.iter().flat_map(|at| &list[*at].needs).map(|need| &need.step).collect();
    let mut ends: Vec<Need> = Vec::new();
    let mut any = false;
    for at in some {
        let step = &list[*at];
        if let Process::Branch { cases } = &step.process {
            let outcomes = cases.keys().cloned().chain([Outcome::from(Outcome::OTHERWISE)]);
            let open = outcomes.filter(|outcome| {
                !some.iter().any(|other| list[*other].needs.contains(&of(&step.id, outcome.as_str())))
            });
            ends.extend(open.map(|outcome| of(&step.id, outcome.as_str())));
            any = true;
        } else if !needed.contains(&step.id) || only_failures(list, some, &step.id) {
            ends.push(main(&step.id));
        }
    }
    let join = if any && ends.len() > 1 { Join::Any } else { Join::All };
    Needs { needs: ends, join }
}

/// True if nothing goes on from a step but what deals with its failure.
fn only_failures(list: &[Step], some: &[usize], id: &StepId) -> bool {
    let needs = some.iter().flat_map(|at| &list[*at].needs).filter(|need| need.step == *id);
    needs.into_iter().all(|need| matches!(&need.port, Port::Named(outcome) if outcome.as_str() == Outcome::ERROR))
}

fn ends_of(list: &[Step]) -> Needs {
    let guards = guards(list);
    // What deals with failures is no way to go on.
    let regular = |at: &usize| {
        !guards[*at].iter().any(|(step, outcome)| {
            !matches!(list[*step].process, Process::Branch { .. })
                && matches!(outcome.as_str(), Outcome::ERROR | Outcome::REJECTED)
        })
    };
    let all: Vec<usize> = (0..list.len()).filter(regular).collect();
    ends_within(list, &all)
}

fn ends_of_fork(list: &[Step], fork: usize) -> Needs {
    let guards = guards(list);
    let behind: Vec<usize> =
        (0..list.len()).filter(|at| *at == fork || guards[*at].iter().any(|(step, _)| *step == fork)).collect();
    ends_within(list, &behind)
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

/// Every text of a step that may hold expressions, its body's left out.
fn texts(step: &mut Step, visit: &mut impl FnMut(&mut String)) {
    for value in step.input.values_mut() {
        texts_of(value, visit);
    }
    match &mut step.process {
        Process::Agent { goal, plan, .. } => {
            visit(goal);
            plan.iter_mut().flat_map(|planned| planned.with.values_mut()).for_each(|value| texts_of(value, visit));
        }
        Process::Model { prompt, system, .. } => {
            visit(prompt);
            system.iter_mut().for_each(visit);
        }
        Process::Transform { value } => texts_of(value, visit),
        Process::Branch { cases } => cases.values_mut().for_each(visit),
        Process::ForEach(for_each) => texts_of(&mut for_each.items, visit),
        Process::Repeat(repeat) => match &mut repeat.condition {
            crate::workflow::Condition::Until(text) | crate::workflow::Condition::While(text) => visit(text),
        },
        Process::Human(human) => visit(&mut human.ask),
        Process::Wait(crate::workflow::Wait::Until(text)) => visit(text),
        Process::Tool { .. } | Process::Workflow { .. } | Process::Wait(_) => {}
    }
}

fn texts_of(value: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|value| texts_of(value, visit)),
        Value::Object(entries) => entries.values_mut().for_each(|value| texts_of(value, visit)),
        _ => {}
    }
}

fn mentions(step: &Step, what: &str) -> bool {
    let mut found = false;
    texts(&mut step.without_body(), &mut |text| found |= names(text, what).is_some());
    found || step.process.body().unwrap_or_default().iter().any(|step| mentions(step, what))
}

/// Where a text names just this, and not something that begins with it.
fn names(text: &str, what: &str) -> Option<usize> {
    let follows = |at: usize| text[at + what.len()..].chars().next();
    text.match_indices(what).map(|(at, _)| at).find(|at| !follows(*at).is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

pub(super) fn replace(step: &mut Step, from: &str, to: &str) {
    texts(step, &mut |text| {
        while let Some(at) = names(text, from) {
            text.replace_range(at..at + from.len(), to);
        }
    });
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
