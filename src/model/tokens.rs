//! How many tokens a text is for a model.
//!
//! The models of OpenAI say which tokenizer they have, and it is used. For all others the count is an approximation: that
//! of `o200k_base` and a quarter more, which errs on the safe side for the tokenizers of Llama, Qwen, Mistral and Gemma on
//! prose and JSON.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer as Named, get_tokenizer};

use super::fit::Count;
use super::{Message, Request, ToolCall};

/// What a message costs beside its text: who says it, and where it begins and ends.
const MESSAGE: u32 = 4;

/// What a call, its result or a tool costs beside its text.
const CALL: u32 = 8;

/// What the beginning of the reply costs.
const PRIMING: u32 = 3;

/// A text is counted in pieces of so many bytes, so that the time is in proportion to its length, whatever is in it: the
/// tokenizer's pattern may look back over all of a text. Each cut costs a token or two too many.
const PIECE: usize = 4 * 1024;

/// How many counts are remembered before the older half is forgotten.
const REMEMBERED: usize = 16 * 1024;

/// Which tokenizer a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Encoding {
    /// `o200k_base`: the models of OpenAI from gpt-4o on.
    O200k,
    /// `cl100k_base`: gpt-4 and gpt-3.5.
    Cl100k,
    /// Not known: as `o200k_base`, and a quarter more.
    Approximate,
}

impl Encoding {
    /// The encoding of a model, by the name that it has at its provider.
    #[must_use]
    pub(super) fn of(model: &str) -> Self {
        match get_tokenizer(model) {
            Some(Named::O200kBase | Named::O200kHarmony) => Self::O200k,
            Some(Named::Cl100kBase) => Self::Cl100k,
            _ => Self::Approximate,
        }
    }

    /// As people are told of it.
    #[must_use]
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::O200k => "o200k_base",
            Self::Cl100k => "cl100k_base",
            Self::Approximate => "about o200k_base and a quarter",
        }
    }

    fn bpe(self) -> &'static CoreBPE {
        match self {
            Self::O200k | Self::Approximate => tiktoken_rs::o200k_base_singleton(),
            Self::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        }
    }

    /// How many tokens a text is.
    fn tokens(self, text: &str) -> u32 {
        let bpe = self.bpe();
        let counted: usize = pieces(text).map(|piece| bpe.count_ordinary(piece)).sum();
        let counted = u32::try_from(counted).unwrap_or(u32::MAX);
        match self {
            Self::O200k | Self::Cl100k => counted,
            Self::Approximate => counted.saturating_add(counted.div_ceil(4)),
        }
    }
}

/// The text in pieces of [`PIECE`] bytes at most, cut before a space where there is one.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let mut end = text.floor_char_boundary(PIECE);
        if end < text.len()
            && let Some(space) = text[..end].rfind(char::is_whitespace).filter(|space| *space > 0)
        {
            end = space;
        }
        let (piece, rest) = text.split_at(end);
        text = rest;
        Some(piece)
    })
}

/// Counts, and remembers what it has counted: the messages of a conversation are counted once, however often it goes on.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    encoding: Encoding,
    remembered: Arc<Mutex<Generations>>,
}

/// What is known, in two generations of which the older one is forgotten when the younger one is full.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<u64, u32>,
    old: HashMap<u64, u32>,
}

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Counter {
    /// A counter for a model, by the name that it has at its provider.
    #[must_use]
    pub(super) fn of(model: &str) -> Self {
        Self { encoding: Encoding::of(model), remembered: Arc::default() }
    }

    /// The encoding that is counted with.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns once the tokenizer is there, which takes a fraction of a second the first time. Without this, the first count
    /// would take it on a thread that others wait for.
    pub(super) async fn ready(&self) {
        static READY: [tokio::sync::OnceCell<()>; 2] = [const { tokio::sync::OnceCell::const_new() }; 2];
        let encoding = self.encoding;
        let slot = &READY[usize::from(encoding == Encoding::Cl100k)];
        slot.get_or_init(|| async move {
            let loading = tokio::task::spawn_blocking(move || encoding.tokens("a"));
            // It is loaded by the first count then.
            let _ = loading.await;
        })
        .await;
    }

    /// The tokens of a text, which are counted but once.
    fn counted(&self, text: &str) -> u32 {
        const SHORT: usize = 64;
        if text.len() <= SHORT {
            return self.encoding.tokens(text);
        }
        let key = HASHER.hash_one((text.len(), text));
        let lock = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut known = lock();
            if let Some(tokens) = known.young.get(&key).copied() {
                return tokens;
            }
            if let Some(tokens) = known.old.remove(&key) {
                known.young.insert(key, tokens);
                return tokens;
            }
        }
        let tokens = self.encoding.tokens(text);
        let mut known = lock();
        if known.young.len() >= REMEMBERED / 2 {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(key, tokens);
        tokens
    }

    fn call(&self, call: &ToolCall) -> u32 {
        CALL.saturating_add(self.counted(&call.name)).saturating_add(self.counted(&call.arguments.to_string()))
    }
}

