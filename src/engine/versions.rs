//! The workflows that runs pin, by hash: read once, shared by all their runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;

use super::error::EngineError;
use crate::store::Workflows;
use crate::workflow::ValidWorkflow;

/// How many versions are kept in memory.
const KEPT: usize = 256;

pub(super) struct Versions {
    workflows: Workflows,
    kept: Mutex<HashMap<String, Arc<Version>>>,
}

/// A workflow, with what it takes to begin a run of it.
pub(super) struct Version {
    pub(super) workflow: Arc<ValidWorkflow>,
    /// For each input, in written order: what holds a value against its schema, or why the schema is none.
    pub(super) inputs: Vec<Result<Validator, String>>,
}

impl Version {
    pub(super) fn new(workflow: Arc<ValidWorkflow>) -> Self {
        let schemas = workflow.workflow().inputs.values();
        let inputs = schemas.map(|schema| jsonschema::validator_for(schema).map_err(|error| error.to_string()));
        Self { inputs: inputs.collect(), workflow }
    }
}

impl Versions {
    pub(super) fn new(workflows: Workflows) -> Self {
        Self { workflows, kept: Mutex::default() }
    }

    /// Keeps a version that is at hand.
    pub(super) fn keep(&self, workflow: &Arc<ValidWorkflow>) -> Arc<Version> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = kept.get(workflow.hash()) {
            return version.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let version = Arc::new(Version::new(workflow.clone()));
        kept.insert(workflow.hash().to_owned(), version.clone());
        version
    }

    /// The version of a workflow with this hash.
    pub(super) async fn get(&self, name: &str, hash: &str) -> Result<Arc<ValidWorkflow>, EngineError> {
        if let Some(version) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(hash) {
            return Ok(version.workflow.clone());
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
