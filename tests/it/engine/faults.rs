//! Storage that fails: nothing is acknowledged that is not stored, and runs go on once it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use callboard::engine::{EngineError, Submission};
use callboard::run::{Recorded, RunId, RunStatus, StepPath};
use callboard::store::{Append, Body, Journal, JournalError};
use serde_json::json;

use super::world::{Plan, Script, World};

static BROKEN: AtomicBool = AtomicBool::new(false);

/// A journal that stores nothing while it is broken.
struct Breakable(Arc<dyn Journal>);

#[async_trait]
impl Journal for Breakable {
    async fn append(&self, append: Append) -> Result<(), JournalError> {
        if BROKEN.load(Ordering::SeqCst) {
            return Err(JournalError::Full { folder: "the test's".into() });
        }
        self.0.append(append).await
    }
    async fn read(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        self.0.read(run, after, limit).await
    }
    async fn read_one(&self, run: RunId, seq: u64) -> Result<Option<Recorded>, JournalError> {
        self.0.read_one(run, seq).await
    }
    async fn bodies(&self, run: RunId, step: &StepPath, after: u64, limit: usize) -> Result<Vec<Body>, JournalError> {
        self.0.bodies(run, step, after, limit).await
    }
}

const TEXT: &str = "name: w\nsteps:\n  - { id: a, process: { tool: x } }\n  - { id: b, process: { tool: x } }\n";

fn plan() -> Plan {
    Plan { journal: |journal| Arc::new(Breakable(journal)), ..Plan::default() }
}

// One test, since the fault is one switch for the process.
#[tokio::test]
async fn a_journal_that_cannot_store_is_waited_for_and_never_talked_over() {
    let script = Script::new(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(json!("done"))
    });
    let world = World::with(script, plan()).await;
    let workflow = world.workflow(TEXT).await;

    // Broken for a moment while an attempt is in flight: its result waits, and is stored when it can be.
    let run = world.engine.submit(Submission::of(workflow.clone())).await.expect("begins");
    BROKEN.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(world.story(run).await, ["created", "started a"]);
    BROKEN.store(false, Ordering::SeqCst);
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Completed);
    assert_eq!(
        world.story(run).await,
        ["created", "started a", "ended a", "started b", "ended b", "completed"],
        "nothing was done twice"
    );

    // Broken for longer than a run has patience: whoever asks is told, and nothing that was not stored is there.
    BROKEN.store(true, Ordering::SeqCst);
    let refused = world.engine.submit(Submission::of(workflow.clone())).await.expect_err("not stored");
    assert!(refused.to_string().contains("the disk is full"), "{refused}");
    BROKEN.store(false, Ordering::SeqCst);
    let run = world.engine.submit(Submission::of(workflow)).await.expect("begins");
    BROKEN.store(true, Ordering::SeqCst);
    let stalled = world.engine.wait_for_end(run).await.expect_err("cannot go on");
    assert!(matches!(stalled, EngineError::Stalled { .. }), "{stalled}");
    assert!(stalled.to_string().contains("the disk is full"), "{stalled}");
    BROKEN.store(false, Ordering::SeqCst);
    let world = world.restart(Script::echo(), plan()).await;
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Completed);
}

#[tokio::test]
async fn a_full_disk_is_told_and_runs_go_on_once_there_is_room() {
    let script = Script::new(|attempt| async move { Ok(json!(attempt.step.as_str().repeat(100_000))) });
    let world = World::with(script, Plan::default()).await;
    let workflow = world.workflow(TEXT).await;
    world.store.limit_pages(Some(1)).await.expect("limited");
    let mut refused = None;
    let mut begun = Vec::new();
    for _ in 0..200 {
        match world.engine.submit(Submission::of(workflow.clone())).await {
            Ok(run) => begun.push(run),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.expect("the disk is full at some time");
    assert!(refused.to_string().contains("full"), "{refused}");
    world.store.limit_pages(None).await.expect("lifted");
    let world = world.restart(Script::echo(), Plan::default()).await;
    for run in begun {
        assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Completed);
    }
    let run = world.engine.submit(Submission::of(workflow)).await.expect("begins");
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Completed);
}
