//! What a conversation holds: messages, the turn that goes on, proposals and runs.

use std::sync::Arc;

use serde::Serialize;

use crate::chat::event::{BaseVersion, Cause, Decision, Link, MessageId, Offered, Place, ProposalId, RunKind, TurnEnd};
use crate::clock::Timestamp;
use crate::run::RunStatus;
use crate::workflow::StepId;

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The message that it follows; not known while it waits.
    pub parent: Option<MessageId>,
    /// Who said it.
    pub by: Author,
    /// The text.
    pub text: String,
    /// Where what it says can be seen.
    pub links: Vec<Link>,
    /// The files that it tells of.
    pub artifacts: Vec<String>,
    /// When it was said, in milliseconds since 1970.
    pub at: Timestamp,
    /// How the turn ended that it came of, if it came of one that did not end with a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<TurnEnd>,
    /// Whether others' words may be in it: its turn has read some, or it tells of what a run brought.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_others: bool,
    #[serde(skip)]
    pub(super) place: Place,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// A person.
    Person,
    /// The company.
    Callboard,
}

/// The turn that goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenTurn {
    /// What it answers.
    pub cause: Cause,
    /// What the model has said.
    pub text: String,
    /// Whether the reply is there.
    pub is_replied: bool,
    /// Whether the model was shown what others wrote.
    pub has_read_others: bool,
}

/// A proposal, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Its id.
    pub id: ProposalId,
    /// It.
    pub offered: Arc<Offered>,
    /// The message that it came of.
    pub after: Option<MessageId>,
    /// What became of it; `None` while it is open.
    pub decision: Option<Decision>,
    /// Why, if that was said.
    pub reason: Option<String>,
}

/// A run that was begun here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRun {
    /// The workflow's name.
    pub workflow: String,
    /// The version that it pins.
    pub version: String,
    /// What it is of.
    pub kind: RunKind,
    /// How it stood when it was last reported; `None` if it goes on.
    pub status: Option<RunStatus>,
    /// The number of the run's event that was told of last.
    pub told: u64,
    /// The message that says how it stood then.
    pub reported: Option<MessageId>,
    /// The number of the run's last event by then.
    pub reported_at: u64,
}

impl Message {
    /// What the company says by the event with this number, wherever it comes to stand.
    pub(super) fn told(seq: u64, at: Timestamp, text: &str) -> Self {
        Self {
            id: MessageId(seq),
            parent: None,
            by: Author::Callboard,
            text: text.to_owned(),
            links: Vec::new(),
            artifacts: Vec::new(),
            at,
            cut: None,
            of_others: false,
            place: Place::Next,
        }
    }
}

impl HeldRun {
    /// Whether something is still to come of it.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.status.is_none_or(|status| !status.is_end())
    }

    /// Whether it goes on by itself right now, as far as is known.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.status.is_none()
    }
}

impl Held {
    /// The version that was saved by accepting it.
    #[must_use]
    pub fn saved(&self) -> Option<&BaseVersion> {
        match &self.decision {
            Some(Decision::Accepted { acceptance, .. }) => Some(&acceptance.after),
            _ => None,
        }
    }

    /// Whether it was rejected.
    #[must_use]
    pub fn is_unwanted(&self) -> bool {
        self.decision == Some(Decision::Rejected)
    }

    /// Whether only some of its steps are accepted, so that more can be.
    #[must_use]
    pub fn is_accepted_in_part(&self) -> bool {
        match &self.decision {
            Some(Decision::Accepted { acceptance, live: true, .. }) => {
                let has_rest = self.left().next().is_some() || self.offered.more_than_steps;
                self.offered.base.is_some() && !acceptance.steps.is_empty() && has_rest
            }
            _ => false,
        }
    }

    /// The steps that can be accepted: all, or what is left.
    pub fn open_steps(&self) -> impl Iterator<Item = &StepId> {
        let in_part = self.is_accepted_in_part();
        self.offered.steps.iter().filter(move |step| !in_part || self.left().any(|left| left == *step))
    }

    /// The steps that are not accepted, if only some are.
    pub fn left(&self) -> impl Iterator<Item = &StepId> {
        let accepted: &[StepId] = match &self.decision {
            Some(Decision::Accepted { acceptance, live: true, .. }) => &acceptance.steps,
            _ => &[],
        };
        self.offered.steps.iter().filter(move |step| !accepted.is_empty() && !accepted.contains(step))
    }
}
