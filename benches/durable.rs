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
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use callboard::engine::{Engine, Submission};
use callboard::run::RunStatus;
use callboard::workflow::ValidWorkflow;
use serde_json::{Value, json};

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
    let mut warm = 50;
    let mut phases = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--warm" => warm = arguments.next().and_then(|text| text.parse().ok()).expect("--warm N"),
            "--phase" => {
                let text = arguments.next().expect("--phase C:N");
                let (c, n) = text.split_once(':').expect("--phase C:N");
                phases.push((c.parse::<usize>().expect("C"), n.parse::<usize>().expect("N")));
            }
            _ => {}
        }
    }
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
    let warmed = closed_loop(&engine, &workflow, 4.min(warm.max(1)), warm).await;
    let mut results = Vec::new();
    for (c, n) in phases {
        let before = store.journal_stats();
        let mut phase = closed_loop(&engine, &workflow, *c, *n).await;
        let after = store.journal_stats();
        phase["commits"] = json!(after.commits - before.commits);
        phase["events"] = json!(after.events - before.events);
        tell(&phase, floor.as_secs_f64() * 1e3);
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

async fn closed_loop(engine: &Engine, workflow: &Arc<ValidWorkflow>, c: usize, n: usize) -> Value {
    let next = Arc::new(AtomicUsize::new(0));
    support::reset_peak();
    let (cpu, begun) = (support::cpu(), Instant::now());
    let workers: Vec<_> = (0..c)
        .map(|_| {
            let (engine, workflow, next) = (engine.clone(), workflow.clone(), next.clone());
            tokio::spawn(async move {
                let (mut times, mut errors) = (Vec::new(), Vec::new());
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= n {
                        return (times, errors);
                    }
                    let begun = Instant::now();
                    match run_once(&engine, &workflow, i).await {
                        Ok(()) => times.push(begun.elapsed().as_secs_f64() * 1e3),
                        Err(error) => errors.push(error),
                    }
                }
            })
        })
        .collect();
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    for worker in workers {
        let (more, wrong) = worker.await.expect("a worker");
        times.extend(more);
        errors.extend(wrong);
    }
    json!({
        "c": c, "n": n, "lat_ms": times, "wall_s": begun.elapsed().as_secs_f64(),
        "cpu_s": (support::cpu().saturating_sub(cpu)).as_secs_f64(), "rss_peak_kb": support::memory_kib("VmHWM"),
        "failures": errors.len(), "errors": errors.iter().take(3).collect::<Vec<_>>(),
    })
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

fn tell(phase: &Value, floor: f64) {
    let mut times: Vec<f64> = phase["lat_ms"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    times.sort_by(f64::total_cmp);
    let number = |name: &str| phase[name].as_f64().unwrap_or(f64::NAN);
    println!(
        "c={} n={}: p50 {:.2} ms, p99 {:.2} ms, {:.0} runs/s, {:.3} CPU-ms a run, {:.2} commits a run, peak {} MiB, \
         one fsync {floor:.3} ms, failures {}",
        phase["c"],
        phase["n"],
        support::quantile(&times, 0.5),
        support::quantile(&times, 0.99),
        number("n") / number("wall_s"),
        number("cpu_s") * 1e3 / number("n"),
        number("commits") / number("n"),
        phase["rss_peak_kb"].as_u64().unwrap_or(0) / 1024,
        phase["failures"],
    );
}
