//! An engine over a real store in a temporary folder, with an executor that a test scripts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use callboard::clock::{Clock, SystemClock, Timestamp};
use callboard::engine::gate::{Call, CallError};
use callboard::engine::port::{Attempt, Executor, Stop};
use callboard::engine::{Engine, Limits, Parts, Submission};
use callboard::run::{Failure, Policy, Recorded, RunEvent, RunId};
use callboard::store::{Journal, Store, StoreOptions, WorkspaceId};
use callboard::workflow::{CallEffect, Effect, ValidWorkflow};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

type Act = dyn Fn(Attempt) -> BoxFuture<'static, Result<Value, Stop>> + Send + Sync;

/// An executor made of one function.
#[derive(Clone)]
pub struct Script(Arc<Act>);

impl Script {
    pub fn new<F, R>(act: F) -> Self
    where
        F: Fn(Attempt) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, Stop>> + Send + 'static,
    {
        Self(Arc::new(move |attempt| act(attempt).boxed()))
    }

    /// Every attempt returns its step and its input.
    pub fn echo() -> Self {
        Self::new(|attempt| async move { Ok(json!({ "step": attempt.step.as_str(), "input": attempt.input })) })
    }
}

#[async_trait]
impl Executor for Script {
    async fn perform(&self, attempt: Attempt) -> Result<Value, Stop> {
        (self.0)(attempt).await
    }
}

/// What a world is made with.
pub struct Plan {
    pub clock: Arc<dyn Clock>,
    pub limits: Limits,
    pub policy: Policy,
    /// Puts another journal in front of the store's own.
    pub journal: fn(Arc<dyn Journal>) -> Arc<dyn Journal>,
}

impl Default for Plan {
    fn default() -> Self {
        let limits = Limits {
            cancel_grace: Duration::from_millis(50),
            stop_grace: Duration::from_millis(50),
            storage_patience: Duration::from_millis(500),
            ..Limits::default()
        };
        Self { clock: Arc::new(SystemClock), limits, policy: Policy::default(), journal: |journal| journal }
    }
}

/// A data folder with an engine in it, which can be stopped and started again.
pub struct World {
    pub folder: tempfile::TempDir,
    pub store: Store,
    pub engine: Engine,
}

impl World {
    pub async fn new(script: Script) -> Self {
        Self::with(script, Plan::default()).await
    }

    pub async fn with(script: Script, plan: Plan) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::open(folder, script, plan).await
    }

    async fn open(folder: tempfile::TempDir, script: Script, plan: Plan) -> Self {
        let store = Store::open(folder.path(), StoreOptions::default()).await.expect("the folder opens");
        let workspace = store.workspace(WorkspaceId::default());
        let journal = (plan.journal)(Arc::new(workspace.journal()));
        let executor = Arc::new(script);
        let parts = Parts { workspace, journal, clock: plan.clock, executor, limits: plan.limits, policy: plan.policy };
        let engine = Engine::start(parts).await.expect("the engine starts");
        Self { folder, store, engine }
    }

    /// The process goes away with all that it had in flight, and another opens the folder.
    pub async fn restart(self, script: Script, plan: Plan) -> Self {
        let Self { folder, store, engine } = self;
        engine.stop().await;
        store.close().await.expect("the store closes");
        drop((engine, store));
        Self::open(folder, script, plan).await
    }

    /// A workflow, saved in the store.
    pub async fn workflow(&self, text: &str) -> Arc<ValidWorkflow> {
        let workflow = ValidWorkflow::pinned(text).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
        let workflows = self.store.workspace(WorkspaceId::default()).workflows();
        workflows.save(&workflow.workflow().name, workflow.hash(), text, Timestamp(0)).await.expect("saved");
        Arc::new(workflow)
    }

    pub async fn submit(&self, text: &str, inputs: Value) -> RunId {
        let workflow = self.workflow(text).await;
        self.submit_pinned(workflow, inputs, BTreeMap::new()).await
    }

    pub async fn submit_pinned(
        &self,
        workflow: Arc<ValidWorkflow>,
        inputs: Value,
        pins: BTreeMap<String, String>,
    ) -> RunId {
        let mut submission = Submission::of(workflow);
        submission.inputs = inputs.as_object().cloned().unwrap_or_default();
        submission.pins = pins;
        self.engine.submit(submission).await.expect("the run begins")
    }

    /// The run's events so far.
    pub async fn events(&self, run: RunId) -> Vec<Recorded> {
        let journal = self.store.workspace(WorkspaceId::default()).journal();
        journal.read(run, 0, 1_000_000).await.expect("the events can be read")
    }

    /// The run's events so far by name, with the step.
    pub async fn story(&self, run: RunId) -> Vec<String> {
        self.events(run)
            .await
            .iter()
            .map(|recorded| match recorded.event.step() {
                Some(step) => format!("{} {step}", recorded.event.kind()),
                None => recorded.event.kind().to_owned(),
            })
            .collect()
    }

    /// Returns once the run has an event for which this holds.
    pub async fn until(&self, run: RunId, what: &str, holds: impl Fn(&RunEvent) -> bool) -> Recorded {
        let following = self.engine.subscribe(run, 0);
        let found = async {
            futures::pin_mut!(following);
            while let Some(recorded) = following.next().await {
                let recorded = recorded.expect("the events can be followed");
                if holds(&recorded.event) {
                    return Some(recorded);
                }
            }
            None
        };
        match tokio::time::timeout(Duration::from_secs(20), found).await {
            Ok(Some(recorded)) => recorded,
            Ok(None) => panic!("the run ended before {what}: {:#?}", self.story(run).await),
            Err(_elapsed) => panic!("no {what} after 20 s: {:#?}", self.story(run).await),
        }
    }
}

/// A call of `tool` with these arguments through the attempt's gate; `made` says what comes of making it.
pub async fn call(
    attempt: &Attempt,
    tool: &str,
    effect: Effect,
    arguments: Value,
    made: impl Future<Output = Result<Value, CallError>> + Send,
) -> Result<Value, Stop> {
    let call = Call::new(tool, CallEffect::of(effect), arguments);
    attempt.gate.call(call, |_permit| made).await
}

pub fn lost(message: &str) -> CallError {
    CallError::Unknown(Failure::retry("lost", message))
}
