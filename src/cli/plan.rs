//! `callboard plan "…"`

mod apply;
mod decide;
mod show;

use std::path::{Path, PathBuf};

use clap::Args;
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::Value;

use super::complaint::Complaint;
use super::exit::Exit;
use super::output::clipped;
use super::session::{Purpose, Session};
use super::{Context, Format, source};
use crate::app::{OfferedTool, Trial};
use crate::server::{PlanLine, PlanView, Wanted};
use crate::store::ProposalId;
use crate::workflow::yaml;
use apply::Applied;
use show::Way;

/// Turns words into a workflow, or into edits of one, and shows them before anything is changed
///
/// What is proposed is checked first. Nothing is written without --apply.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard plan \"every Monday at 9, write a brief about Rust and mail it to me\" > brief.yaml
  callboard plan --workflow brief.yaml \"ask Maria before the mail goes out\"
  callboard plan --workflow brief.yaml --apply \"…\"             change the file
  callboard plan --workflow brief.yaml --try \"…\"               what the last runs would have come to with it
  callboard plan --tools catalog.json --format json \"…\"         for scripts: proposal, workflow and reply
  callboard plan --workflow weekly \"…\"                          a saved workflow: what is proposed is kept
  callboard plan --accept last --steps fetch,mail                accept a part of it
  callboard plan --another last --because \"mail is too slow\"    ask for another in its place

Exit codes: 0 there is a proposal, or nothing is to change; 1 no valid one was found; 2 invalid usage or files;
3 a question must be answered first; 5 no model replied, or the environment failed.")]
pub(super) struct Plan {
    /// What is wanted, in your words
    #[arg(required_unless_present_any = ["list", "accept", "reject", "undo", "another"])]
    request: Option<String>,
    /// The workflow that it is about: a file, or the name of a saved one; a new one is made without it
    #[arg(long, short, value_name = "FILE|NAME")]
    workflow: Option<String>,
    /// Tools besides those that there are: a JSON list of names, descriptions, schemas and effects
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// Accept the proposal, and write it: to the file, as a new version of the saved workflow, or to NAME.yaml
    #[arg(long)]
    apply: bool,
    /// Accept what is proposed for these steps only, and what that cannot do without
    #[arg(long, value_name = "STEP,…", value_delimiter = ',')]
    steps: Vec<String>,
    /// Try it first: simulate it, and show what the last recorded runs would have come to with it; no effect is performed
    #[arg(long)]
    r#try: bool,
    /// On how many recorded runs it is tried [default: 5]
    #[arg(long, value_name = "N", requires = "try")]
    runs: Option<usize>,
    /// The model that is asked, by its alias [default: default]
    #[arg(long, value_name = "ALIAS")]
    model: Option<String>,
    #[command(flatten)]
    decide: decide::Decide,
}

/// What a script is told.
#[derive(Serialize)]
struct Told<'a> {
    proposal: &'a Value,
    workflow: &'a Option<Value>,
    reply: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    besides: &'a [String],
    /// The proposal, as it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<ProposalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: &'a Option<Trial>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<&'a Applied>,
}

/// On how many recorded runs a proposal is tried if nothing is said.
const USUAL_RUNS: usize = 5;

/// The largest file of tools.
const LARGEST_TOOLS: u64 = 64 << 20;

/// How much of what comes is shown while it comes.
const LINE_WIDTH: usize = 100;

