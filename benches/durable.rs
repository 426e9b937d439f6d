//! B1: a run of three steps that do nothing, each step's result on the disk before the next begins.
//!
//! A closed loop of `c` workers and `n` runs a phase, in this process. Prints what `peerlib.py` prints, so that
//! the side-by-side scripts can show it beside the peers: `cargo bench --bench durable -- --phase 1:150 --phase 50:3000`.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; what it prints is its result"
)]

mod support;

use std::sync::Arc;
use std::time::Instant;

use callboard::engine::{Engine, Submission};
use callboard::run::RunStatus;
use callboard::workflow::ValidWorkflow;
use serde_json::json;

const WORKFLOW: &str = r#"
name: three_steps
inputs:
  id: { type: integer }
steps:
  - { id: one, input: { id: "{{ inputs.id }}" }, process: { tool: bench.noop } }
  - { id: two, input: { id: "{{ inputs.id }}" }, process: { tool: bench.noop } }
  - { id: three, input: { id: "{{ inputs.id }}" }, process: { tool: bench.noop } }
"#;

fn main() {
    let support::Load { warm, mut phases, .. } = support::Load::from_arguments(50);
    if phases.is_empty() {
        phases = vec![(1, 500), (50, 3000)];
    }
    let runtime = support::runtime();
    runtime.block_on(bench(warm, &phases));
}

async fn bench(warm: usize, phases: &[(usize, usize)]) {
    let folder = match std::env::var_os("BENCH_DATA") {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder");
    let begun = Instant::now();
    let (engine, store) = support::engine(folder.path()).await;
    let workflow = support::workflow(&store, WORKFLOW).await;
    let ready = begun.elapsed().as_secs_f64();
    let floor = support::fsync_floor(folder.path(), 500);
    let doer = (engine.clone(), workflow.clone());
    let once = move |i| {
        let (engine, workflow) = doer.clone();
        async move { run_once(&engine, &workflow, i).await }
    };
    let warmed = support::closed_loop(4.min(warm.max(1)), warm, once.clone()).await;
    let mut results = Vec::new();
    for (c, n) in phases {
        let before = store.journal_stats();
        let mut phase = support::closed_loop(*c, *n, once.clone()).await;
        let after = store.journal_stats();
        phase["commits"] = json!(after.commits - before.commits);
        phase["events"] = json!(after.events - before.events);
        support::tell(&phase, floor.as_secs_f64() * 1e3);
        results.push(phase);
    }
    let result = json!({
        "ready_s": ready,
        "phases": results,
        "versions": { "callboard": env!("CARGO_PKG_VERSION") },
        "note": "D2, in process",
        "floor_ms": floor.as_secs_f64() * 1e3,
        "warm_failures": warmed["failures"],
        "warm_errors": warmed["errors"],
    });
    engine.stop().await;
    store.close().await.expect("the store closes");
    println!("RESULT {result}");
}

async fn run_once(engine: &Engine, workflow: &Arc<ValidWorkflow>, i: usize) -> Result<(), String> {
    let mut submission = Submission::of(workflow.clone());
    submission.inputs.insert("id".into(), json!(i));
    let run = engine.submit(submission).await.map_err(|error| error.to_string())?;
    let summary = engine.wait_for_end(run).await.map_err(|error| error.to_string())?;
    let wanted = json!({ "step": "three", "ok": true, "id": i });
    if summary.status == RunStatus::Completed && summary.result.as_ref() == Some(&wanted) {
        Ok(())
    } else {
        Err(format!("{summary:?}"))
    }
}
