//! Turns that are stopped, steered, queued and killed, with a model that hangs in the middle of what it says.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Talk, branch, owner, saying, stage_with, words};
use crate::models::server::{End, Server};

/// More than is held back, so that it is shown before the end.
fn long() -> String {
    "Otters live in rivers and by the sea. ".repeat(20)
}

/// A server that hangs in the middle of what it says if it is asked to, and else says what it was told last.
async fn server() -> Server {
    Server::start(|sent| {
        let words = words(sent);
        if words.contains("hang") {
            let whole = saying(&long());
            whole.cut(std::iter::repeat(200)).first(30).ending(End::Hang)
        } else {
            let body = sent.json();
            let said = body["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "user");
            let said: Vec<&str> = said.filter_map(|message| message["content"].as_str()).collect();
            saying(&format!("I have heard: {}", said.join(" / ")))
        }
    })
    .await
}

fn is_piece(event: &Value) -> bool {
    event.get("piece").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_stopped_at_once_and_what_came_stays() {
    let server = server().await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.say("hang", &json!("next"));
    talk.until("piece", is_piece);
    let begun = Instant::now();
    assert_eq!(super::post(&stage, &format!("{}/stop", talk.path), &Value::Null), json!({ "stopped": true }));
    let state = talk.rest();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let said = branch(&state);
    assert!(said.len() == 2 && long().starts_with(said[1].as_str()) && !said[1].is_empty(), "{state:#}");
    assert_eq!(state["messages"][1]["cut"], "stopped");
    assert_eq!(super::post(&stage, &format!("{}/stop", talk.path), &Value::Null), json!({ "stopped": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_steers_is_answered_with_both_messages_and_others_wait() {
    let server = server().await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.say("hang about otters", &json!("next"));
    talk.until("piece", is_piece);
    talk.say("and then this", &json!("next"));
    assert_eq!(talk.state()["queue"].as_array().unwrap().len(), 1);
    talk.say("only sea otters", &json!("now"));
    let state = talk.rest();
    let said = branch(&state);
    assert_eq!(said[0], "hang about otters");
    assert_eq!(said[2..4], ["only sea otters", "I have heard: hang about otters / only sea otters"]);
    assert_eq!(said[4], "and then this");
    assert_eq!(said.len(), 6, "{said:#?}");
    let ends: Vec<Value> =
        talk.events(0).iter().filter_map(|recorded| recorded["event"].get("turn_ended").cloned()).collect();
    assert_eq!(ends[0]["end"], "steered");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_has_an_end() {
    let server = server().await;
    let stage = stage_with(&server);
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.say("hang", &json!("next"));
    talk.until("piece", is_piece);
    for n in 0..32 {
        talk.say(&format!("number {n}"), &json!("next"));
    }
    let (status, error) =
        super::ask(&stage, "POST", &format!("{}/messages", talk.path), &json!({ "text": "one more" }));
    assert_eq!((status, &error["error"]["code"]), (422, &json!("too_many_waiting")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_in_a_turn_loses_nothing_of_it() {
    let server = server().await;
    let stage = stage_with(&server);
    let first = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    talk.say("hang", &json!("next"));
    talk.until("piece", is_piece);
    let seen = talk.events(0);
    first.signal("KILL");
    assert_eq!(first.end().code, None);

    let _second = owner(&stage);
    let state = talk.rest();
    let events = talk.events(0);
    assert_eq!(events[..seen.len()], seen[..], "what was seen stands");
    for after in 0..events.len() {
        let from = u64::try_from(after).unwrap();
        assert_eq!(talk.events(from), events[after..], "from event {after} on");
    }
    let end = events.iter().find_map(|recorded| recorded["event"].get("turn_ended")).unwrap();
    assert_eq!(end["end"], "interrupted");
    assert_eq!(state["messages"][1]["cut"], "interrupted", "{state:#}");
    assert!(talk.told("go on").starts_with("I have heard: hang / go on"));
}
