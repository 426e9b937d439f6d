//! SQLite files.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt as _;
use serde_json::Value;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _,
    SqlSafeStr as _, Statement as _, TypeInfo as _, ValueRef as _,
};

use super::{CONNECT_TIMEOUT, GRACE, Rows, SqlConnection};
use crate::tools::ToolError;

/// How many of SQLite's own steps pass between looks at the clock.
const STEPS: i32 = 10_000;

pub(super) async fn query(
    connection: &SqlConnection,
    options: &SqliteConnectOptions,
    statement: &str,
    params: &[Value],
) -> Result<Value, ToolError> {
    let options = options
        .clone()
        .read_only(!connection.write)
        .create_if_missing(false)
        .busy_timeout(CONNECT_TIMEOUT)
        .pragma("query_only", if connection.write { "OFF" } else { "ON" })
        // Functions and tables that do more than look are of no use to a view or a trigger that somebody left there.
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    let mut database = SqliteConnection::connect_with(&options).await.map_err(|error| failed(&error))?;
    let work = work(&mut database, connection, statement, params);
    let done = tokio::time::timeout(connection.timeout + GRACE, work).await;
    let done = done.unwrap_or_else(|_| match (late(connection), connection.write) {
        (ToolError::Retry { code, message }, true) => Err(ToolError::unknown(code, message)),
        (error, _) => Err(error),
    });
    drop(tokio::time::timeout(GRACE, database.close()).await);
    done
}

async fn work(
    database: &mut SqliteConnection,
    connection: &SqlConnection,
    statement: &str,
    params: &[Value],
) -> Result<Value, ToolError> {
    let fail = |error: sqlx::Error| failed(&error);
    let until = Instant::now() + connection.timeout;
    database.lock_handle().await.map_err(fail)?.set_progress_handler(STEPS, move || Instant::now() < until);
    let prepared =
        database.prepare(AssertSqlSafe(statement.to_owned()).into_sql_str()).await.map_err(|error| failed(&error))?;
    let wanted = match prepared.parameters() {
        Some(Either::Right(count)) => count,
        _ => 0,
    };
    if wanted != params.len() {
        let message =
            format!("argument `params`: the statement has {wanted} parameters, and {} values were given", params.len());
        return Err(ToolError::give_up("bad_arguments", message));
    }
    let mut rows = Rows::new(prepared.columns().iter().map(|column| column.name().to_owned()), connection);
    let no_columns = prepared.columns().is_empty();
    let arguments = arguments(params)?;
    let query = sqlx::query_with(AssertSqlSafe(statement.to_owned()), arguments).persistent(false);
    let mut affected = 0;
    let mut found = database.fetch_many(query);
    while let Some(next) = found
        .try_next()
        .await
        .map_err(|error| if Instant::now() >= until { late(connection) } else { failed(&error) })?
    {
        match next {
            Either::Left(done) => affected += done.rows_affected(),
            Either::Right(row) => {
                if !rows.add(values(&row).map_err(fail)?) && !connection.write {
                    break;
                }
            }
        }
    }
    drop(found);
    let mut answer = rows.into_value();
    if no_columns {
        answer["affected"] = affected.into();
    }
    Ok(answer)
}

/// Texts, numbers and NULL as they are; true and false as 1 and 0, since SQLite knows neither; anything else as JSON.
fn arguments(params: &[Value]) -> Result<SqliteArguments, ToolError> {
    let mut arguments = SqliteArguments::default();
    for (nth, value) in params.iter().enumerate() {
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Bool(yes) => arguments.add(i64::from(*yes)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => arguments.add(whole),
                (None, Some(real)) => arguments.add(real),
                (None, None) => arguments.add(number.to_string()),
            },
            Value::String(text) => arguments.add(text.clone()),
            other => arguments.add(other.to_string()),
        };
        added.map_err(|error| {
            ToolError::give_up("bad_arguments", format!("argument `params`: value {}: {error}", nth + 1))
        })?;
    }
    Ok(arguments)
}

fn values(row: &SqliteRow) -> Result<Vec<Value>, sqlx::Error> {
    let value = |nth: usize| {
        let raw = row.try_get_raw(nth)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        Ok(match raw.type_info().name() {
            "REAL" => row.try_get_unchecked::<f64, _>(nth)?.into(),
            "TEXT" => row.try_get_unchecked::<String, _>(nth)?.into(),
            "BLOB" => STANDARD.encode(row.try_get_unchecked::<Vec<u8>, _>(nth)?).into(),
            _ => row.try_get_unchecked::<i64, _>(nth)?.into(),
        })
    };
    (0..row.len()).map(value).collect()
}

fn late(connection: &SqlConnection) -> ToolError {
    let limit = humantime::format_duration(connection.timeout);
    ToolError::retry("timeout", format!("the statement took longer than {limit}, and was undone"))
}

/// What SQLite says. A statement that fails leaves nothing behind.
fn failed(error: &sqlx::Error) -> ToolError {
    const BUSY: [&str; 2] = ["5", "6"];
    const READ_ONLY: &str = "8";
    let sqlx::Error::Database(said) = error else {
        return ToolError::give_up("sql", format!("the database cannot be used: {error}"));
    };
    let message = format!("the database says: {}", said.message());
    match said.code().as_deref() {
        Some(code) if BUSY.contains(&code) => ToolError::retry("busy", message),
        Some(READ_ONLY) => ToolError::give_up("read_only", message),
        _ => ToolError::give_up("sql", message),
    }
}
