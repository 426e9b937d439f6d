//! How cost grows: waiting runs, recovery, start-up, one long run, one wide run.
//!
//! `cargo bench --bench scale` prints a table; `-- --only NAME` does one part.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; what it prints is its result"
)]

mod support;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard::engine::{Engine, Submission};
use callboard::run::RunStatus;
use callboard::store::{RunFilter, Store};
use callboard::workflow::ValidWorkflow;

const WAITING: &str = r#"
name: waiting
steps:
  - { id: pause, process: { wait: { for: 1d } } }
"#;

const ASKING: &str = r#"
name: asking
steps:
  - { id: go_on, process: { human: "Go on?" } }
"#;

const IN_FLIGHT: &str = r#"
name: in_flight
steps:
  - { id: work, process: { tool: bench.noop } }
  - { id: again, process: { tool: bench.noop } }
"#;

fn main() {
    let only = std::env::args().skip_while(|argument| argument != "--only").nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let runtime = support::runtime();
    runtime.block_on(async {
        if wanted("start") {
            start().await;
        }
        if wanted("waiting") {
            many_waiting("timer", WAITING).await;
            many_waiting("person", ASKING).await;
        }
        if wanted("recovery") {
            recovery().await;
        }
        if wanted("long") {
            for steps in [1_000, 10_000] {
                long_run(steps).await;
            }
        }
        if wanted("wide") {
            for items in [10_000, 100_000] {
                wide_run("transform", "transform: \"{{ item + 1 }}\"", items).await;
            }
            wide_run("tool", "tool: bench.noop", 10_000).await;
        }
    });
}

async fn fresh() -> (tempfile::TempDir, Engine, Store) {
    let folder = match std::env::var_os("BENCH_DATA") {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder");
    let (engine, store) = support::engine(folder.path()).await;
    (folder, engine, store)
}

async fn close(engine: Engine, store: Store) {
    engine.stop().await;
    store.close().await.expect("the store closes");
}

async fn start() {
    let mut times = Vec::new();
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a folder");
        let begun = Instant::now();
        let (engine, store) = support::engine(folder.path()).await;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        close(engine, store).await;
    }
    times.sort_by(f64::total_cmp);
    println!("start to ready on an empty folder: p50 {:.1} ms, worst {:.1} ms", times[10], times[19]);
}

async fn many_waiting(what: &str, text: &str) {
    const RUNS: u64 = 10_000;
    let (folder, engine, store) = fresh().await;
    let workflow = support::workflow(&store, text).await;
    // The first herd shows the allocator how much is needed at once; the second shows what stays.
    submit_all(&engine, &workflow, RUNS).await;
    engine.idle().await;
    let (before, begun) = (support::memory_kib("VmRSS"), Instant::now());
    submit_all(&engine, &workflow, RUNS).await;
    engine.idle().await;
    let (after, took) = (support::memory_kib("VmRSS"), begun.elapsed());
    println!(
        "{RUNS} runs waiting on a {what}: begun in {:.2} s, actors {}, {:.2} KiB resident each",
        took.as_secs_f64(),
        engine.active_runs(),
        after.saturating_sub(before) as f64 / RUNS as f64,
    );
    close(engine, store).await;
    let begun = Instant::now();
    let (engine, store) = support::engine(folder.path()).await;
    engine.idle().await;
    println!("    with them there, start to ready: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    close(engine, store).await;
}

async fn submit_all(engine: &Engine, workflow: &Arc<ValidWorkflow>, runs: u64) {
    let begun: Vec<_> = (0..runs)
        .map(|_| {
            let (engine, submission) = (engine.clone(), Submission::of(workflow.clone()));
            tokio::spawn(async move { engine.submit(submission).await.expect("begun") })
        })
        .collect();
    for run in begun {
        run.await.expect("begun");
    }
}

/// 10,000 runs of which an attempt was in flight when the process stopped: all are folded, flagged and carried on.
async fn recovery() {
    const RUNS: u64 = 10_000;
    let (folder, engine, store) = fresh().await;
    let workflow = support::workflow(&store, IN_FLIGHT).await;
    support::hold(true);
    submit_all(&engine, &workflow, RUNS).await;
    engine.stop().await;
    store.close().await.expect("the store closes");
    drop((engine, store, workflow));
    support::hold(false);
    let begun = Instant::now();
    let (engine, store) = support::engine(folder.path()).await;
    let ready = begun.elapsed();
    engine.idle().await;
    let took = begun.elapsed();
    let runs = store.workspace(Default::default()).runs();
    let open = RunFilter { status: Some(RunStatus::Running), ..RunFilter::default() };
    assert!(runs.list(&open, 1).await.expect("listed").is_empty(), "every run ended");
    println!(
        "recovery of {RUNS} unfinished runs: ready after {:.2} s, all carried to their end (2 steps) after {:.2} s",
        ready.as_secs_f64(),
        took.as_secs_f64()
    );
    close(engine, store).await;
}

async fn long_run(steps: usize) {
    let mut text = String::from("name: long\nsteps:\n");
    for step in 0..steps {
        writeln!(text, "  - {{ id: s{step}, process: {{ tool: bench.noop }} }}").expect("text");
    }
    measure(&format!("a run of {steps} steps"), &text, steps).await;
}

async fn wide_run(what: &str, process: &str, items: usize) {
    let text = format!(
        "name: wide\nsteps:\n  - id: each\n    process:\n      for_each:\n        items: \"{{{{ range({items}) }}}}\"\n        \
         concurrency: 8\n        steps:\n          - {{ id: one, process: {{ {process} }} }}\nresult: \"{{{{ \
         steps.each.output | length }}}}\"\n"
    );
    measure(&format!("a for_each of {items} items ({what})"), &text, items).await;
}

async fn measure(what: &str, text: &str, work: usize) {
    let (_folder, engine, store) = fresh().await;
    let begun = Instant::now();
    let workflow = support::workflow(&store, text).await;
    let read = begun.elapsed();
    support::reset_peak();
    let (before, cpu, begun) = (support::memory_kib("VmRSS"), support::cpu(), Instant::now());
    let run = engine.submit(Submission::of(workflow)).await.expect("begun");
    let summary = engine.wait_for_end(run).await.expect("ended");
    assert_eq!(summary.status, RunStatus::Completed, "{summary:?}");
    let took = begun.elapsed();
    let per = |duration: Duration| duration.as_secs_f64() * 1e6 / work as f64;
    println!(
        "{what}: {:.2} s ({:.0} µs each, {:.0} µs CPU each), peak {:.1} MiB over {:.1}; read and checked in {:.2} s",
        took.as_secs_f64(),
        per(took),
        per(support::cpu().saturating_sub(cpu)),
        (support::memory_kib("VmHWM").saturating_sub(before)) as f64 / 1024.0,
        before as f64 / 1024.0,
        read.as_secs_f64(),
    );
    close(engine, store).await;
}
