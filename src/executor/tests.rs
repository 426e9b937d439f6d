use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::agents::testing::{MemoryLedger, ModelOf, gate, last_result, maker, run, says, step, tools, wants};
use crate::model::Model;
use crate::run::Category;

async fn executor(model: Arc<dyn Model>) -> StepExecutor {
    let models = Models::only(model);
    let company = Company::start(maker(""), &models, tools()).await.unwrap();
    StepExecutor::new(company, models, tools())
}

fn ledger() -> Arc<MemoryLedger> {
    Arc::default()
}

fn attempt(job: Job, ledger: &Arc<MemoryLedger>) -> Attempt {
    Attempt {
        urged: false,
        run: run(),
        step: step(),
        number: 1,
        job,
        input: Map::new(),
        output: None,
        gate: gate(ledger),
        cancel: CancellationToken::new(),
    }
}

fn tool(name: &str) -> Job {
    Job::Tool { tool: name.to_owned() }
}

fn model(alias: &str) -> Job {
    Job::Model { model: alias.to_owned(), prompt: "Say it.".to_owned(), system: Some("You say.".to_owned()) }
}

fn input(text: &str) -> Map<String, Value> {
    Map::from_iter([("query".to_owned(), json!(text))])
}

fn failure(result: Result<Value, Stop>) -> (Category, String, String) {
    match result {
        Err(Stop::Failed(failure)) => (failure.category, failure.code, failure.message),
        other => panic!("not failed: {other:?}"),
    }
}

fn silent() -> Arc<ModelOf> {
    ModelOf::new(|_| async { says("nothing") })
}

#[tokio::test]
async fn an_agents_step_is_done_by_the_company() {
    let model = ModelOf::new(|request| async move {
        match last_result(&request) {
            None => wants("memory.search", json!({ "query": "x" })),
            Some(_) => says("found"),
        }
    });
    let (executor, ledger) = (executor(model).await, ledger());
    let job = Job::Agent { role: "maker".to_owned(), goal: "Find it".to_owned(), plan: Vec::new(), hearsay: false };
    assert_eq!(executor.perform(attempt(job, &ledger)).await, Ok(json!({ "text": "found" })));
    assert_eq!(ledger.made(), ["model:scripted", "memory.search", "model:scripted"]);
}

#[tokio::test]
async fn a_tools_step_calls_it_once_with_the_input_and_checks_the_result() {
    let executor = executor(silent()).await;
    let ledger = ledger();
    let wanted = || Attempt { input: input("a"), ..attempt(tool("memory.search"), &ledger) };
    assert_eq!(executor.perform(wanted()).await, Ok(json!([{ "found": "a" }])));
    assert_eq!(executor.perform(wanted()).await, Ok(json!([{ "found": "a" }])));
    assert_eq!(ledger.made(), ["memory.search"], "a second attempt is given what is recorded");

    let strict = Attempt { output: Some(json!({ "type": "array", "minItems": 2 })), ..wanted() };
    let (category, code, message) = failure(executor.perform(strict).await);
    assert_eq!((category, code.as_str()), (Category::GiveUp, "bad_output"));
    assert!(message.contains("has less than 2 items"), "{message}");

    let broken = Attempt { output: Some(json!({ "type": "nothing" })), ..wanted() };
    assert_eq!(failure(executor.perform(broken).await).1, "bad_schema");
}

#[tokio::test]
async fn a_tools_errors_keep_their_meaning() {
    let executor = executor(silent()).await;
    let ledger = ledger();
    let perform = |name: &str| executor.perform(attempt(tool(name), &ledger));
    assert_eq!(
        failure(perform("fail.retry").await),
        (Category::Retry, "http_503".to_owned(), "the server is busy".to_owned())
    );
    assert_eq!(failure(perform("fail.give_up").await).0, Category::GiveUp);
    assert_eq!(perform("mail.send").await, Err(Stop::Parked), "nobody knows whether it was sent");
    let (category, code, message) = failure(perform("memory.serch").await);
    assert_eq!((category, code.as_str()), (Category::GiveUp, "unknown_tool"));
    assert!(message.contains("did you mean `memory.search`?"), "{message}");
    let bad = Map::from_iter([("query".to_owned(), json!(7))]);
    let bad = Attempt { input: bad, ..attempt(tool("memory.search"), &ledger) };
    assert_eq!(failure(executor.perform(bad).await).1, "bad_arguments");
    assert!(!ledger.made().contains(&"memory.search".to_owned()), "it was not called");
}

#[tokio::test]
async fn a_panic_fails_the_attempt_only() {
    let executor = executor(ModelOf::new(|_| async { panic!("the model is broken") })).await;
    for (job, reason) in [(tool("fail.die"), "tool `fail.die`: it died"), (model("default"), "the model is broken")] {
        let (category, code, message) = failure(executor.perform(attempt(job, &ledger())).await);
        assert_eq!((category, code.as_str()), (Category::Retry, "panicked"));
        assert!(message.contains(reason), "{message}");
    }
    assert!(executor.perform(attempt(tool("notes.write"), &ledger())).await.is_ok());
}

#[tokio::test]
async fn a_models_step_puts_prompt_input_and_schema_and_mends_the_result_once_recorded() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let replies = ModelOf::new(move |request| {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        let Message::User { text } = &request.messages[1] else { panic!("{request:?}") };
        assert!(text.starts_with("Say it.\n\n# Input\n") && text.contains("\"query\": \"a\""), "{text}");
        assert!(text.contains("JSON Schema") && request.tools.is_empty(), "{text}");
        assert_eq!(request.messages[0], Message::System { text: "You say.".to_owned() });
        async move { says(if first { "seven" } else { "7" }) }
    });
    let (executor, ledger) = (executor(replies).await, ledger());
    let wanted = || Attempt {
        input: input("a"),
        output: Some(json!({ "type": "integer" })),
        ..attempt(model("default"), &ledger)
    };
    assert_eq!(executor.perform(wanted()).await, Ok(json!(7)));
    assert_eq!(executor.perform(wanted()).await, Ok(json!(7)));
    assert_eq!(asked.load(Ordering::SeqCst), 2, "the second attempt pays for nothing");

    let (category, code, message) = failure(executor.perform(attempt(model("large"), &ledger)).await);
    assert_eq!((category, code.as_str()), (Category::GiveUp, "unknown_model"));
    assert_eq!(message, "there is no model `large`; there are: default");
}

#[tokio::test]
async fn a_cancelled_attempt_stops_at_once() {
    let slow = ModelOf::new(|_| async {
        sleep(Duration::from_mins(1)).await;
        says("late")
    });
    let executor = executor(slow).await;
    let wait = Job::Agent { role: "maker".to_owned(), goal: "Wait".to_owned(), plan: Vec::new(), hearsay: false };
    for job in [model("default"), wait] {
        let attempt = attempt(job, &ledger());
        let cancel = attempt.cancel.clone();
        let work = executor.perform(attempt);
        let cancelling = async {
            sleep(Duration::from_millis(50)).await;
            cancel.cancel();
        };
        let (result, ()) = timeout(Duration::from_secs(5), async { tokio::join!(work, cancelling) }).await.unwrap();
        assert_eq!(failure(result).0, Category::Cancelled);
    }
}
