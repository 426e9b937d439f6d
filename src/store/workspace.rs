//! A workspace: the tenant. Nothing in the store can be reached but through one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Shared;
use super::blobs::Blobs;
use super::conversations::Conversations;
use super::definitions::Definitions;
use super::entries::Entries;
use super::journal::SqlJournal;
use super::model_calls::ModelCalls;
use super::proposals::Proposals;
use super::questions::Questions;
use super::runs::Runs;
use super::secrets::SealedSecrets;
use super::workflows::Workflows;

/// A workspace's id: 1 to 63 of `a-z`, `0-9`, `_` and `-`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkspaceId(Arc<str>);

impl WorkspaceId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WorkspaceId {
    /// The text, to be kept without copying it.
    pub(super) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

/// The workspace of an installation that has only one.
impl Default for WorkspaceId {
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for WorkspaceId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if begins_well && text.len() <= 63 && text.bytes().all(legal) {
            Ok(Self(text.into()))
        } else {
            Err(format!("`{text}` is no workspace: use 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit"))
        }
    }
}

impl TryFrom<String> for WorkspaceId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<WorkspaceId> for String {
    fn from(id: WorkspaceId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of a store that belongs to one workspace. Cheap to clone, as everything that it hands out.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(super) shared: Arc<Shared>,
    pub(super) id: WorkspaceId,
}

impl Workspace {
    pub(super) fn new(shared: Arc<Shared>, id: WorkspaceId) -> Self {
        Self { shared, id }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &WorkspaceId {
        &self.id
    }

    /// Where the events of its runs become durable.
    #[must_use]
    pub fn journal(&self) -> SqlJournal {
        SqlJournal::new(self.clone())
    }

    /// What can be known of its runs without folding their events.
    #[must_use]
    pub fn runs(&self) -> Runs {
        Runs::new(self.clone())
    }

    /// Its workflows and their versions.
    #[must_use]
    pub fn workflows(&self) -> Workflows {
        Workflows::new(self.clone())
    }

    /// What its runs wait on people for.
    #[must_use]
    pub fn questions(&self) -> Questions {
        Questions::new(self.clone())
    }

    /// What models were asked, and what that cost.
    #[must_use]
    pub fn model_calls(&self) -> ModelCalls {
        ModelCalls::new(self.clone())
    }

    /// The agents and prompts that its runs have pinned.
    #[must_use]
    pub fn definitions(&self) -> Definitions {
        Definitions::new(self.clone())
    }

    /// What people and the company said to each other.
    #[must_use]
    pub fn conversations(&self) -> Conversations {
        Conversations::new(self.clone())
    }

    /// What was proposed outside of conversations.
    #[must_use]
    pub fn proposals(&self) -> Proposals {
        Proposals::new(self.clone())
    }

    /// Its secrets, sealed.
    #[must_use]
    pub fn secrets(&self) -> SealedSecrets {
        SealedSecrets::new(self.clone())
    }

    /// What its company remembers.
    #[must_use]
    pub fn entries(&self) -> Entries {
        Entries::new(self.clone())
    }

    /// Values that are too big for the database.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }
}
