//! What is done with points.

use std::sync::Arc;

use futures::future::BoxFuture;
use qdrant_client::qdrant::create_vector_name_request::VectorConfig;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::{self, FieldType, vector_input};
use qdrant_edge::external::serde_json::{from_value, json};
use qdrant_edge::{
    CountRequest, CreateIndex, CreateVectorName, DeleteVectorName, EdgeShard, FieldIndexOperations, NamedQuery,
    OperationError, PayloadFieldSchema, PayloadSchemaType, PointInsertOperations, PointOperations,
    PointVectorsPersisted, QueryEnum, QueryRequest, ScoringQuery, ScrollRequest, SparseVector, UpdateOperation,
    UpdateVectorsOp, VectorInternal, VectorNameOperations, VectorOperations, VectorStructPersisted,
    WithPayloadInterface, WithVector,
};
use tonic::{Request, Response, Status};

use super::{Served, convert};

pub(super) struct Service(pub(super) Arc<Served>);

impl Service {
    async fn look<T: Send + 'static>(
        &self,
        collection: &str,
        work: impl FnOnce(&EdgeShard) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, Status> {
        let collection = self.0.collection(collection)?;
        let done = tokio::task::spawn_blocking(move || work(&collection.shard)).await;
        done.map_err(|error| Status::internal(error.to_string()))?.map_err(convert::wrong)
    }

    async fn change(
        &self,
        collection: &str,
        update: UpdateOperation,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.look(collection, move |shard| shard.update(update)).await?;
        Ok(Response::new(qdrant::PointsOperationResponse::default()))
    }
}

/// Answers what the index never asks.
macro_rules! unserved {
    ($($name:ident($request:ident) -> $response:ident;)*) => {
        $(
            fn $name<'life, 'answer>(
                &'life self,
                _: Request<qdrant::$request>,
            ) -> BoxFuture<'answer, Result<Response<qdrant::$response>, Status>>
            where
                'life: 'answer,
                Self: 'answer,
            {
                Box::pin(async { Err(Status::unimplemented(stringify!($name))) })
            }
        )*
    };
}

#[async_trait::async_trait]
impl Points for Service {
    async fn upsert(
        &self,
        request: Request<qdrant::UpsertPoints>,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let points = request.points.into_iter().map(convert::point).collect::<Result<_, _>>()?;
        let upsert = PointOperations::UpsertPoints(PointInsertOperations::PointsList(points));
        self.change(&request.collection_name, UpdateOperation::PointOperation(upsert)).await
    }

    async fn delete(
        &self,
        request: Request<qdrant::DeletePoints>,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let delete = match request.points.and_then(|points| points.points_selector_one_of) {
            Some(PointsSelectorOneOf::Points(list)) => PointOperations::DeletePoints {
                ids: list.ids.into_iter().map(|id| convert::id(Some(id))).collect::<Result<_, _>>()?,
            },
            Some(PointsSelectorOneOf::Filter(wanted)) => PointOperations::DeletePointsByFilter(
                convert::filter(Some(wanted))?.ok_or_else(|| convert::wrong("no filter"))?,
            ),
            None => return Err(convert::wrong("nothing is selected")),
        };
        self.change(&request.collection_name, UpdateOperation::PointOperation(delete)).await
    }

