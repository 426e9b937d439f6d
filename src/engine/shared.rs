//! What the engine's actors share: the ports, the limits, and who is active.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ractor::{ActorCell, ActorId, ActorRef, ActorRuntime};
use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::drive::Drive;
use super::error::EngineError;
use super::port::Executor;
use super::runner::{Message, Runner};
use super::submit::{self, Submission};
use super::versions::Versions;
use super::{Limits, Summary};
use crate::clock::{Clock, Timestamp};
use crate::run::{Failure, Origin, Output, Policy, RunEvent, RunId, RunStatus, StepPath};
use crate::store::{Blobs, Journal, JournalError, Runs};

/// How many runs are read from the journal at once.
const LOADING_AT_ONCE: usize = 32;

pub(super) struct Shared {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) blobs: Blobs,
    pub(super) runs: Runs,
    pub(super) versions: Versions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) limits: Limits,
    pub(super) policy: Policy,
    /// One permit an attempt in flight.
    pub(super) attempts: Semaphore,
    pub(super) timer: Notify,
    pub(super) stopping: CancellationToken,
    loads: Semaphore,
    supervisor: ActorCell,
    active: Mutex<HashMap<RunId, Active>>,
    /// Told whenever an actor has gone.
    gone: Notify,
    watched: AtomicUsize,
    watchers: Mutex<HashMap<RunId, watch::Sender<Notice>>>,
    /// The earliest timer that the timer service knows of.
    next_wake: Mutex<Option<Timestamp>>,
}

struct Active {
    actor: ActorRef<Message>,
    /// Messages that it has not handled.
    pending: usize,
    /// How the run stands, as last published.
    status: Option<RunStatus>,
}

/// What watchers of a run are told. All of it is durable.
#[derive(Clone, Debug, Default)]
pub(super) struct Notice {
    pub(super) status: Option<RunStatus>,
    /// How the run ended, if it has; so that nobody needs to read that back.
    pub(super) end: Option<Arc<Summary>>,
    /// Set if the run cannot go on for now.
    pub(super) stalled: Option<String>,
}

/// What [`Shared`] is made of.
pub(super) struct Ports {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) blobs: Blobs,
    pub(super) runs: Runs,
    pub(super) versions: Versions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) executor: Arc<dyn Executor>,
}

impl Shared {
    pub(super) fn new(ports: Ports, limits: Limits, policy: Policy, supervisor: ActorCell) -> Self {
        let Ports { journal, blobs, runs, versions, clock, executor } = ports;
        Self {
            journal,
            blobs,
            runs,
            versions,
            clock,
            executor,
            attempts: Semaphore::new(limits.attempts),
            limits,
            policy,
            timer: Notify::new(),
            stopping: CancellationToken::new(),
            loads: Semaphore::new(LOADING_AT_ONCE),
            supervisor,
            active: Mutex::default(),
            gone: Notify::new(),
            watched: AtomicUsize::new(0),
            watchers: Mutex::default(),
            next_wake: Mutex::default(),
        }
    }

    // Who is active, and telling them.

    /// Tells a run's actor something from outside, waking it up if need be.
    pub(super) fn tell(self: &Arc<Self>, run: RunId, message: Message) -> Result<(), EngineError> {
        if self.is_stopping() {
            return Err(EngineError::Stopping);
        }
        let mut active = lock(&self.active);
        if active.get(&run).is_some_and(|live| live.pending >= self.limits.mailbox) {
            return Err(EngineError::Busy(format!("run {run}")));
        }
        if !active.contains_key(&run) && active.len() >= self.limits.active_runs {
            return Err(EngineError::Busy(format!("the engine ({} runs are active)", active.len())));
        }
        self.deliver(&mut active, run, message)
    }

    /// Tells a run's actor what became of its own work: never refused.
    pub(super) fn finished(self: &Arc<Self>, run: RunId, message: Message) {
        let mut active = lock(&self.active);
        // Without an actor, nobody waits for it any more: the attempt will be taken up again from the events.
        if active.contains_key(&run)
            && let Err(error) = self.deliver(&mut active, run, message)
        {
            tracing::warn!(%run, %error, "a result did not reach its run");
        }
    }

