//! The process goes away at any moment, and another takes the runs up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callboard::engine::Submission;
use callboard::run::{RunEvent, RunStatus};
use callboard::store::WorkspaceId;
use callboard::workflow::Effect;
use futures::StreamExt;
use serde_json::json;

use super::world::{Plan, Script, World, call};

/// Never done: in flight when the process goes away.
fn stuck() -> Script {
    Script::new(|_| std::future::pending())
}

#[tokio::test]
async fn an_attempt_in_flight_is_taken_up_again_and_flagged() {
    let text = "name: two\nsteps:\n  - { id: a, process: { tool: x } }\n  - { id: b, process: { tool: x } }\n";
    let world = World::new(stuck()).await;
    let run = world.submit(text, json!({})).await;
    let world = world.restart(Script::echo(), Plan::default()).await;
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Completed);
    assert_eq!(
        world.story(run).await,
        ["created", "started a", "resumed a", "ended a", "started b", "ended b", "completed"]
    );
}

#[tokio::test]
async fn a_call_in_flight_that_changes_the_world_parks_and_one_that_reads_is_made_again() {
    let text = "name: act\nsteps:\n  - { id: act, process: { agent: x, goal: y } }\n";
    for (effect, status) in [(Effect::Irreversible, RunStatus::Parked), (Effect::Read, RunStatus::Completed)] {
        let begun = Arc::new(tokio::sync::Notify::new());
        let signal = begun.clone();
        let hanging = Script::new(move |attempt| {
            let signal = signal.clone();
            async move {
                call(&attempt, "thing", effect, json!({}), async move {
                    signal.notify_one();
                    std::future::pending().await
                })
                .await
            }
        });
        let world = World::new(hanging).await;
        let run = world.submit(text, json!({})).await;
        begun.notified().await;
        let working = Script::new(move |attempt| async move {
            call(&attempt, "thing", effect, json!({}), async { Ok(json!("made")) }).await
        });
        let world = world.restart(working, Plan::default()).await;
        assert_eq!(world.engine.wait(run).await.expect("goes on").status, status, "{effect:?}");
    }
}

#[tokio::test]
async fn what_an_agent_has_learnt_survives_the_process() {
    let asked = Arc::new(AtomicUsize::new(0));
    let script = |hangs: bool, asked: &Arc<AtomicUsize>| {
        let asked = asked.clone();
        Script::new(move |attempt| {
            let asked = asked.clone();
            async move {
                let counting = asked.clone();
                let first = call(&attempt, "model:x", Effect::Read, json!({ "turn": 1 }), async move {
                    Ok(json!(counting.fetch_add(1, Ordering::SeqCst)))
                });
                let first = first.await?;
                if hangs {
                    std::future::pending::<()>().await;
                }
                Ok(first)
            }
        })
    };
    let world = World::new(script(true, &asked)).await;
    let run = world.submit("name: a\nsteps:\n  - { id: a, process: { agent: x, goal: y } }\n", json!({})).await;
    world.until(run, "reply", |event| matches!(event, RunEvent::CallReturned { .. })).await;
    let world = world.restart(script(false, &asked), Plan::default()).await;
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").result, Some(json!(0)));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn questions_waits_and_signals_survive_the_process() {
    let text = r#"
name: patient
steps:
  - { id: ask, needs: [], process: { human: "Yes?" } }
  - { id: pause, needs: [], process: { wait: { for: 300ms } } }
  - { id: told, needs: [], process: { wait: { event: news } } }
  - { id: all, needs: [ask, pause, told], process: { transform: "{{ steps.told.output }}" } }
"#;
    let world = World::new(stuck()).await;
    let run = world.submit(text, json!({})).await;
    let world = world.restart(stuck(), Plan::default()).await;
    assert_eq!(world.engine.active_runs(), 0, "a waiting run costs no actor");
    world.engine.signal(run, "news", json!("good")).await.expect("kept");
    let world = world.restart(stuck(), Plan::default()).await;
    world.engine.answer(run, "ask", "approved", None, None).await.expect("answered");
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").result, Some(json!("good")));
}

#[tokio::test]
async fn a_run_is_followed_from_any_event_without_a_gap() {
    let text = r#"
name: many
steps:
  - id: each
    process:
      for_each: { items: "{{ range(200) }}", concurrency: 5, steps: [{ id: one, process: { tool: x } }] }
"#;
    let world = World::new(Script::echo()).await;
    let run = world.submit(text, json!({})).await;
    for after in [0, 7, 100] {
        let followed: Vec<u64> =
            world.engine.subscribe(run, after).map(|recorded| recorded.expect("followed").seq).collect().await;
        let last = world.events(run).await.len() as u64;
        assert_eq!(followed, (after + 1..=last).collect::<Vec<_>>());
    }
    let beyond: Vec<_> = world.engine.subscribe(run, 1_000_000).collect().await;
    assert!(beyond.is_empty());
}

#[tokio::test]
async fn a_child_that_ended_while_its_parent_was_not_told_is_found_at_the_next_start() {
    let child = "name: child\nsteps:\n  - { id: ask, process: { human: \"Go on?\" } }\n";
    let parent = "name: parent\nsteps:\n  - { id: sub, process: { workflow: child } }\n";
    let world = World::new(stuck()).await;
    let child = world.workflow(child).await;
    let parent = world.workflow(parent).await;
    let pins = [("workflow:child".to_owned(), child.hash().to_owned())].into_iter().collect();
    let run = world.submit_pinned(parent, json!({}), pins).await;
    let started = world.until(run, "child", |event| matches!(event, RunEvent::ChildStarted { .. })).await;
    let RunEvent::ChildStarted { run: sub, .. } = started.event else { unreachable!() };
    world.engine.wait(sub).await.expect("parks");
    // The child's end is recorded by a journal of its own, as if the process had stopped right after.
    let journal = world.store.workspace(WorkspaceId::default()).journal();
    let events = world.events(sub).await;
    let seq = events.len() as u64;
    world.engine.idle().await;
    end_child(&journal, sub, seq).await;
    drop(journal);
    let world = world.restart(stuck(), Plan::default()).await;
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Completed);
}

async fn end_child(journal: &dyn callboard::store::Journal, run: callboard::run::RunId, seq: u64) {
    use callboard::clock::{Clock, SystemClock};
    use callboard::run::{Output, Recorded};
    use callboard::store::{Append, Head};
    let at = SystemClock.now();
    let events = vec![
        RunEvent::Answered { question: "ask".into(), choice: "approved".into(), form: None, by: None },
        RunEvent::Ended { step: "ask".into(), outcome: "approved".into(), output: Output::Nothing },
        RunEvent::Completed { result: Output::Nothing },
    ];
    let events = (seq + 1..).zip(events).map(|(seq, event)| Recorded { seq, at, event }).collect();
    let head = Head { status: RunStatus::Completed, wake_at: None };
    journal.append(Append { run, expected_seq: seq, events, head }).await.expect("appended");
}

#[tokio::test]
async fn a_stopping_engine_takes_nothing_more_and_loses_nothing() {
    let world = World::new(Script::new(|_| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(json!(1))
    }))
    .await;
    let workflow = world
        .workflow("name: w\nsteps:\n  - { id: a, process: { tool: x } }\n  - { id: b, process: { tool: x } }\n")
        .await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(world.engine.submit(Submission::of(workflow.clone())).await.expect("begins"));
    }
    world.engine.stop().await;
    assert!(world.engine.submit(Submission::of(workflow)).await.is_err());
    let world = world.restart(Script::echo(), Plan::default()).await;
    for run in runs {
        assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Completed);
    }
}
