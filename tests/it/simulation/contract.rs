//! What the kernel promises its shell where the simulation does not lead, or not often.

use std::collections::BTreeMap;
use std::sync::Arc;

use callboard::clock::Timestamp;
use callboard::run::{
    Category, Command, Failure, Output, Payload, Policy, Recorded, RunEvent, RunState, RunStatus, StepPath, Verdict,
    decide, recover, rule,
};
use callboard::workflow::{
    CallEffect, Effect, ForEach, Graph, Join, OnError, Outcome, Process, Step, StepId, Wait, Workflow,
};
use serde_json::{Value, json};

use super::history::{RUN, call_key};

/// A run of one step, with events one after the other at times of its own.
struct Run {
    state: RunState,
    now: Timestamp,
}

impl Run {
    fn of(process: Process) -> Self {
        let step = step("only", process);
        let mut run =
            Self { state: RunState::new(RUN, Arc::new(Graph::of(&workflow(vec![step])))), now: Timestamp(1_000_000) };
        run.happens(RunEvent::Created {
            workflow: "one".into(),
            version: "v".into(),
            inputs: Payload::of(json!({})),
            pins: BTreeMap::new(),
            origin: None,
            depth: 0,
            deadline: None,
        });
        run.settles();
        run
    }

    fn try_apply(&mut self, event: RunEvent) -> Result<(), String> {
        let recorded = Recorded { seq: self.state.seq() + 1, at: self.now, event };
        self.state.apply(&recorded).map_err(|illegal| illegal.to_string())
    }

    fn happens(&mut self, event: RunEvent) {
        self.try_apply(event).unwrap();
    }

    /// Records what is decided; returns what the shell is asked to do beside.
    fn settles(&mut self) -> Vec<Command> {
        let mut asked = Vec::new();
        loop {
            let before = self.state.seq();
            for command in decide(&self.state, self.now) {
                match command {
                    Command::Record(event) => self.happens(event),
                    other => asked.push(other),
                }
            }
            if self.state.seq() == before {
                return asked;
            }
            asked.retain(|command| !matches!(command, Command::Evaluate(_)));
        }
    }

    fn questions(&self) -> Vec<String> {
        self.state.questions().map(str::to_owned).collect()
    }

    fn answer(&mut self, choice: &str) {
        let question = self.questions()[0].as_str().into();
        self.happens(RunEvent::Answered { question, choice: choice.into(), form: None, by: Some("ada".into()) });
    }
}

fn only() -> StepPath {
    StepPath::from("only")
}

fn step(id: &str, process: Process) -> Step {
    Step {
        id: StepId::from(id),
        name: None,
        needs: Vec::new(),
        join: Join::All,
        input: indexmap::IndexMap::new(),
        process,
        output: None,
        retry: None,
        timeout: None,
    }
}

fn workflow(steps: Vec<Step>) -> Workflow {
    Workflow {
        name: "one".into(),
        description: String::new(),
        inputs: indexmap::IndexMap::new(),
        vars: indexmap::IndexMap::new(),
        triggers: Vec::new(),
        steps,
        result: None,
    }
}

fn agent() -> Process {
    Process::Agent { agent: "research".into(), goal: "goal".into(), plan: Vec::new() }
}

/// An agent that has two calls in flight at once, which must not be repeated unasked, when the process stops.
fn two_calls_lost() -> Run {
    let mut run = Run::of(agent());
    for nth in 0..2 {
        run.happens(RunEvent::CallIntended {
            step: only(),
            key: call_key(&only(), nth),
            tool: "tool".into(),
            effect: CallEffect::of(Effect::Irreversible),
            arguments: Payload::of(json!({})),
            cause: None,
        });
    }
    for command in recover(&run.state) {
        match command {
            Command::Record(event) => run.happens(event),
            other => panic!("nothing is done before the questions are answered: {other:?}"),
        }
    }
    run.settles();
    run
}

fn ruling(run: &RunState, attempt: u32, nth: usize) -> Verdict {
    let effect = CallEffect::of(Effect::Irreversible);
    rule(run, &only(), attempt, &call_key(&only(), nth), effect, Policy::default())
}

#[test]
fn every_lost_call_is_asked_about_before_the_step_goes_on() {
    let mut run = two_calls_lost();
    let first = run.questions();
    assert_eq!((first.len(), run.state.status()), (1, RunStatus::Parked));
    run.answer("happened");
    assert_eq!(run.settles(), [], "the other call is asked about first");
    assert_ne!(run.questions(), first);
    run.answer("repeat");
    assert_eq!(run.settles(), [Command::Perform { step: only(), attempt: 2 }]);
    let mut rulings = [ruling(&run.state, 2, 0), ruling(&run.state, 2, 1)];
    rulings.sort_by_key(|verdict| *verdict == Verdict::Repeat);
    assert!(matches!(rulings, [Verdict::Recorded(_), Verdict::Repeat]), "{rulings:?}");
    assert!(matches!(ruling(&run.state, 1, 0), Verdict::Refuse(_)), "the first attempt is over");
}

