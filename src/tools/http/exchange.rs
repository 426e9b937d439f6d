//! One request, and those that its redirects lead to.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::{Arguments, answer};
use crate::net::{Guarded, NoWay, innermost, refused};
use crate::tools::ToolError;
use crate::workflow::Effect;

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 5;
/// What the client itself has to set.
const RESERVED: [HeaderName; 6] = [
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

/// One request, and those that its redirects lead to.
#[derive(Debug)]
pub(super) struct Exchange {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    changes: bool,
    progress: Progress,
}

impl Exchange {
    pub(super) fn new(arguments: Arguments, effect: Effect, key: &str) -> Result<Self, ToolError> {
        let url = Url::parse(&arguments.url).map_err(|error| bad_url(&error.to_string()))?;
        let method = Method::from_bytes(arguments.method.as_bytes())
            .map_err(|_| ToolError::give_up("bad_arguments", "argument `method`: no HTTP method"))?;
        let mut headers = headers(&arguments.headers)?;
        let body = arguments.body.map(|body| encode(body, &mut headers));
        let changes = effect.changes_the_world();
        if changes && let Ok(key) = HeaderValue::from_str(key) {
            headers.insert("idempotency-key", key);
        }
        Ok(Self { method, url, headers, body, changes, progress: Progress::NotSent })
    }

    pub(super) async fn run(&mut self, clients: &Guarded, limit: usize) -> Result<Value, ToolError> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(clients).await?;
            match redirect(&response) {
                Some(location) => self.follow(response.status(), &location)?,
                None => return answer::read(response, limit, self.changes).await,
            }
        }
        Err(self.after_sending(ToolError::give_up(
            "too_many_redirects",
            format!("{}: redirected more than {MOST_REDIRECTS} times", self.origin()),
        )))
    }

    /// What a request is that did not end in time.
    pub(super) fn timed_out(&self, timeout: Duration) -> ToolError {
        let timeout = humantime::format_duration(timeout);
        let message = format!("{}: no complete answer within {timeout}", self.origin());
        if self.changes && self.progress > Progress::NotSent {
            return ToolError::unknown("timeout", message);
        }
        ToolError::retry("timeout", message)
    }

    async fn send(&mut self, clients: &Guarded) -> Result<reqwest::Response, ToolError> {
        self.check_url()?;
        let client = clients.to(&self.url).map_err(|error| self.after_sending(no_way(error)))?;
        let mut request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        self.progress = self.progress.max(Progress::Sent);
        request.send().await.map_err(|error| self.failed(&error))
    }

    fn check_url(&self) -> Result<(), ToolError> {
        let problem = if !matches!(self.url.scheme(), "http" | "https") {
            "only http and https are spoken"
        } else if !self.url.username().is_empty() || self.url.password().is_some() {
            "it carries a password; send that in a header instead"
        } else {
            return Ok(());
        };
        Err(self.after_sending(bad_url(problem)))
    }

    /// Goes where a redirect points, by the rules of the Fetch standard.
    fn follow(&mut self, status: StatusCode, location: &str) -> Result<(), ToolError> {
        let next = self.url.join(location).map_err(|error| {
            self.after_sending(ToolError::give_up("bad_redirect", format!("{}: {error}", self.origin())))
        })?;
        let to_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if to_get && self.method != Method::GET {
            self.method = Method::GET;
            self.body = None;
            self.headers.remove(header::CONTENT_TYPE);
            self.progress = Progress::Done;
        }
        if next.origin() != self.url.origin() {
            for name in &PERSONAL {
                self.headers.remove(name);
            }
        }
        self.url = next;
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
        if self.changes { ToolError::unknown("lost", message) } else { ToolError::retry("lost", message) }
    }

    /// A failure on the way to the result of a request that was carried out already does not undo it.
    fn after_sending(&self, error: ToolError) -> ToolError {
        match error {
            ToolError::Retry { code, message } | ToolError::GiveUp { code, message }
                if self.changes && self.progress == Progress::Done =>
            {
                ToolError::unknown(code, format!("the request was carried out, but its result is lost: {message}"))
            }
            error => error,
        }
    }

    /// Names the server; path and query can hold what is secret.
    fn origin(&self) -> String {
        format!("{} {}", self.method, self.url.origin().ascii_serialization())
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

fn headers(wanted: &BTreeMap<String, String>) -> Result<HeaderMap, ToolError> {
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

fn encode(body: Value, headers: &mut HeaderMap) -> Vec<u8> {
    let (kind, bytes) = match body {
        Value::String(text) => ("text/plain; charset=utf-8", text.into_bytes()),
        value => ("application/json", value.to_string().into_bytes()),
    };
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    bytes
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

fn bad_url(reason: &str) -> ToolError {
    ToolError::give_up("bad_url", format!("argument `url` cannot be used: {reason}"))
}
