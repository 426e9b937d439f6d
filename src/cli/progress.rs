//! What a person sees of a run: a fold of its events. Pure.
//!
//! Only the steps of the run's own list are kept; of the bodies of a `for_each` or a `repeat` only how many have ended,
//! so that watching a run of a hundred thousand items costs no more than watching one of three steps.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use super::output::{clipped, span};
use crate::clock::Timestamp;
use crate::run::{Failure, Hop, Question, Recorded, RunEvent, StepPath};

/// How a run stands, as its events tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    steps: IndexMap<String, StepProgress>,
    questions: IndexMap<String, Question>,
}

/// How many hops of a step are kept.
const MOST_HOPS: usize = 100;

/// How a step stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StepProgress {
    /// Its id.
    pub(super) step: String,
    /// How it stands.
    pub(super) state: State,
    /// The outcome by which it was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<String>,
    /// Attempts that were begun.
    pub(super) attempts: u32,
    /// When it began, in milliseconds since 1970.
    pub(super) began_at: Timestamp,
    /// When it ended, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Timestamp>,
    /// Bodies that ended, for `for_each` and `repeat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bodies: Option<Bodies>,
    /// How often another model was asked than the first of its chain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hops: Vec<Hop>,
    /// Why it failed, or last failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

/// How many bodies of a step have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Bodies {
    /// Those that ended.
    pub(super) ended: u64,
    /// Of how many, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<u64>,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It is being worked on.
    Running,
    /// It waits for its next attempt, a time, a signal or another run.
    Waiting,
    /// It waits for a person.
    Parked,
    /// It was left by its outcome.
    Ended,
    /// It will not run.
    Skipped,
}

/// What an event changed, worth a line to whoever watches.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A step began or goes on.
    Began(String),
    /// A step ended, or was skipped.
    Ended(String),
    /// Something happened that is said in one line.
    Said(String),
}

impl Progress {
    /// The steps, in the order in which they began.
    pub(super) fn steps(&self) -> impl Iterator<Item = &StepProgress> {
        self.steps.values()
    }

    /// A step by its id.
    pub(super) fn step(&self, id: &str) -> Option<&StepProgress> {
        self.steps.get(id)
    }

    /// Folds an event.
    pub(super) fn apply(&mut self, recorded: &Recorded) -> Option<Change> {
        let Recorded { at, event, .. } = recorded;
        match event {
            RunEvent::Asked { question } => {
                self.questions.insert(question.id.to_string(), question.clone());
                self.on_step(&question.step, *at, |step| step.state = State::Parked);
                return Some(Change::Said(format!("{} asks: {}", question.step, clipped(&question.ask, 200))));
            }
            RunEvent::Answered { question, choice, by, .. } => {
                let question = self.questions.shift_remove(&**question)?;
                self.on_step(&question.step, *at, |step| step.state = State::Running);
                let by = by.as_deref().unwrap_or("its default");
                return Some(Change::Said(format!("{} answered: {choice} (by {by})", question.step)));
            }
            RunEvent::SignalCame { name, .. } => return Some(Change::Said(format!("signal {name} came"))),
            RunEvent::CancelRequested { reason } => return Some(Change::Said(format!("cancelling: {reason}"))),
            _ => {}
        }
        let path = event.step()?;
        if path.scope().as_str().is_empty() { self.apply_to_step(path, *at, event) } else { None }
    }

    fn apply_to_step(&mut self, path: &StepPath, at: Timestamp, event: &RunEvent) -> Option<Change> {
        let id = path.as_str();
        let began = !self.steps.contains_key(id);
        let step = self.steps.entry(id.to_owned()).or_insert_with(|| StepProgress::new(id, at));
        let ended = |step: &mut StepProgress, state: State, outcome: Option<&str>| {
            step.state = state;
            step.outcome = outcome.map(str::to_owned);
            step.ended_at = Some(at);
            Some(Change::Ended(id.to_owned()))
        };
        match event {
            RunEvent::Skipped { .. } => return ended(step, State::Skipped, None),
            RunEvent::Reused { outcome, .. } | RunEvent::Ended { outcome, .. } => {
                return ended(step, State::Ended, Some(outcome.as_str()));
            }
            RunEvent::GaveUp { failure, .. } => {
                step.failure = Some(failure.clone());
                return ended(step, State::Ended, Some("error"));
            }
            RunEvent::Started { attempt, .. } | RunEvent::Resumed { attempt, .. } => {
                step.state = State::Running;
                step.attempts = *attempt;
            }
            RunEvent::Failed { failure, attempt, .. } => {
                step.failure = Some(failure.clone());
                return Some(Change::Said(format!(
                    "{id}: attempt {attempt} failed: {}",
                    clipped(&failure.to_string(), 200)
                )));
            }
            RunEvent::RetryScheduled { attempt, at: next, .. } => {
                step.state = State::Waiting;
                return Some(Change::Said(format!("{id}: attempt {attempt} in {}", span(next.since(at)))));
            }
            RunEvent::Waiting { signal, .. } => {
                step.state = State::Waiting;
                let what = signal.as_deref().map_or_else(String::new, |signal| format!(" for signal {signal}"));
                return Some(Change::Said(format!("{id} waits{what}")));
            }
            RunEvent::ChildStarted { run, .. } => {
                step.state = State::Waiting;
                return Some(Change::Said(format!("{id} started run {run}")));
            }
            RunEvent::ModelHopped { hop, .. } => {
                if step.hops.len() < MOST_HOPS {
                    step.hops.push(hop.clone());
                }
                let Hop { alias, from, to, trouble, message } = hop;
                let why = clipped(message, 120);
                return Some(Change::Said(format!("{id}: {alias} goes on with {to}, not {from} ({trouble}): {why}")));
            }
            RunEvent::Expanded { count, .. } => step.bodies = Some(Bodies { ended: 0, of: Some(*count) }),
            RunEvent::BodyEnded { .. } => step.bodies.get_or_insert_default().ended += 1,
            _ => {}
        }
        began.then(|| Change::Began(id.to_owned()))
    }

