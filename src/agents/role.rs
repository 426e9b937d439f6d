//! A role's supervisor: it hands assignments to its workers, restarts those that die, and rests when too many do.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::intensity::{Intensity, Verdict};
use super::pool::{Job, Pool};
use super::stats::Counters;
use super::worker::{Finished, Means, Take, Worker};
use crate::run::Failure;

pub(super) enum RoleMessage {
    /// Have this done.
    Assign(Box<Job>),
    /// Nobody waits for this job any more.
    Withdraw(u64),
    /// A worker has ended its assignment.
    Finished(Finished),
    /// The pause is over.
    Resume,
}

pub(super) struct RoleSupervisor {
    pub(super) means: Means,
    pub(super) counters: Arc<Counters>,
}

pub(super) struct State {
    pool: Pool<ActorRef<Take>>,
    /// The tasks of the workers that live.
    tasks: HashMap<ActorId, JoinHandle<()>>,
    intensity: Intensity,
    paused: bool,
}

#[ractor::async_trait]
impl Actor for RoleSupervisor {
    type Msg = RoleMessage;
    type State = State;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<RoleMessage>, (): ()) -> Result<State, ActorProcessingErr> {
        self.counters.paused.store(false, Ordering::Relaxed);
        Ok(State {
            pool: Pool::new(self.means.role.workers as usize, Arc::clone(&self.counters)),
            tasks: HashMap::new(),
            intensity: Intensity::new(self.means.role.restart),
            paused: false,
        })
    }

    async fn post_start(&self, myself: ActorRef<RoleMessage>, state: &mut State) -> Result<(), ActorProcessingErr> {
        self.go_on(&myself, state).await;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<RoleMessage>,
        message: RoleMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RoleMessage::Assign(job) => state.pool.enqueue(*job),
            RoleMessage::Withdraw(ticket) => state.pool.withdraw(ticket),
            RoleMessage::Finished(Finished { worker, outcome }) => state.pool.finished(worker, outcome),
            RoleMessage::Resume => {
                state.paused = false;
                self.counters.paused.store(false, Ordering::Relaxed);
            }
        }
        self.go_on(&myself, state).await;
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<RoleMessage>, state: &mut State) -> Result<(), ActorProcessingErr> {
        myself.get_cell().stop_children(None);
        ended(state.tasks.drain().map(|(_, task)| task)).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<RoleMessage>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(worker, error) => {
                self.worker_died(&myself, state, worker.get_id(), &error.to_string());
            }
            SupervisionEvent::ActorTerminated(worker, _, reason) => {
                let reason = reason.unwrap_or_else(|| "it was stopped".to_owned());
                self.worker_died(&myself, state, worker.get_id(), &reason);
            }
            _ => return Ok(()),
        }
        self.go_on(&myself, state).await;
        Ok(())
    }
}

/// How long actors that were told to stop may take to end.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Returns once all of these actors' tasks have ended, and let go of all that they held; or after a while.
pub(super) async fn ended(tasks: impl Iterator<Item = JoinHandle<()>>) {
    let _ = tokio::time::timeout(STOP_GRACE, futures::future::join_all(tasks)).await;
}

impl RoleSupervisor {
    /// Fills the places of dead workers and hands out what waits, unless the role rests.
    async fn go_on(&self, myself: &ActorRef<RoleMessage>, state: &mut State) {
        while !state.paused && state.pool.live() < state.pool.wanted() {
            let worker = Worker { means: self.means.clone(), supervisor: myself.clone() };
            match Actor::spawn_linked(None, worker, (), myself.get_cell()).await {
                Ok((worker, task)) => {
                    state.tasks.insert(worker.get_id(), task);
                    state.pool.hire(worker.get_id(), worker);
                }
                Err(error) => self.count_death(myself, state, &error.to_string()),
            }
        }
        while !state.paused
            && let Some((worker, assignment)) = state.pool.next()
        {
            // A worker that cannot be reached has died: the event of its death answers for the assignment.
            let _ = worker.cast(Take(assignment));
        }
    }

    /// Answers for what the worker had in hand.
    fn worker_died(&self, myself: &ActorRef<RoleMessage>, state: &mut State, worker: ActorId, reason: &str) {
        state.tasks.remove(&worker);
        let Some(death) = state.pool.died(worker) else { return };
        let role = &self.means.role.name;
        let about = death.about.clone().unwrap_or_else(|| "no work in hand".to_owned());
        death.answer(Err(Failure::retry(
            "worker_died",
            format!(
                "the agent that played `{role}` died at its work on {about}: {reason}; others are not affected, and the \
                 step can be tried again"
            ),
        )
        .into()));
        self.count_death(myself, state, &format!("{about}: {reason}"));
    }

    fn count_death(&self, myself: &ActorRef<RoleMessage>, state: &mut State, reason: &str) {
        let role = &self.means.role.name;
        match state.intensity.died(Instant::now()) {
            Verdict::Restart => tracing::warn!(role, reason, "a worker died and is replaced"),
            Verdict::Pause(_) if state.paused => tracing::warn!(role, reason, "a worker died while its role rests"),
            Verdict::Pause(pause) => {
                tracing::error!(role, reason, ?pause, "too many workers died: the role rests");
                state.paused = true;
                self.counters.paused.store(true, Ordering::Relaxed);
                myself.send_after(pause, || RoleMessage::Resume);
            }
        }
    }
}
