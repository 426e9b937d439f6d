//! `table.select`: some columns of some rows, in some order.

use std::collections::HashSet;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::condition::{self, Condition};
use super::rows::{Format, Table, format_schema, order, told_schema, written};
use super::source::{self, Source};
use crate::run::Permit;
use crate::tools::files::Folder;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `table.select`: some columns of some rows, in some order.
#[derive(Clone, Debug)]
pub struct TableSelect {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    table: Source,
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize)]
struct Wanted {
    columns: Option<Vec<Column>>,
    #[serde(default, rename = "where")]
    conditions: Vec<Condition>,
    #[serde(default)]
    order_by: Vec<OrderBy>,
    #[serde(default)]
    distinct: bool,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

/// A column, with a name of its own if it is an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Column {
    Named(String),
    Renamed {
        column: String,
        #[serde(rename = "as")]
        name: String,
    },
}

#[derive(Deserialize)]
pub(super) struct OrderBy {
    pub(super) column: String,
    #[serde(default)]
    pub(super) descending: bool,
}

impl TableSelect {
    /// Reads files from `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

/// The schema of a list of [`OrderBy`].
pub(super) fn order_schema() -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": { "column": { "type": "string" }, "descending": { "type": "boolean" } },
            "required": ["column"],
            "additionalProperties": false
        },
        "description": "Numbers come before texts, nulls last either way; rows that are equal stay as they were"
    })
}

/// Puts rows in order. Rows that are equal stay as they were.
pub(super) fn sort(table: &mut Table, order_by: &[OrderBy]) -> Result<(), ToolError> {
    let keys: Vec<(usize, bool)> =
        order_by.iter().map(|by| Ok((table.column(&by.column)?, by.descending))).collect::<Result<_, ToolError>>()?;
    table.rows.sort_by(|one, other| {
        let compared = keys.iter().map(|(column, descending)| {
            let (one, other) = (&one[*column], &other[*column]);
            // Nulls are last whichever way the others go.
            let turned = *descending && !one.is_null() && !other.is_null();
            if turned { order(other, one) } else { order(one, other) }
        });
        compared.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    Ok(())
}

/// The table that is wanted, and how many rows it has without offset and limit.
fn select(mut table: Table, wanted: Wanted) -> Result<(Table, usize), ToolError> {
    let Wanted { columns, conditions, order_by, distinct, offset, limit } = wanted;
    condition::keep(&mut table, conditions)?;
    sort(&mut table, &order_by)?;
    if let Some(columns) = columns {
        table = project(&table, &columns)?;
    }
    if distinct {
        let mut seen = HashSet::new();
        table.rows.retain(|row| {
            seen.insert(row.iter().map(|cell| written(cell).map(std::borrow::Cow::into_owned)).collect::<Vec<_>>())
        });
    }
    let total = table.rows.len();
    table.rows = table.rows.into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect();
    Ok((table, total))
}

fn project(table: &Table, columns: &[Column]) -> Result<Table, ToolError> {
    let mut places = Vec::with_capacity(columns.len());
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let (from, name) = match column {
            Column::Named(name) => (name, name),
            Column::Renamed { column, name } => (column, name),
        };
        if names.contains(name) {
            return Err(ToolError::give_up(
                "bad_arguments",
                format!("argument `columns`: `{name}` would be there twice"),
            ));
        }
        places.push(table.column(from)?);
        names.push(name.clone());
    }
    let row = |row: &Vec<Value>| places.iter().map(|place| row[*place].clone()).collect();
    Ok(Table { columns: names, rows: table.rows.iter().map(row).collect() })
}

#[async_trait]
impl Tool for TableSelect {
    fn name(&self) -> &'static str {
        "table.select"
    }

    fn description(&self) -> &'static str {
        "Takes columns and rows from a table (JSON rows, CSV or a file): filters, sorts, renames, limits."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "table": source::schema("The table"),
                "columns": {
                    "type": "array", "minItems": 1,
                    "items": {
                        "anyOf": [
                            { "type": "string" },
                            {
                                "type": "object",
                                "properties": { "column": { "type": "string" }, "as": { "type": "string", "minLength": 1 } },
                                "required": ["column", "as"],
                                "additionalProperties": false
                            }
                        ]
                    },
                    "description": "Which columns, in this order; `{column, as}` gives one another name. Default: all"
                },
                "where": condition::schema(),
                "order_by": order_schema(),
                "distinct": { "type": "boolean", "description": "Whether rows that are equal are returned once; default false" },
                "offset": { "type": "integer", "minimum": 0, "description": "How many rows are passed over; default 0" },
                "limit": { "type": "integer", "minimum": 0, "description": "How many rows are returned at most; default: all" },
                "format": format_schema()
            },
            "required": ["table"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(told_schema(
            json!({ "total": { "type": "integer", "description": "How many rows there are without offset and limit" } }),
        ))
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, arguments: &Value) -> CallEffect {
        Source::effect(arguments, &["table"])
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let Arguments { table, wanted, format } = arguments;
            let (table, total) = select(table.read(&folder)?, wanted)?;
            table.told(format, Map::from_iter([("total".to_owned(), json!(total))]))
        })
        .await
    }
}
