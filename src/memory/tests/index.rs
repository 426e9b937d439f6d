//! What every index must do: one suite, run against each of them.

use super::remote_server::RemoteBackend;
use super::*;
use crate::memory::bm25::Sparse;
use crate::memory::index::{Held, Index, IndexError, Meaning, Query};

/// Where indexes are kept.
#[async_trait::async_trait]
pub(super) trait Backend: Sized + Send + Sync {
    /// An empty place.
    async fn begin() -> Self;
    /// The index of a workspace; opened again, it is the same.
    fn open(&self, workspace: &str) -> Arc<dyn Index>;
}

struct Edge(TempDir);

#[async_trait::async_trait]
impl Backend for Edge {
    async fn begin() -> Self {
        Self(TempDir::new().unwrap())
    }
    fn open(&self, workspace: &str) -> Arc<dyn Index> {
        Arc::new(EdgeIndex::new(&self.0.path().join(workspace)))
    }
}

fn sparse(terms: &[(u32, f32)]) -> Sparse {
    Sparse { indices: terms.iter().map(|term| term.0).collect(), values: terms.iter().map(|term| term.1).collect() }
}

fn term(number: u64) -> u32 {
    u32::try_from(number).unwrap()
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

fn ids(found: Vec<(EntryId, f32)>) -> Vec<u64> {
    assert!(found.windows(2).all(|two| two[0].1 >= two[1].1), "best first: {found:?}");
    found.into_iter().map(|(id, _)| id.0).collect()
}

async fn found_by(index: &dyn Index, terms: &[u32], filter: &Filter) -> Vec<u64> {
    let query = sparse(&terms.iter().map(|term| (*term, 1.0)).collect::<Vec<_>>());
    ids(index.search(Query::Words(query), filter, 10).await.unwrap())
}

async fn found(index: &dyn Index, terms: &[u32]) -> Vec<u64> {
    found_by(index, terms, &Filter::default()).await
}

fn meaning(embedder: &str, dimensions: usize) -> Meaning {
    Meaning { embedder: embedder.to_owned(), dimensions }
}

async fn near(index: &dyn Index, meaning: &Meaning, vector: &[f32]) -> Vec<u64> {
    let query = Query::Meaning(meaning.clone(), vector.to_vec());
    ids(index.search(query, &Filter::default(), 10).await.unwrap())
}

async fn finds_replaces_and_removes<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    assert_eq!(index.held().await.unwrap(), None);
    assert_eq!(found(&*index, &[1]).await, [0; 0]);
    let added = || vec![entry(1, &[(1, 1.0), (2, 1.0)]), entry(2, &[(1, 2.0)]), entry(3, &[(3, 1.0)])];
    index.apply(added(), Vec::new()).await.unwrap();
    assert_eq!(found(&*index, &[1]).await, [2, 1]);
    assert_eq!(found(&*index, &[3, 99]).await, [3]);
    // The same again changes nothing.
    index.apply(added(), Vec::new()).await.unwrap();
    assert_eq!((found(&*index, &[1]).await, index.count(None).await.unwrap()), (vec![2, 1], 3));

    index.apply(vec![entry(2, &[(4, 1.0)])], vec![EntryId(3), EntryId(77)]).await.unwrap();
    assert_eq!(found(&*index, &[1]).await, [1]);
    assert_eq!(found(&*index, &[3]).await, [0; 0]);
    assert_eq!(found(&*index, &[4]).await, [2]);
    assert_eq!(index.count(None).await.unwrap(), 2);
}

async fn takes_odd_inputs<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    index.held().await.unwrap();
    index.apply(Vec::new(), Vec::new()).await.unwrap();
    index.apply(Vec::new(), vec![EntryId(1), EntryId(1)]).await.unwrap();
    index.apply(vec![entry(1, &[]), entry((1 << 40) - 1, &[(u32::MAX, 1e-6)])], Vec::new()).await.unwrap();
    assert_eq!(index.count(None).await.unwrap(), 2, "what has no words is held");
    assert_eq!(found(&*index, &[u32::MAX]).await, [(1 << 40) - 1]);
    let search =
        async |query: Sparse, filter: &Filter, limit| index.search(Query::Words(query), filter, limit).await.unwrap();
    assert_eq!(search(Sparse::default(), &Filter::default(), 10).await, []);
    assert_eq!(search(sparse(&[(u32::MAX, 1.0)]), &Filter::default(), 0).await, []);
    let nobody = Filter { scopes: Vec::new(), ..Filter::default() };
    assert_eq!(search(sparse(&[(u32::MAX, 1.0)]), &nobody, 10).await, [], "what nobody remembers is not found");
    assert_eq!(near(&*index, &meaning("a/b", 3), &[1.0, 0.0, 0.0]).await, [0; 0], "there is no such meaning");
}

