//! `webhook.send`: a message to somebody's webhook, signed as Standard Webhooks 1.0 says; and the check of such a signature.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

use super::http::{Body, Exchange, NewRequest, Sending, bad_url};
use crate::clock::{Clock, Timestamp};
use crate::net::{AddressRules, Guarded};
use crate::run::Permit;
use crate::secrets::{Mask, Secrets};
use crate::tools::secret::{self, SecretRef};
use crate::tools::{Caller, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// The longest answer that is read; what it says is of no interest.
const LIMIT: usize = 64 << 10;

/// How far the clocks of sender and receiver may be apart.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// `webhook.send`: posts JSON to a URL, with the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` of
/// Standard Webhooks. The id is the call's key, so that a receiver tells a repeated message from a new one; a message
/// whose result was lost can be sent again.
#[derive(Clone)]
pub struct WebhookSend {
    clients: Guarded,
    timeout: Duration,
    secrets: Secrets,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Arguments {
    url: String,
    body: Value,
    secret: SecretRef,
}

/// Why a message is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// The secret is none that Standard Webhooks know.
    #[error("the secret of a webhook is `whsec_` and then 24 to 64 bytes in Base64")]
    Secret,
    /// It was signed too long ago, or will be.
    #[error("the message is from another time than now; are the clocks right?")]
    Time,
    /// No signature fits.
    #[error("the message is not signed with the webhook's secret")]
    Signature,
}

impl WebhookSend {
    /// Sends to public addresses and to what `rules` allow.
    #[must_use]
    pub fn new(rules: AddressRules, timeout: Duration, secrets: Secrets, clock: Arc<dyn Clock>) -> Self {
        Self { clients: Guarded::new(rules), timeout, secrets, clock }
    }

    async fn perform(&self, arguments: Arguments, key: &str, mask: &mut Mask) -> Result<Value, ToolError> {
        let Arguments { url, body, secret } = arguments;
        let url = Url::parse(&url).map_err(|error| bad_url(&error.to_string()))?;
        let lent = self.secrets.lend(&secret.name()?, self.name(), &url, mask).await;
        let secret = lent.map_err(|error| secret::failed(&error))?;
        let body = body.to_string();
        let seconds = self.clock.now().0.div_euclid(1000);
        let signature =
            sign(&secret, key, seconds, &body).map_err(|error| ToolError::give_up("bad_secret", error.to_string()))?;
        let mut headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::HeaderName::from_static("webhook-timestamp"), HeaderValue::from(seconds)),
        ]);
        for (name, value) in [("webhook-id", key), ("webhook-signature", signature.as_str())] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        let body = Body::Bytes(body.into_bytes());
        let request = NewRequest { method: Method::POST, url, headers, body, personal: Vec::new(), changes: true };
        let mut exchange = Exchange::new(request);
        // The message is for this address: it is not handed on to another.
        let sending = Sending { clients: &self.clients, limit: LIMIT, redirects: 0, mask };
        let ended = tokio::time::timeout(self.timeout, exchange.run(&sending)).await;
        let (mut answer, _) = ended.unwrap_or_else(|_| Err(exchange.timed_out(self.timeout)))?;
        Ok(json!({ "id": key, "status": answer.remove("status") }))
    }
}

#[async_trait]
impl Tool for WebhookSend {
    fn name(&self) -> &'static str {
        "webhook.send"
    }

    fn description(&self) -> &'static str {
        "Posts a JSON message to a webhook's URL, signed so that the receiver knows who sent it."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "url": { "type": "string", "minLength": 1, "description": "An http or https URL" },
                "body": { "description": "The message, sent as JSON" },
                "secret": SecretRef::schema()
            },
            "required": ["url", "body", "secret"],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        Effect::Write
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect { effect: Effect::Write, idempotent: true }
    }

    fn output(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "properties": { "id": { "type": "string" }, "status": { "type": "integer" } },
            "required": ["id", "status"]
        }))
    }

    fn timeout(&self) -> Duration {
        self.timeout + Duration::from_secs(10)
    }

    fn secrets(&self, arguments: &Value) -> Vec<String> {
        secret::named_in(arguments, "secret")
    }

    async fn call(&self, arguments: Value, permit: Permit, _caller: &Caller) -> Result<Value, ToolError> {
        let arguments: Arguments = crate::tools::arguments(arguments)?;
        let mut mask = Mask::new();
        let result = self.perform(arguments, permit.idempotency_key(), &mut mask).await;
        secret::masked(result, &mask)
    }
}

