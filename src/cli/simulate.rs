//! `callboard simulate FILE`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::complaint::Complaint;
use super::exit::Exit;
use super::follow::exit_of;
use super::output::{clipped, value_text};
use super::progress::{Change, Progress};
use super::run::Inputs;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format, source};
use crate::server::{NewWorkflows, SavedWorkflow, Simulate as Wanted, Simulated};

/// Shows what a workflow would do, and changes nothing
///
/// Calls that only read are made; those that would change the world are listed instead. Time passes at once, and
/// questions get the answer that is given, else their default, else their first choice. Nothing is saved.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard simulate brief.yaml --input topic=Rust
  callboard simulate brief.yaml --answer go_on=rejected
  callboard simulate brief.yaml --format json | jq .withheld       the calls that were not made")]
pub(super) struct Simulate {
    /// The workflow file, YAML or JSON
    file: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// The answer to a question
    #[arg(long = "answer", value_name = "QUESTION=CHOICE", value_parser = answer)]
    answers: Vec<(String, String)>,
}

/// How much of a withheld call's arguments is shown.
const ARGUMENTS_WIDTH: usize = 120;

impl Simulate {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let files = source::gather(&self.file)?;
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Work).await?;
        let simulated = async {
            let check = NewWorkflows { files: files.clone() };
            let checked: Vec<SavedWorkflow> = session.post("/api/workflows/check", &check, Twice::Harmless).await?;
            let inputs = checked.first().map(|workflow| self.inputs.read(workflow)).transpose()?.unwrap_or_default();
            let answers: BTreeMap<String, String> = self.answers.into_iter().collect();
            session.post("/api/simulations", &Wanted { files, inputs, answers }, Twice::Harmless).await
        };
        let simulated = context.interrupt.cuts_short(simulated).await;
        session.close().await;
        let Some(simulated) = simulated else { return Ok(Exit::Interrupted) };
        let simulated: Simulated = simulated?;
        match context.output.format() {
            Format::Json => context.output.json(&simulated),
            Format::Text => write(context, &simulated),
        }
        Ok(exit_of(simulated.status))
    }
}

fn write(context: &Context, simulated: &Simulated) {
    let output = &context.output;
    let mut progress = Progress::default();
    for recorded in &simulated.events {
        match progress.apply(recorded) {
            Some(Change::Ended(id)) => {
                if let Some(step) = progress.step(&id) {
                    output.line(step.line(16));
                }
            }
            Some(Change::Said(text)) => output.line(format!("  {text}")),
            Some(Change::Began(_)) | None => {}
        }
    }
    for call in &simulated.withheld {
        let text = |field: &str| call.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let arguments = call.get("arguments").map(ToString::to_string).unwrap_or_default();
        let (step, tool, effect) = (text("step"), text("tool"), text("effect"));
        let ask = if call.get("doubt").is_some() { "would ask a person, and then call" } else { "would call" };
        output.line(format!("{ask} {tool} ({effect}) in {step}: {}", clipped(&arguments, ARGUMENTS_WIDTH)));
        if call.get("doubt").is_some() {
            output.line(format!("  {}", text("doubt")));
        }
    }
    output.line(format!("would be {}", simulated.status));
    if let Some(failure) = &simulated.failure {
        output.line(format!("  {failure}"));
    }
    if let Some(result) = simulated.result.as_ref().filter(|result| !result.is_null()) {
        output.line(value_text(result));
    }
}

fn answer(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(question, choice)| (question.to_owned(), choice.to_owned()))
        .ok_or_else(|| format!("`{text}` is not of the form question=choice"))
}
