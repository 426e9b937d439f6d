//! `callboard runs`

use clap::Args;

use super::complaint::Complaint;
use super::exit::Exit;
use super::output::span;
use super::session::{Purpose, Session};
use super::{Context, Format};
use crate::run::RunStatus;
use crate::server::{RunList, RunView};

/// Lists runs, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard runs --status parked                            what waits for a person
  callboard runs --format json | jq -r '.[0].id'            the newest run's id")]
pub(super) struct Runs {
    /// Only runs that stand so: running, waiting, parked, cancelling, completed, failed, cancelled
    #[arg(long)]
    status: Option<RunStatus>,
    /// Only runs of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// How many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

impl Runs {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let wanted = RunList { status: self.status, workflow: self.workflow, before: None, limit: Some(self.limit) };
        let runs: Result<Vec<RunView>, Complaint> = session.get_with("/api/runs", &wanted).await;
        session.close().await;
        let runs = runs?;
        match context.output.format() {
            Format::Json => context.output.json(&runs),
            Format::Text if runs.is_empty() => {
                context.output.line("no runs; `callboard run FILE` begins one");
            }
            Format::Text => {
                let rows: Vec<_> = runs.iter().map(row).collect();
                context.output.table(["RUN", "WORKFLOW", "STATUS", "BEGAN", "TOOK"], &rows);
            }
        }
        Ok(Exit::Done)
    }
}

fn row(run: &RunView) -> [String; 5] {
    let took = run.ended_at.map(|ended| span(ended.since(run.created_at))).unwrap_or_default();
    [run.id.to_string(), run.workflow.clone(), run.status.to_string(), run.created_at.to_string(), took]
}
