//! What every index must do: one suite, run against each of them.

use super::*;
use crate::memory::bm25::Sparse;
use crate::memory::index::{Index, IndexError};

/// An index and how it is opened again.
trait Backend {
    type Of: Index;
    fn open(folder: &Path) -> Self::Of;
}

struct Edge;

impl Backend for Edge {
    type Of = EdgeIndex;
    fn open(folder: &Path) -> EdgeIndex {
        EdgeIndex::new(folder)
    }
}

fn sparse(terms: &[(u32, f32)]) -> Sparse {
    Sparse { indices: terms.iter().map(|term| term.0).collect(), values: terms.iter().map(|term| term.1).collect() }
}

fn entry(id: u64, terms: &[(u32, f32)]) -> Indexed {
    Indexed {
        id: EntryId(id),
        scope: EntryScope::Workspace,
        kind: EntryKind::Document,
        at: Timestamp(0),
        words: sparse(terms),
    }
}

async fn found(index: &impl Index, terms: &[u32]) -> Vec<u64> {
    let query = sparse(&terms.iter().map(|term| (*term, 1.0)).collect::<Vec<_>>());
    let hits = index.search(query, &Filter::default(), 10).await.unwrap();
    assert!(hits.windows(2).all(|two| two[0].1 >= two[1].1), "best first: {hits:?}");
    hits.into_iter().map(|(id, _)| id.0).collect()
}

async fn it_finds_replaces_and_removes<B: Backend>() {
    let folder = TempDir::new().unwrap();
    let index = B::open(folder.path());
    assert_eq!(index.held().await.unwrap(), None);
    assert_eq!(found(&index, &[1]).await, [0; 0]);
    index
        .apply(vec![entry(1, &[(1, 1.0), (2, 1.0)]), entry(2, &[(1, 2.0)]), entry(3, &[(3, 1.0)])], Vec::new())
        .await
        .unwrap();
    assert_eq!(found(&index, &[1]).await, [2, 1]);
    assert_eq!(found(&index, &[3, 99]).await, [3]);
    index.apply(vec![entry(2, &[(4, 1.0)])], vec![EntryId(3), EntryId(77)]).await.unwrap();
    assert_eq!(found(&index, &[1]).await, [1]);
    assert_eq!(found(&index, &[3]).await, [0; 0]);
    assert_eq!(found(&index, &[4]).await, [2]);
    assert_eq!(index.count().await.unwrap(), 2);
    index.apply(Vec::new(), Vec::new()).await.unwrap();
    assert_eq!(index.search(Sparse::default(), &Filter::default(), 10).await.unwrap(), []);
}

async fn it_keeps_what_was_committed<B: Backend>() {
    let folder = TempDir::new().unwrap();
    let index = B::open(folder.path());
    index.held().await.unwrap();
    index.apply((1..=300).map(|id| entry(id, &[(1, 1.0)])).collect(), Vec::new()).await.unwrap();
    index.commit(Revision(300)).await.unwrap();
    assert_eq!(index.held().await.unwrap(), Some(Revision(300)));
    drop(index);
    for round in 0..3 {
        let index = B::open(folder.path());
        assert_eq!(index.held().await.unwrap(), Some(Revision(300 + round)));
        assert_eq!(index.count().await.unwrap(), 300 + round);
        index.apply(vec![entry(1000 + round, &[(7, 1.0)])], Vec::new()).await.unwrap();
        index.commit(Revision(301 + round)).await.unwrap();
    }
    let index = B::open(folder.path());
    assert_eq!(found(&index, &[7]).await.len(), 3);
}

async fn it_does_not_vouch_for_what_was_not_committed<B: Backend>() {
    let folder = TempDir::new().unwrap();
    let index = B::open(folder.path());
    index.held().await.unwrap();
    index.apply(vec![entry(1, &[(1, 1.0)])], Vec::new()).await.unwrap();
    index.commit(Revision(1)).await.unwrap();
    index.apply(vec![entry(2, &[(1, 1.0)])], Vec::new()).await.unwrap();
    assert_eq!(index.held().await.unwrap(), None, "half of a change is none");
}

