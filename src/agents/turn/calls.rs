//! Sorts what a model wants to call into what can be called and what it must be told is wrong.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::CallResult;
use crate::agents::output;
use crate::model::{Message, Request, ToolCall, ToolSpec};

/// Calls that one reply may ask for; the rest is refused.
const CALLS_AT_ONCE: usize = 16;

/// The longest result, as JSON text in bytes, that goes into the conversation whole. What is longer than the workspace
/// wants has become a summary long before; this is what holds where nothing is kept.
const LONGEST_RESULT: usize = 512 * 1024;

/// The calls of one reply.
pub(super) struct Sorted {
    /// All of them as they go into the conversation, each with an id of its own.
    pub(super) said: Vec<ToolCall>,
    /// Those that can be made.
    pub(super) sound: Vec<ToolCall>,
    /// The answers to the others.
    pub(super) refused: Vec<CallResult>,
}

/// The parameters of tools, compiled when they are first needed. No part of a turn's state: it can be lost at any time.
#[derive(Clone, Default)]
pub(super) struct Compiled(HashMap<String, Arc<Validator>>);

impl PartialEq for Compiled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Compiled {
    fn of(&mut self, tool: &ToolSpec) -> Result<Arc<Validator>, String> {
        if let Some(validator) = self.0.get(&tool.name) {
            return Ok(Arc::clone(validator));
        }
        let validator = jsonschema::validator_for(&tool.parameters).map_err(|error| error.to_string())?;
        Ok(Arc::clone(self.0.entry(tool.name.clone()).or_insert_with(|| Arc::new(validator))))
    }
}

/// Sorts the calls of a reply by what `request` offers.
pub(super) fn sort(calls: Vec<ToolCall>, request: &Request, compiled: &mut Compiled) -> Sorted {
    let said = with_own_ids(calls, request);
    let mut sorted = Sorted { said: Vec::new(), sound: Vec::new(), refused: Vec::new() };
    for (index, call) in said.iter().enumerate() {
        let wrong = if index < CALLS_AT_ONCE {
            wrong_with(call, &request.tools, compiled)
        } else {
            Some(format!("not made: at most {CALLS_AT_ONCE} calls at once"))
        };
        match wrong {
            None => sorted.sound.push(call.clone()),
            Some(wrong) => sorted.refused.push(CallResult::error(&call.id, &wrong)),
        }
    }
    sorted.said = said;
    sorted
}

/// A result that fits into the conversation: cut, and said to be, if it is too long.
pub(super) fn shortened(result: Value) -> Value {
    let text = match &result {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= LONGEST_RESULT {
        return result;
    }
    let cut = (0..=LONGEST_RESULT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    json!({
        "cut": format!("the result has {} bytes; this is its beginning", text.len()),
        "beginning": &text[..cut],
    })
}

/// What is wrong with a call, if anything.
fn wrong_with(call: &ToolCall, tools: &[ToolSpec], compiled: &mut Compiled) -> Option<String> {
    let Some(tool) = tools.iter().find(|tool| tool.name == call.name) else {
        let offered: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        return Some(if offered.is_empty() {
            format!("there is no tool `{}`, nor any other: reply with the result", call.name)
        } else {
            format!("there is no tool `{}`; there are: {}", call.name, offered.join(", "))
        });
    };
    if !call.arguments.is_object() {
        return Some("the arguments must be a JSON object".to_owned());
    }
    match compiled.of(tool) {
        Ok(validator) => output::violations(&validator, &call.arguments)
            .map(|wrong| format!("the arguments do not fit the tool's parameters: {wrong}")),
        Err(error) => Some(format!("the tool cannot be called: its parameters are not a JSON Schema ({error})")),
    }
}

/// The calls, each with an id that nothing in the conversation has: some models send none, or the same again.
fn with_own_ids(mut calls: Vec<ToolCall>, request: &Request) -> Vec<ToolCall> {
    let mut taken: HashSet<String> = request
        .messages
        .iter()
        .filter_map(|message| match message {
            Message::Assistant { calls, .. } => Some(calls.iter().map(|call| call.id.clone())),
            _ => None,
        })
        .flatten()
        .collect();
    for call in &mut calls {
        let mut n = taken.len();
        while call.id.is_empty() || taken.contains(&call.id) {
            n += 1;
            call.id = format!("call_{n}");
        }
        taken.insert(call.id.clone());
    }
    calls
}