async fn filters_one_by_one_and_together<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    index.held().await.unwrap();
    let run = |n| EntryScope::Run(crate::store::fixtures::run_id(n));
    let scopes = [EntryScope::Workspace, run(1), run(2)];
    let mut entries = Vec::new();
    for (s, scope) in scopes.iter().enumerate() {
        for (k, kind) in EntryKind::ALL.into_iter().enumerate() {
            for time in 0..3_i64 {
                let id = 100 * (s as u64 + 1) + 10 * (k as u64 + 1) + u64::try_from(time).unwrap();
                let at = Timestamp(1_700_000_000_000 + time);
                entries.push(Indexed { scope: scope.clone(), kind, at, ..entry(id, &[(1, 1.0)]) });
            }
        }
    }
    let all = entries.clone();
    index.apply(entries, Vec::new()).await.unwrap();
    let time = |n: i64| Timestamp(1_700_000_000_000 + n);
    for wanted_scopes in [vec![0], vec![1], vec![0, 2], vec![0, 1, 2]] {
        for kinds in [vec![], vec![EntryKind::Note], EntryKind::ALL.to_vec()] {
            for (since, before) in [(None, None), (Some(1), None), (None, Some(1)), (Some(1), Some(2)), (Some(9), None)]
            {
                let filter = Filter {
                    scopes: wanted_scopes.iter().map(|n: &usize| scopes[*n].clone()).collect(),
                    kinds: kinds.clone(),
                    since: since.map(time),
                    before: before.map(time),
                };
                let fits = |entry: &&Indexed| {
                    filter.scopes.contains(&entry.scope)
                        && (kinds.is_empty() || kinds.contains(&entry.kind))
                        && filter.since.is_none_or(|since| entry.at >= since)
                        && filter.before.is_none_or(|before| entry.at < before)
                };
                let mut expected: Vec<u64> = all.iter().filter(fits).map(|entry| entry.id.0).collect();
                let query = Query::Words(sparse(&[(1, 1.0)]));
                let mut found = ids(index.search(query, &filter, 100).await.unwrap());
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected, "{filter:?}");
            }
        }
    }
}

async fn workspaces_never_see_each_other<B: Backend>() {
    let backend = B::begin().await;
    let (one, other) = (backend.open("one"), backend.open("other"));
    one.held().await.unwrap();
    other.held().await.unwrap();
    let kind = meaning("a/b", 2);
    for (index, term) in [(&one, 1), (&other, 2)] {
        index.apply(vec![entry(1, &[(term, 1.0), (9, 1.0)]), entry(2, &[(9, 1.0)])], Vec::new()).await.unwrap();
        index.add_meaning(&kind).await.unwrap();
        index.give_meaning(&kind, vec![(EntryId(u64::from(term)), vec![1.0, 0.0])]).await.unwrap();
        index.commit(Revision(u64::from(term))).await.unwrap();
    }
    assert_eq!((found(&*one, &[1]).await, found(&*one, &[2]).await), (vec![1], vec![]));
    assert_eq!((near(&*one, &kind, &[1.0, 0.0]).await, near(&*other, &kind, &[1.0, 0.0]).await), (vec![1], vec![2]));
    assert_eq!(one.count(Some(&kind)).await.unwrap(), 1);
    one.apply(Vec::new(), vec![EntryId(1), EntryId(2)]).await.unwrap();
    assert_eq!((one.count(None).await.unwrap(), other.count(None).await.unwrap()), (0, 2));
    one.clear().await.unwrap();
    assert_eq!(other.held().await.unwrap().map(|held| held.revision), Some(Revision(2)));
    assert_eq!((found(&*other, &[2, 9]).await, near(&*other, &kind, &[1.0, 0.0]).await), (vec![1, 2], vec![2]));
}

