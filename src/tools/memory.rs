//! What the company knows together, as tools.

mod note;
mod search;
mod settle;

pub use note::MemoryNote;
pub(crate) use note::NOTE;
pub use search::MemorySearch;
pub use settle::MemorySettle;
pub(crate) use settle::SETTLE;

use serde::Deserialize;

use crate::memory::{Memory, MemoryError};
use crate::store::StoreError;
use crate::store::entries::EntryScope;
use crate::tools::{Caller, ToolError};

/// How far something is remembered, as a call says it. A run belongs to no conversation yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reach {
    /// By all runs.
    #[default]
    Workspace,
    /// By the runs of the caller's workflow.
    Workflow,
    /// By the caller's run.
    Run,
}

impl Reach {
    fn covers(self, scope: &EntryScope) -> bool {
        match self {
            Self::Workspace => matches!(scope, EntryScope::Workspace),
            Self::Workflow => matches!(scope, EntryScope::Workflow(_)),
            Self::Run => matches!(scope, EntryScope::Run(_)),
        }
    }
}

/// The scopes that the caller's run sees; only those that it means, if it says which.
async fn scopes(memory: &Memory, caller: &Caller, meant: Option<&[Reach]>) -> Result<Vec<EntryScope>, ToolError> {
    let mut seen = memory.seen_by(caller.run).await.map_err(|error| failed(&error))?;
    if let Some(meant) = meant {
        seen.retain(|scope| meant.iter().any(|reach| reach.covers(scope)));
    }
    Ok(seen)
}

/// What a failure of the memory means for the call. Nothing was noted if it failed.
fn failed(error: &MemoryError) -> ToolError {
    match error {
        MemoryError::Store(StoreError::Full) => ToolError::retry("disk_full", error.to_string()),
        MemoryError::Store(StoreError::Missing(_)) => ToolError::give_up("no_such_note", error.to_string()),
        _ => ToolError::retry("memory", error.to_string()),
    }
}
