//! Tools: what a step or an agent can call. One tool a file.

use async_trait::async_trait;
use serde_json::Value;

use crate::run::{Permit, RunId, StepPath};
use crate::workflow::{CallEffect, Effect};

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
#[derive(Clone, Debug, thiserror::Error)]
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
    /// Makes the call. `arguments` satisfy `parameters`.
    ///
    /// # Errors
    /// [`ToolError`], by whether it took effect.
    async fn call(&self, arguments: Value, permit: Permit, caller: &Caller) -> Result<Value, ToolError>;
}
