//! What happens in a conversation. Its list of events is the truth; all else is a fold of it ([`super::state`]).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::run::{RunId, RunStatus};
use crate::workflow::StepId;

/// The version of the events' schema.
pub const SCHEMA: u32 = 1;

/// A message: the number of the event by which it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A proposal: the number of the event by which it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalId(pub u64);

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// An event with its number, from 1, and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number.
    pub seq: u64,
    /// When it happened, in milliseconds since 1970.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// One thing that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The conversation exists. Always the first event, and only the first.
    Begun {
        /// The workflow in front of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        focus: Option<String>,
        /// The alias of the model that is asked; the configured one if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// Another workflow is in front of it, or none.
    Focused {
        /// Its name.
        workflow: Option<String>,
    },
    /// A person said something. It waits for its turn.
    Said {
        /// The text.
        text: String,
        /// Where it belongs.
        #[serde(default)]
        place: Place,
    },
    /// Another branch is gone on with: the one that ends with this message.
    Switched {
        /// The message.
        head: MessageId,
    },
    /// A turn begins.
    TurnBegan {
        /// What it answers.
        cause: Cause,
    },
    /// More of what the model says.
    Piece {
        /// The text.
        text: String,
    },
    /// What the model has said in this turn is no part of the reply: what the program says takes its place.
    Withdrawn,
    /// Older messages are no longer shown to the model as they were said: those before this one.
    Compacted {
        /// The first message that is.
        from: MessageId,
    },
    /// Something goes on.
    Doing(Doing),
    /// The model was shown what others wrote: what it says from now on in this branch may be theirs.
    ReadOthers,
    /// A change is proposed.
    Proposed(Box<Offered>),
    /// A run was begun.
    Ran {
        /// It.
        run: RunId,
        /// The workflow's name.
        workflow: String,
        /// The version that it pins.
        version: String,
        /// What it is of.
        #[serde(default)]
        kind: RunKind,
    },
    /// The reply of the turn.
    Replied {
        /// The text, in Markdown.
        text: String,
        /// Where what it says can be seen.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        links: Vec<Link>,
    },
    /// The turn is over.
    TurnEnded {
        /// How.
        end: TurnEnd,
        /// Why, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Something was decided about a proposal.
    Decided {
        /// The proposal.
        proposal: ProposalId,
        /// What.
        decision: Decision,
        /// Why, if that was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A run that was begun here has ended, or rests: it waits for a person, a time or a signal.
    Reported {
        /// The run.
        run: RunId,
        /// How it stands.
        status: RunStatus,
        /// The number of its last event.
        #[serde(default)]
        at: u64,
        /// What is said of it, in Markdown.
        text: String,
        /// Where that can be seen.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        links: Vec<Link>,
        /// The files that it made.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<String>,
        /// Whether it was a task that has failed for good, so that another way is to be looked for.
        #[serde(default)]
        wants_another_way: bool,
    },
}

/// Where a message belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// After whatever is said until its turn comes.
    #[default]
    Next,
    /// Before all that waits: the turn that goes on is ended for it.
    Now,
    /// In place of an earlier message of a person: a new branch begins there.
    InsteadOf(MessageId),
}

/// What a turn answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A message that waited.
    Message(MessageId),
    /// The end of a run that no retry can mend: another way is looked for.
    Failure(RunId),
}

/// What goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// A tool is called that the model chose.
    Calling {
        /// The tool.
        tool: String,
    },
    /// The planner asks the model.
    Planning {
        /// From 1.
        round: u32,
    },
    /// An edit came; it is not checked yet.
    Edit {
        /// What it does, and to which step.
        text: String,
    },
    /// What came is not valid, and is sent back.
    Mending {
        /// What is wrong.
        problems: Vec<String>,
    },
    /// A step of a run began, ended or was skipped.
    Step {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
        /// `began`, `skipped`, or the outcome by which it was left.
        standing: String,
        /// The number of the run's event that says so.
        #[serde(default)]
        seq: u64,
    },
}

/// A change that is proposed, and all that is needed to decide about it later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// What was asked for.
    pub request: String,
    /// The name of the workflow as it would be.
    pub workflow: String,
    /// The hash and the text of the version that it is made for; `None` for a new workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseVersion>,
    /// The text of the workflow with all of it.
    pub text: String,
    /// The proposal: edits, diff, kept hashes, problems, confidence.
    pub proposal: Value,
    /// The steps of it that can be accepted by themselves.
    pub steps: Vec<StepId>,
    /// Whether it changes what is no step's: triggers, inputs, vars.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_than_steps: bool,
    /// Whether it is a piece of work to be done once, and not a workflow to be kept.
    #[serde(default)]
    pub task: bool,
    /// The run in whose place this is another way to what it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<RunId>,
}

/// The version that a proposal is made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseVersion {
    /// Its hash.
    pub version: String,
    /// Its text.
    pub text: String,
}

/// What a run is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A workflow that is kept.
    #[default]
    Workflow,
    /// A task: another way is looked for if it fails for good.
    Task,
    /// Another way to what a task was for: no third one is looked for.
    AnotherWay,
}

/// How a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// With a reply.
    Done,
    /// Somebody stopped it; what had come stays.
    Stopped,
    /// Something more was said that belongs to it.
    Steered,
    /// It could not be done.
    Failed,
    /// The process ended in the middle of it.
    Interrupted,
}

/// What was decided about a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It was accepted, and the version saved.
    Accepted {
        /// What that came to.
        #[serde(flatten)]
        acceptance: Acceptance,
        /// Whether it is live: what is only carried out once is not.
        live: bool,
        /// Who decided.
        #[serde(default)]
        by: By,
    },
    /// It was rejected.
    Rejected,
    /// Its acceptance was taken back.
    Undone {
        /// The hash of the version that is live now; `None` if none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// The workflow's name from then on, if it is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workflow: Option<String>,
        /// Its text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The version that was carried out once is kept: it is live now.
    Kept {
        /// The workflow's name.
        workflow: String,
        /// The version.
        version: String,
        /// Its text, if it is another than that of what was carried out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

/// What accepting a proposal came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The steps that were accepted; all if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepId>,
    /// The workflow's name.
    pub workflow: String,
    /// The version that was live before; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<BaseVersion>,
    /// The version that was saved.
    pub after: BaseVersion,
    /// Whether something else was done to the workflow between the parts that were accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub between: bool,
}

/// Who decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A person.
    #[default]
    Person,
    /// The policy of the configuration: what only reads is carried out at once.
    Policy,
}

/// Where something that is said can be seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// What is there.
    pub text: String,
    /// The address within the web interface and the API: `/runs/RUN#event-12`.
    pub path: String,
    /// The command that shows it.
    pub command: String,
}

impl Link {
    /// A run.
    #[must_use]
    pub fn run(run: RunId) -> Self {
        Self { text: format!("run {run}"), path: format!("/runs/{run}"), command: format!("callboard show {run}") }
    }

    /// An event of a run.
    #[must_use]
    pub fn event(run: RunId, seq: u64) -> Self {
        Self {
            text: format!("event {seq} of run {run}"),
            path: format!("/runs/{run}#event-{seq}"),
            command: format!("callboard events {run} --after {}", seq.saturating_sub(1)),
        }
    }
}

impl Event {
    /// Whether it only tells what goes on, and is of no matter once that is over.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Piece { .. } | Self::Doing(_))
    }
}
