//! Commands beside the process that owns the data folder, and after it.

use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::{Value, json};

use super::stage::{ASK, HELLO, Stage, WAITS, run_id};

#[test]
fn commands_reach_a_run_that_another_process_works_on() {
    let stage = Stage::new().with("waits.yaml", WAITS).with("hello.yaml", HELLO);
    let mut owner = stage.start(&["run", "waits.yaml"]);
    let id = run_id(&owner.line("run "));
    owner.line("payment waits for signal paid");

    assert_eq!(stage.json(&["show", &id])["status"], "waiting");
    assert_eq!(stage.json(&["run", "hello.yaml"])["status"], "completed", "the owner carries it out");
    let mut follower = stage.start(&["events", &id, "--follow", "--format", "json"]);
    follower.line("waiting");
    let told = stage.json(&["signal", &id, "paid", r#"{"amount": 12}"#]);
    assert_eq!(told["id"], json!(id));

    let seen = follower.end();
    let last: Value = serde_json::from_str(seen.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(seen.code, Some(0));
    assert!(last["event"]["completed"].is_object(), "{seen:#?}");
    let ended = owner.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.ends_with("Thanks for 12\n"), "{ended:#?}");
}

#[test]
fn a_run_can_be_cancelled_from_beside() {
    let stage = Stage::new().with("waits.yaml", WAITS);
    let mut owner = stage.start(&["run", "waits.yaml"]);
    owner.line("payment waits");
    stage.done(&["cancel", "last", "--reason", "no longer wanted"]);
    expect![[r#"
        run RUN of waits
          payment waits for signal paid
          cancelling: no longer wanted
        cancelled after SPAN
          no longer wanted (cancelled)
        --- exit 4
    "#]]
    .assert_eq(&owner.end().shown());
    expect![[r#"
        --- stderr
        error: run RUN has ended (cancelled); nothing can be told to it any more
        --- exit 2
    "#]]
    .assert_eq(&stage.run(&["cancel", "last"]).shown());
}

#[test]
fn a_run_is_cancelled_without_an_owner_too() {
    let stage = Stage::new().with("ask.yaml", ASK);
    stage.run(&["run", "ask.yaml"]);
    let cancelled = stage.json(&["cancel", "last"]);
    assert_eq!(cancelled["status"], "cancelled");
}

#[test]
fn whoever_follows_takes_over_when_the_owner_dies() {
    let stage = Stage::new().with("waits.yaml", WAITS).with("ask.yaml", ASK);
    let mut owner = stage.start(&["run", "waits.yaml"]);
    owner.line("payment waits");
    let mut other = stage.start(&["run", "waits.yaml"]);
    let id = run_id(&other.line("run "));
    other.line("payment waits");
    owner.signal("KILL");
    assert_eq!(owner.end().code, None);

    // The survivor owns the folder now: it is reached through a socket of its own.
    stage.done(&["signal", &id, "paid", r#"{"amount": 7}"#]);
    let ended = other.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.ends_with("Thanks for 7\n"), "{ended:#?}");
}

#[test]
fn whoever_follows_events_waits_for_the_next_owner() {
    let stage = Stage::new().with("waits.yaml", WAITS);
    let id = stage.json(&["run", "waits.yaml", "--detach"])["id"].as_str().unwrap().to_owned();
    let mut follower = stage.start(&["events", &id, "--follow"]);
    follower.line("created");
    let signalled = stage.json(&["signal", &id, "paid", r#"{"amount": 1}"#]);
    assert_eq!(signalled["status"], "completed");
    let ended = follower.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("completed"), "{ended:#?}");
}

#[test]
fn what_a_killed_process_left_is_replaced() {
    let stage = Stage::new().with("waits.yaml", WAITS);
    let mut owner = stage.start(&["run", "waits.yaml"]);
    owner.line("payment waits");
    owner.signal("KILL");
    owner.end();
    assert!(stage.path().join("data/callboard.sock").exists(), "it had no time to tidy up");

    assert_eq!(stage.json(&["runs"])[0]["status"], "waiting");
    let ended = stage.json(&["signal", "last", "paid", r#"{"amount": 3}"#]);
    assert_eq!(ended["result"], json!("Thanks for 3"));
    assert!(!stage.path().join("data/callboard.sock").exists());
}

#[test]
fn a_data_folder_with_a_long_path_is_reached_too() {
    let stage = Stage::new().with("waits.yaml", WAITS);
    let data = format!("{}/{}", "d".repeat(100), "e".repeat(100));
    let mut owner = stage.start(&["run", "waits.yaml", "--data", &data]);
    owner.line("payment waits");
    stage.done(&["signal", "last", "paid", r#"{"amount": 3}"#, "--data", &data]);
    assert_eq!(owner.end().code, Some(0));
    let socket = stage.path().join(&data).join("callboard.socket");
    assert!(!socket.exists(), "an owner that ends leaves no socket");
}

#[test]
fn an_owner_that_does_not_answer_is_named() {
    let stage = Stage::new().with("hello.yaml", HELLO).with("waits.yaml", WAITS);
    let mut owner = stage.start(&["run", "waits.yaml"]);
    owner.line("payment waits");
    owner.signal("STOP");
    let begun = Instant::now();
    let impatient = stage.start(&["runs"]);
    std::thread::sleep(Duration::from_millis(500));
    impatient.signal("INT");
    assert_eq!(impatient.end().code, Some(130));
    assert!(begun.elapsed() < Duration::from_secs(5), "nothing needs to be ended well");

    let mut command = stage.command(&["runs", "--format", "json"]);
    let ended = stage.go_on(command.env("CALLBOARD_ENGINE__STOP_GRACE", "1s")).end();
    owner.signal("CONT");
    assert_eq!((ended.code, &ended.error()["code"]), (Some(5), &json!("owned_folder")), "{ended:#?}");
    assert!(begun.elapsed() < Duration::from_secs(40));
}

#[test]
fn two_that_begin_at_once_share_the_folder() {
    let stage = Stage::new().with("hello.yaml", HELLO);
    let all: Vec<_> = (0..4).map(|_| stage.start(&["run", "hello.yaml", "--format", "json"])).collect();
    for going in all {
        let ended = going.end();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }
    assert_eq!(stage.json(&["runs", "--status", "completed"]).as_array().unwrap().len(), 4);
}
