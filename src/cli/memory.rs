//! `callboard memory rebuild`

use clap::Subcommand;

use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::server::Rebuilt;

/// Looks after the memory
#[derive(Debug, Subcommand)]
pub(super) enum Memory {
    /// Builds the search index anew from what is stored
    #[command(after_help = "\
Nothing that is remembered gets lost: the database holds it, and the index only finds it.

Examples:
  callboard memory rebuild")]
    Rebuild,
}

impl Memory {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let Self::Rebuild = self;
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Work).await?;
        let busy = context.screen.busy("rebuilding the index".to_owned());
        let nothing = serde_json::json!({});
        let rebuilt =
            context.interrupt.cuts_short(session.post("/api/memory/rebuild", &nothing, Twice::Harmless)).await;
        drop(busy);
        session.close().await;
        let Some(rebuilt) = rebuilt else { return Ok(Exit::Interrupted) };
        let rebuilt: Rebuilt = rebuilt?;
        match context.output.format() {
            Format::Json => context.output.json(&rebuilt),
            Format::Text => context.output.line(format!("the index holds {} entries", rebuilt.entries)),
        }
        Ok(Exit::Done)
    }
}
