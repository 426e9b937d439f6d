//! The actor of one active run. It is disposable: another is built from the run's events at any time.
//!
//! It hears what happened, lets [`Drive`] settle it, and acts. What it knows beyond the drive is only
//! which attempts are in flight in this process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef, async_trait};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::drive::{Drive, Settled};
use super::error::EngineError;
use super::evaluate;
use super::gate::{Call, CallError, Gate, Ruling};
use super::ledger::{self, RunLedger};
use super::port::{Attempt, Job, Stop};
use super::shared::Shared;
use crate::crash;
use crate::run::{CallKey, Category, Command, Failure, Output, RunEvent, RunId, RunStatus, StepPath};
use crate::store::JournalError;
use crate::workflow::{Outcome, Process};

/// The actor of one active run.
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) run: RunId,
}

/// What a run's actor hears.
pub(super) enum Message {
    /// The run begins with these events: `Created`, and what a retry reuses.
    Create { drive: Box<Drive>, events: Vec<RunEvent>, reply: Reply },
    /// Look whether there is something to do: after a timer, at recovery, in the middle of much work.
    Go { reply: Option<Reply> },
    /// This happened outside: a signal, an answer, a wish to cancel.
    Tell { event: RunEvent, reply: Reply },
    /// A child run ended.
    ChildEnded { child: RunId },
    /// The executor is done with an attempt.
    Finished { step: StepPath, attempt: u32, result: Result<Value, Stop> },
    /// The run of a `workflow` step has been started.
    ChildStarted { step: StepPath, attempt: u32, result: Result<RunId, Failure> },
    /// An attempt wants to make a call.
    Open { step: StepPath, attempt: u32, call: Arc<Call>, key: CallKey, reply: oneshot::Sender<Result<Ruling, Stop>> },
    /// An attempt's call has ended.
    Close {
        step: StepPath,
        attempt: u32,
        call: Arc<Call>,
        key: CallKey,
        result: Result<Value, CallError>,
        reply: oneshot::Sender<Result<Value, Stop>>,
    },
    /// An agent says something at its work on an attempt.
    Say { step: StepPath, attempt: u32, message: Box<crate::run::Message>, reply: oneshot::Sender<Result<(), Stop>> },
    /// Something happened at the work on an attempt from which nothing follows.
    Note { step: StepPath, attempt: u32, event: Box<RunEvent>, reply: oneshot::Sender<Result<(), Stop>> },
}

/// Where the answer to a message goes, once all that it changed is durable.
pub(super) type Reply = oneshot::Sender<Result<(), EngineError>>;

/// What the actor holds.
#[derive(Default)]
pub(super) struct Held {
    drive: Option<Box<Drive>>,
    in_flight: HashMap<StepPath, InFlight>,
    /// The run's end has been told to the run that started it.
    ended: bool,
}

