use tempfile::TempDir;

use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::memory::{EdgeIndex, Memory, Remember};
use crate::store::entries::EntryScope;
use crate::store::{Store, StoreOptions, WorkspaceId};

struct Place {
    tools: Tools,
    memory: Memory,
    folder: TempDir,
}

async fn place() -> Place {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path().join("data"), StoreOptions::default()).await.unwrap();
    let entries = store.workspace(WorkspaceId::default()).entries();
    let index = Arc::new(EdgeIndex::new(&folder.path().join("data/index")));
    let memory = Memory::new(entries, index, Arc::new(ManualClock::at(Timestamp(0)))).unwrap();
    let mut tools = registry(MemorySearch::new(memory.clone()));
    tools.register(Arc::new(MemoryNote::new(memory.clone()))).unwrap();
    Place { tools, memory, folder }
}

#[tokio::test]
async fn a_search_returns_passages_with_source_and_lines() {
    let place = place().await;
    std::fs::write(place.folder.path().join("pool.md"), "# Pool\n\nThe pool had\nforty connections.\n").unwrap();
    let wanted = Remember {
        paths: vec!["pool.md".into()],
        base: place.folder.path().to_owned(),
        scope: EntryScope::Workspace,
        provenance: None,
    };
    place.memory.remember(wanted, |_| ()).await.unwrap();
    let found =
        call(&place.tools, "memory.search", json!({ "query": "How many connections?", "limit": 3 })).await.unwrap();
    let hit = &found["hits"][0];
    assert_eq!(hit["source"], "pool.md");
    assert_eq!(hit["lines"], json!([1, 4]));
    assert_eq!(hit["heading"], "Pool");
    assert_eq!(hit["matched"], json!(["connections"]));
    assert_eq!(hit["text"], "# Pool\n\nThe pool had\nforty connections.");
    let nothing = call(&place.tools, "memory.search", json!({ "query": "zeppelin" })).await.unwrap();
    assert_eq!(nothing, json!({ "hits": [] }));
    for arguments in
        [json!({ "query": "" }), json!({ "query": "x", "limit": 0 }), json!({ "query": "x", "limit": 1000 })]
    {
        assert_eq!(call(&place.tools, "memory.search", arguments).await.unwrap_err().code(), "bad_arguments");
    }
}

#[tokio::test]
async fn a_repeated_note_is_noted_once_and_one_about_the_same_takes_its_place() {
    let place = place().await;
    let notes = async || place.memory.counts().await.unwrap().notes;
    let first = json!({ "text": "The budget is ten.", "key": "budget" });
    let id = call(&place.tools, "memory.note", first.clone()).await.unwrap();
    assert_eq!(call(&place.tools, "memory.note", first).await.unwrap(), id, "the same key, the same note");
    assert_eq!(notes().await, 1);
    let later = json!({ "text": "The budget is twelve.", "key": "budget", "source": "https://example.com/minutes" });
    call(&place.tools, "memory.note", later).await.unwrap();
    call(&place.tools, "memory.note", json!({ "text": "The team has five members." })).await.unwrap();
    assert_eq!(notes().await, 2);
    let found = call(&place.tools, "memory.search", json!({ "query": "budget team" })).await.unwrap();
    let texts: Vec<&Value> = found["hits"].as_array().unwrap().iter().map(|hit| &hit["text"]).collect();
    assert_eq!(texts.len(), 2);
    let budget = found["hits"].as_array().unwrap().iter().find(|hit| hit["heading"] == "budget").unwrap();
    assert_eq!((&budget["source"], &budget["note"]), (&json!("https://example.com/minutes"), &json!(true)));
}
