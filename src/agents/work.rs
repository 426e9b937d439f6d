//! Drives a turn: every model reply and every tool call goes through the engine's gate, which journals it, so that
//! an attempt that is resumed or retried is given what was paid for already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::talk::{self, Talk};
use super::turn::{Action, CallResult, OutOfTurn, Turn, TurnLimits};
use super::{Assignment, Company, Role};
use crate::engine::gate::{Call, CallError, Gate};
use crate::engine::port::Stop;
use crate::model::{Account, Asker, Model, ModelError, Reply, Request, ToolCall, Trouble};
use crate::run::event::stuck;
use crate::run::{Category, Failure, Hop};
use crate::tools::{Caller, NOTE, ToolError, Tools};
use crate::workflow::{CallEffect, Effect};

/// How often a result that is not what was asked for is sent back to the model.
pub const REPAIRS: u32 = 2;

/// How many calls of one reply are made at once if all of them leave the world as it was.
const READS_AT_ONCE: usize = 4;

/// Carries out an assignment as its role does: within the role's limits, until it is cancelled or the company stops.
///
/// # Errors
/// [`Stop`]: it failed, took too long, was cancelled, or is parked by the gate.
pub(super) async fn carry_out(
    assignment: &Assignment,
    role: &Role,
    limits: TurnLimits,
    model: &dyn Model,
    tools: &Tools,
    company: Option<Company>,
    stopping: &CancellationToken,
) -> Result<Value, Stop> {
    let talk = company.map(|company| Talk::new(company, role, assignment));
    let mut offered = tools.specs(&role.tools);
    offered.extend(talk.iter().flat_map(Talk::specs));
    let opening = assignment.opening(&role.prompt, offered);
    let turn = Turn::new(opening, limits);
    let caller = Caller { run: assignment.run, step: assignment.step.clone(), agent: Some(role.name.clone()) };
    let hands = Hands { tools, gate: &assignment.gate, caller: &caller, talk: talk.as_ref() };
    let work = drive(turn, model, hands);
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
pub(crate) async fn drive(mut turn: Turn, model: &dyn Model, hands: Hands<'_>) -> Result<Value, Stop> {
    let mut rounds = 0;
    loop {
        match turn.next() {
            Action::CallModel(request) => {
                let reply = ask(model, &request, hands.gate).await?;
                turn.on_reply(reply).map_err(driver_is_wrong)?;
            }
            Action::CallTools(calls) => {
                let results = hands.make_all(calls).await?;
                turn.on_results(results).map_err(driver_is_wrong)?;
            }
            Action::Done(value) => match hands.review(&value, &mut rounds).await? {
                None => return Ok(value),
                Some(reasons) => turn.on_objection(&reasons).map_err(driver_is_wrong)?,
            },
            Action::Fail(failure) => return Err(failure.into()),
        }
    }
}

/// What a turn's actions are carried out with.
#[derive(Clone, Copy)]
pub(crate) struct Hands<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) gate: &'a Gate,
    pub(crate) caller: &'a Caller,
    /// The way to other roles; `None` where there is no company.
    pub(super) talk: Option<&'a Talk<'a>>,
}

impl<'a> Hands<'a> {
    /// Without colleagues.
    pub(crate) fn alone(tools: &'a Tools, gate: &'a Gate, caller: &'a Caller) -> Self {
        Self { tools, gate, caller, talk: None }
    }

    /// Has finished work reviewed, if its role says so: `None` if it can go out, else why not.
    async fn review(self, work: &Value, rounds: &mut u32) -> Result<Option<Vec<String>>, Stop> {
        let Some((talk, review)) = self.talk.and_then(|talk| Some((talk, talk.role.review.as_ref()?))) else {
            return Ok(None);
        };
        if talk.assignment.depth > 0 {
            return Ok(None);
        }
        let verdict = talk.review(&review.by, *rounds, work).await?;
        if verdict.accepted {
            return Ok(None);
        }
        *rounds += 1;
        if *rounds > review.rounds {
            return Err(not_accepted(&review.by, &verdict.reasons).into());
        }
        Ok(Some(verdict.reasons))
    }

    /// The calls of one reply: at once if all of them leave the world as it was, else one after the other.
    async fn make_all(self, calls: Vec<ToolCall>) -> Result<Vec<CallResult>, Stop> {
        let changes = |call: &ToolCall| {
            self.tools.effect(&call.name, &call.arguments).is_ok_and(|effect| effect.effect.changes_the_world())
        };
        let at_once = if calls.iter().any(changes) { 1 } else { READS_AT_ONCE };
        stream::iter(calls).map(|call| self.make(call)).buffered(at_once).try_collect().await
    }

