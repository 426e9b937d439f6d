//! The client against a server that misbehaves (tests/peers/misbehaving.py).

mod faults;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::clock::SystemClock;
use crate::secrets::{KeyPlace, SecretRules, Secrets, Written};
use crate::store::fixtures::{Fixture, fixture};
use crate::tools::tests::call;
use crate::tools::{Folder, Origin, ToolError, Tools};
use crate::workflow::{CallEffect, Effect};

/// What nothing here takes as long as.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server, with a folder of its own.
struct Stage {
    folder: TempDir,
    tools: Tools,
    servers: Servers,
    secrets: Secrets,
    _fixture: Fixture,
}

impl Stage {
    /// A server that begins like this, and may be used but for what `change` changes.
    async fn new(begins: &str, change: impl FnOnce(&mut ServerSettings)) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), begins, change).await
    }

    async fn in_folder(folder: TempDir, begins: &str, change: impl FnOnce(&mut ServerSettings)) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/misbehaving.py");
        let command = ["python3", script.to_str().unwrap(), begins].map(str::to_owned).to_vec();
        let log = folder.path().join("log").display().to_string();
        let mut settings = ServerSettings {
            name: "bad".to_owned(),
            reach: Reach::Command {
                command,
                environment: [("LOG".to_owned(), Written::parse(&log).unwrap())].into(),
                folder: folder.path().to_owned(),
            },
            tools: vec!["*".to_owned()],
            effects: [].into(),
            hints: Believed::Yes,
            origin: Origin::Untrusted,
            timeout: PATIENCE,
            start_timeout: PATIENCE,
        };
        change(&mut settings);
        let tools = Tools::new();
        let files = Folder::new(folder.path().join("files"));
        let data = folder.path().join("listings");
        let clock = Arc::new(SystemClock);
        let (fixture, place) = (fixture().await, KeyPlace::File(folder.path().join("key")));
        let secrets = Secrets::new(fixture.workspace.secrets(), place, SecretRules::default(), clock.clone());
        let servers = Servers::new(vec![settings], &tools, &files, &data, &secrets, clock);
        Self { folder, tools, servers, secrets, _fixture: fixture }
    }

    /// The same with what it offers known.
    async fn learnt(self) -> Self {
        self.servers.learn(["bad.x"]).await.unwrap();
        self
    }

    async fn call(&self, tool: &str) -> Result<serde_json::Value, ToolError> {
        tokio::time::timeout(PATIENCE, call(&self.tools, &format!("bad.{tool}"), json!({}))).await.unwrap()
    }

    fn view(&self) -> ServerView {
        self.servers.views().remove(0)
    }

    /// What the server wrote down.
    fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn starts(&self) -> usize {
        self.log().iter().filter(|line| line.starts_with("start")).count()
    }

    /// Waits for a line in what the server wrote down.
    async fn logged(&self, beginning: &str) -> String {
        eventually(|| self.log().into_iter().find(|line| line.starts_with(beginning))).await
    }
}

async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "what was waited for did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process is there, and no mere rest of one.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test]
async fn what_a_server_offers_is_bounded_and_named_by_our_rule() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    let names = stage.tools.names();
    for name in ["bad.echo", "bad.read", "bad.wordy"] {
        assert!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
    }
    let sums: Vec<_> = names.iter().filter(|name| name.starts_with("bad.get_sum_")).collect();
    assert_eq!(sums.len(), 2, "{names:?}");
    let wordy = stage.tools.get("bad.wordy").unwrap();
    assert!(wordy.description().chars().count() <= 1_000 && !wordy.description().contains('\x1b'));
    let left_out: Vec<_> = stage.view().left_out.into_iter().map(|left_out| left_out.tool).collect();
    for tool in ["too_large", "echo", "bad.no_object", "bad.no_schema"] {
        assert!(left_out.iter().any(|name| name == tool), "{tool} is not among {left_out:?}");
    }
    assert!(left_out.iter().any(|name| name.starts_with("nnn")), "{left_out:?}");
    assert_eq!(stage.tools.get("bad.echo").unwrap().description(), "echo");
    assert_eq!(stage.tools.get("bad.echo").unwrap().origin(), Origin::Untrusted);
    stage.servers.stop().await;
}

#[tokio::test]
async fn an_endless_list_of_tools_is_read_up_to_a_limit() {
    let stage = Stage::new("paged", |_| {}).await.learnt().await;
    assert_eq!(stage.tools.names().len(), 500);
    stage.servers.stop().await;
}

