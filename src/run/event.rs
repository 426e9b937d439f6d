//! The events of a run: its only truth.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Message, MessageId, StepPath};
use crate::clock::Timestamp;
use crate::workflow::{CallEffect, Outcome};

/// The version of the events' schema that this build writes; older ones are read too.
pub const SCHEMA_VERSION: u32 = 1;

/// A run's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl RunId {
    /// The id of the run that `step` of this run starts: the same whenever it is asked for.
    #[must_use]
    pub fn child(self, step: &StepPath, attempt: u32) -> Self {
        let digest = Sha256::new().chain_update(self.0).chain_update(step.as_str()).chain_update(attempt.to_be_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.finalize()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// An event with its place in the run's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number in the run, from 1, without gaps.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub event: RunEvent,
}

/// A value in an event: in place if small, else the address of a content-addressed file beside the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The value itself.
    Value(Arc<Value>),
    /// Where its JSON text is stored.
    Stored {
        /// SHA-256 of the text, in hex.
        sha256: Arc<str>,
        /// Length of the text.
        bytes: u64,
    },
}

impl Payload {
    /// A value in place.
    #[must_use]
    pub fn of(value: Value) -> Self {
        Self::Value(Arc::new(value))
    }
}

/// A value by the event that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueRef {
    /// The run in whose list the event is: another one for results that a retry reuses.
    pub run: RunId,
    /// The event's number.
    pub seq: u64,
}

/// What a step or a run left behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Nothing: reads as null.
    Nothing,
    /// This value.
    Value(Payload),
    /// The value that an earlier event carries.
    Ref(ValueRef),
}

/// The value that an event carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Carried<'a> {
    /// None: reads as null.
    Nothing,
    /// This one.
    Payload(&'a Payload),
    /// The one that another event carries.
    Ref(ValueRef),
    /// Why a step or a run failed.
    Failure(&'a Failure),
}

/// The idempotency key of a call: a hash of run, step path, tool, canonical arguments, and how many
/// such calls came before it in the attempt. Never of the attempt itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallKey(Arc<str>);

impl CallKey {
    /// The key of the `nth` (from 0) call of `tool` with `arguments` (canonical JSON) in an attempt of `step`.
    #[must_use]
    pub fn of(run: RunId, step: &StepPath, tool: &str, arguments: &str, nth: u32) -> Self {
        let mut digest = Sha256::new().chain_update(run.0);
        for part in [step.as_str(), tool, arguments] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&digest.chain_update(nth.to_be_bytes()).finalize()[..16]);
        Self(format!("{:032x}", u128::from_be_bytes(half)).into())
    }

    /// The key of the same call when it is made for a message.
    #[must_use]
    pub fn within(&self, cause: &MessageId) -> Self {
        let digest = Sha256::new().chain_update(self.as_str()).chain_update(cause.as_str()).finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(format!("{:032x}", u128::from_be_bytes(half)).into())
    }

    /// 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the engine does about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// It may go better next time: try again as the step's `retry` says.
    Retry,
    /// It would fail again: no further attempt.
    GiveUp,
    /// It would fail again until something is mended: a person says when to try again, or that the step fails.
    Ask,
    /// It was stopped because the run is being cancelled.
    Cancelled,
}

/// Why an attempt, a call or a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What the engine does about it.
    pub category: Category,
    /// A stable name for programs: `timeout`, `bad_expression`, `bad_output`, `http_503`, …
    pub code: String,
    /// What happened, where, and what to do next.
    pub message: String,
}

