//! The memory over a real store and a real index in folders of their own.

mod documents;
mod faults;
mod forget;
mod index;
mod meaning;
mod remote_faults;
mod remote_server;
mod scopes;
mod web;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::memory::index::{Filter, Indexed};
use crate::store::entries::{EntryKind, EntryScope, NewNote, Revision, Settled};
use crate::store::{Store, StoreOptions, WorkspaceId};

/// A memory in a folder, with a folder of documents beside it.
pub(super) struct Place {
    pub(super) memory: Memory,
    pub(super) store: Store,
    pub(super) folder: TempDir,
}

pub(super) async fn place() -> Place {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    let (store, memory) = open(folder.path()).await;
    Place { memory, store, folder }
}

pub(super) async fn open(folder: &Path) -> (Store, Memory) {
    let store = Store::open(folder.join("data"), StoreOptions::default()).await.unwrap();
    let entries = store.workspace(WorkspaceId::default()).entries();
    let index = Arc::new(EdgeIndex::new(&folder.join("data/index")));
    let clock = Arc::new(ManualClock::at(Timestamp(1_000)));
    let memory = Memory::new(entries, index, clock).unwrap();
    (store, memory)
}

/// A memory with this index.
pub(super) async fn place_with(index: Arc<dyn Index>) -> Place {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    let store = Store::open(folder.path().join("data"), StoreOptions::default()).await.unwrap();
    let entries = store.workspace(WorkspaceId::default()).entries();
    let memory = Memory::new(entries, index, Arc::new(ManualClock::at(Timestamp(1_000)))).unwrap();
    Place { memory, store, folder }
}