    /// One call. What goes wrong with the call itself is told to the model, which may find another way; what goes wrong
    /// with recording it stops the attempt.
    async fn make(self, call: ToolCall) -> Result<CallResult, Stop> {
        let Self { gate, caller, talk, .. } = self;
        if let Some(talk) = talk.filter(|_| talk::is_talk(&call.name)) {
            return Ok(match talk.call(&call).await? {
                Ok(result) => CallResult { call: call.id, result },
                Err(why) => CallResult::error(&call.id, &why),
            });
        }
        let made = match talk.filter(|_| call.name == NOTE) {
            Some(talk) => talk.note(self, call.arguments).await?,
            None => self.perform(gate, caller, &call.name, call.arguments).await?,
        };
        Ok(match made {
            Ok(result) => CallResult { call: call.id, result },
            Err(why) => CallResult::error(&call.id, &why),
        })
    }

    /// One call of a tool, for `caller`, through `gate`. The inner error is for the model.
    pub(super) async fn perform(
        self,
        gate: &Gate,
        caller: &Caller,
        tool: &str,
        arguments: Value,
    ) -> Result<Result<Value, String>, Stop> {
        let effect = match self.tools.effect(tool, &arguments) {
            Ok(effect) => effect,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let made = AtomicBool::new(false);
        let wanted = Call::new(tool, effect, arguments.clone());
        let result = gate
            .call(wanted, |permit| {
                made.store(true, Ordering::Relaxed);
                async { self.tools.call(tool, arguments, permit, caller).await.map_err(call_error) }
            })
            .await;
        match result {
            Ok(result) => Ok(Ok(result)),
            Err(Stop::Failed(failure)) if is_for_the_model(&failure, made.load(Ordering::Relaxed)) => {
                Ok(Err(failure.message))
            }
            Err(stop) => Err(stop),
        }
    }
}

/// One exchange with a model, or what it came to when it was made before.
async fn ask(model: &dyn Model, request: &Request, gate: &Gate) -> Result<Reply, Stop> {
    let arguments = serde_json::to_value(request).map_err(|error| bad_record(&error))?;
    let call = Call::new(format!("model:{}", model.name()), CallEffect::of(Effect::Read), arguments);
    let reply = gate
        .call(call, |permit| async move {
            let call = permit.idempotency_key().to_owned();
            let asker = Attempt { gate, account: Account { run: gate.run(), step: gate.step().clone(), call } };
            let reply = model.reply_to(request, &asker).await;
            let reply = reply.map_err(|error| CallError::Failed(model_failure(&error)))?;
            serde_json::to_value(reply).map_err(|error| CallError::Failed(bad_record(&error)))
        })
        .await?;
    serde_json::from_value(reply).map_err(|error| bad_record(&error).into())
}

/// An attempt, as it asks a model.
struct Attempt<'a> {
    gate: &'a Gate,
    account: Account,
}

#[async_trait]
impl Asker for Attempt<'_> {
    fn account(&self) -> Option<&Account> {
        Some(&self.account)
    }

    async fn hopped(&self, hop: Hop) {
        // An attempt that is over learns of that when it records the reply.
        let _ = self.gate.hopped(hop).await;
    }
}

/// Whether a failed call is the model's to deal with: it was refused or failed for good, or it was made and failed.
fn is_for_the_model(failure: &Failure, made: bool) -> bool {
    match failure.category {
        Category::GiveUp => true,
        Category::Retry => made,
        Category::Cancelled | Category::Ask => false,
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
    let code = match error.trouble {
        Trouble::Busy => "model_busy",
        Trouble::Unavailable => "model_unavailable",
        Trouble::TimedOut => "model_timed_out",
        Trouble::Malformed => "model_malformed",
        Trouble::Truncated => "model_truncated",
        Trouble::Refused => "model_refused",
        Trouble::TooLong => "model_too_long",
        Trouble::Rejected => "model_rejected",
        Trouble::Spent(scope) => {
            return Failure::ask(format!("{}{}", scope.as_str(), stuck::BUDGET), &error.message);
        }
    };
    if error.may_go_better() { Failure::retry(code, &error.message) } else { Failure::give_up(code, &error.message) }
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

fn not_accepted(by: &str, reasons: &[String]) -> Failure {
    let reasons = if reasons.is_empty() { "no reason is given".to_owned() } else { reasons.join("; ") };
    Failure::give_up("not_accepted", format!("the role `{by}` does not accept the work to the end: {reasons}"))
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
