//! Attempts in flight, and the calls that they make by the gate's rules.

use callboard::clock::Timestamp;
use callboard::run::{
    CallKey, Category, Command, Failure, Hop, Mode, Output, Payload, Permit, Policy, Question, QuestionKind, RunEvent,
    RunId, RunStatus, StepPath, Verdict, permit, rule,
};
use callboard::workflow::{CallEffect, Outcome, Process, Step};
use serde_json::json;

use super::super::generate::LATENCY;
use super::super::history::{RUN, call_key};
use super::super::oracle::{Fate, Oracle};
use super::world::News;
use super::{Shell, failure, ms};

/// An attempt that the executor works on.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    step: StepPath,
    attempt: u32,
    /// When something happens to it; never if it hangs.
    pub(super) at: Option<Timestamp>,
    nth_call: usize,
    /// The call is being made.
    is_calling: bool,
    /// It was told to stop.
    is_stopping: bool,
}

impl Shell<'_> {
    /// Does what was to be done once all that was recorded is durable.
    pub(super) fn perform(&mut self, command: Command) {
        match command {
            // After a long sleep it may have run out of time before it is taken up again.
            Command::Perform { step, attempt } if !self.state.is_working(&step, attempt) => {}
            Command::Perform { step, attempt } => {
                assert!(!self.flights.iter().any(|flight| flight.step == step), "{step} is performed twice at once");
                self.check_sight(&step);
                *self.performed.entry((step.to_string(), attempt)).or_default() += 1;
                let at = Some(self.soon());
                self.flights.push(Flight { step, attempt, at, nth_call: 0, is_calling: false, is_stopping: false });
            }
            Command::Abort { step } => self.abort(&step),
            Command::CancelChild { run } => {
                self.told_to_end.insert(run);
                self.cancel_child(run);
            }
            Command::Record(_) | Command::Evaluate(_) => unreachable!("obeyed at once"),
        }
    }

    fn abort(&mut self, step: &StepPath) {
        let soon = self.soon();
        let state = &self.state;
        // One that has run out of time is over; one that is to be cancelled may yet say how it ended.
        self.flights.retain(|flight| flight.step != *step || state.is_working(step, flight.attempt));
        for flight in self.flights.iter_mut().filter(|flight| flight.step == *step && !flight.is_stopping) {
            flight.is_stopping = true;
            flight.at = Some(flight.at.map_or(soon, |at| at.min(soon)));
        }
    }

    fn cancel_child(&mut self, run: RunId) {
        let is_ending = self.inbox.iter().any(|((at, _), news)| {
            matches!(news, News::ChildEnd { run: ended, .. } if *ended == run) && *at <= self.now.after(ms(LATENCY))
        });
        let step = self.state.children().find(|(child, _)| *child == run).map(|(_, step)| step.clone());
        if let (false, Some(step)) = (is_ending, step) {
            let (status, output) = (RunStatus::Cancelled, Output::Nothing);
            self.post(LATENCY, News::ChildEnd { step, run, status, output });
        }
    }

    /// Something happens to an attempt in flight.
    pub(super) fn fly(&mut self, flight: Flight) {
        let step = self.steps[flight.step.id()];
        assert!(self.state.is_working(&flight.step, flight.attempt), "{} was not stopped", flight.step);
        if flight.is_stopping && !flight.is_calling && self.rng.bool() {
            return self.fail(&flight, failure(Category::Cancelled));
        }
        if let Process::Workflow { .. } = step.process {
            let run = RUN.child(&flight.step, flight.attempt);
            return self.record(RunEvent::ChildStarted { step: flight.step, run });
        }
        match self.scenario.oracle.calls(step, flight.step.as_str()).get(flight.nth_call) {
            Some(effect) if flight.is_calling => self.end_call(flight, step, *effect),
            Some(effect) => self.begin_call(flight, *effect),
            None => self.end(flight, step),
        }
    }

    /// All calls were made.
    fn end(&mut self, mut flight: Flight, step: &Step) {
        match self.scenario.oracle.attempt(step, flight.step.as_str(), flight.attempt) {
            Fate::Good | Fate::Unknown => {
                let output = Output::Value(Payload::of(Oracle::value(flight.step.as_str(), flight.attempt)));
                self.record(RunEvent::Ended { step: flight.step, outcome: Outcome::OK.into(), output });
            }
            Fate::Fails(category) => self.fail(&flight, failure(category)),
            Fate::Hangs if flight.is_stopping => self.fail(&flight, failure(Category::Cancelled)),
            Fate::Hangs => {
                flight.at = None;
                self.flights.push(flight);
            }
        }
    }

    fn begin_call(&mut self, mut flight: Flight, effect: CallEffect) {
        let (step, tool) = (flight.step.clone(), String::from("tool"));
        let key = call_key(&step, flight.nth_call);
        let oracle = &self.scenario.oracle;
        let mode = if oracle.is_simulated { Mode::Simulated } else { Mode::Real };
        let policy = Policy { mode, ask_from: oracle.ask_from };
        let verdict = rule(&self.state, &step, flight.attempt, &key, effect, policy);
        if !matches!(verdict, Verdict::Make | Verdict::Refuse(_) | Verdict::Repeat) {
            let permit = Permit::intended(&self.state, &step, flight.attempt, &key);
            assert!(permit.is_none(), "a permit for a call of {step} that is not intended: {permit:?}");
        }
        match verdict {
            Verdict::Make => {}
            Verdict::Intend => {
                let arguments = Payload::of(json!({}));
                self.record(RunEvent::CallIntended { step, key, tool, effect, arguments, cause: None });
            }
            Verdict::Repeat => self.record(RunEvent::CallRepeated { step, key, tool }),
            Verdict::Recorded(at) => {
                self.history().value(at);
                flight.nth_call += 1;
                return self.flights.push(flight);
            }
            Verdict::Simulate => {
                flight.nth_call += 1;
                return self.flights.push(flight);
            }
            Verdict::Ask => return self.record(RunEvent::Asked { question: approval(&flight, key) }),
            Verdict::Refuse(why) => return self.fail(&flight, why),
        }
        flight.is_calling = true;
        flight.at = Some(self.soon());
        self.flights.push(flight);
    }

    fn end_call(&mut self, mut flight: Flight, definition: &Step, effect: CallEffect) {
        let (step, tool) = (flight.step.clone(), String::from("tool"));
        let key = call_key(&step, flight.nth_call);
        assert!(self.pending.is_empty(), "a call is made before its intent is durable");
        let permit = if effect.effect.changes_the_world() {
            Permit::intended(&self.state, &step, flight.attempt, &key)
        } else {
            Permit::harmless(&key, effect)
        };
        assert!(
            permit.is_some_and(|permit| permit.effect() == effect),
            "no permit for a call of {step} that was ruled"
        );
        match self.scenario.oracle.call(definition, step.as_str(), flight.attempt, flight.nth_call) {
            Fate::Hangs if !flight.is_stopping => {
                flight.at = None;
                self.flights.push(flight);
            }
            Fate::Good => {
                if self.rng.u8(..8) == 0 {
                    self.record(RunEvent::ModelHopped { step: step.clone(), hop: hop(), cause: None });
                }
                self.record(RunEvent::CallReturned { step, key, tool, result: Payload::of(json!(null)), cause: None });
                flight.is_calling = false;
                flight.nth_call += 1;
                flight.at = Some(self.soon());
                self.flights.push(flight);
            }
            Fate::Fails(category) => {
                self.record(RunEvent::CallFailed { step, key, tool, failure: failure(category) });
                self.fail(&flight, failure(category));
            }
            Fate::Unknown | Fate::Hangs => {
                let category = self.rng.choice([Category::Retry, Category::GiveUp, Category::Cancelled]).unwrap();
                self.record(RunEvent::CallUnknown { step, key, tool, failure: failure(category) });
                // Else the step is parked, and the attempt over.
                if effect.may_repeat() {
                    self.fail(&flight, failure(if flight.is_stopping { Category::Cancelled } else { Category::Retry }));
                }
            }
        }
    }

    fn fail(&mut self, flight: &Flight, failure: Failure) {
        let (step, attempt) = (flight.step.clone(), flight.attempt);
        self.record(RunEvent::Failed { step, attempt, failure });
    }
}

fn hop() -> Hop {
    let [alias, from, to, trouble, message] = ["default", "one", "two", "busy", "too many requests"].map(str::to_owned);
    Hop { alias, from, to, trouble, message }
}

fn approval(flight: &Flight, call: CallKey) -> Question {
    Question {
        id: format!("{}/{call}/{}", flight.step, flight.attempt).into(),
        step: flight.step.clone(),
        kind: QuestionKind::Approval { call },
        ask: "May it?".into(),
        choices: permit::approval_choices(),
        form: None,
        to: Vec::new(),
        deadline: None,
        default: None,
    }
}
