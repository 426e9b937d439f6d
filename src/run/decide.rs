//! What follows from a run's state: a pure function, and the whole meaning of running a workflow.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::question::{stuck, unknown};
use super::state::{Active, Attention, CallState, Each, Life, LoopStage, Phase, Slot, Timer};
use super::{
    Category, Failure, Output, Question, QuestionKind, RunEvent, RunId, RunState, ScopePath, StepPath, ValueRef,
};
use crate::clock::Timestamp;
use crate::workflow::step::Backoff;
use crate::workflow::{Outcome, Process, Retry, Step, StepIndex, Wait};

/// What the shell is to do, in the order given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each field is the step, attempt or run that the command is about")]
pub enum Command {
    /// Append this event: it follows from the state.
    Record(RunEvent),
    /// Evaluate expressions, and append what comes of it.
    Evaluate(Evaluation),
    /// Once all events so far are durable: have the executor carry out this attempt.
    Perform { step: StepPath, attempt: u32 },
    /// Stop the work on this step.
    Abort { step: StepPath },
    /// Cancel this child run.
    CancelChild { run: RunId },
}

/// Something to be evaluated. No commit is needed before: what comes of it is the same every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each field is the step, attempt or index that the evaluation is about")]
pub enum Evaluation {
    /// The bindings of a step that just began. Gives `Ended` (transform, branch), `Expanded`
    /// (`for_each`), `Waiting` (wait), `Asked` (human); or `Failed`.
    Begin { step: StepPath, attempt: u32 },
    /// The condition of a `repeat`. Gives `Tested`, or `Failed`.
    Test { step: StepPath, attempt: u32, index: u64 },
    /// Whether a signal is the one that a `wait` is for. Gives `SignalMatched`.
    Match { step: StepPath, signal: u64 },
    /// The list of a `for_each`'s values. Gives `Ended`.
    Collect { step: StepPath },
    /// The run's result. Gives `Completed`, or `RunFailed`. `last` is the output of the last step that ran.
    Result { last: Option<ValueRef> },
}

/// What is to be done next, at `now`. Empty when the run waits for the world, a person or the clock.
///
/// Events that the commands record are to be applied, and `decide` asked again, until nothing new is recorded.
#[must_use]
pub fn decide(state: &RunState, now: Timestamp) -> Vec<Command> {
    let mut commands = Vec::new();
    match &state.life {
        Life::Unborn | Life::Ended(_) => {}
        Life::Cancelling { reason } => state.wind_down(reason, &mut commands),
        Life::Live => {
            state.heed_clock(now, &mut commands);
            if commands.is_empty() {
                let mut offered = BTreeSet::new();
                for place in &state.attention {
                    match place {
                        Attention::Step(scope, index) => {
                            state.decide_step(scope, *index, now, &mut offered, &mut commands);
                        }
                        Attention::ScopeEnd(scope) => state.decide_scope_end(scope, &mut commands),
                    }
                }
            }
        }
    }
    commands
}

/// What is to be done when a run is taken up again by a new process: nothing of what was in flight
/// is running any more.
#[must_use]
pub fn recover(state: &RunState) -> Vec<Command> {
    let cancelling = matches!(state.life, Life::Cancelling { .. });
    let orphans = state.children().filter(|(run, step)| {
        !matches!(state.active(step).map(|active| &active.phase), Some(Phase::Child { run: child, .. }) if child == run)
    });
    let orphans = orphans.map(|(run, _)| Command::CancelChild { run });
    let attempts = state.working().flat_map(|(step, attempt)| {
        let step = step.clone();
        if cancelling {
            let failure = Failure {
                category: Category::Cancelled,
                code: "cancelled".into(),
                message: "the run is being cancelled".into(),
            };
            return vec![Command::Record(RunEvent::Failed { step, attempt, failure })];
        }
        let parks = state.active(&step).is_some_and(|active| active.calls.values().any(CallState::is_unresolved));
        let mut commands = vec![Command::Record(RunEvent::Resumed { step: step.clone(), attempt })];
        if !parks {
            commands.push(Command::Perform { step, attempt });
        }
        commands
    });
    attempts.chain(orphans).collect()
}

impl RunState {
    /// Stops what is in flight; once nothing is, the run is cancelled.
    fn wind_down(&self, reason: &str, commands: &mut Vec<Command>) {
        commands.extend(self.working.iter().map(|step| Command::Abort { step: step.clone() }));
        commands.extend(self.children.keys().map(|run| Command::CancelChild { run: *run }));
        if commands.is_empty() {
            commands.push(Command::Record(RunEvent::Cancelled { reason: reason.to_owned() }));
        }
    }

    /// What the clock decides.
    fn heed_clock(&self, now: Timestamp, commands: &mut Vec<Command>) {
        for (_, timer) in self.timers.iter().take_while(|(at, _)| *at <= now) {
            match timer {
                Timer::RunDeadline => {
                    commands.clear();
                    commands.push(Command::Record(RunEvent::CancelRequested { reason: "deadline".into() }));
                    return;
                }
                Timer::Step(step) => self.timer_due(step, now, commands),
            }
        }
    }

