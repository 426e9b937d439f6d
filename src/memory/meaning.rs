//! What entries mean: vectors that an embedder makes of their texts.
//!
//! An entry is found by its words at once, and by its meaning once the index was given its vector. Which entries wait
//! for one the index knows itself, so that nothing is forgotten when the process stops. Another embedder's vectors are
//! of another kind: until all entries have one, those of the last embedder answer, if it can still be asked.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::follow::Followed;
use super::index::{IndexError, Meaning};
use super::recall::whole;
use super::{Memory, MemoryError, Work};
use crate::model::{Embedder, ModelError, Trouble};
use crate::store::entries::{Entry, EntryId};

/// How many texts are embedded at once.
const BATCH: usize = 64;
/// How often a batch is tried before the entries are left to wait.
const ATTEMPTS: u32 = 4;
/// How long the first wait between two attempts is; each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 250 });
/// How many texts one after the other it may have something against.
const MOST_REFUSED: usize = 3;
/// How long an embedder that failed is left alone.
const REST: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 15_000 });
/// How long a search waits for the vector of its question.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes an embedder by its name, if it can: the one that was configured before.
pub type Former = Arc<dyn Fn(&str) -> Option<Arc<dyn Embedder>> + Send + Sync>;

/// What turns texts into vectors.
#[derive(Clone, Default)]
pub struct Embedders {
    /// The one that is configured.
    pub current: Option<Arc<dyn Embedder>>,
    /// Those that were.
    pub former: Option<Former>,
}

/// What is known of the meanings.
#[derive(Default)]
pub(super) struct Known {
    /// What answers now.
    answering: Answers,
    /// Until when embedders are left alone, and why, by their names.
    resting: HashMap<String, (Instant, String)>,
    /// Entries that the embedder will never take.
    refused: HashSet<EntryId>,
}

/// What answers questions by meaning.
#[derive(Clone, Default)]
enum Answers {
    /// That was not looked for.
    #[default]
    Unknown,
    /// There are no vectors, or nobody who could make those of questions.
    Nothing,
    /// These vectors.
    Vectors(Answering),
}

#[derive(Clone)]
struct Answering {
    meaning: Meaning,
    embedder: Arc<dyn Embedder>,
}

/// The vector of a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// There is no embedder, or it has made no vectors yet.
    NoEmbedder,
    /// It was asked, or is left alone since it failed: why.
    Failed(String),
    /// Its answer.
    Vector(Meaning, Vec<f32>),
}

impl Memory {
    /// The vector of a question, by the embedder whose vectors answer.
    pub(super) async fn ask(&self, question: &str) -> Result<Asked, MemoryError> {
        let Some(Answering { meaning, embedder }) = self.answering().await? else { return Ok(Asked::NoEmbedder) };
        if let Some(reason) = self.resting(embedder.name()) {
            return Ok(Asked::Failed(reason));
        }
        let texts = [question.to_owned()];
        let asked = tokio::time::timeout(PATIENCE, embedder.embed(&texts)).await;
        let failed = match asked {
            Ok(Ok(vectors)) => match vectors.into_iter().next() {
                Some(vector) if vector.len() == meaning.dimensions => return Ok(Asked::Vector(meaning, vector)),
                _ => format!("{} now makes vectors of another length", embedder.name()),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("{} did not answer within {} s", embedder.name(), PATIENCE.as_secs()),
        };
        self.rest(embedder.as_ref(), failed.clone());
        Ok(Asked::Failed(failed))
    }

    /// How many entries wait for their vectors, and by which embedder; `None` without one.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn waiting(&self) -> Result<Option<(String, u64)>, MemoryError> {
        let Some(embedder) = &self.shared.embedders.current else { return Ok(None) };
        let lacking = match self.own_meaning(embedder.as_ref()).await? {
            Some(meaning) => self.shared.index.count(Some(&meaning)).await?,
            None => self.shared.index.count(None).await?,
        };
        Ok(Some((embedder.name().to_owned(), lacking)))
    }

