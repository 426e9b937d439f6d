//! What programs reach over TCP, with a key: so far the models. The rest of the API stays on the data folder's socket
//! until there are accounts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::completions::{self, Refusal};
use super::{LARGEST_BODY, Serving, health};
use crate::app::App;

/// How many requests are answered at once.
const MOST_AT_ONCE: usize = 1_024;

/// The routes, for whoever has the key.
fn router(app: App, key: &SecretString) -> Router {
    let door = Door { key: digest(key.expose_secret().as_bytes()), room: Arc::new(Semaphore::new(MOST_AT_ONCE)) };
    Router::new()
        .route("/v1/models", get(completions::models))
        .route("/v1/chat/completions", post(completions::create))
        .layer(middleware::from_fn_with_state(door, enter))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .route("/health", get(health::show))
        .with_state(app)
}

/// Serves the models at an address until it is stopped.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(address: SocketAddr, app: App, key: &SecretString) -> io::Result<(SocketAddr, Serving)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    // What is streamed goes out as it comes.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    Ok((address, Serving::of(listener, router(app, key))))
}

/// Who may come in, and how many at once.
#[derive(Clone)]
struct Door {
    /// The key's digest: comparing digests tells nothing about the key by how long it takes.
    key: [u8; 32],
    room: Arc<Semaphore>,
}

/// A place among those that are answered, held until the answer is whole.
#[derive(Clone)]
pub(super) struct Place {
    _held: Arc<OwnedSemaphorePermit>,
}

async fn enter(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let given =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if given.map(digest) != Some(door.key) {
        return Refusal::no_key().into_response();
    }
    let Ok(held) = door.room.try_acquire_owned() else {
        return Refusal::crowded().into_response();
    };
    request.extensions_mut().insert(Place { _held: Arc::new(held) });
    next.run(request).await
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}
