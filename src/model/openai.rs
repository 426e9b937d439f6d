//! Models behind the chat completions of OpenAI, and of every server that speaks the same: vLLM, LM Studio, LiteLLM, …

mod embed;
mod server;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use server::Server;

use super::{Message, Model, ModelError, Reply, Request, ToolCall, ToolSpec, Trouble, Usage};

pub use embed::OpenAiEmbedder;

/// Where a model is, and how it is reached.
#[derive(Clone, Debug)]
pub struct OpenAiSettings {
    /// The server's address, up to and with `/v1`.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// The key; a server of one's own may need none.
    pub key: Option<SecretString>,
    /// The longest wait for a reply.
    pub timeout: Duration,
    /// The longest silence in the middle of one.
    pub idle_timeout: Duration,
}

/// A model behind chat completions.
#[derive(Debug)]
pub struct OpenAi {
    server: Server,
    model: String,
    /// How a request says how long its reply may be: OpenAI's reasoning models take only the new name, many other servers only
    /// the old one.
    reply_limit: &'static str,
    /// Whether it was said that the tokens are estimated.
    estimates: AtomicBool,
}

impl OpenAi {
    /// The provider's name, as settings and events have it.
    pub const PROVIDER: &'static str = "openai";

    /// A model of a server. Nothing is sent before the first request.
    ///
    /// # Errors
    /// The address or the key is none, or no connection can ever be made: the system's certificates cannot be read.
    pub fn new(settings: &OpenAiSettings) -> Result<Self, String> {
        let is_openai = settings.base_url.contains("://api.openai.com/");
        let reply_limit = if is_openai { "max_completion_tokens" } else { "max_tokens" };
        let server = Server::new(settings)?;
        Ok(Self { server, model: settings.model.clone(), reply_limit, estimates: AtomicBool::new(false) })
    }

    fn error(&self, trouble: Trouble, message: &str) -> ModelError {
        self.server.wire().error(trouble, message)
    }

    /// What a reply used: as the server counts it, or by the lengths of what was `sent` and of what came. A server that counts
    /// nothing must not do away with the limits of tokens and cost.
    fn usage_of(&self, completion: &Completion, sent: usize) -> Usage {
        let counted = completion.usage.as_ref();
        // No request is empty: who counts nothing of it does not count.
        let input = counted.and_then(|usage| usage.prompt_tokens).filter(|tokens| *tokens > 0);
        let output = counted.and_then(|usage| usage.completion_tokens);
        if (input.is_none() || output.is_none()) && !self.estimates.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                model = self.name(),
                "the server does not say how many tokens were used; limits of tokens and cost go by an estimate"
            );
        }
        let came = || completion.choices.first().map_or(0, |choice| choice.message.length());
        Usage {
            input_tokens: input.unwrap_or_else(|| estimated(sent)),
            output_tokens: output.unwrap_or_else(|| estimated(came())),
        }
    }

    fn reply_of(&self, completion: Completion, tools: &[ToolSpec], sent: usize) -> Result<Reply, ModelError> {
        let usage = self.usage_of(&completion, sent);
        let Some(choice) = completion.choices.into_iter().next() else {
            return Err(self.error(Trouble::Malformed, "the reply holds no choice"));
        };
        if let Some(refusal) = choice.message.refusal.filter(|refusal| !refusal.is_empty()) {
            return Err(self.error(Trouble::Refused, &format!("the model refuses: {refusal}")));
        }
        match choice.finish_reason.as_deref() {
            Some("length") => {
                return Err(self.error(Trouble::Truncated, "the reply was cut at the model's limit of tokens"));
            }
            Some("content_filter") => {
                return Err(self.error(Trouble::Refused, "the reply was withheld by the provider's filter"));
            }
            _ => {}
        }
        let calls = choice.message.tool_calls.unwrap_or_default().into_iter().map(|call| {
            let written = call.function.arguments;
            ToolCall {
                id: call.id.unwrap_or_default(),
                name: plain_name(&call.function.name, tools),
                // What is no JSON is told to the model by whoever checks the arguments.
                arguments: serde_json::from_str(&written).unwrap_or(Value::String(written)),
            }
        });
        Ok(Reply {
            calls: calls.collect(),
            text: choice.message.content.unwrap_or_default(),
            usage,
            ..Reply::default()
        })
    }
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> &str {
        self.server.wire().name()
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let mut body = body(&self.model, request);
        if let Some(tokens) = request.reply_tokens {
            body[self.reply_limit] = tokens.into();
        }
        let sent = body.to_string().len();
        let exchange = self.server.exchange();
        let completion: Result<Completion, _> = exchange.client().chat().create_byot(body).await;
        let completion = completion.map_err(|error| exchange.failed(&error))?;
        self.reply_of(completion, &request.tools, sent)
    }
}

/// About how many tokens so many bytes are.
fn estimated(bytes: usize) -> u64 {
    const BYTES_PER_TOKEN: usize = 4;
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

/// The request as the server takes it.
fn body(model: &str, request: &Request) -> Value {
    let mut body = json!({ "model": model, "messages": request.messages.iter().map(message).collect::<Vec<_>>() });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": {
                "name": wire_name(&tool.name), "description": tool.description, "parameters": tool.parameters,
            } })
        });
        body["tools"] = tools.collect();
    }
    if let Some(schema) = &request.output {
        body["response_format"] = json!({
            "type": "json_schema", "json_schema": { "name": "result", "schema": schema, "strict": false }
        });
    }
    body
}

fn message(message: &Message) -> Value {
    match message {
        Message::System { text } => json!({ "role": "system", "content": text }),
        Message::User { text } => json!({ "role": "user", "content": text }),
        Message::Assistant { text, calls } if calls.is_empty() => json!({ "role": "assistant", "content": text }),
        Message::Assistant { text, calls } => {
            let content = if text.is_empty() { Value::Null } else { text.as_str().into() };
            let calls = calls.iter().map(|call| {
                json!({ "id": call.id, "type": "function", "function": {
                    "name": wire_name(&call.name), "arguments": call.arguments.to_string(),
                } })
            });
            json!({ "role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>() })
        }
        Message::Tool { call, result } => {
            let content = result.as_str().map_or_else(|| result.to_string(), str::to_owned);
            json!({ "role": "tool", "tool_call_id": call, "content": content })
        }
    }
}

/// A tool's name as the protocol allows it: letters, digits, `_` and `-`.
fn wire_name(name: &str) -> String {
    name.replace('.', "-")
}

/// The tool that a name on the wire stands for.
fn plain_name(wire: &str, tools: &[ToolSpec]) -> String {
    let tool = tools.iter().find(|tool| wire_name(&tool.name) == wire);
    tool.map_or_else(|| wire.to_owned(), |tool| tool.name.clone())
}

/// What is read of a reply.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Called>>,
}

impl Said {
    /// How long it is, in bytes.
    fn length(&self) -> usize {
        let called = |call: &Called| call.function.name.len() + call.function.arguments.len();
        let texts = [&self.content, &self.refusal].into_iter().flatten().map(String::len).sum::<usize>();
        texts + self.tool_calls.iter().flatten().map(called).sum::<usize>()
    }
}

#[derive(Deserialize)]
struct Called {
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

#[cfg(test)]
mod tests;
