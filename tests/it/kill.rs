//! `kill -9` at random moments, and dead stops at every named point: through the binary, against a sink that
//! keys on the idempotency key.
//!
//! 100 kills in `make test`; `CALLBOARD_KILLS=1000` for more. A failure prints the seed: `CALLBOARD_SEED=…` replays
//! the same workflow and the same delays (the moments of death are the machine's).

mod memory;
mod sink;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sink::Sink;

const RUNS: usize = 20;
const STEPS: usize = 10;

/// Ten calls one after the other, by every kind of effect that may be repeated.
fn workflow(sink: &Sink) -> String {
    let steps: String = (0..STEPS)
        .map(|step| {
            let call = match step % 3 {
                0 => "method: PUT",
                1 => "method: POST, idempotent: true",
                _ => "method: DELETE",
            };
            format!(
                "  - id: s{step}\n    input: {{ url: \"{}/{{{{ inputs.n }}}}/{step}\", {call} }}\n    \
                 process: {{ tool: http.request }}\n    retry: {{ max_attempts: 5, initial: 10ms, max: 50ms }}\n",
                sink.url()
            )
        })
        .collect();
    format!("name: killed\ninputs: {{ n: {{ type: integer }} }}\nsteps:\n{steps}")
}

fn callboard(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.arg("--data").arg(data).args(["--format", "json", "--log", "error"]);
    // What steers the tests is no setting of the program.
    for name in ["CRASH_POINT", "CALLBOARD_KILLS", "CALLBOARD_SEED"] {
        command.env_remove(name);
    }
    command.env("CALLBOARD_TOOLS__HTTP__ALLOW", "127.0.0.1").stdin(Stdio::null());
    command
}

fn json(command: &mut Command) -> Value {
    let output = command.output().expect("callboard runs");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{command:?}: {error}\n{text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

fn begin(data: &Path, file: &Path, runs: usize) {
    for n in 0..runs {
        let status = callboard(data)
            .args(["run", "--detach", "--input", &format!("n={n}")])
            .arg(file)
            .stdout(Stdio::null())
            .status()
            .expect("callboard runs");
        assert!(status.success(), "run {n} was not recorded");
    }
}

/// Every run completed, every step once; no keyed effect was applied twice; and what came more than once is flagged.
fn all_is_well(data: &Path, sink: &Sink, runs: usize) {
    let listed = json(callboard(data).args(["runs", "--limit", "1000"]));
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), runs);
    let mut keys = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for run in listed {
        assert_eq!(run["status"], "completed", "{run}");
        let id = run["id"].as_str().expect("an id");
        let output = callboard(data).args(["events", id]).output().expect("callboard runs");
        let mut ends = BTreeMap::<String, usize>::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let recorded: Value = serde_json::from_str(line).expect("an event a line");
            let event = &recorded["event"];
            if let Some(step) = event["ended"]["step"].as_str() {
                *ends.entry(step.to_owned()).or_default() += 1;
            }
            if let Some(key) = event["call_intended"]["key"].as_str() {
                keys.insert(key.to_owned());
            }
            if let Some(key) = event["call_repeated"]["key"].as_str() {
                repeated.insert(key.to_owned());
            }
        }
        assert_eq!(ends.len(), STEPS, "run {id}: {ends:?}");
        assert!(ends.values().all(|times| *times == 1), "run {id} ended a step twice: {ends:?}");
    }
    let seen = sink.seen();
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), keys, "the sink saw just what was intended");
    assert_eq!(seen.len(), runs * STEPS);
    let unflagged: Vec<_> = seen.iter().filter(|(key, times)| **times > 1 && !repeated.contains(*key)).collect();
    assert!(unflagged.is_empty(), "sent again without a flag: {unflagged:?}");
}

#[test]
fn killed_at_random_moments_nothing_is_lost_and_nothing_done_twice() {
    let kills: usize = std::env::var("CALLBOARD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let seed = std::env::var("CALLBOARD_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("replay with CALLBOARD_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut killed = 0;
    let mut rounds = 0;
    while killed < kills {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, file) = (folder.path().join("data"), folder.path().join("killed.yaml"));
        let sink = Sink::start(Duration::from_millis(4));
        std::fs::write(&file, workflow(&sink)).expect("written");
        begin(&data, &file, RUNS);
        loop {
            let mut child =
                callboard(&data).arg("resume").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            std::thread::sleep(Duration::from_millis(random.u64(5..160)));
            if killed < kills && child.try_wait().expect("it can be asked").is_none() {
                child.kill().expect("killed with SIGKILL");
                child.wait().expect("it is gone");
                killed += 1;
                continue;
            }
            let status = child.wait().expect("it ends");
            assert!(status.success(), "resume ended with {status}");
            break;
        }
        all_is_well(&data, &sink, RUNS);
        rounds += 1;
    }
    println!("{killed} kills over {rounds} rounds of {RUNS} runs of {STEPS} steps");
}

#[cfg(feature = "crash_points")]
#[test]
fn stopped_dead_at_every_named_point_it_recovers() {
    const FEW: usize = 3;
    for (point, what) in callboard::crash::POINTS {
        if point == "timer" {
            continue; // Below: this workflow has no timers.
        }
        for count in [1, 2, 7] {
            let folder = tempfile::tempdir().expect("a folder");
            let (data, file) = (folder.path().join("data"), folder.path().join("killed.yaml"));
            let sink = Sink::start(Duration::from_millis(1));
            std::fs::write(&file, workflow(&sink)).expect("written");
            begin(&data, &file, FEW);
            let crash = format!("{point}:{count}");
            let stopped = callboard(&data).arg("resume").env("CRASH_POINT", &crash).output().expect("it starts");
            assert!(stopped.status.code().is_none(), "{crash} ({what}) was not reached: {stopped:?}");
            let resumed = callboard(&data).arg("resume").output().expect("it starts");
            assert!(resumed.status.success(), "{crash}: {}", String::from_utf8_lossy(&resumed.stderr));
            all_is_well(&data, &sink, FEW);
        }
    }
}

#[cfg(feature = "crash_points")]
#[test]
fn stopped_dead_as_a_timer_is_due_it_fires_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (folder.path().join("data"), folder.path().join("nap.yaml"));
    std::fs::write(&file, "name: nap\nsteps:\n  - { id: nap, process: { wait: { for: 300ms } } }\n").expect("written");
    let stopped = callboard(&data).arg("run").arg(&file).env("CRASH_POINT", "timer").output().expect("it starts");
    assert!(stopped.status.code().is_none(), "the point was not reached: {stopped:?}");
    let resumed = callboard(&data).arg("resume").output().expect("it starts");
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    let runs = json(callboard(&data).arg("runs"));
    assert_eq!(runs[0]["status"], "completed");
}
