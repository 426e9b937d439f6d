//! The way to a server that speaks the protocol of `OpenAI`: its address and headers, and each exchange over our own wire.
//!
//! The client's own way is not taken: it asks a busy server again by itself, which is the router's to decide; it knows no
//! bound on what it reads, nor silence in the middle of a reply; it forgets `Retry-After`; it logs what it cannot read; and
//! a key that fits no header ends the process.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::super::wire::{Patience, Provider, Wire};
use super::super::{ModelError, Trouble};
use super::{OpenAi, OpenAiSettings};

const PROVIDER: Provider =
    Provider { settings: "models.openai", missing: "is the address right, and the model's name?" };

/// A server, and a model of it.
#[derive(Debug)]
pub(super) struct Server {
    address: Address,
    wire: Arc<Wire>,
}

impl Server {
    /// # Errors
    /// The address or the key is none, or no connection can ever be made.
    pub(super) fn new(settings: &OpenAiSettings) -> Result<Self, String> {
        let OpenAiSettings { base_url, model, key, timeout, idle_timeout } = settings;
        let address = Address::new(base_url, key.as_ref())?;
        let name = format!("{}/{model}", OpenAi::PROVIDER);
        let patience = Patience { whole: *timeout, idle: *idle_timeout };
        Ok(Self { address, wire: Wire::new(name, &PROVIDER, key.clone(), patience)? })
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// One exchange, still to be made.
    pub(super) fn exchange(&self) -> Exchange {
        Exchange { wire: self.wire.clone(), address: self.address.clone(), failure: Arc::default(), in_events: false }
    }
}

/// One exchange with a server.
#[derive(Clone)]
pub(super) struct Exchange {
    wire: Arc<Wire>,
    address: Address,
    /// What went wrong on the wire: the client passes on no more than its text, or nothing.
    failure: Arc<OnceLock<ModelError>>,
    /// Whether the reply comes as a stream of events.
    in_events: bool,
}

impl Exchange {
    /// What speaks the protocol, for this one exchange.
    pub(super) fn client(&self) -> Client<Address> {
        Client::build(self.wire.http().clone(), self.address.clone()).with_http_service(self.clone())
    }

    /// The exchange whose reply comes as a stream of events.
    pub(super) fn in_events(self) -> Self {
        Self { in_events: true, ..self }
    }

    /// What an error of the client's comes to.
    pub(super) fn failed(&self, error: &OpenAIError) -> ModelError {
        match (self.failure.get(), error) {
            (Some(failure), _) => failure.clone(),
            // With what came, which may be long.
            (None, OpenAIError::JSONDeserialize(error, _)) => self.wire.unreadable(error),
            (None, OpenAIError::Reqwest(_) | OpenAIError::StreamError(_)) => self.wire.unreadable(error),
            (None, _) => self.wire.error(Trouble::Rejected, &error.to_string()),
        }
    }

    fn note(&self, failure: ModelError) -> OpenAIError {
        let told = OpenAIError::InvalidArgument(failure.message.clone());
        self.failure.get_or_init(|| failure);
        told
    }
}

impl tower::Service<HttpRequestFactory> for Exchange {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let this = self.clone();
        async move {
            let request = request.build().await?;
            let body = this.wire.send(request).await.map_err(|failure| this.note(failure))?;
            let bytes = match this.in_events {
                // Some servers know no streams, and say all at once.
                true if body.is_json() => {
                    stream::once(async { body.whole().await.map(|json| as_event(&json)) }).boxed()
                }
                true => body.events(),
                false => body.stream(),
            };
            let body = bytes.map(move |bytes| bytes.map_err(|failure| this.note(failure)));
            Ok(http::Response::new(reqwest::Body::wrap_stream(body)).into())
        }
        .boxed()
    }
}

/// JSON as the one event of a stream.
fn as_event(json: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(json.len() + 16);
    for line in json.split(|byte| *byte == b'\n') {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

/// Where a server is, and what it is sent with every request.
#[derive(Clone, Debug)]
pub(super) struct Address {
    base: String,
    /// As Azure has it: `?api-version=…`.
    query: Arc<[(String, String)]>,
    headers: HeaderMap,
    key: SecretString,
}

impl Address {
    fn new(base_url: &str, key: Option<&SecretString>) -> Result<Self, String> {
        let wrong = |why: &str| format!("models.openai.base_url: `{base_url}` is no address of a server: {why}");
        let mut url = Url::parse(base_url).map_err(|error| wrong(&error.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            return Err(wrong("write http://HOST/v1 or https://HOST/v1"));
        }
        let query = url.query_pairs().into_owned().collect();
        url.set_query(None);
        url.set_fragment(None);
        let mut headers = HeaderMap::new();
        // Whoever keeps a key in a file ends it with a line.
        let key = key.map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty());
        if let Some(key) = key {
            let secret = |text: &str| {
                let mut value = HeaderValue::try_from(text).map_err(
                    |_| "the key of models.openai holds what no key can: a space, a line or a letter with an accent",
                )?;
                value.set_sensitive(true);
                Ok::<_, String>(value)
            };
            headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"))?);
            // Azure takes a key here, and only its own tokens as a bearer.
            if url.host_str().is_some_and(|host| host.ends_with(".azure.com")) {
                headers.insert(HeaderName::from_static("api-key"), secret(key)?);
            }
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { base, query, headers, key: key.unwrap_or_default().into() })
    }
}

impl Config for Address {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base_url: &str, key: &str) -> Result<Address, String> {
        Address::new(base_url, Some(&key.into()))
    }

    #[test]
    fn an_address_keeps_its_query_and_a_key_goes_where_the_server_looks_for_it() {
        let plain = address("http://127.0.0.1:8000/v1/", "sk-1\n").unwrap();
        assert_eq!(plain.url("/chat/completions"), "http://127.0.0.1:8000/v1/chat/completions");
        assert_eq!(plain.headers()["authorization"], "Bearer sk-1");
        assert!(plain.headers().get("api-key").is_none() && plain.query().is_empty());
        let azure = address("https://x.openai.azure.com/openai/deployments/m?api-version=2024-10-21", "k").unwrap();
        assert_eq!(azure.url("/embeddings"), "https://x.openai.azure.com/openai/deployments/m/embeddings");
        assert_eq!(azure.query(), [("api-version", "2024-10-21")]);
        assert_eq!(azure.headers()["api-key"], "k");
        assert!(address("http://localhost/v1", " ").unwrap().headers().is_empty());
        assert!(!format!("{azure:?} {plain:?}").contains("sk-1"));
    }

    #[test]
    fn what_is_no_address_or_no_key_is_said_without_the_key() {
        for base_url in ["", "localhost:8000/v1", "ftp://x/v1", "http://", "mailto:x"] {
            let told = address(base_url, "k").unwrap_err();
            assert!(told.starts_with("models.openai.base_url: "), "{told}");
        }
        let told = address("http://x/v1", "sk-\u{1}secret").unwrap_err();
        assert!(told.contains("models.openai") && !told.contains("secret"), "{told}");
    }
}
