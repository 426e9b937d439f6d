//! `sql.query`: one statement to a database that the configuration names.

mod numeric;
mod params;
mod postgres;
mod sqlite;
mod statement;

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::run::Permit;
use crate::secrets::{Mask, SecretName, Secrets};
use crate::tools::{Caller, Origin, Tool, ToolError, secret};
use crate::workflow::{CallEffect, Effect};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than the database's own limit a call is waited for.
const GRACE: Duration = Duration::from_secs(5);

/// `sql.query`: sends one statement, with its values apart from it, and returns the rows. Each call has a connection of its
/// own, so that nothing of one is left for the next.
#[derive(Clone, Debug)]
pub struct SqlQuery {
    connections: Arc<BTreeMap<String, SqlConnection>>,
    secrets: Secrets,
    description: String,
}

/// A database of the configuration.
#[derive(Clone, Debug)]
pub struct SqlConnection {
    /// Where it is.
    pub database: Database,
    /// The secret that is its password.
    pub password: Option<SecretName>,
    /// Whether statements may change it.
    pub write: bool,
    /// How long a statement may take.
    pub timeout: Duration,
    /// The most rows that are returned.
    pub max_rows: usize,
    /// The longest result, in bytes.
    pub max_bytes: usize,
}

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// On a server.
    Postgres(Box<PgConnectOptions>),
    /// In a file.
    Sqlite(Box<SqliteConnectOptions>),
}

#[derive(Deserialize)]
struct Arguments {
    connection: Option<String>,
    statement: String,
    #[serde(default)]
    params: Vec<Value>,
}

/// The rows so far, within limits.
struct Rows {
    columns: Vec<String>,
    found: Vec<Value>,
    truncated: bool,
    most: usize,
    bytes_left: usize,
}

impl Database {
    /// Reads `postgres://user@host/database` or `sqlite:file`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => {
                if url::Url::parse(url).map_err(|error| error.to_string())?.password().is_some() {
                    return Err("it carries a password; make that a secret, and name it as `password`".to_owned());
                }
                let options = PgConnectOptions::from_str(url).map_err(|error| error.to_string())?;
                Ok(Self::Postgres(Box::new(options)))
            }
            Some("sqlite") => {
                let options = SqliteConnectOptions::from_str(url).map_err(|error| error.to_string())?;
                Ok(Self::Sqlite(Box::new(options)))
            }
            _ => Err("it is neither postgres://user@host/database nor sqlite:file".to_owned()),
        }
    }
}

impl SqlQuery {
    /// Asks these databases, by their names.
    #[must_use]
    pub fn new(connections: BTreeMap<String, SqlConnection>, secrets: Secrets) -> Self {
        let one = |(name, connection): (&String, &SqlConnection)| {
            let dialect = match connection.database {
                Database::Postgres(_) => "PostgreSQL",
                Database::Sqlite(_) => "SQLite",
            };
            format!("{name} ({dialect}, {})", if connection.write { "read and write" } else { "read only" })
        };
        let names: Vec<String> = connections.iter().map(one).collect();
        let description = format!(
            "Sends one SQL statement to a database and returns the rows. Values go into `params`, never into the statement. \
             Connections: {}.",
            names.join(", ")
        );
        Self { connections: Arc::new(connections), secrets, description }
    }

    fn connection(&self, name: Option<&str>) -> Result<&SqlConnection, ToolError> {
        let found = match name {
            Some(name) => self.connections.get(name),
            None if self.connections.len() == 1 => self.connections.values().next(),
            None => None,
        };
        found.ok_or_else(|| {
            let names = self.connections.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            ToolError::give_up("no_such_connection", format!("argument `connection`: there are: {names}"))
        })
    }

    async fn perform(&self, arguments: Arguments, mask: &mut Mask) -> Result<Value, ToolError> {
        let Arguments { connection, statement, params } = arguments;
        let connection = self.connection(connection.as_deref())?;
        statement::check(&statement, connection).map_err(|why| ToolError::give_up("bad_statement", why))?;
        let password = match &connection.password {
            Some(name) => Some(self.secrets.get(name, mask).await.map_err(|error| secret::failed(&error))?),
            None => None,
        };
        match &connection.database {
            Database::Postgres(options) => {
                postgres::query(connection, options, password.as_ref(), &statement, &params).await
            }
            Database::Sqlite(options) => sqlite::query(connection, options, &statement, &params).await,
        }
    }
}

#[async_trait]
impl Tool for SqlQuery {
    fn name(&self) -> &'static str {
        "sql.query"
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn parameters(&self) -> Value {
        let names: Vec<&String> = self.connections.keys().collect();
        json!({
            "type": "object",
            "properties": {
                "connection": { "enum": names, "description": "Which database; may be left out if there is only one" },
                "statement": {
                    "type": "string", "minLength": 1, "maxLength": 100_000,
                    "description": "One statement, with $1, $2, … (PostgreSQL) or ?1, ?2, … (SQLite) for the values"
                },
                "params": { "type": "array", "maxItems": 1000, "description": "The values, in order" }
            },
            "required": ["statement"],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        if self.connections.values().any(|connection| connection.write) { Effect::Write } else { Effect::Read }
    }

    fn effect(&self, arguments: &Value) -> CallEffect {
        // A statement that only looks can still call a function that does not: where writing is allowed, it counts.
        let connection = self.connection(arguments.get("connection").and_then(Value::as_str));
        let writes = connection.map_or(self.worst() == Effect::Write, |connection| connection.write);
        CallEffect::of(if writes { Effect::Write } else { Effect::Read })
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "columns": { "type": "array", "items": { "type": "string" } },
                "rows": { "type": "array", "items": { "type": "object" } },
                "truncated": { "type": "boolean" },
                "affected": { "type": "integer" }
            },
            "required": ["columns", "rows", "truncated"]
        }))
    }

    fn timeout(&self) -> Duration {
        let longest = self.connections.values().map(|connection| connection.timeout).max().unwrap_or_default();
        longest + CONNECT_TIMEOUT + 2 * GRACE
    }

    fn secrets(&self, arguments: &Value) -> Vec<String> {
        let connection = self.connection(arguments.get("connection").and_then(Value::as_str));
        connection
            .ok()
            .and_then(|connection| connection.password.as_ref())
            .map(ToString::to_string)
            .into_iter()
            .collect()
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let mut mask = Mask::new();
        let result = self.perform(arguments, &mut mask).await;
        secret::masked(result, &mask)
    }
}

impl Rows {
    /// None yet, under these names; a name that is there twice gets a number.
    fn new(names: impl IntoIterator<Item = String>, connection: &SqlConnection) -> Self {
        let mut columns: Vec<String> = Vec::new();
        for name in names {
            let mut unique = name.clone();
            let mut nth = 2;
            while columns.contains(&unique) {
                unique = format!("{name}_{nth}");
                nth += 1;
            }
            columns.push(unique);
        }
        let (most, bytes_left) = (connection.max_rows, connection.max_bytes);
        Self { columns, found: Vec::new(), truncated: false, most, bytes_left }
    }

    /// Adds a row; false if there is no room for it, nor for any more.
    fn add(&mut self, values: Vec<Value>) -> bool {
        let row: Map<String, Value> = self.columns.iter().cloned().zip(values).collect();
        let row = Value::Object(row);
        let length = row.to_string().len();
        if self.found.len() >= self.most || length > self.bytes_left {
            self.truncated = true;
            return false;
        }
        self.bytes_left -= length;
        self.found.push(row);
        true
    }

    fn into_value(self) -> Value {
        json!({ "columns": self.columns, "rows": self.found, "truncated": self.truncated })
    }
}
