use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::agents::testing::{MemoryLedger, ModelOf, assignment, goal, last_result, maker, says, tools, wants};
use crate::agents::{Company, StartError};
use crate::engine::port::Stop;
use crate::model::{Message, Model, ModelError, Models, Request, Scope, Trouble};
use crate::run::{Category, Says};

const SOON: Duration = Duration::from_secs(5);

async fn company(lines: &str, model: Arc<dyn Model>) -> Company {
    Company::start(maker(lines), &Models::only(model), tools()).await.unwrap()
}

fn is_maker(request: &Request) -> bool {
    matches!(&request.messages[0], Message::System { text } if text.starts_with("You make things."))
}

fn answer(text: &str) -> String {
    json!({ "answer": text }).to_string()
}

/// What was said, as `from>to kind`, each with the message that caused it.
fn heard(ledger: &MemoryLedger) -> Vec<String> {
    let said = ledger.said();
    let line = |message: &crate::run::Message| {
        let to = &message.to;
        let cause = message.cause.as_ref().map(|cause| said.iter().position(|other| other.id == *cause).unwrap());
        let cause = cause.map_or_else(|| "the step".to_owned(), |at| format!("message {at}"));
        format!("{}>{to} {} for {cause}", message.from, message.says.kind())
    };
    said.iter().map(line).collect()
}

/// A maker that asks research once, and says what it was told; research says what it was asked.
fn curious(tool: &'static str, arguments: Value) -> Arc<ModelOf> {
    ModelOf::new(move |request: Request| {
        let arguments = arguments.clone();
        async move {
            match (is_maker(&request), last_result(&request)) {
                (true, None) => wants(tool, arguments),
                (true, Some(result)) => says(&result.to_string()),
                (false, _) => says(&answer(&goal(&request))),
            }
        }
    })
}

