//! What must hold at every moment of every run, whatever it comes to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callboard::clock::Timestamp;
use callboard::run::{
    CallKey, Category, Command, Payload, QuestionKind, Recorded, RunEvent, RunState, RunStatus, StepPath, decide,
};
use callboard::workflow::step::Backoff;
use callboard::workflow::{Graph, OnError, Outcome, Process, Step};
use fastrand::Rng;
use serde_json::Value;

use super::history::RUN;
use super::oracle::Oracle;
use super::shell::START;

/// Folding the list from nothing gives the state that there is.
pub(super) fn check_fold(graph: &Arc<Graph>, log: &[Recorded], pending: &[Recorded], live: &RunState) {
    let mut state = RunState::new(RUN, graph.clone());
    for recorded in log.iter().chain(pending) {
        state.apply(recorded).expect("what was applied once can be applied again");
    }
    assert!(state == *live, "folded from nothing: {state:#?}\nbut live: {live:#?}");
}

/// An event survives its own JSON.
pub(super) fn check_json(recorded: &Recorded) {
    let text = serde_json::to_string(recorded).expect("an event can be written");
    let read: Recorded = serde_json::from_str(&text).expect("a written event can be read");
    assert_eq!(read, *recorded, "{text}");
}

/// Commands survive their own JSON.
pub(super) fn check_commands(commands: &[Command]) {
    let text = serde_json::to_string(commands).expect("commands can be written");
    let read: Vec<Command> = serde_json::from_str(&text).expect("written commands can be read");
    assert_eq!(read, commands, "{text}");
}

/// An event that cannot follow is refused, and changes nothing.
pub(super) fn check_refused(state: &RunState, event: RunEvent, at: Timestamp) {
    let mut copy = state.clone();
    let recorded = Recorded { seq: state.seq() + 1, at, event };
    let refused = copy.apply(&recorded);
    assert!(refused.is_err(), "accepted: {:?}", recorded.event);
    assert!(copy == *state, "refused ({refused:?}), but it changed the state: {:?}", recorded.event);
}

/// Whatever event comes, applying it does not panic, and one that is refused changes nothing.
pub(super) fn check_illegal(state: &RunState, log: &[Recorded], at: Timestamp, rng: &mut Rng) {
    let (Some(any), Some(other)) = (rng.choice(log), rng.choice(log)) else { return };
    let mut copy = state.clone();
    let seq = if rng.u8(..8) == 0 { rng.u64(..) } else { state.seq() + 1 };
    let event = if rng.bool() { any.event.clone() } else { distorted(&any.event, &other.event, rng) };
    match copy.apply(&Recorded { seq, at, event: event.clone() }) {
        Err(illegal) => assert!(copy == *state, "{illegal}, but it changed the state"),
        Ok(()) => assert!(decide(&copy, at).len() < 10_000, "absurd after {event:?}"),
    }
}

/// An event with a field of another, or with another number.
fn distorted(event: &RunEvent, other: &RunEvent, rng: &mut Rng) -> RunEvent {
    let mut value = serde_json::to_value(event).expect("an event can be written");
    let other = serde_json::to_value(other).expect("an event can be written");
    let fields = |value: &Value| value.as_object().and_then(|event| event.values().next()?.as_object().cloned());
    let others = fields(&other).unwrap_or_default();
    if let Some(own) = value.as_object_mut().and_then(|event| event.values_mut().next()?.as_object_mut()) {
        for (name, field) in own.iter_mut() {
            match (others.get(name), field.as_u64()) {
                (Some(theirs), _) if rng.bool() => *field = theirs.clone(),
                (_, Some(number)) if rng.bool() => *field = number.wrapping_add_signed(rng.i64(-1..=1)).into(),
                _ => {}
            }
        }
    }
    serde_json::from_value(value).unwrap_or_else(|_| event.clone())
}

/// What the state says of itself while it waits.
pub(super) fn check_status(state: &RunState, in_flight: usize) {
    let status = state.status();
    let expected = match status {
        RunStatus::Cancelling => in_flight > 0 || state.children().next().is_some(),
        RunStatus::Running => in_flight > 0,
        RunStatus::Parked => in_flight == 0 && state.questions().next().is_some(),
        RunStatus::Waiting => in_flight == 0,
        RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled => false,
    };
    assert!(expected, "{status} with {in_flight} attempts in flight: {state:?}");
    assert_eq!(state.working().count(), in_flight, "what is worked on is not what the state says: {state:?}");
}

/// After the end nothing is decided.
pub(super) fn check_end(state: &RunState, now: Timestamp) {
    let later = now.after(Duration::from_secs(1_000_000));
    assert!(decide(state, later).is_empty(), "something is decided after the end");
    assert!(callboard::run::recover(state).is_empty(), "something is recovered after the end");
    assert_eq!(state.working().count(), 0, "something is worked on after the end");
    check_refused(state, RunEvent::CancelRequested { reason: "late".into() }, now);
}

