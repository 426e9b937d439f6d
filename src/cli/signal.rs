//! `callboard signal RUN NAME`

use clap::Args;

use super::carry::Watching;
use super::client::segment;
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Session, Twice};
use super::{Context, pairs, tell};
use crate::server::Told;

/// Sends a run a signal, which a `wait` step takes; one that comes early is kept
///
/// Beside a process that works on the data folder, that process carries the run on, and this one ends at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard signal last paid
  callboard signal last paid '{\"amount\": 12}'")]
pub(super) struct Signal {
    /// The run: its id, the beginning of one, or `last`
    run: String,
    /// The signal's name
    name: String,
    /// What it carries, as JSON
    #[arg(value_name = "JSON", default_value = "null")]
    payload: String,
    #[command(flatten)]
    watching: Watching,
}

impl Signal {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let payload = pairs::json("the signal", &self.payload)?;
        let mut session = Session::open(&context.config, &context.interrupt, self.watching.purpose()).await?;
        let path = format!("/api/runs/{}/signals/{}", segment(&self.run), segment(&self.name));
        let told: Result<Told, Complaint> = session.post(&path, &payload, Twice::Harmful).await;
        tell::told(context, session, told, self.watching).await
    }
}