    fn on_step(&mut self, path: &StepPath, at: Timestamp, change: impl FnOnce(&mut StepProgress)) {
        if path.scope().as_str().is_empty() {
            let id = path.as_str();
            change(self.steps.entry(id.to_owned()).or_insert_with(|| StepProgress::new(id, at)));
        }
    }
}

impl StepProgress {
    fn new(id: &str, at: Timestamp) -> Self {
        Self {
            step: id.to_owned(),
            state: State::Running,
            outcome: None,
            attempts: 0,
            began_at: at,
            ended_at: None,
            bodies: None,
            hops: Vec::new(),
            failure: None,
        }
    }

    /// How it stands, in a word or two: its outcome once it has one.
    pub(super) fn standing(&self) -> String {
        match (&self.outcome, self.state) {
            (Some(outcome), _) => outcome.clone(),
            (None, State::Skipped) => "skipped".to_owned(),
            (None, State::Parked) => "parked".to_owned(),
            (None, State::Waiting) => "waiting".to_owned(),
            (None, _) => "running".to_owned(),
        }
    }

    /// How long it took, if it has ended.
    pub(super) fn took(&self) -> Option<Duration> {
        (self.state == State::Ended).then(|| self.ended_at.unwrap_or(self.began_at).since(self.began_at))
    }

    /// Further details in one line: bodies, attempts, the failure.
    pub(super) fn details(&self) -> String {
        let mut details = Vec::new();
        if let Some(Bodies { ended, of }) = self.bodies {
            details.push(of.map_or_else(|| format!("{ended} done"), |of| format!("{ended} of {of}")));
        }
        if self.attempts > 1 {
            details.push(format!("{} attempts", self.attempts));
        }
        if let Some(hop) = self.hops.last() {
            details.push(format!("{} asked instead of {} ({})", hop.to, hop.from, hop.trouble));
        }
        if self.outcome.as_deref() == Some("error")
            && let Some(failure) = &self.failure
        {
            details.push(clipped(&failure.to_string(), 200));
        }
        details.join(", ")
    }

    /// The step in one line, its id padded to `width`.
    pub(super) fn line(&self, width: usize) -> String {
        let took = self.took().map(span).unwrap_or_default();
        format!("  {:<width$}  {:<10}  {took:>8}  {}", self.step, self.standing(), self.details()).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Output, Payload};

    fn folded(events: Vec<RunEvent>) -> (Progress, Vec<Change>) {
        let mut progress = Progress::default();
        let recorded = events.into_iter().zip(1..).map(|(event, seq)| Recorded {
            seq,
            at: Timestamp(i64::try_from(seq).unwrap() * 1_000),
            event,
        });
        let changes = recorded.filter_map(|recorded| progress.apply(&recorded)).collect();
        (progress, changes)
    }

    fn started(step: &str, attempt: u32) -> RunEvent {
        RunEvent::Started { step: step.into(), attempt, deadline: None }
    }

    fn ended(step: &str, outcome: &str) -> RunEvent {
        RunEvent::Ended { step: step.into(), outcome: outcome.into(), output: Output::Nothing }
    }

    #[test]
    fn a_step_is_one_line_from_its_beginning_to_its_end() {
        let failure = Failure::retry("timeout", "too slow");
        let (progress, changes) = folded(vec![
            started("fetch", 1),
            RunEvent::Failed { step: "fetch".into(), attempt: 1, failure },
            RunEvent::RetryScheduled { step: "fetch".into(), attempt: 2, at: Timestamp(4_000) },
            started("fetch", 2),
            ended("fetch", "ok"),
            RunEvent::Skipped { step: "after".into() },
        ]);
        assert_eq!(
            changes,
            [
                Change::Began("fetch".to_owned()),
                Change::Said("fetch: attempt 1 failed: too slow (timeout)".to_owned()),
                Change::Said("fetch: attempt 2 in 1.0 s".to_owned()),
                Change::Ended("fetch".to_owned()),
                Change::Ended("after".to_owned()),
            ]
        );
        let lines: Vec<String> = progress.steps().map(|step| step.line(5)).collect();
        assert_eq!(lines, ["  fetch  ok             4.0 s  2 attempts", "  after  skipped"]);
    }

    #[test]
    fn bodies_are_counted_and_not_kept() {
        let mut events = vec![
            started("each", 1),
            RunEvent::Expanded { step: "each".into(), items: Payload::of(serde_json::json!([1, 2])), count: 2 },
        ];
        for index in 0..2 {
            events.push(RunEvent::BodyOpened { step: "each".into(), index });
            events.push(started(&format!("each[{index}].work"), 1));
            events.push(ended(&format!("each[{index}].work"), "ok"));
            events.push(RunEvent::BodyEnded { step: "each".into(), index, value: None, failure: None });
        }
        let (progress, changes) = folded(events);
        assert_eq!(changes, [Change::Began("each".to_owned())]);
        let step = progress.step("each").unwrap();
        assert_eq!((step.bodies, progress.steps().count()), (Some(Bodies { ended: 2, of: Some(2) }), 1));
    }
}