/// What must hold in a list of events, whoever wrote it.
pub(super) fn check_log(log: &[Recorded], steps: &HashMap<String, &Step>, is_unsteady: bool) {
    let mut check = Check { is_unsteady, ..Check::of(steps) };
    for (recorded, seq) in log.iter().zip(1..) {
        assert_eq!(recorded.seq, seq, "the numbers have a gap");
        assert!(is_unsteady || recorded.at >= START && recorded.at >= check.last, "time goes backwards at {seq}");
        check.last = recorded.at;
        check.cancelled |= matches!(recorded.event, RunEvent::CancelRequested { .. });
        if let Some(deadline) = check.run_deadline.filter(|_| !check.cancelled) {
            check.in_time(&"the run", deadline, recorded.at);
        }
        check.event(recorded);
    }
}

struct Check<'a> {
    steps: &'a HashMap<String, &'a Step>,
    last: Timestamp,
    /// The attempt that is open, and its time limit.
    open: HashMap<&'a StepPath, (u32, Option<Timestamp>)>,
    failures: HashMap<&'a StepPath, u32>,
    retry_at: HashMap<&'a StepPath, (u32, Timestamp)>,
    waits: HashMap<&'a StepPath, Wait>,
    taken: HashSet<u64>,
    /// What the signals so far said.
    signals: HashSet<&'a str>,
    questions: HashMap<&'a str, &'a callboard::run::Question>,
    bodies: HashMap<&'a StepPath, (u64, bool)>,
    calls: BTreeMap<&'a CallKey, Call>,
    run_deadline: Option<Timestamp>,
    cancelled: bool,
    /// The clock was moved: what is due may come late.
    is_unsteady: bool,
}

struct Wait {
    since: Timestamp,
    until: Option<Timestamp>,
    has_signal: bool,
}

#[derive(Default)]
struct Call {
    may_repeat: bool,
    /// How often it may still be made.
    leave: u32,
    returned: bool,
}

impl<'a> Check<'a> {
    fn of(steps: &'a HashMap<String, &'a Step>) -> Self {
        Self {
            steps,
            last: START,
            open: HashMap::new(),
            failures: HashMap::new(),
            retry_at: HashMap::new(),
            waits: HashMap::new(),
            taken: HashSet::new(),
            signals: HashSet::new(),
            questions: HashMap::new(),
            bodies: HashMap::new(),
            calls: BTreeMap::new(),
            run_deadline: None,
            cancelled: false,
            is_unsteady: false,
        }
    }

    /// What was due has come, not much later than the crashes between account for.
    fn in_time(&self, what: &dyn fmt::Display, due: Timestamp, at: Timestamp) {
        assert!(self.is_unsteady || at.since(due) <= Duration::from_secs(1), "{what} is late: at {at}, due {due}");
    }

