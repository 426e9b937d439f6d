//! Branches, over the routes.

use serde_json::json;

use super::{Talk, ask, branch, owner};
use crate::cli::stage::Stage;

#[test]
fn an_earlier_message_is_said_otherwise_and_both_branches_stay() {
    let stage = Stage::new();
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    let first = talk.say("remember that the boat is blue", &json!("next"));
    talk.rest();
    let second = talk.say("hello", &json!("next"));
    let before = talk.rest();
    talk.say("what can you do?", &json!({ "instead_of": second }));
    let after = talk.rest();
    let (old, new) = (branch(&before), branch(&after));
    assert_eq!(old[..2], new[..2]);
    assert_eq!((old[2].as_str(), new[2].as_str(), new.len()), ("hello", "what can you do?", 4));
    assert_eq!(after["messages"].as_array().unwrap().len(), 6, "nothing is lost: {after:#}");

    // Back to the other branch.
    super::post(&stage, &format!("{}/go-on", talk.path), &json!({ "head": before["head"] }));
    assert_eq!(branch(&talk.state()), old);
    talk.say("HELLO", &json!({ "instead_of": first }));
    assert_eq!(branch(&talk.rest())[0], "HELLO");

    let (status, error) =
        ask(&stage, "POST", &format!("{}/messages", talk.path), &json!({ "text": "x", "place": { "instead_of": 99 } }));
    assert_eq!((status, &error["error"]["code"]), (404, &json!("no_such_message")));
    let long = "x".repeat(70_000);
    let (status, error) = ask(&stage, "POST", &format!("{}/messages", talk.path), &json!({ "text": long }));
    assert_eq!((status, &error["error"]["code"]), (422, &json!("too_long")));
    let (status, error) = ask(&stage, "POST", &format!("{}/proposals/4", talk.path), &json!({ "reject": {} }));
    assert_eq!((status, &error["error"]["code"]), (404, &json!("no_such_proposal")));
}

#[test]
fn what_cannot_be_is_refused_whole_and_in_the_form_of_every_error() {
    let stage = Stage::new();
    let _owner = owner(&stage);
    let talk = Talk::begin(&stage, &json!({}));
    let first = talk.say("hello", &json!("next"));
    let before = talk.rest();
    let wanted = json!({ "head": first, "workflow": "nope" });
    let (status, error) = ask(&stage, "POST", &format!("{}/go-on", talk.path), &wanted);
    assert_eq!((status, &error["error"]["code"]), (404, &json!("no_such_workflow")));
    assert_eq!(talk.state(), before, "the branch is the one that it was");

    let path = |what: &str| format!("{}/{what}", talk.path);
    for (method, path, body, status, code) in [
        ("GET", "/api/conversations?limit=abc".to_owned(), json!(null), 400, "bad_request"),
        ("GET", "/api/proposals?colour=red".to_owned(), json!(null), 400, "bad_request"),
        ("POST", path("messages"), json!({ "words": "hello" }), 422, "bad_request"),
        ("POST", path("messages"), json!("{"), 422, "bad_request"),
        ("POST", path("proposals/p6"), json!({ "accept": {} }), 404, "no_such_proposal"),
        ("POST", path("proposals/six"), json!({ "accept": {} }), 404, "no_such_proposal"),
        ("GET", "/api/nothing".to_owned(), json!(null), 404, "no_such_route"),
        ("POST", "/api/health".to_owned(), json!(null), 405, "wrong_method"),
    ] {
        let (answered, error) = ask(&stage, method, &path, &body);
        assert_eq!((answered, error["error"]["code"].as_str()), (status, Some(code)), "{method} {path}: {error}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty(), "{method} {path}: {error}");
    }
}
