//! Drives a turn: every model reply and every tool call goes through the engine's gate, which journals it, so that
//! an attempt that is resumed or retried is given what was paid for already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::talk::{self, Talk};
use super::trust::{self, Wanted};
use super::turn::{Action, CallResult, OutOfTurn, Turn, TurnLimits};
use super::{Assignment, Company, Role};
use crate::engine::gate::{Call, CallError, Gate};
use crate::engine::port::Stop;
use crate::model::{Account, Asker, Model, ModelError, Reply, Request, ToolCall, ToolSpec, Trouble};
use crate::run::question::stuck;
use crate::run::{Category, Failure, Hop};
use crate::tools::{Caller, NOTE, Origin, READ, ToolError, Tools, is_kept};
use crate::workflow::{CallEffect, Effect, Planned};

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
    offered.extend(talk.iter().flat_map(Talk::specs).filter(|spec| tools.policy().denial(&spec.name).is_none()));
    let turn = opened(assignment, role, offered, tools, limits);
    let caller = Caller { run: assignment.run, step: assignment.step.clone(), agent: Some(role.name.clone()) };
    let hands = Hands { plan: &assignment.plan, talk: talk.as_ref(), ..Hands::alone(tools, &assignment.gate, &caller) };
    let work = drive(turn, model, hands);
    tokio::select! {
        biased;
        () = assignment.cancel.cancelled() => Err(cancelled().into()),
        () = stopping.cancelled() => Err(company_stopping().into()),
        result = tokio::time::timeout(role.limits.timeout, work) =>
            result.unwrap_or_else(|_| Err(too_slow(&role.name, role.limits.timeout).into())),
    }
}

/// The turn as it begins: what is said of a tool by others is read with the first request, as is what earlier steps said.
fn opened(assignment: &Assignment, role: &Role, offered: Vec<ToolSpec>, tools: &Tools, limits: TurnLimits) -> Turn {
    let described =
        |spec: &&ToolSpec| tools.get(&spec.name).is_some_and(|tool| tool.described_by() == Origin::Untrusted);
    let descriptions: Vec<String> =
        offered.iter().filter(described).map(|spec| format!("the description of {}", spec.name)).collect();
    let turn = Turn::new(assignment.opening(&role.prompt, offered), limits);
    assignment.hearsay.iter().chain(&descriptions).fold(turn, |turn, whose| turn.having_read(whose))
}

