//! What the providers' wires have in common: one way to send a request, to read what comes within limits of time and size,
//! and to say what went wrong. It knows HTTP, and nothing of what the providers say in it.

mod complaint;
mod retry_after;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt as _};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Request};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};

use crate::net;

use super::{ModelError, Trouble};

pub(super) use complaint::Complaint;

/// The most that is read of one reply, however many pieces it comes in.
const MOST_BYTES: usize = 64 << 20;

/// The longest line that is read, of a reply that comes line by line or in events.
const LONGEST_LINE: usize = 1 << 20;

/// The longest piece in which events are given to what parses them, which copies the rest of a piece for each line of it.
const LONGEST_PIECE: usize = 8 << 10;

/// The most that is read of why there is no reply.
const MOST_COMPLAINT: usize = 64 << 10;

/// The longest that an error tells of what a server says.
const MOST_TOLD: usize = 500;

/// A kind of provider, as its errors speak of it.
#[derive(Debug)]
pub(super) struct Provider {
    /// Where its settings are.
    pub(super) settings: &'static str,
    /// What may be wrong if there is no such address or model.
    pub(super) missing: &'static str,
}

/// How long a provider is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For all of a reply.
    pub(super) whole: Duration,
    /// For its next bytes, once it has begun.
    pub(super) idle: Duration,
}

/// The way to a model.
pub(super) struct Wire {
    /// What errors begin with.
    name: String,
    provider: &'static Provider,
    key: Option<SecretString>,
    patience: Patience,
    http: Client,
}

impl Wire {
    /// A way on which nothing was sent yet.
    ///
    /// # Errors
    /// Why no connection can ever be made: the system's certificates cannot be read.
    pub(super) fn new(
        name: String,
        provider: &'static Provider,
        key: Option<SecretString>,
        patience: Patience,
    ) -> Result<Arc<Self>, String> {
        let http = net::client().build().map_err(|error| net::innermost(&error))?;
        Ok(Arc::new(Self { name, provider, key, patience, http }))
    }

    /// The model's name, as events record it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What requests are made with.
    pub(super) fn http(&self) -> &Client {
        &self.http
    }

    /// Sends a request, and waits for the reply to begin.
    ///
    /// # Errors
    /// The server cannot be reached, says nothing in time, or says why it will not reply.
    pub(super) async fn send(self: &Arc<Self>, request: Request) -> Result<Body, ModelError> {
        let deadline = Instant::now() + self.patience.whole;
        let response = match timeout_at(deadline, self.http.execute(request)).await {
            Err(_) => return Err(self.late()),
            Ok(Err(error)) => return Err(self.unreachable(&error)),
            Ok(Ok(response)) => response,
        };
        let body = Body { wire: self.clone(), response, deadline, left: MOST_BYTES, line: 0, longest_line: None };
        if body.response.status().is_success() { Ok(body) } else { Err(body.complaint().await) }
    }

    /// An error with the model's name, and without the key, should a server repeat it.
    pub(super) fn error(&self, trouble: Trouble, message: &str) -> ModelError {
        ModelError::new(trouble, format!("{}: {}", self.name, self.shown(message)))
    }

    /// The error that a complaint is.
    pub(super) fn refused(&self, complaint: &Complaint, after: Option<Duration>) -> ModelError {
        let hint = match complaint.status() {
            Some(401 | 403) => "; is the key right?".to_owned(),
            Some(404) => format!("; {}", self.provider.missing),
            _ => String::new(),
        };
        let mut error = self.error(complaint.trouble(), &complaint.to_string());
        error.message.push_str(&hint);
        error.after = after;
        error
    }

    /// The error if what came is not what the protocol says.
    pub(super) fn unreadable(&self, why: impl fmt::Display) -> ModelError {
        self.error(Trouble::Malformed, &format!("the reply cannot be read: {why}"))
    }

