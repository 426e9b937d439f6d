//! `table.aggregate`: rows added up by group.

use std::collections::HashSet;

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::condition::{self, Condition};
use super::number::Num;
use super::rows::{Format, Table, format_schema, order, told_schema, written};
use super::select::{OrderBy, order_schema, sort};
use super::source::{self, Source};
use crate::run::Permit;
use crate::tools::files::Folder;
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// `table.aggregate`: rows added up by group.
#[derive(Clone, Debug)]
pub struct TableAggregate {
    folder: Folder,
}

#[derive(Deserialize)]
struct Arguments {
    table: Source,
    #[serde(default, rename = "where")]
    conditions: Vec<Condition>,
    #[serde(default)]
    group_by: Vec<String>,
    aggregates: IndexMap<String, Aggregate>,
    #[serde(default)]
    order_by: Vec<OrderBy>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize)]
pub(super) struct Aggregate {
    #[serde(rename = "fn")]
    pub(super) function: Function,
    pub(super) column: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Function {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    CountDistinct,
    Median,
}

impl TableAggregate {
    /// Reads files from `folder`.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self { folder }
    }
}

/// One row for each group, in the order in which groups are first seen; one for all if there are no groups.
pub(super) fn aggregate(
    table: &Table,
    group_by: &[String],
    aggregates: &IndexMap<String, Aggregate>,
) -> Result<Table, ToolError> {
    let by = group_by.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?;
    let mut columns = group_by.to_vec();
    let mut wanted = Vec::with_capacity(aggregates.len());
    for (name, Aggregate { function, column }) in aggregates {
        if columns.contains(name) {
            let message = format!("argument `aggregates`: `{name}` would be there twice; give it another name");
            return Err(ToolError::give_up("bad_arguments", message));
        }
        columns.push(name.clone());
        let place = match column {
            Some(column) => Some(table.column(column)?),
            None if *function == Function::Count => None,
            None => {
                let message = format!("argument `aggregates.{name}`: only `count` goes without a `column`");
                return Err(ToolError::give_up("bad_arguments", message));
            }
        };
        wanted.push((*function, place));
    }
    let mut groups: IndexMap<Vec<Option<String>>, Vec<usize>> = IndexMap::new();
    if by.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for (index, row) in table.rows.iter().enumerate() {
        let key = by.iter().map(|place| written(&row[*place]).map(std::borrow::Cow::into_owned)).collect();
        groups.entry(key).or_default().push(index);
    }
    let mut rows = Vec::with_capacity(groups.len());
    for members in groups.values() {
        let first = members.first().map(|index| &table.rows[*index]);
        let mut row: Vec<Value> = by.iter().map(|place| first.map_or(Value::Null, |row| row[*place].clone())).collect();
        for (function, place) in &wanted {
            row.push(result(table, *function, *place, members)?);
        }
        rows.push(row);
    }
    Ok(Table { columns, rows })
}

fn result(table: &Table, function: Function, place: Option<usize>, members: &[usize]) -> Result<Value, ToolError> {
    let Some(place) = place else { return Ok(json!(members.len())) };
    let cells = || members.iter().map(|index| (*index, &table.rows[*index][place])).filter(|(_, cell)| !cell.is_null());
    let numbers = || {
        let number = |(index, cell): (usize, &Value)| Num::of(cell).ok_or_else(|| no_number(table, index, place, cell));
        cells().map(number).collect::<Result<Vec<Num>, ToolError>>()
    };
    let sum = |numbers: &[Num]| numbers.iter().fold(Num::ZERO, |sum, number| sum.plus(*number));
    #[allow(clippy::cast_precision_loss, reason = "there are fewer rows than a float can count")]
    let mean = |numbers: &[Num]| match numbers.len() {
        0 => Value::Null,
        1 => numbers[0].value(),
        count => json!(sum(numbers).float() / count as f64),
    };
    Ok(match function {
        Function::Count => json!(cells().count()),
        Function::CountDistinct => json!(cells().filter_map(|(_, cell)| written(cell)).collect::<HashSet<_>>().len()),
        Function::Min => {
            cells().map(|(_, cell)| cell).min_by(|one, other| order(one, other)).cloned().unwrap_or(Value::Null)
        }
        Function::Max => {
            cells().map(|(_, cell)| cell).max_by(|one, other| order(one, other)).cloned().unwrap_or(Value::Null)
        }
        Function::Sum => sum(&numbers()?).value(),
        Function::Avg => mean(&numbers()?),
        Function::Median => {
            let mut numbers = numbers()?;
            numbers.sort_by(|one, other| one.compare(*other));
            let middle = numbers.len() / 2;
            // The two in the middle of an even number of them, the one of an odd number.
            mean(&numbers[middle.saturating_sub(1 - numbers.len() % 2)..numbers.len().min(middle + 1)])
        }
    })
}

fn no_number(table: &Table, index: usize, place: usize, cell: &Value) -> ToolError {
    let cell: String = cell.to_string().chars().take(40).collect();
    ToolError::give_up(
        "no_number",
        format!(
            "row {} has {cell} in column `{}`, which is no number; leave such rows out with `where` and `is_number`, or say how \
             numbers are written with `decimal` and `thousands`",
            index + 1,
            table.columns[place]
        ),
    )
}

#[async_trait]
impl Tool for TableAggregate {
    fn name(&self) -> &'static str {
        "table.aggregate"
    }

    fn description(&self) -> &'static str {
        "Groups the rows of a table (JSON rows, CSV or a file) and computes sums, averages, medians, extremes and counts."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "table": source::schema("The table"),
                "where": condition::schema(),
                "group_by": {
                    "type": "array", "items": { "type": "string" },
                    "description": "One row for each combination of values in these columns; default: one for the whole table"
                },
                "aggregates": {
                    "type": "object", "minProperties": 1,
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "fn": {
                                "enum": ["sum", "avg", "min", "max", "count", "count_distinct", "median"],
                                "description": "Nulls are left out; `count` without a column counts rows"
                            },
                            "column": { "type": "string" }
                        },
                        "required": ["fn"],
                        "additionalProperties": false
                    },
                    "description": "What is computed, by the name of its column: `{\"total\": {\"fn\": \"sum\", \"column\": \"price\"}}`"
                },
                "order_by": order_schema(),
                "format": format_schema()
            },
            "required": ["table", "aggregates"],
            "additionalProperties": false
        })
    }

    fn output(&self) -> Option<Value> {
        Some(told_schema(json!({})))
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
        let Arguments { table, conditions, group_by, aggregates, order_by, format } =
            crate::tools::arguments(arguments)?;
        let folder = self.folder.clone();
        crate::tools::blocking(move || {
            let mut table = table.read(&folder)?;
            condition::keep(&mut table, conditions)?;
            let mut table = aggregate(&table, &group_by, &aggregates)?;
            sort(&mut table, &order_by)?;
            table.told(format, Map::new())
        })
        .await
    }
}
