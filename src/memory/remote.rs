//! An index on a Qdrant server or cluster: a collection for each deployment, in which a workspace is a tenant.
//!
//! Entries are points whose number is made of the workspace and the entry's id, so that they stand in the order of
//! their ids. One more point for each workspace says up to which change the index is complete. Whatever is written is
//! waited for.

mod request;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use qdrant_client::Qdrant;
use qdrant_client::qdrant::{
    CountPointsBuilder, CreateCollectionBuilder, CreateVectorNameRequestBuilder, DeletePointVectorsBuilder,
    DeletePointsBuilder, DeleteVectorNameRequestBuilder, DenseVectorCreationConfigBuilder, Distance, Filter as Wanted,
    GetPointsBuilder, Modifier, QueryPointsBuilder, ScrollPointsBuilder, SparseVectorParamsBuilder,
    SparseVectorsConfigBuilder, UpdatePointVectorsBuilder, UpsertPointsBuilder, VectorsSelector, value, vectors_config,
};

use super::index::{Filter, Held, Index, IndexError, Indexed, Meaning, Query, WORDS};
use crate::store::entries::{EntryId, Revision};
use request::{Points, entry_of};
use wire::Wire;

/// How many points travel in one request.
const BATCH: usize = 256;

/// Where the server is.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Its gRPC address; with `https` it is spoken to over TLS.
    pub url: String,
    /// The key that it wants.
    pub key: Option<secrecy::SecretString>,
    /// The collection, which belongs to one data folder.
    pub collection: String,
    /// The longest wait for one answer.
    pub timeout: Duration,
}

/// An index on a server. Nothing is asked of it before it is first used.
#[derive(Debug)]
pub struct RemoteIndex {
    wire: Wire,
    collection: String,
    points: Points,
    /// Whether the collection is known to be there.
    ready: AtomicBool,
}

impl RemoteIndex {
    /// The index of a workspace.
    ///
    /// # Errors
    /// [`IndexError::Unavailable`] if the address or the key can never be right.
    pub fn new(settings: &RemoteSettings, workspace: &str) -> Result<Self, IndexError> {
        Ok(Self {
            wire: Wire::new(settings)?,
            collection: settings.collection.clone(),
            points: Points::of(workspace),
            ready: AtomicBool::new(false),
        })
    }

    /// Makes the collection if it is not there, and looks whether it is one of ours if it is.
    async fn ready(&self) -> Result<&Qdrant, IndexError> {
        if !self.ready.load(Ordering::Acquire) {
            self.make_ready().await?;
            self.ready.store(true, Ordering::Release);
        }
        Ok(self.wire.client())
    }

    async fn make_ready(&self) -> Result<(), IndexError> {
        let (wire, collection) = (&self.wire, &self.collection);
        let client = wire.client();
        if !wire.ask(|| client.collection_exists(collection.clone())).await? {
            let mut sparse = SparseVectorsConfigBuilder::default();
            sparse.add_named_vector_params(WORDS, SparseVectorParamsBuilder::default().modifier(Modifier::Idf));
            let create = CreateCollectionBuilder::new(collection.clone()).sparse_vectors_config(sparse).build();
            let made = wire.ask(|| client.create_collection(create.clone())).await;
            // Somebody else may have made it just now.
            if made.is_err() && !wire.ask(|| client.collection_exists(collection.clone())).await? {
                made?;
            }
        }
        let info = wire.ask(|| client.collection_info(collection.clone())).await?;
        let params = info.result.and_then(|info| info.config).and_then(|config| config.params);
        let sparse = params.and_then(|params| params.sparse_vectors_config);
        if !sparse.is_some_and(|sparse| sparse.map.contains_key(WORDS)) {
            return Err(IndexError::Unavailable(format!(
                "the collection `{collection}` is none of Callboard's, it has no sparse vectors `{WORDS}`; set another \
                 one as memory.remote.collection"
            )));
        }
        for field in request::fields(collection) {
            wire.ask(|| client.create_field_index(field.clone())).await?;
        }
        Ok(())
    }

