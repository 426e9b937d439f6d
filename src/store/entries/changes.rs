//! What has changed since the index was last known to be complete.

use std::sync::LazyLock;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::{Entries, Entry, EntryId, rows};
use crate::store::StoreError;
use crate::store::column::{self, count, whole};
use crate::store::many_rows::{ManyRows, RowsSql, bind};

/// A change's number: counts upwards over all workspaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// A change that an index has to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This entry belongs in the index.
    Added(Revision, Box<Entry>),
    /// No entry of this id belongs in the index.
    Gone(Revision, EntryId),
}

impl Change {
    /// Its number.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Added(revision, _) | Self::Gone(revision, _) => *revision,
        }
    }
}

static CHANGES: LazyLock<ManyRows> = LazyLock::new(|| {
    ManyRows::new(&RowsSql {
        before: "INSERT INTO entry_changes (workspace_id, entry, gone) VALUES ",
        row: "(?, ?, ?)",
        after: "",
    })
});

/// Notes changes, in the transaction that makes them.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    workspace: &str,
    entries: &[EntryId],
    gone: bool,
) -> Result<(), StoreError> {
    CHANGES.write(connection, entries, |arguments, entry| bind!(arguments, workspace, whole(entry.0), gone)).await?;
    Ok(())
}

impl Entries {
    /// The last change that an index is known to hold, with all before it; 0 if it holds none.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn watermark(&self) -> Result<Revision, StoreError> {
        let revision: Option<i64> = sqlx::query_scalar("SELECT revision FROM entry_watermarks WHERE workspace_id = ?")
            .bind(self.workspace())
            .fetch_optional(self.reading())
            .await?;
        Ok(Revision(revision.map_or(0, count)))
    }

    /// The last change that was made. Ask before reading pages for a rebuild, and set the watermark to it after.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn latest(&self) -> Result<Revision, StoreError> {
        let revision: Option<i64> =
            sqlx::query_scalar("SELECT max(revision) FROM entry_changes WHERE workspace_id = ?")
                .bind(self.workspace())
                .fetch_one(self.reading())
                .await?;
        Ok(self.watermark().await?.max(Revision(revision.map_or(0, count))))
    }

    /// The changes after `after`, in order, at most `limit`. An entry that was added and is gone since is only told
    /// as gone. They are kept from the watermark on: for what came before, read the pages.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn changes(&self, after: Revision, limit: usize) -> Result<Vec<Change>, StoreError> {
        let found = sqlx::query(concat!(
            "SELECT changes.revision, changes.entry, ",
            rows::entry_columns!(),
            " FROM entry_changes AS changes LEFT JOIN entries ON entries.id = changes.entry AND changes.gone = 0 \
             AND entries.superseded_by IS NULL \
             WHERE changes.workspace_id = ? AND changes.revision > ? ORDER BY changes.revision LIMIT ?"
        ))
        .bind(self.workspace())
        .bind(whole(after.0))
        .bind(column::limit(limit))
        .fetch_all(self.reading())
        .await?;
        found
            .iter()
            .map(|row| {
                let revision = Revision(count(row.try_get("revision")?));
                Ok(match row.try_get::<Option<i64>, _>("id")? {
                    Some(_) => Change::Added(revision, Box::new(rows::entry(row)?)),
                    None => Change::Gone(revision, EntryId(count(row.try_get("entry")?))),
                })
            })
            .collect()
    }

    /// The ids of the entries that belong in an index, in order, after the last of the page before, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn ids(&self, after: Option<EntryId>, limit: usize) -> Result<Vec<EntryId>, StoreError> {
        let found: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM entries WHERE id > ? AND workspace_id = ? AND superseded_by IS NULL ORDER BY id LIMIT ?",
        )
        .bind(after.map_or(0, |id| whole(id.0)))
        .bind(self.workspace())
        .bind(column::limit(limit))
        .fetch_all(self.reading())
        .await?;
        Ok(found.into_iter().map(|id| EntryId(count(id))).collect())
    }

    /// Notes that the index holds all changes up to this one, durably; those need not be kept any longer.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn set_watermark(&self, revision: Revision) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        sqlx::query("INSERT OR REPLACE INTO entry_watermarks (workspace_id, revision) VALUES (?, ?)")
            .bind(self.workspace())
            .bind(whole(revision.0))
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM entry_changes WHERE workspace_id = ? AND revision <= ?")
            .bind(self.workspace())
            .bind(whole(revision.0))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}
