//! Ctrl-C and SIGTERM.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::complaint::Complaint;
use super::exit::Exit;

/// Whether somebody wants the process to end.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    wanted: CancellationToken,
    /// How many parts of the program see to it that the process ends well.
    heeded: Arc<AtomicUsize>,
}

/// For as long as this lives, somebody waits for [`Interrupt::wanted`] and sees to it that the process ends well.
#[derive(Debug)]
pub(super) struct Heeding(Arc<AtomicUsize>);

impl Drop for Heeding {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Interrupt {
    /// Listens from now on. The first signal asks for a graceful end; the second one ends the process at once, which
    /// loses nothing either.
    pub(super) fn listen() -> Result<Self, Complaint> {
        let failed = |error| Complaint::environment("no_signals", format!("signals cannot be listened to: {error}"));
        let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(failed)?;
        let wanted = CancellationToken::new();
        let asked = wanted.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if asked.is_cancelled() {
                    super::terminal::set_back();
                    std::process::exit(Exit::Interrupted as i32);
                }
                // First, so that what is said in the end comes after it.
                let _ = writeln!(std::io::stderr(), "stopping; once more to stop at once");
                asked.cancel();
            }
        });
        Ok(Self { wanted, heeded: Arc::default() })
    }

    /// Says that somebody sees to a good end from now on.
    pub(super) fn heed(&self) -> Heeding {
        self.heeded.fetch_add(1, Ordering::SeqCst);
        Heeding(Arc::clone(&self.heeded))
    }

    /// Returns once somebody wants the process to end.
    pub(super) async fn wanted(&self) {
        self.wanted.cancelled().await;
    }

    /// What `work` comes to, unless somebody wants the process to end first: then it is dropped where it stands.
    pub(super) async fn cuts_short<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.wanted() => None,
        }
    }

    /// Returns once somebody wants the process to end and nobody sees to that: it can end at once.
    pub(super) async fn ignored(&self) {
        self.wanted.cancelled().await;
        if self.heeded.load(Ordering::SeqCst) > 0 {
            std::future::pending::<()>().await;
        }
    }
}
