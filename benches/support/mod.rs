//! What the benches share: an engine on a real disk with steps that do nothing, and what the process used.

#![allow(dead_code, unreachable_pub, reason = "each bench uses its part")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
    HOLD.store(held, std::sync::atomic::Ordering::SeqCst);
}

#[async_trait]
impl Executor for Noop {
    async fn perform(&self, attempt: Attempt) -> Result<Value, Stop> {
        if HOLD.load(std::sync::atomic::Ordering::SeqCst) {
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
            let begun = std::time::Instant::now();
            file.write_all(&[7; 4096]).expect("written");
            file.sync_data().expect("synced");
            begun.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let _ = std::fs::remove_file(path);
    Duration::from_secs_f64(quantile(&times, 0.5))
}
