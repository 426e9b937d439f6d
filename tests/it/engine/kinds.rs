//! What each kind of process does, seen from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callboard::engine::EngineError;
use callboard::engine::port::Stop;
use callboard::run::{Failure, RunEvent, RunStatus};
use serde_json::{Value, json};

use super::world::{Script, World};

/// Runs to its end (or a question), and gives status, result and failure code.
async fn outcome(script: Script, text: &str, inputs: Value) -> (RunStatus, Value, Option<String>) {
    let world = World::new(script).await;
    let run = world.submit(text, inputs).await;
    let summary = world.engine.wait(run).await.expect("the run goes on");
    (summary.status, summary.result.unwrap_or_default(), summary.failure.map(|failure| failure.message))
}

#[tokio::test]
async fn a_chain_hands_values_on() {
    let text = r#"
name: chain
inputs: { who: { type: string, default: world } }
steps:
  - { id: greet, input: { text: "Hello {{ inputs.who }}" }, process: { tool: any.tool } }
  - { id: shout, process: { transform: { loud: "{{ steps.greet.output.input.text | upper }}" } } }
"#;
    let (status, result, _) = outcome(Script::echo(), text, json!({})).await;
    assert_eq!((status, result), (RunStatus::Completed, json!({ "loud": "HELLO WORLD" })));
}

#[tokio::test]
async fn a_branch_takes_the_first_case_that_is_true_and_the_others_are_skipped() {
    let text = r#"
name: choice
inputs: { n: { type: integer } }
steps:
  - { id: size, needs: [], process: { branch: { small: "{{ inputs.n < 10 }}", medium: "{{ inputs.n < 100 }}" } } }
  - { id: a, needs: [size.small], process: { transform: small } }
  - { id: b, needs: [size.medium], process: { transform: medium } }
  - { id: c, needs: [size.otherwise], process: { transform: large } }
  - { id: last, needs: [a, b, c], join: any, process: { transform: "{{ steps.b.output }}" } }
"#;
    let world = World::new(Script::echo()).await;
    let run = world.submit(text, json!({ "n": 50 })).await;
    let summary = world.engine.wait(run).await.expect("ends");
    assert_eq!(summary.result, Some(json!("medium")));
    let story = world.story(run).await;
    assert!(story.contains(&"skipped a".into()) && story.contains(&"skipped c".into()), "{story:#?}");
}

#[tokio::test]
async fn a_for_each_keeps_the_order_of_its_items_whatever_the_order_of_their_ends() {
    let script = Script::new(|attempt| async move {
        let n = attempt.input["n"].as_u64().unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(30 - n)).await;
        Ok(json!(n * 10))
    });
    let text = r#"
name: fan
steps:
  - id: each
    process:
      for_each:
        items: "{{ range(20) }}"
        as: n
        concurrency: 7
        steps:
          - { id: one, input: { n: "{{ n }}" }, process: { tool: any.tool } }
          - { id: two, process: { transform: { of: "{{ n }}", at: "{{ index }}", is: "{{ steps.one.output }}" } } }
"#;
    let (status, result, _) = outcome(script, text, json!({})).await;
    let wanted: Vec<Value> = (0..20).map(|n| json!({ "of": n, "at": n, "is": n * 10 })).collect();
    assert_eq!((status, result), (RunStatus::Completed, json!(wanted)));
}

