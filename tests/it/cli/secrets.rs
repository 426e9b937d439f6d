//! Secrets from the command line: set from standard input, listed by name, never shown.

use std::io::Write as _;
use std::process::Stdio;

use expect_test::expect;

use super::stage::{Ended, Stage};

const VALUE: &str = "correct horse battery staple";

/// A command with the stage's own key file, and `input` as its standard input.
fn fed(stage: &Stage, arguments: &[&str], input: &str) -> Ended {
    let mut command = stage.command(arguments);
    command.env("CALLBOARD_SECRETS__KEY_FILE", "keys/secrets.key").stdin(Stdio::piped());
    let mut command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    command.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = command.wait_with_output().unwrap();
    stage.ended(&output)
}

#[test]
fn a_secret_is_set_from_standard_input_and_never_shown() {
    let stage = Stage::new();
    expect![[r#"
        secret API_KEY is set
        --- exit 0
    "#]]
    .assert_eq(&fed(&stage, &["secrets", "set", "API_KEY"], &format!("{VALUE}\n")).shown());
    fed(&stage, &["secrets", "set", "OTHER"], "another value");
    expect![[r#"
        NAME     SET
        API_KEY  TIME
        OTHER    TIME
        --- exit 0
    "#]]
    .assert_eq(&fed(&stage, &["secrets", "list"], "").shown());

    let listed = fed(&stage, &["secrets", "list", "--format", "json"], "");
    assert!(listed.stdout.contains("API_KEY") && !listed.stdout.contains("horse"), "{listed:#?}");
    let found = grep(stage.path(), VALUE.as_bytes());
    assert!(found.is_empty(), "{found:?}");
    assert!(stage.path().join("keys/secrets.key").exists() && !stage.path().join("data/secrets.key").exists());

    let rekeyed = fed(&stage, &["secrets", "rekey"], "");
    assert!(rekeyed.stdout.starts_with("2 secrets are encrypted with a new key"), "{rekeyed:#?}");
    fed(&stage, &["secrets", "remove", "OTHER"], "");
    std::fs::remove_file(stage.path().join("keys/secrets.key")).unwrap();
    expect![[r#"
        NAME     SET
        API_KEY  TIME  its key is not here
        --- exit 0
    "#]]
    .assert_eq(&fed(&stage, &["secrets", "list"], "").shown());
}

#[test]
fn what_cannot_be_a_secret_is_refused() {
    let stage = Stage::new();
    for (arguments, input, hint) in [
        (&["secrets", "set", "api-key"][..], VALUE, "is no name of a secret"),
        (&["secrets", "set", "API_KEY"], "abc\n", "shorter than 4 characters"),
        (&["secrets", "remove", "API_KEY"], "", "there is no secret API_KEY"),
        (&["secrets", "set", "API_KEY", VALUE], "", "unexpected argument"),
    ] {
        let ended = fed(&stage, arguments, input);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains(hint), "{ended:#?}");
    }
    stage.write("keys/secrets.key", "rubbish");
    let ended = fed(&stage, &["secrets", "set", "API_KEY"], VALUE);
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(ended.stderr.contains("keys/secrets.key does not hold a usable key"), "{ended:#?}");
    stage.write("callboard.toml", "[secrets.API_KEY]\nhosts = [\"ftp://x\"]\n");
    let ended = stage.run(&["runs"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("`ftp://x` is no host"), "{ended:#?}");
}

/// The files below `folder` that hold `needle`.
pub(crate) fn grep(folder: &std::path::Path, needle: &[u8]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            found.extend(grep(&path, needle));
        } else if kind.is_file() && std::fs::read(&path).unwrap().windows(needle.len()).any(|bytes| bytes == needle) {
            found.push(path);
        }
    }
    found
}
