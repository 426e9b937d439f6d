//! Models behind the chat completions of OpenAI, and of every server that speaks the same: vLLM, LM Studio, LiteLLM, …

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::net;

use super::{Message, Model, ModelError, Reply, Request, ToolCall, ToolSpec, Trouble, Usage};

/// Where a model is, and how it is reached.
#[derive(Clone)]
pub struct OpenAiSettings {
    /// The server's address, up to and with `/v1`.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// The key; a server of one's own may need none.
    pub key: Option<String>,
    /// The longest wait for a reply.
    pub timeout: Duration,
}

/// A model behind chat completions.
///
/// A server that is busy or fails is asked again, three times at most, by the client; then it is the step's `retry` that
/// counts.
pub struct OpenAi {
    name: String,
    model: String,
    key: Option<String>,
    client: Client<OpenAIConfig>,
    /// Whether it was said that the tokens are estimated.
    estimates: AtomicBool,
}

impl std::fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAi").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OpenAi {
    /// The provider's name, as settings and events have it.
    pub const PROVIDER: &'static str = "openai";

    /// A model of a server. Nothing is sent before the first request.
    ///
    /// # Errors
    /// Why no connection can ever be made: the system's certificates cannot be read.
    pub fn new(settings: OpenAiSettings) -> Result<Self, String> {
        let OpenAiSettings { base_url, model, key, timeout } = settings;
        let http = net::client().timeout(timeout).build().map_err(|error| error.to_string())?;
        let config = OpenAIConfig::new()
            .with_api_base(base_url.trim_end_matches('/'))
            .with_api_key(key.clone().unwrap_or_else(|| "none".to_owned()));
        let name = format!("{}/{model}", Self::PROVIDER);
        let client = Client::with_config(config).with_http_client(http);
        Ok(Self { name, model, key, client, estimates: AtomicBool::new(false) })
    }

    /// A message for people, without the key, should a server repeat it.
    fn shown(&self, message: &str) -> String {
        const LONGEST: usize = 500;
        let message = match &self.key {
            Some(key) if !key.is_empty() => message.replace(key, "***"),
            _ => message.to_owned(),
        };
        let cut = message.char_indices().nth(LONGEST).map_or(message.len(), |(at, _)| at);
        format!("{}: {}", self.name, &message[..cut])
    }

    fn failed(&self, error: &OpenAIError) -> ModelError {
        match error {
            OpenAIError::ApiError(response) => {
                let message = self.shown(&response.to_string());
                match response.status_code.as_u16() {
                    429 => ModelError::new(Trouble::Busy, message),
                    408 | 409 | 425 | 500.. => ModelError::new(Trouble::Unavailable, message),
                    401 | 403 => ModelError::new(Trouble::Rejected, format!("{message}; is the key right?")),
                    404 => {
                        let hint = "is the address right, and the model's name?";
                        ModelError::new(Trouble::Rejected, format!("{message}; {hint}"))
                    }
                    _ => ModelError::new(Trouble::Rejected, message),
                }
            }
            OpenAIError::Reqwest(error) if error.is_timeout() => {
                ModelError::new(Trouble::TimedOut, self.shown("no reply came in time; see models.openai.timeout"))
            }
            OpenAIError::Reqwest(error) if error.is_connect() => ModelError::new(
                Trouble::Unavailable,
                self.shown("the server cannot be reached; see models.openai.base_url"),
            ),
            // What came is not what the protocol says: cut off, or something else speaking.
            OpenAIError::Reqwest(_) | OpenAIError::JSONDeserialize(..) | OpenAIError::StreamError(_) => {
                ModelError::new(Trouble::Malformed, self.shown(&format!("the reply cannot be read: {error}")))
            }
            _ => ModelError::new(Trouble::Rejected, self.shown(&error.to_string())),
        }
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
                model = self.name,
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
            return Err(ModelError::new(Trouble::Malformed, self.shown("the reply holds no choice")));
        };
        if let Some(refusal) = choice.message.refusal.filter(|refusal| !refusal.is_empty()) {
            return Err(ModelError::new(Trouble::Refused, self.shown(&format!("the model refuses: {refusal}"))));
        }
        match choice.finish_reason.as_deref() {
            Some("length") => {
                return Err(ModelError::new(
                    Trouble::Truncated,
                    self.shown("the reply was cut at the model's limit of tokens"),
                ));
            }
            Some("content_filter") => {
                return Err(ModelError::new(
                    Trouble::Refused,
                    self.shown("the reply was withheld by the provider's filter"),
                ));
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
        Ok(Reply { calls: calls.collect(), text: choice.message.content.unwrap_or_default(), usage })
    }
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let body = body(&self.model, request);
        let sent = body.to_string().len();
        let completion = self.client.chat().create_byot(body).await.map_err(|error| self.failed(&error))?;
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
