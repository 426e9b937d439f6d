//! Documents. What is remembered of one is its version: a document that has changed is a new version, whose first entry
//! supersedes those of the version before. Exactly one version is live; a few before it stay readable, and are found no
//! more. Forgetting takes all of them.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Entries, EntryId, EntryKind, EntryScope, Position, Provenance, rows};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::column::{count, whole};

/// How many superseded versions of a document are kept.
const KEPT_VERSIONS: u64 = 5;

/// A document to be remembered.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Who remembers it.
    pub scope: EntryScope,
    /// Its path or address: a document of the same source and scope is superseded.
    pub source: String,
    /// Hash of its content.
    pub hash: String,
    /// The role or the person by whom it came.
    pub author: Option<String>,
    /// By which run and step it came.
    pub provenance: Option<Provenance>,
    /// How far it is to be trusted, in percent.
    pub confidence: Option<u8>,
    /// By what its server tells its versions apart.
    pub validators: Validators,
    /// Its pieces, in order.
    pub pieces: Vec<NewPiece>,
}

/// A version of a document that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentVersion {
    /// Who remembers it.
    pub scope: EntryScope,
    /// Its path or address.
    pub source: String,
    /// The version, from 1.
    pub version: u64,
    /// Into how many entries it was cut.
    pub entries: u64,
    /// The role or the person by whom it came.
    pub author: Option<String>,
    /// When it was remembered.
    pub at: Timestamp,
    /// The first entry of the version that superseded it; `None` of the one that holds.
    pub superseded_by: Option<EntryId>,
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPiece {
    /// Where it stands.
    pub position: Option<Position>,
    /// The headings above it.
    pub heading: Option<String>,
    /// The text.
    pub text: String,
}

/// By what a server tells the versions of a page apart: the headers `ETag` and `Last-Modified`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The first, word for word.
    pub etag: Option<String>,
    /// The second, word for word.
    pub modified: Option<String>,
}

/// What remembering a document came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// No entry was written: the document is remembered with this content.
    Unchanged,
    /// The pieces are entries now, and those of the document's last content are superseded.
    Replaced {
        /// The new entries, in the order of the pieces.
        added: Vec<EntryId>,
        /// The entries that are no longer live.
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
    /// How often it has been remembered with another content, this one included.
    pub version: u64,
    /// How many entries it was cut into.
    pub entries: u64,
    /// By what its server tells its versions apart.
    pub validators: Validators,
    /// When it was last read with another content than before.
    pub updated_at: Timestamp,
}

/// Which documents are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sources {
    /// The one of this source.
    One(String),
    /// Those whose source begins like this: all in a folder.
    Below(String),
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// The documents, by source: each with its scope.
    pub documents: Vec<(String, EntryScope)>,
    /// Their entries, superseded ones too.
    pub entries: Vec<EntryId>,
}

