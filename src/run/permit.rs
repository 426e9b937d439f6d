//! Leave to make one call: the pure half of the effect gate.
//!
//! A call that changes the world is made only after its intent is in the run's list of events.
//! [`Permit`]s hold that by construction: one for such a call is made from a state that shows the intent.

use super::state::{CallStatus, Phase};
use super::{CallKey, Category, Failure, RunState, StepPath, ValueRef};
use crate::workflow::{CallEffect, Effect, Outcome};

/// Leave to make one call. A tool cannot be called without one.
#[derive(Debug)]
pub struct Permit {
    key: CallKey,
    effect: CallEffect,
}

impl Permit {
    /// Leave for a call that leaves the world as it was; `None` if this one does not.
    #[must_use]
    pub fn harmless(key: &CallKey, effect: CallEffect) -> Option<Self> {
        (!effect.effect.changes_the_world()).then(|| Self { key: key.clone(), effect })
    }

    /// Leave for a call whose intent is recorded and whose attempt is still the current one.
    #[must_use]
    pub fn intended(state: &RunState, step: &StepPath, attempt: u32, key: &CallKey) -> Option<Self> {
        let call = state.active(step)?.calls.get(key)?;
        (state.is_working(step, attempt) && call.status == CallStatus::Intended)
            .then(|| Self { key: key.clone(), effect: call.effect })
    }

    /// The key under which whoever is called can tell a repeated call from a new one.
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        self.key.as_str()
    }

    /// What the call was said to do; the tool must do no more.
    #[must_use]
    pub fn effect(&self) -> CallEffect {
        self.effect
    }
}

/// What the gate lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether calls are made at all.
    pub mode: Mode,
    /// A person is asked before each call with this effect or a worse one.
    pub ask_from: Option<Effect>,
}

/// Whether calls that change the world are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Real,
    /// They are only noted.
    Simulated,
}

impl Default for Policy {
    fn default() -> Self {
        Self { mode: Mode::Real, ask_from: None }
    }
}

/// What is to be done about a call that an attempt wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It leaves the world as it was: make it.
    Make,
    /// Record the intent, then make it.
    Intend,
    /// It was begun before and its result was lost: record that it is repeated, then make it.
    Repeat,
    /// It was made before: take the result that this event carries.
    Recorded(ValueRef),
    /// Note it, and do not make it.
    Simulate,
    /// Ask a person first.
    Ask,
    /// It may not be made.
    Refuse(Failure),
}

/// Rules on a call that `attempt` of `step` wants to make.
#[must_use]
pub fn rule(
    state: &RunState,
    step: &StepPath,
    attempt: u32,
    key: &CallKey,
    effect: CallEffect,
    policy: Policy,
) -> Verdict {
    let Some(active) =
        state.active(step).filter(|active| active.attempt == attempt && matches!(active.phase, Phase::Working { .. }))
    else {
        return Verdict::Refuse(Failure {
            category: Category::Cancelled,
            code: "attempt_over".into(),
            message: format!("attempt {attempt} of step {step} is over"),
        });
    };
    let status = active.calls.get(key).map(|call| &call.status);
    match status {
        Some(CallStatus::Returned(value)) => return Verdict::Recorded(*value),
        Some(CallStatus::Forbidden) => {
            return Verdict::Refuse(Failure::give_up("refused", "a person refused this call"));
        }
        _ => {}
    }
    if !effect.effect.changes_the_world() {
        let is_asked_about = policy.mode == Mode::Real && policy.ask_from.is_some_and(|from| effect.effect >= from);
        let was_allowed = matches!(status, Some(CallStatus::Approved | CallStatus::Unknown));
        return if is_asked_about && !was_allowed { Verdict::Ask } else { Verdict::Make };
    }
    if policy.mode == Mode::Simulated {
        return Verdict::Simulate;
    }
    match status {
        Some(CallStatus::Repeatable) => Verdict::Repeat,
        Some(CallStatus::Intended | CallStatus::Unknown) if effect.may_repeat() => Verdict::Repeat,
        Some(CallStatus::Intended | CallStatus::Unknown) => {
            Verdict::Refuse(Failure::retry("effect_unknown", "this call was begun before, and its result is not known"))
        }
        Some(CallStatus::Approved) => Verdict::Intend,
        _ if policy.ask_from.is_some_and(|from| effect.effect >= from) => Verdict::Ask,
        _ => Verdict::Intend,
    }
}

/// The choices of a question whether a call may be made.
#[must_use]
pub fn approval_choices() -> Vec<Outcome> {
    vec![Outcome::APPROVED.into(), Outcome::REJECTED.into()]
}

/// For the tests of what is called, where no run stands behind the call.
#[cfg(test)]
pub(crate) mod skeleton {
    use super::{CallEffect, CallKey, Permit};

    /// Leave without an intent.
    pub(crate) fn permit(key: CallKey, effect: CallEffect) -> Permit {
        Permit { key, effect }
    }
}
