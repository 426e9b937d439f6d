//! The heads of runs: what can be known of a run without folding its events. The journal writes them; this reads.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::StoreError;
use super::column::{self, count};
use super::workspace::Workspace;
use crate::clock::Timestamp;
use crate::run::{RunId, RunStatus, StepPath};

/// A run's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// Hash of the pinned version.
    pub version: String,
    /// How it stands.
    pub status: RunStatus,
    /// The number of its last event.
    pub seq: u64,
    /// When its first event was decided.
    pub created_at: Timestamp,
    /// When its last event was decided.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When its next timer is due.
    pub wake_at: Option<Timestamp>,
    /// How many `workflow` steps lie above it.
    pub depth: u8,
    /// The run and the step that started it.
    pub parent: Option<(RunId, StepPath)>,
    /// The run that it retries.
    pub retry_of: Option<RunId>,
}

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those that stand so.
    pub status: Option<RunStatus>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<(Timestamp, RunId)>,
}

/// What an id, or the beginning of one, names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No run.
    Nothing,
    /// This one.
    One(Box<Run>),
    /// More than one: some of them.
    Many(Vec<RunId>),
}

/// The heads of one workspace's runs.
#[derive(Clone, Debug)]
pub struct Runs {
    workspace: Workspace,
}

macro_rules! select_run {
    ($rest:literal) => {
        concat!(
            "SELECT id, workflow, version, status, seq, created_at, updated_at, ended_at, wake_at, depth, parent_run, \
             parent_step, retry_of FROM runs ",
            $rest
        )
    };
}