    /// Whether an entry of the workspace, or of all, has a vector of this name.
    async fn has_any(&self, wanted: Wanted) -> Result<bool, IndexError> {
        let client = self.ready().await?;
        let scroll = ScrollPointsBuilder::new(&self.collection).filter(wanted).limit(1).with_payload(false).build();
        Ok(!self.wire.ask(|| client.scroll(scroll.clone())).await?.result.is_empty())
    }

    /// The meanings that the collection has room for, whoever uses them.
    async fn rooms(&self) -> Result<Vec<Meaning>, IndexError> {
        let client = self.ready().await?;
        let info = self.wire.ask(|| client.collection_info(self.collection.clone())).await?;
        let params = info.result.and_then(|info| info.config).and_then(|config| config.params);
        let config = params.and_then(|params| params.vectors_config).and_then(|vectors| vectors.config);
        let Some(vectors_config::Config::ParamsMap(vectors)) = config else { return Ok(Vec::new()) };
        let mut rooms: Vec<Meaning> = vectors.map.keys().filter_map(|name| Meaning::of_vector_name(name)).collect();
        rooms.sort_by(|one, other| one.embedder.cmp(&other.embedder));
        Ok(rooms)
    }
}

#[async_trait]
impl Index for RemoteIndex {
    async fn held(&self) -> Result<Option<Held>, IndexError> {
        let client = self.ready().await?;
        let get = GetPointsBuilder::new(&self.collection, [self.points.state()]).with_payload(true).build();
        let found = self.wire.ask(|| client.get_points(get.clone())).await?.result;
        let held = found.first().and_then(|point| point.payload.get(request::HELD));
        Ok(match held.and_then(|held| held.kind.as_ref()) {
            Some(value::Kind::IntegerValue(revision)) => {
                u64::try_from(*revision).ok().map(|revision| Held { revision: Revision(revision), interrupted: false })
            }
            _ => None,
        })
    }

    async fn apply(&self, added: Vec<Indexed>, gone: Vec<EntryId>) -> Result<(), IndexError> {
        let client = self.ready().await?;
        for ids in gone.chunks(BATCH) {
            let ids = ids.iter().map(|id| self.points.id(*id)).collect::<Result<Vec<_>, _>>()?;
            let delete = DeletePointsBuilder::new(&self.collection).points(ids).wait(true).build();
            self.wire.ask(|| client.delete_points(delete.clone())).await?;
        }
        for entries in added.chunks(BATCH) {
            let points = entries.iter().map(|entry| self.points.point(entry)).collect::<Result<Vec<_>, _>>()?;
            let upsert = UpsertPointsBuilder::new(&self.collection, points).wait(true).build();
            self.wire.ask(|| client.upsert_points(upsert.clone())).await?;
        }
        Ok(())
    }

    async fn commit(&self, revision: Revision) -> Result<(), IndexError> {
        let client = self.ready().await?;
        let state = self.points.state_point(revision);
        let upsert = UpsertPointsBuilder::new(&self.collection, vec![state]).wait(true).build();
        self.wire.ask(|| client.upsert_points(upsert.clone())).await.map(drop)
    }

    async fn clear(&self) -> Result<(), IndexError> {
        // The collection itself may be gone.
        self.ready.store(false, Ordering::Release);
        let client = self.ready().await?;
        let state = DeletePointsBuilder::new(&self.collection).points([self.points.state()]).wait(true).build();
        self.wire.ask(|| client.delete_points(state.clone())).await?;
        let all = DeletePointsBuilder::new(&self.collection).points(self.points.all()).wait(true).build();
        self.wire.ask(|| client.delete_points(all.clone())).await.map(drop)
    }

