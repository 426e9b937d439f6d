//! What a run must come to: the workflow file's meaning, read off DESIGN.md and computed the plain
//! way, step by step to a fixpoint. It knows no events, no clock and no order, and shares no code
//! with the kernel.

use std::collections::{BTreeMap, BTreeSet};

use callboard::run::Category;
use callboard::workflow::{Condition, ForEach, Join, OnError, Port, Process, Repeat, Step, Wait, Workflow};
use serde_json::{Value, json};

use super::oracle::{ChildFate, Fate, Oracle, SignalFate};

/// What becomes of a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// It is left by this outcome, with this output, in this attempt.
    Left {
        outcome: String,
        output: Value,
        attempt: u32,
    },
    Skipped,
    /// It begins and never ends.
    Endless,
}

/// What a run must come to.
#[derive(Debug)]
pub(super) struct Expected {
    /// By place; `true` if it must be so, `false` if it need not come to this step at all.
    pub(super) steps: BTreeMap<String, (End, bool)>,
    pub(super) run: ListEnd,
}

/// What becomes of a list of steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ListEnd {
    Value(Value),
    Failed,
    Endless,
}

/// A call: the step's path, the attempt, and how many calls of the step came before it.
pub(super) type CallAt = (String, u32, usize);

/// What came about by chance, and is told by the run itself: what crashes did to calls, and, only if the
/// clock was moved, where it overtook the world.
#[derive(Debug, Default)]
pub(super) struct Chance {
    /// Calls that must not be repeated unasked, and whose result was lost.
    pub(super) lost: BTreeSet<CallAt>,
    /// Calls that were known to have failed, when what that meant for the attempt was lost.
    pub(super) failed: BTreeSet<CallAt>,
    /// Attempts that ran out of time, by the call that was next.
    pub(super) timed_out: BTreeMap<CallAt, TimedOut>,
    /// Attempts of a human step in which the default was taken.
    pub(super) defaults: BTreeSet<(String, u32)>,
    /// Attempts of a wait that left by its timeout.
    pub(super) unheard: BTreeSet<(String, u32)>,
}

/// How the next call stood when time ran out.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimedOut {
    pub(super) begun: bool,
    pub(super) failed: bool,
}

/// Steps whose ends are taken over from an earlier run, by id.
pub(super) type Reused = BTreeMap<String, (String, Value)>;

pub(super) fn expect(workflow: &Workflow, oracle: &Oracle, chance: &Chance, reused: &Reused) -> Expected {
    let mut reference = Reference { oracle, chance, reused, steps: BTreeMap::new(), certain: true };
    let mut run = reference.list(&workflow.steps, "");
    if matches!(run, ListEnd::Value(_)) && !oracle.result() {
        run = ListEnd::Failed;
    }
    Expected { steps: reference.steps, run }
}

struct Reference<'a> {
    oracle: &'a Oracle,
    chance: &'a Chance,
    reused: &'a Reused,
    steps: BTreeMap<String, (End, bool)>,
    certain: bool,
}

/// How an attempt goes.
enum Attempt {
    Left(String, Value),
    Failed(Category),
    /// No further attempt, whatever `retry` says.
    GaveUp,
    /// A person was asked and has answered: the next attempt goes on.
    Answered,
    /// The same, but the attempt had run out of time, which counts.
    TimedOutAndAnswered,
    Endless,
}

/// What is known of a step's calls from its earlier attempts.
#[derive(Default)]
struct Calls {
    returned: usize,
    /// A person let the next call be made.
    approved: bool,
    forbidden: bool,
    /// The next call was begun before.
    begun: bool,
}

