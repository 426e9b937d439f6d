//! An index in this process: a shard of `qdrant-edge` in a folder.
//!
//! The shard's own log is not replayed when it is opened, so that what was not flushed is lost in a crash, or half
//! there. A file beside it says up to which change it is complete: it is taken away before the first change after
//! a flush, and written after the next. Without it the index starts over from SQL.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use qdrant_edge::{
    Condition, CountRequest, CreateIndex, EdgeConfig, EdgeConfigBuilder, EdgeShard, EdgeSparseVectorParamsBuilder,
    FieldCondition, FieldIndexOperations, Filter as EdgeFilter, JsonPath, Match, Modifier, NamedQuery, OperationError,
    PayloadFieldSchema, PayloadSchemaType, PointId, PointInsertOperations, PointOperations, PointStruct, QueryEnum,
    QueryRequest, Range, ScoringQuery, SparseVector, UpdateOperation, Vector, VectorInternal, Vectors, WalOptions,
    WithPayloadInterface, WithVector,
};
use serde_json::json;

use super::bm25::Sparse;
use super::index::{Filter, Index, IndexError, Indexed};
use crate::clock::Timestamp;
use crate::store::entries::{EntryId, EntryKind, EntryScope, Revision};

/// The vector's name.
const WORDS: &str = "words";
/// Part of the folder's name: changed whenever an older index means something else by its contents.
const FORMAT: &str = "edge-4";
/// What the folders of all formats begin with.
const FORMATS: &str = "edge-";
/// The field by which entries are told apart: whose and of what kind each is. One and not two, since each costs a tenth
/// of indexing.
const GROUP: &str = "group";
/// The field that holds when an entry was remembered, in milliseconds since 1970.
const AT: &str = "at";
/// Says up to which change the shard is complete.
const HELD: &str = "held";
/// Where the shard is.
const SHARD: &str = "shard";
/// How long one file of the shard's log is, in bytes. Nothing is ever read from it.
const LOG_BYTES: usize = 4 * 1024 * 1024;

/// An index in this process. Opened when it is first used; what blocks runs on threads that may block.
#[derive(Clone, Debug)]
pub struct EdgeIndex {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// `None` until it is first used, and after it broke.
    shard: RwLock<Option<EdgeShard>>,
}

impl EdgeIndex {
    /// The index in `folder`, which is made when it is first used.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { inner: Arc::new(Inner { folder: folder.join(FORMAT), shard: RwLock::new(None) }) }
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
    async fn held(&self) -> Result<Option<Revision>, IndexError> {
        self.blocking(|inner| {
            let held = inner.read_held()?;
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
            inner.forget_held()?;
            inner.with_shard(|shard| {
                if !gone.is_empty() {
                    let ids = gone.iter().map(|id| PointId::NumId(id.0)).collect();
                    shard.update(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))?;
                }
                if !added.is_empty() {
                    let points =
                        added.into_iter().map(|entry| point(entry).map(Into::into)).collect::<Result<_, _>>()?;
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
            // Flushing must not meet anybody who reads.
            let slot = inner.shard.write().map_err(poisoned)?;
            if let Some(shard) = slot.as_ref() {
                shard.flush();
            }
            inner.write_held(revision)
        })
        .await
    }

    async fn clear(&self) -> Result<(), IndexError> {
        self.blocking(Inner::clear).await
    }

    async fn search(&self, query: Sparse, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, IndexError> {
        if query.indices.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let filter = edge_filter(filter)?;
        self.blocking(move |inner| {
            inner.with_shard(|shard| {
                let vector = SparseVector { indices: query.indices, values: query.values };
                let nearest = NamedQuery { query: VectorInternal::Sparse(vector), using: Some(WORDS.into()) };
                let found = shard.query(QueryRequest {
                    prefetches: Vec::new(),
                    query: Some(ScoringQuery::Vector(QueryEnum::Nearest(nearest))),
                    filter: Some(filter),
                    score_threshold: None,
                    limit,
                    offset: 0,
                    params: None,
                    with_vector: WithVector::Bool(false),
                    with_payload: WithPayloadInterface::Bool(false),
                })?;
                let hit = |point: qdrant_edge::ScoredPoint| match point.id {
                    PointId::NumId(id) => Some((EntryId(id), point.score)),
                    PointId::Uuid(_) => None,
                };
                Ok(found.into_iter().filter_map(hit).collect())
            })
        })
        .await
    }

    async fn count(&self) -> Result<u64, IndexError> {
        self.blocking(|inner| {
            inner.with_shard(|shard| Ok(shard.count(CountRequest { filter: None, exact: true })? as u64))
        })
        .await
    }
}

impl Inner {
    /// Works with the shard, opening it first if need be. A failure of the library leaves it closed.
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
        if self.read_held()?.is_some() && folder.exists() {
            return EdgeShard::load(&folder, None).map_err(|error| broken(&error));
        }
        remove(&folder)?;
        fs::create_dir_all(&folder).map_err(|error| unavailable("make", &folder, &error))?;
        let shard = EdgeShard::new(&folder, config()).map_err(|error| broken(&error))?;
        for (field, kind) in [(GROUP, PayloadSchemaType::Keyword), (AT, PayloadSchemaType::Integer)] {
            let create =
                CreateIndex { field_name: path(field)?, field_schema: Some(PayloadFieldSchema::FieldType(kind)) };
            let create = UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create));
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
                && let Err(error) = remove(&sibling.path())
            {
                tracing::warn!(%error, "an index in another format stays, and takes up space");
            }
        }
    }

