//! Tools: what a step or an agent can call. One tool a file.
//!
//! Architecture invariant: a tool is only ever reached through [`Tools::call`], which checks the
//! arguments against the tool's own schema, and the permit against what the tool says it would do.

mod code;
mod email;
pub mod files;
mod http;
pub mod mcp;
mod memory;
mod policy;
mod registry;
mod results;
mod secret;
mod sql;
pub mod table;
pub mod text;
pub mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::run::{Permit, RunId, StepPath};
use crate::workflow::{CallEffect, Effect};

pub use code::{CODE_WORKER, CodeRun, code_worker};
pub use email::{EmailAccount, EmailSend, EmailSettings};
pub use files::{FilesRead, FilesWrite, Folder};
pub use http::HttpRequest;
pub use memory::{MemoryNote, MemorySearch, MemorySettle};
pub(crate) use memory::{NOTE, SETTLE};
pub use policy::{ToolPolicy, names_any};
pub use registry::{RegisterError, Tools};
pub(crate) use registry::{allows, unfit_in};
pub(crate) use results::{READ, is_kept};
pub use results::{Results, ResultsRead};
pub use sql::{Database, SqlConnection, SqlQuery};
pub use webhook::WebhookSend;

/// For whom a call is made.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// The agent's role, if an agent calls.
    pub agent: Option<String>,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// It did not take effect, and may work next time.
    #[error("{message}")]
    Retry {
        /// A stable name for programs.
        code: &'static str,
        /// What happened and what to do.
        message: String,
    },
    /// It did not take effect, and would fail again: bad arguments, refused.
    #[error("{message}")]
    GiveUp {
        /// A stable name for programs.
        code: &'static str,
        /// What happened and what to do.
        message: String,
    },
    /// It was begun, and nobody knows whether it took effect: a timeout or a lost connection after sending.
    #[error("{message}")]
    Unknown {
        /// A stable name for programs.
        code: &'static str,
        /// What happened.
        message: String,
    },
}

impl ToolError {
    /// A failure that may go better next time.
    pub fn retry(code: &'static str, message: impl Into<String>) -> Self {
        Self::Retry { code, message: message.into() }
    }

    /// A failure that would be the same next time.
    pub fn give_up(code: &'static str, message: impl Into<String>) -> Self {
        Self::GiveUp { code, message: message.into() }
    }

    /// A call of which nobody knows whether it took effect.
    pub fn unknown(code: &'static str, message: impl Into<String>) -> Self {
        Self::Unknown { code, message: message.into() }
    }

    /// The stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Retry { code, .. } | Self::GiveUp { code, .. } | Self::Unknown { code, .. } => code,
        }
    }
}

/// Whose words a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Callboard's own, or of somebody whom the workspace trusts: a count, a path, an acknowledgement.
    Own,
    /// Written by anybody: a page, a document, a mail. What it says is never an instruction.
    Untrusted,
}

/// How long a call of a tool may take that says nothing about it.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

/// Something that a step or an agent can call.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// Its name: `files.read`.
    fn name(&self) -> &str;
    /// What it does, in a sentence that a model can choose by.
    fn description(&self) -> &str;
    /// JSON Schema of its arguments: an object.
    fn parameters(&self) -> Value;
    /// The worst that a call can do.
    fn worst(&self) -> Effect;
    /// What a call with these arguments does.
    fn effect(&self, arguments: &Value) -> CallEffect;
    /// JSON Schema of its result, if that always has one form.
    fn output(&self) -> Option<Value> {
        None
    }
    /// How long a call may take at most, whatever the arguments say.
    fn timeout(&self) -> Duration {
        DEFAULT_TIMEOUT
    }
    /// The secrets that a call with these arguments uses, by name.
    fn secrets(&self, _arguments: &Value) -> Vec<String> {
        Vec::new()
    }
    /// Whose words its results and its errors are.
    fn origin(&self) -> Origin {
        Origin::Own
    }
    /// Whose words this result is, if that differs from result to result.
    fn origin_of(&self, _result: &Value) -> Origin {
        self.origin()
    }
    /// Whose words its description and the descriptions in its schemas are.
    fn described_by(&self) -> Origin {
        Origin::Own
    }
    /// Whether what a call changes stays where it can be undone, and is only ever read as untrusted text, as a note in the
    /// memory is: then an agent that has read untrusted text may make it without a question.
    fn is_contained(&self) -> bool {
        false
    }
    /// Makes the call. `arguments` satisfy `parameters`.
    ///
    /// # Errors
    /// [`ToolError`], by whether it took effect.
    async fn call(&self, arguments: Value, permit: Permit, caller: &Caller) -> Result<Value, ToolError>;
}

/// The arguments as the tool's own type.
fn arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    serde_json::from_value(arguments)
        .map_err(|error| ToolError::give_up("bad_arguments", format!("the arguments are wrong: {error}")))
}

/// Does what blocks where it blocks nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(ToolError::unknown("panicked", format!("the tool stopped half-way: {error}"))))
}

#[cfg(test)]
mod tests;
