//! Reading what the journal holds.

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::writer::told;
use super::{Body, JournalError};
use crate::clock::Timestamp;
use crate::run::event::SCHEMA_VERSION;
use crate::run::{Recorded, RunId, StepPath};
use crate::store::column::{self, count, whole};
use crate::store::workspace::Workspace;

/// An event as it is stored. What is wrong with it is told for the event alone.
struct Stored {
    seq: i64,
    recorded: Result<Recorded, String>,
}

impl FromRow<'_, SqliteRow> for Stored {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { seq: row.try_get_unchecked(0)?, recorded: recorded(row, 0) })
    }
}

/// The event in four columns from this one on.
fn recorded(row: &SqliteRow, first: usize) -> Result<Recorded, String> {
    let told = |error: sqlx::Error| error.to_string();
    let seq: i64 = row.try_get_unchecked(first).map_err(told)?;
    let at: i64 = row.try_get_unchecked(first + 1).map_err(told)?;
    let version: i64 = row.try_get_unchecked(first + 2).map_err(told)?;
    let body: &str = row.try_get_unchecked(first + 3).map_err(told)?;
    if version != i64::from(SCHEMA_VERSION) {
        return Err(format!("it has schema version {version}, and this callboard knows {SCHEMA_VERSION}"));
    }
    Ok(Recorded {
        seq: u64::try_from(seq).map_err(|_| "its number is negative".to_owned())?,
        at: Timestamp(at),
        event: serde_json::from_str(body).map_err(|error| error.to_string())?,
    })
}

impl Stored {
    fn read(self, run: RunId) -> Result<Recorded, JournalError> {
        self.recorded.map_err(|reason| JournalError::Corrupt { run, seq: count(self.seq), reason })
    }
}

pub(super) async fn read(
    workspace: &Workspace,
    run: RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<Recorded>, JournalError> {
    let query = sqlx::query_as(
        "SELECT seq, at, v, body FROM events WHERE run = ? AND seq > ? AND workspace_id = ? ORDER BY seq LIMIT ?",
    )
    .bind(run)
    .bind(whole(after))
    .bind(workspace.id().as_str())
    .bind(column::limit(limit));
    let database = &workspace.shared.database;
    let rows: Vec<Stored> = query.fetch_all(database.reading()).await.map_err(|e| told(&e, database.folder()))?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let due = events.last().map_or(after, |last: &Recorded| last.seq) + 1;
        let recorded = row.read(run)?;
        if recorded.seq != due {
            return Err(JournalError::Corrupt { run, seq: due, reason: "it is missing".to_owned() });
        }
        events.push(recorded);
    }
    Ok(events)
}

pub(super) async fn read_one(workspace: &Workspace, run: RunId, seq: u64) -> Result<Option<Recorded>, JournalError> {
    let query = sqlx::query_as("SELECT seq, at, v, body FROM events WHERE run = ? AND seq = ? AND workspace_id = ?")
        .bind(run)
        .bind(whole(seq))
        .bind(workspace.id().as_str());
    let database = &workspace.shared.database;
    let row: Option<Stored> =
        query.fetch_optional(database.reading()).await.map_err(|e| told(&e, database.folder()))?;
    row.map(|row| row.read(run)).transpose()
}

pub(super) async fn bodies(
    workspace: &Workspace,
    run: RunId,
    step: &StepPath,
    after: u64,
    limit: usize,
) -> Result<Vec<Body>, JournalError> {
    let query = sqlx::query_as(
        "SELECT ended.seq, ended.at, ended.v, ended.body, value.seq, value.at, value.v, value.body FROM events AS ended \
         LEFT JOIN events AS value ON value.run = ended.run \
         AND value.seq = json_extract(ended.body, '$.body_ended.value.seq') \
         WHERE ended.run = ? AND ended.kind = 'body_ended' AND ended.step = ? AND ended.seq > ? \
         AND ended.workspace_id = ? ORDER BY ended.seq LIMIT ?",
    )
    .bind(run)
    .bind(step.as_str())
    .bind(whole(after))
    .bind(workspace.id().as_str())
    .bind(column::limit(limit));
    let database = &workspace.shared.database;
    let rows: Vec<StoredBody> = query.fetch_all(database.reading()).await.map_err(|e| told(&e, database.folder()))?;
    rows.into_iter()
        .map(|row| {
            let value = row.value.map(|value| value.read(run)).transpose()?;
            Ok(Body { ended: row.ended.read(run)?, value })
        })
        .collect()
}

/// The end of a body and, from column 4 on, the event that carries its value.
struct StoredBody {
    ended: Stored,
    value: Option<Stored>,
}

impl FromRow<'_, SqliteRow> for StoredBody {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let seq: Option<i64> = row.try_get_unchecked(4)?;
        let value = seq.map(|seq| Stored { seq, recorded: recorded(row, 4) });
        Ok(Self { ended: Stored::from_row(row)?, value })
    }
}
