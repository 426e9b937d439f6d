//! What the company remembers, as SQL truth. The vector index is built from this, and can be rebuilt from it.
//!
//! Every change of an entry gets a revision. The index notes up to which revision it is complete (the watermark), so
//! that after a crash it catches up with what came later, and starts over only if it is lost.

mod changes;
mod documents;
mod notes;
mod places;
mod rows;
mod scope;

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::clock::Timestamp;
use crate::run::{RunId, StepPath};

use super::StoreError;
use super::column::{self, count, whole};
use super::workspace::Workspace;
pub use changes::{Change, Revision};
pub use documents::{Document, DocumentVersion, Forgotten, NewDocument, NewPiece, Remembered, Sources, Validators};
pub use notes::{NewNote, Settled};
pub use places::Place;
use rows::entry;
pub use scope::EntryScope;

/// An entry's id: counts upwards, and is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub u64);

/// Where an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A piece of a document.
    Document,
    /// Something that an agent or a person noted.
    Note,
}

/// Where in its document an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// In a text: `start..end`, both in bytes (from 0) and in lines (from 1; the end is the line after the last). Of a
    /// document that is not in UTF-8, these are bytes of its text in UTF-8.
    Text {
        /// In bytes.
        bytes: Range<u64>,
        /// In lines.
        lines: Range<u64>,
    },
    /// On these pages, from 1; the end is the page after the last.
    Pages(Range<u64>),
}

impl Position {
    /// The lines, if it is a place in a text.
    #[must_use]
    pub fn lines(&self) -> Option<&Range<u64>> {
        match self {
            Self::Text { lines, .. } => Some(lines),
            Self::Pages(_) => None,
        }
    }

    /// The pages, if it is a place on pages.
    #[must_use]
    pub fn pages(&self) -> Option<&Range<u64>> {
        match self {
            Self::Pages(pages) => Some(pages),
            Self::Text { .. } => None,
        }
    }
}

/// The run and the step by which an entry came to be remembered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Provenance {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
}

/// One thing remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Who remembers it.
    pub scope: EntryScope,
    /// Where it comes from.
    pub kind: EntryKind,
    /// A document's path or address; where a note is from, which is its author unless the author says.
    pub source: String,
    /// Hash of the whole document as it was read.
    pub source_hash: Option<String>,
    /// Where in the document it stands.
    pub position: Option<Position>,
    /// The headings above it, or what the note is about.
    pub heading: Option<String>,
    /// The text.
    pub text: String,
    /// When it was remembered.
    pub created_at: Timestamp,
    /// The role or the person by whom it was.
    pub author: Option<String>,
    /// By which run and step.
    pub provenance: Option<Provenance>,
    /// Which version of its document it was cut from, or which of the notes about one thing it is; from 1.
    pub version: u64,
    /// How sure its author is, or how far the document is to be trusted, in percent.
    pub confidence: Option<u8>,
    /// The note that has taken its place, or the first entry of its document's next version.
    pub superseded_by: Option<EntryId>,
    /// Why a note's place was taken.
    pub settled: Option<Settled>,
}

/// How much is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryCounts {
    /// Documents.
    pub documents: u64,
    /// Entries cut from them.
    pub pieces: u64,
    /// Notes that no other has superseded.
    pub notes: u64,
}

/// Entries by their ids, in the order of these. The `+` keeps SQLite from reading the whole workspace, and the list once
/// for each entry of it.
const WANTED: &str = rows::select_entry!(
    "JOIN json_each(?1) AS wanted ON wanted.value = entries.id WHERE +workspace_id = ?2 ORDER BY wanted.key"
);

/// The entries of one workspace.
#[derive(Clone, Debug)]
pub struct Entries {
    workspace: Workspace,
}

impl Entries {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// The entries with these ids, in their order; those that are gone are left out.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn get(&self, ids: &[EntryId]) -> Result<Vec<Entry>, StoreError> {
        let wanted = serde_json::Value::from(ids.iter().map(|id| id.0).collect::<Vec<_>>()).to_string();
        let found = sqlx::query(WANTED).bind(wanted).bind(self.workspace()).fetch_all(self.reading()).await?;
        found.iter().map(entry).collect()
    }

    /// The entries that belong in an index, by id, after the last of the page before, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn page(&self, after: Option<EntryId>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query(rows::select_entry!(
            "WHERE entries.id > ?1 AND workspace_id = ?2 AND superseded_by IS NULL ORDER BY entries.id LIMIT ?3"
        ))
        .bind(after.map_or(0, |id| whole(id.0)))
        .bind(self.workspace())
        .bind(column::limit(limit))
        .fetch_all(self.reading())
        .await?;
        found.iter().map(entry).collect()
    }

    /// How much is remembered.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn counts(&self) -> Result<EntryCounts, StoreError> {
        let (documents, pieces, notes): (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM entry_sources WHERE workspace_id = ?1), \
             count(*) FILTER (WHERE kind = 'document'), count(*) FILTER (WHERE kind = 'note') \
             FROM entries WHERE workspace_id = ?1 AND superseded_by IS NULL",
        )
        .bind(self.workspace())
        .fetch_one(self.reading())
        .await?;
        Ok(EntryCounts { documents: count(documents), pieces: count(pieces), notes: count(notes) })
    }

    fn workspace(&self) -> &str {
        self.workspace.id().as_str()
    }

    fn reading(&self) -> &sqlx::SqlitePool {
        self.workspace.shared.database.reading()
    }
}