impl Entries {
    /// Remembers a document in place of what was remembered of the same source in the same scope, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn remember(&self, document: NewDocument, at: Timestamp) -> Result<Remembered, StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        let before = sqlx::query(
            "SELECT scope, source, hash, version, entries, etag, modified, updated_at FROM entry_sources \
             WHERE workspace_id = ? AND scope = ? AND source = ?",
        )
        .bind(self.workspace())
        .bind(document.scope.to_string())
        .bind(&document.source)
        .fetch_optional(&mut *transaction)
        .await?;
        let before = before.as_ref().map(read).transpose()?;
        let (version, unchanged) = match &before {
            Some(before) if before.hash == document.hash => (before.version, true),
            Some(before) => (before.version + 1, false),
            None => (1, false),
        };
        if unchanged && before.as_ref().is_some_and(|before| before.validators == document.validators) {
            return Ok(Remembered::Unchanged);
        }
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        if !unchanged {
            let pieces = document.pieces.iter().map(|piece| rows::NewRow {
                scope: &document.scope,
                kind: EntryKind::Document,
                source: &document.source,
                source_hash: Some(&document.hash),
                position: piece.position.as_ref(),
                heading: piece.heading.as_deref(),
                text: &piece.text,
                author: document.author.as_deref(),
                version,
                confidence: document.confidence,
                provenance: document.provenance.as_ref(),
                key: None,
            });
            added = rows::insert(&mut transaction, self.workspace(), &pieces.collect::<Vec<_>>(), at).await?;
            if before.is_some() {
                removed = self.supersede_version(&mut transaction, &document, version, added.first().copied()).await?;
            }
        }
        let entries = if unchanged { before.map_or(0, |before| before.entries) } else { added.len() as u64 };
        sqlx::query(
            "INSERT INTO entry_sources (workspace_id, scope, source, hash, entries, updated_at, version, etag, modified) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET hash = ?4, entries = ?5, \
             updated_at = iif(hash = ?4, updated_at, ?6), version = ?7, etag = ?8, modified = ?9",
        )
        .bind(self.workspace())
        .bind(document.scope.to_string())
        .bind(&document.source)
        .bind(&document.hash)
        .bind(whole(entries))
        .bind(at)
        .bind(whole(version))
        .bind(&document.validators.etag)
        .bind(&document.validators.modified)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(if unchanged { Remembered::Unchanged } else { Remembered::Replaced { added, removed } })
    }

    /// Lets `by`, an entry of `version`, take the place of the entries of the version before, and lets go of versions
    /// that are older than is kept. Returns what was live until now.
    async fn supersede_version(
        &self,
        connection: &mut SqliteConnection,
        document: &NewDocument,
        version: u64,
        by: Option<EntryId>,
    ) -> Result<Vec<EntryId>, StoreError> {
        let scope = document.scope.to_string();
        // A version without a piece has nothing that could supersede: what was there goes.
        let Some(by) = by else {
            return self.remove_entries(connection, &document.scope, &document.source).await;
        };
        let superseded: Vec<i64> = sqlx::query_scalar(
            "UPDATE entries SET superseded_by = ?1 WHERE workspace_id = ?2 AND scope = ?3 AND kind = 'document' \
             AND source = ?4 AND version < ?5 AND superseded_by IS NULL RETURNING id",
        )
        .bind(whole(by.0))
        .bind(self.workspace())
        .bind(&scope)
        .bind(&document.source)
        .bind(whole(version))
        .fetch_all(&mut *connection)
        .await?;
        sqlx::query(
            "DELETE FROM entries WHERE workspace_id = ? AND scope = ? AND kind = 'document' AND source = ? AND version < ?",
        )
        .bind(self.workspace())
        .bind(&scope)
        .bind(&document.source)
        .bind(whole(version.saturating_sub(KEPT_VERSIONS)))
        .execute(&mut *connection)
        .await?;
        let superseded = in_order(superseded);
        super::changes::record(connection, self.workspace(), &superseded, true).await?;
        Ok(superseded)
    }

    /// Forgets the document of a source in one scope, with all its versions; returns the entries that are gone.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn forget(&self, scope: &EntryScope, source: &str) -> Result<Vec<EntryId>, StoreError> {
        Ok(self.forget_all(&Sources::One(source.to_owned()), Some(scope)).await?.entries)
    }

    /// Forgets documents with all their versions, in `scope` or, without one, in every scope. What they held is
    /// overwritten in the database's files, as far as no other process reads them.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn forget_all(&self, sources: &Sources, scope: Option<&EntryScope>) -> Result<Forgotten, StoreError> {
        let wanted: Vec<Document> = self
            .documents()
            .await?
            .into_iter()
            .filter(|document| sources.mean(&document.source) && scope.is_none_or(|scope| *scope == document.scope))
            .collect();
        if wanted.is_empty() {
            return Ok(Forgotten::default());
        }
        let mut writing = self.workspace.shared.database.writing().await?;
        let connection = writing.connection()?;
        sqlx::query("PRAGMA secure_delete = ON").execute(&mut *connection).await?;
        let forgotten = self.forget_these(connection, wanted).await;
        // The log holds the pages as they were. Where somebody reads them, it stays until the next checkpoint.
        for statement in ["PRAGMA secure_delete = OFF", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            if let Err(error) = sqlx::query(statement).execute(&mut *connection).await {
                tracing::warn!(%error, "what was forgotten may stay in the database's log for a while");
            }
        }
        forgotten
    }

    async fn forget_these(
        &self,
        connection: &mut SqliteConnection,
        documents: Vec<Document>,
    ) -> Result<Forgotten, StoreError> {
        let mut transaction = sqlx::Connection::begin(connection).await?;
        let mut forgotten = Forgotten::default();
        for Document { scope, source, .. } in documents {
            forgotten.entries.extend(self.remove_entries(&mut transaction, &scope, &source).await?);
            sqlx::query("DELETE FROM entry_sources WHERE workspace_id = ? AND scope = ? AND source = ?")
                .bind(self.workspace())
                .bind(scope.to_string())
                .bind(&source)
                .execute(&mut *transaction)
                .await?;
            forgotten.documents.push((source, scope));
        }
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// Removes the entries of a document, and tells the index.
    async fn remove_entries(
        &self,
        connection: &mut SqliteConnection,
        scope: &EntryScope,
        source: &str,
    ) -> Result<Vec<EntryId>, StoreError> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "DELETE FROM entries WHERE workspace_id = ? AND scope = ? AND kind = 'document' AND source = ? RETURNING id",
        )
        .bind(self.workspace())
        .bind(scope.to_string())
        .bind(source)
        .fetch_all(&mut *connection)
        .await?;
        let removed = in_order(ids);
        super::changes::record(connection, self.workspace(), &removed, true).await?;
        Ok(removed)
    }

    /// The versions of documents that are kept, by source and scope, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn versions(&self, sources: &Sources) -> Result<Vec<DocumentVersion>, StoreError> {
        let mut versions = Vec::new();
        for Document { scope, source, .. } in self.documents().await? {
            if !sources.mean(&source) {
                continue;
            }
            let rows = sqlx::query(
                "SELECT version, count(*) AS entries, min(author) AS author, min(created_at) AS at, \
                 min(superseded_by) AS superseded_by FROM entries \
                 WHERE workspace_id = ? AND scope = ? AND kind = 'document' AND source = ? GROUP BY version \
                 ORDER BY version DESC",
            )
            .bind(self.workspace())
            .bind(scope.to_string())
            .bind(&source)
            .fetch_all(self.reading())
            .await?;
            for row in rows {
                versions.push(DocumentVersion {
                    scope: scope.clone(),
                    source: source.clone(),
                    version: count(row.try_get("version")?),
                    entries: count(row.try_get("entries")?),
                    author: row.try_get("author")?,
                    at: row.try_get("at")?,
                    superseded_by: row.try_get::<Option<i64>, _>("superseded_by")?.map(|id| EntryId(count(id))),
                });
            }
        }
        Ok(versions)
    }

    /// The documents that are remembered, by source.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn documents(&self) -> Result<Vec<Document>, StoreError> {
        let found = sqlx::query(
            "SELECT scope, source, hash, version, entries, etag, modified, updated_at FROM entry_sources \
             WHERE workspace_id = ? ORDER BY source, scope",
        )
        .bind(self.workspace())
        .fetch_all(self.reading())
        .await?;
        found.iter().map(read).collect()
    }
}

