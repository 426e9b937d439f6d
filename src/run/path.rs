//! Where in a run a step is: `gather`, or `each[3].write` for a step in the fourth body of `each`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::workflow::StepId;

/// One execution of a list of steps: the run itself (empty), or one body (`each[3]`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopePath(Arc<str>);

/// One step in one scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(Arc<str>);

impl ScopePath {
    /// The run's own list.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// A step of this scope.
    #[must_use]
    pub fn step(&self, id: &StepId) -> StepPath {
        if self.0.is_empty() { StepPath(id.0.clone()) } else { StepPath(format!("{}.{id}", self.0).into()) }
    }

    /// The step whose body this scope is, and the body's index; `None` for the root or text that is no path.
    #[must_use]
    pub fn owner(&self) -> Option<(StepPath, u64)> {
        let (step, index) = self.0.strip_suffix(']')?.rsplit_once('[')?;
        Some((StepPath(step.into()), index.parse().ok()?))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StepPath {
    /// A step of the run's own list.
    #[must_use]
    pub fn root(id: &StepId) -> Self {
        Self(id.0.clone())
    }

    /// The body of this step with this index.
    #[must_use]
    pub fn body(&self, index: u64) -> ScopePath {
        ScopePath(format!("{}[{index}]", self.0).into())
    }

    /// The scope that the step is in.
    #[must_use]
    pub fn scope(&self) -> ScopePath {
        match self.0.rsplit_once('.') {
            Some((scope, _)) => ScopePath(scope.into()),
            None => ScopePath::root(),
        }
    }

    /// The step's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.rsplit_once('.').map_or(&*self.0, |(_, id)| id)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StepPath {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ScopePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
