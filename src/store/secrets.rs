//! Secrets by name, sealed: nothing here can open one, and the keys are elsewhere.

use super::StoreError;
use super::workspace::Workspace;
use crate::clock::Timestamp;

/// A secret as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its name.
    pub name: String,
    /// Which key it is sealed with.
    pub key: String,
    /// What only that key opens.
    pub sealed: Vec<u8>,
    /// When it was set.
    pub set_at: Timestamp,
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedSecret").field("name", &self.name).field("key", &self.key).finish_non_exhaustive()
    }
}

/// The secrets of one workspace.
#[derive(Clone, Debug)]
pub struct SealedSecrets {
    workspace: Workspace,
}

impl SealedSecrets {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// The workspace's id, which its secrets are sealed for.
    #[must_use]
    pub fn workspace(&self) -> &str {
        self.workspace.id().as_str()
    }

    /// Keeps these in place of those of the same names: all or none.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn put(&self, secrets: &[SealedSecret]) -> Result<(), StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        for secret in secrets {
            sqlx::query(
                "INSERT INTO secrets (workspace_id, name, key, sealed, set_at) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT DO UPDATE SET key = excluded.key, sealed = excluded.sealed, set_at = excluded.set_at",
            )
            .bind(self.workspace())
            .bind(&secret.name)
            .bind(&secret.key)
            .bind(&secret.sealed)
            .bind(secret.set_at)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The secret of this name.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn get(&self, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        let row: Option<(String, String, Vec<u8>, Timestamp)> =
            sqlx::query_as("SELECT name, key, sealed, set_at FROM secrets WHERE workspace_id = ? AND name = ?")
                .bind(self.workspace())
                .bind(name)
                .fetch_optional(self.workspace.shared.database.reading())
                .await?;
        Ok(row.map(secret))
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn list(&self) -> Result<Vec<SealedSecret>, StoreError> {
        let rows: Vec<(String, String, Vec<u8>, Timestamp)> =
            sqlx::query_as("SELECT name, key, sealed, set_at FROM secrets WHERE workspace_id = ? ORDER BY name")
                .bind(self.workspace())
                .fetch_all(self.workspace.shared.database.reading())
                .await?;
        Ok(rows.into_iter().map(secret).collect())
    }

    /// Removes the secret of this name; tells whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let mut writing = self.workspace.shared.database.writing().await?;
        let removed = sqlx::query("DELETE FROM secrets WHERE workspace_id = ? AND name = ?")
            .bind(self.workspace())
            .bind(name)
            .execute(writing.connection()?)
            .await?;
        Ok(removed.rows_affected() > 0)
    }
}

fn secret((name, key, sealed, set_at): (String, String, Vec<u8>, Timestamp)) -> SealedSecret {
    SealedSecret { name, key, sealed, set_at }
}
