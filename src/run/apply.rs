//! Folding events: the one place where a run's state changes.
//!
//! Total: an event that cannot follow from the state is an [`Illegal`] error and changes nothing.

mod attempt;
mod call;
mod nested;

use super::frontier::Fold;
use super::state::{CallStatus, Life, Timer};
use super::{Recorded, RunEvent, RunState, RunStatus, ScopePath, ValueRef};
use crate::clock::Timestamp;
use crate::workflow::ListId;

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