    async fn search(&self, query: Query, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, IndexError> {
        let nothing = match &query {
            Query::Words(words) => words.indices.is_empty(),
            Query::Meaning(meaning, _) => !self.rooms().await?.contains(meaning),
        };
        if nothing || limit == 0 || filter.scopes.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.ready().await?;
        let query = QueryPointsBuilder::new(&self.collection)
            .using(request::using(&query))
            .query(request::nearest(query))
            .filter(self.points.fitting(filter))
            .params(self.points.params())
            .limit(limit as u64)
            .with_payload(false)
            .build();
        let found = self.wire.ask(|| client.query(query.clone())).await?.result;
        Ok(found.into_iter().filter_map(|point| Some((entry_of(point.id)?, point.score))).collect())
    }

    async fn count(&self, lacking: Option<&Meaning>) -> Result<u64, IndexError> {
        let client = self.ready().await?;
        let wanted = self.points.lacking(lacking);
        let count = CountPointsBuilder::new(&self.collection).filter(wanted).exact(true).build();
        let counted = self.wire.ask(|| client.count(count.clone())).await?;
        Ok(counted.result.map_or(0, |result| result.count))
    }

    async fn page(
        &self,
        lacking: Option<&Meaning>,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>, IndexError> {
        let client = self.ready().await?;
        let from = EntryId(after.map_or(0, |id| id.0.saturating_add(1)));
        let scroll = ScrollPointsBuilder::new(&self.collection)
            .filter(self.points.lacking(lacking))
            .offset(self.points.id(from)?)
            .limit(u32::try_from(limit.max(1)).unwrap_or(u32::MAX))
            .with_payload(false)
            .build();
        let found = self.wire.ask(|| client.scroll(scroll.clone())).await?.result;
        Ok(found.into_iter().filter_map(|point| entry_of(point.id)).collect())
    }

    async fn meanings(&self) -> Result<Vec<Meaning>, IndexError> {
        let mut meanings = Vec::new();
        for meaning in self.rooms().await? {
            if self.has_any(self.points.having(&meaning)).await? {
                meanings.push(meaning);
            }
        }
        Ok(meanings)
    }

    async fn add_meaning(&self, meaning: &Meaning) -> Result<(), IndexError> {
        if self.rooms().await?.contains(meaning) {
            return Ok(());
        }
        let client = self.ready().await?;
        let config = DenseVectorCreationConfigBuilder::new(meaning.dimensions as u64, Distance::Cosine).build();
        let create =
            CreateVectorNameRequestBuilder::new(&self.collection, meaning.vector_name(), config).wait(true).build();
        self.wire.ask(|| client.create_vector_name(create.clone())).await.map(drop)
    }

    async fn drop_meaning(&self, meaning: &Meaning) -> Result<(), IndexError> {
        if !self.rooms().await?.contains(meaning) {
            return Ok(());
        }
        let client = self.ready().await?;
        let names = VectorsSelector { names: vec![meaning.vector_name()] };
        let delete = DeletePointVectorsBuilder::new(&self.collection)
            .points_selector(self.points.all())
            .vectors(names)
            .wait(true)
            .build();
        self.wire.ask(|| client.delete_vectors(delete.clone())).await?;
        // Other workspaces may still be answered by them.
        if self.has_any(request::having(meaning)).await? {
            return Ok(());
        }
        let delete = DeleteVectorNameRequestBuilder::new(&self.collection, meaning.vector_name()).wait(true).build();
        self.wire.ask(|| client.delete_vector_name(delete.clone())).await.map(drop)
    }

    async fn give_meaning(&self, meaning: &Meaning, vectors: Vec<(EntryId, Vec<f32>)>) -> Result<(), IndexError> {
        let client = self.ready().await?;
        for batch in vectors.chunks(BATCH) {
            let ids = batch.iter().map(|(id, _)| self.points.id(*id)).collect::<Result<Vec<_>, _>>()?;
            let get = GetPointsBuilder::new(&self.collection, ids).with_payload(false).build();
            let held = self.wire.ask(|| client.get_points(get.clone())).await?.result;
            let held = held.into_iter().filter_map(|point| entry_of(point.id)).collect();
            let points = self.points.vectors(meaning, batch, &held)?;
            if !points.is_empty() {
                let update = UpdatePointVectorsBuilder::new(&self.collection, points).wait(true).build();
                self.wire.ask(|| client.update_vectors(update.clone())).await?;
            }
        }
        Ok(())
    }
}