/// One attempt in flight; dropped, it is stopped at once.
struct InFlight {
    attempt: u32,
    cancel: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

#[async_trait]
impl Actor for Runner {
    type Msg = Message;
    type State = Held;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<Held, ActorProcessingErr> {
        Ok(Held::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        held: &mut Held,
    ) -> Result<(), ActorProcessingErr> {
        let more = match self.hear(message, held).await {
            Ok(more) => more,
            Err(error) => {
                tracing::error!(run = %self.run, %error, "the run cannot go on for now");
                self.shared.stall(self.run, &error);
                // The state may be ahead of what is stored: whoever asks next gets a fresh actor.
                self.shared.forget(self.run, myself.get_id());
                myself.stop(None);
                return Ok(());
            }
        };
        if more {
            self.shared.again(&myself);
        }
        let idle = held.in_flight.is_empty() && !more;
        if self.shared.handled(self.run, myself.get_id(), idle) {
            myself.stop(None);
        }
        Ok(())
    }
}

impl Runner {
    /// Acts on one message; true if there is more to do at once.
    async fn hear(&self, message: Message, held: &mut Held) -> Result<bool, EngineError> {
        if let Message::Create { drive, events, reply } = message {
            return self.create(held, *drive, events, reply).await;
        }
        let mut more = self.load(held).await?;
        let Some(drive) = held.drive.as_deref_mut() else { return Ok(false) };
        match message {
            Message::Create { .. } => {}
            Message::Go { reply } => {
                more |= self.settle(held, Vec::new()).await?;
                if let Some(reply) = reply {
                    let _ = reply.send(Ok(()));
                }
            }
            Message::Tell { event, reply } => {
                if let Err(error) = acceptable(drive, &event) {
                    let _ = reply.send(Err(error));
                } else {
                    let settled = self.settle(held, vec![event]).await;
                    more |= answer(reply, settled)?;
                }
            }
            Message::ChildEnded { child } => more |= self.child_ended(held, child).await?,
            Message::Finished { step, attempt, result } => {
                if held.in_flight.get(&step).is_some_and(|flight| flight.attempt == attempt) {
                    held.in_flight.remove(&step);
                }
                if drive.state.is_working(&step, attempt) {
                    let event = finished(drive, step, attempt, result).await?;
                    more |= self.settle(held, vec![event]).await?;
                }
            }
            Message::ChildStarted { step, attempt, result } => {
                held.in_flight.remove(&step);
                if drive.state.is_working(&step, attempt) {
                    let (event, child) = match result {
                        Ok(run) => (RunEvent::ChildStarted { step, run }, Some(run)),
                        Err(failure) => (RunEvent::Failed { step, attempt, failure }, None),
                    };
                    more |= self.settle(held, vec![event]).await?;
                    if let Some(child) = child {
                        // It may have ended before we knew it.
                        more |= self.child_ended(held, child).await?;
                    }
                }
            }
            Message::Open { step, attempt, call, key, reply } => {
                let (ruling, events) = ledger::open(drive, &step, attempt, &call, &key, self.shared.policy).await?;
                more |= self.settle(held, events).await?;
                let drive = held.drive.as_deref_mut();
                let _ = reply.send(ledger::permit(drive, ruling, &step, attempt, &call, &key));
            }
            Message::Close { step, attempt, call, key, result, reply } => {
                let (events, outcome) = ledger::close(drive, &step, attempt, &call, &key, result).await?;
                more |= self.settle(held, events).await?;
                let parked = held.drive.as_ref().is_none_or(|drive| !drive.state.is_working(&step, attempt));
                let _ = reply.send(if parked { Err(Stop::Parked) } else { outcome });
            }
            Message::Say { step, attempt, message, reply } => {
                let said = ledger::say(drive, &step, attempt, *message);
                more |= self.note(held, said, reply).await?;
            }
            Message::Note { step, attempt, event, reply } => {
                let noted = ledger::note(drive, &step, attempt, *event);
                more |= self.note(held, noted, reply).await?;
            }
        }
        Ok(more)
    }

    /// Records what an attempt tells, and answers once that is durable.
    async fn note(
        &self,
        held: &mut Held,
        told: Result<Vec<RunEvent>, Stop>,
        reply: oneshot::Sender<Result<(), Stop>>,
    ) -> Result<bool, EngineError> {
        let (more, told) = match told {
            Ok(events) => (self.settle(held, events).await?, Ok(())),
            Err(stop) => (false, Err(stop)),
        };
        let _ = reply.send(told);
        Ok(more)
    }

    async fn create(
        &self,
        held: &mut Held,
        drive: Drive,
        events: Vec<RunEvent>,
        reply: Reply,
    ) -> Result<bool, EngineError> {
        if held.drive.is_some() {
            let _ = reply.send(Err(EngineError::Journal(JournalError::Conflict { run: self.run, expected: 0 })));
            return Ok(false);
        }
        held.drive = Some(Box::new(drive));
        match self.settle(held, events).await {
            Err(EngineError::Journal(error @ JournalError::Conflict { .. })) => {
                held.drive = None;
                let _ = reply.send(Err(error.into()));
                Ok(false)
            }
            settled => answer(reply, settled),
        }
    }

    /// Builds the drive from the run's events, and takes up what was in flight when the last process stopped.
    async fn load(&self, held: &mut Held) -> Result<bool, EngineError> {
        if held.drive.is_some() {
            return Ok(false);
        }
        let _turn = self.shared.loading().await?;
        let mut drive = self.shared.load(self.run).await?;
        let settled = drive.recover().await?;
        let children: Vec<RunId> = drive.state.children().map(|(run, _)| run).collect();
        held.drive = Some(Box::new(drive));
        let mut more = self.act(held, settled).await?;
        for child in children {
            more |= self.child_ended(held, child).await?;
        }
        Ok(more)
    }

