//! What a step waits for: the bodies of a loop, time and signals, and the runs that it starts.

use crate::clock::Timestamp;
use crate::run::frontier::Fold;
use crate::run::state::{Attention, Each, LoopStage, Phase};
use crate::run::{Failure, Output, RunId, RunState, RunStatus, StepPath, ValueRef};
use crate::workflow::{Condition, OnError, Outcome, Process};

impl RunState {
    pub(super) fn expanded(&mut self, step: &StepPath, count: u64, here: ValueRef) -> Fold {
        let is_for_each = self.node(step).is_some_and(|node| matches!(node.step.process, Process::ForEach(_)));
        if !is_for_each || !matches!(self.active(step).map(|a| &a.phase), Some(Phase::Evaluating)) {
            return Err(format!("step {step} expects no items"));
        }
        self.set_phase(step, Phase::Each(Each { count, next: 0, open: 0, stopped: None, items: here }))
    }

    pub(super) fn body_opened(&mut self, step: &StepPath, index: u64) -> Fold {
        let body = self.node(step).and_then(|node| node.body).ok_or_else(|| format!("step {step} has no body"))?;
        match &mut self.active_mut(step)?.phase {
            Phase::Each(each) if index == each.next && index < each.count && each.stopped.is_none() => {
                each.next += 1;
                each.open += 1;
            }
            Phase::Loop(state) if state.stage == LoopStage::Open && index == state.index => {
                state.stage = LoopStage::Body;
                if let Some(before) = index.checked_sub(1) {
                    self.scopes.remove(&step.body(before));
                }
            }
            _ => return Err(format!("body {index} of step {step} is not the next")),
        }
        self.open_scope(step.body(index), body);
        self.refresh_step(step)
    }

    pub(super) fn body_ended(
        &mut self,
        step: &StepPath,
        index: u64,
        value: Option<ValueRef>,
        failure: Option<&Failure>,
    ) -> Fold {
        let path = step.body(index);
        if self.scopes.get(&path).is_none_or(|scope| scope.open > 0)
            || !self.attention.contains(&Attention::ScopeEnd(path.clone()))
        {
            return Err(format!("body {index} of step {step} has not ended"));
        }
        let node = self.node(step).ok_or("no such step")?;
        let stops = matches!(&node.step.process, Process::ForEach(each) if each.on_error == OnError::Stop);
        let is_until =
            matches!(&node.step.process, Process::Repeat(repeat) if matches!(repeat.condition, Condition::Until(_)));
        match &mut self.active_mut(step)?.phase {
            Phase::Each(each) => {
                each.open -= 1;
                if stops && let Some(failure) = failure {
                    each.stopped.get_or_insert_with(|| failure.clone());
                }
                self.scopes.remove(&path);
            }
            Phase::Loop(state) => {
                state.last = value;
                state.stage = LoopStage::Test;
                if !is_until {
                    state.index += 1;
                }
            }
            _ => return Err(format!("step {step} has no open body")),
        }
        self.attention.remove(&Attention::ScopeEnd(path));
        match failure {
            Some(failure) if !stops && self.is_loop(step) => self.fail(step, failure.clone()),
            _ => self.refresh_step(step),
        }
    }

    fn is_loop(&self, step: &StepPath) -> bool {
        matches!(self.active(step).map(|active| &active.phase), Some(Phase::Loop(_)))
    }

    pub(super) fn tested(&mut self, step: &StepPath, index: u64, holds: bool) -> Fold {
        let Some(Process::Repeat(repeat)) = self.node(step).map(|node| &node.step.process) else {
            return Err(format!("step {step} has no condition"));
        };
        let (until, max) = (matches!(repeat.condition, Condition::Until(_)), u64::from(repeat.max));
        let Phase::Loop(state) = &mut self.active_mut(step)?.phase else {
            return Err(format!("step {step} has no condition to test"));
        };
        if state.stage != LoopStage::Test || state.index != index {
            return Err(format!("condition {index} of step {step} is not the next"));
        }
        let last = state.last;
        // `until` is tested after body `index`, `while` before it.
        let (again, next) = if until { (!holds, index + 1) } else { (holds, index) };
        let outcome = match (again, next < max) {
            (true, true) => {
                state.index = next;
                state.stage = LoopStage::Open;
                return self.refresh_step(step);
            }
            (true, false) => Outcome::EXHAUSTED,
            (false, _) => Outcome::OK,
        };
        let output = last.map_or(Output::Nothing, Output::Ref);
        self.set_phase(step, Phase::Done { outcome: outcome.into(), output })
    }

    pub(super) fn waiting(&mut self, step: &StepPath, until: Option<Timestamp>, signal: Option<String>) -> Fold {
        let is_wait = self.node(step).is_some_and(|node| matches!(node.step.process, Process::Wait(_)));
        if !is_wait || !matches!(self.active(step).map(|a| &a.phase), Some(Phase::Evaluating)) {
            return Err(format!("step {step} does not wait"));
        }
        if signal.is_some() {
            let place = self.find(step)?;
            self.listening.insert(place);
        }
        self.set_phase(step, Phase::Waiting { until, signal, tried: 0 })
    }

    pub(super) fn signal_matched(&mut self, step: &StepPath, signal: u64, holds: bool) -> Fold {
        let name = self.signals.get(&signal).ok_or_else(|| format!("signal {signal} is not there"))?.clone();
        match &mut self.active_mut(step)?.phase {
            Phase::Waiting { signal: Some(wanted), tried, .. } if *wanted == name && *tried < signal => {
                *tried = signal;
            }
            _ => return Err(format!("step {step} does not wait for {name}")),
        }
        if !holds {
            return self.refresh_step(step);
        }
        self.signals.remove(&signal);
        let output = Output::Ref(ValueRef { run: self.run, seq: signal });
        self.set_phase(step, Phase::Done { outcome: Outcome::OK.into(), output })?;
        self.refresh_listeners(&name);
        Ok(())
    }

    pub(super) fn child_started(&mut self, step: &StepPath, run: RunId) -> Fold {
        let deadline = match self.active(step).map(|active| &active.phase) {
            Some(Phase::Working { deadline }) => *deadline,
            _ => return Err(format!("step {step} does not start a run")),
        };
        self.children.insert(run, step.clone());
        self.set_phase(step, Phase::Child { run, deadline })
    }

    pub(super) fn child_ended(&mut self, step: &StepPath, run: RunId, status: RunStatus, output: &Output) -> Fold {
        if self.children.get(&run) != Some(step) {
            return Err(format!("run {run} is no child of step {step}"));
        }
        if !status.is_end() {
            return Err(format!("run {run} has not ended"));
        }
        self.children.remove(&run);
        if !matches!(self.active(step).map(|a| &a.phase), Some(Phase::Child { run: child, .. }) if *child == run) {
            // The step has timed out; its run was being cancelled.
            return Ok(());
        }
        match status {
            RunStatus::Completed => {
                self.set_phase(step, Phase::Done { outcome: Outcome::OK.into(), output: output.clone() })
            }
            RunStatus::Failed => self.fail(step, Failure::retry("child_failed", format!("run {run} failed"))),
            _ => self.fail(step, Failure::give_up("child_cancelled", format!("run {run} was cancelled"))),
        }
    }
}
