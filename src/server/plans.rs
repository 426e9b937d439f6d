//! Plans: what people ask of workflows. The answer comes line by line, since a model takes its time.

use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use super::WorkflowText;
use super::error::{ApiError, ErrorBody};
use crate::app::{AnotherWanted, App, NewPlan, OfferedTool, Planned, Saving, Subject, Trial, WorkflowFile};
use crate::planner::Progress;
use crate::store::ProposalId;
use crate::workflow::StepId;
use crate::workflow::yaml::to_json;

/// Lines that wait for a program that reads slowly.
const LINES_AHEAD: usize = 1_024;

/// What a person wants of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// What they said.
    pub request: String,
    /// The file that it is about, and after it those that it starts.
    #[serde(default)]
    pub files: Vec<WorkflowText>,
    /// The saved workflow that it is about, if there is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Tools besides those that there are.
    #[serde(default)]
    pub tools: Vec<OfferedTool>,
    /// The alias of the model that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The steps that are accepted; all if there are none.
    #[serde(default)]
    pub steps: Vec<String>,
    /// How many recorded runs it is tried on, if it is to be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<usize>,
    /// Whether what is accepted is saved as a new version, if it is about a saved workflow.
    #[serde(default)]
    pub save: bool,
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// The proposal, as far as it is accepted: edits, diff, kept hashes, problems, confidence.
    pub proposal: Value,
    /// The workflow after the edits that are accepted, in the file's format; as it was, if none can be. Null if there is none.
    pub workflow: Option<Value>,
    /// What is said to the person.
    pub reply: String,
    /// The steps that were accepted although they were not named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<String>,
    /// What comes of trying it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// The version that was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<SavedVersion>,
    /// The proposal, as it is kept: `GET /api/proposals/{id}`. One about files is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ProposalId>,
}

/// A version that was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedVersion {
    /// The workflow.
    pub workflow: String,
    /// The version's hash.
    pub version: String,
    /// How many lines with a comment are in the version before, and not in it.
    pub lost_comments: usize,
}

/// A line of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanLine {
    /// The model is asked, for the first time or once more.
    Asking(u32),
    /// An edit has come; it is not checked yet.
    Came(Value),
    /// What came is not valid, and goes back to the model: why.
    Wrong(Vec<String>),
    /// What it came to: the last line.
    Planned(Box<PlanView>),
    /// Why it came to nothing: the last line.
    Failed {
        /// Whether it was asked for wrongly; else something around the program failed.
        invalid: bool,
        /// What went wrong.
        error: ErrorBody,
    },
}

impl From<Planned> for PlanView {
    fn from(planned: Planned) -> Self {
        let Planned { base, saved, proposed, accepted, part, trial, kept, .. } = planned;
        let proposed = part.unwrap_or(proposed);
        let workflow = accepted.as_ref().map(|accepted| &accepted.workflow).or(base.as_ref());
        let besides = accepted.iter().flat_map(|accepted| &accepted.besides).map(ToString::to_string).collect();
        Self {
            proposal: serde_json::to_value(&proposed.proposal).unwrap_or_default(),
            workflow: workflow.map(to_json),
            reply: proposed.reply,
            besides,
            trial,
            saved: saved.map(|done| SavedVersion {
                workflow: done.workflow,
                version: done.after.version,
                lost_comments: done.lost_comments,
            }),
            id: kept,
        }
    }
}

/// `POST /api/plans`: a proposal for what a person wants. It is kept, to be decided about; nothing else is saved unless that is asked for.
pub(super) async fn make(State(app): State<App>, Json(wanted): Json<Wanted>) -> Response {
    lines(app, Work::Plan(new_plan(wanted)))
}

/// What is answered line by line.
pub(super) enum Work {
    /// A proposal.
    Plan(NewPlan),
    /// Another in the place of this one.
    Another(ProposalId, AnotherWanted),
}

/// Has a proposal made, and answers with what comes as it comes.
pub(super) fn lines(app: App, work: Work) -> Response {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    tokio::spawn(async move {
        let tell = sender.clone();
        let mut watch = move |progress: Progress| {
            // Only a look at what goes on: whoever reads slowly misses some of it.
            let _ = tell.try_send(line(&match progress {
                Progress::Asking { round } => PlanLine::Asking(round),
                Progress::Came(asked) => PlanLine::Came(serde_json::to_value(asked).unwrap_or_default()),
                Progress::Wrong(problems) => PlanLine::Wrong(problems.iter().map(ToString::to_string).collect()),
            }));
        };
        let planning = async {
            match work {
                Work::Plan(wanted) => app.plan(wanted, &mut watch).await,
                Work::Another(id, wanted) => app.another_proposal(id, wanted, &mut watch).await,
            }
        };
        let planned = tokio::select! {
            planned = planning => planned,
            () = sender.closed() => return,
        };
        let last = match planned {
            Ok(planned) => PlanLine::Planned(Box::new(planned.into())),
            Err(error) => {
                let ApiError { status, body: error } = error.into();
                PlanLine::Failed { invalid: status.is_client_error(), error }
            }
        };
        // Whoever has gone away misses nothing.
        let _ = sender.send(line(&last)).await;
    });
    let lines = futures::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|line| (Ok::<Bytes, Infallible>(line), receiver))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

fn line(line: &PlanLine) -> Bytes {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text.into()
}

fn new_plan(wanted: Wanted) -> NewPlan {
    let Wanted { request, files, workflow, tools, model, steps, trial, save } = wanted;
    let saving = if save { Saving::Accepted } else { Saving::Proposal };
    let subject = match (files.is_empty(), workflow) {
        (false, _) => Some(Subject::Files(files.into_iter().map(WorkflowFile::from).collect())),
        (true, Some(name)) => Some(Subject::Saved(name)),
        (true, None) => None,
    };
    let steps = steps.iter().map(|step| StepId::from(step.as_str())).collect();
    NewPlan { request, subject, tools, turns: Vec::new(), others: Vec::new(), model, steps, trial, saving }
}
