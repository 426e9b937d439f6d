//! `callboard cancel RUN`

use clap::Args;

use super::carry::Watching;
use super::client::segment;
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session, Twice};
use super::{Context, tell};
use crate::server::{self, Told};

/// Cancels a run: what is in flight is stopped, and nothing more begins
#[derive(Debug, Args)]
#[command(after_help = "\
Ends with 0 once the run is cancelled, or, beside the process that works on it, once that is recorded.

Examples:
  callboard cancel last --reason \"the wrong topic\"")]
pub(super) struct Cancel {
    /// The run: its id, the beginning of one, or `last`
    run: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "cancelled from the command line")]
    reason: String,
}

impl Cancel {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::CarryOn).await?;
        let path = format!("/api/runs/{}/cancel", segment(&self.run));
        let wanted = server::Cancel { reason: self.reason };
        let told: Result<Told, Complaint> = session.post(&path, &wanted, Twice::Harmless).await;
        let exit = tell::told(context, session, told, Watching::default()).await?;
        // That it is cancelled is what was wanted.
        Ok(if exit == Exit::Cancelled { Exit::Done } else { exit })
    }
}
