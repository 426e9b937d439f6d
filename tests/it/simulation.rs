//! The kernel against the meaning of the workflow file: random workflows in a random world, with
//! crashes, and a small independent reference that says what each run must come to.
//!
//! `CALLBOARD_SEEDS=100000` sets how many seeds are tried (10,000 unless set, 100,000 in `make soak`), and
//! `CALLBOARD_SEED=1234` tries just that one, and prints the workflow and the run's events.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "this is a test")]

mod contract;
mod generate;
mod history;
mod invariants;
mod oracle;
mod reference;
mod shell;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use callboard::run::{RunEvent, RunStatus, StepPath, ValueRef};
use callboard::workflow::Step;
use fastrand::Rng;

use history::{EARLIER, History};
use oracle::Oracle;
use reference::{Chance, End, ListEnd};
use shell::{Outcomes, START, Scenario, Shell};

/// Seeds are dealt out to this many tests, which run side by side.
const SHARDS: usize = 8;
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
        is_unsteady: rng.u8(..8) == 0 && !oracle.is_simulated,
        workflow,
        oracle,
        crashing: rng.choice([0, 20, 100, 300]).unwrap(),
        crashes: 12,
        cancel_at: (rng.u8(..10) == 0).then(|| moment(rng)),
        deadline: (rng.u8(..10) == 0).then(|| moment(rng)),
        checking: 60,
        earlier: Vec::new(),
        reused: Vec::new(),
    }
}

/// Carries one seed through: the run, the run cut off and taken up again, and the run retried.
fn simulate(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut scenario = scenario(seed, &mut rng);
    let mut log = Vec::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let outcomes = Shell::new(&scenario, &[], rng.fork()).run();
        log.clone_from(&outcomes.log);
        check(&scenario, &outcomes);
        let is_short = outcomes.log.len() < 40;
        let cuts = match seed % 32 {
            0 if is_short => (1..=outcomes.log.len()).collect(),
            0 | 8 | 16 | 24 => vec![rng.usize(1..=outcomes.log.len())],
            _ => Vec::new(),
        };
        for cut in cuts {
            let resumed = Shell::new(&scenario, &outcomes.log[..cut], rng.fork()).run();
            log.clone_from(&resumed.log);
            check(&scenario, &resumed);
        }
        if seed % 8 == 4 {
            retry(&mut scenario, outcomes, &mut rng);
            let retried = Shell::new(&scenario, &[], rng.fork()).run();
            log.clone_from(&retried.log);
            check(&scenario, &retried);
        }
    }));
    let is_replay = std::env::var_os("CALLBOARD_SEED").is_some();
    if is_replay || result.is_err() {
        for recorded in &log {
            eprintln!("{:>5} {} {:?}", recorded.seq, recorded.at, recorded.event);
        }
        eprintln!("the workflow of seed {seed}:\n{}", outline(&scenario.workflow.steps, 1));
        let Scenario { oracle, cancel_at, deadline, is_unsteady, reused, .. } = &scenario;
        eprintln!("{oracle:?}\ncancel at {cancel_at:?}, deadline {deadline:?}, is_unsteady {is_unsteady}, {reused:?}");
    }
    assert!(
        result.is_ok(),
        "seed {seed} failed, as told above; replay it with\n  CALLBOARD_SEED={seed} cargo nextest run --test it simulation::replay --no-capture"
    );
}

/// Makes of a scenario the one in which its run, having ended, is retried, and all goes differently.
fn retry(scenario: &mut Scenario, outcomes: Outcomes, rng: &mut Rng) {
    scenario.reused = outcomes
        .state
        .root_results()
        .map(|(step, outcome, at)| {
            (StepPath::root(&step.id), outcome.clone(), at.map(|at| ValueRef { run: EARLIER, ..at }))
        })
        .collect();
    scenario.reused.retain(|_| rng.u8(..6) != 0);
    scenario.earlier = outcomes.log;
    let endless = std::mem::take(&mut scenario.oracle.endless);
    scenario.oracle = Oracle::new(rng.u64(..), rng);
    scenario.oracle.endless = endless;
    scenario.is_unsteady &= !scenario.oracle.is_simulated;
}

/// Compares what a run has come to with what it must come to.
fn check(scenario: &Scenario, outcomes: &Outcomes) {
    let Outcomes { log, state, performed } = outcomes;
    invariants::check_log(log, &shell::all_steps(&scenario.workflow.steps), scenario.is_unsteady);
    let history = History { events: log, pending: &[], earlier: &scenario.earlier };
    let chance = match history.chance() {
        chance if scenario.is_unsteady => chance,
        Chance { lost, failed, .. } => Chance { lost, failed, ..Chance::default() },
    };
    let reused = scenario.reused.iter().map(|(step, outcome, at)| {
        (step.to_string(), (outcome.to_string(), at.map_or(serde_json::Value::Null, |at| history.value(at))))
    });
    let expected = reference::expect(&scenario.workflow, &scenario.oracle, &chance, &reused.collect());

    let was_endless = shell::was_endless(log);
    let was_cancelled = log.iter().any(|recorded| matches!(recorded.event, RunEvent::CancelRequested { .. }));
    let mut wrong = Vec::new();
    let mut ends = history.ends();
    for (path, (end, is_certain)) in &expected.steps {
        let actual = ends.remove(path);
        let must_be = *is_certain && *end != End::Endless && (!was_cancelled || was_endless);
        if actual.as_ref() != Some(end) && (must_be || actual.is_some()) {
            wrong.push(format!("{path}: {actual:?}, must be {end:?}"));
        }
    }
    wrong.extend(ends.iter().map(|(path, end)| format!("{path}: {end:?}, must not be")));
    let run = match (state.status(), log.last().map(|recorded| &recorded.event)) {
        (RunStatus::Completed, Some(RunEvent::Completed { result })) => ListEnd::Value(history.output(result)),
        (RunStatus::Failed, Some(RunEvent::RunFailed { .. })) => ListEnd::Failed,
        (RunStatus::Cancelled, _) if was_endless => ListEnd::Endless,
        (RunStatus::Cancelled, _) if was_cancelled => expected.run.clone(),
        (status, last) => panic!("{status} is no end, by {last:?}"),
    };
    if run != expected.run {
        wrong.push(format!("the run: {run:?}, must be {:?}", expected.run));
    }
    let resumed = history.resumed();
    for (attempt, times) in performed {
        let repeats = resumed.get(attempt).copied().unwrap_or(0);
        if *times > 1 + repeats {
            wrong.push(format!("{attempt:?} was performed {times} times, and resumed {repeats} times"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A workflow to be read by whoever looks for the fault.
fn outline(steps: &[Step], depth: usize) -> String {
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
    if std::env::var_os("CALLBOARD_SEED").is_none() {
        let default = if std::env::var_os("CALLBOARD_SOAK").is_some() { 10 * SEEDS } else { SEEDS };
        let seeds = std::env::var("CALLBOARD_SEEDS");
        let seeds = seeds.map_or(default, |text| text.parse().expect("CALLBOARD_SEEDS is a number"));
        (number..seeds).step_by(SHARDS).for_each(simulate);
    }
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