impl Plan {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        if let Some(exit) = self.decide.carry_out(&self, context).await? {
            return Ok(exit);
        }
        if self.request.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(Complaint::invalid("no_request", "nothing is asked for")
                .suggest("say what you want: callboard plan \"fetch the open issues and mail me a summary\""));
        }
        let wanted = self.wanted()?;
        let (session, _passing) = Session::look(&context.config, &context.interrupt, Purpose::Look).await?;
        let planned = context.interrupt.cuts_short(ask(&session, "/api/plans", &wanted, context)).await;
        session.close().await;
        let Some(planned) = planned else { return Ok(Exit::Interrupted) };
        let planned = planned?;
        self.told(&wanted, &planned, Way::Words, context)
    }

    /// Shows what was proposed, and writes it if that is wanted.
    fn told(&self, wanted: &Wanted, planned: &PlanView, way: Way, context: &Context) -> Result<Exit, Complaint> {
        let standing = planned.proposal.get("standing").and_then(Value::as_str).unwrap_or_default();
        let exit = match standing {
            "failed" => Exit::RunFailed,
            "asking" => Exit::Parked,
            _ => Exit::Done,
        };
        let applied = if self.apply && standing == "ready" { Some(self.apply(wanted, planned)?) } else { None };
        match context.output.format() {
            Format::Json => context.output.json(&Told {
                proposal: &planned.proposal,
                workflow: &planned.workflow,
                reply: &planned.reply,
                besides: &planned.besides,
                trial: &planned.trial,
                id: planned.id,
                applied: applied.as_ref(),
            }),
            Format::Text => show::show(planned, applied.as_ref(), &self.steps, way, &context.output),
        }
        Ok(exit)
    }

    /// Writes what was accepted to where it belongs.
    fn apply(&self, wanted: &Wanted, planned: &PlanView) -> Result<Applied, Complaint> {
        if let Some(saved) = &planned.saved {
            return Ok(Applied::of_saved(saved));
        }
        let workflow = planned.workflow.as_ref().and_then(|json| yaml::from_json(json).ok());
        let Some(workflow) = workflow else {
            return Err(Complaint::environment("other_version", "what was proposed cannot be read by this version"));
        };
        match (&self.workflow, wanted.files.first()) {
            (Some(path), Some(file)) => apply::to_file(Path::new(path), &file.text, workflow),
            (Some(path), None) => apply::to_new_file(Path::new(path), &workflow),
            (None, _) => apply::to_new_file(Path::new(&format!("{}.yaml", workflow.name)), &workflow),
        }
    }

    fn wanted(&self) -> Result<Wanted, Complaint> {
        let mut wanted = Wanted {
            request: self.request.clone().unwrap_or_default(),
            tools: self.tools.as_deref().map(tools).transpose()?.unwrap_or_default(),
            model: self.model.clone(),
            steps: self.steps.clone(),
            trial: self.runs.or(self.r#try.then_some(USUAL_RUNS)),
            save: self.apply,
            ..Wanted::default()
        };
        match &self.workflow {
            Some(name) if !Path::new(name).exists() && is_name(name) => wanted.workflow = Some(name.clone()),
            // A file that is to be made.
            Some(file) if self.apply && !Path::new(file).exists() => {}
            Some(file) => wanted.files = source::gather(Path::new(file))?,
            None => {}
        }
        Ok(wanted)
    }
}

/// Whether a text can be the name of a saved workflow.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The tools of a file.
fn tools(path: &Path) -> Result<Vec<OfferedTool>, Complaint> {
    let unreadable = |reason: String| {
        Complaint::invalid("bad_tools", format!("{} is no list of tools: {reason}", path.display()))
            .suggest("it is a JSON list: [{\"name\": \"mail.send\", \"description\": \"Sends a mail\", \"effect\": \"irreversible\"}]")
    };
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > LARGEST_TOOLS {
        return Err(unreadable(format!("it has {length} bytes, and {} MiB are allowed", LARGEST_TOOLS >> 20)));
    }
    let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
}

/// Asks for a proposal, and shows what comes while it comes.
async fn ask<W: Serialize + Sync>(
    session: &Session,
    path: &str,
    wanted: &W,
    context: &Context,
) -> Result<PlanView, Complaint> {
    let mut lines = session.post_for_lines::<_, PlanLine>(path, wanted).await?;
    let mut busy = None;
    while let Some(line) = lines.next().await {
        match line? {
            PlanLine::Asking(round) => {
                let message =
                    if round == 1 { "asking the model".to_owned() } else { format!("asking again, round {round}") };
                busy = Some(context.screen.busy(message));
            }
            PlanLine::Came(edit) => {
                let word = |key: &str| edit.get(key).and_then(Value::as_str).unwrap_or_default();
                let text = format!("{} {}", word("do"), word("step"));
                busy = Some(context.screen.busy(clipped(text.trim(), LINE_WIDTH)));
            }
            PlanLine::Wrong(problems) => {
                let text = format!("not valid yet: {}", problems.first().map(String::as_str).unwrap_or_default());
                busy = Some(context.screen.busy(clipped(&text, LINE_WIDTH)));
            }
            PlanLine::Planned(planned) => return Ok(*planned),
            PlanLine::Failed { invalid, error } => {
                let exit = if invalid { Exit::Invalid } else { Exit::Environment };
                return Err(Complaint { exit, error });
            }
        }
    }
    drop(busy);
    Err(Complaint::environment("unreachable_owner", "the process that works on the data folder has gone")
        .suggest("try again; nothing is lost"))
}
