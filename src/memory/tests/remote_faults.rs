//! A server that is down, slow, busy, that wants another key, or that has lost everything.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::remote_server::{KEY, Server};
use super::*;
use crate::memory::index::{Index, IndexError};
use crate::memory::{RemoteIndex, RemoteSettings};

fn unavailable(error: IndexError) -> String {
    let IndexError::Unavailable(reason) = error else { panic!("{error:?}") };
    assert!(!reason.contains(KEY) && !reason.contains("wrong-key"), "{reason}");
    reason
}

#[tokio::test]
async fn a_server_that_is_down_is_named_with_its_address() {
    let settings = RemoteSettings {
        url: "http://127.0.0.1:9".to_owned(),
        key: Some(KEY.to_owned().into()),
        collection: "callboard".to_owned(),
        timeout: Duration::from_secs(2),
    };
    let index = RemoteIndex::new(&settings, "one").unwrap();
    let begun = Instant::now();
    let reason = unavailable(index.held().await.unwrap_err());
    assert!(reason.contains("http://127.0.0.1:9") && begun.elapsed() < Duration::from_secs(5), "{reason}");

    // What is remembered meanwhile is stored, and found once the server is there.
    let place = place_with(Arc::new(index)).await;
    place.memory.note(note("The heron stands in the reeds.")).await.unwrap();
    assert!(place.memory.recall("heron", &Filter::default(), 5).await.is_err());
    let server = Server::start().await;
    let entries = place.store.workspace(WorkspaceId::default()).entries();
    let index = Arc::new(RemoteIndex::new(&server.settings(), "one").unwrap());
    let memory = Memory::new(entries, index, Arc::new(ManualClock::at(Timestamp(0)))).unwrap();
    assert_eq!(memory.recall("heron", &Filter::default(), 5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_slow_server_is_not_waited_for_without_end() {
    let server = Server::start().await;
    let settings = RemoteSettings { timeout: Duration::from_millis(300), ..server.settings() };
    let index = RemoteIndex::new(&settings, "one").unwrap();
    index.held().await.unwrap();
    server.served.slow.store(5_000, Ordering::SeqCst);
    let begun = Instant::now();
    unavailable(index.held().await.unwrap_err());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_busy_server_is_asked_again_a_few_times() {
    let server = Server::start().await;
    let index = RemoteIndex::new(&server.settings(), "one").unwrap();
    let load = |count: &AtomicUsize| count.load(Ordering::SeqCst);
    server.served.failing.store(2, Ordering::SeqCst);
    index.held().await.unwrap();
    assert_eq!(load(&server.served.failing), 0);

    server.served.failing.store(1_000, Ordering::SeqCst);
    let before = load(&server.served.asked);
    let reason = unavailable(index.held().await.unwrap_err());
    assert!(reason.contains("not now"), "{reason}");
    assert!(load(&server.served.asked) - before <= 8, "{} times", load(&server.served.asked) - before);
}

#[tokio::test]
async fn a_refused_key_is_said_to_be_and_never_told() {
    let server = Server::start().await;
    for key in [Some("wrong-key"), None] {
        let settings = RemoteSettings { key: key.map(|key| key.to_owned().into()), ..server.settings() };
        let index = RemoteIndex::new(&settings, "one").unwrap();
        let reason = unavailable(index.held().await.unwrap_err());
        assert!(reason.contains("refuses the key"), "{reason}");
        assert!(!format!("{index:?} {settings:?}").contains("wrong-key"));
    }
    for (url, key) in [("ftp://wrong-key@host:1", "key"), ("", "key"), ("http://host:1", "wrong-key with spaces")] {
        let settings = RemoteSettings { url: url.to_owned(), key: Some(key.to_owned().into()), ..server.settings() };
        unavailable(RemoteIndex::new(&settings, "one").unwrap_err());
    }
}

#[tokio::test]
async fn a_collection_that_is_lost_is_made_again_and_anothers_is_left_alone() {
    let server = Server::start().await;
    let place = place_with(Arc::new(RemoteIndex::new(&server.settings(), "one").unwrap())).await;
    place.write("a.md", "Alpha is here.");
    place.remember().await;
    assert_eq!(place.sources("alpha").await, ["docs/a.md"]);
    server.served.collections.lock().unwrap().clear();
    std::fs::remove_dir_all(server.served.folder().join("callboard")).unwrap();
    assert_eq!(place.sources("alpha").await, ["docs/a.md"]);

    let client = qdrant_client::Qdrant::from_url(&server.url).api_key(KEY).skip_compatibility_check().build().unwrap();
    client.create_collection(qdrant_client::qdrant::CreateCollectionBuilder::new("another")).await.unwrap();
    let settings = RemoteSettings { collection: "another".to_owned(), ..server.settings() };
    let reason = unavailable(RemoteIndex::new(&settings, "one").unwrap().held().await.unwrap_err());
    assert!(reason.contains("none of Callboard's") && reason.contains("memory.remote.collection"), "{reason}");
}
