//! Simulation: the same decisions, and nothing is changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callboard::clock::Timestamp;
use callboard::engine::simulate::{Simulation, Unanswered, simulate};
use callboard::run::{RunEvent, RunStatus};
use callboard::workflow::{Effect, ValidWorkflow};
use serde_json::{Value, json};

use super::world::{Script, call};

fn simulation(script: Script, text: &str) -> Simulation {
    Simulation {
        workflow: Arc::new(ValidWorkflow::pinned(text).expect("valid")),
        inputs: serde_json::Map::new(),
        children: HashMap::new(),
        answers: BTreeMap::new(),
        unanswered: Unanswered::default(),
        run: None,
        executor: Arc::new(script),
        now: Timestamp(1_700_000_000_000),
    }
}

#[tokio::test]
async fn what_would_change_the_world_is_noted_and_what_only_reads_is_done() {
    let changed = Arc::new(AtomicUsize::new(0));
    let read = Arc::new(AtomicUsize::new(0));
    let (writes, reads) = (changed.clone(), read.clone());
    let script = Script::new(move |attempt| {
        let (writes, reads) = (writes.clone(), reads.clone());
        async move {
            let (effect, counter) =
                if attempt.step.id() == "look" { (Effect::Read, reads) } else { (Effect::Irreversible, writes) };
            call(&attempt, "any", effect, Value::Object(attempt.input.clone()), async move {
                counter.fetch_add(1, Ordering::SeqCst);
                Ok(json!("made"))
            })
            .await
        }
    });
    let text = r#"
name: sim
steps:
  - { id: look, process: { tool: any } }
  - { id: nap, process: { wait: { for: 3d } } }
  - { id: sure, process: { human: { ask: "Sure?", choices: [approved, rejected] } } }
  - { id: mail, input: { to: boss }, process: { tool: any } }
"#;
    let report = simulate(simulation(script.clone(), text)).await.expect("simulated");
    assert_eq!(report.summary.status, RunStatus::Completed);
    assert_eq!((read.load(Ordering::SeqCst), changed.load(Ordering::SeqCst)), (1, 0));
    assert_eq!(report.withheld.len(), 1);
    let withheld = &report.withheld[0];
    assert_eq!((withheld.step.as_str(), withheld.effect), ("mail", Effect::Irreversible));
    assert_eq!(withheld.arguments, json!({ "to": "boss" }));
    let (first, last) = (report.events[0].at, report.events[report.events.len() - 1].at);
    assert_eq!(last.since(first), Duration::from_hours(72), "time passes, and at once");

    let mut other = simulation(script, text);
    other.answers.insert("sure".into(), "rejected".into());
    let report = simulate(other).await.expect("simulated");
    assert!(report.withheld.is_empty());
    assert!(report.events.iter().any(|recorded| matches!(&recorded.event,
        RunEvent::Skipped { step } if step.as_str() == "mail")));
}

#[tokio::test]
async fn a_child_is_simulated_too_and_a_missing_one_is_a_failure_that_says_so() {
    let child = Arc::new(
        ValidWorkflow::pinned("name: child\nsteps:\n  - { id: a, process: { transform: 7 } }\n").expect("valid"),
    );
    let text = "name: parent\nsteps:\n  - { id: sub, process: { workflow: child } }\n";
    let mut with = simulation(Script::echo(), text);
    with.children.insert("child".into(), child);
    assert_eq!(simulate(with).await.expect("simulated").summary.result, Some(json!(7)));
    let failure = simulate(simulation(Script::echo(), text)).await.expect("simulated").summary.failure;
    assert!(failure.is_some_and(|failure| failure.message.contains("there is no workflow child")));
}

#[tokio::test]
async fn a_wait_for_a_signal_ends_the_simulation_and_says_so() {
    let text = "name: w\nsteps:\n  - { id: news, process: { wait: { event: news } } }\n";
    let report = simulate(simulation(Script::echo(), text)).await.expect("simulated");
    assert_eq!(report.summary.status, RunStatus::Waiting);
}
