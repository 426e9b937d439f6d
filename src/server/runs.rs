//! Runs: begin, list, show, and tell them something.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ApiError;
use super::select;
use crate::app::{self, App};
use crate::clock::Timestamp;
use crate::run::{Failure, RunId, RunStatus};
use crate::store::{Run, RunFilter};

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// Hash of the version that it pins.
    pub version: String,
    /// How it stands.
    pub status: RunStatus,
    /// The number of its last event.
    pub seq: u64,
    /// When it began, in milliseconds since 1970.
    pub created_at: Timestamp,
    /// When its last event happened, in milliseconds since 1970.
    pub updated_at: Timestamp,
    /// When it ended, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When its next timer is due, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Timestamp>,
    /// The run whose `workflow` step started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// The run that it retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
    /// Its result, once it has completed. Lists of runs leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed or was cancelled. Lists of runs leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            id: run.id,
            workflow: run.workflow,
            version: run.version,
            status: run.status,
            seq: run.seq,
            created_at: run.created_at,
            updated_at: run.updated_at,
            ended_at: run.ended_at,
            wake_at: run.wake_at,
            parent: run.parent.map(|(run, _)| run),
            retry_of: run.retry_of,
            result: None,
            failure: None,
        }
    }
}

/// Which runs are listed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunList {
    /// Only those that stand so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// Only those of this workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Only those older than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RunId>,
    /// How many at most: 50 unless given, 1,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// How many runs are listed unless the request says.
const USUAL_PAGE: usize = 50;

/// How many runs are listed at most.
const LARGEST_PAGE: usize = 1_000;

/// A run that is to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Its id, if whoever asks wants to be able to ask twice: a run that is there is not begun again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RunId>,
    /// The workflow's name.
    pub workflow: String,
    /// Hash of the version; the live one if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its inputs; what has a default may be left out.
    #[serde(default)]
    pub inputs: Map<String, Value>,
    /// When it is cancelled if it has not ended, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

/// A run that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Its id.
    pub id: RunId,
}

/// What was told to a run is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The run.
    pub id: RunId,
    /// The number of its last event before that.
    pub seq: u64,
}

/// A wish to end a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Why.
    pub reason: String,
}

/// A wish to try an ended run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The step to begin with; what failed, if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// `GET /api/runs`: the newest first.
pub(super) async fn list(
    State(app): State<App>,
    Query(wanted): Query<RunList>,
) -> Result<Json<Vec<RunView>>, ApiError> {
    let runs = app.workspace().runs();
    let before = match wanted.before {
        Some(id) => runs.get(id).await?.map(|run| (run.created_at, run.id)),
        None => None,
    };
    let filter = RunFilter { status: wanted.status, workflow: wanted.workflow, before };
    let limit = wanted.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
    Ok(Json(runs.list(&filter, limit).await?.into_iter().map(RunView::from).collect()))
}

/// `POST /api/runs`: the run is durable when this returns.
pub(super) async fn begin(State(app): State<App>, Json(wanted): Json<NewRun>) -> Result<Json<Begun>, ApiError> {
    let NewRun { id, workflow, version, inputs, deadline } = wanted;
    let id = app.begin(app::NewRun { id, workflow, version, inputs, deadline }).await?;
    Ok(Json(Begun { id }))
}

/// `GET /api/runs/{run}`
pub(super) async fn show(State(app): State<App>, Path(run): Path<String>) -> Result<Json<RunView>, ApiError> {
    let run = select::run(&app, &run).await?;
    let mut view = RunView::from(run);
    if view.status.is_end() {
        let summary = app.summary(view.id).await?;
        view.result = summary.result;
        view.failure = summary.failure;
    }
    Ok(Json(view))
}

/// `POST /api/runs/{run}/cancel`
pub(super) async fn cancel(
    State(app): State<App>,
    Path(run): Path<String>,
    Json(wanted): Json<Cancel>,
) -> Result<Json<Told>, ApiError> {
    let Run { id, seq, .. } = select::run(&app, &run).await?;
    app.engine().await?.cancel(id, &wanted.reason).await?;
    Ok(Json(Told { id, seq }))
}

/// `POST /api/runs/{run}/retry`: a new run, which reuses what the ended one has done.
pub(super) async fn retry(
    State(app): State<App>,
    Path(run): Path<String>,
    Json(wanted): Json<Retry>,
) -> Result<Json<Begun>, ApiError> {
    let id = select::run(&app, &run).await?.id;
    let id = app.engine().await?.retry(id, wanted.from.as_deref()).await?;
    Ok(Json(Begun { id }))
}

/// `POST /api/runs/{run}/signals/{name}`: the body is the signal's payload.
pub(super) async fn signal(
    State(app): State<App>,
    Path((run, name)): Path<(String, String)>,
    Json(payload): Json<Value>,
) -> Result<Json<Told>, ApiError> {
    let Run { id, seq, .. } = select::run(&app, &run).await?;
    app.engine().await?.signal(id, &name, payload).await?;
    Ok(Json(Told { id, seq }))
}