    /// Has what waits for vectors given them in the background, unless somebody is at it or the embedder rests.
    pub(super) fn embed_soon(&self) {
        match &self.shared.embedders.current {
            Some(embedder) if self.resting(embedder.name()).is_none() => {}
            _ => return,
        }
        let memory = self.clone();
        tokio::spawn(async move {
            if let Err(error) = memory.embed_waiting(Others::GoOn).await {
                tracing::warn!(%error, "entries wait for their vectors; they are found by their words");
            }
        });
    }

    /// Gives all entries that wait for a vector theirs. Once none waits, what other embedders made is forgotten.
    pub(super) async fn embed_waiting(&self, others: Others) -> Result<(), MemoryError> {
        let Some(embedder) = self.shared.embedders.current.clone() else { return Ok(()) };
        let _embedding = match others {
            Others::GoOn => match self.shared.embedding.try_lock() {
                Ok(lock) => lock,
                Err(_) => return Ok(()),
            },
            Others::AreWaitedFor => self.shared.embedding.lock().await,
        };
        let mut meaning = self.own_meaning(embedder.as_ref()).await?;
        let of = self.shared.index.count(meaning.as_ref()).await?;
        let (mut after, mut done) = (None, 0);
        loop {
            let page = self.shared.index.page(meaning.as_ref(), after, BATCH).await?;
            let Some(last) = page.last().copied() else { break };
            after = Some(last);
            done += page.len() as u64;
            let refused = |id: &EntryId| self.known().refused.contains(id);
            let ids: Vec<EntryId> = page.into_iter().filter(|id| !refused(id)).collect();
            let entries = self.shared.entries.get(&ids).await?;
            let vectors = self.vectors(embedder.as_ref(), entries).await?;
            let Some(dimensions) = vectors.first().map(|(_, vector)| vector.len()) else { continue };
            let own = Meaning { embedder: embedder.name().to_owned(), dimensions };
            self.give(&own, vectors).await?;
            meaning = Some(own);
            self.shared.work.send_replace(Some(Work { what: super::Doing::Embedding, done, of: of.max(done) }));
        }
        self.shared.work.send_replace(None);
        match meaning {
            Some(meaning) => self.now_whole(meaning, embedder).await,
            None => Ok(()),
        }
    }

    /// The vectors of entries. Those that the embedder will never take are left out, and remembered.
    async fn vectors(
        &self,
        embedder: &dyn Embedder,
        entries: Vec<Entry>,
    ) -> Result<Vec<(EntryId, Vec<f32>)>, MemoryError> {
        let texts: Vec<String> = entries.iter().map(whole).collect();
        let failed = match self.embed(embedder, &texts).await {
            Ok(vectors) => return Ok(entries.iter().map(|entry| entry.id).zip(vectors).collect()),
            Err(error) => error,
        };
        if entries.len() == 1 || !is_about_the_text(&failed) {
            self.rest(embedder, failed.to_string());
            return Err(MemoryError::Embedder(failed.to_string()));
        }
        // One of them is what it does not take: which?
        let (mut vectors, mut refused) = (Vec::new(), Vec::new());
        for (entry, text) in entries.iter().zip(&texts) {
            match self.embed(embedder, std::slice::from_ref(text)).await {
                Ok(vector) => vectors.extend(vector.into_iter().next().map(|vector| (entry.id, vector))),
                // What takes none of several texts has something against more than the texts.
                Err(error) if is_about_the_text(&error) && (refused.len() < MOST_REFUSED || !vectors.is_empty()) => {
                    refused.push((entry.id, error));
                }
                Err(error) => {
                    self.rest(embedder, error.to_string());
                    return Err(MemoryError::Embedder(error.to_string()));
                }
            }
        }
        for (id, error) in refused {
            tracing::warn!(entry = id.0, %error, "an entry is found by its words only");
            self.known().refused.insert(id);
        }
        Ok(vectors)
    }