#[test]
fn whoever_lets_a_step_fail_is_not_asked_about_its_other_calls() {
    let mut run = two_calls_lost();
    run.answer("fail");
    run.settles();
    assert_eq!((run.questions(), run.state.status()), (Vec::new(), RunStatus::Failed));
}

#[test]
fn a_failure_for_good_does_not_hide_a_lost_call() {
    let mut run = Run::of(agent());
    run.happens(RunEvent::CallIntended {
        step: only(),
        key: call_key(&only(), 0),
        tool: "tool".into(),
        effect: CallEffect::of(Effect::Write),
        arguments: Payload::of(json!({})),
        cause: None,
    });
    run.happens(RunEvent::Failed { step: only(), attempt: 1, failure: Failure::give_up("broken", "it broke") });
    run.settles();
    assert_eq!((run.questions().len(), run.state.status()), (1, RunStatus::Parked));
}

#[test]
fn a_signal_that_was_recorded_in_time_wins_over_a_timeout_that_is_looked_at_late() {
    let mut run = Run::of(Process::Wait(Wait::Event { name: "paid".into(), matching: None, timeout: None }));
    let until = Some(Timestamp(run.now.0 + 10));
    run.happens(RunEvent::Waiting { step: only(), until, signal: Some("paid".into()) });
    run.happens(RunEvent::SignalCame { name: "paid".into(), payload: Payload::of(json!(7)) });
    // The process stops here, and the run is taken up an hour later.
    run.now = Timestamp(run.now.0 + 3_600_000);
    run.settles();
    assert!(run.state.root_results().all(|(_, outcome, _)| outcome.as_str() == Outcome::OK));
    assert_eq!(run.state.root_results().count(), 1);
}

#[test]
fn a_step_is_left_only_by_its_outcomes() {
    let mut run = Run::of(agent());
    let ended = |outcome: &str| RunEvent::Ended { step: only(), outcome: outcome.into(), output: Output::Nothing };
    for outcome in ["error", "approved", ""] {
        run.try_apply(ended(outcome)).unwrap_err();
    }
    run.happens(ended("ok"));
}

#[test]
fn nothing_fails_or_ends_over_bodies_that_are_open() {
    let each = ForEach {
        items: json!([1, 2]),
        item_name: "item".into(),
        concurrency: 1,
        on_error: OnError::Stop,
        steps: vec![step("inner", agent())],
    };
    let mut run = Run::of(Process::ForEach(each));
    run.happens(RunEvent::Expanded { step: only(), items: Payload::of(json!([1, 2])), count: 2 });
    run.settles();
    let failure = Failure { category: Category::Retry, code: "odd".into(), message: "odd".into() };
    let illegal = [
        RunEvent::Failed { step: only(), attempt: 1, failure: failure.clone() },
        RunEvent::GaveUp { step: only(), failure },
        RunEvent::Ended { step: only(), outcome: Outcome::OK.into(), output: Output::Nothing },
        RunEvent::Completed { result: Output::Nothing },
    ];
    for event in illegal {
        run.try_apply(event).unwrap_err();
    }
}

#[test]
fn a_for_each_of_any_length_takes_no_more_memory_than_its_open_items() {
    let each = ForEach {
        items: json!([]),
        item_name: "item".into(),
        concurrency: 3,
        on_error: OnError::Collect,
        steps: vec![step("inner", Process::Transform { value: Value::Null })],
    };
    let mut run = Run::of(Process::ForEach(each));
    let count = 5_000;
    run.happens(RunEvent::Expanded { step: only(), items: Payload::of(json!([])), count });
    let (mut sizes, mut ended) = (Vec::new(), 0);
    while ended < count {
        for command in decide(&run.state, run.now) {
            match command {
                Command::Record(event) => run.happens(event),
                Command::Evaluate(callboard::run::Evaluation::Begin { step, .. }) => {
                    run.happens(RunEvent::Ended { step, outcome: Outcome::OK.into(), output: Output::Nothing });
                    ended += 1;
                    if ended % 1_000 == 500 {
                        sizes.push(format!("{:?}", run.state).len());
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    assert!(last < first + first / 20, "the state grows: {sizes:?}");
}
