//! The kernel against the meaning of the workflow file: random workflows in a random world, with
//! crashes, and a small independent reference that says what each run must come to.
//!
//! `CALLBOARD_SEEDS=100000` sets how many seeds are tried (10,000 unless set), and
//! `CALLBOARD_SEED=1234` tries just that one, and prints the workflow and the run's events.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "this is a test")]

mod generate;
mod invariants;
mod oracle;
mod reference;
mod shell;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use callboard::run::{Output, Recorded, RunEvent, RunStatus, StepPath};
use fastrand::Rng;

use oracle::Oracle;
use reference::{End, ListEnd};
use shell::{Outcomes, START, Scenario, Shell, place};

/// Seeds are dealt out to this many tests, which run side by side.
const SHARDS: u64 = 8;
const SEEDS: u64 = 10_000;

fn scenario(seed: u64, rng: &mut Rng) -> Scenario {
    let mut oracle = Oracle::new(seed, rng);
    let (workflow, endless) = generate::workflow(rng);
    oracle.endless = endless;
    let moment = |rng: &mut Rng| {
        let most = [100, 1_000, 150_000][rng.usize(..3)];
        START.after(Duration::from_millis(rng.u64(..most)))
    };
    Scenario {
        workflow,
        oracle,
        crashing: rng.choice([0, 20, 100, 300]).unwrap(),
        crashes: 12,
        cancel_at: (rng.u8(..10) == 0).then(|| moment(rng)),
        deadline: (rng.u8(..10) == 0).then(|| moment(rng)),
        checking: 60,
    }
}

fn simulate(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let scenario = scenario(seed, &mut rng);
    let mut log = Vec::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let outcomes = Shell::new(&scenario, &[], rng.fork()).run();
        log.clone_from(&outcomes.log);
        check(&scenario, &outcomes);
        if seed.is_multiple_of(4) {
            // Cut the list anywhere and go on from there, in a world that knows only the cut.
            let cut = rng.usize(1..=outcomes.log.len());
            let resumed = Shell::new(&scenario, &outcomes.log[..cut], rng.fork()).run();
            log.clone_from(&resumed.log);
            check(&scenario, &resumed);
        }
    }));
    let is_replay = std::env::var_os("CALLBOARD_SEED").is_some();
    if is_replay || result.is_err() {
        eprintln!("workflow of seed {seed}:\n{}", outline(&scenario.workflow.steps, 1));
        eprintln!(
            "oracle: {:?}\ncancel at {:?}, deadline {:?}",
            scenario.oracle, scenario.cancel_at, scenario.deadline
        );
    }
    if is_replay || result.is_err() {
        log.iter().for_each(|recorded| eprintln!("{:>4} {} {:?}", recorded.seq, recorded.at, recorded.event));
    }
    assert!(
        result.is_ok(),
        "seed {seed} failed, as told above; to replay it: CALLBOARD_SEED={seed} cargo nextest run --test it simulation::replay --no-capture"
    );
}