impl Failure {
    /// A failure that may go better next time.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { category: Category::Retry, code: code.into(), message: message.into() }
    }

    /// A failure that would be the same next time.
    pub fn give_up(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { category: Category::GiveUp, code: code.into(), message: message.into() }
    }

    /// A failure that a person has to mend before it can go better.
    pub fn ask(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { category: Category::Ask, code: code.into(), message: message.into() }
    }

    /// True if a budget is spent: only a person can let the work go on, whoever has come upon it.
    #[must_use]
    pub fn is_spent_budget(&self) -> bool {
        self.category == Category::Ask && self.code.ends_with(stuck::BUDGET)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// Where a run comes from, if not from a person or a trigger directly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A `workflow` step of another run.
    Step {
        /// The run.
        run: RunId,
        /// The step.
        step: StepPath,
    },
    /// A retry of an ended run, whose results it reuses.
    RetryOf {
        /// The run.
        run: RunId,
    },
}

/// Anything that a run waits on a person for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Unique in the run: the step's path for a human step, else path and call.
    pub id: Arc<str>,
    /// The step that is parked.
    pub step: StepPath,
    /// Why it is asked.
    pub kind: QuestionKind,
    /// What is asked.
    pub ask: String,
    /// What can be chosen.
    pub choices: Vec<Outcome>,
    /// JSON Schema of what is to be filled in, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// Who may answer; anybody if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// When `default` is taken for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The answer when none came in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Outcome>,
}

/// Why a question is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// A human step.
    Human,
    /// A call that changes the world was begun and its result is not known.
    ///
    /// Choices: `happened`, `repeat`, `fail`.
    Unknown {
        /// The call.
        call: CallKey,
    },
    /// A call that policy lets nobody make unasked. Choices: `approved`, `rejected`.
    Approval {
        /// The call.
        call: CallKey,
    },
    /// An attempt failed in a way that a person has to mend. Choices: `again`, `fail`; and `raise` for a spent budget.
    Stuck {
        /// How it failed.
        failure: Box<Failure>,
    },
}

/// A model of a chain gave no reply, and the next one was asked instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The alias that was asked.
    pub alias: String,
    /// The model that gave no reply.
    pub from: String,
    /// The model that was asked instead.
    pub to: String,
    /// In which way it went wrong: `busy`, `timed_out`, …
    pub trouble: String,
    /// What happened.
    pub message: String,
}

/// The choices of a question about a failure that a person has to mend.
pub mod stuck {
    /// It is mended, or may be: the step is tried again.
    pub const AGAIN: &str = "again";
    /// The budget that is spent may be spent once more, and the step is tried again.
    pub const RAISE: &str = "raise";
    /// How the code of a failure ends that is about a spent budget.
    pub const BUDGET: &str = "_budget_spent";
    /// The step fails.
    pub const FAIL: &str = "fail";
}

/// The choices of a question about a call whose result is not known.
pub mod unknown {
    /// It took effect: go on as if it had returned nothing.
    pub const HAPPENED: &str = "happened";
    /// It did not, or does no harm twice: make it again, with the same key.
    pub const REPEAT: &str = "repeat";
    /// The step fails.
    pub const FAIL: &str = "fail";
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Some step is being worked on, or can be.
    Running,
    /// Nothing can advance before a timer, a signal or another run's end.
    Waiting,
    /// Nothing can advance before a person answers.
    Parked,
    /// Somebody asked for its end; what is in flight is being stopped.
    Cancelling,
    /// It ended well.
    Completed,
    /// It ended with a failure that no step handled.
    Failed,
    /// It was stopped.
    Cancelled,
}

