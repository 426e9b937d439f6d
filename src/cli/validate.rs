//! `callboard validate FILE`

use std::path::PathBuf;

use clap::Args;

use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format, source};
use crate::server::{NewWorkflows, SavedWorkflow};

/// Checks a workflow file and reports everything that is wrong with it
///
/// Workflows that it starts are looked for among the files beside it, then among those saved in the data folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard validate brief.yaml
  callboard validate brief.yaml --format json       problems as JSON on standard error, with line and column")]
pub(super) struct Validate {
    /// The workflow file, YAML or JSON
    file: PathBuf,
}

impl Validate {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let files = source::gather(&self.file)?;
        let (mut session, _passing) = Session::look(&context.config, &context.interrupt, Purpose::Look).await?;
        let checked = session.post("/api/workflows/check", &NewWorkflows { files }, Twice::Harmless).await;
        session.close().await;
        let checked: Vec<SavedWorkflow> = checked?;
        match context.output.format() {
            Format::Json => context.output.json(&checked),
            Format::Text => {
                for SavedWorkflow { file, name, .. } in &checked {
                    context.output.line(format!("{file}: workflow {name} is valid"));
                }
            }
        }
        Ok(Exit::Done)
    }
}