    fn event(&mut self, recorded: &'a Recorded) {
        let at = recorded.at;
        match &recorded.event {
            RunEvent::Created { deadline, .. } => self.run_deadline = *deadline,
            RunEvent::Started { step, attempt, deadline } => {
                let limit = self.steps[step.id()].timeout;
                assert_eq!(*deadline, limit.map(|limit| at.after(limit)), "{step} has another time limit");
                if let Some((next, due)) = self.retry_at.remove(step) {
                    assert_eq!(next, *attempt, "{step} is retried with another number");
                    assert!(at >= due, "{step} is retried early: at {at}, due {due}");
                    self.in_time(step, due, at);
                }
                assert!(self.open.insert(step, (*attempt, *deadline)).is_none(), "{step} begins while it is open");
            }
            RunEvent::Failed { step, attempt, failure } => {
                let (open, deadline) = self.open.remove(step).unwrap_or_else(|| panic!("{step} fails and is not open"));
                assert_eq!(open, *attempt, "{step} fails in another attempt");
                if failure.code == "timeout" {
                    assert!(deadline.is_some_and(|deadline| at >= deadline), "{step} timed out early, at {at}");
                }
                if let Some(deadline) = deadline.filter(|_| !self.cancelled) {
                    self.in_time(step, deadline, at);
                }
                self.waits.remove(step);
                *self.failures.entry(step).or_default() += u32::from(failure.category != Category::Ask);
            }
            RunEvent::RetryScheduled { step, attempt, at: due } => {
                let retry = self.steps[step.id()].retry.expect("only what has `retry` is retried");
                let failures = self.failures[step];
                assert!(failures < retry.max_attempts, "{step} is retried after {failures} failures");
                let doubled = if retry.backoff == Backoff::Fixed { 1 } else { 1 << (failures - 1) };
                let longest = (retry.initial * doubled).min(retry.max);
                let pause = due.since(at) + Duration::from_millis(1);
                assert!(
                    pause >= longest / 2 && pause <= longest + Duration::from_millis(1),
                    "{step} pauses for {pause:?}"
                );
                self.retry_at.insert(step, (*attempt, *due));
            }
            RunEvent::ChildEnded { step, run, status, .. } => {
                // The run of an attempt that has failed already, such as by its timeout, may end later.
                if self.open.get(step).is_some_and(|(attempt, _)| RUN.child(step, *attempt) == *run) {
                    self.open.remove(step);
                    *self.failures.entry(step).or_default() += u32::from(*status == RunStatus::Failed);
                }
            }
            RunEvent::SignalCame { payload: Payload::Value(payload), .. } => {
                self.signals.extend(payload.as_str());
            }
            RunEvent::Ended { step, outcome, .. } => {
                let (attempt, _) = self.open.remove(step).unwrap_or_default();
                let awaited = Oracle::value(step.as_str(), attempt);
                let has_come = awaited.as_str().is_some_and(|awaited| self.signals.contains(awaited));
                let is_timeout = outcome.as_str() == Outcome::TIMEOUT;
                assert!(!is_timeout || !has_come, "{step} left by timeout, though its signal was there");
                if let Some(Wait { since, until, has_signal }) = self.waits.remove(step) {
                    assert!(has_signal || until.is_some_and(|until| at >= until), "{step} waits no longer, at {at}");
                    if let Some(until) = until {
                        self.in_time(step, until.max(since), at);
                    }
                }
            }
            RunEvent::GaveUp { step, .. } => {
                self.open.remove(step);
                let waits = self.retry_at.contains_key(step);
                assert!(!waits, "{step} gives up with a retry ahead");
            }
            RunEvent::Waiting { step, until, .. } => {
                self.waits.insert(step, Wait { since: at, until: *until, has_signal: false });
            }
            RunEvent::SignalMatched { step, signal, holds: true } => {
                assert!(self.taken.insert(*signal), "signal {signal} is taken twice, now by {step}");
                self.waits.get_mut(step).unwrap_or_else(|| panic!("{step} does not wait")).has_signal = true;
            }
            RunEvent::Asked { question } => {
                self.open.remove(&question.step);
                let others = self.questions.insert(&question.id, question);
                assert!(others.is_none(), "{} is asked twice", question.id);
                self.open.insert(&question.step, (0, None));
            }
            RunEvent::Answered { question, choice, by, .. } => {
                self.answered(question, choice.as_str(), by.is_some(), at);
            }
            RunEvent::BodyOpened { step, .. } => self.body_opened(step),
            RunEvent::BodyEnded { step, failure, .. } => {
                let (open, failed) = self.bodies.get_mut(step).unwrap_or_else(|| panic!("{step} has no open body"));
                *open -= 1;
                *failed |= failure.is_some();
            }
            RunEvent::CancelRequested { reason } if reason == "deadline" => {
                assert!(self.run_deadline.is_some_and(|deadline| at >= deadline), "cancelled before the deadline");
            }
            other => self.call(other),
        }
    }

    fn call(&mut self, event: &'a RunEvent) {
        match event {
            RunEvent::CallIntended { step, key, effect, .. } => {
                let call = self.calls.entry(key).or_insert(Call { leave: 1, ..Call::default() });
                call.may_repeat = effect.may_repeat();
                Self::make(step, key, call);
            }
            RunEvent::CallRepeated { step, key, .. } => {
                let call = self.calls.get_mut(key).unwrap_or_else(|| panic!("{step} repeats a call never made"));
                Self::make(step, key, call);
            }
            RunEvent::CallReturned { key, .. } => self.calls.entry(key).or_default().returned = true,
            RunEvent::CallFailed { key, .. } => self.calls.entry(key).or_default().leave += 1,
            _ => {}
        }
    }

    /// A call is made: for the first time, or with leave.
    fn make(step: &StepPath, key: &CallKey, call: &mut Call) {
        assert!(!call.returned, "{step} makes call {key} again, whose result is known");
        assert!(call.may_repeat || call.leave > 0, "{step} makes call {key} again unasked");
        call.leave = call.leave.saturating_sub(1);
    }

    fn answered(&mut self, id: &str, choice: &str, by_a_person: bool, at: Timestamp) {
        let question = self.questions.remove(id).unwrap_or_else(|| panic!("{id} is answered and was not asked"));
        self.open.remove(&question.step);
        if !by_a_person {
            assert!(question.deadline.is_some_and(|deadline| at >= deadline), "{id}: the default is taken early");
            assert_eq!(question.default.as_ref().map(Outcome::as_str), Some(choice), "{id}");
        }
        if let Some(deadline) = question.deadline {
            self.in_time(&id, deadline, at);
        }
        if let QuestionKind::Unknown { call } = &question.kind
            && choice == "repeat"
        {
            self.calls.entry(call).or_default().leave += 1;
        }
    }

    fn body_opened(&mut self, step: &'a StepPath) {
        let (open, failed) = self.bodies.entry(step).or_default();
        *open += 1;
        match &self.steps[step.id()].process {
            Process::ForEach(each) => {
                assert!(*open <= u64::from(each.concurrency), "{step} works on {open} items at once");
                assert!(!*failed || each.on_error == OnError::Collect, "{step} begins an item after a failure");
            }
            _ => assert!(*open == 1, "{step} has {open} bodies open"),
        }
    }
}
