//! The main job, whole: a company of real agents, real tools and a real store turn the example documents into a brief
//! that cites them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callboard::agents::{Company, Roles};
use callboard::clock::{SystemClock, Timestamp};
use callboard::engine::{Engine, Limits, Parts, Submission};
use callboard::executor::StepExecutor;
use callboard::memory::{EdgeIndex, Memory, Remember};
use callboard::model::Models;
use callboard::net::AddressRules;
use callboard::run::{Policy, Recorded, RunEvent, RunId, RunStatus};
use callboard::store::{Store, StoreError, StoreOptions, WorkspaceId};
use callboard::tools::{FilesRead, FilesWrite, Folder, HttpRequest, MemoryNote, MemorySearch, MemorySettle, Tools};
use callboard::workflow::ValidWorkflow;
use futures::StreamExt;

/// A data folder with everything that works on it.
struct Whole {
    folder: tempfile::TempDir,
    store: Store,
    memory: Memory,
    company: Company,
    engine: Engine,
}

impl Whole {
    async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    async fn open(folder: tempfile::TempDir) -> Self {
        // What was in flight lets go of the folder a moment later.
        let until = std::time::Instant::now() + Duration::from_secs(20);
        let store = loop {
            match Store::open(folder.path().join("data"), StoreOptions::default()).await {
                Err(StoreError::Owned { .. }) if std::time::Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                store => break store.unwrap(),
            }
        };
        let workspace = store.workspace(WorkspaceId::default());
        let clock = Arc::new(SystemClock);
        let index = Arc::new(EdgeIndex::new(&folder.path().join("data/index")));
        let memory = Memory::new(workspace.entries(), index, clock.clone()).unwrap();
        let files = Folder::new(folder.path().join("files"));
        let mut tools = Tools::new();
        tools.register(Arc::new(MemorySearch::new(memory.clone()))).unwrap();
        tools.register(Arc::new(MemoryNote::new(memory.clone()))).unwrap();
        tools.register(Arc::new(MemorySettle::new(memory.clone()))).unwrap();
        tools.register(Arc::new(FilesRead::new(files.clone()))).unwrap();
        tools.register(Arc::new(FilesWrite::new(files))).unwrap();
        tools.register(Arc::new(HttpRequest::new(AddressRules::default()))).unwrap();
        let (tools, models) = (Arc::new(tools), Models::offline());
        let company = Company::start(Roles::built_in().unwrap(), &models, tools.clone()).await.unwrap();
        let parts = Parts {
            journal: Arc::new(workspace.journal()),
            workspace,
            clock,
            executor: Arc::new(StepExecutor::new(company.clone(), models, tools)),
            limits: Limits { stop_grace: Duration::ZERO, ..Limits::default() },
            policy: Policy::default(),
        };
        let engine = Engine::start(parts).await.unwrap();
        Self { folder, store, memory, company, engine }
    }

    /// The process goes away with all that it had in flight.
    async fn close(self) -> tempfile::TempDir {
        let Self { folder, store, memory, company, engine } = self;
        engine.stop().await;
        company.stop(Duration::ZERO).await;
        drop((engine, company, memory));
        store.close().await.unwrap();
        folder
    }

    /// The process goes away, and another opens the folder.
    async fn restart(self) -> Self {
        Self::open(self.close().await).await
    }

    async fn remember(&self, documents: &Path) {
        let wanted = Remember::of(vec![documents.to_owned()], documents.to_owned());
        let report = self.memory.remember(wanted, |_| ()).await.unwrap();
        assert!(report.added >= 8 && report.skipped.is_empty(), "{report:?}");
    }