async fn ranks_by_meaning<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    index.held().await.unwrap();
    index.apply((1..=5).map(|id| entry(id, &[(1, 1.0)])).collect(), Vec::new()).await.unwrap();
    let (old, new) = (meaning("openai/old", 3), meaning("ollama/new:latest", 2));
    index.add_meaning(&old).await.unwrap();
    index.add_meaning(&old).await.unwrap();
    assert_eq!(index.count(Some(&old)).await.unwrap(), 5);
    let vectors = [(1, [1.0, 0.0, 0.0]), (2, [0.9, 0.1, 0.0]), (3, [0.0, 5.0, 0.0]), (99, [1.0, 0.0, 0.0])];
    let given = vectors.iter().map(|(id, vector)| (EntryId(*id), vector.to_vec())).collect();
    index.give_meaning(&old, given).await.unwrap();
    let query = Query::Meaning(old.clone(), vec![2.0, 0.0, 0.0]);
    let scored = index.search(query, &Filter::default(), 10).await.unwrap();
    let expected = [(1, 1.0), (2, 0.9939), (3, 0.0)];
    assert_eq!(scored.len(), 3, "{scored:?}");
    for ((id, score), (expected_id, expected)) in scored.iter().zip(expected) {
        assert!(id.0 == expected_id && (score - expected).abs() < 0.01, "{scored:?}");
    }
    assert_eq!(index.page(Some(&old), None, 10).await.unwrap(), [EntryId(4), EntryId(5)]);

    assert_eq!(index.meanings().await.unwrap(), std::slice::from_ref(&old));
    // Another embedder's vectors stand beside them.
    index.add_meaning(&new).await.unwrap();
    index.give_meaning(&new, vec![(EntryId(3), vec![1.0, 0.0]), (EntryId(4), vec![0.0, 1.0])]).await.unwrap();
    assert_eq!(
        (near(&*index, &new, &[1.0, 0.2]).await, near(&*index, &old, &[1.0, 0.0, 0.0]).await),
        (vec![3, 4], vec![1, 2, 3])
    );
    assert_eq!(found(&*index, &[1]).await.len(), 5);
    index.commit(Revision(1)).await.unwrap();
    drop(index);
    let index = backend.open("one");
    index.held().await.unwrap();
    assert_eq!(near(&*index, &old, &[1.0, 0.0, 0.0]).await, [1, 2, 3]);
    index.drop_meaning(&old).await.unwrap();
    index.drop_meaning(&old).await.unwrap();
    assert_eq!(index.meanings().await.unwrap(), std::slice::from_ref(&new));
    assert_eq!(near(&*index, &new, &[1.0, 0.2]).await, [3, 4]);
    // An entry that is replaced waits again.
    index.apply(vec![entry(3, &[(1, 1.0)])], Vec::new()).await.unwrap();
    assert_eq!(near(&*index, &new, &[1.0, 0.2]).await, [4]);
}

async fn pages_past_what_is_held_at_once<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    index.held().await.unwrap();
    for from in [1_u64, 301, 601] {
        index
            .apply((from..from + 300).map(|id| entry(id, &[(1, 1.0), (term(id) + 10, 1.0)])).collect(), Vec::new())
            .await
            .unwrap();
    }
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let page = index.page(None, after, 128).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        all.extend(page.iter().map(|id| id.0));
    }
    assert_eq!(all, (1..=900).collect::<Vec<u64>>());
    let search =
        async |limit| index.search(Query::Words(sparse(&[(1, 1.0)])), &Filter::default(), limit).await.unwrap();
    assert_eq!((search(7).await.len(), search(500).await.len(), search(5_000).await.len()), (7, 500, 900));
    assert_eq!(found(&*index, &[910]).await, [900]);
    assert_eq!(index.count(None).await.unwrap(), 900);
}

async fn keeps_what_was_committed<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    index.held().await.unwrap();
    index.apply((1..=300).map(|id| entry(id, &[(1, 1.0)])).collect(), Vec::new()).await.unwrap();
    index.commit(Revision(300)).await.unwrap();
    let held = |revision| Some(Held { revision: Revision(revision), interrupted: false });
    assert_eq!(index.held().await.unwrap(), held(300));
    drop(index);
    for round in 0..3 {
        let index = backend.open("one");
        assert_eq!(index.held().await.unwrap(), held(300 + round));
        assert_eq!(index.count(None).await.unwrap(), 300 + round);
        index.apply(vec![entry(1000 + round, &[(7, 1.0)])], Vec::new()).await.unwrap();
        index.commit(Revision(301 + round)).await.unwrap();
    }
    let index = backend.open("one");
    assert_eq!(found(&*index, &[7]).await.len(), 3);
}

async fn takes_again_what_was_not_committed<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    index.held().await.unwrap();
    index.apply(vec![entry(1, &[(1, 1.0)])], Vec::new()).await.unwrap();
    index.commit(Revision(1)).await.unwrap();
    let later = || (vec![entry(2, &[(1, 1.0)])], vec![EntryId(1)]);
    index.apply(later().0, later().1).await.unwrap();
    drop(index);
    let index = backend.open("one");
    assert_eq!(index.held().await.unwrap().map(|held| held.revision), Some(Revision(1)));
    index.apply(later().0, later().1).await.unwrap();
    assert_eq!((found(&*index, &[1]).await, index.page(None, None, 9).await.unwrap()), (vec![2], vec![EntryId(2)]));
}

async fn can_be_cleared<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
    index.clear().await.unwrap();
    index.apply(vec![entry(1, &[(1, 1.0)])], Vec::new()).await.unwrap();
    index.commit(Revision(5)).await.unwrap();
    index.clear().await.unwrap();
    assert_eq!(index.held().await.unwrap(), None);
    assert_eq!(index.count(None).await.unwrap(), 0);
    index.apply(vec![entry(1, &[(2, 1.0)])], Vec::new()).await.unwrap();
    assert_eq!(found(&*index, &[2]).await, [1]);
}

