//! The form of a cassette.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{ModelError, Piece, Reply, Request, Trouble};
use crate::secrets::Mask;
use crate::workflow::hash::content_hash;

/// How much of the hash a file's name has.
const NAME_LENGTH: usize = 16;

/// A request to a model, and how it was answered, each time that it was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cassette {
    model: String,
    request: Value,
    answers: Vec<Answer>,
    #[serde(skip)]
    hash: String,
}

impl Cassette {
    /// One without an answer.
    pub(super) fn new(model: &str, request: &Request, mask: &Mask) -> Self {
        // A request is plain data, which always is JSON.
        let request = mask.value(serde_json::to_value(request).unwrap_or_default());
        Self { model: model.to_owned(), request, answers: Vec::new(), hash: String::new() }.hashed()
    }

    fn hashed(mut self) -> Self {
        self.hash = content_hash(&json!([self.model, self.request]));
        self
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn request(&self) -> &Value {
        &self.request
    }

    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    pub(super) fn file_name(&self) -> String {
        format!("{}.json", &self.hash[..NAME_LENGTH])
    }

    /// Adds an answer, after those that were given before.
    pub(super) fn add(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    /// The answer to the nth time that the request is made; the last answer stays.
    pub(super) fn answer(&self, nth: usize) -> Option<&Answer> {
        self.answers.get(nth).or(self.answers.last())
    }

    /// # Errors
    /// The file cannot be read, or is no cassette.
    pub(super) fn read(file: &Path) -> io::Result<Self> {
        let cassette: Self = serde_json::from_slice(&std::fs::read(file)?)?;
        Ok(cassette.hashed())
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.persist(folder.join(self.file_name()))?;
        Ok(())
    }
}

/// How a model answered once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The pieces of the text, if it came in pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pieces: Option<Vec<String>>,
    #[serde(flatten)]
    ended: Ended,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ended {
    Reply(Reply),
    Error {
        trouble: Trouble,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
}

impl Answer {
    pub(super) fn new(pieces: Option<Vec<String>>, ended: Result<Reply, ModelError>) -> Self {
        let ended = match ended {
            Ok(reply) => Ended::Reply(reply),
            Err(ModelError { trouble, message, after }) => {
                let after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                Ended::Error { trouble, message, after_ms }
            }
        };
        Self { pieces, ended }
    }

    /// The same without what is secret. A secret that is cut between two pieces is in none of them, but both together tell it:
    /// then they become one.
    pub(super) fn masked(mut self, mask: &Mask) -> Self {
        if let Some(pieces) = &mut self.pieces {
            let whole = mask.text(&pieces.concat());
            for piece in &mut *pieces {
                *piece = mask.text(piece);
            }
            if pieces.concat() != whole {
                *pieces = vec![whole];
            }
        }
        match &mut self.ended {
            Ended::Reply(reply) => {
                reply.text = mask.text(&reply.text);
                for call in &mut reply.calls {
                    call.id = mask.text(&call.id);
                    call.name = mask.text(&call.name);
                    call.arguments = mask.value(call.arguments.take());
                }
            }
            Ended::Error { message, .. } => *message = mask.text(message),
        }
        self
    }

    /// What it came to.
    pub(super) fn ended(&self) -> Result<Reply, ModelError> {
        match &self.ended {
            Ended::Reply(reply) => Ok(reply.clone()),
            Ended::Error { trouble, message, after_ms } => {
                Err(ModelError { after: after_ms.map(Duration::from_millis), ..ModelError::new(*trouble, message) })
            }
        }
    }

    /// The pieces in which it came, and what it came to.
    pub(super) fn pieces(&self) -> Vec<Result<Piece, ModelError>> {
        let ended = self.ended();
        let texts = match (&self.pieces, &ended) {
            (Some(texts), _) => texts.clone(),
            // What was recorded whole comes in one piece.
            (None, Ok(reply)) if !reply.text.is_empty() => vec![reply.text.clone()],
            (None, _) => Vec::new(),
        };
        let mut pieces: Vec<_> = texts.into_iter().map(|text| Ok(Piece::Text(text))).collect();
        pieces.push(ended.map(Piece::Done));
        pieces
    }
}
