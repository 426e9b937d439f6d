//! What the company knows together, as tools.

mod note;
mod search;

pub use note::MemoryNote;
pub use search::MemorySearch;

use crate::memory::MemoryError;
use crate::store::StoreError;
use crate::tools::ToolError;

/// What a failure of the memory means for the call. Nothing was noted if it failed.
fn failed(error: &MemoryError) -> ToolError {
    match error {
        MemoryError::Store(StoreError::Full) => ToolError::retry("disk_full", error.to_string()),
        _ => ToolError::retry("memory", error.to_string()),
    }
}