    fn deliver(
        self: &Arc<Self>,
        active: &mut HashMap<RunId, Active>,
        run: RunId,
        message: Message,
    ) -> Result<(), EngineError> {
        let live = match active.entry(run) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let runner = Runner { shared: self.clone(), run };
                let (actor, _) = ActorRuntime::spawn_linked_instant(None, runner, (), self.supervisor.clone())
                    .map_err(|error| EngineError::Stalled { run, reason: error.to_string() })?;
                entry.insert(Active { actor, pending: 0, status: None })
            }
        };
        live.actor
            .send_message(message)
            .map_err(|error| EngineError::Stalled { run, reason: format!("its actor does not answer ({error})") })?;
        live.pending += 1;
        Ok(())
    }

    /// Has an actor look again at once, after what is in its mailbox by now.
    pub(super) fn again(&self, actor: &ActorRef<Message>) {
        let mut active = lock(&self.active);
        if let Some(live) = active.values_mut().find(|live| live.actor.get_id() == actor.get_id())
            && actor.send_message(Message::Go { reply: None }).is_ok()
        {
            live.pending += 1;
        }
    }

    /// Counts a message as handled; true if the actor may go since nothing is left for it to do.
    pub(super) fn handled(&self, run: RunId, actor: ActorId, idle: bool) -> bool {
        let mut active = lock(&self.active);
        let Some(live) = active.get_mut(&run).filter(|live| live.actor.get_id() == actor) else { return true };
        live.pending = live.pending.saturating_sub(1);
        let goes = idle && live.pending == 0;
        if goes {
            active.remove(&run);
            self.gone.notify_waiters();
        }
        goes
    }

    /// Forgets an actor that failed.
    pub(super) fn forget(&self, run: RunId, actor: ActorId) {
        let mut active = lock(&self.active);
        if active.get(&run).is_some_and(|live| live.actor.get_id() == actor) {
            active.remove(&run);
            self.gone.notify_waiters();
        }
    }

    /// The run of an actor, if it is active.
    pub(super) fn run_of(&self, actor: ActorId) -> Option<RunId> {
        lock(&self.active).iter().find(|(_, live)| live.actor.get_id() == actor).map(|(run, _)| *run)
    }

    /// How many runs are active.
    pub(super) fn active_runs(&self) -> usize {
        lock(&self.active).len()
    }

    /// Returns once no run is active.
    pub(super) async fn idle(&self) {
        loop {
            let gone = self.gone.notified();
            tokio::pin!(gone);
            gone.as_mut().enable();
            if self.active_runs() == 0 {
                return;
            }
            gone.await;
        }
    }

    /// Stops all actors at once, with what they have in flight.
    pub(super) fn stop_all(&self) {
        for (_, live) in lock(&self.active).drain() {
            live.actor.kill();
        }
        self.gone.notify_waiters();
    }

    pub(super) fn attempts_in_flight(&self) -> usize {
        self.limits.attempts - self.attempts.available_permits()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    // What actors ask for.

    pub(super) async fn loading(&self) -> Result<SemaphorePermit<'_>, EngineError> {
        self.loads.acquire().await.map_err(|_| EngineError::Stopping)
    }

    /// A run as its events tell it.
    pub(super) async fn load(&self, run: RunId) -> Result<Drive, EngineError> {
        let first = self.journal.read(run, 0, 1).await?;
        let Some(RunEvent::Created { workflow, version, .. }) = first.first().map(|first| &first.event) else {
            return Err(EngineError::NoSuchRun(run));
        };
        let workflow = self.versions.get(workflow, version).await?;
        let mut drive = self.drive(run, workflow);
        drive.replay().await?;
        Ok(drive)
    }

    pub(super) fn drive(&self, run: RunId, workflow: Arc<crate::workflow::ValidWorkflow>) -> Drive {
        let values = super::values::Values::new(self.journal.clone(), self.blobs.clone());
        Drive::new(run, workflow, values, self.journal.clone(), self.clock.clone())
    }

    /// How a run ended, if it has.
    pub(super) async fn end_of(&self, run: RunId) -> Result<Option<(RunStatus, Output)>, EngineError> {
        let Some(head) = self.runs.get(run).await?.filter(|head| head.status.is_end()) else { return Ok(None) };
        let output = match head.status {
            RunStatus::Completed => Output::Ref(crate::run::ValueRef { run, seq: head.seq }),
            _ => Output::Nothing,
        };
        Ok(Some((head.status, output)))
    }

    /// Starts the run of a `workflow` step.
    pub(super) fn start_child(
        self: &Arc<Self>,
        drive: &Drive,
        step: StepPath,
        attempt: u32,
        workflow: String,
        inputs: Map<String, Value>,
    ) -> AbortOnDropHandle<()> {
        let shared = self.clone();
        let run = drive.state.run();
        let depth = drive.state.depth() + 1;
        let deadline = drive.state.deadline();
        let pinned = drive.pin(&workflow);
        // A child pins what its parent pins, so that its own children are found.
        let pins = drive.pins().clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let child = run.child(&step, attempt);
            let result = async {
                if depth > shared.limits.depth {
                    let message = format!("runs may start runs {} deep, and this would be deeper", shared.limits.depth);
                    return Err(Failure::give_up("too_deep", message));
                }
                let hash = pinned.ok_or_else(|| {
                    Failure::give_up("unknown_workflow", format!("the run pins no version of workflow {workflow}"))
                })?;
                let version = shared.versions.get(&workflow, &hash).await.map_err(|error| gave_up(&error))?;
                let submission = Submission {
                    id: Some(child),
                    inputs,
                    origin: Some(Origin::Step { run, step: step.clone() }),
                    depth,
                    deadline,
                    pins,
                    ..Submission::of(version)
                };
                match submit::submit(&shared, submission).await {
                    // The process stopped between starting it and recording that.
                    Ok(_) | Err(EngineError::Journal(JournalError::Conflict { .. })) => Ok(child),
                    Err(error @ (EngineError::Invalid(_) | EngineError::NoSuchVersion { .. })) => Err(gave_up(&error)),
                    Err(error) => Err(Failure::retry("child_not_started", error.to_string())),
                }
            }
            .await;
            shared.finished(run, Message::ChildStarted { step, attempt, result });
        }))
    }

    pub(super) fn cancel_child(self: &Arc<Self>, run: RunId) {
        let (reply, _) = oneshot::channel();
        let event = RunEvent::CancelRequested { reason: "the run that started it no longer wants it".into() };
        if let Err(error) = self.tell(run, Message::Tell { event, reply }) {
            tracing::warn!(%run, %error, "a child run could not be cancelled yet");
        }
    }

    pub(super) fn tell_parent(self: &Arc<Self>, run: RunId, drive: &Drive) {
        if let Some(Origin::Step { run: parent, .. }) = drive.origin()
            && let Err(error) = self.tell(*parent, Message::ChildEnded { child: run })
        {
            tracing::warn!(%run, %parent, %error, "the run that waits for this one learns of its end at the next start");
        }
    }

    // Watching.

    /// Tells watchers and the timer service how a run stands; all of it is durable.
    pub(super) async fn publish(&self, run: RunId, drive: &mut Drive) {
        let status = drive.state.status();
        if let Some(live) = lock(&self.active).get_mut(&run) {
            live.status = Some(status);
        }
        if let Some(at) = drive.state.next_wake() {
            let mut next = lock(&self.next_wake);
            if next.is_none_or(|next| at < next) {
                *next = Some(at);
                self.timer.notify_one();
            }
        }
        if self.watched.load(Ordering::Acquire) == 0 || !lock(&self.watchers).contains_key(&run) {
            return;
        }
        let end = if status.is_end() { drive.summary().await.ok().map(Arc::new) } else { None };
        if let Some(watcher) = lock(&self.watchers).get(&run) {
            watcher.send_replace(Notice { status: Some(status), end, stalled: None });
        }
    }

    /// How an active run stands; `None` if it has no actor, or its actor has not read it yet.
    pub(super) fn status_of_active(&self, run: RunId) -> Option<RunStatus> {
        lock(&self.active).get(&run)?.status
    }

    /// The timer service's next look is at `at`.
    pub(super) fn set_next_wake(&self, at: Option<Timestamp>) {
        *lock(&self.next_wake) = at;
    }

    /// Tells watchers that a run cannot go on for now.
    pub(super) fn stall(&self, run: RunId, error: &EngineError) {
        if let Some(watcher) = lock(&self.watchers).get(&run) {
            watcher.send_modify(|notice| notice.stalled = Some(error.to_string()));
        }
    }

    /// Watches a run. What was published before is not told: read it from the store, after this.
    pub(super) fn watch(self: &Arc<Self>, run: RunId) -> Watch {
        let receiver = {
            let mut watchers = lock(&self.watchers);
            let sender = watchers.entry(run).or_insert_with(|| watch::Sender::new(Notice::default()));
            self.watched.fetch_add(1, Ordering::AcqRel);
            sender.subscribe()
        };
        Watch { shared: self.clone(), run, receiver: Some(receiver) }
    }
}

/// Hears of one run until it is dropped.
pub(super) struct Watch {
    shared: Arc<Shared>,
    run: RunId,
    receiver: Option<watch::Receiver<Notice>>,
}

impl Watch {
    /// The latest notice, once there is a newer one than the last that was returned.
    pub(super) async fn next(&mut self) -> Notice {
        let Some(receiver) = &mut self.receiver else { return Notice::default() };
        // The sender lives as long as there are receivers.
        let _ = receiver.changed().await;
        receiver.borrow_and_update().clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watchers = lock(&self.shared.watchers);
        self.receiver = None;
        self.shared.watched.fetch_sub(1, Ordering::AcqRel);
        if watchers.get(&self.run).is_some_and(|sender| sender.receiver_count() == 0) {
            watchers.remove(&self.run);
        }
    }
}

fn gave_up(error: &EngineError) -> Failure {
    Failure::give_up("child_not_started", error.to_string())
}

/// A lock whose data is whole even if a holder panicked: every critical section here is a few assignments.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
