//! PostgreSQL. The database turns its own values into JSON, whatever types it has: the statement stands in another that
//! does so.

use futures::TryStreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sqlx::postgres::{
    PgArguments, PgColumn, PgConnectOptions, PgConnection, PgDatabaseError, PgErrorPosition, PgStatement,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _,
    SqlSafeStr as _, Statement as _, TypeInfo as _, ValueRef as _,
};

use super::params::Param;
use super::{CONNECT_TIMEOUT, GRACE, Rows, SqlConnection};
use crate::tools::ToolError;

/// How far a statement has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Whatever happens, nothing is changed.
    Undone,
    /// The database was told to keep what it has done.
    Committing,
}

pub(super) async fn query(
    connection: &SqlConnection,
    options: &PgConnectOptions,
    password: Option<&SecretString>,
    statement: &str,
    params: &[Value],
) -> Result<Value, ToolError> {
    let millis = connection.timeout.as_millis().to_string();
    let mut options = options
        .clone()
        .application_name("callboard")
        .options([
            ("statement_timeout", millis.as_str()),
            ("default_transaction_read_only", if connection.write { "off" } else { "on" }),
            ("datestyle", "ISO"),
            ("intervalstyle", "iso_8601"),
        ])
        .disable_statement_logging();
    if let Some(password) = password {
        options = options.password(password.expose_secret());
    }
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
    let connected = connected.map_err(|_| ToolError::retry("connect", "the database does not answer"))?;
    let mut database = connected.map_err(|error| match &error {
        sqlx::Error::Database(_) => failed(&error, statement, 0),
        _ => ToolError::retry("connect", format!("cannot connect to the database: {error}")),
    })?;
    let mut progress = Progress::Undone;
    let work = work(&mut database, connection, statement, params, &mut progress);
    let done = tokio::time::timeout(connection.timeout + GRACE, work).await;
    let done = done.unwrap_or_else(|_| Err(ToolError::retry("timeout", "the database did not answer in time")));
    // It closes itself if this does not work out; what was committed is.
    drop(tokio::time::timeout(GRACE, database.close()).await);
    match done {
        Err(ToolError::Retry { code, message }) if connection.write && progress == Progress::Committing => {
            Err(ToolError::unknown(code, message))
        }
        done => done,
    }
}

async fn work(
    database: &mut PgConnection,
    connection: &SqlConnection,
    statement: &str,
    params: &[Value],
    progress: &mut Progress,
) -> Result<Value, ToolError> {
    let prepare = async |database: &mut PgConnection, text: String| -> Result<PgStatement, sqlx::Error> {
        database.prepare(AssertSqlSafe(text).into_sql_str()).await
    };
    let prepared = prepare(database, statement.to_owned()).await.map_err(|error| failed(&error, statement, 0))?;
    let arguments = arguments(&prepared, params)?;
    let columns = prepared.columns();
    let mut rows = Rows::new(columns.iter().map(|column| column.name().to_owned()), connection);
    let first = super::statement::first_word(statement);
    let as_it_is = columns.is_empty() || matches!(first.as_str(), "EXPLAIN" | "SHOW");
    let (text, shift) = if as_it_is { (statement.to_owned(), 0) } else { as_json(statement, columns, connection) };
    let fail = |error: sqlx::Error| failed(&error, statement, shift);

    let begin = if connection.write { "BEGIN" } else { "BEGIN READ ONLY" };
    database.execute(begin).await.map_err(fail)?;
    let query = sqlx::query_with(AssertSqlSafe(text), arguments).persistent(false);
    let mut affected = 0;
    let mut found = database.fetch_many(query);
    while let Some(next) = found.try_next().await.map_err(fail)? {
        match next {
            Either::Left(done) => affected += done.rows_affected(),
            Either::Right(row) => {
                let values = if as_it_is { plain(&row) } else { from_json(&row, columns.len()) };
                if !rows.add(values.map_err(fail)?) && !connection.write {
                    break;
                }
            }
        }
    }
    drop(found);
    if connection.write {
        *progress = Progress::Committing;
        database.execute("COMMIT").await.map_err(fail)?;
    }
    let mut answer = rows.into_value();
    if columns.is_empty() {
        answer["affected"] = affected.into();
    }
    Ok(answer)
}

