//! What a conversation needs of the rest of the program.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::event::{BaseVersion, Offered};
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

/// What comes of accepting a proposal. It is saved, and not live before [`Done::moves`] is carried out.
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
    /// What was changed.
    pub diff: Vec<Change>,
    /// The steps that were accepted although they were not named.
    pub besides: Vec<StepId>,
    /// How many lines with a comment are in the version before, and not in this one.
    pub lost_comments: usize,
}

impl Done {
    /// The steps that are accepted where these were named; all if there are none.
    #[must_use]
    pub fn accepted(&self, named: &[StepId]) -> Vec<StepId> {
        let besides = self.besides.iter().filter(|step| !named.is_empty() && !named.contains(step));
        named.iter().chain(besides).cloned().collect()
    }

    /// What makes it live.
    #[must_use]
    pub fn moves(&self) -> LiveMove {
        LiveMove {
            workflow: self.workflow.clone(),
            from: self.before.as_ref().map(|before| before.version.clone()),
            to: Some(self.after.version.clone()),
        }
    }
}

/// What comes of taking an accepted proposal back, as [`Undone::moves`] makes it live.
#[derive(Clone, Debug)]
pub enum Undone {
    /// The version from before it is to be live again.
    Exactly(BaseVersion),
    /// There was none before it: none is to be in use any more.
    Retired,
    /// None was in use.
    NotInUse,
    /// The workflow has gone on since, and what else was done to it stays.
    Merged {
        /// The hash of what has been live until then.
        onto: String,
        /// The version that was saved.
        version: BaseVersion,
        /// What was changed.
        diff: Vec<Change>,
    },
}

impl Undone {
    /// The version that is live now.
    #[must_use]
    pub fn version(&self) -> Option<&BaseVersion> {
        match self {
            Self::Exactly(version) | Self::Merged { version, .. } => Some(version),
            Self::Retired | Self::NotInUse => None,
        }
    }

    /// What makes it live, when `after` is what accepting had come to.
    #[must_use]
    pub fn moves(&self, workflow: &str, after: &BaseVersion) -> Option<LiveMove> {
        let from = match self {
            Self::NotInUse => return None,
            Self::Merged { onto, .. } => onto.clone(),
            Self::Exactly(_) | Self::Retired => after.version.clone(),
        };
        let to = self.version().map(|version| version.version.clone());
        Some(LiveMove { workflow: workflow.to_owned(), from: Some(from), to })
    }
}

/// The part of the program that only its root can put together.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// Makes a proposal. Nothing is saved.
    ///
    /// # Errors
    /// [`Refusal`] if no model replied, or the workflow cannot be read.
    async fn plan(&self, wanted: ToPlan, watch: &mut (dyn FnMut(Progress) + Send)) -> Result<Proposed, Refusal>;

    /// What accepting these steps of a proposal comes to, or all of it if there are none, on top of what is live by now. It is saved
    /// beside that.
    ///
    /// # Errors
    /// [`Refusal`] with all that is wrong with it, or what conflicts.
    async fn accept(&self, offered: &Offered, steps: &[StepId]) -> Result<Done, Refusal>;

    /// What taking back comes to what was accepted: `before` was live before it, `after` was saved.
    ///
    /// # Errors
    /// [`Refusal`] with what conflicts.
    async fn take_back(
        &self,
        workflow: &str,
        before: Option<BaseVersion>,
        after: &BaseVersion,
    ) -> Result<Undone, Refusal>;

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