impl NewDocument {
    /// A document of which nothing else is known.
    #[must_use]
    pub fn new(scope: EntryScope, source: &str, hash: &str, pieces: Vec<NewPiece>) -> Self {
        Self {
            scope,
            source: source.to_owned(),
            hash: hash.to_owned(),
            author: None,
            provenance: None,
            confidence: None,
            validators: Validators::default(),
            pieces,
        }
    }
}

impl Sources {
    /// Whether the document of this source is meant.
    #[must_use]
    pub fn mean(&self, source: &str) -> bool {
        match self {
            Self::One(one) => source == one,
            Self::Below(folder) => source.starts_with(folder.as_str()),
        }
    }
}

fn in_order(ids: Vec<i64>) -> Vec<EntryId> {
    let mut ids: Vec<EntryId> = ids.into_iter().map(|id| EntryId(count(id))).collect();
    ids.sort_unstable();
    ids
}

fn read(row: &SqliteRow) -> Result<Document, StoreError> {
    let source: String = row.try_get("source")?;
    let scope = row.try_get::<&str, _>("scope")?;
    Ok(Document {
        scope: scope.parse().map_err(|reason| StoreError::Corrupt { what: format!("document {source}"), reason })?,
        source,
        hash: row.try_get("hash")?,
        version: count(row.try_get("version")?),
        entries: count(row.try_get("entries")?),
        validators: Validators { etag: row.try_get("etag")?, modified: row.try_get("modified")? },
        updated_at: row.try_get("updated_at")?,
    })
}
