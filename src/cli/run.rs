//! `callboard run FILE`

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use super::carry::{Watching, carry};
use super::complaint::Complaint;
use super::exit::Exit;
use super::pairs::{self, Pair};
use super::session::{Session, Twice};
use super::{Context, Format, source};
use crate::clock::{Clock as _, SystemClock};
use crate::run::RunId;
use crate::server::{Begun, NewRun, NewWorkflows, SavedWorkflow, WorkflowText};

/// Carries out a workflow file and prints its result
///
/// The file is saved as a version of its workflow, which the run pins. Workflows that it starts are looked for among the
/// files beside it, then among those saved. Every step is recorded before the next one begins: after a crash or Ctrl-C,
/// `callboard resume` goes on. Beside a process that works on the same data folder, that process carries the run out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard run brief.yaml --input topic=\"EU AI Act\" --input sections=3
  callboard run brief.yaml --inputs inputs.json --format json | jq .result
  callboard run brief.yaml --follow                 every event as it happens
  callboard run brief.yaml --detach                 only record it; `callboard resume` carries it out

Ends with 0 if the run completed, 1 if it failed, 3 if it waits for a person, 4 if it was cancelled.")]
pub(super) struct Run {
    /// The workflow file, YAML or JSON
    file: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    watching: Watching,
}

/// The inputs of a run.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    /// An input; where the workflow takes text it is taken as it is, else read as JSON
    #[arg(long = "input", short = 'i', value_name = "KEY=VALUE")]
    pairs: Vec<Pair>,
    /// A file with a JSON object of inputs; `-` for standard input
    #[arg(long = "inputs", value_name = "FILE")]
    object: Option<PathBuf>,
}

impl Run {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let files = source::gather(&self.file)?;
        begin(context, files, |workflow| self.inputs.read(workflow), self.watching).await
    }
}

/// Saves workflows, begins a run of the first one and carries it out.
pub(super) async fn begin(
    context: &Context,
    files: Vec<WorkflowText>,
    inputs: impl FnOnce(&SavedWorkflow) -> Result<Map<String, Value>, Complaint>,
    watching: Watching,
) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, watching.purpose()).await?;
    let begun = async {
        let workflow = save(&mut session, files).await?;
        let inputs = inputs(&workflow)?;
        let SavedWorkflow { name, version, .. } = workflow;
        // With an id of its own it can be asked for twice, and is begun once.
        let id = Some(RunId(SystemClock.fresh_id()));
        let wanted = NewRun { id, workflow: name.clone(), version: Some(version), inputs, deadline: None };
        let Begun { id } = session.post("/api/runs", &wanted, Twice::Harmless).await?;
        Ok((id, name))
    };
    let (id, name) = match begun.await {
        Ok(begun) => begun,
        Err(complaint) => {
            session.close().await;
            return Err(complaint);
        }
    };
    if watching.is_detached() {
        session.close().await;
        match context.output.format() {
            Format::Text => context.output.line(id),
            Format::Json => context.output.json(&Begun { id }),
        }
        return Ok(Exit::Done);
    }
    if context.output.format() == Format::Text {
        context.output.line(format!("run {id} of {name}"));
    }
    carry(context, session, id, watching).await
}

impl Inputs {
    /// The inputs, read as the workflow declares them.
    pub(super) fn read(&self, workflow: &SavedWorkflow) -> Result<Map<String, Value>, Complaint> {
        let mut inputs = match &self.object {
            None => Map::new(),
            Some(path) => {
                let read = if path.as_os_str() == "-" {
                    std::io::read_to_string(std::io::stdin())
                } else {
                    std::fs::read_to_string(path)
                };
                let name = path.display();
                let text = read.map_err(|error| {
                    Complaint::invalid("unreadable_file", format!("{name} cannot be read: {error}"))
                })?;
                match pairs::json(&name.to_string(), &text)? {
                    Value::Object(inputs) => inputs,
                    _ => {
                        return Err(Complaint::invalid("bad_inputs", format!("{name} holds no JSON object of inputs")));
                    }
                }
            }
        };
        inputs.append(&mut pairs::object(&self.pairs, |key| workflow.inputs.get(key)));
        Ok(inputs)
    }
}

/// Saves the files as versions of their workflows; the first one is the one that was named.
async fn save(session: &mut Session, files: Vec<WorkflowText>) -> Result<SavedWorkflow, Complaint> {
    let saved: Vec<SavedWorkflow> = session.post("/api/workflows", &NewWorkflows { files }, Twice::Harmless).await?;
    saved
        .into_iter()
        .next()
        .ok_or_else(|| Complaint::environment("other_version", "the owner of the data folder saved no workflow"))
}
