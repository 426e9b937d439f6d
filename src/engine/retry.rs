//! A new run in place of one that ended: it reuses, by reference, every result that still stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::EngineError;
use super::shared::Shared;
use super::submit::{self, Submission};
use crate::run::{Origin, RunEvent, RunId, RunState, StepPath, ValueRef};
use crate::workflow::{Graph, ListId, Outcome, StepIndex};

pub(super) async fn retry(shared: &Arc<Shared>, run: RunId, from: Option<&str>) -> Result<RunId, EngineError> {
    let mut old = shared.load(run).await?;
    let status = old.state.status();
    if !status.is_end() {
        return Err(EngineError::NotEnded { run, status });
    }
    let graph = old.workflow.graph().clone();
    let redone = match from {
        Some(step) => {
            let index = graph
                .list(ListId::ROOT)
                .index_of(step)
                .ok_or_else(|| EngineError::NoSuchStep { run, step: step.to_owned() })?;
            and_what_follows(&graph, [index])
        }
        None => and_what_follows(&graph, unhandled(&graph, &old.state)),
    };
    let reused = old
        .state
        .root_results()
        .filter(|(step, ..)| {
            graph.list(ListId::ROOT).index_of(step.id.as_str()).is_some_and(|index| !redone.contains(&index))
        })
        .map(|(step, outcome, output)| RunEvent::Reused {
            step: StepPath::root(&step.id),
            outcome: outcome.clone(),
            output,
        })
        .collect();
    let inputs = match &*old.value(ValueRef { run, seq: 1 }).await? {
        serde_json::Value::Object(inputs) => inputs.clone(),
        _ => serde_json::Map::new(),
    };
    let submission = Submission {
        inputs,
        pins: old.pins().clone(),
        origin: Some(Origin::RetryOf { run }),
        reused,
        ..Submission::of(old.workflow.clone())
    };
    submit::submit(shared, submission).await
}

/// The steps that failed and that no step handled.
fn unhandled(graph: &Graph, state: &RunState) -> BTreeSet<StepIndex> {
    let list = graph.list(ListId::ROOT);
    state
        .root_results()
        .filter(|(_, outcome, _)| outcome.as_str() == Outcome::ERROR)
        .filter_map(|(step, ..)| list.index_of(step.id.as_str()))
        .filter(|index| !list.node(*index).error_is_needed)
        .collect()
}

/// These steps, and all that need them, however far away.
fn and_what_follows(graph: &Graph, steps: impl IntoIterator<Item = StepIndex>) -> BTreeSet<StepIndex> {
    let list = graph.list(ListId::ROOT);
    let mut found = BTreeSet::new();
    let mut open: Vec<StepIndex> = steps.into_iter().collect();
    while let Some(index) = open.pop() {
        if found.insert(index) {
            open.extend(list.node(index).dependents.iter().map(|(dependent, _)| *dependent));
        }
    }
    found
}
