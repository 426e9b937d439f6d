//! Language models behind one trait.

mod models;
mod offline;
mod openai;
mod price;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use models::Models;
pub use offline::Offline;
pub use openai::{OpenAi, OpenAiSettings};
pub use price::{Dollars, Price, Prices, dollars};

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

/// Why a model gave no reply.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It may work next time.
    #[error("{0}")]
    Retry(String),
    /// It would fail again.
    #[error("{0}")]
    GiveUp(String),
}

/// A language model.
#[async_trait]
pub trait Model: Send + Sync + 'static {
    /// Its name, as events record it.
    fn name(&self) -> &str;

    /// One exchange.
    ///
    /// # Errors
    /// [`ModelError`], by what can be done about it.
    async fn reply(&self, request: &Request) -> Result<Reply, ModelError>;
}