    async fn get(&self, request: Request<qdrant::GetPoints>) -> Result<Response<qdrant::GetResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let ids: Vec<_> = request.ids.into_iter().map(|id| convert::id(Some(id))).collect::<Result<_, _>>()?;
        let found = self.look(&request.collection_name, move |shard| {
            shard.retrieve(&ids, Some(WithPayloadInterface::Bool(true)), None)
        });
        let result = found.await?.into_iter().map(convert::retrieved).collect();
        Ok(Response::new(qdrant::GetResponse { result, ..Default::default() }))
    }

    async fn update_vectors(
        &self,
        request: Request<qdrant::UpdatePointVectors>,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let points = request.points.into_iter().map(|point| {
            let vector = VectorStructPersisted::Named(convert::named(point.vectors)?);
            Ok(PointVectorsPersisted { id: convert::id(point.id)?, vector })
        });
        let points = points.collect::<Result<_, Status>>()?;
        let update = VectorOperations::UpdateVectors(UpdateVectorsOp { points, update_filter: None });
        self.change(&request.collection_name, UpdateOperation::VectorOperation(update)).await
    }

    async fn delete_vectors(
        &self,
        request: Request<qdrant::DeletePointVectors>,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let selected = request.points_selector.and_then(|points| points.points_selector_one_of);
        let Some(PointsSelectorOneOf::Filter(wanted)) = selected else {
            return Err(convert::wrong("only points that fit a filter are served here"));
        };
        let wanted = convert::filter(Some(wanted))?.ok_or_else(|| convert::wrong("no filter"))?;
        let names = request.vectors.map(|vectors| vectors.names).unwrap_or_default();
        let delete = VectorOperations::DeleteVectorsByFilter(wanted, names);
        self.change(&request.collection_name, UpdateOperation::VectorOperation(delete)).await
    }

    async fn create_field_index(
        &self,
        request: Request<qdrant::CreateFieldIndexCollection>,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let kind = match request.field_type() {
            FieldType::Keyword => PayloadSchemaType::Keyword,
            FieldType::Integer => PayloadSchemaType::Integer,
            _ => return Err(convert::wrong("another type of field")),
        };
        let create = CreateIndex {
            field_name: request.field_name.parse().map_err(|()| convert::wrong("no field"))?,
            field_schema: Some(PayloadFieldSchema::FieldType(kind)),
        };
        let create = UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create));
        self.change(&request.collection_name, create).await
    }

    async fn create_vector_name(
        &self,
        request: Request<qdrant::CreateVectorNameRequest>,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let Some(VectorConfig::DenseConfig(dense)) = request.vector_config else {
            return Err(convert::wrong("only dense vectors are served here"));
        };
        let config = json!({ "dense": { "size": dense.size, "distance": "Cosine" } });
        let create =
            CreateVectorName { vector_name: request.vector_name, config: from_value(config).map_err(convert::wrong)? };
        let create = UpdateOperation::VectorNameOperation(VectorNameOperations::CreateVectorName(create));
        self.change(&request.collection_name, create).await
    }

    async fn delete_vector_name(
        &self,
        request: Request<qdrant::DeleteVectorNameRequest>,
    ) -> Result<Response<qdrant::PointsOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let delete = VectorNameOperations::DeleteVectorName(DeleteVectorName { vector_name: request.vector_name });
        self.change(&request.collection_name, UpdateOperation::VectorNameOperation(delete)).await
    }

    async fn scroll(&self, request: Request<qdrant::ScrollPoints>) -> Result<Response<qdrant::ScrollResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let page = ScrollRequest {
            offset: request.offset.map(|id| convert::id(Some(id))).transpose()?,
            limit: request.limit.map(|limit| limit as usize),
            filter: convert::filter(request.filter)?,
            with_payload: Some(WithPayloadInterface::Bool(false)),
            with_vector: WithVector::Bool(false),
            order_by: None,
        };
        let (found, next) = self.look(&request.collection_name, move |shard| shard.scroll(page)).await?;
        let result = found.into_iter().map(convert::retrieved).collect();
        let next_page_offset = next.map(convert::id_back);
        Ok(Response::new(qdrant::ScrollResponse { next_page_offset, result, ..Default::default() }))
    }

    async fn count(&self, request: Request<qdrant::CountPoints>) -> Result<Response<qdrant::CountResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let filter = convert::filter(request.filter)?;
        let counted =
            self.look(&request.collection_name, move |shard| shard.count(CountRequest { filter, exact: true }));
        let result = Some(qdrant::CountResult { count: counted.await? as u64 });
        Ok(Response::new(qdrant::CountResponse { result, ..Default::default() }))
    }

    async fn query(&self, request: Request<qdrant::QueryPoints>) -> Result<Response<qdrant::QueryResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let Some(Variant::Nearest(input)) = request.query.and_then(|query| query.variant) else {
            return Err(convert::wrong("only the nearest are served here"));
        };
        let vector = match input.variant {
            Some(vector_input::Variant::Dense(dense)) => VectorInternal::Dense(dense.data),
            Some(vector_input::Variant::Sparse(sparse)) => {
                VectorInternal::Sparse(SparseVector { indices: sparse.indices, values: sparse.values })
            }
            _ => return Err(convert::wrong("another kind of vector")),
        };
        let nearest = NamedQuery { query: vector, using: request.using };
        let query = QueryRequest {
            prefetches: Vec::new(),
            query: Some(ScoringQuery::Vector(QueryEnum::Nearest(nearest))),
            filter: convert::filter(request.filter)?,
            score_threshold: None,
            limit: usize::try_from(request.limit.unwrap_or(10)).unwrap(),
            offset: 0,
            params: None,
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(false),
        };
        let found = self.look(&request.collection_name, move |shard| shard.query(query)).await?;
        let scored = |point: qdrant_edge::ScoredPoint| qdrant::ScoredPoint {
            id: Some(convert::id_back(point.id)),
            score: point.score,
            ..Default::default()
        };
        let result = found.into_iter().map(scored).collect();
        Ok(Response::new(qdrant::QueryResponse { result, ..Default::default() }))
    }

    unserved! {
        set_payload(SetPayloadPoints) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
        query_batch(QueryBatchPoints) -> QueryBatchResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}
