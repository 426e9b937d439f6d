//! Tools that touch the world, against real servers: mail (aiosmtpd), PostgreSQL, HTTP; and that no secret is left anywhere.

#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

mod canary;
mod email;
mod mail;
mod postgres;
mod sql;

use std::process::Command;

use serde_json::Value;

use crate::cli::stage::{Ended, Stage};

/// The Python with the peers' packages.
pub(crate) fn python() -> Command {
    let target =
        std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/target").into());
    let python = format!("{target}/peers/python/bin/python");
    assert!(std::fs::exists(&python).unwrap(), "{python} is missing: run tests/peers/install");
    Command::new(python)
}

/// Runs a command with the stage's own key of secrets.
pub(crate) fn run(stage: &Stage, arguments: &[&str], input: &str) -> Ended {
    use std::io::Write as _;
    use std::process::Stdio;

    let mut command = stage.command(arguments);
    command.env("CALLBOARD_SECRETS__KEY_FILE", "key/secrets.key");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    stage.ended(&child.wait_with_output().unwrap())
}

/// Sets a secret.
pub(crate) fn set(stage: &Stage, name: &str, value: &str) {
    let ended = run(stage, &["secrets", "set", name], value);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// Carries out one call of a tool as a workflow's only step; yields its result, or the error's code and message.
pub(crate) fn call(stage: &Stage, tool: &str, arguments: &Value) -> Result<Value, (String, String)> {
    let workflow = serde_json::json!({
        "name": "one_call", "description": "One call.",
        "steps": [{ "id": "call", "input": arguments, "process": { "tool": tool } }]
    });
    stage.write("one_call.yaml", workflow.to_string());
    let ended = run(stage, &["run", "one_call.yaml", "--format", "json"], "");
    if ended.code == Some(2) {
        // What stands in the file is held against the tool's schema before anything is carried out.
        return Err((ended.error()["code"].as_str().unwrap().to_owned(), ended.stderr));
    }
    let shown: Value = serde_json::from_str(ended.stdout.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {ended:#?}"));
    if shown["status"] == "completed" {
        return Ok(shown["result"].clone());
    }
    let events = run(stage, &["events", "last", "--format", "json"], "").stdout;
    let failure = events.lines().rev().find_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        find(&event, "message").zip(find(&event, "code").or_else(|| find(&event, "kind")))
    });
    let (message, code) = failure.unwrap_or_else(|| panic!("{events}"));
    Err((code, message))
}

/// The first text under this key, anywhere in a value.
fn find(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(fields) => match fields.get(key).and_then(Value::as_str) {
            Some(text) => Some(text.to_owned()),
            None => fields.values().find_map(|value| find(value, key)),
        },
        Value::Array(items) => items.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}
