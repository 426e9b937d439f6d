//! The timer service: wakes runs when the first of their timers is due. The timers themselves are data,
//! in the runs' heads; a waiting run costs no actor.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::runner::Message;
use super::shared::Shared;
use crate::clock::Timestamp;
use crate::crash;
use crate::run::RunId;

/// Runs woken at once.
const WOKEN_AT_ONCE: usize = 256;

/// How long a woken run may take to settle before the others are seen to.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause after a failure, or when nothing that is due can be settled.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until the engine stops.
pub(super) async fn serve(shared: Arc<Shared>) {
    let stopping = shared.stopping.clone();
    tokio::select! {
        () = stopping.cancelled() => {}
        () = async { loop { round(&shared).await; } } => {}
    }
}

async fn round(shared: &Arc<Shared>) {
    let next = match shared.runs.next_wake(None).await {
        Ok(next) => next,
        Err(error) => {
            tracing::warn!(%error, "the timers cannot be read");
            return tokio::time::sleep(PAUSE).await;
        }
    };
    shared.set_next_wake(next);
    let due = async {
        match next {
            Some(at) => shared.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = due => wake_due(shared).await,
        () = shared.timer.notified() => {}
    }
}

async fn wake_due(shared: &Arc<Shared>) {
    let now = shared.clock.now();
    let mut after: Option<(Timestamp, RunId)> = None;
    loop {
        let due = match shared.runs.due(now, after, WOKEN_AT_ONCE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the timers cannot be read");
                return tokio::time::sleep(PAUSE).await;
            }
        };
        let Some(last) = due.last() else { break };
        after = Some(*last);
        crash::point("timer");
        let mut settled = Vec::with_capacity(due.len());
        for (_, run) in &due {
            let (reply, done) = oneshot::channel();
            match shared.tell(*run, Message::Go { reply: Some(reply) }) {
                Ok(()) => settled.push(done),
                Err(error) => tracing::warn!(%run, %error, "a run whose timer is due cannot be woken yet"),
            }
        }
        let _ = tokio::time::timeout(PATIENCE, futures::future::join_all(settled)).await;
    }
    // What is still due could not be settled, or came back with a timer that is due at once.
    if matches!(shared.runs.next_wake(None).await, Ok(Some(at)) if at <= now) {
        tokio::time::sleep(PAUSE.min(Duration::from_millis(100))).await;
    }
}
