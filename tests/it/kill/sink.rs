//! A server that takes requests and counts them by their `Idempotency-Key`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};

/// Stops when it is dropped.
pub(super) struct Sink {
    address: SocketAddr,
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Sink {
    /// Listens on a free port of this machine; each request takes `delay`, half of it before it is counted.
    pub(super) fn start(delay: Duration) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let seen = Arc::<Mutex<BTreeMap<String, usize>>>::default();
        let counting = seen.clone();
        let take = move |headers: HeaderMap| {
            let seen = counting.clone();
            async move {
                let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
                    return (StatusCode::BAD_REQUEST, "no Idempotency-Key");
                };
                tokio::time::sleep(delay / 2).await;
                *seen.lock().expect("whole").entry(key.to_owned()).or_default() += 1;
                tokio::time::sleep(delay / 2).await;
                (StatusCode::OK, "taken")
            }
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(take);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, seen, _runtime: runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often each key has come.
    pub(super) fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().expect("whole").clone()
    }
}
