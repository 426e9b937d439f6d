//! How a run begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::error::EngineError;
use super::runner::Message;
use super::shared::Shared;
use super::versions::Version;
use crate::clock::Timestamp;
use crate::run::{Origin, RunEvent, RunId};
use crate::workflow::{Place, Problem, ValidWorkflow};

/// A run that is to begin.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The workflow, in the version that the run pins. It must be in the store.
    pub workflow: Arc<ValidWorkflow>,
    /// Its inputs; what has a default may be left out.
    pub inputs: Map<String, Value>,
    /// Hashes of what else the run pins, by `kind:name`: child workflows, agents, prompts.
    pub pins: BTreeMap<String, String>,
    /// When it is cancelled if it has not ended.
    pub deadline: Option<Timestamp>,
    /// Its id, if somebody has derived one.
    pub id: Option<RunId>,
    pub(super) origin: Option<Origin>,
    pub(super) depth: u8,
    /// What follows `Created` at once: results that a retry reuses.
    pub(super) reused: Vec<RunEvent>,
}

impl Submission {
    /// A run of this workflow, without inputs.
    #[must_use]
    pub fn of(workflow: Arc<ValidWorkflow>) -> Self {
        Self {
            workflow,
            inputs: Map::new(),
            pins: BTreeMap::new(),
            deadline: None,
            id: None,
            origin: None,
            depth: 0,
            reused: Vec::new(),
        }
    }
}

/// Begins a run; durable on return.
pub(super) async fn submit(shared: &Arc<Shared>, submission: Submission) -> Result<RunId, EngineError> {
    let Submission { workflow, inputs, pins, deadline, id, origin, depth, reused } = submission;
    let version = shared.versions.keep(&workflow);
    let inputs = complete(&version, inputs).map_err(EngineError::Invalid)?;
    let run = id.unwrap_or_else(|| RunId(shared.clock.fresh_id()));
    let drive = shared.drive(run, workflow.clone());
    let inputs = drive.values.store(Value::Object(inputs)).await?;
    let created = RunEvent::Created {
        workflow: workflow.workflow().name.clone(),
        version: workflow.hash().to_owned(),
        inputs,
        pins,
        origin,
        depth,
        deadline,
    };
    let events = std::iter::once(created).chain(reused).collect();
    let (reply, begun) = oneshot::channel();
    shared.tell(run, Message::Create { drive: Box::new(drive), events, reply })?;
    begun.await.unwrap_or_else(|_| Err(EngineError::Stalled { run, reason: "its actor stopped".into() }))?;
    Ok(run)
}

/// The inputs with defaults filled in; or all that is wrong with them.
pub(super) fn complete(version: &Version, mut given: Map<String, Value>) -> Result<Map<String, Value>, Vec<Problem>> {
    let declared = &version.workflow.workflow().inputs;
    let mut problems = Vec::new();
    for name in given.keys().filter(|name| !declared.contains_key(*name)) {
        let names: Vec<&str> = declared.keys().map(String::as_str).collect();
        let suggestion = if names.is_empty() {
            "the workflow takes no inputs".to_owned()
        } else {
            format!("it takes {}", names.join(", "))
        };
        problems.push(problem("unknown_input", name, "the workflow has no such input".into(), Some(suggestion)));
    }
    let mut inputs = Map::with_capacity(declared.len());
    for ((name, schema), validator) in declared.iter().zip(&version.inputs) {
        let Some(value) = given.remove(name).or_else(|| schema.get("default").cloned()) else {
            problems.push(problem(
                "missing_input",
                name,
                "a value is needed".into(),
                Some(format!("give it with --input {name}=…")),
            ));
            continue;
        };
        match validator {
            Ok(validator) => {
                if let Err(error) = validator.validate(&value) {
                    problems.push(problem("bad_input", name, error.to_string(), None));
                }
            }
            Err(error) => problems.push(problem("bad_schema", name, format!("its schema is not valid: {error}"), None)),
        }
        inputs.insert(name.clone(), value);
    }
    if problems.is_empty() { Ok(inputs) } else { Err(problems) }
}

fn problem(code: &'static str, input: &str, message: String, suggestion: Option<String>) -> Problem {
    Problem { code, place: Place { path: format!("inputs.{input}"), line: None, column: None }, message, suggestion }
}
