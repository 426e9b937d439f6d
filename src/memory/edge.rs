//! An index in this process: a shard of `qdrant-edge` in a folder.
//!
//! The shard's own log is not replayed when it is opened, so that what was not flushed is lost when the process is
//! killed, or half there. A file beside it says up to which change it was flushed ([`held`]); all changes since are
//! applied again, each of which takes the place of what there is.
//!
//! New entries go to a segment that is quick to change and slow when it is large: the library walks the whole list of
//! a word's entries for each that is added. [`Index::tidy`] has the library turn it into one that is only read, beside which a
//! new one begins; of those it keeps few.

mod held;
mod request;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use qdrant_edge::{
    CountRequest, EdgeShard, OperationError, PointId, PointInsertOperations, PointOperations, UpdateOperation,
    VectorNameOperations,
};

use super::index::{Filter, Held, Index, IndexError, Indexed, Meaning, Query};
use crate::store::entries::{EntryId, Revision};
use held::HeldFile;
use request::{number, point_id};

/// Part of the folder's name: changed whenever an older index means something else by its contents.
const FORMAT: &str = "edge-4";
/// What the folders of all formats begin with.
const FORMATS: &str = "edge-";
/// Where the shard is.
const SHARD: &str = "shard";
/// How many entries are added while nobody can search.
const AT_ONCE: usize = 4;
/// After how many changes tidying up is due.
const UNTIDY: usize = 4_096;

/// An index in this process. Opened when it is first used; what blocks runs on threads that may block.
#[derive(Clone, Debug)]
pub struct EdgeIndex {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    held: HeldFile,
    /// `None` until it is first used, and after it broke.
    shard: RwLock<Option<EdgeShard>>,
    /// Held by whoever changes the shard or flushes it.
    changing: Mutex<()>,
    /// Held while the segments are made anew: what is flushed meanwhile may lack what was deleted meanwhile.
    tidying: Mutex<()>,
    /// Changes since it was last tidied up.
    untidy: AtomicUsize,
}

impl EdgeIndex {
    /// The index in `folder`, which is made when it is first used.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let folder = folder.join(FORMAT);
        let inner = Inner {
            held: HeldFile::in_folder(&folder),
            folder,
            shard: RwLock::new(None),
            changing: Mutex::default(),
            tidying: Mutex::default(),
            untidy: AtomicUsize::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        // The library panics where it does not know what else to do.
        done.unwrap_or_else(|error| Err(IndexError::Broken(error.to_string())))
    }
}

#[async_trait]
impl Index for EdgeIndex {
    async fn held(&self) -> Result<Option<Held>, IndexError> {
        self.blocking(|inner| {
            let held = inner.held.read()?;
            if held.is_none() {
                inner.clear()?;
            }
            inner.with_shard(|_| Ok(()))?;
            Ok(held)
        })
        .await
    }

