use tempfile::TempDir;

use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::memory::{EdgeIndex, Memory, Remember};
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
    tools.register(Arc::new(MemorySettle::new(memory.clone()))).unwrap();
    Place { tools, memory, folder }
}

#[tokio::test]
async fn a_search_returns_passages_with_source_and_lines() {
    let place = place().await;
    std::fs::write(place.folder.path().join("pool.md"), "# Pool\n\nThe pool had\nforty connections.\n").unwrap();
    let wanted = Remember::of(vec!["pool.md".into()], place.folder.path().to_owned());
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
    assert_eq!(nothing, json!({ "hits": [], "searched_by": "words only" }));
    for arguments in
        [json!({ "query": "" }), json!({ "query": "x", "limit": 0 }), json!({ "query": "x", "limit": 1000 })]
    {
        assert_eq!(call(&place.tools, "memory.search", arguments).await.unwrap_err().code(), "bad_arguments");
    }
}

#[tokio::test]
async fn a_passage_says_where_else_it_stands_and_a_note_is_found_at_once() {
    let place = place().await;
    let wanted = Remember::of(vec!["docs".into()], place.folder.path().to_owned());
    std::fs::create_dir(place.folder.path().join("docs")).unwrap();
    for name in ["one.txt", "two.txt"] {
        std::fs::write(place.folder.path().join("docs").join(name), "The pool had forty connections.\n").unwrap();
    }
    place.memory.remember(wanted, |_| ()).await.unwrap();
    let search = json!({ "query": "connections" });
    let found = call(&place.tools, "memory.search", search.clone()).await.unwrap();
    assert_eq!(found["hits"].as_array().unwrap().len(), 1, "{found:#}");
    let mut sources =
        [&found["hits"][0]["source"], &found["hits"][0]["also"][0]["source"]].map(|it| it.as_str().unwrap());
    sources.sort_unstable();
    assert_eq!((sources, &found["hits"][0]["also"][0]["lines"]), (["docs/one.txt", "docs/two.txt"], &json!([1, 1])));

    // Within the same run, with nothing in between.
    call(&place.tools, "memory.note", json!({ "text": "Fewer connections would do." })).await.unwrap();
    let found = call(&place.tools, "memory.search", search).await.unwrap();
    let note = found["hits"].as_array().unwrap().iter().find(|hit| hit["note"] == true).unwrap();
    assert_eq!((&note["text"], &note["matched"]), (&json!("Fewer connections would do."), &json!(["connections"])));
}

#[tokio::test]
async fn a_repeated_note_is_noted_once_and_one_about_the_same_takes_its_place() {
    let place = place().await;
    let notes = async || place.memory.counts().await.unwrap().notes;
    let first = json!({ "text": "The budget is ten.", "key": "budget" });
    let id = call(&place.tools, "memory.note", first.clone()).await.unwrap();
    assert_eq!(call(&place.tools, "memory.note", first).await.unwrap(), id, "the same key, the same note");
    assert_eq!(notes().await, 1);
    let later = json!({ "text": "The budget is twelve.", "key": "budget" });
    assert_eq!(call(&place.tools, "memory.note", later).await.unwrap()["conflict"], Value::Null);
    call(&place.tools, "memory.note", json!({ "text": "The team has five members." })).await.unwrap();
    assert_eq!(notes().await, 2);
    let found = call(&place.tools, "memory.search", json!({ "query": "budget team" })).await.unwrap();
    let texts: Vec<&Value> = found["hits"].as_array().unwrap().iter().map(|hit| &hit["text"]).collect();
    assert_eq!(texts.len(), 2);
    let budget = found["hits"].as_array().unwrap().iter().find(|hit| hit["heading"] == "budget").unwrap();
    assert_eq!((&budget["text"], &budget["note"]), (&json!("The budget is twelve."), &json!(true)));
}

#[tokio::test]
async fn notes_that_contradict_each_other_are_told_of_until_one_is_said_to_hold() {
    let place = place().await;
    let note = async |source: &str, text: &str| {
        let arguments = json!({ "text": text, "key": "budget", "source": source });
        call(&place.tools, "memory.note", arguments).await.unwrap()
    };
    let first = note("minutes of March", "The budget is ten.").await;
    let second = note("minutes of April", "The budget is twelve.").await;
    assert_eq!(second["conflict"]["holds"], Value::Null);
    assert_eq!(second["conflict"]["others"][0]["text"], "The budget is ten.");
    let hits =
        async || call(&place.tools, "memory.search", json!({ "query": "budget" })).await.unwrap()["hits"].clone();
    assert!(hits().await.as_array().unwrap().iter().all(|hit| hit["conflict"]["holds"].is_null()));

    let ruling = json!({ "holds": second["id"], "reason": "April is later." });
    let ruled = call(&place.tools, "memory.settle", ruling.clone()).await.unwrap();
    assert_eq!(ruled, json!({ "holds": second["id"], "gave_way": [first["id"]] }));
    let settled = hits().await;
    assert_eq!((settled.as_array().unwrap().len(), &settled[0]["conflict"]["holds"]), (1, &second["id"]));
    assert_eq!(settled[0]["conflict"]["others"][0]["settled"]["ruling"]["reason"], "April is later.");
    let wrong = json!({ "holds": first["id"], "reason": "No." });
    assert_eq!(call(&place.tools, "memory.settle", wrong).await.unwrap_err().code(), "no_such_note");
}

#[tokio::test]
async fn a_note_reaches_as_far_as_its_call_says() {
    let place = place().await;
    call(&place.tools, "memory.note", json!({ "text": "An otter of this run.", "scope": "run" })).await.unwrap();
    call(&place.tools, "memory.note", json!({ "text": "An otter of all." })).await.unwrap();
    let found = async |arguments: Value| -> Vec<String> {
        let found = call(&place.tools, "memory.search", arguments).await.unwrap();
        found["hits"].as_array().unwrap().iter().map(|hit| format!("{}: {}", hit["scope"], hit["text"])).collect()
    };
    let (run, all) = (
        r#""run:00000000-0000-0000-0000-000000000000": "An otter of this run.""#,
        r#""workspace": "An otter of all.""#,
    );
    assert_eq!(found(json!({ "query": "otter" })).await.len(), 2);
    assert_eq!(found(json!({ "query": "otter", "scope": ["run"] })).await, [run]);
    assert_eq!(found(json!({ "query": "otter", "scope": ["workspace"], "kind": "note" })).await, [all]);
    assert_eq!(found(json!({ "query": "otter", "kind": "document" })).await, [""; 0]);
    assert_eq!(found(json!({ "query": "otter", "since": "1970-01-01", "until": "1970-01-01" })).await.len(), 2);
    assert_eq!(found(json!({ "query": "otter", "since": "1970-01-02" })).await, [""; 0]);
    let error = call(&place.tools, "memory.search", json!({ "query": "otter", "since": "then" })).await.unwrap_err();
    assert!(error.to_string().contains("`then` is no time"), "{error}");
    // The run of the tests is not stored, so that nobody knows its workflow.
    let nowhere = json!({ "text": "x", "scope": "workflow" });
    assert_eq!(call(&place.tools, "memory.note", nowhere).await.unwrap_err().code(), "no_such_scope");
}
