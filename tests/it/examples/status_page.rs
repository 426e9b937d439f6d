//! A status page: it takes what it is told, and fails as often as it is to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

/// Stops when it is dropped.
pub(super) struct StatusPage {
    address: SocketAddr,
    told: Arc<Mutex<Vec<Told>>>,
    _runtime: tokio::runtime::Runtime,
}

/// A request that came, also one that was answered with a failure.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Method and path: `PUT /incidents/ALR-1`.
    pub(super) place: String,
    pub(super) key: String,
    pub(super) body: Value,
}

impl StatusPage {
    /// Listens on a free port of this machine; the first `failures` requests are answered with 503.
    pub(super) fn start(failures: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let telling = told.clone();
        let take = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let told = telling.clone();
            async move {
                let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let mut told = told.lock().unwrap();
                told.push(Told { place: format!("{method} {}", uri.path()), key: key.to_owned(), body });
                if told.len() > failures { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
            }
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, told, _runtime: runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was told, in order.
    pub(super) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }
}
