//! What the benches share: an engine on a real disk with steps that do nothing, and what the process used.

#![allow(dead_code, unreachable_pub, reason = "each bench uses its part")]

pub mod provider;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use callboard::clock::SystemClock;
use callboard::engine::port::{Attempt, Executor, Stop};
use callboard::engine::{Engine, Limits, Parts};
use callboard::run::Policy;
use callboard::store::{Store, StoreOptions, WorkspaceId};
use callboard::workflow::ValidWorkflow;
use serde_json::{Value, json};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers every attempt at once with `{"step": …, "ok": true, "id": …}`.
pub struct Noop;

static HOLD: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// While held, attempts never end: they are in flight when the process stops.
pub fn hold(held: bool) {
    HOLD.store(held, Ordering::SeqCst);
}

#[async_trait]
impl Executor for Noop {
    async fn perform(&self, attempt: Attempt) -> Result<Value, Stop> {
        if HOLD.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(json!({ "step": attempt.step.id(), "ok": true, "id": attempt.input.get("id") }))
    }
}

/// As in the binary.
pub fn runtime() -> tokio::runtime::Runtime {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = cores.saturating_sub(1).max(1);
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime")
}

/// An engine over a fresh or existing folder.
pub async fn engine(folder: &Path) -> (Engine, Store) {
    let store = Store::open(folder, StoreOptions::default()).await.expect("the folder opens");
    let workspace = store.workspace(WorkspaceId::default());
    let journal = Arc::new(workspace.journal());
    let engine = Engine::start(Parts {
        workspace,
        journal,
        clock: Arc::new(SystemClock),
        executor: Arc::new(Noop),
        limits: Limits { stop_grace: Duration::from_millis(200), ..Limits::default() },
        policy: Policy::default(),
    })
    .await
    .expect("the engine starts");
    (engine, store)
}

/// A workflow from its file text, saved in the store, so that its runs can be taken up again.
pub async fn workflow(store: &Store, text: &str) -> Arc<ValidWorkflow> {
    let workflow = ValidWorkflow::pinned(text).expect("the bench's workflow is valid");
    store
        .workspace(WorkspaceId::default())
        .workflows()
        .save(&workflow.workflow().name, workflow.hash(), text, callboard::clock::Timestamp(0))
        .await
        .expect("the version is stored");
    Arc::new(workflow)
}

/// User and system time of this process so far.
pub fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("proc is mounted");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("the name is in brackets").1.split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

/// A field of `/proc/self/status` in KiB: `VmRSS`, `VmHWM`.
pub fn memory_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc is mounted");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the field is there");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// Has `VmHWM` start again from what is resident now.
pub fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The value at share `p` of sorted values, by the nearest rank.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let rank = ((sorted.len() as f64 * p).ceil() as usize).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// The fastest that this disk makes 4 KiB durable: the median of `n` appends, each with fdatasync.
pub fn fsync_floor(folder: &Path, n: usize) -> Duration {
    use std::io::Write as _;
    let path = folder.join("floor.bin");
    let mut file = std::fs::File::create(&path).expect("the folder can be written");
    let mut times: Vec<f64> = (0..n)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[7; 4096]).expect("written");
            file.sync_data().expect("synced");
            begun.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let _ = std::fs::remove_file(path);
    Duration::from_secs_f64(quantile(&times, 0.5))
}

/// What the side-by-side scripts ask a bench for.
pub struct Load {
    /// Runs before anything is measured.
    pub warm: usize,
    /// How many at once, and how many in all.
    pub phases: Vec<(usize, usize)>,
    /// How many are begun at the same time, if any.
    pub herd: usize,
}

impl Load {
    /// From `--warm N --phase C:N … --herd N`; what Cargo adds is passed over.
    pub fn from_arguments(warm: usize) -> Self {
        let mut load = Self { warm, phases: Vec::new(), herd: 0 };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut text = || arguments.next().expect("a value");
            match argument.as_str() {
                "--warm" => load.warm = text().parse().expect("--warm N"),
                "--herd" => load.herd = text().parse().expect("--herd N"),
                "--phase" => {
                    let text = text();
                    let (c, n) = text.split_once(':').expect("--phase C:N");
                    load.phases.push((c.parse().expect("C"), n.parse().expect("N")));
                }
                _ => {}
            }
        }
        load
    }
}

/// `c` workers that do `n` runs between them, as `peerlib.py` reports it.
pub async fn closed_loop<F, R>(c: usize, n: usize, run_once: F) -> Value
where
    F: Fn(usize) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    reset_peak();
    let (before, begun) = (cpu(), Instant::now());
    let workers: Vec<_> = (0..c)
        .map(|_| {
            let (run_once, next) = (run_once.clone(), next.clone());
            tokio::spawn(async move {
                let (mut times, mut errors) = (Vec::new(), Vec::new());
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= n {
                        return (times, errors);
                    }
                    let begun = Instant::now();
                    match run_once(i).await {
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
        "cpu_s": (cpu().saturating_sub(before)).as_secs_f64(), "rss_peak_kb": memory_kib("VmHWM"),
        "failures": errors.len(), "errors": errors.iter().take(3).collect::<Vec<_>>(),
    })
}

/// `n` runs begun at the same time: what each keeps resident while it waits, and how far apart they end.
pub async fn herd<F, R>(n: usize, run_once: F) -> Value
where
    F: Fn(usize) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send,
{
    let resident = memory_kib("VmRSS");
    reset_peak();
    let (before, begun) = (cpu(), Instant::now());
    let all: Vec<_> = (0..n)
        .map(|i| {
            let run_once = run_once.clone();
            tokio::spawn(async move { run_once(i).await.map(|()| begun.elapsed().as_secs_f64()) })
        })
        .collect();
    let (mut ends, mut errors) = (Vec::new(), Vec::new());
    for one in all {
        match one.await.expect("a run") {
            Ok(end) => ends.push(end),
            Err(error) => errors.push(error),
        }
    }
    ends.sort_by(f64::total_cmp);
    let peak = memory_kib("VmHWM");
    json!({
        "herd": n, "before_kb": resident, "peak_kb": peak,
        "kb_per_run": peak.saturating_sub(resident) as f64 / n as f64,
        "failures": errors.len(), "errors": errors.iter().take(3).collect::<Vec<_>>(),
        "first_s": ends.first(), "last_s": ends.last(), "cpu_s": (cpu().saturating_sub(before)).as_secs_f64(),
    })
}

/// Says a phase for people. `floor` is one fsync, in ms.
pub fn tell(phase: &Value, floor: f64) {
    let mut times: Vec<f64> = phase["lat_ms"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    times.sort_by(f64::total_cmp);
    let number = |name: &str| phase[name].as_f64().unwrap_or(f64::NAN);
    println!(
        "c={} n={}: p50 {:.2} ms, p99 {:.2} ms, {:.0} runs/s, {:.3} CPU-ms a run, {:.2} commits a run, peak {} MiB, \
         one fsync {floor:.3} ms, failures {}",
        phase["c"],
        phase["n"],
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        number("n") / number("wall_s"),
        number("cpu_s") * 1e3 / number("n"),
        number("commits") / number("n"),
        phase["rss_peak_kb"].as_u64().unwrap_or(0) / 1024,
        phase["failures"],
    );
}