    /// Records what happened and what follows, waits until it is durable, and acts.
    async fn settle(&self, held: &mut Held, happened: Vec<RunEvent>) -> Result<bool, EngineError> {
        let Some(drive) = held.drive.as_deref_mut() else { return Ok(false) };
        let settled = match drive.settle(happened).await {
            Err(EngineError::Journal(error)) if is_passing(&error) => {
                tracing::warn!(run = %self.run, %error, "waiting for the journal");
                self.commit_again(drive, error).await?
            }
            settled => settled?,
        };
        self.act(held, settled).await
    }

    /// What could not be stored is tried again for a while; nothing is acknowledged meanwhile.
    async fn commit_again(&self, drive: &mut Drive, mut last: JournalError) -> Result<Settled, EngineError> {
        let mut pause = Duration::from_millis(50);
        let end = tokio::time::Instant::now() + self.shared.limits.storage_patience;
        while tokio::time::Instant::now() + pause < end {
            tokio::time::sleep(pause).await;
            match drive.commit().await {
                Ok(()) => return Ok(drive.take_acts()),
                Err(EngineError::Journal(error)) if is_passing(&error) => last = error,
                Err(error) => return Err(error),
            }
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        Err(last.into())
    }

    async fn act(&self, held: &mut Held, settled: Settled) -> Result<bool, EngineError> {
        let mut more = settled.more;
        for command in settled.acts {
            match command {
                Command::Perform { step, attempt } => more |= self.perform(held, step, attempt).await?,
                Command::Abort { step } => {
                    if let Some(flight) = held.in_flight.get(&step) {
                        flight.cancel.cancel();
                    }
                }
                Command::CancelChild { run } => self.shared.cancel_child(run),
                Command::Record(_) | Command::Evaluate(_) => {}
            }
        }
        if let Some(drive) = held.drive.as_deref_mut() {
            self.shared.publish(self.run, drive).await;
            if drive.state.status().is_end() && !held.ended {
                held.ended = true;
                self.shared.tell_parent(self.run, drive);
            }
        }
        Ok(more)
    }

    /// Has an attempt carried out; true if there is more to decide because it could not even begin.
    async fn perform(&self, held: &mut Held, step: StepPath, attempt: u32) -> Result<bool, EngineError> {
        let Some(drive) = held.drive.as_deref_mut() else { return Ok(false) };
        if !drive.state.is_working(&step, attempt) || self.shared.is_stopping() {
            return Ok(false);
        }
        let Some(node) = drive.state.node(&step) else { return Ok(false) };
        let definition = node.step.clone();
        let cancel = CancellationToken::new();
        let task = if let Process::Workflow { workflow, .. } = &definition.process {
            match evaluate::child_inputs(drive, &step).await? {
                Ok(inputs) => self.shared.start_child(drive, step.clone(), attempt, workflow.clone(), inputs),
                Err(failure) => return self.failed_to_begin(held, step, attempt, failure).await,
            }
        } else {
            match evaluate::job(drive, &step).await? {
                Ok((job, input)) => {
                    let single = !matches!(job, Job::Agent { .. });
                    let ledger = RunLedger::new(self.shared.clone(), self.run, step.clone(), attempt, single);
                    let gate = Gate::new(self.run, step.clone(), Arc::new(ledger));
                    let output = definition.output.clone();
                    let cancel = cancel.clone();
                    self.carry_out(Attempt {
                        run: self.run,
                        step: step.clone(),
                        number: attempt,
                        urged: drive.state.is_urged(&step, attempt),
                        job,
                        input,
                        output,
                        gate,
                        cancel,
                    })
                }
                Err(failure) => return self.failed_to_begin(held, step, attempt, failure).await,
            }
        };
        held.in_flight.insert(step, InFlight { attempt, cancel, _task: task });
        Ok(false)
    }

    async fn failed_to_begin(
        &self,
        held: &mut Held,
        step: StepPath,
        attempt: u32,
        failure: Failure,
    ) -> Result<bool, EngineError> {
        // Through the front door, so that failing is as durable as succeeding.
        Box::pin(self.settle(held, vec![RunEvent::Failed { step, attempt, failure }])).await
    }

    fn carry_out(&self, attempt: Attempt) -> AbortOnDropHandle<()> {
        let shared = self.shared.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let (run, step, number, cancel) =
                (attempt.run, attempt.step.clone(), attempt.number, attempt.cancel.clone());
            let work = async {
                let Ok(_slot) = shared.attempts.acquire().await else {
                    return Err(Stop::Failed(Failure::retry("stopping", "the engine is stopping")));
                };
                crash::point("dispatch");
                let performing = std::panic::AssertUnwindSafe(shared.executor.perform(attempt)).catch_unwind();
                performing.await.unwrap_or_else(|_| {
                    Err(Stop::Failed(Failure::retry("panicked", "the attempt panicked; this is a bug in Callboard")))
                })
            };
            let grace = shared.limits.cancel_grace;
            let result = tokio::select! {
                result = work => result,
                () = async { cancel.cancelled().await; tokio::time::sleep(grace).await } => {
                    Err(Stop::Failed(Failure::retry("stopped", "the attempt was stopped")))
                }
            };
            crash::point("result");
            shared.finished(run, Message::Finished { step, attempt: number, result });
        }))
    }