impl Count for Counter {
    fn frame(&self, request: &Request) -> u32 {
        let tools = request.tools.iter().map(|tool| {
            [&tool.name, &tool.description, &tool.parameters.to_string()]
                .into_iter()
                .fold(CALL, |sum, text| sum.saturating_add(self.counted(text)))
        });
        let output = request.output.iter().map(|schema| CALL.saturating_add(self.counted(&schema.to_string())));
        tools.chain(output).fold(PRIMING, u32::saturating_add)
    }

    fn message(&self, message: &Message) -> u32 {
        let said = match message {
            Message::System { text } | Message::User { text } => self.counted(text),
            Message::Assistant { text, calls } => {
                calls.iter().map(|call| self.call(call)).fold(self.counted(text), u32::saturating_add)
            }
            Message::Tool { call, result } => {
                let result =
                    result.as_str().map_or_else(|| self.counted(&result.to_string()), |text| self.counted(text));
                CALL.saturating_add(self.counted(call)).saturating_add(result)
            }
        };
        MESSAGE.saturating_add(said)
    }
}

/// How many tokens a request has for a model, as far as that is worth knowing beforehand.
#[derive(Clone, Debug)]
pub struct TokenCount {
    /// `None` for what reads no tokens: then it is a quarter of the characters, which needs no tokenizer to be loaded.
    counter: Option<Counter>,
}

impl TokenCount {
    /// A count for a model, by its name or its alias.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let name = model.split_once('/').map_or(model, |(_, name)| name);
        Self { counter: (model != super::offline::NAME).then(|| Counter::of(name)) }
    }

    /// Returns once counting takes no longer than it must.
    pub async fn ready(&self) {
        if let Some(counter) = &self.counter {
            counter.ready().await;
        }
    }

    /// How many tokens a request has, its schema and its tools included.
    #[must_use]
    pub fn request(&self, request: &Request) -> u32 {
        if let Some(counter) = &self.counter {
            let messages = request.messages.iter().map(|message| counter.message(message));
            messages.fold(counter.frame(request), u32::saturating_add)
        } else {
            let length = serde_json::to_string(request).map_or(0, |text| text.chars().count());
            u32::try_from(length.div_ceil(4)).unwrap_or(u32::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokenizer_is_the_models_own_or_a_stated_approximation() {
        for (model, encoding) in [
            ("gpt-4o-mini", Encoding::O200k),
            ("gpt-4.1", Encoding::O200k),
            ("gpt-4", Encoding::Cl100k),
            ("gpt-3.5-turbo", Encoding::Cl100k),
            ("llama3.2:1b", Encoding::Approximate),
        ] {
            assert_eq!(Encoding::of(model), encoding, "{model}");
        }
        // As OpenAI's own tokenizer page shows it.
        assert_eq!(Encoding::O200k.tokens("Hello, world!"), 4);
        assert_eq!(Encoding::Cl100k.tokens("Hello, world!"), 4);
        assert_eq!(Encoding::Approximate.tokens("Hello, world!"), 5);
    }

    #[test]
    fn no_text_takes_long_or_panics() {
        for text in [" ".repeat(200_000), "a".repeat(200_000), "é\u{301}".repeat(50_000), "\n \t".repeat(60_000)] {
            let begun = std::time::Instant::now();
            let tokens = Encoding::O200k.tokens(&text);
            assert!(tokens > 0 && begun.elapsed().as_secs() < 20, "{tokens} tokens took {:?}", begun.elapsed());
        }
        let text = "One sentence and another. ".repeat(1_000);
        let (whole, cut) = (
            u32::try_from(tiktoken_rs::o200k_base_singleton().count_ordinary(&text)).unwrap(),
            Encoding::O200k.tokens(&text),
        );
        assert!(cut >= whole && cut - whole < 20, "{cut} against {whole}");
    }

    #[test]
    fn what_was_counted_is_remembered_and_the_memory_is_bounded() {
        let counter = Counter::of("gpt-4o");
        let message = |n: usize| Message::User { text: format!("{n:>80}") };
        let first = counter.message(&message(1));
        for n in 0..REMEMBERED + 10 {
            counter.message(&message(n));
        }
        let known = counter.remembered.lock().unwrap();
        assert!(known.young.len() + known.old.len() <= REMEMBERED);
        drop(known);
        assert_eq!(counter.message(&message(1)), first);
    }
}
