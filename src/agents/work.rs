//! Drives a turn: every model reply and every tool call goes through the engine's gate, which journals it, so that
//! an attempt that is resumed or retried is given what was paid for already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::turn::{Action, CallResult, OutOfTurn, Turn, TurnLimits};
use super::{Assignment, Role};
use crate::engine::gate::{Call, CallError, Gate};
use crate::engine::port::Stop;
use crate::model::{Model, ModelError, Reply, Request, ToolCall};
use crate::run::{Category, Failure};
use crate::tools::{Caller, ToolError, Tools};
use crate::workflow::{CallEffect, Effect};

/// How often a result that is not what was asked for is sent back to the model.
pub const REPAIRS: u32 = 2;

/// How many calls of one reply are made at once if all of them leave the world as it was.
const READS_AT_ONCE: usize = 4;

/// Carries out an assignment as its role does: within the role's limits, until it is cancelled or the company stops.
///
/// # Errors
/// [`Stop`]: it failed, took too long, was cancelled, or is parked by the gate.
pub async fn carry_out(
    assignment: &Assignment,
    role: &Role,
    model: &dyn Model,
    tools: &Tools,
    stopping: &CancellationToken,
) -> Result<Value, Stop> {
    let opening = assignment.opening(&role.prompt, tools.specs(&role.tools));
    let turn = Turn::new(opening, TurnLimits { exchanges: role.limits.turns, repairs: REPAIRS });
    let caller = Caller { run: assignment.run, step: assignment.step.clone(), agent: Some(role.name.clone()) };
    let work = drive(turn, model, tools, &assignment.gate, &caller);
    tokio::select! {
        biased;
        () = assignment.cancel.cancelled() => Err(cancelled().into()),
        () = stopping.cancelled() => Err(company_stopping().into()),
        result = tokio::time::timeout(role.limits.timeout, work) =>
            result.unwrap_or_else(|_| Err(too_slow(&role.name, role.limits.timeout).into())),
    }
}

/// Drives a turn to its end.
///
/// # Errors
/// [`Stop`]: the turn failed, a reply or a record could not be had, or the gate parks the step.
pub async fn drive(
    mut turn: Turn,
    model: &dyn Model,
    tools: &Tools,
    gate: &Gate,
    caller: &Caller,
) -> Result<Value, Stop> {
    loop {
        match turn.next() {
            Action::CallModel(request) => {
                let reply = ask(model, &request, gate).await?;
                turn.on_reply(reply).map_err(driver_is_wrong)?;
            }
            Action::CallTools(calls) => {
                let results = make_all(calls, tools, gate, caller).await?;
                turn.on_results(results).map_err(driver_is_wrong)?;
            }
            Action::Done(value) => return Ok(value),
            Action::Fail(failure) => return Err(failure.into()),
        }
    }
}

/// One exchange with a model, or what it came to when it was made before.
async fn ask(model: &dyn Model, request: &Request, gate: &Gate) -> Result<Reply, Stop> {
    let call = Call {
        tool: format!("model:{}", model.name()),
        effect: CallEffect::of(Effect::Read),
        arguments: serde_json::to_value(request).map_err(|error| bad_record(&error))?,
    };
    let reply = gate
        .call(call, |_permit| async {
            let reply = model.reply(request).await.map_err(|error| CallError::Failed(model_failure(&error)))?;
            serde_json::to_value(reply).map_err(|error| CallError::Failed(bad_record(&error)))
        })
        .await?;
    serde_json::from_value(reply).map_err(|error| bad_record(&error).into())
}

/// The calls of one reply: at once if all of them leave the world as it was, else one after the other.
async fn make_all(calls: Vec<ToolCall>, tools: &Tools, gate: &Gate, caller: &Caller) -> Result<Vec<CallResult>, Stop> {
    let changes = |call: &ToolCall| {
        tools.effect(&call.name, &call.arguments).is_ok_and(|effect| effect.effect.changes_the_world())
    };
    let at_once = if calls.iter().any(changes) { 1 } else { READS_AT_ONCE };
    stream::iter(calls).map(|call| make(call, tools, gate, caller)).buffered(at_once).try_collect().await
}

/// One call. What goes wrong with the call itself is told to the model, which may find another way; what goes wrong
/// with recording it stops the attempt.
async fn make(call: ToolCall, tools: &Tools, gate: &Gate, caller: &Caller) -> Result<CallResult, Stop> {
    let effect = match tools.effect(&call.name, &call.arguments) {
        Ok(effect) => effect,
        Err(error) => return Ok(CallResult::error(&call.id, &error.to_string())),
    };
    let made = AtomicBool::new(false);
    let wanted = Call { tool: call.name.clone(), effect, arguments: call.arguments.clone() };
    let result = gate
        .call(wanted, |permit| {
            made.store(true, Ordering::Relaxed);
            async { tools.call(&call.name, call.arguments.clone(), permit, caller).await.map_err(call_error) }
        })
        .await;
    match result {
        Ok(result) => Ok(CallResult { call: call.id, result }),
        Err(Stop::Failed(failure)) if is_for_the_model(&failure, made.load(Ordering::Relaxed)) => {
            Ok(CallResult::error(&call.id, &failure.message))
        }
        Err(stop) => Err(stop),
    }
}

/// Whether a failed call is the model's to deal with: it was refused or failed for good, or it was made and failed.
fn is_for_the_model(failure: &Failure, made: bool) -> bool {
    match failure.category {
        Category::GiveUp => true,
        Category::Retry => made,
        Category::Cancelled => false,
    }
}

/// A tool's error as the gate takes it.
#[must_use]
pub fn call_error(error: ToolError) -> CallError {
    match error {
        ToolError::Retry { code, message } => CallError::Failed(Failure::retry(code, message)),
        ToolError::GiveUp { code, message } => CallError::Failed(Failure::give_up(code, message)),
        ToolError::Unknown { code, message } => CallError::Unknown(Failure::retry(code, message)),
    }
}

fn model_failure(error: &ModelError) -> Failure {
    match error {
        ModelError::Retry(message) => Failure::retry("model_unavailable", message),
        ModelError::GiveUp(message) => Failure::give_up("model_refused", message),
    }
}

/// The work was stopped because nobody wants it any more.
#[must_use]
pub fn cancelled() -> Failure {
    Failure {
        category: Category::Cancelled,
        code: "cancelled".to_owned(),
        message: "the attempt was cancelled".to_owned(),
    }
}

/// The work was stopped because the company stops.
pub(super) fn company_stopping() -> Failure {
    Failure {
        category: Category::Cancelled,
        code: "company_stopping".to_owned(),
        message: "the company stops; what was begun goes on when it starts again".to_owned(),
    }
}

fn too_slow(role: &str, limit: Duration) -> Failure {
    Failure::retry(
        "timeout",
        format!(
            "the agent came to no result within {}; give the role `{role}` a longer `timeout`, or the step a smaller goal",
            humantime::format_duration(limit)
        ),
    )
}

fn bad_record(error: &serde_json::Error) -> Failure {
    Failure::give_up("bad_record", format!("a model's reply cannot be recorded or read back: {error}"))
}

fn driver_is_wrong(error: OutOfTurn) -> Failure {
    Failure::give_up(
        "internal",
        format!("the turn loop is driven wrongly ({error}); this is a defect, please report it"),
    )
}
