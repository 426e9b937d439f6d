//! Processes that are killed while they append, and disks that take no more.
//!
//! The children are tests of this same binary, which the others start and which do nothing when run by themselves.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;
use crate::store::fixtures::{append, created, run_id, started};
use crate::store::{Store, StoreOptions, Workspace, WorkspaceId};

const FOLDER: &str = "CALLBOARD_TEST_CHILD_FOLDER";
const RUNS: u64 = 8;

/// A command that runs this test in a process of its own.
fn child(test: &str, folder: &Path, shell: Option<&str>) -> Command {
    let binary = std::env::current_exe().unwrap();
    let mut command = match shell {
        None => Command::new(binary),
        Some(before) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!("{before} exec \"$0\" \"$@\"")).arg(binary);
            command
        }
    };
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    command.args(["--ignored", "--exact", "--nocapture", &name]);
    command.env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

async fn open(folder: &Path) -> (Store, Workspace) {
    let store = Store::open(folder, StoreOptions::default()).await.unwrap();
    let workspace = store.workspace(WorkspaceId::default());
    (store, workspace)
}

async fn last_seq(workspace: &Workspace, run: RunId) -> u64 {
    workspace.runs().get(run).await.unwrap().map_or(0, |head| head.seq)
}

/// Two events after event `after`, with the run's first if there is none yet.
fn next(run: RunId, after: u64, text: &str) -> Append {
    let first = (after == 0).then(|| created(None));
    append(run, after, first.into_iter().chain([started(text), started(text)]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a child process"]
async fn child_appends_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (_store, workspace) = open(Path::new(&folder)).await;
    println!();
    let appenders = (0..RUNS).map(|n| {
        let workspace = workspace.clone();
        tokio::spawn(async move {
            let mut after = last_seq(&workspace, run_id(n)).await;
            loop {
                let append = next(run_id(n), after, "a step of some length");
                after = append.events.last().unwrap().seq;
                workspace.journal().append(append).await.unwrap();
                println!("ack {n} {after}");
            }
        })
    });
    futures::future::join_all(appenders).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<u64, u64> = HashMap::new();
    for round in 0..8u64 {
        let before: u64 = acknowledged.values().sum();
        let mut child = child("child_appends_until_killed", folder.path(), None).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // Let it begin, then kill it at another moment every time.
        while !line.starts_with("ack") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended by itself");
        }
        tokio::time::sleep(Duration::from_micros(300 + 7_919 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        line.push_str(&rest);
        // The last line may be cut off.
        for ack in line.split_inclusive('\n').filter(|line| line.starts_with("ack") && line.ends_with('\n')) {
            let mut numbers = ack.split_whitespace().skip(1).map(|number| number.parse::<u64>().unwrap());
            acknowledged.insert(numbers.next().unwrap(), numbers.next().unwrap());
        }
        assert!(acknowledged.values().sum::<u64>() > before, "nothing was acknowledged in round {round}");

        let (store, workspace) = open(folder.path()).await;
        for n in 0..RUNS {
            let events = workspace.journal().read(run_id(n), 0, usize::MAX).await.unwrap();
            let (stored, acknowledged) = (events.len() as u64, acknowledged.get(&n).copied().unwrap_or(0));
            assert!(stored >= acknowledged, "run {n}: {acknowledged} acknowledged, {stored} stored");
            // All or none: an append is two events, three if it is the first.
            assert!(stored == 0 || stored % 2 == 1, "run {n}: {stored} events, a torn append");
            assert_eq!(last_seq(&workspace, run_id(n)).await, stored);
        }
        store.close().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "a child process"]
async fn child_appends_until_refused() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (_store, workspace) = open(Path::new(&folder)).await;
    println!();
    let text = "x".repeat(2000);
    for n in 0..100_000 {
        match workspace.journal().append(next(run_id(n), 0, &text)).await {
            Ok(()) => println!("ack {n}"),
            Err(error) => {
                // The journal must go on refusing, and reading, rather than break.
                let again = workspace.journal().append(next(run_id(n), 0, &text)).await;
                let read = workspace.journal().read(run_id(0), 0, 10).await;
                println!("refused {n} {} {}: {error}", again.is_err(), read.is_ok_and(|events| events.len() == 3));
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_disk_that_takes_no_more_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    // Files may grow to some megabytes; without the trap the signal would end the process first.
    let limit = "trap '' XFSZ; ulimit -S -f 8192;";
    let output = child("child_appends_until_refused", folder.path(), Some(limit)).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let acknowledged = text.lines().filter(|line| line.starts_with("ack")).count() as u64;
    let refused = text.lines().find(|line| line.starts_with("refused")).unwrap_or_else(|| panic!("{text}"));
    assert!(acknowledged > 50, "{text}");
    assert!(refused.starts_with(&format!("refused {acknowledged} true true: ")), "{refused}");
    assert!(refused.contains("disk"), "the error does not say what is wrong: {refused}");

    let (_store, workspace) = open(folder.path()).await;
    for n in 0..acknowledged {
        assert_eq!(workspace.journal().read(run_id(n), 0, 10).await.unwrap().len(), 3);
    }
    assert_eq!(last_seq(&workspace, run_id(acknowledged)).await, 0);
    workspace.journal().append(next(run_id(acknowledged), 0, "room again")).await.unwrap();
}
