//! Routes that are served until they are told to stop.

use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Routes that are served until they are told to stop.
#[derive(Debug)]
pub struct Serving {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Serving {
    /// Serves `router` to whoever comes to `listener`.
    pub(super) fn of<L>(listener: L, router: Router) -> Self
    where
        L: Listener,
        L::Addr: fmt::Debug,
    {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            // Accepting errors are retried inside; there is no other way for this to fail.
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
        });
        Self { stop, task }
    }

    /// Takes no new connection, and lets those that are open finish for at most `limit`.
    pub async fn stop(self, limit: Duration) {
        self.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(limit, self.task).await.is_err() {
            abort.abort();
        }
    }
}
