//! Why the store could not do what it was asked to.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked to. Nothing of a failed change is stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder open.
    #[error(
        "{} belongs to {}; talk to that one, or stop it first",
        folder.display(),
        pid.map_or_else(|| "another running callboard".to_owned(), |pid| format!("the running callboard with process id {pid}"))
    )]
    Owned {
        /// The data folder.
        folder: PathBuf,
        /// The process, if it could be read.
        pid: Option<u32>,
    },
    /// SQLite is too old to be trusted.
    #[error(
        "SQLite {found} can lose a commit that races a checkpoint; build with SQLite {} or newer",
        super::database::OLDEST_SQLITE
    )]
    SqliteTooOld {
        /// The version found.
        found: String,
    },
    /// The tables are not what this build knows.
    #[error("the tables in {} cannot be brought up to date ({reason}); was a newer callboard here before?", folder.display())]
    Migration {
        /// The data folder.
        folder: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The disk is full.
    #[error("the disk is full: nothing more can be stored; free some space and try again")]
    Full,
    /// What is stored cannot be read.
    #[error("{what} cannot be read: {reason}")]
    Corrupt {
        /// What it is.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing of this name.
    #[error("there is no {0}")]
    Missing(String),
    /// Something else is live than whoever writes knows of; nothing was written.
    #[error("another version of `{0}` is live by now")]
    OtherLive(String),
    /// Anything else.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    pub(super) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Database(error) }
    }
}

/// `SQLITE_FULL`: the disk is full, or the database has reached its `max_page_count`.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    const SQLITE_FULL: &str = "13";
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some(SQLITE_FULL))
}