async fn can_be_asked_while_it_changes<B: Backend>() {
    let backend = B::begin().await;
    let index = backend.open("one");
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

/// Documents and notes through the whole memory: replaced, forgotten by their source, and ranked.
async fn follows_what_is_remembered<B: Backend>() {
    let backend = B::begin().await;
    let place = place_with(backend.open("one")).await;
    place.write("a.md", "Alpha and omega.");
    place.write("b.md", "Beta and omega, and omega again.");
    place.remember().await;
    assert_eq!(place.sources("omega").await, ["docs/b.md", "docs/a.md"]);
    place.write("a.md", "Gamma took its place.");
    place.remember().await;
    assert_eq!((place.sources("alpha").await, place.sources("gamma").await), (vec![], vec!["docs/a.md".to_owned()]));
    std::fs::remove_file(place.docs().join("b.md")).unwrap();
    place.remember().await;
    assert_eq!(place.sources("omega").await, [""; 0]);
    place.memory.note(note("Omega was noted.")).await.unwrap();
    assert_eq!(place.sources("omega").await, ["research"]);
    assert_eq!(place.memory.rebuild().await.unwrap(), 2);
    assert_eq!(place.sources("omega").await, ["research"]);
}

macro_rules! suite {
    ($module:ident, $backend:ty, [$($test:ident),* $(,)?]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test::<$backend>().await;
                }
            )*
        }
    };
}

macro_rules! suites {
    ($tests:tt) => {
        suite!(edge, super::Edge, $tests);
        suite!(remote, super::RemoteBackend, $tests);
    };
}

suites!([
    finds_replaces_and_removes,
    takes_odd_inputs,
    filters_one_by_one_and_together,
    workspaces_never_see_each_other,
    ranks_by_meaning,
    pages_past_what_is_held_at_once,
    keeps_what_was_committed,
    takes_again_what_was_not_committed,
    can_be_cleared,
    can_be_asked_while_it_changes,
    follows_what_is_remembered,
]);

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
    assert_eq!(index.held().await.unwrap().map(|held| held.revision), Some(Revision(1)));
    assert_eq!((names().len(), found(&index, &[1]).await), (4, vec![1]));
}

/// Enough entries that segments are made anew several times, and asked and changed all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_is_tidied_up_while_it_is_asked_and_changed() {
    let folder = TempDir::new().unwrap();
    let index = Arc::new(EdgeIndex::new(folder.path()));
    index.held().await.unwrap();
    let words = |id: u64| {
        let mut words: Vec<(u32, f32)> = (0..40).map(|n| (term(id * 7 + n * 131) % 5_000 + 10, 1.0)).collect();
        words.sort_unstable_by_key(|word| word.0);
        words.dedup_by_key(|word| word.0);
        words.push((1_000_000 + term(id), 2.0));
        words
    };
    let kind = meaning("a/b", 8);
    index.add_meaning(&kind).await.unwrap();
    let vector = |id: u64| -> Vec<f32> { (0..8).map(|n| if id % 8 == n { 1.0 } else { 0.05 }).collect() };
    let mut tidying = None;
    for batch in 0..24_u64 {
        let from = batch * 500;
        index
            .apply((from + 1..=from + 500).map(|id| entry(id, &words(id))).collect(), vec![EntryId(from / 2 + 1)])
            .await
            .unwrap();
        let vectors = (from + 1..=from + 500).map(|id| (EntryId(id), vector(id))).collect();
        index.give_meaning(&kind, vectors).await.unwrap();
        if batch % 9 == 8 {
            let index = index.clone();
            tidying = Some(tokio::spawn(async move { index.tidy().await.unwrap() }));
        }
        assert_eq!(found(&*index, &[1_000_000 + term(from) + 77]).await, [from + 77]);
    }
    tidying.unwrap().await.unwrap();
    index.tidy().await.unwrap();
    index.commit(Revision(9)).await.unwrap();
    let held = index.page(None, None, 20_000).await.unwrap();
    drop(index);
    let index = EdgeIndex::new(folder.path());
    assert_eq!(index.held().await.unwrap().map(|held| held.interrupted), Some(false));
    assert_eq!(index.page(None, None, 20_000).await.unwrap(), held);
    assert_eq!(index.count(None).await.unwrap(), held.len() as u64);
    for id in 1..=8 {
        let like = near(&index, &kind, &vector(id)).await;
        assert!(like.len() == 10 && like.iter().all(|found| found % 8 == id % 8), "{id}: {like:?}");
    }
    for id in [2, 500, 6_000, 11_999] {
        assert_eq!(found(&index, &[1_000_000 + id]).await, [u64::from(id)]);
    }
}
