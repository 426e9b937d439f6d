//! Ctrl-C and SIGTERM.

use std::io::Write as _;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::complaint::Complaint;
use super::exit::Exit;

/// Whether somebody wants the process to end.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    wanted: CancellationToken,
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
                    std::process::exit(Exit::Interrupted as i32);
                }
                asked.cancel();
                let _ = writeln!(std::io::stderr(), "stopping; once more to stop at once");
            }
        });
        Ok(Self { wanted })
    }

    /// Returns once somebody wants the process to end.
    pub(super) async fn wanted(&self) {
        self.wanted.cancelled().await;
    }
}
