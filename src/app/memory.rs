//! The memory, as the configuration wants it.

use std::sync::Arc;

use super::{App, AppError};
use crate::clock::Clock;
use crate::config::{Backend, Config, Remote};
use crate::memory::index::Index;
use crate::memory::{EdgeIndex, Embedders, Memory, RemoteIndex, RemoteSettings, Web};
use crate::model::{Embedder, OllamaEmbedder, OllamaSettings, OpenAi, OpenAiEmbedder, OpenAiSettings};
use crate::net::{AddressRules, Guarded};
use crate::store::Workspace;

/// The folder of the index in the data folder.
const FOLDER: &str = "memory";
/// No embedder.
const NONE: &str = "none";
/// The provider of Ollama's models.
const OLLAMA: &str = "ollama";

/// The memory of a workspace. Nothing is asked of a server yet.
pub(super) fn memory(config: &Config, workspace: &Workspace, clock: Arc<dyn Clock>) -> Result<Memory, AppError> {
    let wrong = |reason: String| AppError::Setting { key: "memory.embedder", reason };
    let current = match config.memory.embedder.as_str() {
        NONE => None,
        name => Some(embedder(config, name).map_err(wrong)?),
    };
    let former = config.clone();
    let former = Arc::new(move |name: &str| embedder(&former, name).ok());
    let embedders = Embedders { current, former: Some(former) };
    Ok(Memory::with_embedders(workspace.entries(), index(config, workspace)?, clock, embedders)?)
}

fn index(config: &Config, workspace: &Workspace) -> Result<Arc<dyn Index>, AppError> {
    let Remote { url, key_variable, collection, timeout } = &config.memory.remote;
    match config.memory.backend {
        Backend::Edge => Ok(Arc::new(EdgeIndex::new(&config.data.join(FOLDER)))),
        Backend::Remote => {
            let settings = RemoteSettings {
                url: url.clone(),
                key: key(key_variable),
                collection: collection.clone(),
                timeout: *timeout,
            };
            let index = RemoteIndex::new(&settings, workspace.id().as_str());
            let wrong = |error: crate::memory::index::IndexError| AppError::Setting {
                key: "memory.remote.url",
                reason: error.to_string(),
            };
            Ok(Arc::new(index.map_err(wrong)?))
        }
    }
}

/// The embedder of this name, `PROVIDER/NAME`.
fn embedder(config: &Config, name: &str) -> Result<Arc<dyn Embedder>, String> {
    let (openai, ollama) = (&config.models.openai, &config.models.ollama);
    match name.split_once('/') {
        Some((OpenAi::PROVIDER, model)) if !model.is_empty() => {
            let settings = OpenAiSettings {
                base_url: openai.base_url.clone(),
                model: model.to_owned(),
                key: key(&openai.key_variable),
                timeout: openai.timeout,
                idle_timeout: openai.idle_timeout,
            };
            Ok(Arc::new(OpenAiEmbedder::new(&settings, None)?))
        }
        Some((OLLAMA, model)) if !model.is_empty() => {
            let settings = OllamaSettings {
                base_url: ollama.base_url.clone(),
                model: model.to_owned(),
                timeout: ollama.timeout,
                idle_timeout: ollama.idle_timeout,
                context: u32::try_from(ollama.context).unwrap_or(u32::MAX),
            };
            Ok(Arc::new(OllamaEmbedder::new(&settings, None)?))
        }
        _ => Err(format!("`{name}` is no embedder; write `none`, `openai/NAME` or `ollama/NAME`")),
    }
}

/// What a variable of the environment holds, if it holds something.
fn key(variable: &str) -> Option<secrecy::SecretString> {
    std::env::var(variable).ok().filter(|key| !key.is_empty()).map(Into::into)
}

impl App {
    /// The way to pages that are to be remembered: to public addresses, and to those that `tools.http.allow` names.
    ///
    /// # Errors
    /// [`AppError::Setting`] if that names what is no address.
    pub fn web(&self) -> Result<Web, AppError> {
        let rules = AddressRules::parse(&self.config().tools.http.allow)
            .map_err(|error| AppError::Setting { key: "tools.http.allow", reason: error.to_string() })?;
        Ok(Web::new(Guarded::new(rules)))
    }
}
