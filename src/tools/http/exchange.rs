//! One request, and those that its redirects lead to.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use super::answer;
use super::body::Body;
use crate::net::{Guarded, NoWay, innermost, refused};
use crate::secrets::Mask;
use crate::tools::ToolError;

/// How many redirects are followed.
pub(super) const MOST_REDIRECTS: usize = 5;
/// What the client itself has to set.
pub(super) const RESERVED: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    HeaderName::from_static("idempotency-key"),
];
/// What is for the server that it was given for, and for no other.
const PERSONAL: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// How far a request that changes the world has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// Nothing was handed to a connection.
    NotSent,
    /// It may have reached a server.
    Sent,
    /// A server has answered that it is done, and where the result is to be seen.
    Done,
}

/// One request as it is sent first.
#[derive(Debug)]
pub(in crate::tools) struct NewRequest {
    pub(in crate::tools) method: Method,
    pub(in crate::tools) url: Url,
    pub(in crate::tools) headers: HeaderMap,
    pub(in crate::tools) body: Body,
    /// Headers that are for this server only, besides those that always are.
    pub(in crate::tools) personal: Vec<HeaderName>,
    /// Whether it may change the world, and with it how a failure counts.
    pub(in crate::tools) changes: bool,
}

/// What requests are sent with.
#[derive(Clone, Copy)]
pub(in crate::tools) struct Sending<'a> {
    /// The way to the server.
    pub(in crate::tools) clients: &'a Guarded,
    /// The longest answer, in bytes.
    pub(in crate::tools) limit: usize,
    /// How many redirects are followed.
    pub(in crate::tools) redirects: usize,
    /// What answers are shown without.
    pub(in crate::tools) mask: &'a Mask,
}

/// One request, and those that its redirects lead to.
#[derive(Debug)]
pub(in crate::tools) struct Exchange {
    request: NewRequest,
    progress: Progress,
}

impl Exchange {
    pub(in crate::tools) fn new(request: NewRequest) -> Self {
        Self { request, progress: Progress::NotSent }
    }

    /// Where it goes, or has led to.
    pub(super) fn url(&self) -> &Url {
        &self.request.url
    }

    /// The same request to another address of the same server.
    pub(super) fn go_to(&mut self, url: Url) {
        self.request.url = url;
    }

    /// Sends the request; yields the answer, and how long its body was.
    pub(in crate::tools) async fn run(
        &mut self,
        sending: &Sending<'_>,
    ) -> Result<(Map<String, Value>, usize), ToolError> {
        for left in (0..=sending.redirects).rev() {
            let response = self.send(sending.clients).await?;
            match redirect(&response) {
                Some(_) if left == 0 => break,
                Some(location) => self.follow(response.status(), &location)?,
                None => return answer::read(response, sending.limit, self.request.changes, sending.mask).await,
            }
        }
        Err(self.after_sending(ToolError::give_up(
            "too_many_redirects",
            format!("{}: redirected more than {} times", self.origin(), sending.redirects),
        )))
    }

    /// What a request is that did not end in time.
    pub(in crate::tools) fn timed_out(&self, timeout: Duration) -> ToolError {
        let timeout = humantime::format_duration(timeout);
        let message = format!("{}: no complete answer within {timeout}", self.origin());
        if self.request.changes && self.progress > Progress::NotSent {
            return ToolError::unknown("timeout", message);
        }
        ToolError::retry("timeout", message)
    }

    async fn send(&mut self, clients: &Guarded) -> Result<reqwest::Response, ToolError> {
        self.check_url()?;
        let client = clients.to(&self.request.url).map_err(|error| self.after_sending(no_way(error)))?;
        let mut request =
            client.request(self.request.method.clone(), self.request.url.clone()).headers(self.request.headers.clone());
        request = self.request.body.put(request);
        self.progress = self.progress.max(Progress::Sent);
        request.send().await.map_err(|error| self.failed(&error))
    }