    fn timer_due(&self, step: &StepPath, now: Timestamp, commands: &mut Vec<Command>) {
        let (Some(active), Some(node)) = (self.active(step), self.node(step)) else { return };
        match &active.phase {
            Phase::Backoff { .. } => Self::start(step, &node.step, active.attempt + 1, now, commands),
            // It came in time, whenever this process comes to look at it.
            Phase::Waiting { signal: Some(name), tried, .. } if self.next_signal(name, *tried).is_some() => {}
            Phase::Waiting { signal, .. } => {
                let outcome = if signal.is_some() { Outcome::TIMEOUT } else { Outcome::OK };
                let ended = RunEvent::Ended { step: step.clone(), outcome: outcome.into(), output: Output::Nothing };
                commands.push(Command::Record(ended));
            }
            Phase::Parked { question, .. } => {
                if let Some(choice) = self.questions.get(question).and_then(|open| open.default.clone()) {
                    commands.push(Command::Record(RunEvent::Answered {
                        question: question.clone(),
                        choice,
                        form: None,
                        by: None,
                    }));
                }
            }
            Phase::Working { .. } | Phase::Child { .. } => {
                commands.push(match active.phase {
                    Phase::Child { run, .. } => Command::CancelChild { run },
                    _ => Command::Abort { step: step.clone() },
                });
                let limit = node.step.timeout.unwrap_or_default();
                commands.push(Command::Record(RunEvent::Failed {
                    step: step.clone(),
                    attempt: active.attempt,
                    failure: Failure::retry(
                        "timeout",
                        format!("attempt {} took longer than {}", active.attempt, humantime::format_duration(limit)),
                    ),
                }));
            }
            _ => {}
        }
    }

    fn decide_step(
        &self,
        scope: &ScopePath,
        index: StepIndex,
        now: Timestamp,
        offered: &mut BTreeSet<u64>,
        commands: &mut Vec<Command>,
    ) {
        let Some(held) = self.scopes.get(scope) else { return };
        let step = &self.graph.list(held.list).node(index).step;
        let path = scope.step(&step.id);
        match &held.slots[index.0 as usize] {
            Slot::Ready => Self::start(&path, step, 1, now, commands),
            Slot::Doomed => commands.push(Command::Record(RunEvent::Skipped { step: path })),
            Slot::Active(active) => self.decide_active(path, step, active, now, offered, commands),
            Slot::Idle { .. } | Slot::Ended { .. } | Slot::Skipped => {}
        }
    }

    fn start(path: &StepPath, step: &Step, attempt: u32, now: Timestamp, commands: &mut Vec<Command>) {
        let deadline = step.timeout.map(|limit| now.after(limit));
        commands.push(Command::Record(RunEvent::Started { step: path.clone(), attempt, deadline }));
        if matches!(
            step.process,
            Process::Agent { .. } | Process::Model { .. } | Process::Tool { .. } | Process::Workflow { .. }
        ) {
            commands.push(Command::Perform { step: path.clone(), attempt });
        }
    }

    fn decide_active(
        &self,
        path: StepPath,
        step: &Step,
        active: &Active,
        now: Timestamp,
        offered: &mut BTreeSet<u64>,
        commands: &mut Vec<Command>,
    ) {
        let attempt = active.attempt;
        match &active.phase {
            Phase::Evaluating => commands.push(Command::Evaluate(Evaluation::Begin { step: path, attempt })),
            Phase::Failing(failure) => commands.push(self.after_failure(path, step, active, failure, now)),
            Phase::Resuming => Self::start(&path, step, attempt + 1, now, commands),
            Phase::Done { outcome, output } => commands.push(Command::Record(RunEvent::Ended {
                step: path,
                outcome: outcome.clone(),
                output: output.clone(),
            })),
            Phase::Each(each) => Self::decide_each(path, step, each, commands),
            Phase::Loop(state) => match state.stage {
                LoopStage::Open => {
                    commands.push(Command::Record(RunEvent::BodyOpened { step: path, index: state.index }));
                }
                LoopStage::Test => {
                    commands.push(Command::Evaluate(Evaluation::Test { step: path, attempt, index: state.index }));
                }
                LoopStage::Body => {}
            },
            Phase::Waiting { signal: Some(name), tried, .. } => {
                if let Some(signal) = self.next_signal(name, *tried)
                    && offered.insert(signal)
                {
                    let conditional = matches!(&step.process, Process::Wait(Wait::Event { matching: Some(_), .. }));
                    commands.push(if conditional {
                        Command::Evaluate(Evaluation::Match { step: path, signal })
                    } else {
                        Command::Record(RunEvent::SignalMatched { step: path, signal, holds: true })
                    });
                }
            }
            Phase::Working { .. }
            | Phase::Backoff { .. }
            | Phase::Waiting { .. }
            | Phase::Parked { .. }
            | Phase::Child { .. } => {}
        }
    }

