//! The gate's other side: what the run's actor journals of every call.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::drive::Drive;
use super::error::EngineError;
use super::gate::{Call, CallError, Ledger, Ruling};
use super::port::Stop;
use super::runner::Message;
use super::shared::Shared;
use crate::run::permit::approval_choices;
use crate::run::{
    CallKey, Failure, Hop, MessageId, Permit, Policy, Question, QuestionKind, RunEvent, RunId, StepPath, Verdict, rule,
};

/// The ledger of one attempt, in the list of its run.
pub(super) struct RunLedger {
    shared: Arc<Shared>,
    run: RunId,
    step: StepPath,
    attempt: u32,
    /// The attempt is this one call: its result is the step's, and recorded as that.
    single: bool,
}

impl RunLedger {
    pub(super) fn new(shared: Arc<Shared>, run: RunId, step: StepPath, attempt: u32, single: bool) -> Self {
        Self { shared, run, step, attempt, single }
    }

    /// True if the run's list need not know of the call: it leaves the world as it was, and its result is
    /// recorded as the step's own.
    fn is_unrecorded(&self, call: &Call) -> bool {
        let asks = call.under(self.shared.policy).ask_from.is_some_and(|from| call.effect.effect >= from);
        self.single && !asks && !call.effect.effect.changes_the_world()
    }
}

