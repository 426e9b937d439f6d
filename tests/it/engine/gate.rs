//! The effect gate: nothing that changes the world is done twice unasked, and nothing is paid for twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callboard::engine::gate::{Call, CallError};
use callboard::run::{Failure, Policy, RunEvent, RunStatus};
use callboard::workflow::{CallEffect, Effect};
use serde_json::json;

use super::world::{Plan, Script, World, call, lost};

const AGENT: &str = r#"
name: act
steps:
  - { id: act, needs: [], process: { agent: any, goal: Do it } }
  - { id: then, needs: [act], process: { transform: "{{ steps.act.output }}" } }
  - { id: otherwise, needs: [act.error], process: { transform: "{{ steps.act.error.code }}" } }
"#;

/// An agent that sends one mail, whose result is lost; and then says so.
fn careless(sent: &Arc<AtomicUsize>, effect: Effect) -> Script {
    let sent = sent.clone();
    Script::new(move |attempt| {
        let sent = sent.clone();
        async move {
            let answer = call(&attempt, "mail", effect, json!({ "to": "finance" }), async move {
                if sent.fetch_add(1, Ordering::SeqCst) == 0 {
                    Err(lost("the line went dead"))
                } else {
                    Ok(json!("sent"))
                }
            })
            .await?;
            Ok(json!({ "mail": answer }))
        }
    })
}

#[tokio::test]
async fn a_result_that_is_lost_parks_the_step_and_each_answer_does_what_it_says() {
    for (answer, mails, result) in [
        ("happened", 1, json!({ "mail": null })),
        ("repeat", 2, json!({ "mail": "sent" })),
        ("fail", 1, json!("effect_unknown")),
    ] {
        let sent = Arc::new(AtomicUsize::new(0));
        let world = World::new(careless(&sent, Effect::Irreversible)).await;
        let run = world.submit(AGENT, json!({})).await;
        assert_eq!(world.engine.wait(run).await.expect("parks").status, RunStatus::Parked);
        let asked = world.until(run, "question", |event| matches!(event, RunEvent::Asked { .. })).await;
        let RunEvent::Asked { question } = asked.event else { unreachable!() };
        assert!(question.ask.contains("mail") && question.ask.contains("the line went dead"), "{}", question.ask);
        world.engine.answer(run, &question.id, answer, None, None).await.expect("answered");
        let summary = world.engine.wait_for_end(run).await.expect("ends");
        assert_eq!(summary.result, Some(result), "{answer}: {:#?}", world.story(run).await);
        assert_eq!(sent.load(Ordering::SeqCst), mails, "{answer}");
        let repeated = world.story(run).await.contains(&"call_repeated act".to_owned());
        assert_eq!(repeated, answer == "repeat", "a repeated call is flagged");
    }
}

#[tokio::test]
async fn an_idempotent_call_whose_result_is_lost_is_repeated_with_the_same_key() {
    let keys = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = keys.clone();
    let script = Script::new(move |attempt| {
        let seen = seen.clone();
        async move {
            let effect = CallEffect { effect: Effect::Write, idempotent: true };
            let put = Call::new("put", effect, json!({ "x": 1 }));
            attempt
                .gate
                .call(put, |permit| async move {
                    let times = {
                        let mut seen = seen.lock().expect("whole");
                        seen.push(permit.idempotency_key().to_owned());
                        seen.len()
                    };
                    if times == 1 { Err(lost("timed out")) } else { Ok(json!("done")) }
                })
                .await
        }
    });
    let text = r"
name: put
steps:
  - { id: put, process: { agent: any, goal: Put it }, retry: { max_attempts: 2, initial: 1ms } }
";
    let world = World::new(script).await;
    let run = world.submit(text, json!({})).await;
    assert_eq!(world.engine.wait(run).await.expect("ends").result, Some(json!("done")));
    assert!(world.story(run).await.contains(&"call_repeated put".to_owned()));
    let keys = keys.lock().expect("whole");
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn what_was_paid_for_is_not_paid_for_again_by_a_later_attempt() {
    let made = Arc::new(AtomicUsize::new(0));
    let counting = made.clone();
    let attempts = Arc::new(AtomicUsize::new(0));
    let script = Script::new(move |attempt| {
        let (made, attempts) = (counting.clone(), attempts.clone());
        async move {
            let mut answers = Vec::new();
            // The same question twice: two calls, told apart by their order.
            for _ in 0..2 {
                let made = made.clone();
                let answer = call(&attempt, "model:any", Effect::Read, json!({ "ask": "?" }), async move {
                    Ok(json!(made.fetch_add(1, Ordering::SeqCst)))
                });
                answers.push(answer.await?);
            }
            if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(Failure::retry("stumbled", "after the calls").into());
            }
            Ok(json!(answers))
        }
    });
    let text = r"
name: ask
steps:
  - { id: ask, process: { agent: any, goal: Ask }, retry: { max_attempts: 2, initial: 1ms } }
";
    let world = World::new(script).await;
    let run = world.submit(text, json!({})).await;
    assert_eq!(world.engine.wait(run).await.expect("ends").result, Some(json!([0, 1])));
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_that_policy_lets_nobody_make_unasked_waits_for_an_approval() {
    for (answer, expected) in [("approved", json!("sent")), ("rejected", json!("refused"))] {
        let script = Script::new(|attempt| async move {
            call(&attempt, "mail", Effect::Irreversible, json!({ "to": "all" }), async { Ok(json!("sent")) }).await
        });
        let policy = Policy { ask_from: Some(Effect::Irreversible), ..Policy::default() };
        let world = World::with(script, Plan { policy, ..Plan::default() }).await;
        let run = world.submit(AGENT, json!({})).await;
        assert_eq!(world.engine.wait(run).await.expect("parks").status, RunStatus::Parked);
        let asked = world.until(run, "question", |event| matches!(event, RunEvent::Asked { .. })).await;
        let RunEvent::Asked { question } = asked.event else { unreachable!() };
        assert_eq!(question.ask, r#"May step act call mail with {"to":"all"}?"#);
        world.engine.answer(run, &question.id, answer, None, None).await.expect("answered");
        assert_eq!(world.engine.wait_for_end(run).await.expect("ends").result, Some(expected));
    }
}

#[tokio::test]
async fn a_call_that_failed_without_effect_is_made_again_by_the_next_attempt() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counting = tries.clone();
    let script = Script::new(move |attempt| {
        let tries = counting.clone();
        async move {
            call(&attempt, "mail", Effect::Irreversible, json!({}), async move {
                match tries.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(CallError::Failed(Failure::retry("refused", "connection refused"))),
                    _ => Ok(json!("sent")),
                }
            })
            .await
        }
    });
    let text = r"
name: mail
steps:
  - { id: mail, process: { tool: mail }, retry: { max_attempts: 2, initial: 1ms } }
";
    let world = World::new(script).await;
    let run = world.submit(text, json!({})).await;
    assert_eq!(world.engine.wait(run).await.expect("ends").result, Some(json!("sent")));
    assert_eq!(tries.load(Ordering::SeqCst), 2);
}
