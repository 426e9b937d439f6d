//! `callboard agents`

use clap::{Args, Subcommand};
use serde_json::json;

use super::carry::Watching;
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session};
use super::{Context, Format, run};
use crate::server::{AgentView, WorkflowText};

/// Lists the company's roles, or talks to one
#[derive(Debug, Args)]
#[command(after_help = "\
A role is a file in the folder agents/; one of the same name replaces a role that is built in.

Examples:
  callboard agents --format json | jq '.[] | {name, tools}'
  callboard agents try research \"What do we know about refunds?\"")]
pub(super) struct Agents {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Gives one role something to do, and prints what it comes to
    ///
    /// This is a run like any other, of a workflow with the one step: `callboard events last` shows all that was said and
    /// called.
    #[command(after_help = "\
Examples:
  callboard agents try research \"What do we know about refunds?\"
  callboard agents try analysis \"What does the report of March leave open?\" --follow")]
    Try {
        /// The role
        role: String,
        /// What it is to do
        goal: String,
        #[command(flatten)]
        watching: Watching,
    },
}

impl Agents {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        match self.what {
            Some(What::Try { role, goal, watching }) => {
                let file = vec![WorkflowText { file: "agents try".to_owned(), text: one_step(&role) }];
                let inputs = [("goal".to_owned(), goal.into())].into_iter().collect();
                run::begin(context, file, |_| Ok(inputs), watching).await
            }
            None => Self::list(context).await,
        }
    }

    async fn list(context: &Context) -> Result<Exit, Complaint> {
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

/// A workflow whose one step is the role's.
fn one_step(role: &str) -> String {
    json!({
        "name": "agents_try",
        "description": "One role with one thing to do, from `callboard agents try`.",
        "inputs": { "goal": { "type": "string" } },
        "steps": [{ "id": "try", "process": { "agent": role, "goal": "{{ inputs.goal }}" } }],
        "result": "{{ steps.try.output.text }}"
    })
    .to_string()
}
