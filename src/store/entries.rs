//! What the company remembers, as SQL truth. The vector index is built from this, and can be rebuilt from it.
//!
//! Every change of an entry gets a revision. The index notes up to which revision it is complete (the watermark), so
//! that after a crash it catches up with what came later, and starts over only if it is lost.

mod changes;
mod notes;
mod places;
mod rows;

#[cfg(test)]
mod tests;

use crate::clock::Timestamp;
use crate::run::{RunId, StepPath};

use super::StoreError;
use super::column::{self, count, whole};
use super::workspace::Workspace;
pub use changes::{Change, Revision};
pub use notes::{NewNote, Settled};
pub use places::Place;
use rows::entry;

/// An entry's id: counts upwards, and is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub u64);

/// Who remembers an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EntryScope {
    /// Every run of the workspace.
    Workspace,
    /// This run only.
    Run(RunId),
}

/// Where an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A piece of a document.
    Document,
    /// Something that an agent or a person noted.
    Note,
}

/// Where in the text of its document an entry stands: `start..end`, both in bytes (from 0) and in lines (from 1). Of a
/// document that is not in UTF-8, these are bytes of its text in UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// In bytes.
    pub bytes: std::ops::Range<u64>,
    /// In lines; the end is the line after the last.
    pub lines: std::ops::Range<u64>,
}

/// The run and the step by which an entry came to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A document's path or address; a note's author.
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
    /// By which run and step.
    pub provenance: Option<Provenance>,
    /// How sure a note's author is, in percent.
    pub confidence: Option<u8>,
    /// The note that has taken its place.
    pub superseded_by: Option<EntryId>,
    /// Why it has.
    pub settled: Option<Settled>,
}

/// A document to be remembered.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Who remembers it.
    pub scope: EntryScope,
    /// Its path or address: a document of the same source and scope is replaced.
    pub source: String,
    /// Hash of its content.
    pub hash: String,
    /// By which run and step it came.
    pub provenance: Option<Provenance>,
    /// Its pieces, in order.
    pub pieces: Vec<NewPiece>,
}

/// A piece of a document.
#[derive(Clone, Debug)]
pub struct NewPiece {
    /// Where it stands.
    pub position: Option<Position>,
    /// The headings above it.
    pub heading: Option<String>,
    /// The text.
    pub text: String,
}

/// What remembering a document came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// Nothing was written: the document is remembered with this content.
    Unchanged,
    /// The pieces are entries now, and those of the document's last content are gone.
    Replaced {
        /// The new entries, in the order of the pieces.
        added: Vec<EntryId>,
        /// The entries that are gone.
        removed: Vec<EntryId>,
    },
}

/// A document that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Who remembers it.
    pub scope: EntryScope,
    /// Its path or address.
    pub source: String,
    /// Hash of its content.
    pub hash: String,
    /// How many entries it was cut into.
    pub entries: u64,
    /// When it was last read with another content than before.
    pub updated_at: Timestamp,
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

/// The entries of one workspace.
#[derive(Clone, Debug)]
pub struct Entries {
    workspace: Workspace,
}

impl Entries {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// Remembers a document in place of what was remembered of the same source, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn remember(&self, document: NewDocument, at: Timestamp) -> Result<Remembered, StoreError> {
        if self.hash_of(&document.scope, &document.source).await?.as_deref() == Some(document.hash.as_str()) {
            return Ok(Remembered::Unchanged);
        }
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        let removed = rows::remove(&mut transaction, self.workspace(), &document.scope, &document.source).await?;
        let pieces = document.pieces.iter().map(|piece| rows::NewRow {
            scope: &document.scope,
            kind: EntryKind::Document,
            source: &document.source,
            source_hash: Some(&document.hash),
            position: piece.position.as_ref(),
            heading: piece.heading.as_deref(),
            text: &piece.text,
            confidence: None,
            provenance: document.provenance.as_ref(),
            key: None,
        });
        let added = rows::insert(&mut transaction, self.workspace(), &pieces.collect::<Vec<_>>(), at).await?;
        sqlx::query(
            "INSERT OR REPLACE INTO entry_sources (workspace_id, scope, source, hash, entries, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace())
        .bind(document.scope.to_string())
        .bind(&document.source)
        .bind(&document.hash)
        .bind(whole(added.len() as u64))
        .bind(at)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Remembered::Replaced { added, removed })
    }

    /// Forgets a document; returns the entries that are gone.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn forget(&self, scope: &EntryScope, source: &str) -> Result<Vec<EntryId>, StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        let removed = rows::remove(&mut transaction, self.workspace(), scope, source).await?;
        sqlx::query("DELETE FROM entry_sources WHERE workspace_id = ? AND scope = ? AND source = ?")
            .bind(self.workspace())
            .bind(scope.to_string())
            .bind(source)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(removed)
    }

    /// The entries with these ids, in their order; those that are gone are left out.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn get(&self, ids: &[EntryId]) -> Result<Vec<Entry>, StoreError> {
        let wanted = serde_json::Value::from(ids.iter().map(|id| id.0).collect::<Vec<_>>()).to_string();
        let found = sqlx::query(rows::select_entry!(
            "JOIN json_each(?1) AS wanted ON wanted.value = entries.id WHERE workspace_id = ?2 ORDER BY wanted.key"
        ))
        .bind(wanted)
        .bind(self.workspace())
        .fetch_all(self.reading())
        .await?;
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

    /// The documents that are remembered, by source.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn documents(&self) -> Result<Vec<Document>, StoreError> {
        let found = sqlx::query(
            "SELECT scope, source, hash, entries, updated_at FROM entry_sources \
             WHERE workspace_id = ? ORDER BY source, scope",
        )
        .bind(self.workspace())
        .fetch_all(self.reading())
        .await?;
        found.iter().map(rows::document).collect()
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

    async fn hash_of(&self, scope: &EntryScope, source: &str) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar("SELECT hash FROM entry_sources WHERE workspace_id = ? AND scope = ? AND source = ?")
            .bind(self.workspace())
            .bind(scope.to_string())
            .bind(source)
            .fetch_optional(self.reading())
            .await?)
    }

    fn workspace(&self) -> &str {
        self.workspace.id().as_str()
    }

    fn reading(&self) -> &sqlx::SqlitePool {
        self.workspace.shared.database.reading()
    }
}
