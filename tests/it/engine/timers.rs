//! Durable timers, whatever the clock does.

use std::sync::Arc;
use std::time::Duration;

use callboard::clock::{Clock, ManualClock, Timestamp};
use callboard::engine::Submission;
use callboard::run::{RunEvent, RunStatus};
use callboard::store::{RunFilter, WorkspaceId};
use serde_json::json;

use super::world::{Plan, Script, World};

const HOUR: i64 = 3_600_000;
const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

fn plan(clock: &ManualClock) -> Plan {
    Plan { clock: Arc::new(clock.clone()), ..Plan::default() }
}

/// 10,000 timers over 20 restarts, with the clock set forwards and back by an hour between them: each fires
/// once, and none before its time by the clock that then holds.
#[tokio::test]
async fn timers_fire_once_and_never_early_though_the_clock_is_moved_both_ways() {
    const RUNS: u64 = 10_000;
    let clock = ManualClock::at(BEGIN);
    let mut world = World::with(Script::echo(), plan(&clock)).await;
    let text = "name: t\ninputs: { at: { type: integer } }\nsteps:\n  - { id: pause, process: { wait: { until: \"{{ inputs.at }}\" } } }\n";
    let workflow = world.workflow(text).await;
    let submitted: Vec<_> = (0..RUNS)
        .map(|n| {
            let mut submission = Submission::of(workflow.clone());
            // Spread over ten hours, most of them at odd times.
            let at = BEGIN.0 + (i64::try_from(n).expect("small") * 7_919) % (10 * HOUR) + 1;
            submission.inputs.insert("at".into(), json!(at));
            let engine = world.engine.clone();
            tokio::spawn(async move { (engine.submit(submission).await.expect("begins"), at) })
        })
        .collect();
    let mut wanted = Vec::new();
    for run in submitted {
        wanted.push(run.await.expect("begins"));
    }
    // Up by half an hour each time; and in between an hour forwards, or an hour back.
    let mut now = BEGIN.0;
    for restart in 0..20 {
        now += HOUR / 2;
        let skew = [0, HOUR, 0, -HOUR][restart % 4];
        clock.set(Timestamp(now + skew));
        world = world.restart(Script::echo(), plan(&clock)).await;
        settle(&world, clock.now()).await;
    }
    clock.set(Timestamp(BEGIN.0 + 12 * HOUR));
    settle(&world, clock.now()).await;
    for (run, at) in wanted {
        let events = world.events(run).await;
        let ends: Vec<_> = events.iter().filter(|recorded| matches!(recorded.event, RunEvent::Ended { .. })).collect();
        assert_eq!(ends.len(), 1, "run {run} fired once: {events:#?}");
        assert!(ends[0].at.0 >= at, "run {run} fired at {} and was due at {at}", ends[0].at.0);
    }
}

/// Returns once no timer is due any more.
async fn settle(world: &World, now: Timestamp) {
    let runs = world.store.workspace(WorkspaceId::default()).runs();
    for _ in 0..2_000 {
        if runs.due(now, None, 1).await.expect("read").is_empty() {
            return world.engine.idle().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("timers are still due after 20 s");
}

#[tokio::test]
async fn a_deadline_of_a_question_takes_its_default_and_a_signal_that_does_not_come_times_out() {
    let text = r#"
name: late
steps:
  - { id: ask, needs: [], process: { human: { ask: "Yes?", default: { after: 1h, outcome: rejected } } } }
  - { id: news, needs: [], process: { wait: { event: news, timeout: 2h } } }
  - id: all
    needs: [ask.rejected, news.timeout]
    process: { transform: done }
"#;
    let clock = ManualClock::at(BEGIN);
    let world = World::with(Script::echo(), plan(&clock)).await;
    let run = world.submit(text, json!({})).await;
    clock.advance(Duration::from_secs(3_599));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.story(run).await.len(), 5, "nothing before its time: {:#?}", world.story(run).await);
    clock.advance(Duration::from_secs(1));
    world.until(run, "default", |event| matches!(event, RunEvent::Answered { by: None, .. })).await;
    clock.advance(Duration::from_hours(1));
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").result, Some(json!("done")));
}

#[tokio::test]
async fn a_run_past_its_deadline_is_cancelled() {
    let clock = ManualClock::at(BEGIN);
    let world = World::with(Script::new(|_| std::future::pending()), plan(&clock)).await;
    let workflow = world.workflow("name: w\nsteps:\n  - { id: a, process: { tool: x } }\n").await;
    let mut submission = Submission::of(workflow);
    submission.deadline = Some(BEGIN.after(Duration::from_mins(1)));
    let run = world.engine.submit(submission).await.expect("begins");
    clock.advance(Duration::from_mins(1));
    let summary = world.engine.wait_for_end(run).await.expect("ends");
    assert_eq!(summary.status, RunStatus::Cancelled);
    assert_eq!(summary.failure.map(|failure| failure.message), Some("deadline".into()));
}

#[tokio::test]
async fn a_run_that_waits_has_no_actor() {
    let world = World::new(Script::echo()).await;
    let workflow = world.workflow("name: w\nsteps:\n  - { id: a, process: { wait: { for: 1d } } }\n").await;
    for _ in 0..100 {
        world.engine.submit(Submission::of(workflow.clone())).await.expect("begins");
    }
    world.engine.idle().await;
    assert_eq!(world.engine.active_runs(), 0);
    let filter = RunFilter { status: Some(RunStatus::Waiting), ..RunFilter::default() };
    let runs = world.store.workspace(WorkspaceId::default()).runs().list(&filter, 1_000).await.expect("listed");
    assert_eq!(runs.len(), 100);
}
