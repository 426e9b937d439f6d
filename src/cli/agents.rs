//! `callboard agents`

mod versions;

use clap::{Args, Subcommand};
use serde_json::json;

use super::carry::Watching;
use super::client::segment;
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format, run};
use crate::server::{AgentView, Resize, WorkflowText};

/// Lists the company's roles, talks to one, resizes it, or brings back a version of it
#[derive(Debug, Args)]
#[command(after_help = "\
A role is a file in the folder agents/; one of the same name replaces a role that is built in. While another callboard
is at work in the data folder, the list shows how its roles stand.

Examples:
  callboard agents
  callboard agents --format json | jq '.[] | {name, tools}'
  callboard agents try research \"What do we know about refunds?\"")]
pub(super) struct Agents {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lets a role have another number of workers while the company is at work
    ///
    /// For as long as that process lasts: how many a role begins with is in its file. What is in hand is finished; with 0
    /// the role is drained, and what is assigned to it waits.
    #[command(after_help = "\
Examples:
  callboard agents resize research 8
  callboard agents resize research 0                         drain it")]
    Resize {
        /// The role
        role: String,
        /// How many
        workers: u32,
    },
    /// Lists the versions of a role's file and of its prompt
    ///
    /// A version is kept when a run is begun with it, or when the versions are looked at; each run pins those that it began
    /// with.
    #[command(after_help = "\
Examples:
  callboard agents versions research")]
    Versions {
        /// The role
        role: String,
    },
    /// Shows what differs between two versions
    #[command(after_help = "\
Examples:
  callboard agents compare research 3fa9                     from that version to the current one
  callboard agents compare research 3fa9 77c0")]
    Compare {
        /// The role
        role: String,
        /// The beginning of the one version's hash
        from: String,
        /// The beginning of the other's; the current one if left out
        to: Option<String>,
    },
    /// Writes a version back to the role's file, or to its prompt
    ///
    /// What is there now stays a version. The file is read at the next start.
    #[command(after_help = "\
Examples:
  callboard agents revert research 3fa9")]
    Revert {
        /// The role
        role: String,
        /// The beginning of the version's hash
        hash: String,
    },
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
            Some(What::Resize { role, workers }) => resize(context, &role, workers).await,
            Some(What::Versions { role }) => versions::list(context, &role).await,
            Some(What::Compare { role, from, to }) => versions::compare(context, &role, &from, to.as_deref()).await,
            Some(What::Revert { role, hash }) => versions::revert(context, &role, hash).await,
            None => list(context).await,
        }
    }
}

async fn list(context: &Context) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let agents: Result<Vec<AgentView>, Complaint> = session.get("/api/agents").await;
    session.close().await;
    let agents = agents?;
    match context.output.format() {
        Format::Json => context.output.json(&agents),
        Format::Text if agents.iter().any(|agent| agent.now.is_some()) => {
            let rows: Vec<_> = agents.into_iter().map(standing).collect();
            let headings = ["AGENT", "STATE", "BUSY", "QUEUED", "DONE", "FAILED", "DIED", "MEDIAN", "95 %"];
            context.output.table(headings, &rows);
        }
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

/// How a role stands, as a row.
fn standing(agent: AgentView) -> [String; 9] {
    let now = agent.now.unwrap_or_default();
    let state = if now.stopped {
        "stopped"
    } else if now.workers == 0 {
        "drained"
    } else if now.busy > 0 {
        "at work"
    } else {
        "idle"
    };
    let time = |ms: Option<u64>| match ms {
        Some(ms) if ms >= 1_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        Some(ms) => format!("{ms} ms"),
        None => String::new(),
    };
    [
        agent.name,
        state.to_owned(),
        format!("{} of {}", now.busy, now.live),
        now.queued.to_string(),
        now.done.to_string(),
        now.failed.to_string(),
        now.restarts.to_string(),
        time(now.median_ms),
        time(now.p95_ms),
    ]
}

async fn resize(context: &Context, role: &str, workers: u32) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let path = format!("/api/agents/{}/workers", segment(role));
    let resized: Result<Resize, Complaint> = session.post(&path, &Resize { workers }, Twice::Harmless).await;
    session.close().await;
    let resized = resized?;
    match (context.output.format(), resized.workers) {
        (Format::Json, _) => context.output.json(&resized),
        (Format::Text, 0) => context.output.line(format!("{role} finishes what it has in hand, and takes up no more")),
        (Format::Text, workers) => context.output.line(format!("{role} has {workers} workers from now on")),
    }
    Ok(Exit::Done)
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
