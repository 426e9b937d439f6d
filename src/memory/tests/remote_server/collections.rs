//! What is done with collections.

use std::sync::Arc;

use futures::future::BoxFuture;
use qdrant_client::qdrant;
use qdrant_client::qdrant::collections_server::Collections;
use qdrant_edge::{EdgeConfigBuilder, EdgeShard, EdgeSparseVectorParamsBuilder, EdgeVectorParams, Modifier};
use tonic::{Request, Response, Status};

use super::{Collection, Served};

pub(super) struct Service(pub(super) Arc<Served>);

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
impl Collections for Service {
    async fn get(
        &self,
        request: Request<qdrant::GetCollectionInfoRequest>,
    ) -> Result<Response<qdrant::GetCollectionInfoResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let collection = self.0.collection(&request.collection_name)?;
        let dense = |(name, params): (&String, &EdgeVectorParams)| {
            (name.clone(), qdrant::VectorParams { size: params.size as u64, ..Default::default() })
        };
        let config = collection.shard.config();
        let map = config.vectors.iter().map(dense).collect();
        let sparse =
            config.sparse_vectors.keys().map(|name| (name.clone(), qdrant::SparseVectorParams::default())).collect();
        let params = qdrant::CollectionParams {
            vectors_config: Some(qdrant::VectorsConfig {
                config: Some(qdrant::vectors_config::Config::ParamsMap(qdrant::VectorParamsMap { map })),
            }),
            sparse_vectors_config: Some(qdrant::SparseVectorConfig { map: sparse }),
            ..Default::default()
        };
        let config = qdrant::CollectionConfig { params: Some(params), ..Default::default() };
        let info = qdrant::CollectionInfo { config: Some(config), ..Default::default() };
        Ok(Response::new(qdrant::GetCollectionInfoResponse { result: Some(info), ..Default::default() }))
    }

    async fn create(
        &self,
        request: Request<qdrant::CreateCollection>,
    ) -> Result<Response<qdrant::CollectionOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let folder = self.0.folder.path().join(&request.collection_name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut config = EdgeConfigBuilder::new();
        for (name, params) in request.sparse_vectors_config.map(|sparse| sparse.map).unwrap_or_default() {
            let idf = params.modifier() == qdrant::Modifier::Idf;
            let params =
                EdgeSparseVectorParamsBuilder::new().modifier(if idf { Modifier::Idf } else { Modifier::None });
            config = config.sparse_vector(name, params.build());
        }
        let shard = EdgeShard::new(&folder, config.build()).map_err(super::convert::wrong)?;
        let collection = Arc::new(Collection { shard });
        self.0.collections.lock().unwrap().insert(request.collection_name, collection);
        Ok(Response::new(qdrant::CollectionOperationResponse { result: true, ..Default::default() }))
    }

    async fn delete(
        &self,
        request: Request<qdrant::DeleteCollection>,
    ) -> Result<Response<qdrant::CollectionOperationResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let result = self.0.collections.lock().unwrap().remove(&request.collection_name).is_some();
        Ok(Response::new(qdrant::CollectionOperationResponse { result, ..Default::default() }))
    }

    async fn collection_exists(
        &self,
        request: Request<qdrant::CollectionExistsRequest>,
    ) -> Result<Response<qdrant::CollectionExistsResponse>, Status> {
        self.0.before().await?;
        let request = request.into_inner();
        let exists = self.0.collections.lock().unwrap().contains_key(&request.collection_name);
        let result = Some(qdrant::CollectionExists { exists });
        Ok(Response::new(qdrant::CollectionExistsResponse { result, ..Default::default() }))
    }

    unserved! {
        list(ListCollectionsRequest) -> ListCollectionsResponse;
        update(UpdateCollection) -> CollectionOperationResponse;
        update_aliases(ChangeAliases) -> CollectionOperationResponse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}
