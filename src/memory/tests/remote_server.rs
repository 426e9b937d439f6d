//! A server that speaks Qdrant's gRPC, with qdrant-client's generated traits, over `qdrant-edge`: what the remote index
//! is tested against. `QDRANT_URL` (and `QDRANT_API_KEY`) have the same suite run against a real one.

mod collections;
mod convert;
mod points;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_edge::EdgeShard;
use tempfile::TempDir;
use tonic::{Request, Status};

use super::index::Backend;
use crate::memory::index::Index;
use crate::memory::{RemoteIndex, RemoteSettings};

pub(super) const KEY: &str = "canary-key-of-the-server";

/// What the server does; shared by its services.
pub(super) struct Served {
    pub(super) collections: Mutex<HashMap<String, Arc<Collection>>>,
    folder: TempDir,
    /// How many more requests are answered by UNAVAILABLE.
    pub(super) failing: AtomicUsize,
    /// How long every answer takes besides, in milliseconds.
    pub(super) slow: AtomicUsize,
    /// How many requests came.
    pub(super) asked: AtomicUsize,
}

pub(super) struct Collection {
    pub(super) shard: EdgeShard,
}

impl Served {
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What happens to every request before it is served.
    async fn before(&self) -> Result<(), Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let slow = self.slow.load(Ordering::SeqCst) as u64;
        if slow > 0 {
            tokio::time::sleep(Duration::from_millis(slow)).await;
        }
        let one_less = |left: usize| left.checked_sub(1);
        match self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => Err(Status::unavailable("not now")),
            Err(_) => Ok(()),
        }
    }

    fn collection(&self, name: &str) -> Result<Arc<Collection>, Status> {
        let found = self.collections.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| Status::not_found(format!("Not found: Collection `{name}` doesn't exist!")))
    }
}

/// A server on a port of its own, which stops when it is dropped.
pub(super) struct Server {
    pub(super) served: Arc<Served>,
    pub(super) url: String,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        let served = Arc::new(Served {
            collections: Mutex::default(),
            folder: TempDir::new().unwrap(),
            failing: AtomicUsize::new(0),
            slow: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let incoming = futures::stream::unfold(listener, |listener| async {
            let accepted = listener.accept().await.map(|(stream, _)| stream);
            Some((accepted, listener))
        });
        let router = tonic::transport::Server::builder()
            .add_service(CollectionsServer::with_interceptor(collections::Service(served.clone()), with_key))
            .add_service(PointsServer::with_interceptor(points::Service(served.clone()), with_key));
        let serving = tokio::spawn(async move { router.serve_with_incoming(incoming).await.unwrap() });
        Self { served, url, serving }
    }

    pub(super) fn settings(&self) -> RemoteSettings {
        RemoteSettings {
            url: self.url.clone(),
            key: Some(KEY.to_owned().into()),
            collection: "callboard".to_owned(),
            timeout: Duration::from_secs(20),
        }
    }
}

fn with_key(request: Request<()>) -> Result<Request<()>, Status> {
    match request.metadata().get("api-key").and_then(|key| key.to_str().ok()) {
        Some(KEY) => Ok(request),
        Some(other) => Err(Status::unauthenticated(format!("Invalid API key or JWT: {other}"))),
        None => Err(Status::unauthenticated("Must provide an API key or an Authorization bearer token")),
    }
}

/// The remote index over this server, or over the one at `QDRANT_URL`.
pub(super) struct RemoteBackend {
    settings: RemoteSettings,
    _server: Option<Server>,
}

#[async_trait::async_trait]
impl Backend for RemoteBackend {
    async fn begin() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        if let Ok(url) = std::env::var("QDRANT_URL") {
            let number = COUNT.fetch_add(1, Ordering::SeqCst);
            let collection = format!("callboard-test-{}-{number}", std::process::id());
            let key = std::env::var("QDRANT_API_KEY").ok().map(Into::into);
            let settings = RemoteSettings { url, key, collection, timeout: Duration::from_secs(20) };
            return Self { settings, _server: None };
        }
        let server = Server::start().await;
        Self { settings: server.settings(), _server: Some(server) }
    }

    fn open(&self, workspace: &str) -> Arc<dyn Index> {
        Arc::new(RemoteIndex::new(&self.settings, workspace).unwrap())
    }
}