/// The values, each as a parameter of the type that the statement expects.
fn arguments(prepared: &PgStatement, params: &[Value]) -> Result<PgArguments, ToolError> {
    let bad = |why: String| ToolError::give_up("bad_arguments", format!("argument `params`: {why}"));
    let kinds = match prepared.parameters() {
        Some(Either::Left(kinds)) => kinds,
        _ => &[],
    };
    if kinds.len() != params.len() {
        return Err(bad(format!(
            "the statement has {} parameters, and {} values were given",
            kinds.len(),
            params.len()
        )));
    }
    let mut arguments = PgArguments::default();
    for (nth, (value, kind)) in params.iter().zip(kinds).enumerate() {
        let param = Param::of(value, kind).map_err(|why| bad(format!("value {} {why}", nth + 1)))?;
        arguments.add(param).map_err(|error| bad(format!("value {}: {error}", nth + 1)))?;
    }
    Ok(arguments)
}

/// The statement within one that yields each row as a JSON text, and how much longer what stands before it is. Numbers
/// without limits stay exact as texts, and bytes are Base64.
fn as_json(statement: &str, columns: &[PgColumn], connection: &SqlConnection) -> (String, usize) {
    let names: Vec<String> = (0..columns.len()).map(|nth| format!("c{nth}")).collect();
    let shown = columns.iter().zip(&names).map(|(column, name)| match column.type_info().name() {
        "NUMERIC" => format!("{name}::text AS {name}"),
        "BYTEA" => format!("translate(encode({name}, 'base64'), E'\\n', '') AS {name}"),
        _ => name.clone(),
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let before = format!("WITH q({}) AS (", names.join(", "));
    // What changes something is carried out to its end whatever the limit.
    let limit = connection.max_rows.saturating_add(1);
    let statement = super::statement::without_end(statement);
    let text =
        format!("{before}{statement}\n) SELECT row_to_json(r)::text FROM (SELECT {shown} FROM q LIMIT {limit}) r");
    (text, before.chars().count())
}

fn from_json(row: &sqlx::postgres::PgRow, columns: usize) -> Result<Vec<Value>, sqlx::Error> {
    let text: String = row.try_get(0)?;
    let mut found: Value = serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok((0..columns).map(|nth| found.get_mut(format!("c{nth}")).map(Value::take).unwrap_or_default()).collect())
}

/// A row of which every value is a text, as EXPLAIN and SHOW have them.
fn plain(row: &sqlx::postgres::PgRow) -> Result<Vec<Value>, sqlx::Error> {
    let value = |nth| {
        let raw = row.try_get_raw(nth)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let text = raw.as_str().map_err(sqlx::Error::Decode)?.to_owned();
        Ok(match raw.type_info().name() {
            "JSON" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            _ => Value::String(text),
        })
    };
    (0..row.len()).map(value).collect()
}

/// What the database says, with the place in the statement; and what that means for the call. What fails before it is
/// committed is undone by the database.
fn failed(error: &sqlx::Error, statement: &str, shift: usize) -> ToolError {
    let sqlx::Error::Database(said) = error else {
        return ToolError::retry("lost", format!("the connection to the database was lost: {error}"));
    };
    let Some(said) = said.try_downcast_ref::<PgDatabaseError>() else {
        return ToolError::give_up("sql", said.message());
    };
    let mut message = format!("the database says: {}", said.message());
    if let Some(PgErrorPosition::Original(position)) = said.position()
        && let Some(at) = position.checked_sub(shift + 1)
    {
        let before: String = statement.chars().take(at).collect();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        message = format!("{message} (line {}, column {column})", before.matches('\n').count() + 1);
    }
    for more in [said.detail(), said.hint()].into_iter().flatten() {
        message = format!("{message}; {more}");
    }
    let message = format!("{message} [{}]", said.code());
    match said.code() {
        "25006" => ToolError::give_up("read_only", message),
        "57014" => ToolError::retry("timeout", message),
        code if code.starts_with("28") => ToolError::give_up("login", message),
        code if ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            ToolError::retry("sql", message)
        }
        _ => ToolError::give_up("sql", message),
    }
}
