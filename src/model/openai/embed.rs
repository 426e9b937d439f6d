//! Embeddings of `OpenAI`, and of every server that speaks the same.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::super::ModelError;
use super::super::embed::{Dimensions, Embedder, batches};
use super::OpenAiSettings;
use super::server::Server;

/// An embedder behind `/embeddings`.
#[derive(Debug)]
pub struct OpenAiEmbedder {
    server: Server,
    model: String,
    asked: Option<usize>,
    dimensions: Dimensions,
}

impl OpenAiEmbedder {
    /// A model of a server, asked for so many `dimensions`, or for as many as it gives. Nothing is sent before the first texts.
    ///
    /// # Errors
    /// The address or the key is none, or no connection can ever be made.
    pub fn new(settings: &OpenAiSettings, dimensions: Option<usize>) -> Result<Self, String> {
        let server = Server::new(settings)?;
        let model = settings.model.clone();
        Ok(Self { server, model, asked: dimensions, dimensions: Dimensions::new(dimensions) })
    }

    async fn embed_batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let wire = self.server.wire();
        let request = Wanted { model: &self.model, input: texts, encoding_format: "float", dimensions: self.asked };
        let exchange = self.server.exchange();
        let given: Result<Given, _> = exchange.client().embeddings().create_byot(request).await;
        let mut data = given.map_err(|error| exchange.failed(&error))?.data;
        // In the order of the texts, whatever order they come in.
        data.sort_by_key(|vector| vector.index);
        if data.iter().enumerate().any(|(at, vector)| vector.index.is_some_and(|index| index != at)) {
            return Err(wire.unreadable("vectors are missing, or come twice"));
        }
        let vectors: Vec<_> = data.into_iter().map(|vector| vector.embedding).collect();
        let checked = self.dimensions.check(texts.len(), &vectors);
        checked.map_err(|(trouble, told)| wire.error(trouble, &told))?;
        Ok(vectors)
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn name(&self) -> &str {
        self.server.wire().name()
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

#[derive(Serialize)]
struct Wanted<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Given {
    data: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    index: Option<usize>,
    embedding: Vec<f32>,
}
