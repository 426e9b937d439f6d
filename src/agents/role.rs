//! A role's supervisor: it hands assignments to its workers, restarts those that die, and stops when too many do.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::intensity::{Intensity, Pauses};
use super::pool::{Job, Pool, Work};
use super::stats::Counters;
use super::stops::{Stops, Whom};
use super::worker::{Finished, Means, Take, Worker};
use crate::run::{Failure, RunId};

pub(super) enum RoleMessage {
    /// Have this done.
    Assign(Box<Job>),
    /// Nobody waits for this job any more.
    Withdraw(u64),
    /// A worker has ended its assignment.
    Finished(Finished),
    /// From now on there are to be so many workers.
    Resize(u32),
    /// The pause before a dead worker is replaced is over.
    Replace,
}

pub(super) struct RoleSupervisor {
    pub(super) means: Means,
    pub(super) counters: Arc<Counters>,
}

pub(super) struct State {
    pool: Pool<ActorRef<Take>>,
    /// The tasks of the workers that live.
    tasks: HashMap<ActorId, JoinHandle<()>>,
    /// Of whose work workers died of late.
    intensity: Intensity<Option<RunId>>,
    stops: Stops,
    pauses: Pauses,
    /// Dead workers whose places are not to be filled yet.
    resting: usize,
}

#[ractor::async_trait]
impl Actor for RoleSupervisor {
    type Msg = RoleMessage;
    type State = State;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<RoleMessage>, (): ()) -> Result<State, ActorProcessingErr> {
        self.counters.stopped.store(false, Ordering::Relaxed);
        let workers = usize::try_from(self.counters.workers.load(Ordering::Relaxed)).unwrap_or_default();
        Ok(State {
            pool: Pool::new(workers, Arc::clone(&self.counters)),
            tasks: HashMap::new(),
            intensity: Intensity::new(self.means.role.restart),
            stops: Stops::default(),
            pauses: Pauses::new(FIRST_PAUSE),
            resting: 0,
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
            RoleMessage::Assign(job) => match state.stops.refuses(&job.assignment) {
                Some(why) => refuse(*job, &why),
                None => state.pool.enqueue(*job),
            },
            RoleMessage::Withdraw(ticket) => state.pool.withdraw(ticket),
            RoleMessage::Finished(Finished { worker, outcome }) => state.pool.finished(worker, outcome),
            RoleMessage::Resize(workers) => state.pool.resize(workers as usize),
            RoleMessage::Replace => state.resting = state.resting.saturating_sub(1),
        }
        self.counters.stopped.store(state.stops.for_everybody(), Ordering::Relaxed);
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

/// How long the place of a worker that died stays empty; twice as long each time while they die.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// How long actors that were told to stop may take to end.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Returns once all of these actors' tasks have ended, and let go of all that they held; or after a while.
pub(super) async fn ended(tasks: impl Iterator<Item = JoinHandle<()>>) {
    let _ = tokio::time::timeout(STOP_GRACE, futures::future::join_all(tasks)).await;
}

impl RoleSupervisor {
    /// Fills the places of dead workers and hands out what waits, unless the role has stopped.
    async fn go_on(&self, myself: &ActorRef<RoleMessage>, state: &mut State) {
        while let Some(worker) = state.pool.dismiss() {
            worker.stop(None);
        }
        while !state.stops.for_everybody() && state.pool.live() + state.resting < state.pool.wanted() {
            let worker = Worker { means: self.means.clone(), supervisor: myself.clone() };
            match Actor::spawn_linked(None, worker, (), myself.get_cell()).await {
                Ok((worker, task)) => {
                    state.tasks.insert(worker.get_id(), task);
                    state.pool.hire(worker.get_id(), worker);
                }
                Err(error) => {
                    self.count_death(myself, state, None, &format!("because none can be started: {error}"));
                }
            }
        }
        while !state.stops.for_everybody()
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
        let about = death
            .work
            .as_ref()
            .map_or_else(|| "with nothing in hand".to_owned(), |work| format!("at its work on {work}"));
        let stopped = self.count_death(myself, state, death.work.as_ref(), &format!("{about}: {reason}"));
        death.answer(Err(match stopped {
            Some(why) => role_stopped(&why),
            None => Failure::retry(
                "worker_died",
                format!(
                    "the agent that played `{role}` died {about}: {reason}; others are not affected, and \
                     the step can be tried again"
                ),
            ),
        }
        .into()));
    }

    /// Counts a worker that died of this work. If it was one too many, the role stops for whose work that was, and what
    /// waits for them is refused; returns why.
    fn count_death(
        &self,
        myself: &ActorRef<RoleMessage>,
        state: &mut State,
        work: Option<&Work>,
        reason: &str,
    ) -> Option<String> {
        let role = &self.means.role;
        let now = Instant::now();
        let Some(deaths) = state.intensity.died(now, work.map(|work| work.run)) else {
            let pause = state.pauses.next(now, role.restart.within);
            tracing::warn!(role = role.name, reason, ?pause, "a worker died and is replaced");
            state.resting += 1;
            myself.send_after(pause, || RoleMessage::Replace);
            return None;
        };
        let whom = Whom::at_fault(&deaths);
        let why = format!(
            "the role `{}` has stopped{}: {} of its workers died within {}, the last {reason}",
            role.name,
            if whom == Whom::Everybody { "" } else { " for this run" },
            deaths.len(),
            humantime::format_duration(role.restart.within),
        );
        tracing::error!(role = role.name, why, "too many workers died");
        state.stops.stop(whom, why.clone());
        for job in state.pool.take_out(|assignment| state.stops.refuses(assignment).is_some()) {
            refuse(job, &why);
        }
        self.counters.stopped.store(state.stops.for_everybody(), Ordering::Relaxed);
        Some(why)
    }
}

/// Answers for work that is not taken up.
fn refuse(job: Job, why: &str) {
    let _ = job.reply.send(Err(role_stopped(why).into()));
}

fn role_stopped(why: &str) -> Failure {
    Failure::ask("role_stopped", why)
}