    fn shown(&self, message: &str) -> String {
        let key = self.key.as_ref().map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty());
        let message = key.map_or_else(|| message.to_owned(), |key| message.replace(key, "***"));
        let cut = message.char_indices().nth(MOST_TOLD).map_or(message.len(), |(at, _)| at);
        message[..cut].to_owned()
    }

    fn late(&self) -> ModelError {
        let Provider { settings, .. } = self.provider;
        let waited = humantime::format_duration(self.patience.whole);
        self.error(Trouble::TimedOut, &format!("no whole reply came within {waited}; see {settings}.timeout"))
    }

    fn silent(&self) -> ModelError {
        let Provider { settings, .. } = self.provider;
        let waited = humantime::format_duration(self.patience.idle);
        let told = format!("the reply stopped in the middle for {waited}; see {settings}.idle_timeout");
        self.error(Trouble::TimedOut, &told)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        let Provider { settings, .. } = self.provider;
        let why = net::innermost(error);
        if error.is_builder() {
            return self.error(Trouble::Rejected, &format!("no request can be made ({why}); see {settings}.base_url"));
        }
        let told = format!("the server cannot be reached ({why}); see {settings}.base_url");
        self.error(Trouble::Unavailable, &told)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A reply that has begun well, to be read within limits.
pub(super) struct Body {
    wire: Arc<Wire>,
    response: reqwest::Response,
    deadline: Instant,
    /// How many bytes may still come.
    left: usize,
    /// How long the line is that has begun, and how long one may be.
    line: usize,
    longest_line: Option<usize>,
}

impl Body {
    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ModelError> {
        let idle = Instant::now() + self.wire.patience.idle;
        let chunk = match timeout_at(idle.min(self.deadline), self.response.chunk()).await {
            Err(_) if self.deadline <= idle => return Err(self.wire.late()),
            Err(_) => return Err(self.wire.silent()),
            Ok(Err(error)) => {
                let why = net::innermost(&error);
                return Err(self.wire.error(Trouble::Malformed, &format!("the reply ends in the middle ({why})")));
            }
            Ok(Ok(chunk)) => chunk,
        };
        if let Some(chunk) = &chunk {
            self.left = self.left.checked_sub(chunk.len()).ok_or_else(|| self.wire.too_much(MOST_BYTES))?;
            self.line = match chunk.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => chunk.len() - end,
                None => self.line + chunk.len(),
            };
            if let Some(longest) = self.longest_line.filter(|longest| self.line > *longest) {
                return Err(self.wire.too_much(longest));
            }
        }
        Ok(chunk)
    }

    /// True if it says of itself that it is one piece of JSON.
    pub(super) fn is_json(&self) -> bool {
        let kind = self.response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
    }

    /// All of it.
    pub(super) async fn whole(mut self) -> Result<Vec<u8>, ModelError> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    /// All of it, as it comes. Ends with the first error.
    pub(super) fn stream(self) -> BoxStream<'static, Result<Bytes, ModelError>> {
        stream::try_unfold(self, |mut body| async { Ok(body.next().await?.map(|chunk| (chunk, body))) }).boxed()
    }

    /// The same for what parses events, of which no line may be too long.
    pub(super) fn events(self) -> BoxStream<'static, Result<Bytes, ModelError>> {
        let body = Self { longest_line: Some(LONGEST_LINE), ..self };
        let pieces = stream::try_unfold((body, Bytes::new()), |(mut body, mut rest)| async {
            if rest.is_empty() {
                let Some(more) = body.next().await? else { return Ok(None) };
                rest = more;
            }
            let piece = rest.split_to(rest.len().min(LONGEST_PIECE));
            Ok(Some((piece, (body, rest))))
        });
        pieces.boxed()
    }

    /// Its lines, as they come.
    pub(super) fn lines(self) -> Lines {
        Lines { body: Self { longest_line: Some(LONGEST_LINE), ..self }, buffer: BytesMut::new(), searched: 0 }
    }

    /// Why there is no reply.
    async fn complaint(mut self) -> ModelError {
        let after = retry_after::read(self.response.headers());
        let mut told = Vec::new();
        // What cannot be read of it is done without: the status says enough.
        while let Ok(Some(chunk)) = self.next().await {
            told.extend_from_slice(&chunk);
            if told.len() >= MOST_COMPLAINT {
                told.truncate(MOST_COMPLAINT);
                break;
            }
        }
        self.wire.refused(&Complaint::read(self.response.status(), &told, after.is_some()), after)
    }
}

/// The lines of a reply that is one piece of JSON a line.
pub(super) struct Lines {
    body: Body,
    /// What has come and was not given yet.
    buffer: BytesMut,
    /// How much of it holds no end of a line.
    searched: usize,
}

impl Lines {
    /// The next line that is not blank; `None` at the end. What ends without the end of a line counts as one.
    pub(super) async fn next(&mut self) -> Result<Option<BytesMut>, ModelError> {
        loop {
            let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            let line = if let Some(at) = end {
                self.buffer.split_to(std::mem::take(&mut self.searched) + at + 1)
            } else if let Some(chunk) = self.body.next().await? {
                self.searched = self.buffer.len();
                self.buffer.extend_from_slice(&chunk);
                continue;
            } else if self.buffer.is_empty() {
                return Ok(None);
            } else {
                self.searched = 0;
                self.buffer.split()
            };
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

/// About how many tokens so many bytes are.
pub(super) fn estimated(bytes: usize) -> u64 {
    const BYTES_PER_TOKEN: usize = 4;
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

impl Wire {
    /// The error if a reply, or a part of it, is longer than any should be.
    pub(super) fn too_much(&self, most: usize) -> ModelError {
        self.error(Trouble::Malformed, &format!("the reply is not read any further than {most} bytes"))
    }
}
