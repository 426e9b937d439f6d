//! Whoever watches a conversation, cut off in the middle of a turn, goes on from any event: nothing is lost, nothing comes twice.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_tungstenite::tungstenite::Message;

use super::{PATIENCE, Talk, owner, saying, stage_with, words};
use crate::cli::stage::Stage;
use crate::models::server::{Answer, End, Sent, Server};

fn answer(sent: &Sent) -> Answer {
    let long = saying(&"Otters live in rivers and by the sea. ".repeat(60));
    match words(sent).as_str() {
        "drip" => long.cut(std::iter::repeat(150)).dripping(Duration::from_millis(2)),
        "hang" => long.cut(std::iter::repeat(150)).first(60).ending(End::Hang),
        _ => long,
    }
}

/// Watches from an event on, until there are so many events or one like this; then the connection is cut.
async fn watch(stage: &Stage, path: &str, after: u64, most: usize, until: impl Fn(&Value) -> bool) -> Vec<Value> {
    let stream = UnixStream::connect(stage.path().join("data/callboard.sock")).await.unwrap();
    let address = format!("ws://callboard{path}/events/live?after={after}");
    let (mut socket, _) = tokio_tungstenite::client_async(address, stream).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < most {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await.expect("an event in time");
        let Some(Ok(message)) = next else { break };
        let Message::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap();
        let recorded = frame["event"].clone();
        let is_last = until(&recorded["event"]);
        seen.push(recorded);
        if is_last {
            break;
        }
    }
    seen
}

fn last(seen: &[Value]) -> u64 {
    seen.last().map_or(0, |recorded| recorded["seq"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_in_the_middle_of_a_turn_is_taken_up_from_its_last_event() {
    let server = Server::start(answer).await;
    let stage = stage_with(&server);
    let first = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.say("hang", &json!("next"));
    let mut seen = Vec::new();
    // Cut off again and again, each time in the middle of the turn.
    while !seen.iter().any(|one: &Value| one["event"].get("piece").is_some()) {
        seen.extend(watch(&stage, &talk.path, last(&seen), 2, |_| false).await);
    }
    assert!(!seen.iter().any(|one| one["event"].get("turn_ended").is_some()), "{seen:#?}");
    // The process is killed while somebody watches.
    let (path, after) = (talk.path.clone(), last(&seen));
    let watching = {
        let socket = stage.path().join("data/callboard.sock");
        tokio::spawn(async move {
            let stream = UnixStream::connect(socket).await.unwrap();
            let address = format!("ws://callboard{path}/events/live?after={after}");
            let (mut socket, _) = tokio_tungstenite::client_async(address, stream).await.unwrap();
            let mut seen = Vec::new();
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                seen.push(serde_json::from_str::<Value>(&text).unwrap()["event"].clone());
            }
            seen
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.signal("KILL");
    first.end();
    seen.extend(tokio::time::timeout(PATIENCE, watching).await.unwrap().unwrap());

    let second = owner(&stage);
    let is_end = |event: &Value| event.get("turn_ended").is_some();
    seen.extend(watch(&stage, &talk.path, last(&seen), usize::MAX, is_end).await);
    talk.say("drip", &json!("next"));
    while !is_end(&seen.last().unwrap()["event"]) || seen.iter().filter(|one| is_end(&one["event"])).count() < 2 {
        seen.extend(watch(&stage, &talk.path, last(&seen), 3, |_| false).await);
    }
    // An owner that stops as it should closes, and the next one goes on.
    second.signal("TERM");
    second.end();
    let _third = owner(&stage);
    talk.say("and so on", &json!("next"));
    while seen.iter().filter(|one| is_end(&one["event"])).count() < 3 {
        seen.extend(watch(&stage, &talk.path, last(&seen), 4, is_end).await);
    }
    let all = talk.events(0);
    assert_eq!(seen, all[..seen.len()], "nothing is lost, and nothing comes twice");
    assert_eq!(seen.len(), all.len());
    for after in [0, 1, all.len() / 2, all.len() - 1] {
        let wanted = all.len() - after;
        let again = watch(&stage, &talk.path, u64::try_from(after).unwrap(), wanted, |_| false).await;
        assert_eq!(again, all[after..], "from event {after} on");
    }
}
