//! `callboard chat list`

use clap::Args;

use crate::cli::complaint::Complaint;
use crate::cli::exit::Exit;
use crate::cli::output::clipped;
use crate::cli::session::{Purpose, Session};
use crate::cli::{Context, Format};
use crate::server::{ConversationList, ConversationView};

/// Lists the conversations, those in which something was said last first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard chat list
  callboard chat list --limit 5 --format json | jq -r '.[].id'")]
pub(super) struct List {
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// How much of a title is shown.
const TITLE_WIDTH: usize = 60;

impl List {
    pub(super) async fn carry_out(&self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let wanted = ConversationList { limit: Some(self.limit) };
        let listed = session.get_with::<_, Vec<ConversationView>>("/api/conversations", &wanted).await;
        session.close().await;
        let listed = listed?;
        match context.output.format() {
            Format::Json => context.output.json(&listed),
            Format::Text => {
                let rows: Vec<[String; 4]> = listed
                    .iter()
                    .map(|one| {
                        let workflow = one.workflow.clone().unwrap_or_else(|| "-".to_owned());
                        [one.id.to_string(), one.updated_at.to_string(), workflow, clipped(&one.title, TITLE_WIDTH)]
                    })
                    .collect();
                context.output.table(["CONVERSATION", "LAST", "WORKFLOW", "ABOUT"], &rows);
            }
        }
        Ok(Exit::Done)
    }
}