#[tokio::test]
async fn only_what_is_allowed_is_there_and_effects_are_what_the_configuration_says() {
    let stage = Stage::new("well", |settings| {
        settings.tools = vec!["read".to_owned(), "get*".to_owned(), "echo".to_owned()];
        settings.effects = [
            ("getSum".to_owned(), CallEffect::of(Effect::Irreversible)),
            ("echo".to_owned(), CallEffect::of(Effect::Read)),
        ]
        .into();
    })
    .await;
    let stage = stage.learnt().await;
    let effects: Vec<_> = stage.tools.names().iter().map(|name| stage.tools.get(name).unwrap().worst()).collect();
    assert_eq!(stage.tools.names().len(), 4, "{:?}", stage.tools.names());
    // echo, get_sum_…, get_sum_…, read
    assert_eq!((effects[0], effects[3]), (Effect::Read, Effect::Read));
    assert!(effects[1..3].contains(&Effect::Irreversible) && effects[1..3].contains(&Effect::Write), "{effects:?}");
    assert_eq!(stage.view().not_allowed, 18);
    let error = stage.call("crash").await.unwrap_err();
    assert!(matches!(error, ToolError::GiveUp { code: "unknown_tool", .. }), "{error:?}");
    stage.servers.stop().await;
}

#[tokio::test]
async fn what_was_offered_is_known_at_the_next_start_without_starting_anything() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    stage.servers.stop().await;
    let known = stage.tools.names();
    assert_eq!(stage.starts(), 1);
    let again = Stage::in_folder(stage.folder, "well", |_| {}).await.learnt().await;
    assert_eq!((again.tools.names(), again.starts()), (known, 1));
    assert_eq!(again.view().standing, Standing::Idle);
    again.call("echo").await.unwrap();
    assert_eq!((again.starts(), again.view().standing), (2, Standing::Connected));
    again.servers.stop().await;
    // Another command is another server: what it offers is asked when it is wanted.
    let other = Stage::in_folder(again.folder, "paged", |_| {}).await;
    assert_eq!(other.starts(), 2);
    let other = other.learnt().await;
    assert_eq!((other.tools.names().len(), other.starts()), (500, 3));
    other.servers.stop().await;
}

#[tokio::test]
async fn a_server_is_asked_only_if_something_of_its_is_named() {
    let stage = Stage::new("well", |_| {}).await;
    stage.servers.learn(["files.read", "badly.x", "memory.*"]).await.unwrap();
    assert_eq!((stage.starts(), stage.tools.names_and_groups()), (0, vec!["bad.".to_owned()]));
    let error = stage.call("echo").await.unwrap_err();
    assert!(
        matches!(&error, ToolError::Retry { message, .. } if message.contains("callboard tools check bad")),
        "{error:?}"
    );
    stage.servers.learn(["b*"]).await.unwrap();
    assert_eq!(stage.starts(), 1);
    stage.servers.stop().await;
}

#[tokio::test]
async fn a_server_is_given_nothing_of_our_environment() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    let result = stage.call("env").await.unwrap();
    let given: std::collections::BTreeMap<String, String> =
        serde_json::from_str(result["text"].as_str().unwrap()).unwrap();
    // What starts Python adds to it.
    assert!(["HOME", "LOG", "PATH"].iter().all(|name| given.contains_key(*name)), "{given:?}");
    let ours = |name: &str| name.starts_with("CARGO");
    assert!(std::env::vars().any(|(name, _)| ours(&name)) && !given.keys().any(|name| ours(name)), "{given:?}");
    stage.servers.stop().await;
}

#[tokio::test]
async fn a_secret_reaches_its_server_and_nobody_else() {
    let stage = Stage::new("well", |settings| {
        let Reach::Command { environment, .. } = &mut settings.reach else { return };
        environment.insert("TOKEN".to_owned(), Written::parse("Bearer {secret:TOKEN}").unwrap());
    })
    .await;
    let told = stage.servers.learn(["bad.x"]).await.unwrap_err().remove(0).reason;
    assert!(told.contains("there is no secret TOKEN; `callboard secrets set TOKEN` sets it"), "{told}");
    let token = "s3cr3t/t+k\"n";
    stage.secrets.set(&"TOKEN".parse().unwrap(), &token.into()).await.unwrap();
    stage.servers.check("bad").await.unwrap().unwrap();
    let result = stage.call("env").await.unwrap();
    let given: std::collections::BTreeMap<String, String> =
        serde_json::from_str(result["text"].as_str().unwrap()).unwrap();
    assert_eq!(given["TOKEN"], "Bearer [secret TOKEN]");
    assert_eq!(stage.tools.get("bad.env").unwrap().secrets(&json!({})), ["TOKEN"]);
    let error = stage.call("crash").await.unwrap_err().to_string();
    assert!(error.contains("[secret TOKEN]") && !error.contains(token), "{error}");
    stage.servers.stop().await;
}
