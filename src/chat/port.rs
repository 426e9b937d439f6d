//! What a conversation needs of the rest of the program.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::event::{Acceptance, BaseVersion, Offered};
use crate::engine::Engine;
use crate::engine::simulate::Report;
use crate::model::planning::Turn;
use crate::planner::{Change, Progress, Proposed};
use crate::run::RunId;
use crate::store::LiveMove;
use crate::workflow::{Effect, StepId, Workflow};

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
    /// What others wrote of the matter: the model is shown it between marks.
    pub others: Vec<String>,
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

/// How often something is merged onto what is live, if that moves on meanwhile.
pub const MOST_TRIES: u32 = 5;

/// What is said when others were quicker every time.
#[must_use]
pub fn moving(workflow: &str) -> String {
    format!("`{workflow}` is changed by others all the time; try again")
}

/// What comes of accepting a proposal. It is saved, and not live before `moves` are carried out.
#[derive(Clone, Debug)]
pub struct Done {
    /// The workflow's name.
    pub workflow: String,
    /// The name that a new one was to have, if another has it already.
    pub taken: Option<String>,
    /// The version that was live before; `None` if there was none.
    pub before: Option<BaseVersion>,
    /// The version that was saved.
    pub after: BaseVersion,
    /// What makes it live.
    pub moves: Vec<LiveMove>,
    /// What was changed.
    pub diff: Vec<Change>,
    /// The steps that were accepted although they were not named.
    pub besides: Vec<StepId>,
    /// How many lines with a comment are in the version before, and not in this one.
    pub lost_comments: usize,
}

/// A proposal that is accepted, and what is accepted now.
#[derive(Clone, Copy, Debug)]
pub struct Accepting<'a> {
    /// The proposal.
    pub offered: &'a Offered,
    /// What was accepted of it before.
    pub earlier: Option<&'a Acceptance>,
    /// The steps that are accepted now; all if there are none.
    pub steps: &'a [StepId],
    /// What a new workflow is called; as the proposal says if `None`.
    pub name: Option<&'a str>,
}

impl Accepting<'_> {
    /// What is accepted once this is done.
    #[must_use]
    pub fn acceptance(&self, done: &Done) -> Acceptance {
        let earlier = self.earlier.map_or(&[][..], |earlier| &earlier.steps);
        let mut steps: Vec<StepId> = Vec::new();
        if !self.steps.is_empty() {
            for step in earlier.iter().chain(self.steps).chain(&done.besides) {
                if !steps.contains(step) {
                    steps.push(step.clone());
                }
            }
        }
        let version = |version: &Option<BaseVersion>| version.as_ref().map(|version| version.version.clone());
        let between = self
            .earlier
            .is_some_and(|earlier| earlier.between || Some(&earlier.after.version) != version(&done.before).as_ref());
        Acceptance {
            steps,
            workflow: done.workflow.clone(),
            before: self.earlier.map_or_else(|| done.before.clone(), |earlier| earlier.before.clone()),
            after: done.after.clone(),
            between,
        }
    }
}

/// What comes of taking an accepted proposal back. It is not so before `moves` are carried out.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The workflow's name from then on.
    pub workflow: String,
    /// The version that is live then; `None` if none is.
    pub version: Option<BaseVersion>,
    /// What makes it live.
    pub moves: Vec<LiveMove>,
    /// What has changed, if the workflow had gone on since, and what else was done to it stays; `None` if it is exactly as it was.
    pub merged: Option<Vec<Change>>,
}

/// The part of the program that only its root can put together.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// Makes a proposal. Nothing is saved.
    ///
    /// # Errors
    /// [`Refusal`] if no model replied, or the workflow cannot be read.
    async fn plan(&self, wanted: ToPlan, watch: &mut (dyn FnMut(Progress) + Send)) -> Result<Proposed, Refusal>;

    /// What accepting a proposal comes to, on top of what is live by now. It is saved beside that.
    ///
    /// # Errors
    /// [`Refusal`] with all that is wrong with it, or what conflicts.
    async fn accept(&self, accepting: Accepting<'_>) -> Result<Done, Refusal>;

    /// What taking back comes to what was accepted.
    ///
    /// # Errors
    /// [`Refusal`] with what conflicts.
    async fn take_back(&self, offered: &Offered, accepted: &Acceptance) -> Result<Undone, Refusal>;

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
