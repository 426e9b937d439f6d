//! The connections to the database: one that writes, a few that read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};
use tokio::sync::{Mutex, MutexGuard};

use super::lock::FolderLock;
use super::{StoreError, StoreOptions};

/// Older ones can lose a commit that races a checkpoint (the "WAL-reset" bug, fixed in 3.51.3).
pub(super) const OLDEST_SQLITE: &str = "3.51.3";

/// The database's file in the data folder.
pub(super) const DATABASE_FILE: &str = "callboard.db";

/// SQLite's own limit, which is none.
const NO_PAGE_LIMIT: u32 = 4_294_967_294;

/// After so many pages of log the writer copies them into the database. Twice SQLite's default: half as many
/// stalls and fewer pages written twice, for a log of some 8 MB.
const CHECKPOINT_PAGES: u32 = 2000;

/// The log is cut back to this size after a checkpoint, should a burst have made it longer.
const LOG_BYTES: u64 = 64 << 20;

/// Number, name and text of each file in `migrations/`, oldest first.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "spine", include_str!("../../migrations/0001_spine.sql")),
    (2, "notes", include_str!("../../migrations/0002_notes.sql")),
    (3, "entries_by_text", include_str!("../../migrations/0003_entries_by_text.sql")),
    (4, "model_calls", include_str!("../../migrations/0004_model_calls.sql")),
    (5, "entries_whole", include_str!("../../migrations/0005_entries_whole.sql")),
    (6, "secrets", include_str!("../../migrations/0006_secrets.sql")),
    (7, "conversations", include_str!("../../migrations/0007_conversations.sql")),
    (8, "proposals", include_str!("../../migrations/0008_proposals.sql")),
];

fn migrator() -> Migrator {
    let migration = |&(number, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}

/// The open database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    writing: Arc<Mutex<Option<SqliteConnection>>>,
    reading: SqlitePool,
    folder: PathBuf,
    options: SqliteConnectOptions,
    max_page_count: u32,
    _lock: Arc<FolderLock>,
}

impl Database {
    pub(super) async fn open(folder: &Path, options: &StoreOptions, lock: Arc<FolderLock>) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::new()
            .filename(folder.join(DATABASE_FILE))
            .busy_timeout(options.busy_timeout)
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        let writing = connect
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
            .pragma("journal_size_limit", LOG_BYTES.to_string())
            .pragma("cache_size", "-16000");
        let reading = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(Duration::from_secs(30))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(connect.read_only(true));
        let database = Self {
            writing: Arc::new(Mutex::new(None)),
            reading,
            folder: folder.to_owned(),
            options: writing,
            max_page_count: options.max_page_count.unwrap_or(NO_PAGE_LIMIT),
            _lock: lock,
        };
        database.prepare().await?;
        Ok(database)
    }

    /// Checks the version, and brings the tables up to date.
    async fn prepare(&self) -> Result<(), StoreError> {
        // In the log's mode NORMAL is as safe against corruption as FULL, it only may forget the last commits when
        // the power fails. Tables can be made again, so that the first start does not wait for the disk.
        let mut connection = self.options.clone().synchronous(SqliteSynchronous::Normal).connect().await?;
        let found: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await?;
        if version(&found) < version(OLDEST_SQLITE) {
            return Err(StoreError::SqliteTooOld { found });
        }
        migrator()
            .run(&mut connection)
            .await
            .map_err(|error| StoreError::Migration { folder: self.folder.clone(), reason: error.to_string() })?;
        sqlx::query("PRAGMA synchronous = FULL").execute(&mut connection).await?;
        set_max_page_count(&mut connection, self.max_page_count).await?;
        *self.writing.lock().await = Some(connection);
        Ok(())
    }

    /// The connections that read. They see what is committed, and never wait for the writer.
    pub(super) fn reading(&self) -> &SqlitePool {
        &self.reading
    }

    /// The one connection that writes. Whoever holds it keeps all others from writing, so hold it for one
    /// transaction.
    pub(super) async fn writing(&self) -> Result<Writing<'_>, sqlx::Error> {
        let mut slot = self.writing.lock().await;
        if slot.is_none() {
            // Given up after a failure that it could not be trusted to have survived.
            if self.reading.is_closed() {
                return Err(sqlx::Error::PoolClosed);
            }
            let mut connection = self.options.clone().synchronous(SqliteSynchronous::Full).connect().await?;
            set_max_page_count(&mut connection, self.max_page_count).await?;
            *slot = Some(connection);
        }
        Ok(Writing { slot })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) async fn limit_pages(&self, pages: Option<u32>) -> Result<(), StoreError> {
        let mut writing = self.writing().await?;
        Ok(set_max_page_count(writing.connection()?, pages.unwrap_or(NO_PAGE_LIMIT)).await?)
    }

    /// Copies the log into the database and closes all connections.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.reading.close().await;
        let Some(mut connection) = self.writing.lock().await.take() else { return Ok(()) };
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

/// The right to write, until it is dropped.
pub(super) struct Writing<'a> {
    slot: MutexGuard<'a, Option<SqliteConnection>>,
}

impl Writing<'_> {
    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.slot.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Gives the connection up, so that the next writer opens a new one.
    pub(super) fn give_up(&mut self) {
        *self.slot = None;
    }
}

async fn set_max_page_count(connection: &mut SqliteConnection, pages: u32) -> Result<(), sqlx::Error> {
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"))).execute(connection).await?;
    Ok(())
}

/// `3.51.3` as numbers that compare; anything that is no number counts as 0.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, version};

    #[test]
    fn every_migration_is_built_in() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        let mut files: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let built_in: Vec<_> = MIGRATIONS.iter().map(|(number, name, _)| format!("{number:04}_{name}.sql")).collect();
        assert_eq!(built_in, files, "each file in migrations/ has a line in MIGRATIONS");
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version("3.9.0") < version("3.51.3"));
        assert!(version("3.51.2") < version("3.51.3"));
        assert!(version("3.51.3") <= version("3.51.3"));
        assert!(version("3.52.0") > version("3.51.3"));
    }
}
