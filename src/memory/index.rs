//! What an index has to do. It holds nothing that SQL does not hold, and can be made again at any time.

use std::fmt;

use async_trait::async_trait;

use super::bm25::Sparse;
use crate::clock::Timestamp;
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
    /// When it was remembered.
    pub at: Timestamp,
    /// Its words.
    pub words: Sparse,
}

/// What may be found, in the workspace that the index is of. The default is what every run of the workspace remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Who must remember it: one of these.
    pub scopes: Vec<EntryScope>,
    /// Only entries of one of these kinds; of all kinds if empty.
    pub kinds: Vec<EntryKind>,
    /// Only what was remembered then or later.
    pub since: Option<Timestamp>,
    /// Only what was remembered before then.
    pub before: Option<Timestamp>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { scopes: vec![EntryScope::Workspace], kinds: Vec::new(), since: None, before: None }
    }
}

impl Filter {
    /// Also what `scope` remembers.
    #[must_use]
    pub fn also(mut self, scope: EntryScope) -> Self {
        self.scopes.push(scope);
        self
    }

    /// The kinds that may be found.
    #[must_use]
    pub fn wanted_kinds(&self) -> &[EntryKind] {
        if self.kinds.is_empty() { &EntryKind::ALL } else { &self.kinds }
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
