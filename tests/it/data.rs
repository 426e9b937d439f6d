//! The tools that work on data, as the program has them.

mod code;
mod report;

use std::sync::Arc;

use callboard::run::{CallKey, Permit, RunId, ScopePath};
use callboard::tools::{Caller, Tool, ToolError, Tools};
use callboard::workflow::StepId;
use serde_json::Value;
use uuid::Uuid;

/// Calls a tool that leaves the world as it was.
async fn call(tool: Arc<dyn Tool>, arguments: Value) -> Result<Value, ToolError> {
    let name = tool.name().to_owned();
    let mut tools = Tools::new();
    tools.register(tool).unwrap();
    let step = ScopePath::root().step(&StepId("step".into()));
    let caller = Caller { run: RunId(Uuid::nil()), step, agent: None };
    let key = CallKey::of(caller.run, &caller.step, &name, &arguments.to_string(), 0);
    let permit = Permit::harmless(&key, tools.effect(&name, &arguments)?).unwrap();
    tools.call(&name, arguments, permit, &caller).await
}