#[tokio::test]
async fn a_question_is_answered_and_both_are_journaled() {
    let ledger = Arc::new(MemoryLedger::default());
    let model = curious("company.ask", json!({ "role": "research", "question": "When was it?" }));
    let company = company("", model).await;
    let told = company.assign(assignment("find out", &ledger)).await.unwrap();
    assert_eq!(told, json!({ "text": r#"{"answer":"When was it?"}"# }));
    assert_eq!(heard(&ledger), ["maker>research question for the step", "research>maker answer for message 0"]);
    let calls = ["model:scripted", "company.ask", "model:scripted", "model:scripted"];
    assert_eq!(ledger.made(), calls);

    // A further attempt is told the same, and nobody is asked again.
    let again = company.assign(assignment("find out", &ledger)).await.unwrap();
    assert_eq!((again, ledger.made().len()), (told, calls.len()));
    assert_eq!(ledger.said().len(), 2);
}

#[tokio::test]
async fn a_budget_that_a_colleague_finds_spent_stops_who_asked_and_the_answer_is_had_once_it_is_raised() {
    let ledger = Arc::new(MemoryLedger::default());
    let is_spent = Arc::new(AtomicBool::new(true));
    let spent = is_spent.clone();
    let model = ModelOf::new(move |request: Request| {
        let spent = spent.clone();
        async move {
            match (is_maker(&request), last_result(&request)) {
                (true, None) => wants("company.ask", json!({ "role": "research", "question": "When was it?" })),
                (true, Some(result)) => says(&result.to_string()),
                (false, _) if spent.load(Ordering::SeqCst) => {
                    Err(ModelError::new(Trouble::Spent(Scope::Day), "the budget of today is spent"))
                }
                (false, _) => says(&answer("in May")),
            }
        }
    });
    let company = company("", model).await;
    let Err(Stop::Failed(failure)) = company.assign(assignment("find out", &ledger)).await else {
        panic!("it is spent")
    };
    assert_eq!((failure.category, failure.code.as_str()), (Category::Ask, "day_budget_spent"), "{failure}");
    is_spent.store(false, Ordering::SeqCst);
    let told = company.assign(assignment("find out", &ledger)).await.unwrap();
    assert_eq!(told, json!({ "text": r#"{"answer":"in May"}"# }));
}

#[tokio::test]
async fn an_objection_reaches_the_role_with_its_reasons() {
    let ledger = Arc::new(MemoryLedger::default());
    let objection = json!({ "role": "research", "about": "It was in May", "reasons": ["The log says June"] });
    let company = company("", curious("company.object", objection)).await;
    let told = company.assign(assignment("find out", &ledger)).await.unwrap();
    assert!(told.to_string().contains("since when: It was in May"), "{told}");
    let Says::Objection { about, reasons } = &ledger.said()[0].says else { panic!("no objection") };
    assert_eq!((about.as_str(), reasons.as_slice()), ("It was in May", &["The log says June".to_owned()][..]));
    assert_eq!(heard(&ledger)[1], "research>maker answer for message 0");
}

#[tokio::test]
async fn who_cannot_be_asked_is_said_to_the_model() {
    for role in ["maker", "reserch"] {
        let ledger = Arc::new(MemoryLedger::default());
        let model = curious("company.ask", json!({ "role": role, "question": "?" }));
        let told = company("", model).await.assign(assignment("x", &ledger)).await.unwrap();
        assert!(told.to_string().contains("is not one of"), "{told}");
        assert!(ledger.said().is_empty());
    }
}

/// Everybody asks somebody else before saying anything, with one worker a role: nobody waits for ever, since questions
/// lead to questions only so deep, and each depth has workers of its own.
#[tokio::test]
async fn roles_that_ask_each_other_come_to_an_end() {
    let model = ModelOf::new(|request: Request| async move {
        let offered = request.tools.iter().any(|tool| tool.name == "company.ask");
        let other = if is_maker(&request) { "helper" } else { "maker" };
        match last_result(&request) {
            None if offered => wants("company.ask", json!({ "role": other, "question": "And you?" })),
            None => says(&answer("nobody is left to ask")),
            Some(result) => says(&answer(&format!("I heard: {}", result["answer"].as_str().unwrap_or_default()))),
        }
    });
    let company = company("workers: 1", model).await;
    let ledgers: Vec<Arc<MemoryLedger>> = (0..8).map(|_| Arc::default()).collect();
    let all = ledgers.iter().map(|ledger| {
        let mut assignment = assignment("talk", ledger);
        assignment.output = Some(json!({ "type": "object", "required": ["answer"] }));
        company.assign(assignment)
    });
    let told = timeout(SOON, futures::future::join_all(all)).await.expect("nobody waits for ever");
    for told in told {
        let told = told.unwrap();
        assert_eq!(told["answer"], "I heard: I heard: nobody is left to ask");
    }
    let expected = [
        "maker>helper question for the step",
        "helper>maker question for message 0",
        "maker>helper answer for message 1",
        "helper>maker answer for message 0",
    ];
    assert_eq!(heard(&ledgers[0]), expected);
}

#[tokio::test]
async fn no_more_is_asked_than_the_budget_allows() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = asked.clone();
    let model = ModelOf::new(move |request: Request| {
        let asked = counter.clone();
        async move {
            if !is_maker(&request) {
                return says(&answer("yes"));
            }
            match last_result(&request) {
                Some(result) if result.get("error").is_some() => says(result["error"].as_str().unwrap()),
                _ => {
                    let question = asked.fetch_add(1, Ordering::SeqCst).to_string();
                    wants("company.ask", json!({ "role": "research", "question": question }))
                }
            }
        }
    });
    let company = company("limits: { questions: 3 }", model).await;
    let ledger = Arc::new(MemoryLedger::default());
    let told = company.assign(assignment("x", &ledger)).await.unwrap();
    assert!(told.to_string().contains("enough was asked"), "{told}");
    assert_eq!(asked.load(Ordering::SeqCst), 4);

    // A further attempt is told the same after as many questions, and nothing is asked or paid again.
    let made = ledger.made().len();
    assert_eq!(company.assign(assignment("x", &ledger)).await.unwrap(), told);
    assert_eq!((asked.load(Ordering::SeqCst), ledger.made().len()), (4, made));
}

/// Accepts what was made in this round, counted from 1.
fn strict(accepted_in: usize) -> Arc<ModelOf> {
    ModelOf::new(move |request: Request| async move {
        if !is_maker(&request) {
            let Message::User { text } = &request.messages[1] else { panic!("nothing is asked") };
            let accepted = text.contains(&format!("draft {accepted_in}"));
            return says(&json!({ "accepted": accepted, "reasons": ["it is too short"] }).to_string());
        }
        let reasons =
            |message: &&Message| matches!(message, Message::User { text } if text.contains("it is too short"));
        says(&format!("draft {}", 1 + request.messages.iter().filter(reasons).count()))
    })
}

#[tokio::test]
async fn work_is_sent_back_with_reasons_until_it_is_accepted() {
    let ledger = Arc::new(MemoryLedger::default());
    let company = company("review: { by: qa, rounds: 2 }", strict(3)).await;
    let made = company.assign(assignment("make it", &ledger)).await;
    assert_eq!(made, Ok(json!({ "text": "draft 3" })));
    let round = ["maker>qa assignment for the step", "qa>maker verdict for message "];
    let heard = heard(&ledger);
    assert_eq!(heard.len(), 6);
    for (index, line) in heard.iter().enumerate() {
        assert!(line.starts_with(round[index % 2]), "{line}");
    }
    let verdicts: Vec<bool> = ledger
        .said()
        .iter()
        .filter_map(|message| match &message.says {
            Says::Verdict { accepted, .. } => Some(*accepted),
            _ => None,
        })
        .collect();
    assert_eq!(verdicts, [false, false, true]);
}

#[tokio::test]
async fn work_that_is_never_accepted_fails_with_the_last_reasons() {
    let company = company("review: { by: qa, rounds: 1 }", strict(9)).await;
    let Err(Stop::Failed(failure)) = company.assign(assignment("make it", &Arc::default())).await else {
        panic!("it was accepted");
    };
    assert_eq!(failure.code, "not_accepted");
    assert!(failure.message.contains("it is too short"), "{failure}");
}

#[tokio::test]
async fn a_reviewer_that_is_not_there_is_found_at_the_start() {
    let roles = maker("review: { by: nobody }");
    let refused = Company::start(roles, &Models::only(strict(1)), tools()).await;
    assert!(matches!(refused, Err(StartError::UnknownReviewer { by, .. }) if by == "nobody"));
}

#[tokio::test]
async fn who_dies_at_an_answer_takes_nobody_along() {
    let model = ModelOf::new(|request: Request| async move {
        match (is_maker(&request), last_result(&request)) {
            (true, None) => wants("company.ask", json!({ "role": "research", "question": "Well?" })),
            (true, Some(result)) => says(&result.to_string()),
            (false, _) => panic!("the colleague dies"),
        }
    });
    let company = company("", model).await;
    let told = company.assign(assignment("x", &Arc::default())).await.unwrap();
    assert!(told.to_string().contains("died at its work"), "{told}");
}
