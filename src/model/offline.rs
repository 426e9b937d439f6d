//! A small deterministic model of our own that needs no network.
//!
//! It reads the tools that it is offered and the text that it is given, picks and fills tool calls by
//! grammar and retrieval, and writes by extraction: every sentence of a reply that states something
//! stands in what it was given. It goes through the same loop as any other model: the first replies
//! call tools, the last one is the result.
//!
//! It knows how language is built (function words, kinds of questions, what lists are commonly called)
//! and nothing about any subject. What it cannot do it says, instead of making something up.
//!
//! - [`conversation`]: what the request holds: role, goal, input, what tools returned
//! - [`words`], [`blocks`], [`sentences`], [`context`], [`rank`], [`question`], [`answer`], [`comparison`],
//!   [`thesaurus`], [`dates`], [`subjects`]: the means
//! - [`doubts`] and [`asking`]: what colleagues are asked, and what they bring
//! - [`task`]: which kind of work is wanted; [`research`], [`quoting`], [`analysis`], [`writing`] with
//!   [`table`], [`checking`] with [`proofs`], [`length`], [`arbitration`], [`plain`] do it, and leave a [`Draft`]
//! - [`planning`]: what people ask of workflows, into edits; [`proposing`] says them in the form that every model is asked for;
//!   [`replanning`] is what else can be done about a step that failed for good
//! - [`intent`]: what a person wants of a conversation; [`anew`]: that it is a workflow of its own; [`talking`] is the offline
//!   model's part in one
//! - [`fill`]: gives the draft the form that is asked for, be it a result's schema or a tool's parameters

mod analysis;
mod anew;
mod answer;
mod arbitration;
mod arguments;
mod asking;
mod blocks;
mod checking;
mod comparison;
mod context;
mod conversation;
mod dates;
mod doubts;
mod draft;
mod fill;
pub mod intent;
mod length;
mod material;
mod plain;
pub mod planning;
mod proofs;
mod proposing;
mod question;
mod quoting;
mod rank;
mod replanning;
mod research;
mod sentences;
mod subjects;
mod table;
mod talking;
mod task;
mod thesaurus;
mod words;
mod writing;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::edits::Brief;
use super::talk::Now;
use super::{Model, ModelError, Reply, Request, ToolCall, Trouble, Usage};
use conversation::Conversation;
use draft::Draft;

/// The deterministic model that needs no network: the same request always gets the same reply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline;

/// What it is called.
pub(super) const NAME: &str = "offline";

/// What a piece of work comes to for now.
enum Move {
    /// Call these tools first: name and arguments.
    Call(Vec<(String, Map<String, Value>)>),
    /// This is the result.
    Finish(Draft),
}

#[async_trait]
impl Model for Offline {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        // It computes for some ten milliseconds: not on a thread that others wait for.
        let request = request.clone();
        tokio::task::spawn_blocking(move || reply_to(&request)).await.unwrap_or_else(|error| {
            Err(ModelError::new(Trouble::Rejected, format!("the offline model stopped half-way: {error}")))
        })
    }
}

/// The whole model: a function of the request.
fn reply_to(request: &Request) -> Result<Reply, ModelError> {
    if let Some(brief) = Brief::read(request) {
        let text = proposing::said(&brief)?;
        let usage = Usage { input_tokens: tokens(request)?, output_tokens: tokens(&text)? };
        return Ok(Reply { text, usage, ..Reply::default() });
    }
    if let Some(now) = Now::read(request) {
        return talking_reply(request, &now);
    }
    let conversation = Conversation::read(request);
    let (text, calls) = match task::next(&conversation) {
        Move::Call(calls) => (String::new(), numbered(&conversation, calls)),
        Move::Finish(draft) => (finished(&conversation, &draft), Vec::new()),
    };
    let usage = Usage { input_tokens: tokens(request)?, output_tokens: tokens(&(&text, &calls))? };
    Ok(Reply { text, calls, usage, ..Reply::default() })
}

/// The reply in a conversation with a person.
fn talking_reply(request: &Request, now: &Now) -> Result<Reply, ModelError> {
    let (text, calls) = match talking::next(request, now) {
        talking::Next::Say(text) => (text, Vec::new()),
        talking::Next::Call(name, arguments) => {
            (String::new(), numbered(&Conversation::read(request), vec![(name.to_owned(), arguments)]))
        }
    };
    let usage = Usage { input_tokens: tokens(request)?, output_tokens: tokens(&(&text, &calls))? };
    Ok(Reply { text, calls, usage, ..Reply::default() })
}

/// The draft in the form that is asked for: JSON that satisfies the schema, or text. If the schema
/// cannot be filled, the reply says what is missing; whoever asked sees that it is no result.
fn finished(conversation: &Conversation<'_>, draft: &Draft) -> String {
    let Some(schema) = conversation.output else { return draft.text.clone() };
    match fill::result(schema, draft, conversation) {
        Ok(value) => value.to_string(),
        Err(cannot) => cannot.to_string(),
    }
}

fn numbered(conversation: &Conversation<'_>, calls: Vec<(String, Map<String, Value>)>) -> Vec<ToolCall> {
    let first = conversation.exchanges.len() + 1;
    let call = |(index, (name, arguments)): (usize, _)| ToolCall {
        id: format!("call_{}", first + index),
        name,
        arguments: Value::Object(arguments),
    };
    calls.into_iter().enumerate().map(call).collect()
}

/// An estimate: a quarter of the characters of the JSON text, which is about what the tokenizers of
/// the large models come to for English.
fn tokens(what: &impl serde::Serialize) -> Result<u64, ModelError> {
    let text = serde_json::to_string(what).map_err(|error| ModelError::new(Trouble::Rejected, error.to_string()))?;
    Ok((text.chars().count() as u64).div_ceil(4))
}

#[cfg(test)]
mod tests;
