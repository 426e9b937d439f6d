//! `http.request`: one request to a server, and its answer.

mod answer;
mod auth;
mod body;
mod exchange;
mod pages;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::net::{AddressRules, Guarded};
use crate::run::Permit;
use crate::secrets::{Mask, Secrets};
use crate::tools::{Caller, Folder, Origin, Tool, ToolError, secret};
use crate::workflow::{CallEffect, Effect};

use auth::Auth;
pub(super) use body::Body;
use body::NewPart;
pub(super) use exchange::{Exchange, NewRequest, Sending, bad_url};
use pages::Pages;

/// How long a request may take at most.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// `http.request`: one request to a server, and its answer as `{status, headers, body}`, where
/// `body` is JSON if the server says so, else text; or the items of a list that a server gives out in
/// pages. A failure says whether the request may have taken effect.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    clients: Guarded,
    limit: usize,
    timeout: Duration,
    secrets: Option<Secrets>,
    folder: Option<Folder>,
}

#[derive(Deserialize)]
struct Arguments {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    auth: Option<Auth>,
    body: Option<Value>,
    form: Option<Map<String, Value>>,
    multipart: Option<Vec<NewPart>>,
    pages: Option<Pages>,
    timeout: Option<Timeout>,
}

/// Seconds, or a duration as the workflow file spells it (`30s`).
#[derive(Deserialize)]
#[serde(untagged)]
enum Timeout {
    Seconds(u64),
    Text(String),
}

impl HttpRequest {
    /// The longest answer that is taken unless told otherwise, in bytes.
    pub const DEFAULT_LIMIT: usize = 4 * 1024 * 1024;

    /// How long a request may take if neither the call nor the configuration says.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Requests to public addresses and to what `rules` allow.
    #[must_use]
    pub fn new(rules: AddressRules) -> Self {
        let (limit, timeout) = (Self::DEFAULT_LIMIT, Self::DEFAULT_TIMEOUT);
        Self { clients: Guarded::new(rules), limit, timeout, secrets: None, folder: None }
    }

    /// Takes what `auth` names from these secrets.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets: Some(secrets), ..self }
    }

    /// Takes the files that are sent from this folder.
    #[must_use]
    pub fn with_folder(self, folder: Folder) -> Self {
        Self { folder: Some(folder), ..self }
    }

    /// Takes answers of at most `bytes`.
    #[must_use]
    pub fn with_limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Gives a request this long if the call does not say, and at most ten minutes.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.min(LONGEST_TIMEOUT), ..self }
    }

    async fn perform(
        &self,
        arguments: Arguments,
        effect: Effect,
        key: &str,
        mask: &mut Mask,
    ) -> Result<Value, ToolError> {
        let timeout = timeout(arguments.timeout.as_ref(), self.timeout)?;
        let pages = arguments.pages.clone();
        if pages.is_some() && arguments.method != "GET" {
            return Err(ToolError::give_up("bad_arguments", "argument `pages`: only with the method GET"));
        }
        let mut exchange = Exchange::new(self.request(arguments, effect, key, mask).await?);
        let sending = Sending { clients: &self.clients, limit: self.limit, redirects: exchange::MOST_REDIRECTS, mask };
        let ended = match &pages {
            Some(pages) => tokio::time::timeout(timeout, pages.all(&mut exchange, &sending)).await,
            // Dropping the exchange closes its connection; how far it had come is in `exchange` then.
            None => tokio::time::timeout(timeout, exchange.run(&sending))
                .await
                .map(|answer| answer.map(|(answer, _)| Value::Object(answer))),
        };
        ended.unwrap_or_else(|_| Err(exchange.timed_out(timeout)))
    }

    async fn request(
        &self,
        arguments: Arguments,
        effect: Effect,
        key: &str,
        mask: &mut Mask,
    ) -> Result<NewRequest, ToolError> {
        let Arguments { method, url, headers, auth, body, form, multipart, .. } = arguments;
        let bad = |why: &str| ToolError::give_up("bad_arguments", why.to_owned());
        let url = Url::parse(&url).map_err(|error| bad_url(&error.to_string()))?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| bad("argument `method`: no HTTP method"))?;
        let mut headers = exchange::headers(&headers)?;
        let body = match (body, form, multipart) {
            (None, None, None) => Body::None,
            (Some(body), None, None) => Body::of(body, &mut headers),
            (None, Some(form), None) => Body::form(&form, &mut headers)?,
            (None, None, Some(parts)) => Body::multipart(parts, self.folder.clone()).await?,
            _ => return Err(bad("only one of the arguments `body`, `form` and `multipart` can be sent")),
        };
        let changes = effect.changes_the_world();
        if changes && let Ok(key) = HeaderValue::from_str(key) {
            headers.insert("idempotency-key", key);
        }
        let mut personal = Vec::new();
        if let Some(auth) = auth {
            let secrets = self.secrets.as_ref().ok_or_else(|| bad("argument `auth`: there are no secrets here"))?;
            let (name, value) = auth.header(secrets, self.name(), &url, mask).await?;
            if exchange::RESERVED.contains(&name) {
                return Err(bad("argument `auth`: that header is set by Callboard itself"));
            }
            headers.insert(name.clone(), value);
            personal.push(name);
        }
        Ok(NewRequest { method, url, headers, body, personal, changes })
    }
}

