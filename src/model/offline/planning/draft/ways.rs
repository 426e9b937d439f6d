//! Needs: which steps come after which, by which outcomes.

use std::collections::{HashMap, HashSet};

use super::Node;
use crate::workflow::{Join, Need, Outcome, Port, Process, Step, StepId};

/// Needs and how many of them must come true.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Needs {
    pub(super) needs: Vec<Need>,
    pub(super) join: Join,
}

pub(super) fn main(step: &StepId) -> Need {
    Need { step: step.clone(), port: Port::Main }
}

pub(super) fn of(step: &StepId, outcome: &str) -> Need {
    Need { step: step.clone(), port: Port::Named(outcome.into()) }
}

/// Puts nodes between what is needed and those that needed it.
pub(super) fn insert(list: &mut Vec<Step>, nodes: &[Node], entry: &Needs, place: usize) {
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
pub(super) fn build(nodes: &[Node], entry: Needs, into: &mut Vec<Step>) -> Needs {
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
pub(super) fn arm(list: &[Step], fork: usize, outcome: &Outcome) -> Vec<usize> {
    let guards = guards(list);
    (0..list.len()).filter(|at| guards[*at].iter().any(|(step, by)| *step == fork && by == outcome)).collect()
}

/// What is to be needed to come after the last of some steps.
pub(super) fn ends_within(list: &[Step], some: &[usize]) -> Needs {
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

pub(super) fn ends_of(list: &[Step]) -> Needs {
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

pub(super) fn ends_of_fork(list: &[Step], fork: usize) -> Needs {
    let guards = guards(list);
    let behind: Vec<usize> =
        (0..list.len()).filter(|at| *at == fork || guards[*at].iter().any(|(step, _)| *step == fork)).collect();
    ends_within(list, &behind)
}
