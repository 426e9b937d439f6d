//! Crashes, lost and spoilt indexes: nothing that SQL holds is lost.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::*;
use crate::memory::index::{Held, Index, IndexError, Meaning, Query};

#[tokio::test]
async fn the_next_start_finds_what_was_remembered() {
    let place = place().await;
    place.write("a.md", "Alpha is here.");
    place.remember().await;
    place.memory.note(note("A note that no index has seen.")).await.unwrap();
    let place = place.reopen().await;
    assert_eq!(place.sources("alpha").await, ["docs/a.md"]);
    assert_eq!(place.sources("seen index").await, ["research"]);
}

#[tokio::test]
async fn a_lost_index_is_made_again() {
    let place = place().await;
    place.write("a.md", "Alpha is here.");
    place.remember().await;
    let index = place.folder.path().join("data/index");
    let place = place.reopen().await;
    std::fs::remove_dir_all(&index).unwrap();
    assert_eq!(place.sources("alpha").await, ["docs/a.md"]);
}

#[tokio::test]
async fn a_spoilt_index_is_made_again() {
    for file in ["edge-4/shard/edge_config.json", "edge-4/held"] {
        let place = place().await;
        place.write("a.md", "Alpha is here.");
        place.remember().await;
        let spoilt = place.folder.path().join("data/index").join(file);
        let place = place.reopen().await;
        std::fs::write(&spoilt, "\u{0}\u{1}").unwrap();
        assert_eq!(place.sources("alpha").await, ["docs/a.md"], "{file}");
    }
}

#[tokio::test]
async fn an_index_from_a_backup_that_is_too_old_or_too_new_is_made_again() {
    for held in ["0", "999"] {
        let place = place().await;
        place.write("a.md", "Alpha is here.");
        place.remember().await;
        let file = place.folder.path().join("data/index/edge-4/held");
        let place = place.reopen().await;
        std::fs::write(&file, held).unwrap();
        assert_eq!(place.sources("alpha").await, ["docs/a.md"]);
        place.write("b.md", "Beta came later.");
        place.remember().await;
        assert_eq!(place.sources("beta").await, ["docs/b.md"], "held {held}");
    }
}

#[tokio::test]
async fn rebuilding_gives_the_same_answers() {
    let place = place().await;
    for number in 1..=30 {
        let text = format!("# Otter {number}\n\nOtter number {number} likes {}and rivers.", "fish ".repeat(number));
        place.write(&format!("{number}.md"), text);
    }
    place.remember().await;
    place.write("30.md", "Nothing about them any more.");
    place.remember().await;
    let before: Vec<EntryId> = place.recall("fish").await.iter().map(|hit| hit.id).collect();
    assert_eq!(before.len(), 10);
    assert_eq!(place.memory.rebuild().await.unwrap(), 30);
    let after: Vec<EntryId> = place.recall("fish").await.iter().map(|hit| hit.id).collect();
    assert_eq!(after, before);
}

/// An index that fails when told to, at the worst moment: after it has taken what it was given.
struct Failing {
    inner: EdgeIndex,
    fails: AtomicBool,
}

#[async_trait]
impl Index for Failing {
    async fn held(&self) -> Result<Option<Held>, IndexError> {
        self.inner.held().await
    }
    async fn apply(&self, added: Vec<Indexed>, gone: Vec<EntryId>) -> Result<(), IndexError> {
        self.inner.apply(added, gone).await?;
        if self.fails.load(Ordering::SeqCst) { Err(IndexError::Unavailable("no room".to_owned())) } else { Ok(()) }
    }
    async fn commit(&self, revision: Revision) -> Result<(), IndexError> {
        self.inner.commit(revision).await
    }
    async fn clear(&self) -> Result<(), IndexError> {
        self.inner.clear().await
    }
    async fn search(&self, query: Query, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, IndexError> {
        self.inner.search(query, filter, limit).await
    }
    async fn count(&self, lacking: Option<&Meaning>) -> Result<u64, IndexError> {
        self.inner.count(lacking).await
    }
    async fn page(
        &self,
        lacking: Option<&Meaning>,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>, IndexError> {
        self.inner.page(lacking, after, limit).await
    }
    async fn meanings(&self) -> Result<Vec<Meaning>, IndexError> {
        self.inner.meanings().await
    }
    async fn add_meaning(&self, meaning: &Meaning) -> Result<(), IndexError> {
        self.inner.add_meaning(meaning).await
    }
    async fn drop_meaning(&self, meaning: &Meaning) -> Result<(), IndexError> {
        self.inner.drop_meaning(meaning).await
    }
    async fn give_meaning(&self, meaning: &Meaning, vectors: Vec<(EntryId, Vec<f32>)>) -> Result<(), IndexError> {
        self.inner.give_meaning(meaning, vectors).await
    }
}

#[tokio::test]
async fn what_the_index_could_not_take_is_given_to_it_later() {
    let place = place().await;
    let inner = EdgeIndex::new(&place.folder.path().join("failing"));
    let index = Arc::new(Failing { inner, fails: AtomicBool::new(false) });
    let entries = place.store.workspace(WorkspaceId::default()).entries();
    let memory = Memory::new(entries, index.clone(), Arc::new(ManualClock::at(Timestamp(0)))).unwrap();
    place.write("a.md", "Alpha is here.");
    memory.remember(wanted(place.folder.path(), "docs"), |_| ()).await.unwrap();

    index.fails.store(true, Ordering::SeqCst);
    place.write("b.md", "Beta came when there was no room.");
    let error = memory.remember(wanted(place.folder.path(), "docs"), |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    assert!(memory.recall("alpha", &Filter::default(), 5).await.is_err());

    index.fails.store(false, Ordering::SeqCst);
    let found = memory.recall("alpha beta", &Filter::default(), 5).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(index.count(None).await.unwrap(), 2);
}
