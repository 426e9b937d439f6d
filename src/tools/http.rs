//! `http.request`: one request to a server, and its answer.

mod answer;
mod exchange;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::net::{AddressRules, Guarded};
use crate::run::Permit;
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

use exchange::Exchange;

/// How long a request may take at most.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// `http.request`: one request to a server, and its answer as `{status, headers, body}`, where
/// `body` is JSON if the server says so, else text. A failure says whether the request may have
/// taken effect.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    clients: Guarded,
    limit: usize,
    timeout: Duration,
}

#[derive(Deserialize)]
struct Arguments {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
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
        Self { clients: Guarded::new(rules), limit: Self::DEFAULT_LIMIT, timeout: Self::DEFAULT_TIMEOUT }
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
                "method": { "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] },
                "url": { "type": "string", "minLength": 1, "description": "An http or https URL" },
                "headers": { "type": "object", "additionalProperties": { "type": "string" } },
                "body": { "description": "Text is sent as it is, anything else as JSON" },
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
            Some("GET" | "HEAD") => CallEffect::of(Effect::Read),
            Some("PUT" | "DELETE") => CallEffect { effect: Effect::Write, idempotent: idempotent.unwrap_or(true) },
            _ => CallEffect { effect: Effect::Write, idempotent: idempotent.unwrap_or(false) },
        }
    }

    async fn call(&self, arguments: Value, permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let effect = self.effect(&arguments);
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let timeout = timeout(arguments.timeout.as_ref(), self.timeout)?;
        let mut exchange = Exchange::new(arguments, effect.effect, permit.idempotency_key())?;
        // Dropping the exchange closes its connection; how far it had come is in `exchange` then.
        let ended = tokio::time::timeout(timeout, exchange.run(&self.clients, self.limit)).await;
        ended.unwrap_or_else(|_| Err(exchange.timed_out(timeout)))
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
