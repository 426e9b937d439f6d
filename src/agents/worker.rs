//! A worker: the actor that carries out one assignment at a time. What it does is in [`super::work`].

use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::company::Colleagues;
use super::pool::Outcome;
use super::role::RoleMessage;
use super::{Assignment, Role, TurnLimits, work};
use crate::model::Model;
use crate::tools::Tools;

/// What every worker of a role works with.
#[derive(Clone)]
pub(super) struct Means {
    pub(super) role: Arc<Role>,
    pub(super) model: Arc<dyn Model>,
    pub(super) tools: Arc<Tools>,
    /// The way to the other roles.
    pub(super) colleagues: Colleagues,
    /// Cancelled when the company stops and waits no longer.
    pub(super) stopping: CancellationToken,
}

/// What a worker is told.
pub(super) struct Take(pub(super) Assignment);

/// What a worker tells its role.
pub(super) struct Finished {
    pub(super) worker: ActorId,
    pub(super) outcome: Outcome,
}

pub(super) struct Worker {
    pub(super) means: Means,
    pub(super) supervisor: ActorRef<RoleMessage>,
}

#[ractor::async_trait]
impl Actor for Worker {
    type Msg = Take;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Take>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Take>,
        Take(assignment): Take,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let Means { role, model, tools, colleagues, stopping } = &self.means;
        let span = tracing::info_span!("agent", role = role.name, run = %assignment.run, step = %assignment.step);
        let limits = TurnLimits {
            exchanges: role.limits.turns,
            repairs: work::REPAIRS,
            tokens: role.limits.tokens,
            cost: role.limits.cost,
        };
        let outcome = work::carry_out(&assignment, role, limits, model.as_ref(), tools, colleagues.company(), stopping)
            .instrument(span)
            .await;
        self.supervisor.cast(RoleMessage::Finished(Finished { worker: myself.get_id(), outcome }))?;
        Ok(())
    }
}