async fn it_can_be_cleared<B: Backend>() {
    let folder = TempDir::new().unwrap();
    let index = B::open(folder.path());
    index.clear().await.unwrap();
    index.apply(vec![entry(1, &[(1, 1.0)])], Vec::new()).await.unwrap();
    index.commit(Revision(5)).await.unwrap();
    index.clear().await.unwrap();
    assert_eq!(index.held().await.unwrap(), None);
    assert_eq!(index.count().await.unwrap(), 0);
    index.apply(vec![entry(1, &[(2, 1.0)])], Vec::new()).await.unwrap();
    assert_eq!(found(&index, &[2]).await, [1]);
}

async fn it_can_be_asked_while_it_changes<B: Backend>() {
    let folder = TempDir::new().unwrap();
    let index = Arc::new(B::open(folder.path()));
    index.held().await.unwrap();
    index.apply(vec![entry(1, &[(1, 9.0)])], Vec::new()).await.unwrap();
    let asking = tokio::spawn({
        let index = index.clone();
        async move {
            for _ in 0..50 {
                assert!(found(&*index, &[1]).await.contains(&1));
            }
        }
    });
    for round in 0..10 {
        index.apply((2..50).map(|id| entry(id, &[(1, 1.0), (100 + round, 1.0)])).collect(), Vec::new()).await.unwrap();
        index.commit(Revision(u64::from(round))).await.unwrap();
    }
    asking.await.unwrap();
}

macro_rules! suite {
    ($module:ident, $backend:ty) => {
        mod $module {
            use super::*;

            #[tokio::test]
            async fn finds_replaces_and_removes() {
                it_finds_replaces_and_removes::<$backend>().await;
            }
            #[tokio::test]
            async fn keeps_what_was_committed() {
                it_keeps_what_was_committed::<$backend>().await;
            }
            #[tokio::test]
            async fn does_not_vouch_for_what_was_not_committed() {
                it_does_not_vouch_for_what_was_not_committed::<$backend>().await;
            }
            #[tokio::test]
            async fn can_be_cleared() {
                it_can_be_cleared::<$backend>().await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn can_be_asked_while_it_changes() {
                it_can_be_asked_while_it_changes::<$backend>().await;
            }
        }
    };
}

suite!(edge, Edge);

#[tokio::test]
async fn an_edge_that_cannot_be_read_says_that_it_is_broken() {
    let folder = TempDir::new().unwrap();
    let index = EdgeIndex::new(folder.path());
    index.apply(vec![entry(1, &[(1, 1.0)])], Vec::new()).await.unwrap();
    index.commit(Revision(1)).await.unwrap();
    drop(index);
    let config = folder.path().join("edge-4/shard/edge_config.json");
    std::fs::write(config, "{").unwrap();
    let error = EdgeIndex::new(folder.path()).held().await.unwrap_err();
    assert!(matches!(error, IndexError::Broken(_)), "{error:?}");
}

#[tokio::test]
async fn an_edge_in_another_format_is_removed_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    for name in ["edge-1/shard", "edge-2/shard", "edge-old", "other-2"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("edge-2/shard/data"), "x").unwrap();
    std::fs::write(folder.path().join("edge-0"), "a file").unwrap();
    let names = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let index = EdgeIndex::new(folder.path());
    assert_eq!(names().len(), 5, "nothing is touched before it is used");
    index.apply(vec![entry(1, &[(1, 1.0)])], Vec::new()).await.unwrap();
    index.commit(Revision(1)).await.unwrap();
    assert_eq!(names(), ["edge-0", "edge-4", "edge-old", "other-2"]);
    drop(index);

    // Also when the shard was there before.
    std::fs::create_dir(folder.path().join("edge-2")).unwrap();
    let index = EdgeIndex::new(folder.path());
    assert_eq!(index.held().await.unwrap(), Some(Revision(1)));
    assert_eq!((names().len(), found(&index, &[1]).await), (4, vec![1]));
}
