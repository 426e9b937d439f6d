//! What runs wait on a person for.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use super::runs::Told;
use super::select;
use crate::app::{self, App};
use crate::clock::Timestamp;
use crate::run::{Question, RunId};
use crate::store::{self, Run};

/// A question that nobody has answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenQuestion {
    /// The run that waits.
    pub run: RunId,
    /// The run's workflow.
    pub workflow: String,
    /// When it was asked, in milliseconds since 1970.
    pub asked_at: Timestamp,
    /// The question.
    pub question: Question,
}

/// Whose questions are listed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuestionList {
    /// Only those of this run.
    run: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question's id in the run.
    pub question: String,
    /// One of its choices.
    pub choice: String,
    /// What was filled in, if it has a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// Who answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// `GET /api/questions`: the oldest first.
pub(super) async fn list(
    State(app): State<App>,
    Query(wanted): Query<QuestionList>,
) -> Result<Json<Vec<OpenQuestion>>, ApiError> {
    let run = match wanted.run {
        Some(run) => Some(select::run(&app, &run).await?.id),
        None => None,
    };
    let open = app.open_questions(run).await?;
    Ok(Json(open.into_iter().map(OpenQuestion::from).collect()))
}

impl From<store::OpenQuestion> for OpenQuestion {
    fn from(open: store::OpenQuestion) -> Self {
        let store::OpenQuestion { run, workflow, question, asked_at } = open;
        Self { run, workflow, asked_at, question }
    }
}

/// `POST /api/runs/{run}/answers`
pub(super) async fn answer(
    State(app): State<App>,
    Path(run): Path<String>,
    Json(answer): Json<Answer>,
) -> Result<Json<Told>, ApiError> {
    let Run { id, seq, .. } = select::run(&app, &run).await?;
    let Answer { question, choice, form, by } = answer;
    app.answer(id, &question, app::Answer { choice, form, by }).await?;
    Ok(Json(Told { id, seq }))
}
