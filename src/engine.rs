//! Durable runs. The kernel decides, this acts: load, fold, decide, append, then perform.
//!
//! [`Engine`] is what the rest of the program holds. Behind it, one actor an active run ([`runner`]) keeps a
//! [`drive`], which does for the engine and for [`simulate`] alike what the kernel decides. Timers are data
//! ([`timers`]); every call that touches the world passes the [`gate`].
//!
//! Knows nothing of models, tools and agents: whoever performs a step is behind [`port::Executor`].

mod drive;
pub mod error;
mod evaluate;
pub mod gate;
mod ledger;
mod list;
pub mod port;
mod retry;
mod runner;
mod shared;
pub mod simulate;
mod submit;
mod subscribe;
mod supervisor;
mod timers;
mod values;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use serde_json::Value;
use tokio::sync::oneshot;

pub use error::EngineError;
pub use submit::Submission;

use crate::clock::Clock;
use crate::run::{Failure, Output, Policy, Recorded, RunEvent, RunId, RunStatus};
use crate::store::{Journal, Workspace};
use crate::workflow::Outcome;
use port::Executor;
use runner::Message;
use shared::{Ports, Shared};
use values::Values;
use versions::Versions;

/// How much the engine does at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Runs with an actor; a run that waits for the clock or a person has none.
    pub active_runs: usize,
    /// Attempts in flight over all runs.
    pub attempts: usize,
    /// Messages from outside that wait for one run.
    pub mailbox: usize,
    /// How deep runs may start runs.
    pub depth: u8,
    /// How long an attempt that is being cancelled may take to stop by itself.
    pub cancel_grace: Duration,
    /// How long a stopping engine waits for attempts in flight.
    pub stop_grace: Duration,
    /// How long a run waits for a journal that cannot store, before it stalls.
    pub storage_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            active_runs: 50_000,
            attempts: 1_024,
            mailbox: 1_024,
            depth: 8,
            cancel_grace: Duration::from_secs(5),
            stop_grace: Duration::from_secs(10),
            storage_patience: Duration::from_secs(10),
        }
    }
}

/// What an engine is started with.
pub struct Parts {
    /// Where the runs are.
    pub workspace: Workspace,
    /// Where their events become durable: the workspace's own journal, unless a test wants another.
    pub journal: Arc<dyn Journal>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who carries out attempts.
    pub executor: Arc<dyn Executor>,
    /// How much is done at once.
    pub limits: Limits,
    /// What the gate lets pass.
    pub policy: Policy,
}

/// How a run stands or ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The run.
    pub run: RunId,
    /// How it stands.
    pub status: RunStatus,
    /// Its result, if it has completed.
    pub result: Option<Value>,
    /// Why it failed, or was cancelled.
    pub failure: Option<Failure>,
}

/// The engine: a handle that is cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    supervisor: ractor::ActorCell,
}

impl Engine {
    /// Starts the engine, and takes up every run that was in flight when the last one stopped.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the runs cannot be read.
    pub async fn start(parts: Parts) -> Result<Self, EngineError> {
        let Parts { workspace, journal, clock, executor, limits, policy } = parts;
        let (supervisor, link) = supervisor::start().await?;
        let made_of = Ports {
            journal,
            blobs: workspace.blobs().clone(),
            runs: workspace.runs(),
            versions: Versions::new(workspace.workflows()),
            clock,
            executor,
        };
        let shared = Arc::new(Shared::new(made_of, limits, policy, supervisor.clone()));
        link.set(&shared);
        for run in shared.runs.to_recover().await? {
            shared.tell(run, Message::Go { reply: None })?;
        }
        tokio::spawn(timers::serve(shared.clone()));
        Ok(Self { shared, supervisor })
    }

    /// Begins a run. It is durable on return.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with all that is wrong with the inputs, or that it cannot be stored.
    pub async fn submit(&self, submission: Submission) -> Result<RunId, EngineError> {
        submit::submit(&self.shared, submission).await
    }

    /// Waits until the run ends, or is parked with a question that nothing else can answer first.
    ///
    /// # Errors
    /// [`EngineError::Stalled`] if it cannot go on for now.
    pub async fn wait(&self, run: RunId) -> Result<Summary, EngineError> {
        self.wait_for(run, |status| status.is_end() || status == RunStatus::Parked).await
    }

    /// Waits until the run ends.
    ///
    /// # Errors
    /// [`EngineError::Stalled`] if it cannot go on for now.
    pub async fn wait_for_end(&self, run: RunId) -> Result<Summary, EngineError> {
        self.wait_for(run, RunStatus::is_end).await
    }

    async fn wait_for(&self, run: RunId, enough: fn(RunStatus) -> bool) -> Result<Summary, EngineError> {
        let mut watch = self.shared.watch(run);
        // An active run tells the watch whatever comes; of any other, all is in the store.
        if self.shared.status_of_active(run).is_none_or(enough) {
            let head = self.shared.runs.get(run).await?.ok_or(EngineError::NoSuchRun(run))?;
            if enough(head.status) {
                return self.summary(run).await;
            }
            if matches!(head.status, RunStatus::Running | RunStatus::Cancelling) {
                // It had stalled: see whether it can go on now.
                self.shared.tell(run, Message::Go { reply: None })?;
            }
        }
        loop {
            let notice = watch.next().await;
            if let Some(reason) = notice.stalled {
                return Err(EngineError::Stalled { run, reason });
            }
            match (notice.status, notice.end) {
                (_, Some(end)) => return Ok((*end).clone()),
                (Some(status), None) if enough(status) => return self.summary(run).await,
                _ => {}
            }
        }
    }

