//! A step's attempts: how they begin, end, fail and are tried again.

use crate::clock::Timestamp;
use crate::run::frontier::Fold;
use crate::run::state::{Active, CallState, Loop, LoopStage, Phase, Slot};
use crate::run::{Category, Failure, Output, RunState, ScopePath, StepPath, ValueRef};
use crate::workflow::{Condition, Outcome, Process};

impl RunState {
    pub(super) fn reused(&mut self, step: &StepPath, outcome: &Outcome, output: Option<ValueRef>) -> Fold {
        let (scope, index) = self.find(step)?;
        if !scope.as_str().is_empty() {
            return Err("only the run's own steps can be reused".into());
        }
        match self.slot(&scope, index) {
            Some(Slot::Idle { .. } | Slot::Ready) => {
                if outcome.as_str() == Outcome::ERROR {
                    self.note_failure(step, &scope, "reused_failure", "it failed in the run that this one retries");
                }
                self.leave(&scope, index, Slot::Ended { outcome: outcome.clone(), output });
                Ok(())
            }
            _ => Err(format!("step {step} has begun already")),
        }
    }

    pub(super) fn skipped(&mut self, step: &StepPath) -> Fold {
        let (scope, index) = self.find(step)?;
        match self.slot(&scope, index) {
            Some(Slot::Doomed) => {
                self.leave(&scope, index, Slot::Skipped);
                Ok(())
            }
            _ => Err(format!("step {step} can still run")),
        }
    }

    pub(super) fn started(&mut self, step: &StepPath, attempt: u32, deadline: Option<Timestamp>) -> Fold {
        let (scope, index) = self.find(step)?;
        let phase = match &self.node(step).ok_or("no such step")?.step.process {
            Process::Agent { .. } | Process::Model { .. } | Process::Tool { .. } | Process::Workflow { .. } => {
                Phase::Working { deadline }
            }
            Process::Repeat(repeat) => Phase::Loop(Loop {
                index: 0,
                stage: match repeat.condition {
                    Condition::Until(_) => LoopStage::Open,
                    Condition::While(_) => LoopStage::Test,
                },
                last: None,
            }),
            Process::Transform { .. }
            | Process::Branch { .. }
            | Process::ForEach(_)
            | Process::Wait(_)
            | Process::Human(_) => Phase::Evaluating,
        };
        match self.slot_mut(&scope, index) {
            Some(slot @ Slot::Ready) if attempt == 1 => {
                *slot = Slot::Active(Box::new(Active {
                    attempt,
                    failures: 0,
                    phase: Phase::Evaluating,
                    calls: std::collections::BTreeMap::new(),
                    said: std::collections::BTreeSet::new(),
                    urged: None,
                }));
            }
            Some(Slot::Active(active))
                if matches!(active.phase, Phase::Backoff { .. } | Phase::Resuming) && attempt == active.attempt + 1 =>
            {
                active.attempt = attempt;
            }
            _ => return Err(format!("step {step} is not ready for attempt {attempt}")),
        }
        self.enter(step, &scope, index, phase);
        Ok(())
    }

    pub(super) fn resumed(&mut self, step: &StepPath, attempt: u32) -> Fold {
        self.expect_working(step, attempt)?;
        if self.active(step).is_some_and(|active| active.calls.values().any(CallState::is_unresolved)) {
            self.set_phase(step, Phase::Failing(Failure::retry("interrupted", "the process stopped during a call")))?;
        }
        Ok(())
    }

    pub(super) fn ended(&mut self, step: &StepPath, outcome: &Outcome, output: &Output, here: ValueRef) -> Fold {
        let (scope, index) = self.find(step)?;
        if outcome.as_str() == Outcome::ERROR {
            return Err("a step is left by error through gave_up".into());
        }
        let Some(Slot::Active(active)) = self.slot(&scope, index) else {
            return Err(format!("step {step} has not started"));
        };
        if !self.node(step).is_some_and(|node| node.step.process.outcomes().contains(outcome)) {
            return Err(format!("step {step} cannot be left by {outcome}"));
        }
        match active.phase {
            Phase::Evaluating | Phase::Working { .. } | Phase::Done { .. } | Phase::Waiting { .. } => {}
            Phase::Each(ref each) if each.open == 0 && each.next == each.count && each.stopped.is_none() => {}
            _ => return Err(format!("step {step} cannot end yet")),
        }
        let output = match output {
            Output::Nothing => None,
            Output::Value(_) => Some(here),
            Output::Ref(value) => Some(*value),
        };
        self.leave(&scope, index, Slot::Ended { outcome: outcome.clone(), output });
        Ok(())
    }

    pub(super) fn failed(&mut self, step: &StepPath, attempt: u32, failure: &Failure) -> Fold {
        let active = self.active(step).ok_or_else(|| format!("step {step} has not started"))?;
        if active.attempt != attempt {
            return Err(format!("step {step} is at attempt {}", active.attempt));
        }
        let failure = match &active.phase {
            // A call that may have taken effect is asked about, whatever else the failure means.
            Phase::Working { .. } if active.calls.values().any(CallState::is_unresolved) => {
                Failure { category: Category::Retry, ..failure.clone() }
            }
            Phase::Working { .. } | Phase::Evaluating | Phase::Child { .. } => failure.clone(),
            // Bodies have been gone through, and are not gone through again: their steps' paths, and
            // with them the keys of their calls, would be the same.
            Phase::Loop(state) if state.stage == LoopStage::Test => failure.for_good(),
            Phase::Each(each) if each.open == 0 => failure.for_good(),
            _ => return Err(format!("step {step} is not being worked on")),
        };
        self.fail(step, failure)
    }

    /// The attempt is over: one more against `retry`, unless a person decides what follows.
    pub(super) fn fail(&mut self, step: &StepPath, failure: Failure) -> Fold {
        if failure.category != Category::Ask {
            self.active_mut(step)?.failures += 1;
        }
        self.set_phase(step, Phase::Failing(failure))
    }

    pub(super) fn retry_scheduled(&mut self, step: &StepPath, attempt: u32, at: Timestamp) -> Fold {
        let active = self.active(step).ok_or_else(|| format!("step {step} has not started"))?;
        if !matches!(active.phase, Phase::Failing(_)) || attempt != active.attempt + 1 {
            return Err(format!("attempt {attempt} of step {step} is not the next"));
        }
        self.set_phase(step, Phase::Backoff { until: at })
    }

    pub(super) fn gave_up(&mut self, step: &StepPath, failure: &Failure, here: ValueRef) -> Fold {
        let (scope, index) = self.find(step)?;
        match self.active(step).map(|active| &active.phase) {
            Some(Phase::Failing(_)) => {}
            Some(Phase::Each(each)) if each.open == 0 && (each.stopped.is_some() || each.next == each.count) => {}
            _ => return Err(format!("step {step} has not failed")),
        }
        self.note_failure(step, &scope, &failure.code, &failure.message);
        self.leave(&scope, index, Slot::Ended { outcome: Outcome::ERROR.into(), output: Some(here) });
        Ok(())
    }

    /// A step is left by `error`: unless another needs that, its list has failed.
    fn note_failure(&mut self, step: &StepPath, scope: &ScopePath, code: &str, message: &str) {
        let is_needed = self.node(step).is_some_and(|node| node.error_is_needed);
        if !is_needed && let Some(scope) = self.scopes.get_mut(scope) {
            scope.failure.get_or_insert_with(|| Failure::give_up(code, format!("step {step}: {message}")));
        }
    }
}
