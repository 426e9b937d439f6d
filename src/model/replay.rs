//! Exchanges with a model on cassettes: recorded once, and played back wherever there is no model.
//!
//! A cassette is a readable JSON file, one for each request, named by the hash of the model's name and the request. What is
//! known to be secret is masked before anything is hashed or written, so that it is on no cassette, and a request is found again
//! whatever the secret is by then.

mod cassette;
mod nearest;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, StreamExt as _};

use cassette::{Answer, Cassette};

use super::{Asker, Model, ModelError, Piece, Pieces, Reply, Request, Trouble};
use crate::secrets::Mask;

/// A model whose exchanges are recorded. It answers as the model itself does.
pub struct Recorder {
    model: Arc<dyn Model>,
    folder: PathBuf,
    mask: Mask,
    /// What was recorded so far: the same request may be answered otherwise the next time.
    recorded: Mutex<HashMap<String, Cassette>>,
}

impl Recorder {
    /// Records in `folder`, which is made when the first exchange is. Cassettes that are there are replaced when their request is
    /// made again.
    #[must_use]
    pub fn new(model: Arc<dyn Model>, folder: impl Into<PathBuf>, mask: Mask) -> Self {
        Self { model, folder: folder.into(), mask, recorded: Mutex::default() }
    }

    /// Writes an exchange down.
    ///
    /// # Errors
    /// The cassette cannot be written: an exchange that was to be recorded and is not would be missed much later.
    fn record(&self, request: &Request, answer: Answer) -> Result<(), ModelError> {
        let asked = Cassette::new(self.model.name(), request, &self.mask);
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let cassette = recorded.entry(asked.hash().to_owned()).or_insert(asked);
        cassette.add(answer.masked(&self.mask));
        cassette.write(&self.folder).map_err(|error| {
            let told =
                format!("{}: the exchange cannot be recorded in {}: {error}", self.name(), self.folder.display());
            ModelError::new(Trouble::Rejected, told)
        })
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("model", &self.name()).field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[async_trait]
impl Model for Recorder {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn window(&self) -> Option<u32> {
        self.model.window()
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let reply = self.model.reply(request).await;
        self.record(request, Answer::new(None, reply.clone()))?;
        reply
    }

    async fn reply_to(&self, request: &Request, asker: &dyn Asker) -> Result<Reply, ModelError> {
        let reply = self.model.reply_to(request, asker).await;
        self.record(request, Answer::new(None, reply.clone()))?;
        reply
    }

    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        // What nobody listens to until the end is not recorded.
        let recorded = stream::unfold(Some((self.model.stream(request), Vec::new())), move |state| async move {
            let (mut pieces, mut texts) = state?;
            let piece = pieces.next().await?;
            let ended = match &piece {
                Ok(Piece::Text(text)) => {
                    texts.push(text.clone());
                    return Some((piece, Some((pieces, texts))));
                }
                Ok(Piece::Said) => return Some((piece, Some((pieces, texts)))),
                Ok(Piece::Done(reply)) => Ok(reply.clone()),
                Err(error) => Err(error.clone()),
            };
            let piece = self.record(request, Answer::new(Some(texts), ended)).and(piece);
            Some((piece, None))
        });
        recorded.boxed()
    }
}

/// A model that answers from cassettes.
pub struct Replay {
    name: String,
    folder: PathBuf,
    mask: Mask,
    cassettes: HashMap<String, Cassette>,
    /// How often each request was made.
    played: Mutex<HashMap<String, usize>>,
}

impl Replay {
    /// Answers as the model called `name` did when it was recorded in `folder`.
    ///
    /// # Errors
    /// The folder or a cassette cannot be read.
    pub fn open(name: impl Into<String>, folder: impl Into<PathBuf>, mask: Mask) -> Result<Self, String> {
        let (name, folder) = (name.into(), folder.into());
        let cassettes = read_all(&folder, &name)?;
        Ok(Self { name, folder, mask, cassettes, played: Mutex::default() })
    }

    fn answer(&self, request: &Request) -> Result<&Answer, ModelError> {
        let asked = Cassette::new(&self.name, request, &self.mask);
        let found = self.cassettes.get(asked.hash()).ok_or_else(|| self.missing(&asked))?;
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let times = played.entry(asked.hash().to_owned()).or_default();
        *times += 1;
        found.answer(*times - 1).ok_or_else(|| self.missing(&asked))
    }

    fn missing(&self, asked: &Cassette) -> ModelError {
        let told = nearest::told(asked, self.cassettes.values());
        let message = format!(
            "{}: no cassette in {} was recorded for this request ({}). {told} Record it, or ask as it was recorded.",
            self.name,
            self.folder.display(),
            asked.file_name(),
        );
        ModelError::new(Trouble::Rejected, message)
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("name", &self.name).field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[async_trait]
impl Model for Replay {
    fn name(&self) -> &str {
        &self.name
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        self.answer(request)?.ended()
    }

    fn stream<'a>(&'a self, request: &'a Request) -> Pieces<'a> {
        let pieces = match self.answer(request) {
            Ok(answer) => answer.pieces(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(pieces).boxed()
    }
}

fn read_all(folder: &Path, model: &str) -> Result<HashMap<String, Cassette>, String> {
    let wrong = |error: std::io::Error| format!("the cassettes in {} cannot be read: {error}", folder.display());
    let mut cassettes = HashMap::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let cassette = Cassette::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if cassette.model() == model {
                cassettes.insert(cassette.hash().to_owned(), cassette);
            }
        }
    }
    Ok(cassettes)
}

#[cfg(test)]
mod tests;
