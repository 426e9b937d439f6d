//! What a run waits on a person for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallKey, Failure, StepPath};
use crate::clock::Timestamp;
use crate::workflow::Outcome;

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
