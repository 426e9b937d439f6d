//! A workflow that has been checked: what runs are made of.

use std::sync::Arc;

use super::{Graph, Problem, Workflow, hash, yaml};

/// A checked workflow, with its graph and its hash.
#[derive(Clone, Debug)]
pub struct ValidWorkflow {
    workflow: Arc<Workflow>,
    graph: Arc<Graph>,
    hash: String,
}

impl ValidWorkflow {
    /// The workflow of a stored version. It was checked when it was saved; what it refers to is pinned by its
    /// runs, and not looked up again.
    ///
    /// # Errors
    /// What is wrong with the text, if it cannot be read any more.
    pub fn pinned(text: &str) -> Result<Self, Vec<Problem>> {
        Ok(Self::of(yaml::parse(text)?.workflow))
    }

    /// A workflow in which nothing is wrong.
    pub(super) fn of(workflow: Workflow) -> Self {
        Self {
            graph: Arc::new(Graph::of(&workflow)),
            hash: hash::workflow_hash(&workflow),
            workflow: Arc::new(workflow),
        }
    }

    /// The workflow.
    #[must_use]
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// What depends on what.
    #[must_use]
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Its content hash: 64 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}