    fn check_url(&self) -> Result<(), ToolError> {
        let problem = if !matches!(self.request.url.scheme(), "http" | "https") {
            "only http and https are spoken"
        } else if !self.request.url.username().is_empty() || self.request.url.password().is_some() {
            "it carries a password; send that in a header instead"
        } else {
            return Ok(());
        };
        Err(self.after_sending(bad_url(problem)))
    }

    /// Goes where a redirect points, by the rules of the Fetch standard.
    fn follow(&mut self, status: StatusCode, location: &str) -> Result<(), ToolError> {
        let next = self.request.url.join(location).map_err(|error| {
            self.after_sending(ToolError::give_up("bad_redirect", format!("{}: {error}", self.origin())))
        })?;
        let to_get = match status {
            StatusCode::SEE_OTHER => self.request.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.request.method == Method::POST,
            _ => false,
        };
        if to_get && self.request.method != Method::GET {
            self.request.method = Method::GET;
            self.request.body = Body::None;
            self.request.headers.remove(header::CONTENT_TYPE);
            self.progress = Progress::Done;
        }
        if next.origin() != self.request.url.origin() {
            for name in PERSONAL.iter().chain(&self.request.personal) {
                self.request.headers.remove(name);
            }
        }
        self.request.url = next;
        Ok(())
    }

    fn failed(&self, error: &reqwest::Error) -> ToolError {
        if let Some(refused) = refused(error) {
            return self.after_sending(refusal(&refused.to_string()));
        }
        let reason = innermost(error);
        if error.is_connect() {
            let message = format!("{}: cannot connect ({reason}); the request was not sent", self.origin());
            let code = if error.is_dns() { "dns" } else { "connect" };
            return self.after_sending(ToolError::retry(code, message));
        }
        if error.is_builder() {
            return self.after_sending(bad_url(&reason));
        }
        let message = format!("{}: the connection was lost after sending ({reason})", self.origin());
        if self.request.changes { ToolError::unknown("lost", message) } else { ToolError::retry("lost", message) }
    }

    /// A failure on the way to the result of a request that was carried out already does not undo it.
    fn after_sending(&self, error: ToolError) -> ToolError {
        match error {
            ToolError::Retry { code, message } | ToolError::GiveUp { code, message }
                if self.request.changes && self.progress == Progress::Done =>
            {
                ToolError::unknown(code, format!("the request was carried out, but its result is lost: {message}"))
            }
            error => error,
        }
    }

    /// Names the server; path and query can hold what is secret.
    fn origin(&self) -> String {
        format!("{} {}", self.request.method, self.request.url.origin().ascii_serialization())
    }
}

fn redirect(response: &reqwest::Response) -> Option<String> {
    match response.status().as_u16() {
        301 | 302 | 303 | 307 | 308 => {
            response.headers().get(header::LOCATION).map(|location| String::from_utf8_lossy(location.as_bytes()).into())
        }
        _ => None,
    }
}

/// The headers that arguments ask for.
pub(super) fn headers(wanted: &BTreeMap<String, String>) -> Result<HeaderMap, ToolError> {
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let bad = |why: &str| {
            let name = name.escape_debug();
            ToolError::give_up("bad_arguments", format!("argument `headers`: `{name}` {why}"))
        };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("is no header's name"))?;
        if RESERVED.contains(&parsed) {
            return Err(bad("is set by Callboard itself; leave it out"));
        }
        let value = HeaderValue::from_str(value).map_err(|_| bad("has a value with a line break or the like"))?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

fn no_way(error: NoWay) -> ToolError {
    match error {
        NoWay::NoHost => bad_url("it names no host"),
        NoWay::Refused(refused) => refusal(&refused.to_string()),
        NoWay::NoClient(_) => ToolError::give_up("no_client", error.to_string()),
    }
}

fn refusal(why: &str) -> ToolError {
    ToolError::give_up("address_refused", why)
}

pub(in crate::tools) fn bad_url(reason: &str) -> ToolError {
    ToolError::give_up("bad_url", format!("argument `url` cannot be used: {reason}"))
}
