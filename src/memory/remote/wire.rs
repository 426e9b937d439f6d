//! The way to the server: one client, retries with a limit, and errors that say what to do and never hold the key.

use std::fmt;
use std::time::Duration;

use qdrant_client::{Qdrant, QdrantError};
use secrecy::{ExposeSecret, SecretString};

use super::RemoteSettings;
use crate::memory::index::IndexError;

/// How often something is asked at most.
const ATTEMPTS: u32 = 4;
/// How long the first wait between two attempts is; each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The client, and what must not be told.
pub(super) struct Wire {
    client: Qdrant,
    url: String,
    key: Option<SecretString>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(settings: &RemoteSettings) -> Result<Self, IndexError> {
        crate::net::install_tls();
        let RemoteSettings { url, key, timeout, .. } = settings;
        let key_text = key.as_ref().map(ExposeSecret::expose_secret);
        if key_text.is_some_and(|key| !key.bytes().all(|c| c.is_ascii_graphic())) {
            return Err(IndexError::Unavailable(
                "the key of the Qdrant server holds what a key cannot: spaces, line ends or letters that are not ASCII"
                    .to_owned(),
            ));
        }
        let parsed = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if parsed.is_none_or(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(IndexError::Unavailable(format!(
                "memory.remote.url is \"{}\"; write the server's gRPC address, such as https://qdrant.example.com:6334, \
                 and its key in the variable that memory.remote.key_variable names",
                url.rsplit_once('@').map_or(url.as_str(), |(_, host)| host)
            )));
        }
        let mut config = Qdrant::from_url(url).timeout(*timeout).connect_timeout(*timeout);
        config.check_compatibility = false;
        config.api_key = key_text.map(str::to_owned);
        let wire = |client| Self { client, url: url.clone(), key: key.clone() };
        config.build().map(wire).map_err(|error| IndexError::Unavailable(error.to_string()))
    }

    pub(super) fn client(&self) -> &Qdrant {
        &self.client
    }

    /// Asks the server, again if that may help.
    pub(super) async fn ask<T, Answer>(&self, ask: impl Fn() -> Answer) -> Result<T, IndexError>
    where
        Answer: Future<Output = Result<T, QdrantError>>,
    {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match ask().await {
                Err(error) if let Some(pause) = pause(&error, wait) => {
                    tracing::debug!(url = self.url, "asking the Qdrant server again");
                    tokio::time::sleep(pause).await;
                    wait *= 2;
                }
                done => return done.map_err(|error| self.told(&error)),
            }
        }
        ask().await.map_err(|error| self.told(&error))
    }

    /// What went wrong, and what to do.
    fn told(&self, error: &QdrantError) -> IndexError {
        let url = &self.url;
        let (QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. }) = error else {
            return IndexError::Unavailable(self.without_key(format!("{url}: {error}")));
        };
        let code = format!("{:?}", status.code());
        let said = status.message();
        match code.as_str() {
            "NotFound" => IndexError::Broken(self.without_key(format!("{url}: {said}"))),
            "Unauthenticated" | "PermissionDenied" => IndexError::Unavailable(format!(
                "{url} refuses the key; set the variable that memory.remote.key_variable names"
            )),
            "Unavailable" => IndexError::Unavailable(self.without_key(format!("{url} does not answer: {said}"))),
            "Unimplemented" => IndexError::Unavailable(self.without_key(format!(
                "{url} does not know what it was asked ({said}); it may be older than the Qdrant that this needs, 1.18"
            ))),
            _ => IndexError::Unavailable(self.without_key(format!("{url}: {said} ({code})"))),
        }
    }

    fn without_key(&self, text: String) -> String {
        match self.key.as_ref().map(ExposeSecret::expose_secret) {
            Some(key) if !key.is_empty() => text.replace(key, "…"),
            _ => text,
        }
    }
}

/// How long to wait before the same is asked again, if it may go better then: as long as the server says, else `usual`.
fn pause(error: &QdrantError, usual: Duration) -> Option<Duration> {
    match error {
        QdrantError::ResourceExhaustedError { retry_after_seconds, .. } => {
            Some(Duration::from_secs(*retry_after_seconds).min(LONGEST_WAIT))
        }
        QdrantError::ResponseError { status } => {
            // By name: the codes' own crate is none that the program itself depends on.
            let code = format!("{:?}", status.code());
            matches!(code.as_str(), "Unavailable" | "Aborted" | "ResourceExhausted").then_some(usual)
        }
        _ => None,
    }
}