    async fn child_ended(&self, held: &mut Held, child: RunId) -> Result<bool, EngineError> {
        let Some(drive) = held.drive.as_deref_mut() else { return Ok(false) };
        let Some(step) = drive.state.children().find(|(run, _)| *run == child).map(|(_, step)| step.clone()) else {
            return Ok(false);
        };
        let Some((status, output)) = self.shared.end_of(child).await? else { return Ok(false) };
        self.settle(held, vec![RunEvent::ChildEnded { step, run: child, status, output }]).await
    }
}

/// The event that an attempt's result comes to.
async fn finished(
    drive: &Drive,
    step: StepPath,
    attempt: u32,
    result: Result<Value, Stop>,
) -> Result<RunEvent, EngineError> {
    Ok(match result {
        Ok(value) => {
            let output = Output::Value(drive.values.store(value).await?);
            RunEvent::Ended { step, outcome: Outcome::OK.into(), output }
        }
        Err(Stop::Failed(failure)) if drive.state.status() == RunStatus::Cancelling => {
            RunEvent::Failed { step, attempt, failure: Failure { category: Category::Cancelled, ..failure } }
        }
        Err(Stop::Failed(failure)) => RunEvent::Failed { step, attempt, failure },
        Err(Stop::Parked) => RunEvent::Failed {
            step,
            attempt,
            failure: Failure::give_up("internal", "the attempt says that it is parked, and no question is open"),
        },
    })
}

/// Whether the run can hear this from outside; the error says why not.
fn acceptable(drive: &Drive, event: &RunEvent) -> Result<(), EngineError> {
    let run = drive.state.run();
    let status = drive.state.status();
    if status.is_end() {
        return Err(EngineError::Ended { run, status });
    }
    match event {
        RunEvent::Answered { question, choice, form, .. } => {
            let Some((_, _, choices)) = drive.state.question(question) else {
                return Err(EngineError::NoSuchQuestion {
                    run,
                    question: question.to_string(),
                    open: drive.state.questions().map(str::to_owned).collect(),
                });
            };
            if !choices.contains(choice) {
                let choices: Vec<&str> = choices.iter().map(Outcome::as_str).collect();
                return Err(EngineError::BadAnswer(format!(
                    "question {question} cannot be answered with {choice}; choose one of {}",
                    choices.join(", ")
                )));
            }
            let _ = form;
            Ok(())
        }
        RunEvent::CancelRequested { .. } if status == RunStatus::Cancelling => {
            Err(EngineError::BadAnswer(format!("run {run} is being cancelled already")))
        }
        _ => Ok(()),
    }
}

/// Passes a settling's error to whoever asked, or tells that all is durable.
fn answer(reply: Reply, settled: Result<bool, EngineError>) -> Result<bool, EngineError> {
    match settled {
        Ok(more) => {
            let _ = reply.send(Ok(()));
            Ok(more)
        }
        Err(error) => {
            let _ = reply.send(Err(EngineError::Busy(format!("the journal ({error})"))));
            Err(error)
        }
    }
}

/// True if storing may go well again without anybody doing something to the run.
fn is_passing(error: &JournalError) -> bool {
    matches!(error, JournalError::Full { .. } | JournalError::Unavailable(_) | JournalError::Database(_))
}
