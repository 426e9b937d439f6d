//! Bringing the index up to date with what SQL holds.
//!
//! Changes are told in batches. While the index takes one, the next is read and its words are encoded, so that both
//! cores have something to do; no more than these two batches are held.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::bm25::Encoder;
use super::index::{IndexError, Indexed};
use super::recall::whole;
use super::{Doing, Memory, MemoryError, Work, blocking};
use crate::store::entries::{Change, Entry, EntryId, Revision};

/// How many entries are given to the index at once.
pub(super) const BATCH: usize = 512;
/// After how many changes the index is tended.
const TEND: usize = 1_024;
/// How many ids are compared at once.
const LOOKED_AT: usize = 10_000;

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
    /// Makes the index again from SQL; returns how many entries it holds. What they mean is found out again after.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn rebuild(&self) -> Result<u64, MemoryError> {
        let mut followed = self.shared.followed.lock().await;
        *followed = Followed::Unknown;
        let held = self.start_over(&mut followed).await?;
        drop(followed);
        self.embed_soon();
        Ok(held)
    }

    /// Gives the index what it does not hold yet, and makes that durable.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub async fn catch_up(&self) -> Result<(), MemoryError> {
        let mut followed = self.shared.followed.lock().await;
        self.follow_all(&mut followed).await?;
        if let Followed::Loosely(revision) = *followed {
            self.commit(revision).await?;
            *followed = Followed::Durably(revision);
        }
        Ok(())
    }

    /// Makes durable what the index holds, so that the next start has nothing to do again. Opens nothing.
    pub async fn close(&self) {
        let mut followed = self.shared.followed.lock().await;
        if let Followed::Loosely(revision) = *followed {
            match self.commit(revision).await {
                Ok(()) => *followed = Followed::Durably(revision),
                Err(error) => tracing::warn!(%error, "the next start has to bring the memory's index up to date"),
            }
        }
    }

    /// Gives the index what it does not hold yet. If that fails, the next search tries again, and says why.
    pub(super) async fn take_in(&self) {
        let mut followed = self.shared.followed.lock().await;
        if let Err(error) = self.follow_all(&mut followed).await {
            tracing::warn!(%error, "the memory's index could not follow; what it lacks is given to it later");
        }
        drop(followed);
        self.embed_soon();
    }

    /// Has the index hold all that was acknowledged. It does if it ever was complete and somebody is following: what is
    /// noted is given to it before the note is acknowledged.
    pub(super) async fn be_current(&self) -> Result<(), MemoryError> {
        let shared = &*self.shared;
        if !shared.complete.load(Ordering::Acquire) {
            let mut followed = shared.followed.lock().await;
            self.follow_all(&mut followed).await?;
            self.embed_soon();
            return Ok(());
        }
        if shared.remembering.load(Ordering::Acquire) > 0 {
            return Ok(());
        }
        match shared.followed.try_lock() {
            Ok(mut followed) => self.follow_all(&mut followed).await,
            Err(_) => Ok(()),
        }
    }

    /// Gives the index what it does not hold yet in whole batches. The rest, and making it durable, is left to
    /// [`Memory::catch_up`].
    pub(super) async fn run_along(&self) -> Result<(), MemoryError> {
        let mut followed = self.shared.followed.lock().await;
        self.follow(&mut followed, BATCH).await
    }

    /// Follows all changes; makes the index again if it turns out to be broken.
    async fn follow_all(&self, followed: &mut Followed) -> Result<(), MemoryError> {
        let done = match self.follow(followed, 1).await {
            Err(MemoryError::Index(IndexError::Broken(reason))) => {
                tracing::warn!(reason, "the memory's index is broken, and is made again");
                *followed = Followed::Unknown;
                self.start_over(followed).await?;
                self.follow(followed, 1).await
            }
            done => done,
        };
        self.shared.complete.store(done.is_ok(), Ordering::Release);
        done
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
                Some(held) if (watermark..=latest).contains(&held.revision) => {
                    *followed = Followed::Durably(held.revision);
                    if held.interrupted {
                        self.pick_up(followed).await?;
                    }
                }
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
            let changes = added.len() + gone.len();
            let (applied, prepared) = tokio::join!(shared.index.apply(added, gone), self.changes(end, least));
            applied?;
            *followed = Followed::Loosely(end);
            self.changed(changes);
            next = prepared?;
        }
        Ok(())
    }

    /// Goes on after a process that was killed in the middle of changes: applies them again, and looks whether all is
    /// there that should be.
    async fn pick_up(&self, followed: &mut Followed) -> Result<(), MemoryError> {
        let shared = &*self.shared;
        let mut next = match *followed {
            Followed::Durably(from) | Followed::Loosely(from) => self.changes(from, 1).await?,
            Followed::Unknown => None,
        };
        while let Some(Batch { added, gone, end }) = next {
            shared.index.apply(added, gone).await?;
            *followed = Followed::Loosely(end);
            next = self.changes(end, 1).await?;
        }
        if self.holds_what_it_should().await? {
            return Ok(());
        }
        tracing::warn!("the memory's index was cut short, and lacks something");
        self.start_over(followed).await.map(drop)
    }

    /// Whether the index holds just those entries that belong in it.
    async fn holds_what_it_should(&self) -> Result<bool, MemoryError> {
        let shared = &*self.shared;
        let mut after = None;
        loop {
            let wanted = shared.entries.ids(after, LOOKED_AT).await?;
            if wanted != shared.index.page(None, after, LOOKED_AT).await? {
                return Ok(false);
            }
            match wanted.last() {
                Some(last) => after = Some(*last),
                None => return Ok(true),
            }
        }
    }

    async fn start_over(&self, followed: &mut Followed) -> Result<u64, MemoryError> {
        let shared = &*self.shared;
        tracing::info!("making the memory's index from what is stored");
        shared.complete.store(false, Ordering::Release);
        self.forget_meanings();
        shared.index.clear().await?;
        let latest = shared.entries.latest().await?;
        let counts = shared.entries.counts().await?;
        let of = counts.pieces + counts.notes;
        let mut count = 0;
        let mut next = self.page(None).await?;
        while let Some((page, last)) = next {
            let changes = page.len();
            count += changes as u64;
            let (applied, prepared) = tokio::join!(shared.index.apply(page, Vec::new()), self.page(Some(last)));
            applied?;
            self.changed(changes);
            shared.work.send_replace(Some(Work { what: Doing::Rebuilding, done: count, of: of.max(count) }));
            next = prepared?;
        }
        shared.work.send_replace(None);
        self.commit(latest).await?;
        *followed = Followed::Durably(latest);
        Ok(count)
    }

    /// Has the index tidied up, and what it holds made durable, in the background after many changes.
    pub(super) fn changed(&self, changes: usize) {
        let shared = &self.shared;
        if shared.changes.fetch_add(changes, Ordering::Relaxed) + changes < TEND
            || shared.tending.swap(true, Ordering::AcqRel)
        {
            return;
        }
        shared.changes.store(0, Ordering::Relaxed);
        let memory = self.clone();
        tokio::spawn(async move {
            if let Err(error) = memory.tend().await {
                tracing::warn!(%error, "the memory's index could not be tidied up; nothing is lost");
            }
            memory.shared.tending.store(false, Ordering::Release);
        });
    }

    async fn tend(&self) -> Result<(), MemoryError> {
        self.shared.index.tidy().await?;
        // Whoever makes many changes makes them durable at the end.
        if let Ok(mut followed) = self.shared.followed.try_lock()
            && let Followed::Loosely(revision) = *followed
        {
            self.commit(revision).await?;
            *followed = Followed::Durably(revision);
        }
        Ok(())
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
