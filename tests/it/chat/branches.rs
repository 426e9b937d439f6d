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