#[tokio::test]
async fn a_for_each_that_collects_goes_on_after_a_failure_and_one_that_stops_does_not() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counting = seen.clone();
    let script = Script::new(move |attempt| {
        counting.fetch_add(1, Ordering::SeqCst);
        async move {
            match attempt.input["n"].as_u64() {
                Some(1) => Err(Stop::Failed(Failure::give_up("odd", "one is not welcome"))),
                n => Ok(json!(n)),
            }
        }
    });
    let text = |on_error: &str| {
        format!(
            r#"
name: each
steps:
  - id: each
    process:
      for_each:
        items: [0, 1, 2, 3]
        on_error: {on_error}
        steps:
          - {{ id: one, input: {{ n: "{{{{ item }}}}" }}, process: {{ tool: any.tool }} }}
"#
        )
    };
    let (status, result, _) = outcome(script.clone(), &text("collect"), json!({})).await;
    assert_eq!(status, RunStatus::Completed);
    assert_eq!(result[0], json!(0));
    assert_eq!(result[1]["error"]["code"], json!("odd"));
    assert_eq!(result[3], json!(3));
    assert_eq!(seen.swap(0, Ordering::SeqCst), 4);

    let (status, _, failure) = outcome(script, &text("stop"), json!({})).await;
    assert_eq!(status, RunStatus::Failed);
    assert!(failure.as_deref().is_some_and(|why| why.contains("one is not welcome")), "{failure:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_repeat_goes_on_until_its_condition_holds_or_it_is_exhausted() {
    let text = |max: u32| {
        format!(
            r#"
name: again
steps:
  - id: again
    needs: []
    process:
      repeat:
        until: "{{{{ steps.try.output >= 3 }}}}"
        max: {max}
        steps:
          - {{ id: try, process: {{ transform: "{{{{ index + 1 }}}}" }} }}
  - {{ id: enough, needs: [again], process: {{ transform: enough }} }}
  - {{ id: never, needs: [again.exhausted], process: {{ transform: never }} }}
"#
        )
    };
    assert_eq!(outcome(Script::echo(), &text(5), json!({})).await.1, json!("enough"));
    assert_eq!(outcome(Script::echo(), &text(2), json!({})).await.1, json!("never"));
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_as_retry_says_and_its_error_can_be_handled() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counting = tries.clone();
    let script = Script::new(move |_| {
        let n = counting.fetch_add(1, Ordering::SeqCst);
        async move { if n < 2 { Err(Stop::Failed(Failure::retry("flaky", "not yet"))) } else { Ok(json!("at last")) } }
    });
    let text = |attempts: u32| {
        format!(
            r#"
name: flaky
steps:
  - id: work
    needs: []
    process: {{ tool: any.tool }}
    retry: {{ max_attempts: {attempts}, initial: 1ms, max: 2ms }}
  - {{ id: sorry, needs: [work.error], process: {{ transform: "{{{{ steps.work.error.code }}}}" }} }}
"#
        )
    };
    assert_eq!(outcome(script.clone(), &text(3), json!({})).await.1, json!("at last"));
    tries.store(0, Ordering::SeqCst);
    assert_eq!(outcome(script, &text(2), json!({})).await, (RunStatus::Completed, json!("flaky"), None));
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_stopped_and_one_that_panics_fails_alone() {
    let script = Script::new(|attempt| async move {
        match attempt.step.as_str() {
            "slow" => std::future::pending().await,
            "panics" => panic!("on purpose"),
            _ => Ok(json!("fine")),
        }
    });
    let text = r#"
name: trouble
steps:
  - { id: slow, needs: [], timeout: 30ms, process: { tool: any.tool } }
  - { id: panics, needs: [], process: { tool: any.tool } }
  - { id: fine, needs: [], process: { tool: any.tool } }
  - id: all
    needs: [slow.error, panics.error, fine]
    process: { transform: ["{{ steps.slow.error.code }}", "{{ steps.panics.error.code }}", "{{ steps.fine.output }}"] }
"#;
    let (status, result, _) = outcome(script, text, json!({})).await;
    assert_eq!((status, result), (RunStatus::Completed, json!(["timeout", "panicked", "fine"])));
}

#[tokio::test]
async fn a_person_is_asked_and_a_wrong_answer_says_what_is_right() {
    let text = r#"
name: ask
steps:
  - { id: go_on, needs: [], process: { human: { ask: "Really?", choices: [approved, rejected, later] } } }
  - { id: yes, needs: [go_on], process: { transform: did } }
  - { id: no, needs: [go_on.rejected], process: { transform: did not } }
"#;
    let world = World::new(Script::echo()).await;
    let run = world.submit(text, json!({})).await;
    assert_eq!(world.engine.wait(run).await.expect("parks").status, RunStatus::Parked);
    let wrong = world.engine.answer(run, "go_on", "perhaps", None, None).await.expect_err("no such choice");
    assert_eq!(
        wrong.to_string(),
        "question go_on cannot be answered with perhaps; choose one of approved, rejected, later"
    );
    let none = world.engine.answer(run, "other", "approved", None, None).await.expect_err("no such question");
    assert!(matches!(none, EngineError::NoSuchQuestion { .. }), "{none}");
    world.engine.answer(run, "go_on", "rejected", None, Some("me".into())).await.expect("answered");
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").result, Some(json!("did not")));
    let late = world.engine.answer(run, "go_on", "approved", None, None).await.expect_err("too late");
    assert!(matches!(late, EngineError::Ended { .. }), "{late}");
}

#[tokio::test]
async fn a_signal_that_comes_early_is_kept_and_the_condition_picks_the_right_one() {
    let text = r#"
name: signals
steps:
  - { id: ready, process: { human: "Ready?" } }
  - { id: paid, process: { wait: { event: payment, where: "{{ event.amount >= 100 }}" } } }
  - { id: done, process: { transform: "{{ steps.paid.output.amount }}" } }
"#;
    let world = World::new(Script::echo()).await;
    let run = world.submit(text, json!({})).await;
    for amount in [5, 250, 300] {
        world.engine.signal(run, "payment", json!({ "amount": amount })).await.expect("kept");
    }
    world.engine.answer(run, "ready", "approved", None, None).await.expect("answered");
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").result, Some(json!(250)));
}

#[tokio::test]
async fn a_workflow_starts_another_and_a_cancelled_parent_takes_its_child_along() {
    let child = r#"
name: child
inputs: { n: { type: integer } }
steps:
  - { id: ask, process: { human: "Go on?" } }
  - { id: double, process: { transform: "{{ inputs.n * 2 }}" } }
"#;
    let parent = r#"
name: parent
steps:
  - { id: sub, input: { n: 21 }, process: { workflow: child } }
  - { id: after, process: { transform: { got: "{{ steps.sub.output }}" } } }
"#;
    let world = World::new(Script::echo()).await;
    let child = world.workflow(child).await;
    let parent = world.workflow(parent).await;
    let pins = [("workflow:child".to_owned(), child.hash().to_owned())].into_iter().collect();
    let run = world.submit_pinned(parent.clone(), json!({}), Clone::clone(&pins)).await;
    let started = world.until(run, "child", |event| matches!(event, RunEvent::ChildStarted { .. })).await;
    let RunEvent::ChildStarted { run: sub, .. } = started.event else { unreachable!() };
    world.engine.wait(sub).await.expect("parks");
    world.engine.answer(sub, "ask", "approved", None, None).await.expect("answered");
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").result, Some(json!({ "got": 42 })));

    let run = world.submit_pinned(parent, json!({}), pins).await;
    let started = world.until(run, "child", |event| matches!(event, RunEvent::ChildStarted { .. })).await;
    let RunEvent::ChildStarted { run: sub, .. } = started.event else { unreachable!() };
    world.engine.wait(sub).await.expect("parks");
    world.engine.cancel(run, "changed my mind").await.expect("cancelled");
    assert_eq!(world.engine.wait_for_end(run).await.expect("ends").status, RunStatus::Cancelled);
    assert_eq!(world.engine.wait_for_end(sub).await.expect("ends").status, RunStatus::Cancelled);
}

#[tokio::test]
async fn wrong_inputs_are_all_told_at_once() {
    let text = r"
name: inputs
inputs: { n: { type: integer }, who: { type: string } }
steps:
  - { id: a, process: { transform: 1 } }
";
    let world = World::new(Script::echo()).await;
    let workflow = world.workflow(text).await;
    let mut submission = callboard::engine::Submission::of(workflow);
    submission.inputs.insert("n".into(), json!("many"));
    submission.inputs.insert("whom".into(), json!("me"));
    let error = world.engine.submit(submission).await.expect_err("wrong");
    let text = error.to_string();
    for part in ["inputs.whom: the workflow has no such input", "inputs.who: a value is needed", "inputs.n:"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[tokio::test]
async fn a_large_output_goes_to_a_file_and_comes_back() {
    let script = Script::new(|attempt| async move {
        Ok(match attempt.step.as_str() {
            "big" => json!("x".repeat(400_000)),
            _ => json!(attempt.input["text"].as_str().map_or(0, str::len)),
        })
    });
    let text = r#"
name: big
steps:
  - { id: big, process: { tool: any.tool } }
  - { id: size, input: { text: "{{ steps.big.output }}" }, process: { tool: any.tool } }
"#;
    let world = World::new(script).await;
    let run = world.submit(text, json!({})).await;
    assert_eq!(world.engine.wait(run).await.expect("ends").result, Some(json!(400_000)));
    let events = serde_json::to_string(&world.events(run).await).expect("JSON");
    assert!(events.len() < 10_000, "the events do not hold the text: {} bytes", events.len());
}

#[tokio::test]
async fn a_retry_reuses_what_still_stands() {
    let broken = Arc::new(AtomicUsize::new(1));
    let calls = Arc::new(AtomicUsize::new(0));
    let (state, counting) = (broken.clone(), calls.clone());
    let script = Script::new(move |attempt| {
        let broken = state.load(Ordering::SeqCst) == 1;
        counting.fetch_add(1, Ordering::SeqCst);
        async move {
            match attempt.step.as_str() {
                "second" if broken => Err(Stop::Failed(Failure::give_up("broken", "the second is broken"))),
                step => Ok(json!(step)),
            }
        }
    });
    let text = r#"
name: thrice
steps:
  - { id: first, process: { tool: any.tool } }
  - { id: second, process: { tool: any.tool } }
  - { id: third, process: { tool: any.tool } }
result: ["{{ steps.first.output }}", "{{ steps.second.output }}", "{{ steps.third.output }}"]
"#;
    let world = World::new(script).await;
    let run = world.submit(text, json!({})).await;
    assert_eq!(world.engine.wait(run).await.expect("ends").status, RunStatus::Failed);
    broken.store(0, Ordering::SeqCst);
    calls.store(0, Ordering::SeqCst);
    let again = world.engine.retry(run, None).await.expect("begins");
    let all = Some(json!(["first", "second", "third"]));
    assert_eq!(world.engine.wait(again).await.expect("ends").result, all);
    assert_eq!(calls.swap(0, Ordering::SeqCst), 2, "the first step's result is reused");
    let third = world.engine.retry(again, Some("third")).await.expect("begins");
    assert_eq!(world.engine.wait(third).await.expect("ends").result, all);
    assert_eq!(calls.load(Ordering::SeqCst), 1, "a result is reused through a run that reused it");
    let wrong = world.engine.retry(run, Some("fourth")).await.expect_err("no such step");
    assert!(matches!(wrong, EngineError::NoSuchStep { .. }), "{wrong}");
}

#[tokio::test]
async fn a_list_too_large_for_an_event_is_not_read_again_for_every_item() {
    let text = r#"
name: wide
steps:
  - id: each
    process:
      for_each: { items: "{{ range(60000) }}", steps: [{ id: one, process: { transform: "{{ item }}" } }] }
result: "{{ steps.each.output | sum }}"
"#;
    let (status, result, _) = outcome(Script::echo(), text, json!({})).await;
    assert_eq!((status, result), (RunStatus::Completed, json!(1_799_970_000)));
}
