//! The models that an Ollama server has, and those that it can get.
//!
//! Both are ollama-rs's own requests, over its own client: the errors tell all that is needed. It knows no limits of time;
//! they are set here.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use ollama_rs::Ollama as Client;
use ollama_rs::error::OllamaError;
use serde_json::Value;
use tokio::time::timeout;

use super::super::wire::Complaint;
use super::super::{ModelError, Trouble};
use super::address;

/// A model that a server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name, such as `llama3.2:3b`.
    pub name: String,
    /// How many bytes it takes.
    pub bytes: u64,
}

/// How far a server is with getting a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it does, in its own words; `success` is the last.
    pub status: String,
    /// How many bytes of the part in hand are there.
    pub completed: Option<u64>,
    /// How many bytes that part has.
    pub total: Option<u64>,
}

/// The models that the server at `base_url` has. That they are told shows that the server is there.
///
/// # Errors
/// It cannot be reached, or does not answer in time.
pub async fn list(base_url: &str, patience: Duration) -> Result<Vec<Installed>, ModelError> {
    let client = client(base_url)?;
    let models = match timeout(patience, client.list_local_models()).await {
        Err(_) => return Err(error(base_url, Trouble::TimedOut, &late(patience))),
        Ok(models) => models.map_err(|failure| failed(base_url, &failure))?,
    };
    Ok(models.into_iter().map(|model| Installed { name: model.name, bytes: model.size }).collect())
}

/// Has the server at `base_url` get a model, and tells how far it is. Ends with an error if it says nothing for as long as
/// `patience`, or has not succeeded at the end.
pub fn pull(base_url: &str, model: &str, patience: Duration) -> BoxStream<'static, Result<Progress, ModelError>> {
    let (base_url, model) = (base_url.to_owned(), model.to_owned());
    stream::once(async move {
        let opened = timeout(patience, client(&base_url)?.pull_model_stream(model, false)).await;
        let opened = opened.map_err(|_| error(&base_url, Trouble::TimedOut, &late(patience)))?;
        let told = opened.map_err(|failure| failed(&base_url, &failure))?;
        let steps = stream::try_unfold((told, false), move |(mut told, is_done)| {
            let base_url = base_url.clone();
            async move {
                let next = timeout(patience, told.next()).await;
                match next.map_err(|_| error(&base_url, Trouble::TimedOut, &late(patience)))? {
                    None if is_done => Ok(None),
                    None => {
                        Err(error(&base_url, Trouble::Malformed, "what it told of its progress ends in the middle"))
                    }
                    Some(Err(failure)) => Err(failed(&base_url, &failure)),
                    Some(Ok(step)) => {
                        let is_done = step.message == "success";
                        let progress = Progress { status: step.message, completed: step.completed, total: step.total };
                        Ok(Some((progress, (told, is_done))))
                    }
                }
            }
        });
        Ok::<_, ModelError>(steps)
    })
    .map(|opened| match opened {
        Ok(steps) => steps.boxed(),
        Err(failure) => stream::once(async { Err(failure) }).boxed(),
    })
    .flatten()
    .boxed()
}

fn client(base_url: &str) -> Result<Client, ModelError> {
    // ollama-rs speaks TLS through the same library.
    crate::net::install_tls();
    address(base_url).map(Client::from_url).map_err(|told| ModelError::new(Trouble::Rejected, told))
}

fn late(patience: Duration) -> String {
    format!("it said nothing for {}; see models.ollama.timeout", humantime::format_duration(patience))
}

fn error(base_url: &str, trouble: Trouble, told: &str) -> ModelError {
    ModelError::new(trouble, format!("Ollama at {base_url}: {told}"))
}

fn failed(base_url: &str, failure: &OllamaError) -> ModelError {
    match failure {
        OllamaError::ReqwestError(cause) => {
            let why = if cause.is_connect() { "it cannot be reached" } else { "the connection failed" };
            error(
                base_url,
                Trouble::Unavailable,
                &format!("{why}; is it started, and is models.ollama.base_url right?"),
            )
        }
        OllamaError::JsonError(cause) => {
            error(base_url, Trouble::Malformed, &format!("what it says cannot be read ({cause}); is that Ollama?"))
        }
        _ => {
            let said = failure.to_string();
            let complaint = serde_json::from_str::<Value>(&said).ok().as_ref().and_then(Complaint::within);
            let told = complaint.map_or(said, |complaint| complaint.message().to_owned());
            error(base_url, Trouble::Rejected, &told.chars().take(500).collect::<String>())
        }
    }
}
