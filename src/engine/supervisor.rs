//! Supervises the runs' actors: one that panics is forgotten, and built again from its run's events.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent, async_trait};

use super::error::EngineError;
use super::runner::Message;
use super::shared::Shared;
use crate::run::RunId;

/// How often a run's actor is built again before the run is left alone until the next start.
const RESTARTS: u32 = 3;

struct Supervisor;

/// The way to what the supervisor supervises, which does not exist yet when it starts.
#[derive(Clone, Default)]
pub(super) struct Link(Arc<OnceLock<Weak<Shared>>>);

impl Link {
    pub(super) fn set(&self, shared: &Arc<Shared>) {
        let _ = self.0.set(Arc::downgrade(shared));
    }
}

struct Held {
    link: Link,
    failures: HashMap<RunId, u32>,
}

pub(super) async fn start() -> Result<(ActorCell, Link), EngineError> {
    let link = Link::default();
    let (supervisor, _) = Actor::spawn(None, Supervisor, link.clone())
        .await
        .map_err(|error| EngineError::Busy(format!("the runs' supervisor ({error})")))?;
    Ok((supervisor.get_cell(), link))
}

#[async_trait]
impl Actor for Supervisor {
    type Msg = ();
    type State = Held;
    type Arguments = Link;

    async fn pre_start(&self, _: ActorRef<()>, link: Link) -> Result<Held, ActorProcessingErr> {
        Ok(Held { link, failures: HashMap::new() })
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        event: SupervisionEvent,
        held: &mut Held,
    ) -> Result<(), ActorProcessingErr> {
        let SupervisionEvent::ActorFailed(actor, reason) = event else { return Ok(()) };
        let Some(shared) = held.link.0.get().and_then(Weak::upgrade) else { return Ok(()) };
        let Some(run) = shared.run_of(actor.get_id()) else { return Ok(()) };
        shared.forget(run, actor.get_id());
        let failures = held.failures.entry(run).or_default();
        *failures += 1;
        tracing::error!(%run, %reason, failures, "the run's actor failed; this is a bug in Callboard");
        if *failures > RESTARTS {
            shared.stall(
                run,
                &EngineError::Stalled { run, reason: format!("its actor failed again and again: {reason}") },
            );
        } else if let Err(error) = shared.tell(run, Message::Go { reply: None }) {
            tracing::warn!(%run, %error, "the run's actor cannot be built again yet");
        }
        Ok(())
    }
}
