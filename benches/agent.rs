//! B2 and B3: an agent that calls its model, a tool, and its model again, with every reply and result on the disk.
//!
//! `cargo bench --bench agent` asks a model's server of the bench's own, as slow as theirs. `OURS=benches/peers/ours.json
//! run.py b2 b3` asks the mock of the side-by-side scripts, or any server that answers like it, at `$MOCK`.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops; what it prints is its result"
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use callboard::agents::{Company, RoleFolders, Roles};
use callboard::clock::SystemClock;
use callboard::engine::{Engine, Limits, Parts, Submission};
use callboard::executor::StepExecutor;
use callboard::memory::{EdgeIndex, Memory};
use callboard::model::{Models, OpenAi, OpenAiSettings};
use callboard::net::AddressRules;
use callboard::run::{Permit, Policy, RunStatus};
use callboard::store::{Store, StoreOptions, WorkspaceId};
use callboard::tools::{
    Caller, FilesRead, FilesWrite, Folder, HttpRequest, MemoryNote, MemorySearch, MemorySettle, Tool, ToolError, Tools,
};
use callboard::workflow::{CallEffect, Effect, ValidWorkflow};
use serde_json::{Value, json};
use support::provider::{Pace, provider};

const WORKFLOW: &str = r#"
name: sum
inputs:
  id: { type: integer }
steps:
  - { id: add, process: { agent: adder, goal: "What is 2 + 3? (run {{ inputs.id }})" } }
"#;

const ROLE: &str = "name: adder\ndescription: Adds.\nprompt: adder.md\ntools: [add]\nworkers: 1024\n";

/// Adds two numbers.
struct Add;

#[async_trait]
impl Tool for Add {
    fn name(&self) -> &str {
        "add"
    }
    fn description(&self) -> &str {
        "Adds two numbers."
    }
    fn parameters(&self) -> Value {
        json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "integer" } } })
    }
    fn worst(&self) -> Effect {
        Effect::Pure
    }
    fn effect(&self, _: &Value) -> CallEffect {
        CallEffect::of(Effect::Pure)
    }
    async fn call(&self, arguments: Value, _: Permit, _: &Caller) -> Result<Value, ToolError> {
        Ok(json!(arguments["a"].as_i64().unwrap_or(0) + arguments["b"].as_i64().unwrap_or(0)))
    }
}

fn main() {
    let load = support::Load::from_arguments(10);
    let bench = |mock: String, load| support::runtime().block_on(bench(&mock, load));
    if let Ok(mock) = std::env::var("MOCK") {
        println!("RESULT {}", bench(mock, load));
        return;
    }
    let own = |latency| format!("http://{}", provider(Pace { latency, gap: Duration::ZERO, pieces: 1 }));
    println!("B2: a model that takes 100 ms, called twice a run");
    bench(own(Duration::from_millis(100)), support::Load { warm: 10, phases: vec![(1, 40), (32, 320)], herd: 0 });
    println!("B3: 1,000 runs at once, a model that takes 5 s");
    bench(own(Duration::from_secs(5)), support::Load { warm: 4, phases: Vec::new(), herd: 1000 });
}

