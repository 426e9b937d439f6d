//! What agents say to each other while they work on a step, as the run records it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StepPath;

/// A message's id: a hash of what it says, who says it, and how often that was said before. An attempt that is taken
/// up again says the same under the same id, so that nothing is recorded twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Arc<str>);

impl MessageId {
    /// 16 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that one agent said to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Unique in the step.
    pub id: MessageId,
    /// The message that brought this one about; `None` if that is the step's own assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<MessageId>,
    /// The role that speaks.
    pub from: Arc<str>,
    /// The role that is spoken to; [`EVERYONE`] for a note.
    pub to: Arc<str>,
    /// What it says.
    pub says: Says,
}

/// To whom a note is said. No role has this name.
pub const EVERYONE: &str = "*";

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// Do this. (A step's own assignment is its `started` event.)
    Assignment {
        /// What is to be reached.
        goal: String,
    },
    /// What do you know of this?
    Question {
        /// The question.
        text: String,
    },
    /// This is what I know. The whole answer is the result of the asker's call.
    Answer {
        /// The answer in words.
        text: String,
    },
    /// This cannot be right.
    Objection {
        /// What is objected to.
        about: String,
        /// Why.
        reasons: Vec<String>,
    },
    /// Let us all remember this.
    Note {
        /// What it is about, if it is to be weighed against other notes about the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The note.
        text: String,
    },
    /// Whether work is accepted, or a note holds against others about the same.
    Verdict {
        /// Whether it is, or does.
        accepted: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<String>,
    },
}

impl Message {
    /// A message that is said in `step`; the `nth` (from 0) that says just this.
    #[must_use]
    pub fn new(step: &StepPath, cause: Option<MessageId>, from: &str, to: &str, says: Says, nth: u32) -> Self {
        let mut digest = Sha256::new();
        let body = serde_json::to_string(&says).unwrap_or_default();
        let cause_text = cause.as_ref().map_or("", MessageId::as_str);
        for part in [step.as_str(), cause_text, from, to, &body] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&digest.chain_update(nth.to_be_bytes()).finalize()[..8]);
        let id = MessageId(format!("{:016x}", u64::from_be_bytes(first)).into());
        Self { id, cause, from: from.into(), to: to.into(), says }
    }
}

impl Says {
    /// What kind of message it is, as its JSON spells it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Assignment { .. } => "assignment",
            Self::Question { .. } => "question",
            Self::Answer { .. } => "answer",
            Self::Objection { .. } => "objection",
            Self::Note { .. } => "note",
            Self::Verdict { .. } => "verdict",
        }
    }
}
