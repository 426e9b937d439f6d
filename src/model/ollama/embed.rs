//! Embeddings of Ollama.

use async_trait::async_trait;
use ollama_rs::generation::embeddings::GenerateEmbeddingsResponse;
use ollama_rs::generation::embeddings::request::GenerateEmbeddingsRequest;

use super::super::ModelError;
use super::super::embed::{Dimensions, Embedder, batches};
use super::{OllamaSettings, Server};

/// An embedder behind `/api/embed`.
///
/// A text that is longer than the model can read is cut by Ollama.
#[derive(Debug)]
pub struct OllamaEmbedder {
    server: Server,
    model: String,
    asked: Option<u32>,
    dimensions: Dimensions,
}

impl OllamaEmbedder {
    /// A model of a server, asked for so many `dimensions`, or for as many as it gives. Nothing is sent before the first texts.
    ///
    /// # Errors
    /// The address is none, or no connection can ever be made.
    pub fn new(settings: &OllamaSettings, dimensions: Option<usize>) -> Result<Self, String> {
        let server = Server::new(settings)?;
        let asked = dimensions.and_then(|dimensions| u32::try_from(dimensions).ok());
        Ok(Self { server, model: settings.model.clone(), asked, dimensions: Dimensions::new(dimensions) })
    }

    async fn embed_batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut request = GenerateEmbeddingsRequest::new(self.model.clone(), texts.to_vec().into());
        request.dimensions = self.asked;
        let body = self.server.post("api/embed", &request).await?.whole().await?;
        let wire = &self.server.wire;
        let given: GenerateEmbeddingsResponse =
            serde_json::from_slice(&body).map_err(|error| wire.unreadable(error))?;
        let checked = self.dimensions.check(texts.len(), &given.embeddings);
        checked.map_err(|(trouble, told)| wire.error(trouble, &told))?;
        Ok(given.embeddings)
    }
}

#[async_trait]
impl Embedder for OllamaEmbedder {
    fn name(&self) -> &str {
        self.server.wire.name()
    }

    fn dimensions(&self) -> Option<usize> {
        self.dimensions.known()
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in batches(texts) {
            vectors.append(&mut self.embed_batch(batch).await?);
        }
        Ok(vectors)
    }
}
