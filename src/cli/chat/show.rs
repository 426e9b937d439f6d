//! `callboard chat show`

use clap::Args;
use serde_json::Value;

use crate::cli::client::segment;
use crate::cli::complaint::Complaint;
use crate::cli::exit::Exit;
use crate::cli::session::{Purpose, Session};
use crate::cli::{Context, Format};
use crate::server::ConversationState;

/// Shows what was said in a conversation
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard chat show last
  callboard chat show last --format json | jq '.messages[-1].text'")]
pub(super) struct Show {
    /// The conversation: its id, or `last`
    conversation: String,
    /// All branches, and not only the current one
    #[arg(long)]
    all: bool,
}

impl Show {
    pub(super) async fn carry_out(&self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let path = format!("/api/conversations/{}", segment(&self.conversation));
        let shown = session.get::<ConversationState>(&path).await;
        session.close().await;
        let shown = shown?;
        if context.output.format() == Format::Json {
            context.output.json(&shown);
            return Ok(Exit::Done);
        }
        let branch: Vec<u64> = shown.branch.iter().map(|id| id.0).collect();
        for message in &shown.messages {
            let word = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
            let id = message.get("id").and_then(Value::as_u64).unwrap_or_default();
            let is_here = branch.contains(&id);
            if !is_here && !self.all {
                continue;
            }
            let who = if word("by") == "person" { "you" } else { "callboard" };
            let aside = if is_here { "" } else { ", in another branch" };
            context.output.line(format!("[{id}] {who}{aside}:"));
            context.output.line(word("text").trim_end());
            context.output.line("");
        }
        if let Some(proposal) = shown.proposal {
            context.output.line(format!("{proposal} waits for a decision"));
        }
        Ok(Exit::Done)
    }
}
