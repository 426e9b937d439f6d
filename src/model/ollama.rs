//! Models behind Ollama, on this machine or another.
//!
//! Requests are made of ollama-rs's types, and go over our own wire. Its own chat is not used: it forgets the status and
//! `Retry-After` of what fails, knows no limit of time or size, loses every piece that is cut inside a letter of more than one
//! byte, passes over what it cannot read, and writes to the terminal.

mod embed;
mod library;
mod reply;
mod request;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;
use url::Url;

use reply::{Draft, Line, Wrong};
use request::Wanted;

use super::calls::{self, ToolNames};
use super::pieces::{Arriving, Heard, pieces};
use super::wire::{Body, Complaint, Lines, Patience, Provider, Wire, estimated};
use super::{Model, ModelError, Pieces, Reply, Request, Trouble, Usage};

pub use embed::OllamaEmbedder;
pub use library::{Installed, Progress, list, pull};

/// Where a model is, and how it is reached.
#[derive(Clone, Debug)]
pub struct OllamaSettings {
    /// The server's address.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// How many tokens a request and its reply may have together: Ollama reserves memory for as many, and cuts off without a
    /// word what is more.
    pub context: u32,
    /// The longest wait for a reply.
    pub timeout: Duration,
    /// The longest silence in the middle of one.
    pub idle_timeout: Duration,
}

const PROVIDER: Provider =
    Provider { settings: "models.ollama", missing: "`ollama pull` gets a model that is not there yet" };

/// A model behind Ollama.
#[derive(Debug)]
pub struct Ollama {
    server: Server,
    model: String,
    context: u32,
}

impl Ollama {
    /// The provider's name, as settings and events have it.
    pub const PROVIDER: &'static str = "ollama";

    /// A model of a server. Nothing is sent before the first request.
    ///
    /// # Errors
    /// The address is none, or no connection can ever be made.
    pub fn new(settings: &OllamaSettings) -> Result<Self, String> {
        let server = Server::new(settings)?;
        Ok(Self { server, model: settings.model.clone(), context: settings.context })
    }

    async fn ask<'a>(&'a self, request: &'a Request, wanted: Wanted) -> Result<(Asked<'a>, Body), ModelError> {
        let names = ToolNames::new(&request.tools);
        let body = request::body(&self.model, self.context, request, &names, wanted);
        let wrong = |error| self.error(Trouble::Rejected, &format!("a schema in the request is none: {error}"));
        let body = body.map_err(wrong)?;
        let sent = body.to_string().len();
        let reply = self.server.post("api/chat", &body).await?;
        Ok((Asked { request, names, sent }, reply))
    }

    fn error(&self, trouble: Trouble, message: &str) -> ModelError {
        self.server.wire.error(trouble, message)
    }

    fn add(&self, draft: &mut Draft, line: &[u8]) -> Result<String, ModelError> {
        let line: Line = serde_json::from_slice(line).map_err(|error| self.server.wire.unreadable(error))?;
        draft.add(line).map_err(|wrong| match wrong {
            Wrong::NoReply => self.server.wire.unreadable("it holds no message"),
            Wrong::Failed(error) => {
                let complaint = Complaint::within(&json!({ "error": error }));
                complaint.map_or_else(
                    || self.error(Trouble::Unavailable, "the server fails and does not say why"),
                    |complaint| self.server.wire.refused(&complaint, None),
                )
            }
        })
    }

    /// The reply that has come.
    fn reply_of(&self, draft: Draft, asked: &Asked<'_>) -> Result<Reply, ModelError> {
        match draft.end.as_deref() {
            None => return Err(self.error(Trouble::Malformed, "the reply ends in the middle")),
            Some("length") => {
                return Err(self.error(Trouble::Truncated, "the reply was cut at the model's limit of tokens"));
            }
            Some(_) => {}
        }
        // What Ollama still knows of an earlier prompt it does not count.
        let usage = Usage {
            input_tokens: draft.read.unwrap_or_else(|| estimated(asked.sent)),
            output_tokens: draft.written.unwrap_or_else(|| estimated(draft.length())),
        };
        let calls = calls::read(asked.request, &asked.names, draft.calls);
        Ok(Reply { text: draft.text, calls, usage, ..Reply::default() })
    }
}

#[async_trait]
impl Model for Ollama {
    fn name(&self) -> &str {
        self.server.wire.name()
    }

    fn window(&self) -> Option<u32> {
        Some(self.context)
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let (asked, body) = self.ask(request, Wanted::Whole).await?;
        let mut draft = Draft::default();
        self.add(&mut draft, &body.whole().await?)?;
        self.reply_of(draft, &asked)
    }

    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        pieces(async {
            let (asked, body) = self.ask(request, Wanted::Lines).await?;
            Ok(InLines { model: self, asked, lines: body.lines(), draft: Draft::default() })
        })
    }
}

/// A request as it was sent.
struct Asked<'a> {
    request: &'a Request,
    names: ToolNames<'a>,
    /// Its length in bytes.
    sent: usize,
}

/// A reply that comes line by line.
struct InLines<'a> {
    model: &'a Ollama,
    asked: Asked<'a>,
    lines: Lines,
    draft: Draft,
}

impl Arriving for InLines<'_> {
    async fn next(&mut self) -> Result<Option<Heard>, ModelError> {
        while self.draft.end.is_none() {
            let Some(line) = self.lines.next().await? else { return Ok(None) };
            let text = self.model.add(&mut self.draft, &line)?;
            if !text.is_empty() {
                return Ok(Some(Heard::Text(text)));
            }
        }
        Ok(None)
    }

    fn finish(self) -> Result<Reply, ModelError> {
        self.model.reply_of(self.draft, &self.asked)
    }
}

/// A server, and a model of it.
#[derive(Debug)]
struct Server {
    /// Ends with a slash.
    base: Url,
    wire: Arc<Wire>,
}

impl Server {
    /// # Errors
    /// The address is none, or no connection can ever be made.
    fn new(settings: &OllamaSettings) -> Result<Self, String> {
        let OllamaSettings { base_url, model, timeout, idle_timeout, .. } = settings;
        let patience = Patience { whole: *timeout, idle: *idle_timeout };
        let wire = Wire::new(format!("{}/{model}", Ollama::PROVIDER), &PROVIDER, None, patience)?;
        Ok(Self { base: address(base_url)?, wire })
    }

    /// Sends `body`, and waits for the reply to begin.
    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Body, ModelError> {
        let request = self.wire.http().post(format!("{}{path}", self.base)).json(body).build();
        self.wire.send(request.map_err(|error| self.wire.error(Trouble::Rejected, &error.to_string()))?).await
    }
}

/// An address to which paths can be added.
fn address(base_url: &str) -> Result<Url, String> {
    let wrong = |why: &str| format!("models.ollama.base_url: `{base_url}` is no address of a server: {why}");
    let mut url = Url::parse(base_url).map_err(|error| wrong(&error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(wrong("write http://HOST:11434"));
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}