    fn decide_each(path: StepPath, step: &Step, each: &Each, commands: &mut Vec<Command>) {
        let Process::ForEach(definition) = &step.process else { return };
        if each.stopped.is_none() && each.next < each.count {
            let room = u64::from(definition.concurrency).saturating_sub(each.open);
            let end = each.count.min(each.next.saturating_add(room));
            commands.extend(
                (each.next..end).map(|index| Command::Record(RunEvent::BodyOpened { step: path.clone(), index })),
            );
        } else if let Some(failure) = &each.stopped {
            commands.push(Command::Record(RunEvent::GaveUp { step: path, failure: failure.clone() }));
        } else {
            commands.push(Command::Evaluate(Evaluation::Collect { step: path }));
        }
    }

    /// A failed attempt: ask about a call whose result is not known, or when to try again; try again, or give up.
    fn after_failure(
        &self,
        path: StepPath,
        step: &Step,
        active: &Active,
        failure: &Failure,
        now: Timestamp,
    ) -> Command {
        if failure.may_go_better()
            && let Some((key, call)) = active.calls.iter().find(|(_, call)| call.is_unresolved())
        {
            let id = format!("{path}:{}", &key.as_str()[..8]);
            return Command::Record(RunEvent::Asked {
                question: Question {
                    id: id.into(),
                    kind: QuestionKind::Unknown { call: key.clone() },
                    ask: format!(
                        "Step {path} called {}, and nobody knows whether it took effect ({}). Did it happen, should it \
                         be repeated, or should the step fail?",
                        call.tool, failure.message
                    ),
                    step: path,
                    choices: [unknown::HAPPENED, unknown::REPEAT, unknown::FAIL].map(Outcome::from).to_vec(),
                    form: None,
                    to: Vec::new(),
                    deadline: None,
                    default: None,
                },
            });
        }
        if failure.category == Category::Ask {
            let raise = failure.is_spent_budget().then_some(stuck::RAISE);
            return Command::Record(RunEvent::Asked {
                question: Question {
                    id: format!("{path}:attempt-{}", active.attempt).into(),
                    kind: QuestionKind::Stuck { failure: Box::new(failure.clone()) },
                    ask: match raise {
                        None => format!("Step {path} cannot go on: {}. Try it again, or let it fail?", failure.message),
                        Some(_) => format!(
                            "Step {path} cannot go on: {}. Raise the budget by as much again, try the step again, or \
                             let it fail?",
                            failure.message
                        ),
                    },
                    step: path,
                    choices: raise.into_iter().chain([stuck::AGAIN, stuck::FAIL]).map(Outcome::from).collect(),
                    form: None,
                    to: Vec::new(),
                    deadline: None,
                    default: None,
                },
            });
        }
        let retry = step.retry.filter(|retry| failure.may_go_better() && active.failures < retry.max_attempts);
        Command::Record(match retry {
            Some(retry) => RunEvent::RetryScheduled {
                at: now.after(pause(&retry, self.run, &path, active.failures)),
                attempt: active.attempt + 1,
                step: path,
            },
            None => RunEvent::GaveUp { step: path, failure: failure.clone() },
        })
    }

    fn decide_scope_end(&self, scope: &ScopePath, commands: &mut Vec<Command>) {
        let Some(held) = self.scopes.get(scope) else { return };
        let value = Self::value_of(held);
        commands.push(match (scope.owner(), &held.failure) {
            (Some((step, index)), None) => Command::Record(RunEvent::BodyEnded { step, index, value, failure: None }),
            (Some((step, index)), Some(failure)) => {
                Command::Record(RunEvent::BodyEnded { step, index, value: None, failure: Some(failure.clone()) })
            }
            (None, None) => Command::Evaluate(Evaluation::Result { last: value }),
            (None, Some(failure)) => Command::Record(RunEvent::RunFailed { failure: failure.clone() }),
        });
    }

    /// The first kept signal of this name after event `tried`.
    pub(super) fn next_signal(&self, name: &str, tried: u64) -> Option<u64> {
        self.signals.range(tried + 1..).find(|(_, kept)| *kept == name).map(|(seq, _)| *seq)
    }

    pub(super) fn concurrency(&self, scope: &ScopePath, index: StepIndex) -> u64 {
        let process = self.scopes.get(scope).map(|held| &self.graph.list(held.list).node(index).step.process);
        match process {
            Some(Process::ForEach(each)) => u64::from(each.concurrency),
            _ => 1,
        }
    }
}

/// The pause after the `failures`-th failed attempt: between half and all of what `retry` says, by a
/// hash of run, step and attempt, so that many runs that failed together do not come back together.
fn pause(retry: &Retry, run: RunId, step: &StepPath, failures: u32) -> Duration {
    let doublings = match retry.backoff {
        Backoff::Fixed => 0,
        Backoff::Exponential => failures.saturating_sub(1).min(31),
    };
    let full = retry.initial.saturating_mul(1 << doublings).min(retry.max);
    let digest =
        Sha256::new().chain_update(run.0).chain_update(step.as_str()).chain_update(failures.to_be_bytes()).finalize();
    let share = f64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) / f64::from(u32::MAX);
    let half = full / 2;
    half + half.mul_f64(share)
}
