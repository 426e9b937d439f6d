//! What a run pins besides its workflow: agents and prompts, by hash, as they were then.

use super::StoreError;
use super::workspace::Workspace;
use crate::clock::Timestamp;

/// What is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefinitionKind {
    /// A role, by its file.
    Agent,
    /// A prompt, by its file.
    Prompt,
}

impl DefinitionKind {
    /// As the database and a run's pins spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Prompt => "prompt",
        }
    }
}

/// One version of one definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// What it defines.
    pub kind: DefinitionKind,
    /// Its name.
    pub name: String,
    /// Hash of the text, as whoever saved it computed it.
    pub hash: String,
    /// The file's text.
    pub text: String,
}

/// When a version of a definition was first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionVersion {
    /// Hash of the text.
    pub hash: String,
    /// When it was first kept.
    pub at: Timestamp,
}

/// The definitions of one workspace.
#[derive(Clone, Debug)]
pub struct Definitions {
    workspace: Workspace,
}

impl Definitions {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// Keeps definitions, all or none. What is there already is left as it is; if all are, nothing is written.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn save(&self, definitions: &[Definition], at: Timestamp) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        for definition in definitions {
            if self.text(definition.kind, &definition.name, &definition.hash).await?.is_none() {
                missing.push(definition);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = sqlx::Connection::begin(writing.connection()?).await?;
        for definition in missing {
            sqlx::query(
                "INSERT INTO definitions (workspace_id, kind, name, hash, text, created_at) \
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(self.workspace.id().as_str())
            .bind(definition.kind.as_str())
            .bind(&definition.name)
            .bind(&definition.hash)
            .bind(&definition.text)
            .bind(at)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The text of one version.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn text(&self, kind: DefinitionKind, name: &str, hash: &str) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT text FROM definitions WHERE workspace_id = ? AND kind = ? AND name = ? AND hash = ?",
        )
        .bind(self.workspace.id().as_str())
        .bind(kind.as_str())
        .bind(name)
        .bind(hash)
        .fetch_optional(self.workspace.shared.database.reading())
        .await?)
    }

    /// The versions of one definition, the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn versions(
        &self,
        kind: DefinitionKind,
        name: &str,
        limit: usize,
    ) -> Result<Vec<DefinitionVersion>, StoreError> {
        let found: Vec<(String, Timestamp)> = sqlx::query_as(
            "SELECT hash, created_at FROM definitions WHERE workspace_id = ? AND kind = ? AND name = ? \
             ORDER BY created_at DESC, rowid DESC LIMIT ?",
        )
        .bind(self.workspace.id().as_str())
        .bind(kind.as_str())
        .bind(name)
        .bind(super::column::limit(limit))
        .fetch_all(self.workspace.shared.database.reading())
        .await?;
        Ok(found.into_iter().map(|(hash, at)| DefinitionVersion { hash, at }).collect())
    }
}
