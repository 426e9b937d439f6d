//! A table in memory, from rows and CSV and back.

use std::borrow::Cow;
use std::cmp::Ordering;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::number::Num;
use super::{source::Layout, within_limits};
use crate::tools::ToolError;

/// Columns with names, and rows with a value for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::tools) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// How a table is returned.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    #[default]
    Rows,
    Csv,
}

impl Table {
    /// From JSON objects: what one of them lacks is null.
    pub(in crate::tools) fn of_rows(objects: Vec<Map<String, Value>>) -> Result<Self, ToolError> {
        let mut places: IndexMap<String, usize> = IndexMap::new();
        for name in objects.iter().flat_map(Map::keys) {
            let next = places.len();
            if !places.contains_key(name) {
                places.insert(name.clone(), next);
            }
        }
        within_limits(objects.len(), places.len())?;
        let row = |object: Map<String, Value>| {
            let mut row = vec![Value::Null; places.len()];
            for (name, value) in object {
                row[places[&name]] = value;
            }
            row
        };
        let rows = objects.into_iter().map(row).collect();
        Ok(Self { columns: places.into_keys().collect(), rows })
    }

    /// From CSV as `layout` says.
    pub(in crate::tools) fn of_csv(text: &str, layout: &Layout) -> Result<Self, ToolError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let delimiter = layout.delimiter_of(text)?;
        let spelling = layout.spelling()?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let mut table = Self::default();
        for record in reader.records() {
            let record =
                record.map_err(|error| ToolError::give_up("bad_table", format!("the CSV cannot be read: {error}")))?;
            if table.columns.is_empty() {
                table.columns = columns(&record, layout.has_header());
                if layout.has_header() {
                    continue;
                }
            }
            if record.len() != table.columns.len() {
                let line = record.position().map_or(0, csv::Position::line);
                let (found, expected) = (record.len(), table.columns.len());
                let message = format!(
                    "line {line} of the CSV has {found} cells and the first has {expected}; cells are taken to be separated by {:?}",
                    char::from(delimiter)
                );
                return Err(ToolError::give_up("bad_table", message));
            }
            let cell = |cell: &str| match (cell.trim(), spelling) {
                ("", _) => Value::Null,
                (trimmed, Some(spelling)) => spelling.read(trimmed).map_or_else(|| json!(cell), Num::value),
                (_, None) => json!(cell),
            };
            table.rows.push(record.iter().map(cell).collect());
            within_limits(table.rows.len(), table.columns.len())?;
        }
        Ok(table)
    }

    /// As JSON objects.
    pub(in crate::tools) fn into_objects(self) -> Vec<Value> {
        let Self { columns, rows } = self;
        let object = |row: Vec<Value>| Value::Object(columns.iter().cloned().zip(row).collect());
        rows.into_iter().map(object).collect()
    }

    /// As CSV: null is an empty cell, and what is neither text nor number is JSON.
    pub(in crate::tools) fn to_csv(&self) -> Result<String, ToolError> {
        let failed =
            |error: String| ToolError::give_up("bad_table", format!("the table cannot be written as CSV: {error}"));
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        // Without columns there is no line, either.
        if !self.columns.is_empty() {
            writer.write_record(&self.columns).map_err(|error| failed(error.to_string()))?;
        }
        for row in &self.rows {
            let cells = row.iter().map(|value| written(value).unwrap_or_default().into_owned());
            writer.write_record(cells).map_err(|error| failed(error.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
    }

    /// As a result of a tool, with what else it has to say.
    pub(super) fn told(self, format: Format, more: Map<String, Value>) -> Result<Value, ToolError> {
        let mut told = Map::new();
        told.insert("columns".to_owned(), json!(self.columns));
        told.insert("count".to_owned(), json!(self.rows.len()));
        told.extend(more);
        match format {
            Format::Rows => told.insert("rows".to_owned(), Value::Array(self.into_objects())),
            Format::Csv => told.insert("csv".to_owned(), json!(self.to_csv()?)),
        };
        Ok(Value::Object(told))
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, ToolError> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| {
            let mut columns: Vec<&str> = self.columns.iter().map(String::as_str).take(20).collect();
            if self.columns.len() > columns.len() {
                columns.push("…");
            }
            let message = format!("the table has no column `{name}`; it has: {}", columns.join(", "));
            ToolError::give_up("no_column", message)
        })
    }
}

/// The schema of what [`Table::told`] returns, with what else is told.
pub(super) fn told_schema(more: Value) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {
            "columns": { "type": "array", "items": { "type": "string" } },
            "count": { "type": "integer", "description": "How many rows are returned" },
            "rows": { "type": "array", "items": { "type": "object" } },
            "csv": { "type": "string", "description": "Instead of `rows`, if that was asked for" }
        },
        "required": ["columns", "count"],
        "additionalProperties": false
    });
    if let (Some(properties), Value::Object(more)) = (schema["properties"].as_object_mut(), more) {
        properties.extend(more);
    }
    schema
}

/// The schema of [`Format`].
pub(super) fn format_schema() -> Value {
    json!({ "enum": ["rows", "csv"], "description": "How the table is returned: JSON objects (default), or CSV with commas" })
}

/// The names of the columns; what has none, or that of another, is given one.
fn columns(first: &csv::StringRecord, named: bool) -> Vec<String> {
    let mut columns: Vec<String> = Vec::with_capacity(first.len());
    for (index, cell) in first.iter().enumerate() {
        let name = if named { cell.trim() } else { "" };
        let name = if name.is_empty() { format!("column_{}", index + 1) } else { name.to_owned() };
        columns.push(unused(name, &columns));
    }
    columns
}

/// The name, with a number if it is taken.
pub(super) fn unused(name: String, taken: &[String]) -> String {
    if !taken.contains(&name) {
        return name;
    }
    // One of so many must be free.
    (2..=taken.len() + 2).map(|n| format!("{name}_{n}")).find(|name| !taken.contains(name)).unwrap_or(name)
}

/// How a value is written, by which it is equal to others; `None` for null.
pub(super) fn written(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(_) => Num::of(value).map(|number| Cow::Owned(number.to_string())),
        other => Some(Cow::Owned(other.to_string())),
    }
}

/// The order of values: numbers, texts, all else as it is written, and nulls last.
pub(super) fn order(one: &Value, other: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Null => 3,
        _ => 2,
    };
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Number(_), Value::Number(_)) => match (Num::of(one), Num::of(other)) {
            (Some(one), Some(other)) => one.compare(other),
            _ => Ordering::Equal,
        },
        _ => rank(one).cmp(&rank(other)).then_with(|| written(one).cmp(&written(other))),
    }
}
