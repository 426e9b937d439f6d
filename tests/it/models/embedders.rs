//! One suite for all embedders.

use std::sync::Arc;
use std::time::Duration;

use callboard::model::{Embedder, OllamaEmbedder, OllamaSettings, OpenAiEmbedder, OpenAiSettings, Trouble};
use serde_json::{Value, json};

use super::server::{Answer, End, Sent, Server};

#[derive(Clone, Copy, Debug)]
pub enum Provider {
    OpenAi,
    Ollama,
}

pub const ALL: [Provider; 2] = [Provider::OpenAi, Provider::Ollama];

impl Provider {
    fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai/embed-1",
            Self::Ollama => "ollama/embed-1",
        }
    }

    fn line(self) -> &'static str {
        match self {
            Self::OpenAi => "POST /v1/embeddings",
            Self::Ollama => "POST /api/embed",
        }
    }

    pub fn embedder(self, address: &str, dimensions: Option<usize>) -> Arc<dyn Embedder> {
        let model = "embed-1".to_owned();
        let (timeout, idle_timeout) = (Duration::from_millis(800), Duration::from_millis(200));
        match self {
            Self::OpenAi => {
                let (base_url, key) = (format!("{address}/v1"), Some("sk-canary".into()));
                let settings = OpenAiSettings { base_url, model, key, timeout, idle_timeout };
                Arc::new(OpenAiEmbedder::new(&settings, dimensions).unwrap())
            }
            Self::Ollama => {
                let settings =
                    OllamaSettings { base_url: address.to_owned(), model, context: 512, timeout, idle_timeout };
                Arc::new(OllamaEmbedder::new(&settings, dimensions).unwrap())
            }
        }
    }

    /// What the server says with these vectors; in another order, if the protocol allows it.
    pub fn given(self, vectors: &[Vec<f32>]) -> Value {
        match self {
            Self::OpenAi => {
                let data = vectors.iter().enumerate().rev();
                let data = data
                    .map(|(index, embedding)| json!({ "object": "embedding", "index": index, "embedding": embedding }));
                let usage = json!({ "prompt_tokens": 5, "total_tokens": 5 });
                json!({ "object": "list", "model": "embed-1", "data": data.collect::<Vec<_>>(), "usage": usage })
            }
            Self::Ollama => json!({
                "model": "embed-1", "embeddings": vectors,
                "total_duration": 14_143_917, "load_duration": 1_019_500, "prompt_eval_count": 8
            }),
        }
    }
}

/// The vector of a text: its length and its first letter.
pub fn vector_of(text: &str) -> Vec<f32> {
    vec![text.len() as f32, f32::from(text.bytes().next().unwrap_or_default()), 0.5]
}

fn texts(sent: &Sent) -> Vec<String> {
    serde_json::from_value(sent.json()["input"].clone()).unwrap()
}

async fn server(provider: Provider) -> Server {
    let given = move |sent: &Sent| provider.given(&texts(sent).iter().map(|text| vector_of(text)).collect::<Vec<_>>());
    Server::start(move |sent| Answer::json(200, &given(sent))).await
}

#[tokio::test]
async fn each_text_gets_its_vector_in_as_many_requests_as_it_takes() {
    for provider in ALL {
        let server = server(provider).await;
        let embedder = provider.embedder(&server.address, None);
        assert_eq!((embedder.name(), embedder.dimensions()), (provider.name(), None));
        assert_eq!(embedder.embed(&[]).await.unwrap(), Vec::<Vec<f32>>::new());
        assert!(server.sent().is_empty());
        let texts: Vec<String> = (0..300).map(|i| format!("{i} {}", "ü".repeat(i))).collect();
        let vectors = embedder.embed(&texts).await.unwrap();
        assert_eq!(vectors, texts.iter().map(|text| vector_of(text)).collect::<Vec<_>>());
        assert_eq!(embedder.dimensions(), Some(3));
        let sent = server.sent();
        assert_eq!(sent.iter().map(|sent| self::texts(sent).len()).collect::<Vec<_>>(), [128, 128, 44]);
        assert!(sent.iter().all(|sent| sent.line == provider.line() && sent.json()["model"] == "embed-1"));
        let key = matches!(provider, Provider::OpenAi).then_some("Bearer sk-canary");
        assert_eq!(sent[0].header("authorization"), key);
        assert!(sent[0].json().get("dimensions").is_none());
    }
}

#[tokio::test]
async fn dimensions_can_be_asked_for_and_are_held_against_what_comes() {
    for provider in ALL {
        let server = server(provider).await;
        let embedder = provider.embedder(&server.address, Some(3));
        assert_eq!(embedder.dimensions(), Some(3));
        embedder.embed(&["a".to_owned()]).await.unwrap();
        assert_eq!(server.sent()[0].json()["dimensions"], 3);
        let error = provider.embedder(&server.address, Some(4)).embed(&["a".to_owned()]).await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Rejected);
        assert!(error.message.contains("4 numbers, but one has 3"), "{error}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_said_in_its_kind() {
    let said = |message: &str| json!({ "error": { "message": message, "type": "x", "param": null, "code": null } });
    for provider in ALL {
        let one = provider.given(&[vector_of("a")]);
        let whole = Answer::json(200, &one);
        for (answer, trouble, told) in [
            (Answer::json(429, &said("slow down")).header("retry-after", "7"), Trouble::Busy, "slow down"),
            (Answer::json(500, &said("the runner died")), Trouble::Unavailable, "the runner died"),
            (Answer::json(400, &said("maximum context length is 512")), Trouble::TooLong, "512"),
            (Answer::json(401, &said("no access")), Trouble::Rejected, "is the key right?"),
            (Answer::json(404, &said("model not found")), Trouble::Rejected, "not found"),
            (Answer::json(200, &provider.given(&[])), Trouble::Malformed, "0 vectors came for 1 texts"),
            (Answer::json(200, &provider.given(&[vec![]])), Trouble::Rejected, "is it a model for embeddings?"),
            (Answer::json(200, &json!({ "some": "thing" })), Trouble::Malformed, "cannot be read"),
            (Answer::new(200, "text/html", "<html>"), Trouble::Malformed, "cannot be read"),
            (Answer::silence(), Trouble::TimedOut, ".timeout"),
            (whole.clone().cut([20].into_iter()).first(1).ending(End::Hang), Trouble::TimedOut, ".idle_timeout"),
            (whole.clone().cut([20].into_iter()).first(1).ending(End::Cut), Trouble::Malformed, "ends in the middle"),
        ] {
            let server = Server::saying(answer).await;
            let error = provider.embedder(&server.address, None).embed(&["a".to_owned()]).await.unwrap_err();
            assert_eq!(error.trouble, trouble, "{provider:?} {error}");
            assert!(error.message.contains(told) && error.message.starts_with(provider.name()), "{error}");
            assert_eq!(error.after, (trouble == Trouble::Busy).then_some(Duration::from_secs(7)));
            assert_eq!(server.sent().len(), 1, "{provider:?} {error}");
        }
    }
}

#[tokio::test]
async fn a_key_is_in_no_error_even_if_the_server_repeats_it() {
    let server = Server::saying(Answer::new(500, "text/plain", "no luck with Bearer sk-canary")).await;
    let error = Provider::OpenAi.embedder(&server.address, None).embed(&["a".to_owned()]).await.unwrap_err();
    assert!(error.message.contains("no luck with Bearer ***") && !format!("{error:?}").contains("canary"), "{error}");
}
