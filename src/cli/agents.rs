//! `callboard agents`

use clap::Args;

use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session};
use super::{Context, Format};
use crate::server::AgentView;

/// Lists the company's roles
#[derive(Debug, Args)]
#[command(after_help = "\
A role is a file in the folder agents/; one of the same name replaces a role that is built in.

Examples:
  callboard agents --format json | jq '.[] | {name, tools}'")]
pub(super) struct Agents {}

impl Agents {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let agents: Result<Vec<AgentView>, Complaint> = session.get("/api/agents").await;
        session.close().await;
        let agents = agents?;
        match context.output.format() {
            Format::Json => context.output.json(&agents),
            Format::Text => {
                let rows: Vec<_> = agents
                    .into_iter()
                    .map(|agent| {
                        let workers = agent.workers.to_string();
                        [agent.name, agent.model, workers, agent.tools.join(", "), agent.description]
                    })
                    .collect();
                context.output.table(["AGENT", "MODEL", "WORKERS", "TOOLS", "GOOD FOR"], &rows);
            }
        }
        Ok(Exit::Done)
    }
}
