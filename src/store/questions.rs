//! What runs wait on people for, over all runs. The journal writes it, with the events; this reads.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::column;
use super::workspace::Workspace;
use crate::clock::Timestamp;
use crate::run::{Question, RunEvent, RunId};

/// A question that a run waits on.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenQuestion {
    /// The run.
    pub run: RunId,
    /// The run's workflow, by name.
    pub workflow: String,
    /// What is asked, by whom it may be answered and until when.
    pub question: Question,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// How a question was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was chosen.
    pub choice: String,
    /// By whom; `None` if the deadline did.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The questions of one workspace's runs.
#[derive(Clone, Debug)]
pub struct Questions {
    workspace: Workspace,
}

macro_rules! select_question {
    ($rest:literal) => {
        concat!(
            "SELECT questions.run, questions.id, questions.asked_at, runs.workflow, events.body FROM questions \
             JOIN runs ON runs.id = questions.run AND runs.ended_at IS NULL \
             JOIN events ON events.run = questions.run AND events.seq = questions.seq \
             WHERE questions.workspace_id = ?1 AND questions.answered_at IS NULL ",
            $rest
        )
    };
}

impl Questions {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// The questions that somebody still waits on, the oldest first, at most `limit`; after the last of the page
    /// before, if one is given.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails, or a question cannot be read.
    pub async fn open(&self, after: Option<&OpenQuestion>, limit: usize) -> Result<Vec<OpenQuestion>, StoreError> {
        let rows = sqlx::query(select_question!(
            "AND (questions.asked_at, questions.run, questions.id) > (?2, ?3, ?4) \
             ORDER BY questions.asked_at, questions.run, questions.id LIMIT ?5"
        ))
        .bind(self.workspace.id().as_str())
        .bind(after.map_or(Timestamp(i64::MIN), |question| question.asked_at))
        .bind(after.map_or(RunId(uuid::Uuid::nil()), |question| question.run))
        .bind(after.map_or("", |question| &*question.question.id))
        .bind(column::limit(limit))
        .fetch_all(self.workspace.shared.database.reading())
        .await?;
        rows.iter().map(open_question).collect()
    }

    /// The open questions of one run, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails, or a question cannot be read.
    pub async fn of_run(&self, run: RunId) -> Result<Vec<OpenQuestion>, StoreError> {
        let rows = sqlx::query(select_question!("AND questions.run = ?2 ORDER BY questions.asked_at, questions.id"))
            .bind(self.workspace.id().as_str())
            .bind(run)
            .fetch_all(self.workspace.shared.database.reading())
            .await?;
        rows.iter().map(open_question).collect()
    }

    /// How a question was answered, if it was.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn answer(&self, run: RunId, question: &str) -> Result<Option<Answer>, StoreError> {
        let row = sqlx::query(
            "SELECT choice, answered_by, answered_at FROM questions \
             WHERE run = ? AND id = ? AND workspace_id = ? AND answered_at IS NOT NULL",
        )
        .bind(run)
        .bind(question)
        .bind(self.workspace.id().as_str())
        .fetch_optional(self.workspace.shared.database.reading())
        .await?;
        row.map(|row| {
            Ok(Answer {
                choice: row.try_get("choice")?,
                by: row.try_get("answered_by")?,
                at: row.try_get("answered_at")?,
            })
        })
        .transpose()
    }
}

fn open_question(row: &SqliteRow) -> Result<OpenQuestion, StoreError> {
    let run: RunId = row.try_get("run")?;
    let corrupt = |reason: String| {
        let id = row.try_get::<&str, _>("id").unwrap_or("?");
        StoreError::Corrupt { what: format!("question {id} of run {run}"), reason }
    };
    match serde_json::from_str(row.try_get("body")?).map_err(|error| corrupt(error.to_string()))? {
        RunEvent::Asked { question } => {
            Ok(OpenQuestion { run, workflow: row.try_get("workflow")?, question, asked_at: row.try_get("asked_at")? })
        }
        other => Err(corrupt(format!("its event is of kind `{}`", other.kind()))),
    }
}
