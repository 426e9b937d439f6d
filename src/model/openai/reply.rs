//! A reply as chat completions have it, whole or in chunks: both are folded in the same way.
//!
//! What compatible servers do otherwise than `OpenAI` is understood where it can only mean one thing.

use serde::Deserialize;
use serde_json::Value;

use super::super::calls::Written;

/// A whole reply, or a chunk of one.
#[derive(Deserialize)]
pub(super) struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    /// Some servers say only now that they fail.
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Content>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

/// Text, or parts of which some are text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Content {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
        }
    }
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<usize>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<Value>,
}

/// Tokens as the server counts them.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Tokens {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
}

/// What has come of a reply.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) refusal: String,
    pub(super) finish: Option<String>,
    pub(super) tokens: Tokens,
    /// Whether anything was said at all.
    pub(super) has_choice: bool,
    /// Each with the index that the server gives it.
    calls: Vec<(Option<usize>, Written)>,
}

/// Why a chunk cannot be added.
pub(super) enum Wrong {
    /// It holds no choices.
    NoReply,
    /// The server fails: what it says.
    Failed(Value),
}

impl Draft {
    /// Adds what a chunk holds, and returns what it adds to the text.
    pub(super) fn add(&mut self, chunk: Chunk) -> Result<String, Wrong> {
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(Wrong::Failed(error));
        }
        if let Some(tokens) = chunk.usage {
            // The last word counts, each for itself: some servers count in every chunk, and some in two.
            self.tokens.prompt_tokens = tokens.prompt_tokens.or(self.tokens.prompt_tokens);
            self.tokens.completion_tokens = tokens.completion_tokens.or(self.tokens.completion_tokens);
        } else if chunk.choices.is_none() {
            return Err(Wrong::NoReply);
        }
        // One is asked for; the chunk of the usage has none.
        let Some(Choice { delta, finish_reason }) = chunk.choices.and_then(|choices| choices.into_iter().next()) else {
            return Ok(String::new());
        };
        self.has_choice = true;
        self.finish = finish_reason.filter(|reason| !reason.is_empty()).or(self.finish.take());
        let Some(Delta { content, refusal, tool_calls }) = delta else { return Ok(String::new()) };
        self.refusal.push_str(&refusal.unwrap_or_default());
        for call in tool_calls.into_iter().flatten() {
            self.add_call(call);
        }
        let text = content.map(Content::into_text).unwrap_or_default();
        self.text.push_str(&text);
        Ok(text)
    }

    fn add_call(&mut self, CallDelta { index, id, function }: CallDelta) {
        let Function { name, arguments } = function.unwrap_or(Function { name: None, arguments: None });
        let id = id.unwrap_or_default();
        // The call that was begun under this index last, or simply the last. Another id is another call even so: there
        // are servers that give each the index 0.
        let begun = match index {
            Some(_) => self.calls.iter().rposition(|(begun, _)| *begun == index),
            None => self.calls.len().checked_sub(1),
        };
        let begun = begun.filter(|at| id.is_empty() || self.calls[*at].1.id.is_empty() || self.calls[*at].1.id == id);
        // Without an index or an id, a name begins a call.
        let begun = begun.filter(|_| index.is_some() || !id.is_empty() || name.as_ref().is_none_or(String::is_empty));
        let at = begun.unwrap_or_else(|| {
            self.calls.push((index, Written::default()));
            self.calls.len() - 1
        });
        let call = &mut self.calls[at].1;
        if call.id.is_empty() {
            call.id = id;
        }
        // Whole, even if it is repeated.
        if call.name.is_empty() {
            call.name = name.unwrap_or_default();
        }
        match arguments {
            None | Some(Value::Null) => {}
            Some(Value::String(more)) => call.arguments.push_str(&more),
            Some(whole) => call.arguments = whole.to_string(),
        }
    }

    /// The calls in the order of their indices.
    pub(super) fn calls(&mut self) -> Vec<Written> {
        let mut calls = std::mem::take(&mut self.calls);
        calls.sort_by_key(|(index, _)| *index);
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// Whether all of the text has come, and nothing is called.
    pub(super) fn is_said(&self) -> bool {
        self.finish.as_deref() == Some("stop") && self.calls.is_empty() && self.refusal.is_empty()
    }

    /// How long it is, in bytes.
    pub(super) fn length(&self) -> usize {
        self.text.len() + self.refusal.len() + self.calls.iter().map(|(_, call)| call.length()).sum::<usize>()
    }
}
