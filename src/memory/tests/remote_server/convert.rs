//! Between Qdrant's wire and `qdrant-edge`.

use std::collections::HashMap;

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{
    Condition, Filter, Match, NamedVectors, PointId, PointStruct, RetrievedPoint, Value, Vectors, condition, r#match,
    value, vector, vectors,
};
use qdrant_edge::external::serde_json::{self, from_value, json};
use qdrant_edge::{PointStructPersisted, Record, SparseVector, VectorPersisted, VectorStructPersisted};
use tonic::Status;

pub(super) fn wrong(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}

pub(super) fn id(id: Option<PointId>) -> Result<qdrant_edge::PointId, Status> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Num(number)) => Ok(qdrant_edge::PointId::NumId(number)),
        _ => Err(wrong("no number for a point")),
    }
}

pub(super) fn id_back(id: qdrant_edge::PointId) -> PointId {
    match id {
        qdrant_edge::PointId::NumId(number) => PointId::from(number),
        qdrant_edge::PointId::Uuid(uuid) => PointId::from(uuid.to_string()),
    }
}

pub(super) fn named(vectors: Option<Vectors>) -> Result<HashMap<String, VectorPersisted>, Status> {
    let Some(vectors::VectorsOptions::Vectors(NamedVectors { vectors })) = vectors.and_then(|it| it.vectors_options)
    else {
        return Err(wrong("vectors without names"));
    };
    vectors
        .into_iter()
        .map(|(name, vector)| {
            let vector = match vector.vector {
                Some(vector::Vector::Dense(dense)) => VectorPersisted::Dense(dense.data),
                Some(vector::Vector::Sparse(sparse)) => {
                    VectorPersisted::Sparse(SparseVector { indices: sparse.indices, values: sparse.values })
                }
                _ => return Err(wrong("another kind of vector")),
            };
            Ok((name, vector))
        })
        .collect()
}

pub(super) fn point(point: PointStruct) -> Result<PointStructPersisted, Status> {
    let payload: serde_json::Map<_, _> =
        point.payload.into_iter().map(|(name, value)| Ok((name, json_of(value)?))).collect::<Result<_, Status>>()?;
    Ok(PointStructPersisted {
        id: id(point.id)?,
        vector: VectorStructPersisted::Named(named(point.vectors)?),
        payload: Some(from_value(payload.into()).map_err(wrong)?),
    })
}

fn json_of(value: Value) -> Result<serde_json::Value, Status> {
    match value.kind {
        Some(value::Kind::StringValue(text)) => Ok(json!(text)),
        Some(value::Kind::IntegerValue(number)) => Ok(json!(number)),
        other => Err(wrong(format!("a payload of {other:?}"))),
    }
}

pub(super) fn retrieved(record: Record) -> RetrievedPoint {
    let payload = record.payload.map(|payload| serde_json::to_value(payload).unwrap());
    let payload = payload.as_ref().and_then(serde_json::Value::as_object).into_iter().flatten();
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Number(number) => Value::from(number.as_i64().unwrap()),
        other => Value::from(other.as_str().unwrap_or_default()),
    };
    let payload = payload.map(|(name, held)| (name.clone(), value(held))).collect();
    RetrievedPoint { id: Some(id_back(record.id)), payload, ..RetrievedPoint::default() }
}

pub(super) fn filter(filter: Option<Filter>) -> Result<Option<qdrant_edge::Filter>, Status> {
    let Some(Filter { must, must_not, should, min_should }) = filter else { return Ok(None) };
    if !should.is_empty() || min_should.is_some() {
        return Err(wrong("`should` is not served here"));
    }
    let all = |conditions: Vec<Condition>| conditions.into_iter().map(condition).collect::<Result<Vec<_>, _>>();
    let filter = json!({ "must": all(must)?, "must_not": all(must_not)? });
    from_value(filter).map(Some).map_err(wrong)
}

fn condition(condition: Condition) -> Result<serde_json::Value, Status> {
    match condition.condition_one_of {
        Some(condition::ConditionOneOf::HasVector(has)) => Ok(json!({ "has_vector": has.has_vector })),
        Some(condition::ConditionOneOf::Field(field)) => {
            if let Some(range) = field.range {
                return Ok(json!({ "key": field.key, "range": { "gte": range.gte, "lt": range.lt } }));
            }
            match field.r#match {
                Some(Match { match_value: Some(r#match::MatchValue::Keyword(keyword)) }) => {
                    Ok(json!({ "key": field.key, "match": { "value": keyword } }))
                }
                Some(Match { match_value: Some(r#match::MatchValue::Keywords(keywords)) }) => {
                    Ok(json!({ "key": field.key, "match": { "any": keywords.strings } }))
                }
                other => Err(wrong(format!("a match of {other:?}"))),
            }
        }
        other => Err(wrong(format!("a condition of {other:?}"))),
    }
}
