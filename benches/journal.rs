//! What durability costs: appends to the journal, each acknowledged after an fsync, beside a bare fsync.
//!
//! `cargo bench --bench journal`. The folder is made under `CALLBOARD_BENCH_DIR`, else the target folder's disk: a
//! memory file system would measure nothing.
#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::cast_precision_loss, missing_docs, reason = "a benchmark")]

use std::io::{Seek, Write};
use std::time::{Duration, Instant};

use callboard::clock::Timestamp;
use callboard::run::{Output, Payload, Recorded, RunEvent, RunId, RunStatus};
use callboard::store::{Append, Head, Journal, SqlJournal, Store, StoreOptions, WorkspaceId};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use uuid::Uuid;

/// Appends of one run of three steps, two or three events each, as the engine makes them.
const APPENDS: u64 = 4;
const EVENTS: u64 = 9;

fn folder() -> tempfile::TempDir {
    let under = std::env::var_os("CALLBOARD_BENCH_DIR").map_or_else(|| "target".into(), std::path::PathBuf::from);
    std::fs::create_dir_all(&under).unwrap();
    tempfile::tempdir_in(under).unwrap()
}

fn started(step: &str) -> RunEvent {
    RunEvent::Started { step: step.into(), attempt: 1, deadline: None }
}

fn ended(step: &str) -> RunEvent {
    let output = json!({"text": "a result of a few words, as a small step would return it", "items": [1, 2, 3]});
    RunEvent::Ended { step: step.into(), outcome: "ok".into(), output: Output::Value(Payload::of(output)) }
}

fn created() -> RunEvent {
    RunEvent::Created {
        workflow: "brief".into(),
        version: "5f2c9a0b7d31e846".into(),
        inputs: Payload::of(json!({"topic": "otters"})),
        pins: std::collections::BTreeMap::new(),
        origin: None,
        depth: 0,
        deadline: None,
    }
}

async fn append(journal: &SqlJournal, run: RunId, seq: &mut u64, status: RunStatus, events: Vec<RunEvent>) {
    let expected_seq = *seq;
    let events = events
        .into_iter()
        .map(|event| {
            *seq += 1;
            Recorded { seq: *seq, at: Timestamp(1_790_000_000_000), event }
        })
        .collect();
    journal.append(Append { run, expected_seq, events, head: Head { status, wake_at: None } }).await.unwrap();
}

async fn begin(journal: &SqlJournal, id: RunId) {
    append(journal, id, &mut 0, RunStatus::Running, vec![created(), started("gather"), ended("gather")]).await;
}

async fn run(journal: &SqlJournal, id: RunId) {
    let appends = [
        (RunStatus::Running, vec![created(), started("gather")]),
        (RunStatus::Running, vec![ended("gather"), started("write")]),
        (RunStatus::Running, vec![ended("write"), started("send")]),
        (
            RunStatus::Completed,
            vec![
                ended("send"),
                RunEvent::Tested { step: "send".into(), index: 0, holds: true },
                RunEvent::Completed { result: Output::Nothing },
            ],
        ),
    ];
    let mut seq = 0;
    for (status, events) in appends {
        append(journal, id, &mut seq, status, events).await;
    }
}

/// CPU that this process has used, all threads: fields 14 and 15 of `/proc/self/stat`, in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Ids as the clock makes them: they begin with the time.
fn ids() -> impl Iterator<Item = RunId> {
    (0..).map(|n: u64| {
        RunId(Uuid::from_u64_pair(0x019a_0000_0000_7000 + (n << 16), n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    })
}

fn appenders(criterion: &mut Criterion, tokio: &tokio::runtime::Runtime, at_once: usize) {
    let folder = folder();
    let store = tokio.block_on(Store::open(folder.path(), StoreOptions::default())).unwrap();
    let journal = store.workspace(WorkspaceId::default()).journal();
    let ids = std::sync::Mutex::new(ids());
    let (mut runs_made, mut wall, mut cpu_used) = (0, Duration::ZERO, Duration::ZERO);
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(at_once as u64));
    group.bench_function(format!("a run of {APPENDS} appends, {at_once} at once"), |bencher| {
        bencher.iter_custom(|iterations| {
            // Each appender makes `iterations` runs, one after the other.
            let work: Vec<Vec<RunId>> = {
                let mut ids = ids.lock().unwrap();
                let mut work = vec![Vec::new(); at_once];
                for _ in 0..iterations {
                    for list in &mut work {
                        list.push(ids.next().unwrap());
                    }
                }
                work
            };
            runs_made += iterations * at_once as u64;
            let (cpu_before, began) = (cpu(), Instant::now());
            tokio.block_on(async {
                let tasks: Vec<_> = work
                    .into_iter()
                    .map(|list| {
                        let journal = journal.clone();
                        tokio::spawn(async move {
                            for id in list {
                                run(&journal, id).await;
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
            let elapsed = began.elapsed();
            wall += elapsed;
            cpu_used += cpu().saturating_sub(cpu_before);
            elapsed
        });
    });
    group.finish();
    let stats = store.journal_stats();
    if runs_made == 0 {
        return;
    }
    eprintln!(
        "{at_once} at once: {runs_made} runs, {:.0} runs/s, {:.1} appends a commit, {:.1} us CPU an event\n",
        runs_made as f64 / wall.as_secs_f64(),
        stats.appends as f64 / stats.commits as f64,
        cpu_used.as_secs_f64() * 1e6 / (runs_made * EVENTS) as f64,
    );
    tokio.block_on(store.close()).unwrap();
}

fn journal(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = folder();
    let mut file = std::fs::File::create(folder.path().join("floor")).unwrap();
    file.write_all(&vec![0; 4 << 20]).unwrap();
    criterion.bench_function("floor: write 4 KiB and fdatasync", |bencher| {
        bencher.iter(|| {
            file.rewind().unwrap();
            file.write_all(&[1; 4096]).unwrap();
            file.sync_data().unwrap();
        });
    });
    appenders(criterion, &tokio, 1);
    appenders(criterion, &tokio, 50);
}

/// From nothing to a store that takes appends, and what recovery asks first of one that was stopped in its work.
fn opening(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    criterion.bench_function("open an empty folder", |bencher| {
        bencher.iter_batched(
            folder,
            |folder| {
                let store = tokio.block_on(Store::open(folder.path(), StoreOptions::default())).unwrap();
                (folder, store)
            },
            BatchSize::PerIteration,
        );
    });

    let folder = folder();
    let store = tokio.block_on(Store::open(folder.path(), StoreOptions::default())).unwrap();
    let workspace = store.workspace(WorkspaceId::default());
    let unfinished: Vec<RunId> = ids().take(10_000).collect();
    tokio.block_on(async {
        let appends = unfinished.iter().map(|id| {
            let (journal, id) = (workspace.journal(), *id);
            tokio::spawn(async move { begin(&journal, id).await })
        });
        for task in appends.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    criterion.bench_function("find 10,000 runs to recover", |bencher| {
        bencher.iter(|| assert_eq!(tokio.block_on(workspace.runs().to_recover()).unwrap().len(), 10_000));
    });
    criterion.bench_function("read the events of one run", |bencher| {
        let mut next = unfinished.iter().cycle();
        bencher.iter(|| tokio.block_on(workspace.journal().read(*next.next().unwrap(), 0, 1000)).unwrap());
    });
    tokio.block_on(store.close()).unwrap();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(8)); targets = journal, opening }
criterion_main!(benches);
