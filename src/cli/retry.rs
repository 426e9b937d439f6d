//! `callboard retry RUN`

use clap::Args;

use super::carry::{Watching, carry};
use super::client::segment;
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Session, Twice};
use super::{Context, Format};
use crate::server::{self, Begun};

/// Begins a new run that reuses what an ended one has done
///
/// Without --from, what failed and everything after it is done again. The new run has the same version and inputs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard retry last
  callboard retry last --from write                 `write` and what came after it is done again")]
pub(super) struct Retry {
    /// The run: its id, the beginning of one, or `last`
    run: String,
    /// The step to begin with
    #[arg(long, value_name = "STEP")]
    from: Option<String>,
    #[command(flatten)]
    watching: Watching,
}

impl Retry {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, self.watching.purpose()).await?;
        let path = format!("/api/runs/{}/retry", segment(&self.run));
        let wanted = server::Retry { from: self.from };
        let begun: Result<Begun, Complaint> = session.post(&path, &wanted, Twice::Harmful).await;
        let id = match begun {
            Ok(Begun { id }) => id,
            Err(complaint) => {
                session.close().await;
                return Err(complaint);
            }
        };
        match context.output.format() {
            Format::Text => context.output.line(format!("run {id}")),
            Format::Json if self.watching.is_detached() => context.output.json(&Begun { id }),
            Format::Json => {}
        }
        if self.watching.is_detached() {
            session.close().await;
            return Ok(Exit::Done);
        }
        carry(context, session, id, self.watching).await
    }
}