/// What is signed, ready to be finished or held against a signature.
fn keyed(secret: &SecretString, id: &str, seconds: i64, body: &str) -> Result<Hmac<Sha256>, BadWebhook> {
    let encoded = secret.expose_secret().strip_prefix("whsec_").ok_or(BadWebhook::Secret)?;
    let key = STANDARD.decode(encoded).map_err(|_| BadWebhook::Secret)?;
    if !(24..=64).contains(&key.len()) {
        return Err(BadWebhook::Secret);
    }
    let mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| BadWebhook::Secret)?;
    Ok(mac.chain_update(format!("{id}.{seconds}.{body}")))
}

/// The value of `webhook-signature` for a message that is sent at `seconds` since 1970.
///
/// # Errors
/// [`BadWebhook::Secret`].
pub fn sign(secret: &SecretString, id: &str, seconds: i64, body: &str) -> Result<String, BadWebhook> {
    let mac = keyed(secret, id, seconds, body)?;
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Holds a message against its headers: `webhook-id`, `webhook-timestamp`, and `webhook-signature`, which can be several
/// with blanks between them, of which one must fit.
///
/// # Errors
/// [`BadWebhook`].
pub fn verify(
    secret: &SecretString,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &str,
    now: Timestamp,
) -> Result<(), BadWebhook> {
    let seconds: i64 = timestamp.parse().map_err(|_| BadWebhook::Time)?;
    let apart = now.0.div_euclid(1000).abs_diff(seconds);
    if apart > TOLERANCE.as_secs() {
        return Err(BadWebhook::Time);
    }
    let mac = keyed(secret, id, seconds, body)?;
    let fits = |signature: &str| {
        let bytes = signature.strip_prefix("v1,").and_then(|encoded| STANDARD.decode(encoded).ok());
        // Compares in constant time.
        bytes.is_some_and(|bytes| mac.clone().verify_slice(&bytes).is_ok())
    };
    if signatures.split(' ').any(fits) { Ok(()) } else { Err(BadWebhook::Signature) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;

    #[test]
    fn the_published_example_is_signed_and_verified() {
        let secret = SecretString::from(SECRET);
        assert_eq!(sign(&secret, ID, AT, BODY).unwrap(), SIGNATURE);
        let verified = |id: &str, at: &str, signatures: &str, body: &str, now: i64| {
            verify(&secret, id, at, signatures, body, Timestamp(now * 1000))
        };
        let at = AT.to_string();
        assert_eq!(verified(ID, &at, SIGNATURE, BODY, AT), Ok(()));
        assert_eq!(verified(ID, &at, &format!("v1,AAAA v2,x {SIGNATURE}"), BODY, AT + 299), Ok(()));
        for (id, at, signatures, body, now, expected) in [
            ("msg_x", at.as_str(), SIGNATURE, BODY, AT, BadWebhook::Signature),
            (ID, "1614265331", SIGNATURE, BODY, AT, BadWebhook::Signature),
            (ID, &at, SIGNATURE, r#"{"test": 2432232315}"#, AT, BadWebhook::Signature),
            (ID, &at, &SIGNATURE.replace("v1,", "v1a,"), BODY, AT, BadWebhook::Signature),
            (ID, &at, &SIGNATURE[..20], BODY, AT, BadWebhook::Signature),
            (ID, &at, "", BODY, AT, BadWebhook::Signature),
            (ID, &at, SIGNATURE, BODY, AT + 301, BadWebhook::Time),
            (ID, &at, SIGNATURE, BODY, AT - 301, BadWebhook::Time),
            (ID, "soon", SIGNATURE, BODY, AT, BadWebhook::Time),
        ] {
            assert_eq!(verified(id, at, signatures, body, now), Err(expected), "{id} {at} {signatures}");
        }
        for bad in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_!!", "whsec_c2hvcnQ="] {
            assert_eq!(sign(&bad.into(), ID, AT, BODY), Err(BadWebhook::Secret), "{bad}");
        }
    }
}
