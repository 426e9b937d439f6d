//! What the store's tests share: a folder, and appends that are legal as far as the store can tell.

use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Append, Head, Store, StoreOptions, Workspace, WorkspaceId};
use crate::clock::Timestamp;
use crate::run::{Origin, Payload, Question, QuestionKind, Recorded, RunEvent, RunId, RunStatus, StepPath};

/// An open store in a folder of its own.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) workspace: Workspace,
    pub(crate) folder: TempDir,
}

pub(crate) async fn fixture() -> Fixture {
    fixture_with(StoreOptions::default()).await
}

pub(crate) async fn fixture_with(options: StoreOptions) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), options).await.unwrap();
    let workspace = store.workspace(WorkspaceId::default());
    Fixture { store, workspace, folder }
}

/// The `n`th run of a test.
pub(crate) fn run_id(n: u64) -> RunId {
    RunId(Uuid::from_u64_pair(n, 7))
}

pub(crate) fn created(origin: Option<Origin>) -> RunEvent {
    RunEvent::Created {
        workflow: "brief".into(),
        version: "v1".into(),
        inputs: Payload::of(json!({"topic": "otters"})),
        pins: std::collections::BTreeMap::new(),
        origin,
        depth: 0,
        deadline: None,
    }
}

pub(crate) fn started(step: &str) -> RunEvent {
    RunEvent::Started { step: step.into(), attempt: 1, deadline: None }
}

pub(crate) fn body_ended(step: &str, index: u64) -> RunEvent {
    RunEvent::BodyEnded { step: step.into(), index, value: None, failure: None }
}

pub(crate) fn asked(id: &str) -> RunEvent {
    RunEvent::Asked {
        question: Question {
            id: Arc::from(id),
            step: StepPath::from(id),
            kind: QuestionKind::Human,
            ask: format!("Shall {id} go on?"),
            choices: vec!["approved".into(), "rejected".into()],
            form: None,
            to: vec!["ann".into()],
            deadline: Some(Timestamp(99_000)),
            default: None,
        },
    }
}

/// An append of these events after event `after`, at second `after`, which leaves the run as `status`.
pub(crate) fn append_as(
    run: RunId,
    after: u64,
    status: RunStatus,
    events: impl IntoIterator<Item = RunEvent>,
) -> Append {
    let at = Timestamp(i64::try_from(after).unwrap() * 1000);
    let events = events.into_iter().zip(after + 1..).map(|(event, seq)| Recorded { seq, at, event }).collect();
    Append { run, expected_seq: after, events, head: Head { status, wake_at: None } }
}

/// An append that leaves the run running.
pub(crate) fn append(run: RunId, after: u64, events: impl IntoIterator<Item = RunEvent>) -> Append {
    append_as(run, after, RunStatus::Running, events)
}
