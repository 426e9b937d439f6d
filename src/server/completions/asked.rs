//! What a program asks for, in OpenAI's words and in ours.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Refusal;
use crate::model::{Message, Request, ToolCall, ToolSpec};

/// The body of a request. What is not named here is in `rest`.
#[derive(Deserialize)]
pub(super) struct Asked {
    pub(super) model: String,
    messages: Vec<Said>,
    #[serde(default)]
    tools: Option<Vec<Offered>>,
    #[serde(default)]
    response_format: Option<ResponseFormat>,
    #[serde(default)]
    pub(super) stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    temperature: Option<f64>,
    /// The older name of the next.
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum Said {
    #[serde(alias = "developer")]
    System {
        content: Content,
    },
    User {
        content: Content,
    },
    Assistant {
        #[serde(default)]
        content: Option<Content>,
        #[serde(default)]
        tool_calls: Option<Vec<Called>>,
    },
    Tool {
        tool_call_id: String,
        content: Content,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Value>),
}

#[derive(Deserialize)]
struct Called {
    id: String,
    function: CalledFunction,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Offered {
    function: OfferedFunction,
}

#[derive(Deserialize)]
struct OfferedFunction {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Option<Value>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema { json_schema: NamedSchema },
}

#[derive(Deserialize)]
struct NamedSchema {
    #[serde(default)]
    schema: Option<Value>,
}

/// What may be left out of account: it is for the provider's own records, or says what is so anyway.
const HARMLESS: [&str; 8] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "parallel_tool_calls",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
];

impl Asked {
    /// Whether the last chunk of a stream is to say how many tokens were used.
    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }

    /// The request as our models take it.
    ///
    /// # Errors
    /// What it asks for that no model of ours can be asked, by the parameter's name.
    pub(super) fn into_request(self) -> Result<Request, Refusal> {
        check_rest(&self.rest)?;
        if self.messages.is_empty() {
            return Err(Refusal::invalid(Some("messages"), "there is no message"));
        }
        let messages = self.messages.into_iter().map(message).collect::<Result<_, _>>()?;
        let tools = self.tools.unwrap_or_default().into_iter().map(|Offered { function }| ToolSpec {
            name: function.name,
            description: function.description,
            parameters: function
                .parameters
                .unwrap_or_else(|| serde_json::json!({ "type": "object", "properties": {} })),
        });
        let output = match self.response_format {
            None | Some(ResponseFormat::Text) => None,
            Some(ResponseFormat::JsonObject) => Some(serde_json::json!({ "type": "object" })),
            Some(ResponseFormat::JsonSchema { json_schema }) => json_schema.schema,
        };
        let reply_tokens = self.max_completion_tokens.or(self.max_tokens);
        if reply_tokens == Some(0) {
            return Err(Refusal::invalid(Some("max_completion_tokens"), "a reply has one token at least"));
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(Refusal::invalid(Some("temperature"), "a temperature is from 0 to 2"));
        }
        Ok(Request { messages, tools: tools.collect(), output, reply_tokens, temperature: self.temperature })
    }
}

/// Refuses what would change the answer and cannot be passed on.
fn check_rest(rest: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in rest {
        let is_default = match name.as_str() {
            "n" => value == 1,
            "tool_choice" => value == "auto",
            "modalities" => *value == serde_json::json!(["text"]),
            "logprobs" => value == false,
            name => HARMLESS.contains(&name),
        };
        if !is_default && !value.is_null() {
            return Err(Refusal::invalid(
                Some(name),
                format!("the parameter `{name}` cannot be passed on; leave it out"),
            ));
        }
    }
    Ok(())
}

fn message(said: Said) -> Result<Message, Refusal> {
    Ok(match said {
        Said::System { content } => Message::System { text: text(content)? },
        Said::User { content } => Message::User { text: text(content)? },
        Said::Assistant { content, tool_calls } => Message::Assistant {
            text: content.map(text).transpose()?.unwrap_or_default(),
            calls: tool_calls.unwrap_or_default().into_iter().map(call).collect(),
        },
        Said::Tool { tool_call_id, content } => {
            let text = text(content)?;
            // A result that is JSON stays what it is.
            let result = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Message::Tool { call: tool_call_id, result }
        }
    })
}

fn call(Called { id, function }: Called) -> ToolCall {
    let CalledFunction { name, arguments } = function;
    // What is no object goes back to the model as it was written.
    let arguments = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
    ToolCall { id, name, arguments }
}

fn text(content: Content) -> Result<String, Refusal> {
    let parts = match content {
        Content::Text(text) => return Ok(text),
        Content::Parts(parts) => parts,
    };
    let text = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
    let texts: Option<Vec<String>> = parts.iter().map(text).collect();
    texts.map(|texts| texts.join("\n")).ok_or_else(|| {
        Refusal::invalid(Some("messages"), "a message holds something besides text; only text can be passed on")
    })
}
