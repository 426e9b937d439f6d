//! What the library is asked, in its own words.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use qdrant_edge::external::serde_json::{from_value, json};
use qdrant_edge::{
    Condition, CreateIndex, CreateVectorName, DeleteVectorName, EdgeConfig, EdgeConfigBuilder, EdgeOptimizersConfig,
    EdgeSparseVectorParamsBuilder, FieldCondition, FieldIndexOperations, Filter as EdgeFilter, HasVectorCondition,
    HnswIndexConfig, JsonPath, Match, Modifier, NamedQuery, OperationError, PayloadFieldSchema, PayloadSchemaType,
    PointId, PointStruct, PointStructPersisted, PointVectorsPersisted, QuantizationConfig, QueryEnum, QueryRequest,
    Range, ScalarQuantizationConfig, ScalarType, ScoringQuery, ScrollRequest, SparseVector, UpdateOperation,
    UpdateVectorsOp, Vector, VectorInternal, VectorOperations, VectorPersisted, VectorStructPersisted, Vectors,
    WalOptions, WithPayloadInterface, WithVector,
};

use crate::clock::Timestamp;
use crate::memory::index::{Filter, IndexError, Indexed, Meaning, Query, WORDS};
use crate::store::entries::{EntryId, EntryKind, EntryScope};

/// The field by which entries are told apart: whose and of what kind each is. One and not two, since each costs a tenth
/// of indexing.
const GROUP: &str = "group";
/// The field that holds when an entry was remembered, in milliseconds since 1970.
const AT: &str = "at";
/// How long one file of the shard's log is, in bytes. Nothing is ever read from it.
const LOG_BYTES: usize = 4 * 1024 * 1024;
/// From which size on a segment is made one that is only read, in KiB of its vectors.
const LARGE_KIB: usize = 256;
/// How many segments there should be. Each costs a little at every search, and merging costs at every tidying.
const SEGMENTS: usize = 4;

pub(super) fn config() -> EdgeConfig {
    EdgeConfigBuilder::new()
        .sparse_vector(WORDS, EdgeSparseVectorParamsBuilder::new().modifier(Modifier::Idf).build())
        // No graph of neighbours: building one takes minutes of all cores for 100,000 entries, while a scan of vectors of a
        // byte a number takes milliseconds.
        .hnsw_config(HnswIndexConfig {
            m: 0,
            payload_m: Some(0),
            ef_construct: 100,
            full_scan_threshold: 10_000,
            max_indexing_threads: 1,
            on_disk: None,
            inline_storage: None,
        })
        .quantization_config(QuantizationConfig::from(ScalarQuantizationConfig {
            r#type: ScalarType::Int8,
            quantile: Some(0.99),
            always_ram: Some(true),
        }))
        .wal_options(WalOptions { segment_capacity: LOG_BYTES, ..WalOptions::default() })
        .optimizers(EdgeOptimizersConfig {
            indexing_threshold: Some(LARGE_KIB),
            default_segment_number: Some(SEGMENTS),
            ..EdgeOptimizersConfig::default()
        })
        .build()
}

/// What makes the fields ones that can be filtered by.
pub(super) fn fields() -> Result<[UpdateOperation; 2], IndexError> {
    let create = |field: &str, kind| {
        let field_schema = Some(PayloadFieldSchema::FieldType(kind));
        let create = CreateIndex { field_name: path(field)?, field_schema };
        Ok(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create)))
    };
    Ok([create(GROUP, PayloadSchemaType::Keyword)?, create(AT, PayloadSchemaType::Integer)?])
}

pub(super) fn point(entry: Indexed) -> Result<PointStructPersisted, OperationError> {
    let vector = Vector::new_sparse(entry.words.indices, entry.words.values)?;
    let payload = json!({ GROUP: group(&entry.scope, entry.kind), AT: entry.at.0 });
    Ok(PointStruct::new(entry.id.0, Vectors::new_named([(WORDS, vector)]), payload).into())
}

pub(super) fn point_id(id: EntryId) -> PointId {
    PointId::NumId(id.0)
}

/// The entry of a point.
pub(super) fn number(id: PointId) -> Option<EntryId> {
    match id {
        PointId::NumId(id) => Some(EntryId(id)),
        PointId::Uuid(_) => None,
    }
}

fn group(scope: &EntryScope, kind: EntryKind) -> String {
    format!("{}:{scope}", kind.as_str())
}

pub(super) fn filter(filter: &Filter) -> Result<EdgeFilter, IndexError> {
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

pub(super) fn lacking(meaning: &Meaning) -> EdgeFilter {
    let has = Condition::HasVector(HasVectorCondition::from(meaning.vector_name()));
    EdgeFilter { must_not: Some(vec![has]), ..EdgeFilter::new() }
}

pub(super) fn nearest(query: Query, filter: EdgeFilter, limit: usize) -> QueryRequest {
    let nearest = match query {
        Query::Words(words) => {
            let words = SparseVector { indices: words.indices, values: words.values };
            NamedQuery { query: VectorInternal::Sparse(words), using: Some(WORDS.to_owned()) }
        }
        Query::Meaning(meaning, vector) => {
            NamedQuery { query: VectorInternal::Dense(vector), using: Some(meaning.vector_name()) }
        }
    };
    QueryRequest {
        prefetches: Vec::new(),
        query: Some(ScoringQuery::Vector(QueryEnum::Nearest(nearest))),
        filter: Some(filter),
        score_threshold: None,
        limit,
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    }
}

pub(super) fn page(meaning: Option<&Meaning>, after: Option<EntryId>, limit: usize) -> ScrollRequest {
    ScrollRequest {
        offset: after.map(|id| point_id(EntryId(id.0.saturating_add(1)))),
        limit: Some(limit.max(1)),
        filter: meaning.map(lacking),
        with_payload: Some(WithPayloadInterface::Bool(false)),
        with_vector: WithVector::Bool(false),
        order_by: None,
    }
}

pub(super) fn create_meaning(meaning: &Meaning) -> Result<CreateVectorName, IndexError> {
    let config = json!({ "dense": { "size": meaning.dimensions, "distance": "Cosine" } });
    let config = from_value(config).map_err(|error| IndexError::Broken(error.to_string()))?;
    Ok(CreateVectorName { vector_name: meaning.vector_name(), config })
}

pub(super) fn delete_meaning(meaning: &Meaning) -> DeleteVectorName {
    DeleteVectorName { vector_name: meaning.vector_name() }
}

/// The vectors of those entries that are held; `None` if none is.
pub(super) fn give_meaning(
    name: &str,
    vectors: Vec<(EntryId, Vec<f32>)>,
    held: &HashSet<EntryId>,
) -> Option<VectorOperations> {
    let given = |(id, vector): (EntryId, Vec<f32>)| {
        let named = HashMap::from([(name.to_owned(), VectorPersisted::Dense(vector))]);
        PointVectorsPersisted { id: point_id(id), vector: VectorStructPersisted::Named(named) }
    };
    let points: Vec<_> = vectors.into_iter().filter(|(id, _)| held.contains(id)).map(given).collect();
    (!points.is_empty()).then_some(VectorOperations::UpdateVectors(UpdateVectorsOp { points, update_filter: None }))
}

fn path(field: &str) -> Result<JsonPath, IndexError> {
    JsonPath::from_str(field).map_err(|()| IndexError::Broken(format!("`{field}` is no path")))
}