#[async_trait]
impl Tool for HttpRequest {
    fn name(&self) -> &'static str {
        "http.request"
    }

    fn description(&self) -> &'static str {
        "Sends an HTTP request to a URL and returns the answer's status, headers and body."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "method": { "enum": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] },
                "url": { "type": "string", "minLength": 1, "description": "An http or https URL" },
                "headers": { "type": "object", "additionalProperties": { "type": "string" } },
                "auth": Auth::schema(),
                "body": { "description": "Text is sent as it is, anything else as JSON" },
                "form": { "type": "object", "description": "Sent as a form: text, numbers, true or false, or lists of them" },
                "multipart": { "type": "array", "items": NewPart::schema(), "minItems": 1, "maxItems": 100 },
                "pages": Pages::schema(),
                "idempotent": {
                    "type": "boolean",
                    "description": "Whether the request may be repeated with the same Idempotency-Key; default: true for PUT and DELETE"
                },
                "timeout": {
                    "type": ["integer", "string"], "minimum": 1,
                    "description": "Seconds, or a duration such as `30s`; at most 10m"
                }
            },
            "required": ["method", "url"],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        Effect::Write
    }

    fn effect(&self, arguments: &Value) -> CallEffect {
        let idempotent = arguments.get("idempotent").and_then(Value::as_bool);
        match arguments.get("method").and_then(Value::as_str) {
            Some("GET" | "HEAD" | "OPTIONS") => CallEffect::of(Effect::Read),
            Some("PUT" | "DELETE") => CallEffect { effect: Effect::Write, idempotent: idempotent.unwrap_or(true) },
            _ => CallEffect { effect: Effect::Write, idempotent: idempotent.unwrap_or(false) },
        }
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": {
                "status": { "type": "integer" },
                "headers": { "type": "object", "additionalProperties": { "type": "string" } },
                "body": {},
                "truncated": { "type": "boolean" },
                "items": { "type": "array" },
                "pages": { "type": "integer" },
                "complete": { "type": "boolean" }
            },
            "required": ["status"]
        }))
    }

    fn timeout(&self) -> Duration {
        LONGEST_TIMEOUT
    }

    fn secrets(&self, arguments: &Value) -> Vec<String> {
        secret::named_in(arguments, "auth")
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let effect = self.effect(&arguments).effect;
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let mut mask = Mask::new();
        let result = self.perform(arguments, effect, permit.idempotency_key(), &mut mask).await;
        secret::masked(result, &mask)
    }
}

fn timeout(wanted: Option<&Timeout>, usual: Duration) -> Result<Duration, ToolError> {
    let duration = match wanted {
        None => return Ok(usual),
        Some(Timeout::Seconds(seconds)) => Duration::from_secs(*seconds),
        Some(Timeout::Text(text)) => humantime::parse_duration(text).map_err(|error| {
            ToolError::give_up("bad_arguments", format!("argument `timeout`: {error}; write it like `30s`"))
        })?,
    };
    if duration.is_zero() || duration > LONGEST_TIMEOUT {
        return Err(ToolError::give_up("bad_arguments", "argument `timeout`: must be more than nothing, at most 10m"));
    }
    Ok(duration)
}
