use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::*;
use crate::agents::testing::{MemoryLedger, ModelOf, assignment, goal, last_result, maker, says, tools, wants};
use crate::clock::SystemClock;
use crate::model::{
    Breaker, BreakerSettings, Budget, Dollars, Known, Link, Message, Model, ModelError, Patience, Price, Reply, Router,
    Trouble, Usage,
};
use crate::run::{Category, RunId};

const SOON: Duration = Duration::from_secs(5);

async fn company(lines: &str, model: Arc<dyn Model>) -> Company {
    Company::start(maker(lines), &Models::only(model), tools()).await.unwrap()
}

fn ledger() -> Arc<MemoryLedger> {
    Arc::default()
}

fn stats(company: &Company) -> RoleStats {
    company.stats("maker").unwrap()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, waiting).await.unwrap_or_else(|_| panic!("it never came about that {what}"));
}

fn failure(result: Result<Value, Stop>) -> Failure {
    match result {
        Err(Stop::Failed(failure)) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

/// Does as its goal says.
fn obedient() -> Arc<ModelOf> {
    ModelOf::new(|request| async move {
        match goal(&request).as_str() {
            "die" => panic!("the model is broken"),
            "wait" => {
                sleep(Duration::from_mins(1)).await;
                says("late")
            }
            "die slowly" => {
                sleep(Duration::from_millis(300)).await;
                panic!("the model is broken")
            }
            "work" => {
                sleep(Duration::from_millis(50)).await;
                says("worked")
            }
            "nap" => {
                sleep(Duration::from_millis(400)).await;
                says("worked")
            }
            other => match last_result(&request) {
                None => wants(other, json!({ "query": "x" })),
                Some(result) => says(&result.to_string()),
            },
        }
    })
}

#[tokio::test]
async fn an_assignment_goes_through_model_and_tools_to_its_result() {
    let (company, ledger) = (company("", obedient()).await, ledger());
    let result = company.assign(assignment("memory.search", &ledger)).await;
    assert_eq!(result, Ok(json!({ "text": r#"[{"found":"x"}]"# })));
    assert_eq!(ledger.made(), ["model:scripted", "memory.search", "model:scripted"]);
    assert_eq!(company.stop(SOON).await, 0);
    let stats = stats(&company);
    assert_eq!((stats.done, stats.failed, stats.restarts, stats.workers), (1, 0, 0, 2));
}

#[tokio::test]
async fn what_a_tool_refuses_or_fails_with_is_told_to_the_model() {
    let company = company("", obedient()).await;
    for (tool, told) in [("fail.retry", "the server is busy"), ("fail.give_up", "there is no such file")] {
        let result = company.assign(assignment(tool, &ledger())).await;
        assert_eq!(result, Ok(json!({ "text": json!({ "error": told }).to_string() })));
    }
}

#[tokio::test]
async fn a_call_of_which_nobody_knows_whether_it_took_effect_parks_the_step() {
    let company = company("", obedient()).await;
    assert_eq!(company.assign(assignment("mail.send", &ledger())).await, Err(Stop::Parked));
    until("it is counted", || stats(&company).parked == 1).await;
}

/// Cuts the work at every model call in turn, and goes on with what is recorded: nothing is paid twice, and the
/// result is that of the work done in one go.
#[tokio::test]
async fn a_resumed_attempt_pays_for_nothing_twice() {
    for cut in 1..=4 {
        let asked = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&asked);
        let model = ModelOf::new(move |request| {
            let asked = counter.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                if asked == cut {
                    return Err(ModelError::new(Trouble::Unavailable, "the provider is down".to_owned()));
                }
                let results = request.messages.iter().filter(|message| matches!(message, Message::Tool { .. })).count();
                match results {
                    3 => says("done"),
                    n => wants(if n == 1 { "notes.write" } else { "memory.search" }, json!({ "query": n.to_string() })),
                }
            }
        });
        let (company, ledger) = (company("", model).await, ledger());
        let failed = failure(company.assign(assignment("go", &ledger)).await);
        assert_eq!((failed.category, failed.code.as_str()), (Category::Retry, "model_unavailable"));
        assert_eq!(company.assign(assignment("go", &ledger)).await, Ok(json!({ "text": "done" })));
        assert_eq!(asked.load(Ordering::SeqCst), 5, "four replies and the one that failed");
        let made = ledger.made();
        let tools: Vec<&str> = made.iter().map(String::as_str).filter(|tool| *tool != "model:scripted").collect();
        assert_eq!(tools, ["memory.search", "notes.write", "memory.search"], "cut at {cut}");
        company.assign(assignment("go", &ledger)).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 5, "all of it is recorded");
    }
}

#[tokio::test]
async fn a_panic_fails_one_attempt_and_nothing_else() {
    let company = company("workers: 3\n", obedient()).await;
    let (one, other, dead_model, dead_tool) = tokio::join!(
        company.assign(assignment("work", &ledger())),
        company.assign(assignment("work", &ledger())),
        company.assign(assignment("die", &ledger())),
        company.assign(assignment("fail.die", &ledger())),
    );
    // A tool that dies kills nobody: its agent is told.
    assert!(dead_tool.unwrap().to_string().contains("tool `fail.die`: it died"));
    assert_eq!([one, other], [Ok(json!({ "text": "worked" })), Ok(json!({ "text": "worked" }))]);
    let failure = failure(dead_model);
    assert_eq!((failure.category, failure.code.as_str()), (Category::Retry, "worker_died"));
    let told = &failure.message;
    assert!(told.contains("the model is broken") && told.contains("step work of run"), "{failure}");
    until("the dead is replaced", || stats(&company).live == 3).await;
    assert_eq!(stats(&company).restarts, 1);
    assert_eq!(company.assign(assignment("work", &ledger())).await, Ok(json!({ "text": "worked" })));
}

/// An attempt of this run.
fn attempt(of: u128, goal: &str) -> Assignment {
    Assignment { run: RunId(Uuid::from_u128(of)), ..assignment(goal, &ledger()) }
}

/// One that a person wants made.
fn urged(of: u128, goal: &str) -> Assignment {
    Assignment { urged: true, ..attempt(of, goal) }
}

#[tokio::test]
async fn a_run_whose_work_kills_workers_is_asked_about_and_the_others_go_on() {
    let company = company("workers: 2\nrestart: { max_restarts: 2, within: 1m }\n", obedient()).await;
    for _ in 0..2 {
        assert_eq!(failure(company.assign(attempt(1, "die")).await).code, "worker_died");
    }
    let stopped = failure(company.assign(attempt(1, "die")).await);
    assert_eq!((stopped.category, stopped.code.as_str()), (Category::Ask, "role_stopped"));
    assert!(stopped.message.contains("has stopped for this run: 3 of its workers died within 1m"), "{stopped}");
    assert!(stopped.message.contains("the model is broken"), "{stopped}");

    // What else it wants is refused too, and who else wants something has it.
    let other_step = Assignment { step: "other".into(), ..attempt(1, "work") };
    assert_eq!(failure(company.assign(other_step).await).code, "role_stopped");
    assert_eq!(company.assign(attempt(2, "work")).await, Ok(json!({ "text": "worked" })));
    assert!(!stats(&company).stopped);

    // A person has had it tried again.
    assert_eq!(company.assign(urged(1, "work")).await, Ok(json!({ "text": "worked" })));
    until("the dead are replaced", || stats(&company).live == 2).await;
    assert_eq!(stats(&company).restarts, 3);
}

#[tokio::test]
async fn a_role_whose_workers_die_of_everything_stops_and_asks_whoever_wants_something() {
    let company = company("workers: 1\nrestart: { max_restarts: 1, within: 1m }\n", obedient()).await;
    assert_eq!(failure(company.assign(attempt(1, "die")).await).code, "worker_died");
    let assign = |assignment| {
        let company = company.clone();
        tokio::spawn(async move { company.assign(assignment).await })
    };
    let in_hand = assign(attempt(2, "die slowly"));
    until("it is in hand", || stats(&company).busy == 1).await;
    let queued = assign(attempt(3, "work"));
    until("it is queued", || stats(&company).queued == 1).await;
    for asked in [in_hand, queued] {
        let failure = failure(timeout(SOON, asked).await.unwrap().unwrap());
        assert_eq!((failure.category, failure.code.as_str()), (Category::Ask, "role_stopped"));
        assert!(failure.message.contains("has stopped: 2 of its workers died"), "{failure}");
    }
    assert!(stats(&company).stopped);
    assert_eq!(failure(company.assign(attempt(4, "work")).await).code, "role_stopped");
    // One answer is enough for all that come after it.
    assert_eq!(company.assign(urged(3, "work")).await, Ok(json!({ "text": "worked" })));
    assert_eq!(company.assign(attempt(5, "work")).await, Ok(json!({ "text": "worked" })));
    assert!(!stats(&company).stopped);
}

#[tokio::test]
async fn a_role_is_drained_and_resized_while_it_works() {
    let company = company("workers: 3\n", obedient()).await;
    let assign = |goal: &str| {
        let (company, assignment) = (company.clone(), assignment(goal, &ledger()));
        tokio::spawn(async move { company.assign(assignment).await })
    };
    let in_hand = assign("nap");
    until("it is in hand", || stats(&company).busy == 1).await;
    company.resize("maker", 0).unwrap();
    until("the idle ones have gone", || stats(&company).live == 1).await;
    let queued: Vec<_> = (0..5).map(|_| assign("work")).collect();
    until("they wait", || stats(&company).queued == 5).await;
    assert_eq!(in_hand.await.unwrap(), Ok(json!({ "text": "worked" })), "what was in hand is finished");
    until("the role is drained", || stats(&company).live == 0).await;
    assert_eq!((stats(&company).queued, stats(&company).workers), (5, 0));

    company.resize("maker", 2).unwrap();
    for queued in queued {
        assert_eq!(queued.await.unwrap(), Ok(json!({ "text": "worked" })));
    }
    assert_eq!((stats(&company).live, stats(&company).restarts), (2, 0), "nobody is taken for dead");
    assert_eq!(company.resize("makr", 1).unwrap_err().code, "unknown_agent");
    assert_eq!(company.resize("maker", 100_000).unwrap_err().code, "out_of_range");
}

#[tokio::test]
async fn the_queue_is_bounded_and_workers_are_the_limit_of_concurrency() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (gate, opened) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let model = {
        let (now, most, gate, opened) = (now.clone(), most.clone(), gate.clone(), opened.clone());
        ModelOf::new(move |_| {
            let (now, most, gate, opened) = (now.clone(), most.clone(), gate.clone(), opened.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                opened.add_permits(1);
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                says("done")
            }
        })
    };
    let company = company("workers: 2\n", model).await;
    let assigned: Vec<_> = (0..PLACES + 66)
        .map(|_| {
            let company = company.clone();
            tokio::spawn(async move { company.assign(assignment("go", &ledger())).await })
        })
        .collect();
    opened.acquire_many(2).await.unwrap().forget();
    let full = u64::from(PLACES) - 2;
    until("the queue is full", || stats(&company).queued == full).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!((stats(&company).queued, stats(&company).busy), (full, 2), "the other 66 wait before the queue");
    gate.add_permits(PLACES as usize + 66);
    for assigned in assigned {
        assert_eq!(assigned.await.unwrap(), Ok(json!({ "text": "done" })));
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(stats(&company).done, u64::from(PLACES) + 66);
}

#[tokio::test]
async fn a_cancelled_assignment_stops_at_once_in_hand_or_in_the_queue() {
    let company = company("workers: 1\n", obedient()).await;
    let (in_hand, queued) = (assignment("wait", &ledger()), assignment("wait", &ledger()));
    let tokens = [in_hand.cancel.clone(), queued.cancel.clone()];
    let assign = |assignment| {
        let company = company.clone();
        tokio::spawn(async move { company.assign(assignment).await })
    };
    let in_hand = assign(in_hand);
    until("it is in hand", || stats(&company).busy == 1).await;
    let queued = assign(queued);
    until("it is queued", || stats(&company).queued == 1).await;
    let [stop_in_hand, stop_queued] = tokens;
    stop_queued.cancel();
    assert_eq!(failure(timeout(SOON, queued).await.unwrap().unwrap()).category, Category::Cancelled);
    assert_eq!((stats(&company).queued, stats(&company).busy), (0, 1));
    stop_in_hand.cancel();
    assert_eq!(failure(timeout(SOON, in_hand).await.unwrap().unwrap()).category, Category::Cancelled);
    assert_eq!((stats(&company).busy, stats(&company).live, stats(&company).restarts), (0, 1, 0));
    assert_eq!(company.assign(assignment("work", &ledger())).await, Ok(json!({ "text": "worked" })));
}

/// Notes that it was dropped.
struct Notes(Arc<AtomicBool>);

impl Drop for Notes {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_assignment_that_nobody_waits_for_is_dropped() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    let model = ModelOf::new(move |_| {
        let notes = Notes(Arc::clone(&flag));
        async move {
            let _notes = notes;
            sleep(Duration::from_mins(1)).await;
            says("late")
        }
    });
    let company = company("workers: 1\n", model).await;
    assert!(timeout(Duration::from_millis(100), company.assign(assignment("go", &ledger()))).await.is_err());
    until("the work is dropped", || dropped.load(Ordering::SeqCst)).await;
    until("the worker is idle", || stats(&company).busy == 0).await;
}

#[tokio::test]
async fn a_role_takes_only_so_long() {
    let company = company("limits: { timeout: 50ms }\n", obedient()).await;
    let failure = failure(company.assign(assignment("wait", &ledger())).await);
    assert_eq!((failure.category, failure.code.as_str()), (Category::Retry, "timeout"));
    assert!(failure.message.contains("within 50ms"), "{failure}");
}

#[tokio::test]
async fn a_role_uses_only_so_many_tokens_and_so_much_money() {
    let model = ModelOf::new(|_| async {
        let reply = wants("memory.search", json!({ "query": "more" })).unwrap();
        Ok(Reply { usage: Usage { input_tokens: 40, output_tokens: 2 }, ..reply })
    });
    for (lines, code) in [("tokens: 100", "too_many_tokens"), ("cost: 0.0001", "too_expensive")] {
        let price = Price { input: Dollars(1_000_000_000), output: Dollars(5_000_000_000) };
        let known = Known { price: Some(price), ..Known::default() };
        let breaker = Arc::new(Breaker::new("scripted", BreakerSettings::default()));
        let mut models = Models::default();
        let links = vec![Link::new(model.clone(), known, breaker)];
        let clock = Arc::new(SystemClock);
        models.add(Router::new(Models::DEFAULT, links, Patience::default(), Budget::none(), clock));
        let company = Company::start(maker(&format!("limits: {{ {lines} }}\n")), &models, tools()).await.unwrap();
        let failure = failure(company.assign(assignment("go", &ledger())).await);
        assert_eq!((failure.category, failure.code.as_str()), (Category::GiveUp, code), "{failure}");
    }
}

#[tokio::test]
async fn a_result_that_does_not_fit_is_mended_by_the_model_or_fails() {
    let model = ModelOf::new(|request| async move {
        let told = request.messages.iter().filter(|message| matches!(message, Message::User { .. })).count() - 1;
        let good_after = if goal(&request) == "mend" { 2 } else { 9 };
        says(if told >= good_after { r#"{"verdict":"pass"}"# } else { r#"{"verdict":"perhaps"}"# })
    });
    let company = company("", model).await;
    let ask = |goal: &str| {
        let output = json!({ "type": "object", "properties": { "verdict": { "enum": ["pass", "revise"] } } });
        company.assign(Assignment { output: Some(output), ..assignment(goal, &ledger()) })
    };
    assert_eq!(ask("mend").await, Ok(json!({ "verdict": "pass" })));
    let failure = failure(ask("never").await);
    assert_eq!((failure.category, failure.code.as_str()), (Category::GiveUp, "bad_output"));
    assert!(failure.message.contains("/verdict: \"perhaps\" is not one of"), "{failure}");
}

#[tokio::test]
async fn stopping_waits_for_what_was_taken_and_takes_nothing_more() {
    let company = company("workers: 1\n", obedient()).await;
    let assigned: Vec<_> = (0..3)
        .map(|_| {
            let company = company.clone();
            tokio::spawn(async move { company.assign(assignment("work", &ledger())).await })
        })
        .collect();
    until("they are taken", || stats(&company).busy + stats(&company).queued == 3).await;
    assert_eq!(company.stop(SOON).await, 0);
    for assigned in assigned {
        assert_eq!(assigned.await.unwrap(), Ok(json!({ "text": "worked" })));
    }
    let refused = failure(company.assign(assignment("work", &ledger())).await);
    assert_eq!((refused.category, refused.code.as_str()), (Category::Cancelled, "company_stopping"));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let company = company("workers: 1\n", obedient()).await;
    let assigned: Vec<_> = (0..2)
        .map(|_| {
            let company = company.clone();
            tokio::spawn(async move { company.assign(assignment("wait", &ledger())).await })
        })
        .collect();
    until("they are taken", || stats(&company).busy + stats(&company).queued == 2).await;
    assert_eq!(company.stop(Duration::from_millis(50)).await, 2);
    for assigned in assigned {
        assert_eq!(failure(timeout(SOON, assigned).await.unwrap().unwrap()).code, "company_stopping");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_stopped_no_actor_holds_anything() {
    let (tools, model) = (tools(), obedient());
    let company = Company::start(maker(""), &Models::only(model.clone()), Arc::clone(&tools)).await.unwrap();
    company.assign(assignment("work", &ledger())).await.unwrap();
    let in_hand = {
        let company = company.clone();
        tokio::spawn(async move { company.assign(assignment("wait", &ledger())).await })
    };
    until("it is in hand", || stats(&company).busy == 1).await;
    company.stop(Duration::ZERO).await;
    assert_eq!((Arc::strong_count(&tools), Arc::strong_count(&model)), (1, 1));
    assert_eq!(failure(in_hand.await.unwrap()).code, "company_stopping");
}

#[tokio::test]
async fn a_supervisor_that_dies_is_replaced() {
    let company = company("", obedient()).await;
    let in_hand = {
        let company = company.clone();
        tokio::spawn(async move { company.assign(assignment("wait", &ledger())).await })
    };
    until("it is in hand", || stats(&company).busy == 1).await;
    for supervisor in company.shared.root.get_cell().get_children() {
        supervisor.kill();
    }
    let failure = failure(timeout(SOON, in_hand).await.unwrap().unwrap());
    assert_eq!((failure.category, failure.code.as_str()), (Category::Retry, "role_died"));
    until("another has its place", || stats(&company).live == 2 && stats(&company).busy == 0).await;
    assert_eq!(company.assign(assignment("work", &ledger())).await, Ok(json!({ "text": "worked" })));
}

#[tokio::test]
async fn roles_models_and_tools_that_are_not_there_are_named() {
    let company = company("", obedient()).await;
    let refused = failure(company.assign(Assignment { role: "makr".to_owned(), ..assignment("x", &ledger()) }).await);
    assert_eq!((refused.category, refused.code.as_str()), (Category::GiveUp, "unknown_agent"));
    assert_eq!(refused.message, "there is no role `makr`; did you mean `maker`?");

    let start =
        |roles| async { Company::start(roles, &Models::only(obedient()), tools()).await.unwrap_err().to_string() };
    let wrong = start(maker("model: large\n")).await;
    assert!(wrong.contains("role `maker`") && wrong.ends_with("there are: default"), "{wrong}");
    let wrong = start(maker("limits: { cost: 0.5 }\n")).await;
    assert!(wrong.contains("has `limits.cost`, and there is no price for its model `scripted`"), "{wrong}");
    let wrong = start(Roles::built_in().unwrap()).await;
    assert!(wrong.contains("built in:5:24: tools[1]: there is no tool `files.read`"), "{wrong}");
}
