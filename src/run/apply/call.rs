//! What an attempt does while it goes on: calls, what is said, and what people are asked.

use crate::run::frontier::Fold;
use crate::run::question::{stuck, unknown};
use crate::run::state::{CallState, CallStatus, OpenQuestion, Phase};
use crate::run::{CallKey, Category, Failure, Message, Output, Question, QuestionKind, RunState, StepPath, ValueRef};
use crate::workflow::{CallEffect, Effect, Outcome};

impl RunState {
    pub(super) fn call(
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

    pub(super) fn call_unknown(&mut self, step: &StepPath, key: &CallKey, tool: &str, failure: &Failure) -> Fold {
        self.call(step, key, tool, None, CallStatus::Unknown)?;
        if self.active(step).is_some_and(|active| active.calls.values().any(CallState::is_unresolved)) {
            self.set_phase(step, Phase::Failing(Failure { category: Category::Retry, ..failure.clone() }))?;
        }
        Ok(())
    }

    pub(super) fn said(&mut self, step: &StepPath, message: &Message) -> Fold {
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
    pub(super) fn hopped(&self, step: &StepPath) -> Fold {
        match self.active(step).map(|active| &active.phase) {
            Some(Phase::Working { .. }) => Ok(()),
            _ => Err(format!("step {step} is not being worked on")),
        }
    }

    pub(super) fn asked(&mut self, question: &Question) -> Fold {
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

    pub(super) fn answered(&mut self, id: &str, choice: &Outcome, form: Option<ValueRef>, here: ValueRef) -> Fold {
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
                self.set_phase(step, if again { Phase::Resuming } else { Phase::Failing(failure.for_good()) })
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
}
