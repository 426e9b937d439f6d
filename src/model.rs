//! Language models behind one trait.

mod budget;
mod calls;
pub mod edits;
mod embed;
mod fit;
mod models;
mod offline;
pub mod ollama;
mod openai;
mod pieces;
mod price;
mod replay;
mod route;
pub mod talk;
mod tokens;
pub mod untrusted;
mod wire;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use budget::{Budget, Caps, Scope, Standing};
pub use embed::Embedder;
pub use models::Models;
pub use offline::{Offline, intent, planning};
pub use ollama::{Ollama, OllamaEmbedder, OllamaSettings};
pub use openai::{OpenAi, OpenAiEmbedder, OpenAiSettings};
pub use price::{Dollars, Known, Price, Prices, dollars};
pub use replay::{Recorder, Replay};
pub use route::{Breaker, BreakerSettings, Health, Link, Patience, Router};
pub use tokens::TokenCount;

use crate::run::{Hop, RunId, StepPath};

/// One exchange with a model: what it is told, and what it may call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// The tools that it is offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// JSON Schema that the final reply must satisfy (as JSON text), if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// How many tokens the reply may have at most; as many as the model can write if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_tokens: Option<u32>,
    /// How freely it chooses its words, from 0; as the provider has it by default if `None`. The offline model has no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Who the model is and how it works.
    System {
        /// The text.
        text: String,
    },
    /// What it is asked.
    User {
        /// The text.
        text: String,
    },
    /// What it said, and what it called.
    Assistant {
        /// The text.
        text: String,
        /// The calls.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<ToolCall>,
    },
    /// What a call of its returned.
    Tool {
        /// The call's id.
        call: String,
        /// The result as JSON; `{"error": …}` if it failed.
        result: Value,
    },
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// A model's wish to call a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Unique in the conversation.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments: an object.
    pub arguments: Value,
}

/// What a model said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The text: JSON text if the request had an `output` schema and there are no calls.
    pub text: String,
    /// The tools that it wants to call; done if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// What it used.
    #[serde(default)]
    pub usage: Usage,
    /// Which model of a chain said it; `None` if there was no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it cost, if the price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Dollars>,
}

/// Tokens used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn tokens(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// This and more.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(more.input_tokens),
            output_tokens: self.output_tokens.saturating_add(more.output_tokens),
        }
    }
}

/// Why a model gave no reply: what went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// In which way it went wrong.
    pub trouble: Trouble,
    /// What happened, where, and what to do.
    pub message: String,
    /// How long the provider wants to be left alone (`Retry-After`), if it says.
    pub after: Option<Duration>,
}

/// The ways in which an exchange goes wrong, each with a reaction of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The provider has too much to do, or the quota is used up for now: wait as long as it says, then the next model.
    Busy,
    /// The provider cannot be reached, or fails: wait, then the next model.
    Unavailable,
    /// Nothing came for too long: the next model.
    TimedOut,
    /// What came is not what the protocol says, or ends in the middle of it: once more, then the next model.
    Malformed,
    /// The reply was cut at the model's limit of tokens: the same again would be cut again; the next model may have room.
    Truncated,
    /// The model, or the provider's filter, refuses to answer: nobody else is asked behind its back.
    Refused,
    /// The request is longer than the model's context window: the next model may have room.
    TooLong,
    /// The request can never be accepted: no key, no such model, wrong arguments. The next model, and a person should know.
    Rejected,
    /// A budget is spent: nobody is asked until a person decides, or the next day begins.
    Spent(Scope),
}

/// As events spell it.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::Refused => "refused",
            Self::TooLong => "too_long",
            Self::Rejected => "rejected",
            Self::Spent(_) => "spent",
        })
    }
}

impl ModelError {
    /// Something that went wrong.
    pub fn new(trouble: Trouble, message: impl Into<String>) -> Self {
        Self { trouble, message: message.into(), after: None }
    }

    /// True if the same request to the same model may go better.
    #[must_use]
    pub fn may_go_better(&self) -> bool {
        matches!(self.trouble, Trouble::Busy | Trouble::Unavailable | Trouble::TimedOut | Trouble::Malformed)
    }
}

/// A piece of a reply, as it comes.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// More of the text.
    Text(String),
    /// All of the text is there and nothing is called: only what it used is still to come. Not every model knows this
    /// before the end.
    Said,
    /// The whole reply, calls and usage included: always the last.
    Done(Reply),
}

/// A reply, as it comes. Ends with [`Piece::Done`] or with an error.
pub type Pieces<'a> = BoxStream<'a, Result<Piece, ModelError>>;

/// Whose account a call goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The run.
    pub run: RunId,
    /// Its step.
    pub step: StepPath,
    /// What sets the call apart from all others, and is the same when it is made again.
    pub call: String,
}

/// Who asks a model: whose account it goes to, and where detours are recorded.
#[async_trait]
pub trait Asker: Send + Sync {
    /// Whose account the call goes to; the workspace's alone if `None`.
    fn account(&self) -> Option<&Account>;

    /// Another model is asked than the one before.
    async fn hopped(&self, hop: Hop);
}

/// Nobody in particular: hops are logged.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

#[async_trait]
impl Asker for Anybody {
    fn account(&self) -> Option<&Account> {
        None
    }

    async fn hopped(&self, hop: Hop) {
        tracing::info!(
            alias = hop.alias,
            from = hop.from,
            to = hop.to,
            trouble = hop.trouble,
            "another model is asked"
        );
    }
}

/// A language model.
#[async_trait]
pub trait Model: Send + Sync + 'static {
    /// Its name, as events record it.
    fn name(&self) -> &str;

    /// How many tokens a request and its reply may have together, if that is known.
    fn window(&self) -> Option<u32> {
        None
    }

    /// One exchange.
    ///
    /// # Errors
    /// [`ModelError`], by what can be done about it.
    async fn reply(&self, request: &Request) -> Result<Reply, ModelError>;

    /// The same for somebody in particular, which matters to what has a choice of models or a budget.
    ///
    /// # Errors
    /// [`ModelError`], by what can be done about it.
    async fn reply_to(&self, request: &Request, _asker: &dyn Asker) -> Result<Reply, ModelError> {
        self.reply(request).await
    }

    /// One exchange, piece by piece. What cannot stream yields the whole reply at once.
    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        stream::once(async move { self.reply(request).await.map(Piece::Done) }).boxed()
    }
}