/// Compares what a run has come to with what it must come to.
fn check(scenario: &Scenario, outcomes: &Outcomes) {
    let mut steps = HashMap::new();
    shell::collect_steps(&scenario.workflow.steps, &mut steps);
    invariants::check_log(&outcomes.log, &steps);
    let expected = reference::expect(&scenario.workflow, &scenario.oracle, &outcomes.calls);
    let status = outcomes.state.status();
    let requested = outcomes.log.iter().any(|recorded| matches!(recorded.event, RunEvent::CancelRequested { .. }));
    let mut wrong = Vec::new();
    let mut ends = ends(&outcomes.log);
    for (place, (end, is_certain)) in &expected.steps {
        let actual = ends.remove(place);
        let is_certain = *is_certain && *end != End::Endless && (!requested || outcomes.was_endless);
        if actual.as_ref() != Some(end) && (is_certain || actual.is_some()) {
            wrong.push(format!("{place}: {actual:?}, must be {end:?}"));
        }
    }
    wrong.extend(ends.iter().map(|(place, end)| format!("{place}: {end:?}, must not be")));
    let run = match (status, outcomes.log.last().map(|recorded| &recorded.event)) {
        (RunStatus::Completed, Some(RunEvent::Completed { result })) => ListEnd::Value(output(&outcomes.log, result)),
        (RunStatus::Failed, _) => ListEnd::Failed,
        (RunStatus::Cancelled, _) if outcomes.was_endless => ListEnd::Endless,
        (RunStatus::Cancelled, _) if requested => expected.run.clone(),
        _ => panic!("{status} is no end"),
    };
    if run != expected.run {
        wrong.push(format!("the run: {run:?}, must be {:?}", expected.run));
    }
    let resumed = resumed(&outcomes.log);
    for (attempt, times) in &outcomes.performed {
        let repeats = resumed.get(attempt).copied().unwrap_or(0);
        if *times > 1 + outcomes.crashes || *times > 1 && repeats == 0 {
            wrong.push(format!("{attempt:?} was performed {times} times, and resumed {repeats} times"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn output(log: &[Recorded], output: &Output) -> serde_json::Value {
    shell::output_value(&|seq| &log[usize::try_from(seq).unwrap() - 1], output)
}

/// How each step ended, by place.
fn ends(log: &[Recorded]) -> BTreeMap<String, End> {
    let mut attempts: HashMap<&StepPath, u32> = HashMap::new();
    let mut ends = BTreeMap::new();
    for recorded in log {
        let (step, end) = match &recorded.event {
            RunEvent::Started { step, attempt, .. } => {
                attempts.insert(step, *attempt);
                continue;
            }
            RunEvent::Ended { step, outcome, output: value } => {
                let (outcome, output) = (outcome.to_string(), output(log, value));
                (step, End::Left { outcome, output, attempt: attempts[step] })
            }
            RunEvent::GaveUp { step, .. } => {
                let output = serde_json::json!({ "error": true });
                (step, End::Left { outcome: "error".into(), output, attempt: attempts[step] })
            }
            RunEvent::Skipped { step } => (step, End::Skipped),
            _ => continue,
        };
        let place = place(step, |step| attempts[step]);
        assert!(!ends.contains_key(&place), "{place} ends twice: {end:?}");
        ends.insert(place, end);
    }
    ends
}

/// How often each attempt was taken up again.
fn resumed(log: &[Recorded]) -> BTreeMap<(String, u32), u32> {
    let mut attempts: HashMap<&StepPath, u32> = HashMap::new();
    let mut resumed = BTreeMap::new();
    for recorded in log {
        match &recorded.event {
            RunEvent::Started { step, attempt, .. } => {
                attempts.insert(step, *attempt);
            }
            RunEvent::Resumed { step, attempt } => {
                *resumed.entry((place(step, |step| attempts[step]), *attempt)).or_default() += 1;
            }
            _ => {}
        }
    }
    resumed
}

/// A workflow to be read by whoever looks for the fault.
fn outline(steps: &[callboard::workflow::Step], depth: usize) -> String {
    steps.iter().fold(String::new(), |mut text, step| {
        let needs: Vec<String> = step.needs.iter().map(|need| format!("{}.{:?}", need.step, need.port)).collect();
        let process = format!("{:?}", step.process);
        let process = process.split("steps: [").next().unwrap_or_default();
        let _ = writeln!(
            text,
            "{:indent$}{} needs {:?} {needs:?} {process} retry {:?} timeout {:?}",
            "",
            step.id,
            step.join,
            step.retry,
            step.timeout,
            indent = 2 * depth
        );
        text + &outline(step.process.body().unwrap_or_default(), depth + 1)
    })
}

fn shard(number: u64) {
    if std::env::var_os("CALLBOARD_SEED").is_some() {
        return;
    }
    let seeds =
        std::env::var("CALLBOARD_SEEDS").map_or(SEEDS, |text| text.parse().expect("CALLBOARD_SEEDS is a number"));
    (number..seeds).step_by(usize::try_from(SHARDS).unwrap()).for_each(simulate);
}

/// Just the seed that `CALLBOARD_SEED` names, told in full.
#[test]
fn replay() {
    if let Ok(seed) = std::env::var("CALLBOARD_SEED") {
        simulate(seed.parse().expect("CALLBOARD_SEED is a number"));
    }
}

macro_rules! shards {
    ($($name:ident $number:literal),*) => {
        $(#[test]
        fn $name() {
            shard($number);
        })*
    };
}
shards!(shard_0 0, shard_1 1, shard_2 2, shard_3 3, shard_4 4, shard_5 5, shard_6 6, shard_7 7);
