//! The runs that were begun in a conversation: what goes on in them, and how they end.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use super::event::{Doing, Event, Link, RunKind};
use super::room::Room;
use super::{ChatError, Shared, about_runs};
use crate::run::{Recorded, RunEvent, RunId, RunStatus};
use crate::workflow::StepId;

/// How long nothing must happen before it is looked whether a run rests.
const QUIET: Duration = Duration::from_millis(250);

/// How many events of a run's steps are told of in a conversation.
const MOST_STEPS: u32 = 400;

/// Follows a run until it has ended.
pub(super) fn begin(shared: &Arc<Shared>, room: &Arc<Room>, run: RunId) {
    let (shared, room) = (Arc::clone(shared), Arc::clone(room));
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let followed = tokio::select! {
            followed = follow(&shared, &room, run) => followed,
            () = shared.stopping.cancelled() => return,
        };
        if let Err(error) = followed {
            tracing::warn!(%run, %error, "a conversation cannot follow a run that it has begun");
        }
    });
}

async fn follow(shared: &Arc<Shared>, room: &Arc<Room>, run: RunId) -> Result<(), ChatError> {
    let engine = shared.desk.engine().await?;
    let Some(head) = shared.workspace.runs().get(run).await? else { return Ok(()) };
    // What was told before, and what happened while nobody followed a run that rested, is in the run's own events.
    let mut seen = match room.state().await.runs().get(&run) {
        Some(known) if known.status.is_some() => head.seq,
        Some(known) => known.told,
        None => 0,
    };
    let mut events = std::pin::pin!(engine.subscribe(run, seen));
    let mut told = 0;
    loop {
        match tokio::time::timeout(QUIET, events.next()).await {
            Ok(Some(recorded)) => {
                let Recorded { seq, event, .. } = recorded.map_err(|error| super::port::Refusal(error.to_string()))?;
                seen = seq;
                if let Some(doing) = step(run, seq, &event).filter(|_| told < MOST_STEPS) {
                    told += 1;
                    room.write(shared, vec![Event::Doing(doing)]).await?;
                }
            }
            Ok(None) => break,
            Err(_) => rests(shared, room, run, seen).await?,
        }
    }
    report(shared, room, run).await
}

/// Tells that a run rests, if it does and nobody was told.
async fn rests(shared: &Arc<Shared>, room: &Arc<Room>, run: RunId, seen: u64) -> Result<(), ChatError> {
    let Some(head) = shared.workspace.runs().get(run).await? else { return Ok(()) };
    let is_resting = matches!(head.status, RunStatus::Parked | RunStatus::Waiting) && head.seq <= seen;
    if is_resting { report(shared, room, run).await } else { Ok(()) }
}

/// Tells how a run stands, unless the same was told last.
async fn report(shared: &Arc<Shared>, room: &Arc<Room>, run: RunId) -> Result<(), ChatError> {
    let Some(head) = shared.workspace.runs().get(run).await? else { return Ok(()) };
    let state = room.state().await;
    let known = state.runs().get(&run);
    if known.is_some_and(|held| held.status == Some(head.status) && held.reported_at >= head.seq) {
        return Ok(());
    }
    let (told, artifacts) = about_runs::report(&shared.workspace, run).await?;
    let last = known.and_then(|held| state.message(held.reported?));
    if known.is_some_and(|held| held.status == Some(head.status)) && last.is_some_and(|last| last.text == told.text) {
        return Ok(());
    }
    let is_task = known.is_some_and(|held| held.kind == RunKind::Task);
    let wants_another_way = is_task && about_runs::beyond_retry(&shared.workspace, run).await?.is_some();
    let mut links = told.links;
    if links.is_empty() {
        links.push(Link::run(run));
    }
    let (status, text, at) = (head.status, told.text, head.seq);
    let reported = Event::Reported { run, status, at, text, links, artifacts, wants_another_way };
    room.write(shared, vec![reported]).await?;
    if wants_another_way {
        room.go_on(shared);
    }
    Ok(())
}

/// What an event of a run tells of one of its own steps.
fn step(run: RunId, seq: u64, event: &RunEvent) -> Option<Doing> {
    let path = event.step()?;
    if !path.scope().as_str().is_empty() {
        return None;
    }
    let standing = match event {
        RunEvent::Started { attempt: 1, .. } => "began".to_owned(),
        RunEvent::Started { attempt, .. } => format!("attempt {attempt}"),
        RunEvent::Skipped { .. } => "skipped".to_owned(),
        RunEvent::Ended { outcome, .. } => outcome.to_string(),
        RunEvent::GaveUp { .. } => "error".to_owned(),
        RunEvent::Asked { .. } => "asks".to_owned(),
        _ => return None,
    };
    Some(Doing::Step { run, step: StepId::from(path.as_str()), standing, seq })
}
