//! Models behind Ollama, on this machine or another.

mod embed;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::wire::{Body, Patience, Provider, Wire};
use super::{ModelError, Trouble};

pub use embed::OllamaEmbedder;

/// Where a model is, and how it is reached.
#[derive(Clone, Debug)]
pub struct OllamaSettings {
    /// The server's address.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// The longest wait for a reply.
    pub timeout: Duration,
    /// The longest silence in the middle of one.
    pub idle_timeout: Duration,
}

/// The provider's name, as settings and events have it.
const PROVIDER_NAME: &str = "ollama";

const PROVIDER: Provider =
    Provider { settings: "models.ollama", missing: "`ollama pull` gets a model that is not there yet" };

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
        let OllamaSettings { base_url, model, timeout, idle_timeout } = settings;
        let patience = Patience { whole: *timeout, idle: *idle_timeout };
        let wire = Wire::new(format!("{PROVIDER_NAME}/{model}"), &PROVIDER, None, patience)?;
        Ok(Self { base: address(base_url)?, wire })
    }

    /// Sends `body`, and waits for the reply to begin.
    ///
    /// This goes over our own wire, since ollama-rs forgets the status and `Retry-After` of what fails, and knows no limit of
    /// time or size.
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