#[async_trait]
impl Ledger for RunLedger {
    async fn open(&self, call: &Arc<Call>, key: &CallKey) -> Result<Ruling, Stop> {
        if self.is_unrecorded(call)
            && let Some(permit) = Permit::harmless(key, call.effect)
        {
            return Ok(Ruling::Perform(permit));
        }
        let (reply, ruling) = oneshot::channel();
        let (step, attempt, call, key) = (self.step.clone(), self.attempt, call.clone(), key.clone());
        self.shared.finished(self.run, Message::Open { step, attempt, call, key, reply });
        ruling.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn close(&self, call: &Arc<Call>, key: &CallKey, result: Result<Value, CallError>) -> Result<Value, Stop> {
        if self.is_unrecorded(call) {
            return result.map_err(|error| match error {
                CallError::Failed(failure) | CallError::Unknown(failure) => Stop::Failed(failure),
            });
        }
        let (reply, outcome) = oneshot::channel();
        let (step, attempt, call, key) = (self.step.clone(), self.attempt, call.clone(), key.clone());
        self.shared.finished(self.run, Message::Close { step, attempt, call, key, result, reply });
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn say(&self, message: crate::run::Message) -> Result<(), Stop> {
        let (reply, said) = oneshot::channel();
        let (step, attempt) = (self.step.clone(), self.attempt);
        self.shared.finished(self.run, Message::Say { step, attempt, message: Box::new(message), reply });
        said.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn hopped(&self, hop: Hop, cause: Option<MessageId>) -> Result<(), Stop> {
        let (reply, told) = oneshot::channel();
        let event = Box::new(RunEvent::ModelHopped { step: self.step.clone(), hop, cause });
        self.shared.finished(self.run, Message::Note { step: self.step.clone(), attempt: self.attempt, event, reply });
        told.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> Stop {
    Stop::Failed(Failure::retry("interrupted", "the run's actor stopped during a call"))
}

/// What is known of a call before its intent is durable.
pub(super) enum Opened {
    Permit,
    Value(Arc<Value>, Known),
    Stop(Stop),
}

/// Where a call's value comes from if the call is not made.
pub(super) enum Known {
    Recorded,
    Simulated,
}

/// Rules on a call: what is to be recorded before it may be made.
pub(super) async fn open(
    drive: &mut Drive,
    step: &StepPath,
    attempt: u32,
    call: &Call,
    key: &CallKey,
    policy: Policy,
) -> Result<(Opened, Vec<RunEvent>), EngineError> {
    let (key, tool) = (key.clone(), call.tool.clone());
    Ok(match rule(&drive.state, step, attempt, &key, call.effect, call.under(policy)) {
        Verdict::Make => (Opened::Permit, Vec::new()),
        Verdict::Recorded(value) => (Opened::Value(drive.value(value).await?, Known::Recorded), Vec::new()),
        Verdict::Simulate => (Opened::Value(Arc::new(json!({ "simulated": tool })), Known::Simulated), Vec::new()),
        Verdict::Refuse(failure) => (Opened::Stop(Stop::Failed(failure)), Vec::new()),
        Verdict::Intend => {
            let arguments = drive.values.store(call.arguments.clone()).await?;
            let cause = call.cause().cloned();
            let intended =
                RunEvent::CallIntended { step: step.clone(), key, tool, effect: call.effect, arguments, cause };
            (Opened::Permit, vec![intended])
        }
        Verdict::Repeat => (Opened::Permit, vec![RunEvent::CallRepeated { step: step.clone(), key, tool }]),
        Verdict::Ask => {
            let Some(shown) = shown(&call.arguments) else {
                let message = format!(
                    "a person must be asked before this call of {tool}, and could not read what it is made with: that is longer \
                     than {MOST_SHOWN} bytes; do it in smaller parts"
                );
                return Ok((Opened::Stop(Stop::Failed(Failure::give_up("too_long_to_ask", message))), Vec::new()));
            };
            let doubt = call.doubt().map(|doubt| format!("\n{doubt}")).unwrap_or_default();
            let question = Question {
                id: format!("{step}:{}", &key.as_str()[..8]).into(),
                step: step.clone(),
                kind: QuestionKind::Approval { call: key },
                ask: format!("May step {step} call {tool} with {shown}?{doubt}"),
                choices: approval_choices(),
                form: None,
                to: Vec::new(),
                deadline: None,
                default: None,
            };
            (Opened::Stop(Stop::Parked), vec![RunEvent::Asked { question }])
        }
    })
}

/// The ruling, once what [`open`] had recorded is durable.
pub(super) fn permit(
    drive: Option<&mut Drive>,
    opened: Opened,
    step: &StepPath,
    attempt: u32,
    call: &Call,
    key: &CallKey,
) -> Result<Ruling, Stop> {
    match opened {
        Opened::Stop(why) => Err(why),
        Opened::Value(value, Known::Recorded) => Ok(Ruling::Recorded((*value).clone())),
        Opened::Value(value, Known::Simulated) => Ok(Ruling::Simulated((*value).clone())),
        Opened::Permit => {
            let state = &drive.ok_or_else(gone)?.state;
            Permit::harmless(key, call.effect)
                .or_else(|| Permit::intended(state, step, attempt, key))
                .map(Ruling::Perform)
                .ok_or_else(gone)
        }
    }
}

/// What is to be recorded of what an agent said: nothing if that is recorded already.
pub(super) fn say(
    drive: &Drive,
    step: &StepPath,
    attempt: u32,
    message: crate::run::Message,
) -> Result<Vec<RunEvent>, Stop> {
    if !drive.state.is_working(step, attempt) {
        return Err(gone());
    }
    let known = drive.state.was_said(step, &message.id);
    Ok(if known { Vec::new() } else { vec![RunEvent::Said { step: step.clone(), message }] })
}

/// What is to be recorded of something that happened at the work on an attempt: nothing if that is over.
pub(super) fn note(drive: &Drive, step: &StepPath, attempt: u32, event: RunEvent) -> Result<Vec<RunEvent>, Stop> {
    if drive.state.is_working(step, attempt) { Ok(vec![event]) } else { Err(gone()) }
}

/// What is to be recorded of how a call ended, and what its maker is told.
pub(super) async fn close(
    drive: &mut Drive,
    step: &StepPath,
    attempt: u32,
    call: &Call,
    key: &CallKey,
    result: Result<Value, CallError>,
) -> Result<(Vec<RunEvent>, Result<Value, Stop>), EngineError> {
    if !drive.state.is_working(step, attempt) {
        return Ok((Vec::new(), Err(gone())));
    }
    let (key, step, tool) = (key.clone(), step.clone(), call.tool.clone());
    let harmless = !call.effect.effect.changes_the_world();
    Ok(match result {
        Ok(value) => {
            let result = drive.values.store(value.clone()).await?;
            let cause = call.cause().cloned();
            (vec![RunEvent::CallReturned { step, key, tool, result, cause }], Ok(value))
        }
        Err(CallError::Failed(failure) | CallError::Unknown(failure)) if harmless => {
            (Vec::new(), Err(Stop::Failed(failure)))
        }
        Err(CallError::Failed(failure)) => {
            (vec![RunEvent::CallFailed { step, key, tool, failure: failure.clone() }], Err(Stop::Failed(failure)))
        }
        Err(CallError::Unknown(failure)) => {
            (vec![RunEvent::CallUnknown { step, key, tool, failure: failure.clone() }], Err(Stop::Failed(failure)))
        }
    })
}

/// The longest arguments that a person is shown, in bytes of JSON text.
const MOST_SHOWN: usize = 64 * 1024;

/// Arguments exactly as a call would be made with them: whole, on one line, and with nothing in them that a screen does
/// not show or shows elsewhere. `None` if that is too long to be read.
fn shown(arguments: &Value) -> Option<String> {
    let text = arguments.to_string();
    (text.len() <= MOST_SHOWN).then(|| {
        let visible = |c: char| {
            let hidden = !c.is_ascii() && c.escape_debug().len() > 1;
            if hidden { c.escape_unicode().collect::<String>() } else { c.to_string() }
        };
        text.chars().map(visible).collect()
    })
}