    /// Closes the shard and removes it. A lock that a panic left behind is taken all the same: what it guards goes.
    fn clear(&self) -> Result<(), IndexError> {
        let mut slot = self.shard.write().unwrap_or_else(PoisonError::into_inner);
        self.shard.clear_poison();
        self.forget_held()?;
        close(slot.take());
        remove(&self.folder.join(SHARD))
    }

    fn read_held(&self) -> Result<Option<Revision>, IndexError> {
        let path = self.folder.join(HELD);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok().map(Revision)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable("read", &path, &error)),
        }
    }

    fn forget_held(&self) -> Result<(), IndexError> {
        let path = self.folder.join(HELD);
        match fs::remove_file(&path) {
            // It must be gone before what it speaks for changes.
            Ok(()) => sync_folder(&self.folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unavailable("remove", &path, &error)),
        }
    }

    fn write_held(&self, revision: Revision) -> Result<(), IndexError> {
        let (path, part) = (self.folder.join(HELD), self.folder.join("held.part"));
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = fs::File::create(&part)?;
            writeln!(file, "{}", revision.0)?;
            file.sync_all()?;
            fs::rename(&part, &path)
        };
        write().map_err(|error| unavailable("write", &path, &error))?;
        sync_folder(&self.folder)
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

fn config() -> EdgeConfig {
    EdgeConfigBuilder::new()
        .sparse_vector(WORDS, EdgeSparseVectorParamsBuilder::new().modifier(Modifier::Idf).build())
        .wal_options(WalOptions { segment_capacity: LOG_BYTES, ..WalOptions::default() })
        .build()
}

fn point(entry: Indexed) -> Result<PointStruct, OperationError> {
    let vector = Vector::new_sparse(entry.words.indices, entry.words.values)?;
    let payload = json!({ GROUP: group(&entry.scope, entry.kind), AT: entry.at.0 });
    Ok(PointStruct::new(entry.id.0, Vectors::new_named([(WORDS, vector)]), payload))
}

fn group(scope: &EntryScope, kind: EntryKind) -> String {
    format!("{}:{scope}", kind.as_str())
}

fn edge_filter(filter: &Filter) -> Result<EdgeFilter, IndexError> {
    let kinds = filter.wanted_kinds();
    let groups: Vec<String> =
        filter.scopes.iter().flat_map(|scope| kinds.iter().map(move |kind| group(scope, *kind))).collect();
    let mut wanted = vec![Condition::Field(FieldCondition::new_match(path(GROUP)?, Match::from(groups)))];
    if filter.since.is_some() || filter.before.is_some() {
        #[allow(clippy::cast_precision_loss, reason = "exact for 280,000 years")]
        let bound = |time: Option<Timestamp>| time.map(|time| (time.0 as f64).into());
        let times = Range { gte: bound(filter.since), lt: bound(filter.before), gt: None, lte: None };
        wanted.push(Condition::Field(FieldCondition::new_range(path(AT)?, times)));
    }
    Ok(EdgeFilter { must: Some(wanted), ..EdgeFilter::new() })
}

fn path(field: &str) -> Result<JsonPath, IndexError> {
    JsonPath::from_str(field).map_err(|()| IndexError::Broken(format!("`{field}` is no path")))
}

fn remove(folder: &Path) -> Result<(), IndexError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable("remove", folder, &error)),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), IndexError> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unavailable("flush", folder, &error))
}

fn broken(error: &OperationError) -> IndexError {
    IndexError::Broken(error.to_string())
}

fn poisoned<T>(_: PoisonError<T>) -> IndexError {
    IndexError::Broken("it stopped in the middle of a change".to_owned())
}

fn unavailable(what: &str, path: &Path, error: &io::Error) -> IndexError {
    IndexError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}