impl Runs {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// A run by its id.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn get(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        sqlx::query(select_run!("WHERE id = ? AND workspace_id = ?"))
            .bind(id)
            .bind(self.workspace.id().as_str())
            .fetch_optional(self.reading())
            .await?
            .map(|row| run(&row))
            .transpose()
    }

    /// The run whose id begins with this text (with or without hyphens).
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn find(&self, prefix: &str) -> Result<Found, StoreError> {
        const SHOWN: usize = 5;
        let Some((first, last)) = range_of(prefix) else { return Ok(Found::Nothing) };
        let rows = sqlx::query(select_run!("WHERE id BETWEEN ? AND ? AND workspace_id = ? ORDER BY id LIMIT ?"))
            .bind(RunId(first))
            .bind(RunId(last))
            .bind(self.workspace.id().as_str())
            .bind(column::limit(SHOWN))
            .fetch_all(self.reading())
            .await?;
        let mut runs: Vec<Run> = rows.iter().map(run).collect::<Result<_, _>>()?;
        Ok(match runs.len() {
            0 => Found::Nothing,
            1 => Found::One(Box::new(runs.remove(0))),
            _ => Found::Many(runs.into_iter().map(|run| run.id).collect()),
        })
    }

    /// The newest runs first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn list(&self, filter: &RunFilter, limit: usize) -> Result<Vec<Run>, StoreError> {
        let (before, before_id) = filter.before.map_or((i64::MAX, RunId(Uuid::max())), |(at, id)| (at.0, id));
        let workspace = self.workspace.id().as_str();
        // Two statements, so that each is read along its own index and stops at the limit.
        let query = match filter.status {
            None => sqlx::query(select_run!(
                "WHERE workspace_id = ?1 AND created_at <= ?2 AND (created_at < ?2 OR id < ?3) \
                 AND (?4 IS NULL OR workflow = ?4) ORDER BY created_at DESC, id DESC LIMIT ?5"
            )),
            Some(_) => sqlx::query(select_run!(
                "WHERE workspace_id = ?1 AND status = ?6 AND created_at <= ?2 AND (created_at < ?2 OR id < ?3) \
                 AND (?4 IS NULL OR workflow = ?4) ORDER BY created_at DESC, id DESC LIMIT ?5"
            )),
        };
        let rows = query
            .bind(workspace)
            .bind(before)
            .bind(before_id)
            .bind(filter.workflow.as_deref())
            .bind(column::limit(limit))
            .bind(filter.status.map(RunStatus::as_str))
            .fetch_all(self.reading())
            .await?;
        rows.iter().map(run).collect()
    }

    /// The runs that `workflow` steps of this one have started, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn children(&self, parent: RunId) -> Result<Vec<Run>, StoreError> {
        let rows = sqlx::query(select_run!("WHERE parent_run = ? AND workspace_id = ? ORDER BY created_at, id"))
            .bind(parent)
            .bind(self.workspace.id().as_str())
            .fetch_all(self.reading())
            .await?;
        rows.iter().map(run).collect()
    }

    /// Recovery: all runs that need an actor now. Those that are running or being cancelled; and those that wait for
    /// the end of a run that has ended, or was never made, since the process stopped in between.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn to_recover(&self) -> Result<Vec<RunId>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT id FROM runs WHERE workspace_id = ?1 AND status IN ('running', 'cancelling') \
             UNION \
             SELECT waits.parent FROM child_waits AS waits \
             JOIN runs AS parent ON parent.id = waits.parent AND parent.ended_at IS NULL \
             LEFT JOIN runs AS child ON child.id = waits.child \
             WHERE waits.workspace_id = ?1 AND (child.id IS NULL OR child.ended_at IS NOT NULL)",
        )
        .bind(self.workspace.id().as_str())
        .fetch_all(self.reading())
        .await?)
    }

    /// The runs with a timer due at `now`, in the order in which they are due, at most `limit`; after the last of
    /// the page before, if one is given.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn due(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, RunId)>,
        limit: usize,
    ) -> Result<Vec<(Timestamp, RunId)>, StoreError> {
        let (after, after_id) = after.map_or((i64::MIN, RunId(Uuid::nil())), |(at, id)| (at.0, id));
        Ok(sqlx::query_as(
            "SELECT wake_at, id FROM runs WHERE workspace_id = ?1 AND wake_at IS NOT NULL AND wake_at <= ?2 \
             AND wake_at >= ?3 AND (wake_at > ?3 OR id > ?4) ORDER BY wake_at, id LIMIT ?5",
        )
        .bind(self.workspace.id().as_str())
        .bind(now)
        .bind(after)
        .bind(after_id)
        .bind(column::limit(limit))
        .fetch_all(self.reading())
        .await?)
    }

    /// When the first timer after `after` is due.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn next_wake(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT min(wake_at) FROM runs WHERE workspace_id = ? AND wake_at IS NOT NULL AND wake_at > ?",
        )
        .bind(self.workspace.id().as_str())
        .bind(after.map_or(i64::MIN, |at| at.0))
        .fetch_one(self.reading())
        .await?)
    }

    /// How many runs there are of each status that occurs.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn counts(&self) -> Result<Vec<(RunStatus, u64)>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT status, count(*) FROM runs WHERE workspace_id = ? GROUP BY status ORDER BY status")
                .bind(self.workspace.id().as_str())
                .fetch_all(self.reading())
                .await?;
        rows.into_iter().map(|(status, runs)| Ok((status_of(&status)?, count(runs)))).collect()
    }

    fn reading(&self) -> &sqlx::SqlitePool {
        self.workspace.shared.database.reading()
    }
}

fn run(row: &SqliteRow) -> Result<Run, StoreError> {
    let parent: Option<RunId> = row.try_get("parent_run")?;
    let parent_step: Option<&str> = row.try_get("parent_step")?;
    Ok(Run {
        id: row.try_get("id")?,
        workflow: row.try_get("workflow")?,
        version: row.try_get("version")?,
        status: status_of(row.try_get("status")?)?,
        seq: count(row.try_get("seq")?),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        ended_at: row.try_get("ended_at")?,
        wake_at: row.try_get("wake_at")?,
        depth: u8::try_from(row.try_get::<i64, _>("depth")?).unwrap_or(u8::MAX),
        parent: parent.zip(parent_step).map(|(run, step)| (run, StepPath::from(step))),
        retry_of: row.try_get("retry_of")?,
    })
}

fn status_of(text: &str) -> Result<RunStatus, StoreError> {
    text.parse().map_err(|reason| StoreError::Corrupt { what: "the head of a run".to_owned(), reason })
}

/// The first and the last id that begin with these hexadecimal digits; `None` if it is the beginning of no id.
fn range_of(prefix: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = prefix.chars().filter(|c| *c != '-').collect();
    if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: &str| Uuid::try_parse(&format!("{digits}{}", with.repeat(32 - digits.len()))).ok();
    Some((filled("0")?, filled("f")?))
}