impl RunStatus {
    /// True if nothing will happen any more.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// As the events and the database spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunStatus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Running, Self::Waiting, Self::Parked, Self::Cancelling, Self::Completed, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("no such run status: {text}"))
    }
}

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "`step`, `attempt` and `at` mean the same everywhere; other fields are told at the event"
)]
pub enum RunEvent {
    /// The run exists. Always the first event, and only the first.
    Created {
        /// The workflow's name.
        workflow: String,
        /// Hash of the pinned version.
        version: String,
        /// Its inputs, defaults filled in: an object.
        inputs: Payload,
        /// Hashes of what else the run pins: child workflows, agents and prompts, by `kind:name`.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        pins: std::collections::BTreeMap<String, String>,
        /// Where it comes from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
        /// How many `workflow` steps lie above it.
        #[serde(default)]
        depth: u8,
        /// When it is cancelled if it has not ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A step's result is taken over from the run that this one retries.
    Reused { step: StepPath, outcome: Outcome, output: Option<ValueRef> },
    /// A step will not run: its needs can no longer come true.
    Skipped { step: StepPath },
    /// An attempt begins. `deadline` is when it times out.
    Started {
        step: StepPath,
        attempt: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// The attempt that was in flight when the process stopped is taken up again.
    Resumed { step: StepPath, attempt: u32 },
    /// A step was left by `outcome` (never `error`).
    Ended { step: StepPath, outcome: Outcome, output: Output },
    /// An attempt failed.
    Failed { step: StepPath, attempt: u32, failure: Failure },
    /// The next attempt begins at `at`.
    RetryScheduled { step: StepPath, attempt: u32, at: Timestamp },
    /// No further attempt: the step was left by `error`.
    GaveUp { step: StepPath, failure: Failure },

    /// A call that changes the world is about to be made.
    CallIntended {
        step: StepPath,
        key: CallKey,
        tool: String,
        effect: CallEffect,
        arguments: Payload,
        /// The message that it is made for; the step's own assignment if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<MessageId>,
    },
    /// A call returned (`tool` is `model:NAME` for a model's reply). A later attempt receives this result instead of calling.
    CallReturned {
        step: StepPath,
        key: CallKey,
        tool: String,
        result: Payload,
        /// The message that it was made for; the step's own assignment if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<MessageId>,
    },
    /// A call failed, and is known not to have taken effect, or may be repeated.
    CallFailed { step: StepPath, key: CallKey, tool: String, failure: Failure },
    /// A call was made, and nobody knows whether it took effect.
    CallUnknown { step: StepPath, key: CallKey, tool: String, failure: Failure },
    /// A call of which the result was lost is made again, with the same key: it is idempotent, or a person said so.
    CallRepeated { step: StepPath, key: CallKey, tool: String },

    /// An agent said something to another.
    Said { step: StepPath, message: Message },
    /// A model gave no reply, and the next of its chain was asked.
    ModelHopped {
        step: StepPath,
        hop: Hop,
        /// The message that it was asked for; the step's own assignment if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<MessageId>,
    },

    /// A person is asked; the step is parked.
    Asked { question: Question },
    /// A question was answered, by a person or (`by` is `None`) by its deadline.
    Answered {
        question: Arc<str>,
        choice: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        form: Option<Payload>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },

    /// A `for_each` knows its items.
    Expanded { step: StepPath, items: Payload, count: u64 },
    /// A body begins.
    BodyOpened { step: StepPath, index: u64 },
    /// A body ended, with the value of its last step that ran, or with a failure that no step handled.
    BodyEnded {
        step: StepPath,
        index: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<ValueRef>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The condition of a `repeat` was tested, after body `index` for `until`, before it for `while`.
    Tested { step: StepPath, index: u64, holds: bool },

    /// A `wait` begins: until a time, or for a signal (then `until` is its timeout), or both.
    Waiting {
        step: StepPath,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<String>,
    },
    /// A signal came from outside. It is kept until a step takes it.
    SignalCame { name: String, payload: Payload },
    /// Whether the signal of event `signal` is what the step waits for.
    SignalMatched { step: StepPath, signal: u64, holds: bool },

    /// A `workflow` step has started its run.
    ChildStarted { step: StepPath, run: RunId },
    /// The run of a `workflow` step ended.
    ChildEnded { step: StepPath, run: RunId, status: RunStatus, output: Output },

    /// Somebody, or the deadline, wants the run to end.
    CancelRequested { reason: String },
    /// The run ended well.
    Completed { result: Output },
    /// The run ended with a failure that no step handled.
    RunFailed { failure: Failure },
    /// The run was stopped.
    Cancelled { reason: String },
}

impl RunEvent {
    /// The event's name, as its JSON spells it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Reused { .. } => "reused",
            Self::Skipped { .. } => "skipped",
            Self::Started { .. } => "started",
            Self::Resumed { .. } => "resumed",
            Self::Ended { .. } => "ended",
            Self::Failed { .. } => "failed",
            Self::RetryScheduled { .. } => "retry_scheduled",
            Self::GaveUp { .. } => "gave_up",
            Self::CallIntended { .. } => "call_intended",
            Self::CallReturned { .. } => "call_returned",
            Self::CallFailed { .. } => "call_failed",
            Self::CallUnknown { .. } => "call_unknown",
            Self::CallRepeated { .. } => "call_repeated",
            Self::Said { .. } => "said",
            Self::ModelHopped { .. } => "model_hopped",
            Self::Asked { .. } => "asked",
            Self::Answered { .. } => "answered",
            Self::Expanded { .. } => "expanded",
            Self::BodyOpened { .. } => "body_opened",
            Self::BodyEnded { .. } => "body_ended",
            Self::Tested { .. } => "tested",
            Self::Waiting { .. } => "waiting",
            Self::SignalCame { .. } => "signal_came",
            Self::SignalMatched { .. } => "signal_matched",
            Self::ChildStarted { .. } => "child_started",
            Self::ChildEnded { .. } => "child_ended",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Completed { .. } => "completed",
            Self::RunFailed { .. } => "run_failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// The value that other events refer to by this event's number.
    #[must_use]
    pub fn carried(&self) -> Carried<'_> {
        match self {
            Self::Created { inputs: payload, .. }
            | Self::Expanded { items: payload, .. }
            | Self::SignalCame { payload, .. }
            | Self::CallReturned { result: payload, .. }
            | Self::Answered { form: Some(payload), .. } => Carried::Payload(payload),
            Self::Ended { output, .. } | Self::Completed { result: output } | Self::ChildEnded { output, .. } => {
                match output {
                    Output::Nothing => Carried::Nothing,
                    Output::Value(payload) => Carried::Payload(payload),
                    Output::Ref(value) => Carried::Ref(*value),
                }
            }
            Self::GaveUp { failure, .. } | Self::RunFailed { failure } => Carried::Failure(failure),
            _ => Carried::Nothing,
        }
    }

    /// The step that it is about, if it is about one.
    #[must_use]
    pub fn step(&self) -> Option<&StepPath> {
        match self {
            Self::Reused { step, .. }
            | Self::Skipped { step }
            | Self::Started { step, .. }
            | Self::Resumed { step, .. }
            | Self::Ended { step, .. }
            | Self::Failed { step, .. }
            | Self::RetryScheduled { step, .. }
            | Self::GaveUp { step, .. }
            | Self::CallIntended { step, .. }
            | Self::CallReturned { step, .. }
            | Self::CallFailed { step, .. }
            | Self::CallUnknown { step, .. }
            | Self::CallRepeated { step, .. }
            | Self::Said { step, .. }
            | Self::ModelHopped { step, .. }
            | Self::Expanded { step, .. }
            | Self::BodyOpened { step, .. }
            | Self::BodyEnded { step, .. }
            | Self::Tested { step, .. }
            | Self::Waiting { step, .. }
            | Self::SignalMatched { step, .. }
            | Self::ChildStarted { step, .. }
            | Self::ChildEnded { step, .. } => Some(step),
            Self::Asked { question } => Some(&question.step),
            Self::Created { .. }
            | Self::Answered { .. }
            | Self::SignalCame { .. }
            | Self::CancelRequested { .. }
            | Self::Completed { .. }
            | Self::RunFailed { .. }
            | Self::Cancelled { .. } => None,
        }
    }
}
