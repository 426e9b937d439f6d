//! What the company knows together, as tools.

mod note;
mod search;
mod settle;

pub use note::MemoryNote;
pub(crate) use note::NOTE;
pub use search::MemorySearch;
pub use settle::MemorySettle;
pub(crate) use settle::SETTLE;

use crate::memory::MemoryError;
use crate::store::StoreError;
use crate::tools::ToolError;

/// What a failure of the memory means for the call. Nothing was noted if it failed.
fn failed(error: &MemoryError) -> ToolError {
    match error {
        MemoryError::Store(StoreError::Full) => ToolError::retry("disk_full", error.to_string()),
        MemoryError::Store(StoreError::Missing(_)) => ToolError::give_up("no_such_note", error.to_string()),
        _ => ToolError::retry("memory", error.to_string()),
    }
}
