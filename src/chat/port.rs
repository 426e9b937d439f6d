//! What a conversation needs of the rest of the program.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::engine::simulate::Report;
use crate::model::planning::Turn;
use crate::planner::{Progress, Proposed};
use crate::run::RunId;
use crate::workflow::{Catalog, Effect, Workflow};

/// Why something could not be done: what happened, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// What the planner is asked.
#[derive(Clone, Debug)]
pub struct ToPlan {
    /// What the person wants.
    pub request: String,
    /// The workflow that it is about, by name and text; a new one is wanted if `None`.
    pub workflow: Option<(String, String)>,
    /// What was said before, newest last.
    pub turns: Vec<Turn>,
    /// The alias of the model that is asked.
    pub model: String,
}

/// Whether a version that is saved becomes the live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Live {
    /// It does.
    Yes,
    /// It is only there to be carried out.
    No,
}

/// The part of the program that only its root can put together.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// Makes a proposal. Nothing is saved.
    ///
    /// # Errors
    /// [`Refusal`] if no model replied, or the workflow cannot be read.
    async fn plan(&self, wanted: ToPlan, watch: &mut (dyn FnMut(Progress) + Send)) -> Result<Proposed, Refusal>;

    /// What workflows are checked against.
    ///
    /// # Errors
    /// [`Refusal`].
    async fn catalog(&self) -> Result<Catalog, Refusal>;

    /// The worst that the steps of a workflow say they do. What an agent calls beyond reading is the gate's business.
    async fn worst(&self, workflow: &Workflow) -> Effect;

    /// Checks a workflow and saves it as a version. Returns the version's hash.
    ///
    /// # Errors
    /// [`Refusal`] with all that is wrong with it.
    async fn save(&self, name: &str, text: &str, live: Live) -> Result<String, Refusal>;

    /// Begins a run with this id; of the live version, if none is given.
    ///
    /// # Errors
    /// [`Refusal`] if there is no such workflow, or the inputs do not fit.
    async fn begin(
        &self,
        id: RunId,
        workflow: &str,
        version: Option<&str>,
        inputs: Map<String, Value>,
    ) -> Result<(), Refusal>;

    /// What a workflow would do. Nothing is changed.
    ///
    /// # Errors
    /// [`Refusal`].
    async fn simulate(&self, name: &str, text: &str, inputs: Map<String, Value>) -> Result<Report, Refusal>;

    /// The engine, to follow runs.
    ///
    /// # Errors
    /// [`Refusal`].
    async fn engine(&self) -> Result<Engine, Refusal>;
}
