//! Models behind the chat completions of OpenAI, and of every server that speaks the same: vLLM, LM Studio, LiteLLM, …

mod embed;
mod reply;
mod request;
mod server;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt as _};
use secrecy::SecretString;
use serde_json::{Value, json};

use reply::{Chunk, Draft, Wrong};
use server::{Exchange, Server};

use super::calls::{self, ToolNames};
use super::pieces::{Arriving, Heard, pieces};
use super::wire::{Complaint, estimated};
use super::{Model, ModelError, Pieces, Reply, Request, Trouble, Usage};

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
    /// Whether the server refused to be asked for the usage of a streamed reply.
    refuses_options: AtomicBool,
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
        Ok(Self {
            server,
            model: settings.model.clone(),
            reply_limit,
            estimates: AtomicBool::new(false),
            refuses_options: AtomicBool::new(false),
        })
    }

    fn error(&self, trouble: Trouble, message: &str) -> ModelError {
        self.server.wire().error(trouble, message)
    }

    /// What a reply used: as the server counts it, or by the lengths of what was `sent` and of what came. A server that counts
    /// nothing must not do away with the limits of tokens and cost.
    fn usage_of(&self, draft: &Draft, sent: usize) -> Usage {
        // No request is empty: who counts nothing of it does not count.
        let input = draft.tokens.prompt_tokens.filter(|tokens| *tokens > 0);
        let output = draft.tokens.completion_tokens;
        if (input.is_none() || output.is_none()) && !self.estimates.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                model = self.name(),
                "the server does not say how many tokens were used; limits of tokens and cost go by an estimate"
            );
        }
        Usage {
            input_tokens: input.unwrap_or_else(|| estimated(sent)),
            output_tokens: output.unwrap_or_else(|| estimated(draft.length())),
        }
    }

    fn add(&self, draft: &mut Draft, chunk: Chunk) -> Result<String, ModelError> {
        draft.add(chunk).map_err(|wrong| match wrong {
            Wrong::NoReply => self.server.wire().unreadable("it holds no choices"),
            Wrong::Failed(error) => {
                let complaint = Complaint::within(&json!({ "error": error }));
                complaint.map_or_else(
                    || self.error(Trouble::Unavailable, "the server fails and does not say why"),
                    |complaint| self.server.wire().refused(&complaint, None),
                )
            }
        })
    }

    /// The reply that has come.
    fn reply_of(&self, mut draft: Draft, asked: &Asked<'_>) -> Result<Reply, ModelError> {
        if !draft.has_choice {
            return Err(self.error(Trouble::Malformed, "the reply holds no choice"));
        }
        if !draft.refusal.is_empty() {
            return Err(self.error(Trouble::Refused, &format!("the model refuses: {}", draft.refusal)));
        }
        match draft.finish.as_deref() {
            Some("length") => Err(self.error(Trouble::Truncated, "the reply was cut at the model's limit of tokens")),
            Some("content_filter") => {
                Err(self.error(Trouble::Refused, "the reply was withheld by the provider's filter"))
            }
            Some("error") => Err(self.error(Trouble::Unavailable, "the server failed while it replied")),
            _ => {
                let usage = self.usage_of(&draft, asked.sent);
                let calls = calls::read(asked.request, &asked.names, draft.calls());
                Ok(Reply { text: draft.text, calls, usage, ..Reply::default() })
            }
        }
    }

    /// Asks for a reply in chunks.
    async fn open<'a>(&'a self, request: &'a Request) -> Result<InChunks<'a>, ModelError> {
        let mut asked = Asked::new(self, request);
        asked.body["stream"] = true.into();
        if !self.refuses_options.load(Ordering::Relaxed) {
            asked.body["stream_options"] = json!({ "include_usage": true });
            match self.chunks(asked.body.clone()).await {
                Err(error) if error.trouble == Trouble::Rejected && error.message.contains("stream_options") => {
                    self.refuses_options.store(true, Ordering::Relaxed);
                    asked.body.as_object_mut().map(|body| body.shift_remove("stream_options"));
                }
                opened => return opened.map(|(exchange, chunks)| InChunks::new(self, asked, exchange, chunks)),
            }
        }
        let (exchange, chunks) = self.chunks(asked.body.clone()).await?;
        Ok(InChunks::new(self, asked, exchange, chunks))
    }

    async fn chunks(&self, body: Value) -> Result<(Exchange, Chunks), ModelError> {
        let exchange = self.server.exchange().in_events();
        let chunks: Result<Chunks, _> = exchange.client().chat().create_stream_byot(body).await;
        chunks.map_err(|error| exchange.failed(&error)).map(|chunks| (exchange, chunks))
    }
}

type Chunks = BoxStream<'static, Result<Chunk, OpenAIError>>;

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> &str {
        self.server.wire().name()
    }

    // Not the fold of the stream: every compatible server has this, with the usage, and a chunk for each token costs more than
    // one text.
    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let asked = Asked::new(self, request);
        let exchange = self.server.exchange();
        let whole: Result<Chunk, _> = exchange.client().chat().create_byot(&asked.body).await;
        let mut draft = Draft::default();
        self.add(&mut draft, whole.map_err(|error| exchange.failed(&error))?)?;
        self.reply_of(draft, &asked)
    }

    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        pieces(self.open(request))
    }
}

/// A request as it is sent.
struct Asked<'a> {
    request: &'a Request,
    names: ToolNames<'a>,
    body: Value,
    /// Its length in bytes.
    sent: usize,
}

impl<'a> Asked<'a> {
    fn new(model: &OpenAi, request: &'a Request) -> Self {
        let names = ToolNames::new(&request.tools);
        let mut body = request::body(&model.model, request, &names);
        if let Some(tokens) = request.reply_tokens {
            body[model.reply_limit] = tokens.into();
        }
        let sent = body.to_string().len();
        Self { request, names, body, sent }
    }
}

/// A reply that comes in chunks.
struct InChunks<'a> {
    model: &'a OpenAi,
    asked: Asked<'a>,
    exchange: Exchange,
    chunks: Chunks,
    draft: Draft,
    /// Whether it was told that the text is whole.
    told: bool,
}

impl<'a> InChunks<'a> {
    fn new(model: &'a OpenAi, asked: Asked<'a>, exchange: Exchange, chunks: Chunks) -> Self {
        Self { model, asked, exchange, chunks, draft: Draft::default(), told: false }
    }
}

impl Arriving for InChunks<'_> {
    async fn next(&mut self) -> Result<Option<Heard>, ModelError> {
        if self.draft.is_said() && !std::mem::replace(&mut self.told, true) {
            return Ok(Some(Heard::Said));
        }
        while let Some(chunk) = self.chunks.next().await {
            let text = match chunk {
                Ok(chunk) => self.model.add(&mut self.draft, chunk)?,
                // The reply is there; only the usage, or the end of the connection, did not come.
                Err(_) if self.draft.finish.is_some() => return Ok(None),
                Err(error) => return Err(self.exchange.failed(&error)),
            };
            if !text.is_empty() {
                return Ok(Some(Heard::Text(text)));
            }
            if self.draft.is_said() && !std::mem::replace(&mut self.told, true) {
                return Ok(Some(Heard::Said));
            }
        }
        Ok(None)
    }

    fn finish(self) -> Result<Reply, ModelError> {
        // The client tells of the end and of a connection that was closed alike.
        if self.draft.has_choice && self.draft.finish.is_none() {
            return Err(self.model.error(Trouble::Malformed, "the reply ends in the middle"));
        }
        self.model.reply_of(self.draft, &self.asked)
    }
}

#[cfg(test)]
mod tests;