/// Drives a turn to its end.
///
/// # Errors
/// [`Stop`]: the turn failed, a reply or a record could not be had, or the gate parks the step.
pub(crate) async fn drive(mut turn: Turn, model: &dyn Model, hands: Hands<'_>) -> Result<Value, Stop> {
    let mut rounds = 0;
    loop {
        if let Some(talk) = hands.talk {
            talk.assignment.heard.note(turn.untrusted());
        }
        match turn.next() {
            Action::CallModel(request) => {
                let reply = ask(model, &request, hands.gate).await?;
                turn.on_reply(reply).map_err(driver_is_wrong)?;
            }
            Action::CallTools(calls) => {
                let results = hands.make_all(calls, turn.untrusted()).await?;
                let reader = results.iter().any(|result| is_kept(&result.result)).then(|| hands.tools.specs(&[READ]));
                turn.on_results(results).map_err(driver_is_wrong)?;
                reader.into_iter().flatten().for_each(|spec| turn.offer(spec));
            }
            Action::Done(value) => match hands.review(&value, &mut rounds, turn.untrusted()).await? {
                None => return Ok(value),
                Some(Objection { reasons, whose }) => {
                    turn.on_objection(&reasons, whose.as_deref()).map_err(driver_is_wrong)?;
                }
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
    /// The calls that the step's author means it to make.
    plan: &'a [Planned],
    /// The way to other roles; `None` where there is no company.
    pub(super) talk: Option<&'a Talk<'a>>,
}

/// Why finished work is not accepted.
struct Objection {
    reasons: Vec<String>,
    /// Whose words they are, if these may be anybody's.
    whose: Option<String>,
}

/// What a call came to, for the model: its result or what went wrong, and whose words that is, if these may be anybody's.
pub(super) struct Told {
    pub(super) result: Result<Value, String>,
    pub(super) untrusted: Option<String>,
}

impl Told {
    /// In words of our own.
    pub(super) fn own(result: Result<Value, String>) -> Self {
        Self { result, untrusted: None }
    }
}

impl<'a> Hands<'a> {
    /// Without colleagues and plan.
    pub(crate) fn alone(tools: &'a Tools, gate: &'a Gate, caller: &'a Caller) -> Self {
        Self { tools, gate, caller, plan: &[], talk: None }
    }

    /// Has finished work reviewed, if its role says so: `None` if it can go out, else why not.
    async fn review(self, work: &Value, rounds: &mut u32, read: &[String]) -> Result<Option<Objection>, Stop> {
        let Some((talk, review)) = self.talk.and_then(|talk| Some((talk, talk.role.review.as_ref()?))) else {
            return Ok(None);
        };
        if talk.assignment.depth > 0 {
            return Ok(None);
        }
        let (verdict, whose) = talk.review(&review.by, *rounds, work, read).await?;
        if verdict.accepted {
            return Ok(None);
        }
        *rounds += 1;
        if *rounds > review.rounds {
            return Err(not_accepted(&review.by, &verdict.reasons).into());
        }
        Ok(Some(Objection { reasons: verdict.reasons, whose }))
    }

    /// The calls of one reply: at once if all of them leave the world as it was, else one after the other.
    /// `read` is what their model had read of others when it wanted them.
    async fn make_all(self, calls: Vec<ToolCall>, read: &[String]) -> Result<Vec<CallResult>, Stop> {
        let changes = |call: &ToolCall| {
            self.tools.effect(&call.name, &call.arguments).is_ok_and(|effect| effect.effect.changes_the_world())
        };
        let at_once = if calls.iter().any(changes) { 1 } else { READS_AT_ONCE };
        stream::iter(calls).map(|call| self.make(call, read)).buffered(at_once).try_collect().await
    }

    /// One call. What goes wrong with the call itself is told to the model, which may find another way; what goes wrong
    /// with recording it stops the attempt.
    async fn make(self, call: ToolCall, read: &[String]) -> Result<CallResult, Stop> {
        let Self { gate, caller, talk, .. } = self;
        let told = match talk {
            Some(talk) if talk::is_talk(&call.name) => talk.call(&call, read).await?,
            Some(talk) if call.name == NOTE => talk.note(self, call.arguments, read).await?,
            _ => self.perform(gate, caller, &call.name, call.arguments, read).await?,
        };
        let result = match told.result {
            Ok(result) => CallResult::own(call.id, self.tools.told(result).await),
            Err(why) => CallResult::error(&call.id, &why),
        };
        Ok(CallResult { untrusted: told.untrusted, ..result })
    }

    /// One call of a tool, for `caller`, through `gate`, wanted by a model that had `read` this of others.
    pub(super) async fn perform(
        self,
        gate: &Gate,
        caller: &Caller,
        tool: &str,
        arguments: Value,
        read: &[String],
    ) -> Result<Told, Stop> {
        let effect = match self.tools.effect(tool, &arguments) {
            Ok(effect) => effect,
            Err(error) => return Ok(Told::own(Err(error.to_string()))),
        };
        let made = AtomicBool::new(false);
        let doubt = self.doubt(tool, effect, &arguments, read);
        let wanted = Call::new(tool, effect, arguments.clone()).doubted(doubt);
        let result = gate
            .call(wanted, |permit| {
                made.store(true, Ordering::Relaxed);
                async { self.tools.call(tool, arguments, permit, caller).await.map_err(call_error) }
            })
            .await;
        let made = made.load(Ordering::Relaxed);
        let whose = |origin| (origin == Origin::Untrusted).then(|| tool.to_owned());
        match result {
            Ok(result) => Ok(Told { untrusted: whose(self.tools.origin_of(tool, &result)), result: Ok(result) }),
            // What went wrong before the call was made is told in words of our own.
            Err(Stop::Failed(failure)) if is_for_the_model(&failure, made) => {
                let origin = self.tools.get(tool).filter(|_| made).map_or(Origin::Own, |tool| tool.origin());
                Ok(Told { result: Err(failure.message), untrusted: whose(origin) })
            }
            Err(stop) => Err(stop),
        }
    }

    /// Why a person must be asked before a call, if one must.
    fn doubt(self, tool: &str, effect: CallEffect, arguments: &Value, read: &[String]) -> Option<String> {
        let wanted = Wanted {
            tool,
            arguments,
            changes_the_world: effect.effect.changes_the_world(),
            is_contained: self.tools.get(tool).is_some_and(|tool| tool.is_contained()),
        };
        trust::doubt(&wanted, self.plan, read).or_else(|| self.tools.policy().doubt(tool))
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
