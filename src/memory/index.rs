//! What an index has to do. It holds nothing that SQL does not hold, and can be made again at any time.

use std::fmt;

use async_trait::async_trait;

use super::bm25::Sparse;
use crate::store::entries::{EntryId, EntryKind, EntryScope, Revision};

/// An entry as an index holds it: not its text, only by what it is found.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The entry.
    pub id: EntryId,
    /// Who remembers it.
    pub scope: EntryScope,
    /// Where it comes from.
    pub kind: EntryKind,
    /// Its words.
    pub words: Sparse,
}

/// What may be found. The default is what every run of the workspace remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Who must remember it: one of these.
    pub scopes: Vec<EntryScope>,
    /// Only entries of this kind.
    pub kind: Option<EntryKind>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { scopes: vec![EntryScope::Workspace], kind: None }
    }
}

impl Filter {
    /// Also what `scope` remembers.
    #[must_use]
    pub fn also(mut self, scope: EntryScope) -> Self {
        self.scopes.push(scope);
        self
    }
}

/// Why an index failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexError {
    /// What it holds cannot be used: make it again.
    Broken(String),
    /// It may work next time: no room, no connection.
    Unavailable(String),
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(reason) => {
                write!(f, "the memory's index is broken ({reason}); `callboard memory rebuild` makes it again")
            }
            Self::Unavailable(reason) => write!(f, "the memory's index cannot be reached ({reason})"),
        }
    }
}

impl std::error::Error for IndexError {}

/// Where the entries of one workspace are found by their words.
///
/// Changes are made by one caller at a time: `apply` as often as needed, then `commit`, after which all of it is
/// on the disk. Between the two an index may forget what it was given, but not hold half of it unnoticed: then
/// `held` says nothing.
#[async_trait]
pub trait Index: Send + Sync + 'static {
    /// Up to which change of the entries it holds everything; `None` if it is empty, or nobody knows. The
    /// index is opened when this is first asked.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn held(&self) -> Result<Option<Revision>, IndexError>;

    /// Adds entries, replacing those of the same id, and removes others.
    ///
    /// # Errors
    /// [`IndexError`]; what was applied of it is unknown.
    async fn apply(&self, added: Vec<Indexed>, gone: Vec<EntryId>) -> Result<(), IndexError>;

    /// Makes all that was applied durable: the index now holds everything up to `revision`.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn commit(&self, revision: Revision) -> Result<(), IndexError>;

    /// Forgets everything.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn clear(&self) -> Result<(), IndexError>;

    /// The entries that fit the query best, with their scores, best first.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn search(&self, query: Sparse, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, IndexError>;

    /// How many entries it holds.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn count(&self) -> Result<u64, IndexError>;
}
