//! What the engine needs of the rest of the program.

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use crate::run::{Failure, RunId, StepPath};
use crate::workflow::Planned;

/// One attempt of one step that somebody else must carry out. Expressions are evaluated already.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// From 1.
    pub number: u32,
    /// Whether a person wants it made, although the one before could not go on.
    pub urged: bool,
    /// What is to be done.
    pub job: Job,
    /// The step's input.
    pub input: Map<String, Value>,
    /// JSON Schema that the result must satisfy, if any.
    pub output: Option<Value>,
    /// The way to every call that touches the world.
    pub gate: Gate,
    /// Cancelled when the attempt is to stop.
    pub cancel: CancellationToken,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// The role works towards the goal.
    Agent {
        /// The role's name.
        role: String,
        /// The goal.
        goal: String,
        /// The calls that the step means it to make, with their arguments evaluated.
        plan: Vec<Planned>,
        /// Whether goal or input hold what other steps brought, which may be anybody's words.
        hearsay: bool,
    },
    /// One prompt to one model.
    Model {
        /// The model's alias.
        model: String,
        /// The prompt.
        prompt: String,
        /// What the model is told of itself.
        system: Option<String>,
    },
    /// One call of a tool, with the input as arguments.
    Tool {
        /// The tool's name.
        tool: String,
    },
}

/// Why an attempt yields no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// It failed.
    Failed(Failure),
    /// The gate has parked the step: a question is asked, and a later attempt goes on.
    Parked,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Carries out attempts.
#[async_trait]
pub trait Executor: Send + Sync + 'static {
    /// Carries out one attempt. A panic is a failure of this attempt only.
    ///
    /// # Errors
    /// [`Stop`]. `Stop::Parked` is only ever passed on from the gate.
    async fn perform(&self, attempt: Attempt) -> Result<Value, Stop>;
}