async fn bench(mock: &str, load: support::Load) -> Value {
    let folder = match std::env::var_os("BENCH_DATA") {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder");
    let begun = Instant::now();
    let (engine, store) = engine(folder.path(), mock).await;
    let workflow = support::workflow(&store, WORKFLOW).await;
    let ready = begun.elapsed().as_secs_f64();
    let floor = support::fsync_floor(folder.path(), 200).as_secs_f64() * 1e3;
    let doer = (engine.clone(), workflow.clone());
    let once = move |i| {
        let (engine, workflow) = doer.clone();
        async move { run_once(&engine, &workflow, i).await }
    };
    let warmed = support::closed_loop(4.min(load.warm.max(1)), load.warm, once.clone()).await;
    let mut phases = Vec::new();
    for (c, n) in load.phases {
        let before = store.journal_stats();
        let mut phase = support::closed_loop(c, n, once.clone()).await;
        phase["commits"] = json!(store.journal_stats().commits - before.commits);
        support::tell(&phase, floor);
        phases.push(phase);
    }
    let mut result = json!({
        "ready_s": ready, "phases": phases, "versions": { "callboard": env!("CARGO_PKG_VERSION") },
        "note": "D2, in process", "floor_ms": floor,
        "warm_failures": warmed["failures"], "warm_errors": warmed["errors"],
    });
    if load.herd > 0 {
        result["herd"] = support::herd(load.herd, once).await;
        let told = |name: &str| result["herd"][name].as_f64().unwrap_or(f64::NAN);
        println!(
            "  ended {:.2} s apart, {:.0} KB a run, {:.2} CPU-ms a run, failures {}",
            told("last_s") - told("first_s"),
            told("kb_per_run"),
            told("cpu_s") * 1e3 / load.herd as f64,
            result["herd"]["failures"],
        );
    }
    engine.stop().await;
    store.close().await.expect("the store closes");
    result
}

async fn engine(folder: &std::path::Path, mock: &str) -> (Engine, Store) {
    let store = Store::open(folder, StoreOptions::default()).await.expect("the folder opens");
    let workspace = store.workspace(WorkspaceId::default());
    let clock = Arc::new(SystemClock);
    let index = Arc::new(EdgeIndex::new(&folder.join("memory")));
    let memory = Memory::new(workspace.entries(), index, clock.clone()).expect("a memory");
    let files = Folder::new(folder.join("files"));
    let mut tools = Tools::new();
    tools.register(Arc::new(Add)).unwrap();
    // Those that the roles name that are built in.
    tools.register(Arc::new(MemorySearch::new(memory.clone()))).unwrap();
    tools.register(Arc::new(MemoryNote::new(memory.clone()))).unwrap();
    tools.register(Arc::new(MemorySettle::new(memory))).unwrap();
    tools.register(Arc::new(FilesRead::new(files.clone()))).unwrap();
    tools.register(Arc::new(FilesWrite::new(files))).unwrap();
    tools.register(Arc::new(HttpRequest::new(AddressRules::default()))).unwrap();
    let tools = Arc::new(tools);
    std::fs::write(folder.join("adder.yaml"), ROLE).unwrap();
    std::fs::write(folder.join("adder.md"), "You add numbers with the tool.").unwrap();
    let folders = RoleFolders { agents: vec![folder.to_owned()], prompts: vec![folder.to_owned()] };
    let model = OpenAi::new(&OpenAiSettings {
        base_url: format!("{mock}/v1"),
        model: "mock".to_owned(),
        key: Some("sk-mock".into()),
        timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
    });
    let models = Models::only(Arc::new(model.expect("a client")));
    let company = Company::start(Roles::load(&folders).unwrap(), &models, tools.clone()).await.unwrap();
    let engine = Engine::start(Parts {
        journal: Arc::new(workspace.journal()),
        workspace,
        clock,
        executor: Arc::new(StepExecutor::new(company, models, tools)),
        limits: Limits { stop_grace: Duration::from_millis(200), ..Limits::default() },
        policy: Policy::default(),
    });
    (engine.await.expect("the engine starts"), store)
}

async fn run_once(engine: &Engine, workflow: &Arc<ValidWorkflow>, i: usize) -> Result<(), String> {
    let mut submission = Submission::of(workflow.clone());
    submission.inputs.insert("id".into(), json!(i));
    let run = engine.submit(submission).await.map_err(|error| error.to_string())?;
    let summary = engine.wait_for_end(run).await.map_err(|error| error.to_string())?;
    let is_right = summary.status == RunStatus::Completed
        && summary.result.as_ref().is_some_and(|result| result.to_string().contains("sum is 5"));
    if is_right { Ok(()) } else { Err(format!("{summary:?}")) }
}
