//! What the tests of the company and of the executor share: a ledger in memory, models and tools made of functions.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::trust::Heard;
use super::{Assignment, RoleFolders, Roles};
use crate::engine::gate::{Call, CallError, Gate, Ledger, Ruling};
use crate::engine::port::Stop;
use crate::model::{Message, Model, ModelError, Reply, Request, ToolCall, Usage, untrusted};
use crate::run::permit::skeleton;
use crate::run::{CallKey, Hop, MessageId, Permit, RunId, StepPath};
use crate::tools::{Caller, Tool, ToolError, Tools};
use crate::workflow::{CallEffect, Effect};

/// Records what calls return, and gives it back when they are made again.
#[derive(Default)]
pub(crate) struct MemoryLedger {
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    returned: HashMap<CallKey, Value>,
    made: Vec<String>,
    said: Vec<crate::run::Message>,
}

impl MemoryLedger {
    /// The tools of all calls that were made, in order; what was given back from the records is not among them.
    pub(crate) fn made(&self) -> Vec<String> {
        self.records.lock().unwrap().made.clone()
    }

    /// All that was said, in order.
    pub(crate) fn said(&self) -> Vec<crate::run::Message> {
        self.records.lock().unwrap().said.clone()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn open(&self, call: &Arc<Call>, key: &CallKey) -> Result<Ruling, Stop> {
        let mut records = self.records.lock().unwrap();
        if let Some(value) = records.returned.get(key) {
            return Ok(Ruling::Recorded(value.clone()));
        }
        records.made.push(call.tool.clone());
        Ok(Ruling::Perform(skeleton::permit(key.clone(), call.effect)))
    }

    async fn say(&self, message: crate::run::Message) -> Result<(), Stop> {
        self.records.lock().unwrap().said.push(message);
        Ok(())
    }

    async fn hopped(&self, _: Hop, _: Option<MessageId>) -> Result<(), Stop> {
        Ok(())
    }

    async fn close(&self, call: &Arc<Call>, key: &CallKey, result: Result<Value, CallError>) -> Result<Value, Stop> {
        match result {
            Ok(value) => {
                self.records.lock().unwrap().returned.insert(key.clone(), value.clone());
                Ok(value)
            }
            Err(CallError::Failed(failure)) => Err(failure.into()),
            Err(CallError::Unknown(failure)) if call.effect.may_repeat() => Err(failure.into()),
            Err(CallError::Unknown(_)) => Err(Stop::Parked),
        }
    }
}

pub(crate) fn run() -> RunId {
    RunId(Uuid::nil())
}

pub(crate) fn step() -> StepPath {
    "work".into()
}

pub(crate) fn gate(ledger: &Arc<MemoryLedger>) -> Gate {
    Gate::new(run(), step(), Arc::clone(ledger) as Arc<dyn Ledger>)
}

/// A model that is a function of what it is asked.
pub(crate) struct ModelOf(Box<dyn Fn(Request) -> BoxFuture<'static, Result<Reply, ModelError>> + Send + Sync>);

impl ModelOf {
    pub(crate) fn new<R>(reply: impl Fn(Request) -> R + Send + Sync + 'static) -> Arc<Self>
    where
        R: Future<Output = Result<Reply, ModelError>> + Send + 'static,
    {
        Arc::new(Self(Box::new(move |request| Box::pin(reply(request)))))
    }
}

#[async_trait]
impl Model for ModelOf {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        (self.0)(request.clone()).await
    }
}

/// A tool that is a function of its arguments.
pub(crate) struct ToolOf {
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
    pub(crate) call: fn(Value) -> BoxFuture<'static, Result<Value, ToolError>>,
}

#[async_trait]
impl Tool for ToolOf {
    fn name(&self) -> &str {
        self.name
    }
    fn description(&self) -> &'static str {
        "For tests."
    }
    fn parameters(&self) -> Value {
        json!({ "type": "object", "properties": { "query": { "type": "string" } } })
    }
    fn worst(&self) -> Effect {
        self.effect
    }
    fn effect(&self, _: &Value) -> CallEffect {
        CallEffect::of(self.effect)
    }
    async fn call(&self, arguments: Value, _: Permit, _: &Caller) -> Result<Value, ToolError> {
        (self.call)(arguments).await
    }
}

/// Tools to find, to write and to fail with.
pub(crate) fn tools() -> Arc<Tools> {
    let mut tools = Tools::new();
    let all = [
        ToolOf {
            name: "memory.search",
            effect: Effect::Read,
            call: |arguments| Box::pin(async move { Ok(json!([{ "found": arguments["query"] }])) }),
        },
        ToolOf { name: "notes.write", effect: Effect::Write, call: |_| Box::pin(async { Ok(json!("written")) }) },
        ToolOf {
            name: "mail.send",
            effect: Effect::Irreversible,
            call: |_| Box::pin(async { Err(ToolError::unknown("connection_lost", "the connection was lost")) }),
        },
        ToolOf {
            name: "fail.retry",
            effect: Effect::Read,
            call: |_| Box::pin(async { Err(ToolError::retry("http_503", "the server is busy")) }),
        },
        ToolOf {
            name: "fail.give_up",
            effect: Effect::Read,
            call: |_| Box::pin(async { Err(ToolError::give_up("not_found", "there is no such file")) }),
        },
        ToolOf { name: "fail.die", effect: Effect::Read, call: |_| Box::pin(async { panic!("the tool is broken") }) },
    ];
    for tool in all {
        tools.register(Arc::new(tool)).unwrap();
    }
    Arc::new(tools)
}

/// One role named `maker` with these lines in its file, besides those built in (which need other tools).
pub(crate) fn maker(lines: &str) -> Roles {
    maker_and_qa(lines, "")
}

/// The roles of [`maker`], with these lines in the file of `qa`.
pub(crate) fn maker_and_qa(lines: &str, qa: &str) -> Roles {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("maker.yaml", format!("name: maker\ndescription: Makes.\nprompt: maker.md\ntools: ['*']\n{lines}"));
    write("maker.md", "You make things.".to_owned());
    write("helper.yaml", "name: helper\ndescription: Helps.\nprompt: helper.md\ntools: ['*']\nworkers: 1\n".to_owned());
    write("helper.md", "You help.".to_owned());
    for built_in in ["research", "analysis", "implementation", "qa"] {
        let more = if built_in == "qa" { qa } else { "" };
        write(&format!("{built_in}.yaml"), format!("name: {built_in}\ndescription: x\nprompt: {built_in}.md\n{more}"));
    }
    let folders = || vec![folder.path().to_owned()];
    Roles::load(&RoleFolders { agents: folders(), prompts: folders() }).unwrap()
}

/// Work for the maker.
pub(crate) fn assignment(goal: &str, ledger: &Arc<MemoryLedger>) -> Assignment {
    Assignment {
        run: run(),
        step: step(),
        urged: false,
        role: "maker".to_owned(),
        goal: goal.to_owned(),
        input: Map::new(),
        output: None,
        gate: gate(ledger),
        cancel: CancellationToken::new(),
        depth: 0,
        plan: Vec::new(),
        hearsay: None,
        heard: Heard::default(),
    }
}

/// A reply that ends the work.
#[allow(clippy::unnecessary_wraps, reason = "what a model returns")]
pub(crate) fn says(text: &str) -> Result<Reply, ModelError> {
    Ok(Reply { text: text.to_owned(), usage: Usage { input_tokens: 1, output_tokens: 1 }, ..Reply::default() })
}

/// A reply that wants one call.
#[allow(clippy::unnecessary_wraps, reason = "what a model returns")]
pub(crate) fn wants(tool: &str, arguments: Value) -> Result<Reply, ModelError> {
    let call = ToolCall { id: String::new(), name: tool.to_owned(), arguments };
    Ok(Reply { calls: vec![call], ..Reply::default() })
}

/// The goal that the model is told.
pub(crate) fn goal(request: &Request) -> String {
    let Some(Message::User { text }) = request.messages.get(1) else { panic!("no goal: {request:?}") };
    text.lines().nth(2).unwrap().to_owned()
}

/// What the last call returned, if the conversation ends with one.
pub(crate) fn last_result(request: &Request) -> Option<Value> {
    match request.messages.last() {
        Some(Message::Tool { result, .. }) => Some(untrusted::unwrap(result).unwrap_or_else(|| result.clone())),
        _ => None,
    }
}
