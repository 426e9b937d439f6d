//! Writing many rows at once.
//!
//! sqlx runs a connection on a thread of its own, so that a statement costs a trip there and back whatever it does, and
//! keeps statements prepared by their text. So rows are written by statements of a few fixed sizes.

use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Executor};

/// How many rows one statement writes: the largest that fits is taken, until none is left.
const SIZES: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// The text of a statement that writes rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowsSql {
    /// What comes before the rows.
    pub(super) before: &'static str,
    /// One row, with a `?` for each value.
    pub(super) row: &'static str,
    /// What comes after the rows.
    pub(super) after: &'static str,
}

/// The statement that writes `rows` rows.
pub(super) fn many(sql: &RowsSql, rows: usize) -> String {
    format!("{}{}{}", sql.before, vec![sql.row; rows].join(", "), sql.after)
}

/// A statement for each size.
#[derive(Debug)]
pub(super) struct ManyRows {
    statements: [Arc<str>; SIZES.len()],
}

impl ManyRows {
    pub(super) fn new(sql: &RowsSql) -> Self {
        Self { statements: SIZES.map(|size| many(sql, size).into()) }
    }

    /// Writes all `rows`, in order; tells how many were written, or changed.
    pub(super) async fn write<T>(
        &self,
        connection: &mut SqliteConnection,
        mut rows: &[T],
        bind: impl Fn(&mut SqliteArguments, &T) -> Result<(), sqlx::Error>,
    ) -> Result<u64, sqlx::Error> {
        let mut changed = 0;
        for (size, statement) in SIZES.iter().zip(&self.statements) {
            while let Some((chunk, rest)) = rows.split_at_checked(*size) {
                let mut arguments = SqliteArguments::default();
                for row in chunk {
                    bind(&mut arguments, row)?;
                }
                let query = sqlx::query_with(AssertSqlSafe(statement.clone()), arguments);
                changed += connection.execute(query).await?.rows_affected();
                rows = rest;
            }
        }
        Ok(changed)
    }
}

/// Adds the values of one row, in the order of its `?`.
macro_rules! bind {
    ($arguments:expr, $($value:expr),+ $(,)?) => {{
        use sqlx::Arguments as _;
        $($arguments.add($value).map_err(sqlx::Error::Encode)?;)+
        Ok(())
    }};
}
pub(super) use bind;