    async fn begin_brief(&self) -> RunId {
        let text = fs::read_to_string(root().join("examples/brief.yaml")).unwrap();
        let workflow = ValidWorkflow::pinned(&text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let workflows = self.store.workspace(WorkspaceId::default()).workflows();
        workflows.save("brief", workflow.hash(), &text, Timestamp(0)).await.unwrap();
        let mut submission = Submission::of(Arc::new(workflow));
        submission.pins = self.company.roles().pins();
        self.engine.submit(submission).await.unwrap()
    }

    async fn end(&self, run: RunId) -> String {
        let end = tokio::time::timeout(Duration::from_mins(1), self.engine.wait(run)).await.unwrap().unwrap();
        assert_eq!(end.status, RunStatus::Completed, "{end:#?}");
        let brief = fs::read_to_string(self.folder.path().join("files/brief.md")).unwrap();
        assert_eq!(end.result, Some(brief.clone().into()));
        brief
    }

    async fn events(&self, run: RunId) -> Vec<Recorded> {
        self.engine.subscribe(run, 0).map(Result::unwrap).collect().await
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> PathBuf {
    root().join("examples/documents")
}

/// A text as words, without marks of any markup.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || "*`_#|<>/“”\"".contains(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The ids in square brackets: `[F1, F4]`.
fn cited(text: &str) -> BTreeSet<String> {
    let brackets = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    let ids = brackets.flat_map(|(inside, _)| inside.split(", "));
    ids.filter(|id| id.strip_prefix('F').is_some_and(|n| n.parse::<u32>().is_ok())).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_agents_write_a_brief_whose_every_source_is_real() {
    let whole = Whole::new().await;
    whole.remember(&documents()).await;
    let run = whole.begin_brief().await;
    let brief = whole.end(run).await;
    assert!(!brief.contains("disagree"), "the sources do not contradict each other: {brief}");

    let (text, sources) = brief.split_once("## Sources").unwrap_or_else(|| panic!("no sources:\n{brief}"));
    assert!(text.starts_with("# "), "{brief}");
    assert!(text.contains("CONCURRENTLY") && text.contains("27,400 euros"), "what matters is missing:\n{brief}");
    assert!(cited(text).len() >= 4, "{brief}");
    assert_eq!(cited(text), cited(sources), "what is cited is listed:\n{brief}");
    for line in sources.lines().filter(|line| line.contains("[F")) {
        let (source, quote) = line.split_once('“').unwrap_or_else(|| panic!("no quote: {line}"));
        let file = source.split_whitespace().nth(2).unwrap().split(':').next().unwrap();
        let document = fs::read_to_string(documents().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(plain(&document).contains(&plain(quote)), "{file} does not say {quote}");
    }

    let events = whole.events(run).await;
    let asked: BTreeSet<&str> = events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            RunEvent::CallReturned { step, tool, .. } if tool == "model:offline" => Some(step.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(asked, BTreeSet::from(["gather", "analyse", "write", "check"]));
    let RunEvent::Created { pins, .. } = &events[0].event else { panic!("{:?}", events[0]) };
    assert_eq!(pins.keys().filter(|key| key.starts_with("prompt:")).count(), 4);
    whole.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brief_that_is_interrupted_again_and_again_is_the_same_and_is_paid_for_once() {
    let mut whole = Whole::new().await;
    whole.remember(&documents()).await;
    let undisturbed = whole.begin_brief().await;
    let expected = whole.end(undisturbed).await;
    let events = whole.events(undisturbed).await.len();
    fs::remove_file(whole.folder.path().join("files/brief.md")).unwrap();

    let run = whole.begin_brief().await;
    for reached in (2..events as u64).step_by(5) {
        let mut seen = Box::pin(whole.engine.subscribe(run, 0));
        while let Some(recorded) = seen.next().await {
            if recorded.unwrap().seq >= reached {
                break;
            }
        }
        drop(seen);
        whole = whole.restart().await;
    }
    assert_eq!(whole.end(run).await, expected);
    let mut returned = BTreeMap::new();
    for recorded in whole.events(run).await {
        if let RunEvent::CallReturned { key, tool, .. } = recorded.event {
            assert_eq!(returned.insert(key, tool.clone()), None, "{tool} was paid for twice");
        }
    }
    whole.close().await;
}
