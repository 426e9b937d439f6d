//! `table.join`: rows of two tables that belong together.

use std::borrow::Cow;
use std::collections::HashMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::rows::{Format, Table, format_schema, told_schema, unused, written};
use super::source::{self, Source};
use super::within_limits;
use crate::run::Permit;
use crate::tools::files::Folder;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `table.join`: rows of two tables that belong together.
#[derive(Clone, Debug)]
pub struct TableJoin {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    left: Source,
    right: Source,
    on: Vec<Pair>,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    format: Format,
}

/// A column of each table; one name if it is the same in both.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Pair {
    Same(String),
    Two { left: String, right: String },
}

/// What becomes of a row on the left that nothing on the right belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// It is left out.
    #[default]
    Inner,
    /// It stays, with nulls.
    Left,
}

impl TableJoin {
    /// Reads files from `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

/// What two rows that belong together are written the same in; `None` if there is a null among it.
fn key<'a>(row: &'a [Value], places: &[usize]) -> Option<Vec<Cow<'a, str>>> {
    places.iter().map(|place| written(&row[*place])).collect()
}

/// Joins two tables, and says how many rows on the left found nothing. Rows come in the order of the left, and of the right within.
pub(super) fn join(left: &Table, right: &Table, on: &[Pair], kind: Kind) -> Result<(Table, usize), ToolError> {
    let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
    for pair in on {
        let (one, other) = match pair {
            Pair::Same(name) => (name, name),
            Pair::Two { left, right } => (left, right),
        };
        left_keys.push(left.column(one).map_err(|error| of_table("left", &error))?);
        right_keys.push(right.column(other).map_err(|error| of_table("right", &error))?);
    }
    // The keys of the right are those of the left over again.
    let added: Vec<usize> = (0..right.columns.len()).filter(|place| !right_keys.contains(place)).collect();
    let mut columns = left.columns.clone();
    for place in &added {
        let name = right.columns[*place].clone();
        let name = if columns.contains(&name) { unused(format!("{name}_right"), &columns) } else { name };
        columns.push(name);
    }
    let mut partners: HashMap<Vec<Cow<'_, str>>, Vec<&Vec<Value>>> = HashMap::new();
    for row in &right.rows {
        if let Some(key) = key(row, &right_keys) {
            partners.entry(key).or_default().push(row);
        }
    }
    let (mut rows, mut alone) = (Vec::new(), 0);
    for row in &left.rows {
        let found = key(row, &left_keys).and_then(|key| partners.get(&key));
        let Some(found) = found else {
            alone += 1;
            if kind == Kind::Left {
                rows.push(row.iter().cloned().chain(added.iter().map(|_| Value::Null)).collect());
            }
            continue;
        };
        for partner in found {
            rows.push(row.iter().cloned().chain(added.iter().map(|place| partner[*place].clone())).collect());
            within_limits(rows.len(), columns.len())?;
        }
    }
    Ok((Table { columns, rows }, alone))
}

fn of_table(side: &str, error: &ToolError) -> ToolError {
    ToolError::give_up(error.code(), format!("on the {side}: {error}"))
}

#[async_trait]
impl Tool for TableJoin {
    fn name(&self) -> &'static str {
        "table.join"
    }

    fn description(&self) -> &'static str {
        "Joins two tables (JSON rows, CSV or files) on the columns in which rows that belong together are the same."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "left": source::schema("The table whose rows come first"),
                "right": source::schema("The table that is looked up"),
                "on": {
                    "type": "array", "minItems": 1,
                    "items": {
                        "anyOf": [
                            { "type": "string" },
                            {
                                "type": "object",
                                "properties": { "left": { "type": "string" }, "right": { "type": "string" } },
                                "required": ["left", "right"],
                                "additionalProperties": false
                            }
                        ]
                    },
                    "description": "The columns in which rows must be the same: a name, or `{left, right}` if they are called differently. \
                        Values are the same if they are written the same; null is the same as nothing"
                },
                "kind": {
                    "enum": ["inner", "left"],
                    "description": "`left` keeps rows of the left that nothing belongs to, with nulls; `inner` (default) does not"
                },
                "format": format_schema()
            },
            "required": ["left", "right", "on"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(told_schema(json!({
            "unmatched": { "type": "integer", "description": "How many rows of the left nothing belongs to" }
        })))
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, arguments: &Value) -> CallEffect {
        Source::effect(arguments, &["left", "right"])
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { left, right, on, kind, format } = crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let left = left.read(&folder).map_err(|error| of_table("left", &error))?;
            let right = right.read(&folder).map_err(|error| of_table("right", &error))?;
            let (table, alone) = join(&left, &right, &on, kind)?;
            table.told(format, Map::from_iter([("unmatched".to_owned(), json!(alone))]))
        })
        .await
    }
}