    async fn apply(&self, added: Vec<Indexed>, gone: Vec<EntryId>) -> Result<(), IndexError> {
        self.blocking(move |inner| {
            let changes = added.len() + gone.len();
            inner.change(changes, |shard| {
                if !gone.is_empty() {
                    let ids = gone.into_iter().map(point_id).collect();
                    shard.update(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))?;
                }
                let mut added = added.into_iter().map(request::point).peekable();
                while added.peek().is_some() {
                    // Few at a time: whoever searches waits while they are added.
                    let points = added.by_ref().take(AT_ONCE).collect::<Result<_, _>>()?;
                    let insert = PointOperations::UpsertPoints(PointInsertOperations::PointsList(points));
                    shard.update(UpdateOperation::PointOperation(insert))?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn commit(&self, revision: Revision) -> Result<(), IndexError> {
        self.blocking(move |inner| {
            let _tidying = locked(&inner.tidying)?;
            let _changing = locked(&inner.changing)?;
            if let Some(shard) = inner.shard.read().map_err(poisoned)?.as_ref() {
                shard.flush();
            }
            inner.held.write(revision)
        })
        .await
    }

    async fn tidy(&self) -> Result<(), IndexError> {
        self.blocking(|inner| {
            if inner.untidy.load(Ordering::Relaxed) < UNTIDY {
                return Ok(());
            }
            let _tidying = locked(&inner.tidying)?;
            inner.untidy.store(0, Ordering::Relaxed);
            inner.with_shard(EdgeShard::optimize).map(drop)
        })
        .await
    }

    async fn clear(&self) -> Result<(), IndexError> {
        self.blocking(Inner::clear).await
    }

    async fn search(&self, query: Query, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, IndexError> {
        if limit == 0 || matches!(&query, Query::Words(words) if words.indices.is_empty()) {
            return Ok(Vec::new());
        }
        let filter = request::filter(filter)?;
        self.blocking(move |inner| {
            inner.with_shard(|shard| {
                if let Query::Meaning(meaning, _) = &query
                    && !shard.config().vectors.contains_key(&meaning.vector_name())
                {
                    return Ok(Vec::new());
                }
                let found = shard.query(request::nearest(query, filter, limit))?;
                Ok(found.into_iter().filter_map(|point| Some((number(point.id)?, point.score))).collect())
            })
        })
        .await
    }

    async fn count(&self, lacking: Option<&Meaning>) -> Result<u64, IndexError> {
        let filter = lacking.map(request::lacking);
        self.blocking(move |inner| {
            inner.with_shard(|shard| Ok(shard.count(CountRequest { filter, exact: true })? as u64))
        })
        .await
    }

    async fn page(
        &self,
        lacking: Option<&Meaning>,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>, IndexError> {
        let page = request::page(lacking, after, limit);
        self.blocking(move |inner| {
            inner.with_shard(|shard| {
                let (found, _) = shard.scroll(page)?;
                Ok(found.into_iter().filter_map(|point| number(point.id)).collect())
            })
        })
        .await
    }

    async fn meanings(&self) -> Result<Vec<Meaning>, IndexError> {
        self.blocking(|inner| {
            inner.with_shard(|shard| {
                let config = shard.config();
                Ok(config.vectors.keys().filter_map(|name| Meaning::of_vector_name(name)).collect())
            })
        })
        .await
    }

    async fn add_meaning(&self, meaning: &Meaning) -> Result<(), IndexError> {
        let name = meaning.vector_name();
        let create = request::create_meaning(meaning)?;
        self.blocking(move |inner| {
            inner.change(0, |shard| {
                if shard.config().vectors.contains_key(&name) {
                    return Ok(());
                }
                shard.update(UpdateOperation::VectorNameOperation(VectorNameOperations::CreateVectorName(create)))
            })
        })
        .await
    }

    async fn drop_meaning(&self, meaning: &Meaning) -> Result<(), IndexError> {
        let delete = request::delete_meaning(meaning);
        self.blocking(move |inner| {
            inner.change(0, |shard| {
                if !shard.config().vectors.contains_key(&delete.vector_name) {
                    return Ok(());
                }
                shard.update(UpdateOperation::VectorNameOperation(VectorNameOperations::DeleteVectorName(delete)))
            })
        })
        .await
    }

    async fn give_meaning(&self, meaning: &Meaning, vectors: Vec<(EntryId, Vec<f32>)>) -> Result<(), IndexError> {
        let name = meaning.vector_name();
        self.blocking(move |inner| {
            inner.change(vectors.len(), |shard| {
                let ids: Vec<PointId> = vectors.iter().map(|(id, _)| point_id(*id)).collect();
                let held = shard.retrieve(&ids, Some(false.into()), None)?;
                let held = held.into_iter().filter_map(|point| number(point.id)).collect();
                match request::give_meaning(&name, vectors, &held) {
                    Some(update) => shard.update(UpdateOperation::VectorOperation(update)),
                    None => Ok(()),
                }
            })
        })
        .await
    }
}

impl Inner {
    /// Changes the shard.
    fn change(
        &self,
        changes: usize,
        work: impl FnOnce(&EdgeShard) -> Result<(), OperationError>,
    ) -> Result<(), IndexError> {
        let _changing = locked(&self.changing)?;
        self.held.say_changing()?;
        self.untidy.fetch_add(changes, Ordering::Relaxed);
        self.with_shard(work)
    }

    /// Works with the shard, opening it first if need be.
    fn with_shard<T>(&self, work: impl FnOnce(&EdgeShard) -> Result<T, OperationError>) -> Result<T, IndexError> {
        loop {
            let slot = self.shard.read().map_err(poisoned)?;
            if let Some(shard) = slot.as_ref() {
                return work(shard).map_err(|error| broken(&error));
            }
            drop(slot);
            let mut slot = self.shard.write().map_err(poisoned)?;
            if slot.is_none() {
                *slot = Some(self.open()?);
            }
        }
    }

    fn open(&self) -> Result<EdgeShard, IndexError> {
        self.remove_other_formats();
        let folder = self.folder.join(SHARD);
        if self.held.read()?.is_some() && folder.exists() {
            // What a killed process left of segments that it was making.
            held::remove(&folder.join("temp_segments"))?;
            return EdgeShard::load(&folder, None).map_err(|error| broken(&error));
        }
        held::remove(&folder)?;
        fs::create_dir_all(&folder).map_err(|error| held::unavailable("make", &folder, &error))?;
        let shard = EdgeShard::new(&folder, request::config()).map_err(|error| broken(&error))?;
        for create in request::fields()? {
            shard.update(create).map_err(|error| broken(&error))?;
        }
        Ok(shard)
    }

    /// Removes what is beside the folder in other formats: it is never read again. If it cannot be removed, it only
    /// takes up space.
    fn remove_other_formats(&self) {
        let siblings = self.folder.parent().and_then(|parent| fs::read_dir(parent).ok());
        for sibling in siblings.into_iter().flatten().flatten() {
            let name = sibling.file_name();
            let format = name.to_str().and_then(|name| name.strip_prefix(FORMATS));
            let is_format =
                format.is_some_and(|format| !format.is_empty() && format.bytes().all(|c| c.is_ascii_digit()));
            let is_folder = sibling.file_type().is_ok_and(|kind| kind.is_dir());
            if is_format
                && is_folder
                && name != FORMAT
                && let Err(error) = held::remove(&sibling.path())
            {
                tracing::warn!(%error, "an index in another format stays, and takes up space");
            }
        }
    }

    /// Closes the shard and removes it. A lock that a panic left behind is taken all the same: what it guards goes.
    fn clear(&self) -> Result<(), IndexError> {
        let _tidying = self.tidying.lock().unwrap_or_else(PoisonError::into_inner);
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slot = self.shard.write().unwrap_or_else(PoisonError::into_inner);
        self.shard.clear_poison();
        self.changing.clear_poison();
        self.tidying.clear_poison();
        self.held.forget()?;
        close(slot.take());
        self.untidy.store(0, Ordering::Relaxed);
        held::remove(&self.folder.join(SHARD))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        close(self.shard.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Dropping a shard flushes it, which panics if it cannot. What was committed is flushed already, and what was not
/// is no loss.
fn close(shard: Option<EdgeShard>) {
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(shard))));
}

fn locked(lock: &Mutex<()>) -> Result<MutexGuard<'_, ()>, IndexError> {
    lock.lock().map_err(poisoned)
}

fn broken(error: &OperationError) -> IndexError {
    IndexError::Broken(error.to_string())
}

fn poisoned<T>(_: PoisonError<T>) -> IndexError {
    IndexError::Broken("it stopped in the middle of a change".to_owned())
}
