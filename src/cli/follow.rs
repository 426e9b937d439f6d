//! Following a run to its end, across the processes that work on it one after the other.

use std::ops::ControlFlow;

use futures::StreamExt as _;

use super::Context;
use super::client::Lost;
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Session, passed_on};
use crate::run::{Recorded, RunId, RunStatus};
use crate::server::{Frame, RunView};

/// When somebody who follows a run has seen enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// When it has ended, or waits for a person.
    EndOrQuestion,
    /// When it has ended.
    End,
}

/// How following a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// It stands so.
    Stands(RunStatus),
    /// Somebody wants this process to end.
    Interrupted,
    /// Whoever looks at the events has seen enough.
    SeenEnough,
}

/// Looks at an event, and says whether to go on.
pub(super) type See<'s> = dyn FnMut(&Recorded) -> ControlFlow<()> + Send + 's;

/// How often a new owner is looked for before the follower gives up.
const MOST_OWNERS: u32 = 1_000;

/// Follows a run after event `after`, and lets `see` look at every event. When the process that worked on it is gone,
/// another one is found, or this one takes over.
pub(super) async fn follow(
    context: &Context,
    session: &mut Session,
    run: RunId,
    mut after: u64,
    until: Until,
    see: &mut See<'_>,
) -> Result<Followed, Complaint> {
    for _ in 0..MOST_OWNERS {
        let followed = tokio::select! {
            followed = follow_owner(session, run, &mut after, until, see) => followed,
            () = context.interrupt.wanted() => return Ok(Followed::Interrupted),
        };
        match followed {
            Ok(followed) => return Ok(followed),
            Err(Lost::Said(complaint)) => return Err(complaint),
            Err(Lost::Owner) => {
                session.renew().await?;
            }
        }
    }
    Err(passed_on(&context.config))
}

/// The same, until the process that works on the run is gone.
pub(super) async fn follow_owner(
    session: &Session,
    run: RunId,
    after: &mut u64,
    until: Until,
    see: &mut See<'_>,
) -> Result<Followed, Lost> {
    let mut frames = session.client().follow(run, *after).await?;
    while let Some(frame) = frames.next().await {
        match frame? {
            Frame::Event(recorded) => {
                *after = recorded.seq;
                if see(&recorded).is_break() {
                    return Ok(Followed::SeenEnough);
                }
            }
            Frame::Status(status) if status.is_end() => return Ok(Followed::Stands(status)),
            Frame::Status(RunStatus::Parked) if until == Until::EndOrQuestion => {
                return Ok(Followed::Stands(RunStatus::Parked));
            }
            Frame::Status(_) => {}
            Frame::Error(error) => return Err(Lost::Said(Complaint { exit: Exit::Environment, error })),
        }
    }
    Err(Lost::Owner)
}

/// How a process ends that carried a run on until it stood so.
pub(super) fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Failed => Exit::RunFailed,
        RunStatus::Cancelled | RunStatus::Cancelling => Exit::Cancelled,
        RunStatus::Parked => Exit::Parked,
        RunStatus::Completed | RunStatus::Running | RunStatus::Waiting => Exit::Done,
    }
}

/// How a run stands.
pub(super) async fn view(session: &mut Session, run: &str) -> Result<RunView, Complaint> {
    session.get(&format!("/api/runs/{}", super::client::segment(run))).await
}
