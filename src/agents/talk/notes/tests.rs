use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agents::Company;
use crate::agents::testing::{MemoryLedger, ModelOf, assignment, last_result, maker_and_qa, says, wants};
use crate::clock::{ManualClock, Timestamp};
use crate::memory::index::Filter;
use crate::memory::{EdgeIndex, Memory};
use crate::model::{Message, ModelError, Models, Request, Trouble};
use crate::run::Says;
use crate::store::entries::{EntryScope, NewNote};
use crate::store::{Store, StoreOptions, WorkspaceId};
use crate::tools::{MemoryNote, MemorySettle, Tools};

/// A memory in which somebody has noted that the budget is ten.
async fn memory(folder: &TempDir, confidence: Option<u8>) -> Memory {
    let store = Store::open(folder.path().join("data"), StoreOptions::default()).await.unwrap();
    let entries = store.workspace(WorkspaceId::default()).entries();
    let index = Arc::new(EdgeIndex::new(&folder.path().join("data/index")));
    let memory = Memory::new(entries, index, Arc::new(ManualClock::at(Timestamp(0)))).unwrap();
    let note = NewNote {
        scope: EntryScope::Workspace,
        source: "research".to_owned(),
        author: Some("research".to_owned()),
        heading: Some("budget".to_owned()),
        text: "The budget is ten.".to_owned(),
        confidence,
        provenance: None,
        key: None,
    };
    memory.note(note).await.unwrap();
    memory
}

fn tools(memory: &Memory) -> Arc<Tools> {
    let mut tools = Tools::new();
    tools.register(Arc::new(MemoryNote::new(memory.clone()))).unwrap();
    tools.register(Arc::new(MemorySettle::new(memory.clone()))).unwrap();
    Arc::new(tools)
}

/// A maker that notes a budget of twelve and says what came of it. The arbiter finds for the note with this text, if
/// it has one.
fn noting(finds_for: Option<&'static str>) -> Arc<ModelOf> {
    ModelOf::new(move |request: Request| async move {
        let Message::User { text } = &request.messages[1] else { panic!("nothing is asked") };
        if text.contains("Which of these notes") {
            let json = text.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
            let input: Value = serde_json::from_str(json).unwrap();
            let note = |wanted| input["notes"].as_array().unwrap().iter().find(|note| note["text"] == wanted).unwrap();
            let holds = finds_for.map(|wanted| note(wanted)["id"].clone());
            return says(&json!({ "holds": holds, "reason": "see the minutes, line 4" }).to_string());
        }
        match last_result(&request) {
            None => wants("memory.note", json!({ "key": "budget", "text": "The budget is twelve." })),
            Some(result) => says(&result.to_string()),
        }
    })
}

/// What the maker was told of its note, what was said, and what is found of it afterwards.
async fn noted(finds_for: Option<&'static str>, qa: &str, confidence: Option<u8>) -> (Value, Vec<String>, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let memory = memory(&folder, confidence).await;
    let tools = tools(&memory);
    let company = Company::start(maker_and_qa("", qa), &Models::only(noting(finds_for)), tools).await.unwrap();
    let ledger = Arc::new(MemoryLedger::default());
    let told = company.assign(assignment("note it", &ledger)).await.unwrap();
    let said = ledger.said();
    // Taken up again, nobody is asked and nothing is said that was not before.
    let calls = ledger.made();
    assert_eq!(company.assign(assignment("note it", &ledger)).await.unwrap(), told);
    assert_eq!(ledger.made(), calls);
    assert!(ledger.said()[said.len()..].iter().all(|again| said.contains(again)));

    let line = |message: &crate::run::Message| {
        let says = match &message.says {
            Says::Note { text, .. } => text.clone(),
            Says::Verdict { accepted, reasons } => format!("{accepted}: {}", reasons.join("; ")),
            _ => String::new(),
        };
        let cause = message.cause.as_ref().map(|cause| said.iter().position(|other| other.id == *cause).unwrap());
        format!("{}>{} {} {says} {cause:?}", message.from, message.to, message.says.kind())
    };
    let said = said.iter().map(line).collect();
    let hits = memory.recall("budget", &Filter::default(), 10).await.unwrap();
    let told = serde_json::from_str(told["text"].as_str().unwrap()).unwrap();
    let mut found: Vec<String> = hits.into_iter().map(|hit| hit.text).collect();
    found.sort_unstable();
    (told, said, found)
}

#[tokio::test]
async fn what_an_arbiter_could_not_say_is_the_same_when_the_work_is_taken_up_again() {
    let folder = TempDir::new().unwrap();
    let tools = tools(&memory(&folder, None).await);
    let asked = Arc::new(AtomicU32::new(0));
    let counter = asked.clone();
    let model = ModelOf::new(move |request: Request| {
        let nth = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            let Message::User { text } = &request.messages[1] else { panic!("nothing is asked") };
            match last_result(&request) {
                _ if text.contains("Which of these notes") && nth < 3 => {
                    Err(ModelError::new(Trouble::Unavailable, "down".to_owned()))
                }
                _ if text.contains("Which of these notes") => panic!("it is asked again"),
                None => wants("memory.note", json!({ "key": "budget", "text": "The budget is twelve." })),
                Some(_) if nth < 3 => Err(ModelError::new(Trouble::Unavailable, "down".to_owned())),
                Some(result) => says(&result.to_string()),
            }
        }
    });
    let company = Company::start(maker_and_qa("", ARBITER), &Models::only(model), tools).await.unwrap();
    let ledger = Arc::new(MemoryLedger::default());
    assert!(company.assign(assignment("note it", &ledger)).await.is_err(), "the maker's own model is down after that");
    let told = company.assign(assignment("note it", &ledger)).await.unwrap();
    assert!(told.to_string().contains(r#"\"holds\":null"#), "{told}");
    assert_eq!(asked.load(Ordering::SeqCst), 4, "the note, the arbiter, and the answer twice");
}

const ARBITER: &str = "tools: [memory.settle]\n";

#[tokio::test]
async fn notes_that_contradict_each_other_are_settled_by_the_arbiter() {
    for (text, accepted) in [("The budget is twelve.", true), ("The budget is ten.", false)] {
        let (told, said, found) = noted(Some(text), ARBITER, None).await;
        let verdict = format!("qa>maker verdict {accepted}: see the minutes, line 4 Some(1)");
        let expected = ["maker>* note The budget is twelve. None", "maker>qa assignment  Some(0)", &verdict];
        assert_eq!(said, expected);
        assert_eq!(found, [text], "only what holds is found");
        assert_eq!(told["conflict"]["holds"] == told["id"], accepted);
        assert_eq!(told["conflict"]["ruling"], json!({ "by": "qa", "reason": "see the minutes, line 4" }));
    }
}

#[tokio::test]
async fn without_a_ruling_both_notes_stand_and_their_reader_is_told() {
    let both = ["The budget is ten.", "The budget is twelve."];
    for (finds_for, qa, messages) in [(None, ARBITER, 3), (Some(both[0]), "", 1)] {
        let (told, said, found) = noted(finds_for, qa, None).await;
        assert_eq!((told["conflict"]["holds"].clone(), said.len()), (Value::Null, messages), "{said:?}");
        assert_eq!(found, both);
    }
}

#[tokio::test]
async fn where_confidence_decides_nobody_is_asked() {
    let (told, said, found) = noted(Some("The budget is twelve."), ARBITER, Some(95)).await;
    assert_eq!((said.len(), found), (1, vec!["The budget is ten.".to_owned()]));
    assert_eq!(told["conflict"]["others"][0]["text"], "The budget is ten.");
}
