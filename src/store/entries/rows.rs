//! Entries as rows.

use std::ops::Range;
use std::str::FromStr;
use std::sync::LazyLock;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::changes::record;
use super::{Entry, EntryId, EntryKind, EntryScope, Position, Provenance, Settled};
use crate::clock::Timestamp;
use crate::run::{RunId, StepPath};
use crate::store::StoreError;
use crate::store::column::{count, whole};
use crate::store::many_rows::{ManyRows, RowsSql, bind};

/// The columns that [`entry`] reads.
macro_rules! entry_columns {
    () => {
        "entries.id AS id, scope, kind, source, source_hash, byte_start, byte_end, line_start, line_end, page_start, \
         page_end, heading, text, author, version, confidence, created_at, run, step, superseded_by, settled"
    };
}
macro_rules! select_entry {
    ($rest:literal) => {
        concat!("SELECT ", rows::entry_columns!(), " FROM entries ", $rest)
    };
}
pub(super) use {entry_columns, select_entry};

impl EntryKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Document, Self::Note];

    /// As the database spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Note => "note",
        }
    }
}

impl FromStr for EntryKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "document" => Ok(Self::Document),
            "note" => Ok(Self::Note),
            _ => Err(format!("`{text}` is no kind of entry")),
        }
    }
}

/// An entry before it has an id.
pub(super) struct NewRow<'a> {
    pub(super) scope: &'a EntryScope,
    pub(super) kind: EntryKind,
    pub(super) source: &'a str,
    pub(super) source_hash: Option<&'a str>,
    pub(super) position: Option<&'a Position>,
    pub(super) heading: Option<&'a str>,
    pub(super) text: &'a str,
    pub(super) author: Option<&'a str>,
    pub(super) version: u64,
    pub(super) confidence: Option<u8>,
    pub(super) provenance: Option<&'a Provenance>,
    pub(super) key: Option<&'a str>,
}

static ENTRIES: LazyLock<ManyRows> = LazyLock::new(|| {
    ManyRows::new(&RowsSql {
        before: "INSERT INTO entries (id, workspace_id, scope, kind, source, source_hash, byte_start, byte_end, \
                 line_start, line_end, page_start, page_end, heading, text, author, version, confidence, created_at, run, step, \
                 note_key) VALUES ",
        row: "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        after: "",
    })
});

/// Stores entries, and gives them their ids, in order.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    workspace: &str,
    new: &[NewRow<'_>],
    at: Timestamp,
) -> Result<Vec<EntryId>, StoreError> {
    let last: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'entries'")
        .fetch_optional(&mut *connection)
        .await?;
    let rows: Vec<(i64, &NewRow<'_>)> = (last.unwrap_or(0) + 1..).zip(new).collect();
    ENTRIES
        .write(connection, &rows, |arguments, (id, new)| {
            let (bytes, lines, pages) = match new.position {
                Some(Position::Text { bytes, lines }) => (Some(bytes), Some(lines), None),
                Some(Position::Pages(pages)) => (None, None, Some(pages)),
                None => (None, None, None),
            };
            let start = |range: Option<&Range<u64>>| range.map(|range| whole(range.start));
            let end = |range: Option<&Range<u64>>| range.map(|range| whole(range.end));
            bind!(
                arguments,
                *id,
                workspace,
                new.scope.to_string(),
                new.kind.as_str(),
                new.source,
                new.source_hash,
                start(bytes),
                end(bytes),
                start(lines),
                end(lines),
                start(pages),
                end(pages),
                new.heading,
                new.text,
                new.author,
                whole(new.version),
                new.confidence,
                at,
                new.provenance.map(|provenance| provenance.run),
                new.provenance.map(|provenance| provenance.step.as_str()),
                new.key,
            )
        })
        .await?;
    let ids: Vec<EntryId> = rows.into_iter().map(|(id, _)| EntryId(count(id))).collect();
    record(connection, workspace, &ids, false).await?;
    Ok(ids)
}

/// Stores one entry, and gives it its id.
pub(super) async fn insert_one(
    connection: &mut SqliteConnection,
    workspace: &str,
    new: NewRow<'_>,
    at: Timestamp,
) -> Result<EntryId, StoreError> {
    let ids = insert(connection, workspace, &[new], at).await?;
    ids.first().copied().ok_or_else(|| StoreError::Missing("entry that was just stored".to_owned()))
}

/// The note that was made with this key.
pub(super) async fn noted(
    connection: &mut SqliteConnection,
    workspace: &str,
    key: &str,
) -> Result<Option<EntryId>, StoreError> {
    let id: Option<i64> = sqlx::query_scalar("SELECT id FROM entries WHERE workspace_id = ? AND note_key = ?")
        .bind(workspace)
        .bind(key)
        .fetch_optional(&mut *connection)
        .await?;
    Ok(id.map(|id| EntryId(count(id))))
}

/// As the column `settled` spells it.
pub(super) fn settled(why: &Settled) -> String {
    serde_json::json!(why).to_string()
}

/// Lets `new` take the place of the note `old`.
pub(super) async fn supersede(
    connection: &mut SqliteConnection,
    workspace: &str,
    old: EntryId,
    new: EntryId,
    why: &Settled,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE entries SET superseded_by = ?, settled = ? WHERE id = ? AND workspace_id = ?")
        .bind(whole(new.0))
        .bind(settled(why))
        .bind(whole(old.0))
        .bind(workspace)
        .execute(&mut *connection)
        .await?;
    record(connection, workspace, &[old], true).await
}

pub(super) fn entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let number =
        |name: &str| -> Result<Option<u64>, StoreError> { Ok(row.try_get::<Option<i64>, _>(name)?.map(count)) };
    let range = |start: &str, end: &str| -> Result<Option<Range<u64>>, StoreError> {
        Ok(number(start)?.zip(number(end)?).map(|(start, end)| start..end))
    };
    let (bytes, lines) = (range("byte_start", "byte_end")?, range("line_start", "line_end")?);
    let position = bytes.zip(lines).map(|(bytes, lines)| Position::Text { bytes, lines });
    let run: Option<RunId> = row.try_get("run")?;
    let step: Option<&str> = row.try_get("step")?;
    let settled: Option<&str> = row.try_get("settled")?;
    let id = EntryId(count(row.try_get("id")?));
    let corrupt = |reason: String| StoreError::Corrupt { what: format!("memory entry {}", id.0), reason };
    Ok(Entry {
        id,
        scope: row.try_get::<&str, _>("scope")?.parse().map_err(corrupt)?,
        kind: row.try_get::<&str, _>("kind")?.parse().map_err(corrupt)?,
        source: row.try_get("source")?,
        source_hash: row.try_get("source_hash")?,
        position: position.or(range("page_start", "page_end")?.map(Position::Pages)),
        heading: row.try_get("heading")?,
        text: row.try_get("text")?,
        created_at: row.try_get("created_at")?,
        author: row.try_get("author")?,
        version: count(row.try_get("version")?),
        provenance: run.zip(step).map(|(run, step)| Provenance { run, step: StepPath::from(step) }),
        confidence: row.try_get("confidence")?,
        superseded_by: number("superseded_by")?.map(EntryId),
        settled: match settled {
            Some(text) => Some(serde_json::from_str(text).map_err(|error| corrupt(error.to_string()))?),
            None => None,
        },
    })
}