impl Place {
    pub(super) fn docs(&self) -> PathBuf {
        self.folder.path().join("docs")
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.docs().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(super) async fn remember(&self) -> Report {
        self.memory.remember(wanted(self.folder.path(), "docs"), |_| ()).await.unwrap()
    }

    pub(super) async fn recall(&self, query: &str) -> Vec<Hit> {
        self.memory.recall(query, &Filter::default(), 10).await.unwrap()
    }

    pub(super) async fn sources(&self, query: &str) -> Vec<String> {
        self.recall(query).await.into_iter().map(|hit| hit.source).collect()
    }

    /// Closes everything and opens it again, as the next start does.
    pub(super) async fn reopen(self) -> Self {
        drop(self.memory);
        self.store.close().await.unwrap();
        drop(self.store);
        let (store, memory) = open(self.folder.path()).await;
        Self { memory, store, ..self }
    }
}

pub(super) fn wanted(base: &Path, path: &str) -> Remember {
    Remember::of(vec![path.into()], base.to_owned())
}

pub(super) fn note(text: &str) -> NewNote {
    NewNote {
        scope: EntryScope::Workspace,
        source: "research".to_owned(),
        author: Some("research".to_owned()),
        heading: None,
        text: text.to_owned(),
        confidence: None,
        provenance: None,
        key: None,
    }
}

#[tokio::test]
async fn what_is_remembered_is_recalled_with_its_place_and_why() {
    let place = place().await;
    place.write("incident.md", "# Incident\n\nIntroduction.\n\n## Cause\n\nThe gateway ran out of\nconnections.\n");
    place.write("canteen.md", "# Canteen\n\nSoup is served from noon.\n");
    let report = place.remember().await;
    assert_eq!((report.added, report.entries, report.skipped.len()), (2, 2, 0), "{report:?}");

    let hits = place.recall("why did the gateway lose its connection?").await;
    assert_eq!(hits.len(), 1, "{hits:?}");
    let hit = &hits[0];
    assert_eq!(hit.source, "docs/incident.md");
    assert_eq!(hit.lines, Some(1..9));
    assert_eq!(hit.matched, ["gateway", "connection"]);
    assert!(hit.text.contains("ran out of\nconnections") && hit.score > 0.0 && !hit.note, "{hit:?}");
    assert_eq!(place.sources("served soup").await, ["docs/canteen.md"]);
    assert_eq!(place.sources("zeppelin").await, [""; 0]);
    assert_eq!(place.sources("").await, [""; 0]);
    assert_eq!(place.sources("the of and").await, [""; 0]);
}

#[tokio::test]
async fn rare_words_count_more_than_common_ones() {
    let place = place().await;
    for number in 0..20 {
        place.write(&format!("report{number}.txt"), format!("Report number {number} about the harvest of apples."));
    }
    place.write("quince.txt", "Report about the harvest of a single quince.");
    place.remember().await;
    assert_eq!(place.sources("report about the quince harvest").await[0], "docs/quince.txt");
    assert_eq!(place.memory.recall("harvest", &Filter::default(), 3).await.unwrap().len(), 3);
}

#[tokio::test]
async fn notes_are_recalled_at_once_and_made_once_by_key() {
    let place = place().await;
    let keyed = NewNote { key: Some("k1".to_owned()), ..note("The auditor prefers tables.") };
    let first = place.memory.note(keyed.clone()).await.unwrap();
    assert_eq!(place.memory.note(keyed).await.unwrap(), first);
    let hits = place.recall("auditor").await;
    assert_eq!(hits.len(), 1);
    assert!(hits[0].note && hits[0].source == "research" && hits[0].lines.is_none());

    let about = |text: &str| NewNote { heading: Some("budget".to_owned()), ..note(text) };
    place.memory.note(about("The budget is ten thousand.")).await.unwrap();
    place.memory.note(about("The budget is twelve thousand.")).await.unwrap();
    let hits = place.recall("budget").await;
    assert_eq!(hits.iter().map(|hit| hit.text.as_str()).collect::<Vec<_>>(), ["The budget is twelve thousand."]);
}

#[tokio::test]
async fn a_hit_says_what_else_was_noted_about_the_same() {
    let place = place().await;
    let about = |author: &str, text: &str, confidence| NewNote {
        source: author.to_owned(),
        heading: Some("budget".to_owned()),
        confidence,
        ..note(text)
    };
    let first = place.memory.note(about("research", "The budget is ten.", None)).await.unwrap();
    assert_eq!(first.conflict, None);
    let second = place.memory.note(about("analysis", "The budget is twelve.", None)).await.unwrap();
    let conflict = second.conflict.unwrap();
    assert_eq!((conflict.holds, conflict.others[0].id, conflict.others[0].settled.clone()), (None, first.id, None));
    let hits = place.recall("budget").await;
    assert_eq!(hits.len(), 2);
    assert!(hits.iter().all(|hit| hit.conflict.as_ref().unwrap().holds.is_none()), "{hits:?}");

    let gave_way = place.memory.settle(None, first.id, None, "qa", "see the minutes").await.unwrap();
    assert_eq!(gave_way, [second.id]);
    let hits = place.recall("budget").await;
    let conflict = hits[0].conflict.as_ref().unwrap();
    assert_eq!((hits.len(), conflict.holds), (1, Some(first.id)));
    let ruling = Settled::Ruling { by: "qa".to_owned(), reason: "see the minutes".to_owned() };
    assert_eq!(
        (conflict.others[0].text.as_str(), &conflict.others[0].settled),
        ("The budget is twelve.", &Some(ruling))
    );

    // One that is less sure than the note that holds gives way at once, and is told so.
    let third = place.memory.note(about("implementation", "The budget is one.", Some(5))).await.unwrap();
    assert_eq!(third.conflict.unwrap().holds, Some(first.id));
    assert_eq!(place.recall("budget").await[0].conflict.as_ref().unwrap().others.len(), 2);
}

#[tokio::test]
async fn an_open_contradiction_is_told_of_however_many_others_are_settled() {
    let place = place().await;
    let about = |author: &str, confidence| NewNote {
        source: author.to_owned(),
        heading: Some("budget".to_owned()),
        confidence,
        ..note(&format!("The budget is what {author} says."))
    };
    place.memory.note(about("one", Some(50))).await.unwrap();
    place.memory.note(about("two", Some(50))).await.unwrap();
    for number in 0..10 {
        place.memory.note(about(&format!("doubtful{number}"), Some(0))).await.unwrap();
    }
    for hit in place.recall("budget").await {
        let conflict = hit.conflict.unwrap();
        assert_eq!((conflict.holds, conflict.others.len()), (None, 7));
        assert!(conflict.others.iter().any(|rival| rival.settled.is_none()));
    }
}

#[tokio::test]
async fn what_a_run_remembers_for_itself_is_found_by_it_alone() {
    let place = place().await;
    let run = |n| EntryScope::Run(crate::store::fixtures::run_id(n));
    place.memory.note(NewNote { scope: run(1), ..note("A private plan about otters.") }).await.unwrap();
    place.memory.note(note("A public plan about otters.")).await.unwrap();
    let found = async |filter: Filter| place.memory.recall("otters", &filter, 10).await.unwrap().len();
    assert_eq!(found(Filter::default()).await, 1);
    assert_eq!(found(Filter::default().also(run(1))).await, 2);
    assert_eq!(found(Filter::default().also(run(2))).await, 1);
    assert_eq!(found(Filter { kinds: vec![EntryKind::Document], ..Filter::default() }).await, 0);
    assert_eq!(found(Filter { kinds: EntryKind::ALL.to_vec(), ..Filter::default() }).await, 1);
    let at = Some(Timestamp(1_000));
    assert_eq!(found(Filter { since: at, ..Filter::default() }).await, 1);
    assert_eq!(found(Filter { before: at, ..Filter::default() }).await, 0);
}

#[tokio::test]
async fn opening_a_memory_touches_no_index() {
    let place = place().await;
    assert!(!place.folder.path().join("data/index").exists());
    assert_eq!(place.memory.counts().await.unwrap(), EntryCounts::default());
    assert!(!place.folder.path().join("data/index").exists());
}

/// An entry that nothing is known of but whose it is.
pub(super) fn plain_entry(scope: EntryScope) -> crate::store::entries::Entry {
    crate::store::entries::Entry {
        id: EntryId(1),
        scope,
        kind: EntryKind::Document,
        source: "a.md".to_owned(),
        source_hash: None,
        position: None,
        heading: None,
        text: "Alpha.".to_owned(),
        created_at: Timestamp(0),
        author: None,
        provenance: None,
        version: 1,
        confidence: None,
        superseded_by: None,
        settled: None,
    }
}
