//! Workflows: save their files, and simulate them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::app::{App, Saved, WorkflowFile};
use crate::run::{Failure, Recorded, RunStatus};

/// A workflow file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowText {
    /// What the file is called in messages.
    pub file: String,
    /// Its text, YAML or JSON.
    pub text: String,
}

/// Files to be saved together: they may start each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWorkflows {
    /// The files.
    pub files: Vec<WorkflowText>,
}

/// A saved version of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedWorkflow {
    /// What its file is called.
    pub file: String,
    /// The workflow's name.
    pub name: String,
    /// The version's hash.
    pub version: String,
    /// JSON Schema of each input, by name.
    pub inputs: IndexMap<String, Value>,
}

/// A simulation that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    /// The files: the first one is simulated, the others are what it starts. Nothing is saved.
    pub files: Vec<WorkflowText>,
    /// Its inputs; what has a default may be left out.
    #[serde(default)]
    pub inputs: Map<String, Value>,
    /// Choices by question id; a question that is not here gets its default, else its first choice.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
}

/// What a simulation came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Simulated {
    /// How it ended; `waiting` if it would wait for a signal.
    pub status: RunStatus,
    /// Its result, if it completed.
    pub result: Option<Value>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The calls that were not made, since they would have changed the world.
    pub withheld: Vec<Value>,
    /// All that happened, at the times at which it would have.
    pub events: Vec<Recorded>,
}

impl From<Saved> for SavedWorkflow {
    fn from(saved: Saved) -> Self {
        let inputs = saved.inputs().clone();
        let Saved { file, workflow } = saved;
        Self { file, name: workflow.workflow().name.clone(), version: workflow.hash().to_owned(), inputs }
    }
}

impl From<WorkflowText> for WorkflowFile {
    fn from(WorkflowText { file, text }: WorkflowText) -> Self {
        Self { file, text }
    }
}

/// `POST /api/workflows`: all are saved, or none; each becomes the live version of its workflow.
pub(super) async fn save(
    State(app): State<App>,
    Json(wanted): Json<NewWorkflows>,
) -> Result<Json<Vec<SavedWorkflow>>, ApiError> {
    let files: Vec<WorkflowFile> = wanted.files.into_iter().map(WorkflowFile::from).collect();
    Ok(Json(app.save(&files).await?.into_iter().map(SavedWorkflow::from).collect()))
}

/// `POST /api/workflows/check`: the same without saving anything.
pub(super) async fn check(
    State(app): State<App>,
    Json(wanted): Json<NewWorkflows>,
) -> Result<Json<Vec<SavedWorkflow>>, ApiError> {
    let files: Vec<WorkflowFile> = wanted.files.into_iter().map(WorkflowFile::from).collect();
    Ok(Json(app.check(&files).await?.into_iter().map(SavedWorkflow::from).collect()))
}

/// `POST /api/simulations`: what a workflow would do. Nothing is saved, and nothing is changed.
pub(super) async fn simulate(
    State(app): State<App>,
    Json(wanted): Json<Simulate>,
) -> Result<Json<Simulated>, ApiError> {
    let files: Vec<WorkflowFile> = wanted.files.into_iter().map(WorkflowFile::from).collect();
    let report = app.simulate(&files, wanted.inputs, wanted.answers).await?;
    let withheld = report.withheld.iter().map(|call| serde_json::to_value(call).unwrap_or_default()).collect();
    let summary = report.summary;
    Ok(Json(Simulated {
        status: summary.status,
        result: summary.result,
        failure: summary.failure,
        withheld,
        events: report.events,
    }))
}
