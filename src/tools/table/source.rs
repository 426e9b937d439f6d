//! Where a table comes from.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::number::Spelling;
use super::rows::Table;
use crate::tools::ToolError;
use crate::tools::files::Folder;
use crate::workflow::{CallEffect, Effect};

/// Where a table comes from: exactly one of `rows`, `csv` and `path`.
#[derive(Debug, Deserialize)]
pub(super) struct Source {
    rows: Option<Vec<Map<String, Value>>>,
    csv: Option<String>,
    path: Option<String>,
    #[serde(flatten)]
    layout: Layout,
}

/// How a CSV text is to be read.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in crate::tools) struct Layout {
    delimiter: Option<char>,
    header: Option<bool>,
    numbers: Option<bool>,
    decimal: Option<char>,
    thousands: Option<char>,
}

/// The schema of [`Source`].
pub(super) fn schema(what: &str) -> Value {
    let mut properties = json!({
        "rows": { "type": "array", "items": { "type": "object" }, "description": "JSON objects, one a row" },
        "csv": { "type": "string", "description": "A CSV text" },
        "path": {
            "type": "string", "minLength": 1,
            "description": "A file, relative to the folder of the workspace: .json (a list of objects), .jsonl, .tsv, else CSV"
        }
    });
    if let (Some(properties), Value::Object(layout)) = (properties.as_object_mut(), layout_schema()) {
        properties.extend(layout);
    }
    json!({
        "type": "object",
        "description": format!("{what}; give one of `rows`, `csv` and `path`"),
        "properties": properties,
        "additionalProperties": false
    })
}

/// The schemas of what [`Layout`] holds, by name.
pub(in crate::tools) fn layout_schema() -> Value {
    let mark = |what: &str| json!({ "type": "string", "minLength": 1, "maxLength": 1, "description": what });
    json!({
        "delimiter": mark("What separates the cells of CSV; default: of , ; tab | the one that the first line has most of"),
        "header": { "type": "boolean", "description": "Whether the first line of CSV names the columns; default true, else they are column_1, column_2, …" },
        "numbers": { "type": "boolean", "description": "Whether cells of CSV that are written as numbers become numbers; default true. 007 and 1e5 stay text" },
        "decimal": mark("What stands before the fraction of numbers in CSV: . (default) or ,"),
        "thousands": mark("What stands between groups of three digits of numbers in CSV, such as , or '; default: nothing does")
    })
}

impl Source {
    /// Whether a file is read.
    pub(super) fn effect(arguments: &Value, tables: &[&str]) -> CallEffect {
        let reads = tables.iter().any(|table| arguments[*table].get("path").is_some());
        CallEffect::of(if reads { Effect::Read } else { Effect::Pure })
    }

    /// Reads the table.
    pub(super) fn read(self, folder: &Folder) -> Result<Table, ToolError> {
        let Self { rows, csv, path, layout } = self;
        match (rows, csv, path) {
            (Some(rows), None, None) => Table::of_rows(rows),
            (None, Some(csv), None) => Table::of_csv(&csv, &layout),
            (None, None, Some(path)) => of_file(folder, &path, layout),
            _ => Err(ToolError::give_up(
                "bad_arguments",
                "a table comes from one of `rows`, `csv` and `path`; give one of them",
            )),
        }
    }
}

fn of_file(folder: &Folder, path: &str, mut layout: Layout) -> Result<Table, ToolError> {
    let text = folder.read_text(path)?;
    let wrong = |place: String, error: serde_json::Error| {
        ToolError::give_up("bad_table", format!("`{path}`{place} holds no JSON objects: {error}"))
    };
    match path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("json") => Table::of_rows(serde_json::from_str(&text).map_err(|error| wrong(String::new(), error))?),
        Some("jsonl" | "ndjson") => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let row = |(index, line)| {
                serde_json::from_str(line).map_err(|error| wrong(format!(", line {},", index + 1), error))
            };
            Table::of_rows(lines.map(row).collect::<Result<_, _>>()?)
        }
        Some("tsv") => {
            layout.delimiter.get_or_insert('\t');
            Table::of_csv(&text, &layout)
        }
        _ => Table::of_csv(&text, &layout),
    }
}

impl Layout {
    pub(super) fn has_header(&self) -> bool {
        self.header.unwrap_or(true)
    }

    /// What separates the cells, as said, or as the first line looks.
    pub(super) fn delimiter_of(&self, text: &str) -> Result<u8, ToolError> {
        if let Some(delimiter) = self.delimiter {
            return u8::try_from(delimiter).ok().filter(u8::is_ascii).ok_or_else(|| {
                ToolError::give_up(
                    "bad_arguments",
                    format!("cells cannot be separated by {delimiter:?}; take an ASCII character"),
                )
            });
        }
        let mut quoted = false;
        let first: String = text
            .chars()
            .take_while(|c| {
                quoted ^= *c == '"';
                quoted || *c != '\n'
            })
            .collect();
        // What is between quotes separates nothing.
        let plain: String = first.split('"').step_by(2).collect();
        let count = |mark: char| plain.matches(mark).count();
        let most = [b'|', b'\t', b';', b','].into_iter().max_by_key(|mark| count(char::from(*mark)));
        Ok(most.unwrap_or(b','))
    }

    /// How numbers are written; `None` if cells are texts.
    pub(super) fn spelling(&self) -> Result<Option<Spelling>, ToolError> {
        let spelling = Spelling { decimal: self.decimal.unwrap_or('.'), thousands: self.thousands };
        let taken = |mark: char| mark.is_ascii_alphanumeric() || mark == '-' || mark == '+';
        if taken(spelling.decimal) || spelling.thousands.is_some_and(|mark| taken(mark) || mark == spelling.decimal) {
            return Err(ToolError::give_up(
                "bad_arguments",
                "`decimal` and `thousands` must be two different marks, and neither a digit nor a letter nor a sign",
            ));
        }
        Ok(self.numbers.unwrap_or(true).then_some(spelling))
    }
}
