//! Bringing the index up to date with what SQL holds.
//!
//! Changes are told in batches. While the index takes one, the next is read and its words are encoded, so that both
//! cores have something to do; no more than these two batches are held.

use std::sync::Arc;

use super::bm25::Encoder;
use super::index::{IndexError, Indexed};
use super::recall::whole;
use super::{Memory, MemoryError, blocking};
use crate::store::entries::{Change, Entry, EntryId, Revision};

/// How many entries are given to the index at once.
pub(super) const BATCH: usize = 512;

/// How far the index has followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Followed {
    /// It has to be asked.
    #[default]
    Unknown,
    /// It holds all changes up to this one, and says so when it is opened again.
    Durably(Revision),
    /// It holds all changes up to this one, and would have to start over if the process stopped now.
    Loosely(Revision),
}

/// What the index is given at once.
struct Batch {
    added: Vec<Indexed>,
    gone: Vec<EntryId>,
    /// The last change that it takes in.
    end: Revision,
}

impl Memory {
    /// Makes the index again from SQL; returns how many entries it holds.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn rebuild(&self) -> Result<u64, MemoryError> {
        let mut followed = self.shared.followed.lock().await;
        *followed = Followed::Unknown;
        self.start_over(&mut followed).await
    }

    /// Gives the index what it does not hold yet. Recalling does it too.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn catch_up(&self) -> Result<(), MemoryError> {
        let mut followed = self.shared.followed.lock().await;
        match self.follow_on(&mut followed).await {
            Err(MemoryError::Index(IndexError::Broken(_))) => {
                *followed = Followed::Unknown;
                self.start_over(&mut followed).await?;
                self.follow_on(&mut followed).await
            }
            done => done,
        }
    }

    /// Gives the index what it does not hold yet in whole batches. The rest, and making it durable, is left to
    /// [`Memory::catch_up`].
    pub(super) async fn run_along(&self) -> Result<(), MemoryError> {
        let mut followed = self.shared.followed.lock().await;
        self.follow(&mut followed, BATCH).await
    }

    /// Follows all changes and makes that durable.
    async fn follow_on(&self, followed: &mut Followed) -> Result<(), MemoryError> {
        self.follow(followed, 1).await?;
        if let Followed::Loosely(revision) = *followed {
            self.commit(revision).await?;
            *followed = Followed::Durably(revision);
        }
        Ok(())
    }

    /// Gives the index the changes that it does not hold, `least` or more at once, asking it first which it holds if
    /// nobody knows.
    async fn follow(&self, followed: &mut Followed, least: usize) -> Result<(), MemoryError> {
        let shared = &*self.shared;
        if *followed == Followed::Unknown {
            let held = match shared.index.held().await {
                Err(IndexError::Broken(_)) => None,
                found => found?,
            };
            // What came before the watermark is no longer told as changes.
            let watermark = shared.entries.watermark().await?;
            let latest = shared.entries.latest().await?;
            match held {
                Some(held) if (watermark..=latest).contains(&held) => *followed = Followed::Durably(held),
                // All changes that there ever were are still told.
                _ if watermark == Revision::default() => {
                    shared.index.clear().await?;
                    *followed = Followed::Loosely(watermark);
                }
                _ => {
                    self.start_over(followed).await?;
                }
            }
        }
        let (Followed::Durably(from) | Followed::Loosely(from)) = *followed else { return Ok(()) };
        let mut next = self.changes(from, least).await?;
        while let Some(Batch { added, gone, end }) = next {
            // An entry that is told as added is there now, so that the order of the two does not matter.
            // Nobody knows what was applied of it, should this fail.
            *followed = Followed::Unknown;
            let (applied, prepared) = tokio::join!(shared.index.apply(added, gone), self.changes(end, least));
            applied?;
            *followed = Followed::Loosely(end);
            next = prepared?;
        }
        Ok(())
    }

    async fn start_over(&self, followed: &mut Followed) -> Result<u64, MemoryError> {
        let shared = &*self.shared;
        tracing::info!("making the memory's index from what is stored");
        shared.index.clear().await?;
        let latest = shared.entries.latest().await?;
        let mut count = 0;
        let mut next = self.page(None).await?;
        while let Some((page, last)) = next {
            count += page.len() as u64;
            let (applied, prepared) = tokio::join!(shared.index.apply(page, Vec::new()), self.page(Some(last)));
            applied?;
            next = prepared?;
        }
        self.commit(latest).await?;
        *followed = Followed::Durably(latest);
        Ok(count)
    }

    /// First the index, then SQL, which from then on need not tell what came before.
    async fn commit(&self, revision: Revision) -> Result<(), MemoryError> {
        self.shared.index.commit(revision).await?;
        Ok(self.shared.entries.set_watermark(revision).await?)
    }

    /// The changes after `from` as the index takes them; `None` if there are fewer than `least`.
    async fn changes(&self, from: Revision, least: usize) -> Result<Option<Batch>, MemoryError> {
        let changes = self.shared.entries.changes(from, BATCH).await?;
        if changes.len() < least {
            return Ok(None);
        }
        let Some(end) = changes.last().map(Change::revision) else { return Ok(None) };
        let (mut added, mut gone) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Added(_, entry) => added.push(*entry),
                Change::Gone(_, id) => gone.push(id),
            }
        }
        Ok(Some(Batch { added: self.encoded(added).await?, gone, end }))
    }

    /// The entries after `after` as the index takes them, and the last of them; `None` if there are none.
    async fn page(&self, after: Option<EntryId>) -> Result<Option<(Vec<Indexed>, EntryId)>, MemoryError> {
        let page = self.shared.entries.page(after, BATCH).await?;
        let Some(last) = page.last().map(|entry| entry.id) else { return Ok(None) };
        Ok(Some((self.encoded(page).await?, last)))
    }

    async fn encoded(&self, entries: Vec<Entry>) -> Result<Vec<Indexed>, MemoryError> {
        let encoder = self.shared.encoder.clone();
        blocking(move || entries.iter().map(|entry| indexed(&encoder, entry)).collect()).await
    }
}

fn indexed(encoder: &Arc<Encoder>, entry: &Entry) -> Indexed {
    let words = encoder.document(&whole(entry));
    Indexed { id: entry.id, scope: entry.scope.clone(), kind: entry.kind, at: entry.created_at, words }
}
