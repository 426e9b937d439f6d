//! Tables: rows of a CSV text, a list of JSON objects or a file, chosen, joined and added up.
//!
//! The work is done on rows in memory and not by a database: SQL stands in `store` only, every name and value of a workflow
//! would have to be quoted into it, and its types (whether `7` equals `"7"`, what becomes of `0.1 + 0.2`) would be those of the
//! database. What is asked for is plain data: columns, conditions from a closed set, keys.
//!
//! Two rules hold everywhere. A cell that is empty or missing is null, and null is never added up, never equal to a key and last in
//! any order. Two values are equal if they are written the same: `7` equals `"7"`, and `"1.10"` is another text than `"1.1"`.

mod aggregate;
mod condition;
mod join;
mod number;
mod rows;
mod select;
mod source;

pub use aggregate::TableAggregate;
pub use join::TableJoin;
pub use select::TableSelect;

pub(super) use rows::Table;
pub(super) use source::{Layout, layout_schema};

use std::sync::Arc;

use super::files::Folder;
use super::{Tool, ToolError};

/// The most rows that are read or returned.
const MOST_ROWS: usize = 100_000;
/// The most cells, rows times columns.
const MOST_CELLS: usize = 2_000_000;

/// Every tool that works on tables; files are read from `folder`.
#[must_use]
pub fn all(folder: &Folder) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(TableAggregate::new(folder.clone())),
        Arc::new(TableJoin::new(folder.clone())),
        Arc::new(TableSelect::new(folder.clone())),
    ]
}

/// Refuses a table that is larger than may be.
fn within_limits(rows: usize, columns: usize) -> Result<(), ToolError> {
    if rows <= MOST_ROWS && rows.saturating_mul(columns) <= MOST_CELLS {
        return Ok(());
    }
    Err(ToolError::give_up(
        "too_large",
        format!(
            "the table has more than {MOST_ROWS} rows or {MOST_CELLS} cells; take fewer columns, or filter it first"
        ),
    ))
}

#[cfg(test)]
mod tests;