    /// How the run stands.
    ///
    /// # Errors
    /// [`EngineError::NoSuchRun`].
    pub async fn summary(&self, run: RunId) -> Result<Summary, EngineError> {
        let head = self.shared.runs.get(run).await?.ok_or(EngineError::NoSuchRun(run))?;
        let last = if head.status.is_end() { self.shared.journal.read_one(run, head.seq).await? } else { None };
        self.values().summary(run, head.status, last.map(|last| last.event).as_ref()).await
    }

    /// The run's events after number `after`: those that are there, then those that come, until its end.
    pub fn subscribe(
        &self,
        run: RunId,
        after: u64,
    ) -> impl Stream<Item = Result<Recorded, EngineError>> + Send + use<> {
        subscribe::subscribe(self.shared.clone(), run, after)
    }

    /// The value behind an event's payload.
    ///
    /// # Errors
    /// [`EngineError::Store`] if its file cannot be read.
    pub async fn value(&self, output: &Output) -> Result<Value, EngineError> {
        Ok((*self.values().output(output).await?).clone())
    }

    fn values(&self) -> Values {
        Values::new(self.shared.journal.clone(), self.shared.blobs.clone())
    }

    /// Sends the run a signal. It is kept until a step takes it, and durable on return.
    ///
    /// # Errors
    /// [`EngineError::Ended`], [`EngineError::NoSuchRun`].
    pub async fn signal(&self, run: RunId, name: &str, payload: Value) -> Result<(), EngineError> {
        let payload = self.shared.blobs.offload(payload).await?;
        self.tell(run, RunEvent::SignalCame { name: name.to_owned(), payload }).await
    }

    /// Answers a question of the run. Durable on return.
    ///
    /// # Errors
    /// [`EngineError::NoSuchQuestion`] and [`EngineError::BadAnswer`] say what there is to answer, and how.
    pub async fn answer(
        &self,
        run: RunId,
        question: &str,
        choice: &str,
        form: Option<Value>,
        by: Option<String>,
    ) -> Result<(), EngineError> {
        let form = match form {
            Some(form) => Some(self.shared.blobs.offload(form).await?),
            None => None,
        };
        self.tell(run, RunEvent::Answered { question: question.into(), choice: Outcome::from(choice), form, by }).await
    }

    /// Asks for the run's end. It is cancelled once nothing of it is in flight any more.
    ///
    /// # Errors
    /// [`EngineError::Ended`], [`EngineError::NoSuchRun`].
    pub async fn cancel(&self, run: RunId, reason: &str) -> Result<(), EngineError> {
        self.tell(run, RunEvent::CancelRequested { reason: reason.to_owned() }).await
    }

    /// A new run of the same version with the same inputs, which reuses the results of an ended one: of all
    /// steps but those that failed and what came after them; or of all but `from` and what came after it.
    ///
    /// # Errors
    /// [`EngineError::NotEnded`], [`EngineError::NoSuchStep`], [`EngineError::NoSuchRun`].
    pub async fn retry(&self, run: RunId, from: Option<&str>) -> Result<RunId, EngineError> {
        retry::retry(&self.shared, run, from).await
    }

    /// Returns once no run is active: all have ended, or wait for the clock, a person or a signal.
    pub async fn idle(&self) {
        self.shared.idle().await;
    }

    /// How many runs have an actor now.
    #[must_use]
    pub fn active_runs(&self) -> usize {
        self.shared.active_runs()
    }

    /// Stops: begins nothing more, waits a while for attempts in flight, and leaves the rest to the next start.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        let settled = async {
            while self.shared.attempts_in_flight() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(self.shared.limits.stop_grace, settled).await;
        self.shared.stop_all();
        self.supervisor.stop(None);
    }

    async fn tell(&self, run: RunId, event: RunEvent) -> Result<(), EngineError> {
        let (reply, told) = oneshot::channel();
        let head = self.shared.runs.get(run).await?.ok_or(EngineError::NoSuchRun(run))?;
        if head.status.is_end() {
            return Err(EngineError::Ended { run, status: head.status });
        }
        self.shared.tell(run, Message::Tell { event, reply })?;
        told.await.unwrap_or_else(|_| Err(EngineError::Stalled { run, reason: "its actor stopped".into() }))
    }
}

/// How a run stands or ended, from what is stored alone: no engine needs to be started for it.
///
/// # Errors
/// [`EngineError::NoSuchRun`].
pub async fn summary(workspace: &Workspace, run: RunId) -> Result<Summary, EngineError> {
    let journal = workspace.journal();
    let head = workspace.runs().get(run).await?.ok_or(EngineError::NoSuchRun(run))?;
    let last = if head.status.is_end() { journal.read_one(run, head.seq).await? } else { None };
    let mut values = Values::new(Arc::new(journal), workspace.blobs().clone());
    values.summary(run, head.status, last.map(|last| last.event).as_ref()).await
}
