//! Folding events: the one place where a run's state changes.
//!
//! Total: an event that cannot follow from the state is an [`Illegal`] error and changes nothing.

use super::event::{stuck, unknown};
use super::frontier::Fold;
use super::state::{
    Active, Attention, CallState, CallStatus, Each, Life, Loop, LoopStage, OpenQuestion, Phase, Slot, Timer,
};
use super::{
    CallKey, Category, Failure, Message, Output, Question, QuestionKind, Recorded, RunEvent, RunState, RunStatus,
    ScopePath, StepPath, ValueRef,
};
use crate::clock::Timestamp;
use crate::workflow::{CallEffect, Condition, Effect, ListId, OnError, Outcome, Process};

/// An event that cannot follow from the state: the list is damaged, or was written by something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} ({kind}) cannot follow: {reason}")]
pub struct Illegal {
    /// The event's number.
    pub seq: u64,
    /// The event's name.
    pub kind: &'static str,
    /// Why not.
    pub reason: String,
}

impl RunState {
    /// Folds the next event.
    ///
    /// # Errors
    /// [`Illegal`] if the event cannot follow; the state is then as it was.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), Illegal> {
        let fold = if recorded.seq == self.seq + 1 {
            self.fold(recorded)
        } else {
            Err(format!("the last event is number {}", self.seq))
        };
        match fold {
            Ok(()) => {
                self.seq = recorded.seq;
                Ok(())
            }
            Err(reason) => Err(Illegal { seq: recorded.seq, kind: recorded.event.kind(), reason }),
        }
    }

    fn fold(&mut self, recorded: &Recorded) -> Fold {
        let here = ValueRef { run: self.run, seq: recorded.seq };
        match (&self.life, &recorded.event) {
            (Life::Unborn, RunEvent::Created { depth, deadline, .. }) => {
                self.created(*depth, *deadline);
                return Ok(());
            }
            (Life::Unborn, _) => return Err("the run has not been created".into()),
            (_, RunEvent::Created { .. }) => return Err("the run has been created already".into()),
            (Life::Ended(status), _) => return Err(format!("the run has ended ({status})")),
            _ => {}
        }
        match &recorded.event {
            RunEvent::Created { .. } => Ok(()),
            RunEvent::Reused { step, outcome, output } => self.reused(step, outcome, *output),
            RunEvent::Skipped { step } => self.skipped(step),
            RunEvent::Started { step, attempt, deadline } => self.started(step, *attempt, *deadline),
            RunEvent::Resumed { step, attempt } => self.resumed(step, *attempt),
            RunEvent::Ended { step, outcome, output } => self.ended(step, outcome, output, here),
            RunEvent::Failed { step, attempt, failure } => self.failed(step, *attempt, failure),
            RunEvent::RetryScheduled { step, attempt, at } => self.retry_scheduled(step, *attempt, *at),
            RunEvent::GaveUp { step, failure } => self.gave_up(step, failure, here),
            RunEvent::CallIntended { step, key, tool, effect, .. } => {
                self.call(step, key, tool, Some(*effect), CallStatus::Intended)
            }
            RunEvent::CallReturned { step, key, tool, .. } => {
                self.call(step, key, tool, None, CallStatus::Returned(here))
            }
            RunEvent::CallFailed { step, key, tool, .. } => self.call(step, key, tool, None, CallStatus::Failed),
            RunEvent::CallRepeated { step, key, tool } => self.call(step, key, tool, None, CallStatus::Intended),
            RunEvent::CallUnknown { step, key, tool, failure } => self.call_unknown(step, key, tool, failure),
            RunEvent::Said { step, message } => self.said(step, message),
            RunEvent::ModelHopped { step, .. } => self.hopped(step),
            RunEvent::Asked { question } => self.asked(question),
            RunEvent::Answered { question, choice, form, .. } => {
                self.answered(question, choice, form.as_ref().map(|_| here), here)
            }
            RunEvent::Expanded { step, count, .. } => self.expanded(step, *count, here),
            RunEvent::BodyOpened { step, index } => self.body_opened(step, *index),
            RunEvent::BodyEnded { step, index, value, failure } => {
                self.body_ended(step, *index, *value, failure.as_ref())
            }
            RunEvent::Tested { step, index, holds } => self.tested(step, *index, *holds),
            RunEvent::Waiting { step, until, signal } => self.waiting(step, *until, signal.clone()),
            RunEvent::SignalCame { name, .. } => {
                self.signals.insert(recorded.seq, name.clone());
                self.refresh_listeners(name);
                Ok(())
            }
            RunEvent::SignalMatched { step, signal, holds } => self.signal_matched(step, *signal, *holds),
            RunEvent::ChildStarted { step, run } => self.child_started(step, *run),
            RunEvent::ChildEnded { step, run, status, output } => self.child_ended(step, *run, *status, output),
            RunEvent::CancelRequested { reason } => {
                if self.life != Life::Live {
                    return Err("the run is being cancelled already".into());
                }
                self.life = Life::Cancelling { reason: reason.clone() };
                Ok(())
            }
            RunEvent::Completed { .. } => self.finish(RunStatus::Completed),
            RunEvent::RunFailed { .. } => self.finish(RunStatus::Failed),
            RunEvent::Cancelled { .. } => {
                if !matches!(self.life, Life::Cancelling { .. }) {
                    return Err("nobody asked for it to be cancelled".into());
                }
                if !self.working.is_empty() || !self.children.is_empty() {
                    return Err("something is still in flight".into());
                }
                self.end(RunStatus::Cancelled);
                Ok(())
            }
        }
    }

    fn created(&mut self, depth: u8, deadline: Option<Timestamp>) {
        self.life = Life::Live;
        self.depth = depth;
        self.deadline = deadline;
        if let Some(at) = deadline {
            self.timers.insert((at, Timer::RunDeadline));
        }
        self.open_scope(ScopePath::root(), ListId::ROOT);
    }

    fn reused(&mut self, step: &StepPath, outcome: &Outcome, output: Option<ValueRef>) -> Fold {
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

    fn skipped(&mut self, step: &StepPath) -> Fold {
        let (scope, index) = self.find(step)?;
        match self.slot(&scope, index) {
            Some(Slot::Doomed) => {
                self.leave(&scope, index, Slot::Skipped);
                Ok(())
            }
            _ => Err(format!("step {step} can still run")),
        }
    }

    fn started(&mut self, step: &StepPath, attempt: u32, deadline: Option<Timestamp>) -> Fold {
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

    fn resumed(&mut self, step: &StepPath, attempt: u32) -> Fold {
        self.expect_working(step, attempt)?;
        if self.active(step).is_some_and(|active| active.calls.values().any(CallState::is_unresolved)) {
            self.set_phase(step, Phase::Failing(Failure::retry("interrupted", "the process stopped during a call")))?;
        }
        Ok(())
    }

    fn ended(&mut self, step: &StepPath, outcome: &Outcome, output: &Output, here: ValueRef) -> Fold {
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

    fn failed(&mut self, step: &StepPath, attempt: u32, failure: &Failure) -> Fold {
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
            Phase::Loop(state) if state.stage == LoopStage::Test => final_failure(failure),
            Phase::Each(each) if each.open == 0 => final_failure(failure),
            _ => return Err(format!("step {step} is not being worked on")),
        };
        self.fail(step, failure)
    }

    /// The attempt is over: one more against `retry`, unless a person decides what follows.
    fn fail(&mut self, step: &StepPath, failure: Failure) -> Fold {
        if failure.category != Category::Ask {
            self.active_mut(step)?.failures += 1;
        }
        self.set_phase(step, Phase::Failing(failure))
    }

    fn retry_scheduled(&mut self, step: &StepPath, attempt: u32, at: Timestamp) -> Fold {
        let active = self.active(step).ok_or_else(|| format!("step {step} has not started"))?;
        if !matches!(active.phase, Phase::Failing(_)) || attempt != active.attempt + 1 {
            return Err(format!("attempt {attempt} of step {step} is not the next"));
        }
        self.set_phase(step, Phase::Backoff { until: at })
    }

    fn gave_up(&mut self, step: &StepPath, failure: &Failure, here: ValueRef) -> Fold {
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

    fn call(
        &mut self,
        step: &StepPath,
        key: &CallKey,
        tool: &str,
        effect: Option<CallEffect>,
        status: CallStatus,
    ) -> Fold {
        let active = self.active_mut(step)?;
        if !matches!(active.phase, Phase::Working { .. }) {
            return Err(format!("step {step} is not being worked on"));
        }
        let call = active.calls.entry(key.clone()).or_insert_with(|| CallState {
            tool: tool.to_owned(),
            effect: CallEffect::of(Effect::Read),
            status: status.clone(),
        });
        call.effect = effect.unwrap_or(call.effect);
        call.status = status;
        Ok(())
    }

    fn call_unknown(&mut self, step: &StepPath, key: &CallKey, tool: &str, failure: &Failure) -> Fold {
        self.call(step, key, tool, None, CallStatus::Unknown)?;
        if self.active(step).is_some_and(|active| active.calls.values().any(CallState::is_unresolved)) {
            self.set_phase(step, Phase::Failing(Failure { category: Category::Retry, ..failure.clone() }))?;
        }
        Ok(())
    }

    fn said(&mut self, step: &StepPath, message: &Message) -> Fold {
        let active = self.active_mut(step)?;
        if !matches!(active.phase, Phase::Working { .. }) {
            return Err(format!("step {step} is not being worked on"));
        }
        if !active.said.insert(message.id.clone()) {
            return Err(format!("message {} was said before", message.id));
        }
        Ok(())
    }

    /// Told for whoever watches: nothing follows from it.
    fn hopped(&self, step: &StepPath) -> Fold {
        match self.active(step).map(|active| &active.phase) {
            Some(Phase::Working { .. }) => Ok(()),
            _ => Err(format!("step {step} is not being worked on")),
        }
    }

    fn asked(&mut self, question: &Question) -> Fold {
        if self.questions.contains_key(&question.id) {
            return Err(format!("question {} is open already", question.id));
        }
        let active = self.active(&question.step).ok_or_else(|| format!("step {} has not started", question.step))?;
        match (&question.kind, &active.phase) {
            (QuestionKind::Human, Phase::Evaluating)
            | (QuestionKind::Unknown { .. } | QuestionKind::Stuck { .. }, Phase::Failing(_))
            | (QuestionKind::Approval { .. }, Phase::Working { .. }) => {}
            _ => return Err(format!("step {} has nothing to ask", question.step)),
        }
        self.questions.insert(
            question.id.clone(),
            OpenQuestion {
                step: question.step.clone(),
                kind: question.kind.clone(),
                choices: question.choices.clone(),
                default: question.default.clone(),
            },
        );
        self.set_phase(
            &question.step,
            Phase::Parked {
                question: question.id.clone(),
                // Without a default there is nothing that the clock could decide.
                deadline: question.deadline.filter(|_| question.default.is_some()),
            },
        )
    }

    fn answered(&mut self, id: &str, choice: &Outcome, form: Option<ValueRef>, here: ValueRef) -> Fold {
        let open = self.questions.get(id).ok_or_else(|| format!("no open question {id}"))?.clone();
        if !open.choices.contains(choice) {
            return Err(format!("{choice} is not a choice of question {id}"));
        }
        self.questions.remove(id);
        let step = &open.step;
        match open.kind {
            QuestionKind::Human => {
                let output = form.map_or(Output::Nothing, Output::Ref);
                self.set_phase(step, Phase::Done { outcome: choice.clone(), output })
            }
            QuestionKind::Approval { call } => {
                let approved = choice.as_str() == Outcome::APPROVED;
                let status = if approved { CallStatus::Approved } else { CallStatus::Forbidden };
                self.settle_call(step, &call, status)?;
                self.set_phase(step, Phase::Resuming)
            }
            QuestionKind::Stuck { failure } => {
                let again = choice.as_str() != stuck::FAIL;
                let active = self.active_mut(step)?;
                active.urged = again.then_some(active.attempt + 1);
                self.set_phase(step, if again { Phase::Resuming } else { Phase::Failing(final_failure(&failure)) })
            }
            QuestionKind::Unknown { call } => {
                let status = match choice.as_str() {
                    unknown::HAPPENED => CallStatus::Returned(here),
                    unknown::REPEAT => CallStatus::Repeatable,
                    _ => CallStatus::Failed,
                };
                let failed = status == CallStatus::Failed;
                self.settle_call(step, &call, status)?;
                let open_call = self.active_mut(step)?.calls.values().any(CallState::is_unresolved);
                let phase = if failed {
                    Phase::Failing(Failure::give_up(
                        "effect_unknown",
                        format!("a call's result is not known, and the answer was to {choice}"),
                    ))
                } else if open_call {
                    Phase::Failing(Failure::retry("effect_unknown", "another call's result is not known"))
                } else {
                    Phase::Resuming
                };
                self.set_phase(step, phase)
            }
        }
    }

    fn settle_call(&mut self, step: &StepPath, key: &CallKey, status: CallStatus) -> Fold {
        let calls = &mut self.active_mut(step)?.calls;
        let call = calls.entry(key.clone()).or_insert_with(|| CallState {
            tool: String::new(),
            // What it does is told by its intent; without one it leaves the world as it was.
            effect: CallEffect::of(Effect::Read),
            status: status.clone(),
        });
        call.status = status;
        Ok(())
    }

    fn expanded(&mut self, step: &StepPath, count: u64, here: ValueRef) -> Fold {
        let is_for_each = self.node(step).is_some_and(|node| matches!(node.step.process, Process::ForEach(_)));
        if !is_for_each || !matches!(self.active(step).map(|a| &a.phase), Some(Phase::Evaluating)) {
            return Err(format!("step {step} expects no items"));
        }
        self.set_phase(step, Phase::Each(Each { count, next: 0, open: 0, stopped: None, items: here }))
    }

    fn body_opened(&mut self, step: &StepPath, index: u64) -> Fold {
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

    fn body_ended(&mut self, step: &StepPath, index: u64, value: Option<ValueRef>, failure: Option<&Failure>) -> Fold {
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

    fn tested(&mut self, step: &StepPath, index: u64, holds: bool) -> Fold {
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

    fn waiting(&mut self, step: &StepPath, until: Option<Timestamp>, signal: Option<String>) -> Fold {
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

    fn signal_matched(&mut self, step: &StepPath, signal: u64, holds: bool) -> Fold {
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

    fn child_started(&mut self, step: &StepPath, run: super::RunId) -> Fold {
        let deadline = match self.active(step).map(|active| &active.phase) {
            Some(Phase::Working { deadline }) => *deadline,
            _ => return Err(format!("step {step} does not start a run")),
        };
        self.children.insert(run, step.clone());
        self.set_phase(step, Phase::Child { run, deadline })
    }

    fn child_ended(&mut self, step: &StepPath, run: super::RunId, status: RunStatus, output: &Output) -> Fold {
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

    fn finish(&mut self, status: RunStatus) -> Fold {
        if self.life != Life::Live {
            return Err("the run is being cancelled".into());
        }
        if self.scopes.get(&ScopePath::root()).is_none_or(|root| root.open > 0) {
            return Err("some steps have not ended".into());
        }
        self.end(status);
        Ok(())
    }

    /// Nothing will happen any more: drop all but what a reader may ask for.
    fn end(&mut self, status: RunStatus) {
        self.life = Life::Ended(status);
        self.attention.clear();
        self.timers.clear();
        self.working.clear();
        self.children.clear();
        self.listening.clear();
        self.questions.clear();
        self.signals.clear();
    }
}

/// The same failure, after which nothing is tried again.
fn final_failure(failure: &Failure) -> Failure {
    Failure { category: Category::GiveUp, ..failure.clone() }
}
