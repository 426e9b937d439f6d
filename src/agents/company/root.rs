//! The root of the tree: it passes assignments on to the roles' supervisors, and replaces those that die.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::agents::Restart;
use crate::agents::intensity::{Intensity, Pauses};
use crate::agents::pool::Job;
use crate::agents::role::{RoleMessage, RoleSupervisor, ended};
use crate::agents::stats::Counters;
use crate::agents::worker::Means;

/// How long a role rests first when too many supervisors died.
const FIRST_REST: Duration = Duration::from_secs(1);

/// What the company's root is told.
pub(super) enum CompanyMessage {
    /// Pass this on to the role.
    Assign { role: String, job: Box<Job> },
    /// Nobody waits for this job any more.
    Withdraw { role: String, ticket: u64 },
    /// From now on the role is to have so many workers.
    Resize { role: String, workers: u32 },
    /// The pause before a role's supervisor is started again is over.
    Revive(String),
}

/// The root of the tree.
pub(super) struct Root {
    /// What each role works with.
    pub(super) roles: HashMap<String, (Means, Arc<Counters>)>,
}

pub(super) struct RootState {
    supervisors: HashMap<String, (ActorRef<RoleMessage>, JoinHandle<()>)>,
    intensity: Intensity,
    pauses: Pauses,
}

#[ractor::async_trait]
impl Actor for Root {
    type Msg = CompanyMessage;
    type State = RootState;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<CompanyMessage>, (): ()) -> Result<RootState, ActorProcessingErr> {
        let intensity = Intensity::new(Restart::default());
        let mut state = RootState { supervisors: HashMap::new(), intensity, pauses: Pauses::new(FIRST_REST) };
        for role in self.roles.keys() {
            self.revive(&myself, &mut state, role).await?;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<CompanyMessage>,
        message: CompanyMessage,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CompanyMessage::Assign { role, job } => {
                // A job that cannot be passed on is dropped, which tells whoever waits for it.
                if let Some((supervisor, _)) = state.supervisors.get(&role) {
                    let _ = supervisor.cast(RoleMessage::Assign(job));
                }
            }
            CompanyMessage::Withdraw { role, ticket } => {
                if let Some((supervisor, _)) = state.supervisors.get(&role) {
                    let _ = supervisor.cast(RoleMessage::Withdraw(ticket));
                }
            }
            CompanyMessage::Resize { role, workers } => {
                if let Some((supervisor, _)) = state.supervisors.get(&role) {
                    let _ = supervisor.cast(RoleMessage::Resize(workers));
                }
            }
            CompanyMessage::Revive(role) => self.revive(&myself, state, &role).await?,
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<CompanyMessage>,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        myself.get_cell().stop_children(None);
        ended(state.supervisors.drain().map(|(_, (_, task))| task)).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<CompanyMessage>,
        event: SupervisionEvent,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(actor, error) => {
                self.role_died(&myself, state, actor.get_id(), &error.to_string()).await
            }
            SupervisionEvent::ActorTerminated(actor, _, reason) => {
                self.role_died(&myself, state, actor.get_id(), reason.as_deref().unwrap_or("it was stopped")).await
            }
            _ => Ok(()),
        }
    }
}

impl Root {
    async fn revive(
        &self,
        myself: &ActorRef<CompanyMessage>,
        state: &mut RootState,
        role: &str,
    ) -> Result<(), ActorProcessingErr> {
        let Some((means, counters)) = self.roles.get(role) else { return Ok(()) };
        let supervisor = RoleSupervisor { means: means.clone(), counters: Arc::clone(counters) };
        let supervisor = Actor::spawn_linked(None, supervisor, (), myself.get_cell()).await?;
        state.supervisors.insert(role.to_owned(), supervisor);
        Ok(())
    }

    async fn role_died(
        &self,
        myself: &ActorRef<CompanyMessage>,
        state: &mut RootState,
        id: ActorId,
        reason: &str,
    ) -> Result<(), ActorProcessingErr> {
        let role = state.supervisors.iter().find(|(_, (actor, _))| actor.get_id() == id).map(|(role, _)| role.clone());
        let Some(role) = role else { return Ok(()) };
        state.supervisors.remove(&role);
        let now = Instant::now();
        if state.intensity.died(now, ()).is_none() {
            tracing::error!(role, reason, "a role's supervisor died and is replaced");
            return self.revive(myself, state, &role).await;
        }
        let pause = state.pauses.next(now, Restart::default().within);
        tracing::error!(role, reason, ?pause, "too many supervisors died: the role rests");
        myself.send_after(pause, || CompanyMessage::Revive(role));
        Ok(())
    }
}
