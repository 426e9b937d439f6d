//! The events of a run: its only truth.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    CallKey, Carried, Failure, Message, MessageId, Output, Payload, Question, RunId, RunStatus, StepPath, ValueRef,
};
use crate::clock::Timestamp;
use crate::workflow::{CallEffect, Outcome};

/// The version of the events' schema that this build writes; older ones are read too.
pub const SCHEMA_VERSION: u32 = 1;

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