impl Reference<'_> {
    fn list(&mut self, steps: &[Step], scope: &str) -> ListEnd {
        let mut ends: BTreeMap<&str, End> = BTreeMap::new();
        for step in steps {
            if let Some((outcome, output)) = self.reused.get(step.id.as_str()) {
                let end = End::Left { outcome: outcome.clone(), output: output.clone(), attempt: 0 };
                self.steps.insert(step.id.to_string(), (end.clone(), true));
                ends.insert(step.id.as_str(), end);
            }
        }
        loop {
            let before = ends.len();
            for step in steps {
                if ends.contains_key(step.id.as_str()) {
                    continue;
                }
                // True if it came true, false if it no longer can.
                let needs: Vec<Option<bool>> =
                    step.needs.iter().map(|need| came_true(steps, &ends, need.step.as_str(), &need.port)).collect();
                let (runs, skips) = match step.join {
                    Join::All => (needs.iter().all(|need| *need == Some(true)), needs.contains(&Some(false))),
                    Join::Any if needs.is_empty() => (true, false),
                    Join::Any => (needs.contains(&Some(true)), needs.iter().all(|need| *need == Some(false))),
                };
                if runs || skips {
                    let place = format!("{scope}{}", step.id);
                    let end = if runs { self.step(step, &place) } else { End::Skipped };
                    self.steps.insert(place, (end.clone(), self.certain));
                    ends.insert(step.id.as_str(), end);
                }
            }
            if ends.len() == before {
                break;
            }
        }
        if ends.len() < steps.len() || ends.values().any(|end| *end == End::Endless) {
            return ListEnd::Endless;
        }
        let error_is_needed = |id: &str| {
            steps.iter().flat_map(|step| &step.needs).any(|need| {
                need.step.as_str() == id
                    && match &need.port {
                        Port::Main => false,
                        Port::Done => true,
                        Port::Named(outcome) => outcome.as_str() == "error",
                    }
            })
        };
        let left = |id: &str| match &ends[id] {
            End::Left { outcome, output, .. } => Some((outcome.clone(), output.clone())),
            _ => None,
        };
        if steps.iter().any(|step| {
            left(step.id.as_str()).is_some_and(|(outcome, _)| outcome == "error") && !error_is_needed(step.id.as_str())
        }) {
            return ListEnd::Failed;
        }
        let last = steps.iter().rev().filter_map(|step| left(step.id.as_str())).find(|(outcome, _)| outcome != "error");
        ListEnd::Value(last.map_or(Value::Null, |(_, output)| output))
    }

    fn step(&mut self, step: &Step, place: &str) -> End {
        let most = step.retry.map_or(1, |retry| retry.max_attempts);
        let (mut failures, mut calls) = (0, Calls::default());
        for attempt in 1.. {
            let gives_up = match self.attempt(step, place, attempt, &mut calls) {
                Attempt::Left(outcome, output) => return End::Left { outcome, output, attempt },
                Attempt::Endless => return End::Endless,
                Attempt::Answered => false,
                Attempt::TimedOutAndAnswered => {
                    failures += 1;
                    false
                }
                Attempt::GaveUp | Attempt::Failed(Category::GiveUp | Category::Cancelled) => true,
                Attempt::Failed(Category::Ask) => !self.oracle.wants_it_again(place, attempt),
                Attempt::Failed(Category::Retry) => {
                    failures += 1;
                    failures >= most
                }
            };
            if gives_up {
                return End::Left { outcome: "error".into(), output: json!({ "error": true }), attempt };
            }
        }
        End::Endless
    }

    fn attempt(&mut self, step: &Step, place: &str, attempt: u32, calls: &mut Calls) -> Attempt {
        let oracle = self.oracle;
        let ok = |output| Attempt::Left("ok".into(), output);
        let is_evaluated = !matches!(
            step.process,
            Process::Agent { .. }
                | Process::Model { .. }
                | Process::Tool { .. }
                | Process::Workflow { .. }
                | Process::Repeat(_)
        );
        if is_evaluated && let Fate::Fails(category) = oracle.evaluation(place, attempt) {
            return Attempt::Failed(category);
        }
        match &step.process {
            Process::Agent { .. } | Process::Model { .. } | Process::Tool { .. } => {
                self.work(step, place, attempt, calls)
            }
            Process::Transform { .. } => ok(Oracle::value(place, attempt)),
            Process::Branch { cases } => {
                let case = oracle.case(place, attempt, cases.len());
                let outcome = case.map_or("otherwise", |case| cases.get_index(case).unwrap().0.as_str());
                Attempt::Left(outcome.into(), Value::Null)
            }
            Process::ForEach(each) => self.for_each(each, place, attempt),
            Process::Repeat(repeat) => self.repeat(repeat, place, attempt),
            Process::Workflow { .. } if self.chance.timed_out.contains_key(&(place.to_owned(), attempt, 0)) => {
                Attempt::Failed(Category::Retry)
            }
            Process::Workflow { .. } => match oracle.child(step, place, attempt) {
                ChildFate::Completed => ok(Oracle::value(place, attempt)),
                ChildFate::Hangs if step.timeout.is_none() => Attempt::Endless,
                ChildFate::Failed | ChildFate::Hangs => Attempt::Failed(Category::Retry),
                ChildFate::Cancelled => Attempt::Failed(Category::GiveUp),
            },
            Process::Wait(wait @ Wait::Event { matching, timeout, .. }) => {
                let is_unheard = self.chance.unheard.contains(&(place.to_owned(), attempt));
                match oracle.signal(step, wait, place, attempt) {
                    _ if is_unheard => Attempt::Left("timeout".into(), Value::Null),
                    SignalFate::InTime if matching.is_none() => ok(json!("common")),
                    SignalFate::InTime => ok(Oracle::value(place, attempt)),
                    SignalFate::Late if timeout.is_some() => Attempt::Left("timeout".into(), Value::Null),
                    SignalFate::Late => Attempt::Endless,
                }
            }
            Process::Wait(_) => ok(Value::Null),
            Process::Human(human) => match (oracle.person(step, human, place, attempt), &human.default) {
                (_, Some(default)) if self.chance.defaults.contains(&(place.to_owned(), attempt)) => {
                    Attempt::Left(default.outcome.to_string(), Value::Null)
                }
                (Some(choice), _) => {
                    let form = human.form.as_ref().map_or(Value::Null, |_| Oracle::value(place, attempt));
                    Attempt::Left(choice.to_string(), form)
                }
                (None, Some(default)) => Attempt::Left(default.outcome.to_string(), Value::Null),
                (None, None) => Attempt::Endless,
            },
        }
    }

    fn work(&self, step: &Step, place: &str, attempt: u32, calls: &mut Calls) -> Attempt {
        let oracle = self.oracle;
        let plan = oracle.calls(step, place);
        while let Some(effect) = plan.get(calls.returned) {
            if oracle.is_simulated && effect.effect.changes_the_world() {
                calls.returned += 1;
                continue;
            }
            let this = (place.to_owned(), attempt, calls.returned);
            let mut runs_out_of_time = false;
            if let Some(TimedOut { begun, failed }) = self.chance.timed_out.get(&this) {
                calls.approved &= !failed;
                calls.begun = *begun || calls.begun && !failed;
                if !begun || effect.may_repeat() {
                    return Attempt::Failed(Category::Retry);
                }
                runs_out_of_time = true;
            }
            if calls.forbidden {
                return Attempt::Failed(Category::GiveUp);
            }
            let is_asked_about = !oracle.is_simulated && oracle.ask_from.is_some_and(|from| effect.effect >= from);
            if is_asked_about && !calls.begun && !calls.approved {
                calls.approved = oracle.approves(place, attempt);
                calls.forbidden = !calls.approved;
                return Attempt::Answered;
            }
            let is_lost = self.chance.lost.contains(&this);
            let fate = oracle.call(step, place, attempt, calls.returned);
            let fate = match (is_lost, runs_out_of_time) {
                (true, _) => Fate::Unknown,
                (false, true) => Fate::Hangs,
                (false, false) => fate,
            };
            match fate {
                Fate::Good => *calls = Calls { returned: calls.returned + 1, ..Calls::default() },
                Fate::Fails(category) => {
                    *calls = Calls { returned: calls.returned, ..Calls::default() };
                    if is_asked_about && self.chance.failed.contains(&this) {
                        // It is the same attempt again, and the call a new one.
                        continue;
                    }
                    return Attempt::Failed(category);
                }
                Fate::Unknown | Fate::Hangs if effect.may_repeat() => {
                    calls.begun = true;
                    return Attempt::Failed(Category::Retry);
                }
                Fate::Unknown | Fate::Hangs => {
                    match oracle.answer_to_unknown(place, attempt) {
                        "happened" => *calls = Calls { returned: calls.returned + 1, ..Calls::default() },
                        "repeat" => calls.begun = true,
                        _ => return Attempt::GaveUp,
                    }
                    return if fate == Fate::Hangs { Attempt::TimedOutAndAnswered } else { Attempt::Answered };
                }
            }
        }
        if self.chance.timed_out.contains_key(&(place.to_owned(), attempt, plan.len())) {
            return Attempt::Failed(Category::Retry);
        }
        match oracle.attempt(step, place, attempt) {
            Fate::Good | Fate::Unknown => Attempt::Left("ok".into(), Oracle::value(place, attempt)),
            Fate::Fails(category) => Attempt::Failed(category),
            Fate::Hangs if step.timeout.is_some() => Attempt::Failed(Category::Retry),
            Fate::Hangs => Attempt::Endless,
        }
    }

    fn for_each(&mut self, each: &ForEach, place: &str, attempt: u32) -> Attempt {
        let (mut values, mut failed, mut endless) = (Vec::new(), false, 0);
        let was_certain = self.certain;
        for index in 0..self.oracle.count(place, attempt, each.steps.len()) {
            let stops = failed && each.on_error == OnError::Stop;
            if endless == each.concurrency || stops && each.concurrency == 1 {
                break;
            }
            // Which items have begun when one fails is a matter of chance.
            self.certain &= !stops;
            match self.list(&each.steps, &format!("{place}[{index}].")) {
                ListEnd::Value(value) => values.push(value),
                ListEnd::Failed => {
                    failed = true;
                    values.push(json!({ "error": true }));
                }
                ListEnd::Endless => endless += 1,
            }
        }
        self.certain = was_certain;
        match (endless > 0, failed && each.on_error == OnError::Stop) {
            (true, _) => Attempt::Endless,
            // What failed in a body has had its attempts there.
            (false, true) => Attempt::GaveUp,
            (false, false) => Attempt::Left("ok".into(), values.into()),
        }
    }

    fn repeat(&mut self, repeat: &Repeat, place: &str, attempt: u32) -> Attempt {
        let mut value = Value::Null;
        for index in 0..=u64::from(repeat.max) {
            if matches!(repeat.condition, Condition::While(_)) {
                match self.oracle.holds(place, attempt, index) {
                    Err(_) => return Attempt::GaveUp,
                    Ok(false) => return Attempt::Left("ok".into(), value),
                    Ok(true) => {}
                }
            }
            if index == u64::from(repeat.max) {
                break;
            }
            value = match self.list(&repeat.steps, &format!("{place}[{index}].")) {
                ListEnd::Value(value) => value,
                ListEnd::Failed => return Attempt::GaveUp,
                ListEnd::Endless => return Attempt::Endless,
            };
            if matches!(repeat.condition, Condition::Until(_)) {
                match self.oracle.holds(place, attempt, index) {
                    Err(_) => return Attempt::GaveUp,
                    Ok(true) => return Attempt::Left("ok".into(), value),
                    Ok(false) => {}
                }
            }
        }
        Attempt::Left("exhausted".into(), value)
    }
}

/// Whether a need came true; `None` as long as that is open.
fn came_true(steps: &[Step], ends: &BTreeMap<&str, End>, needed: &str, port: &Port) -> Option<bool> {
    let step = steps.iter().find(|step| step.id.as_str() == needed)?;
    match ends.get(needed)? {
        End::Endless => None,
        End::Skipped => Some(false),
        End::Left { outcome, .. } => Some(match port {
            Port::Done => true,
            Port::Named(name) => name.as_str() == outcome,
            Port::Main => match step.process {
                Process::Branch { .. } => outcome != "error",
                Process::Human(_) => outcome == "approved",
                _ => outcome == "ok",
            },
        }),
    }
}