    /// Asks the embedder, a few times if that may help.
    async fn embed(&self, embedder: &dyn Embedder, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match embedder.embed(texts).await {
                Err(error) if error.may_go_better() => {
                    tokio::time::sleep(error.after.unwrap_or(wait).min(REST)).await;
                    wait *= 2;
                }
                done => return done,
            }
        }
        embedder.embed(texts).await
    }

    /// Tells the index what entries mean.
    async fn give(&self, meaning: &Meaning, vectors: Vec<(EntryId, Vec<f32>)>) -> Result<(), MemoryError> {
        let mut followed = self.shared.followed.lock().await;
        self.shared.index.add_meaning(meaning).await?;
        let given = vectors.len();
        self.shared.index.give_meaning(meaning, vectors).await?;
        if let Followed::Durably(revision) = *followed {
            *followed = Followed::Loosely(revision);
        }
        drop(followed);
        self.changed(given);
        // The first vectors of all answer at once.
        let mut known = self.known();
        known.resting.remove(&meaning.embedder);
        if matches!(known.answering, Answers::Nothing) {
            known.answering = Answers::Unknown;
        }
        Ok(())
    }

    /// From now on these vectors answer, and no others are kept.
    async fn now_whole(&self, meaning: Meaning, embedder: Arc<dyn Embedder>) -> Result<(), MemoryError> {
        let followed = self.shared.followed.lock().await;
        let others: Vec<Meaning> =
            self.shared.index.meanings().await?.into_iter().filter(|other| *other != meaning).collect();
        self.known().answering = Answers::Vectors(Answering { meaning, embedder });
        for other in &others {
            tracing::info!(embedder = other.embedder, "the vectors of the last embedder are no longer needed");
            self.shared.index.drop_meaning(other).await?;
        }
        drop(followed);
        Ok(())
    }

    /// What answers: the configured embedder's vectors if all entries have one or no others are there, else the others.
    async fn answering(&self) -> Result<Option<Answering>, MemoryError> {
        match &self.known().answering {
            Answers::Unknown => {}
            Answers::Nothing => return Ok(None),
            Answers::Vectors(answering) => return Ok(Some(answering.clone())),
        }
        let Some(embedder) = self.shared.embedders.current.clone() else { return Ok(None) };
        let own = self.own_meaning(embedder.as_ref()).await?;
        let mut others = self.shared.index.meanings().await?;
        others.retain(|other| Some(other) != own.as_ref());
        let own_is_whole = match &own {
            Some(own) => others.is_empty() || self.shared.index.count(Some(own)).await? == 0,
            None => false,
        };
        let make = |former: &Former, meaning: &Meaning| {
            let embedder = former(&meaning.embedder)?;
            Some(Answering { meaning: meaning.clone(), embedder })
        };
        let former = || others.iter().find_map(|other| make(self.shared.embedders.former.as_ref()?, other));
        let answering = match own {
            Some(meaning) if own_is_whole => Some(Answering { meaning, embedder }),
            own => former().or_else(|| own.map(|meaning| Answering { meaning, embedder })),
        };
        self.known().answering = answering.clone().map_or(Answers::Nothing, Answers::Vectors);
        Ok(answering)
    }

    /// The kind of vectors that the configured embedder makes, if the index has room for them.
    async fn own_meaning(&self, embedder: &dyn Embedder) -> Result<Option<Meaning>, IndexError> {
        let fits = |meaning: &Meaning| {
            meaning.embedder == embedder.name() && embedder.dimensions().is_none_or(|known| known == meaning.dimensions)
        };
        Ok(self.shared.index.meanings().await?.into_iter().find(fits))
    }

    /// Nothing is known of the meanings any more: the index was made anew.
    pub(super) fn forget_meanings(&self) {
        self.known().answering = Answers::Unknown;
    }

    fn resting(&self, embedder: &str) -> Option<String> {
        let known = self.known();
        let (until, reason) = known.resting.get(embedder)?;
        (*until > Instant::now()).then(|| reason.clone())
    }

    fn rest(&self, embedder: &dyn Embedder, reason: String) {
        self.known().resting.insert(embedder.name().to_owned(), (Instant::now() + REST, reason));
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens if others are giving vectors already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Nothing more: they do it.
    GoOn,
    /// They are waited for.
    AreWaitedFor,
}

/// Whether another text may go better.
fn is_about_the_text(error: &ModelError) -> bool {
    matches!(error.trouble, Trouble::TooLong | Trouble::Refused | Trouble::Rejected)
}
