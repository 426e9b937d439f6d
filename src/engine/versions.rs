//! The workflows that runs pin, by hash: read once, shared by all their runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::EngineError;
use crate::store::Workflows;
use crate::workflow::ValidWorkflow;

/// How many versions are kept in memory.
const KEPT: usize = 256;

pub(super) struct Versions {
    workflows: Workflows,
    kept: Mutex<HashMap<String, Arc<ValidWorkflow>>>,
}

impl Versions {
    pub(super) fn new(workflows: Workflows) -> Self {
        Self { workflows, kept: Mutex::default() }
    }

    /// Keeps a version that is at hand.
    pub(super) fn keep(&self, workflow: &Arc<ValidWorkflow>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.contains_key(workflow.hash()) {
            return;
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(workflow.hash().to_owned(), workflow.clone());
    }

    /// The version of a workflow with this hash.
    pub(super) async fn get(&self, name: &str, hash: &str) -> Result<Arc<ValidWorkflow>, EngineError> {
        if let Some(workflow) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(hash) {
            return Ok(workflow.clone());
        }
        let unusable = |reason: String| EngineError::NoSuchVersion { hash: hash.to_owned(), reason };
        let version =
            self.workflows.version(name, hash).await?.ok_or_else(|| unusable("it is not in the store".to_owned()))?;
        let workflow = ValidWorkflow::pinned(&version.text)
            .map_err(|problems| unusable(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let workflow = Arc::new(workflow);
        self.keep(&workflow);
        Ok(workflow)
    }
}
