//! The routes of the owner of the data folder, which is this process or another one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tower::ServiceExt as _;
use url::form_urlencoded;

use super::complaint::Complaint;
use super::exit::Exit;
use crate::run::RunId;
use crate::server::{ErrorBody, ErrorDocument, Frame, Health};

/// The largest answer that is taken.
const LARGEST_ANSWER: usize = 1 << 30;

/// The largest message of a live connection: an event holds at most 256 KiB of value, and what is around it.
const LARGEST_MESSAGE: usize = 64 << 20;

/// How long it may take to reach another process.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long another process may take to answer a request. Remembering a large folder takes a while.
const ANSWER_LIMIT: Duration = Duration::from_hours(1);

/// The way to the owner.
#[derive(Clone, Debug)]
pub(super) struct Client {
    transport: Transport,
    /// Where live connections go; none if nobody listens.
    socket: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Transport {
    /// This process is the owner.
    Here(Router),
    /// Another process is.
    There(reqwest::Client),
}

/// What a request came to.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

/// Why a live connection brings nothing more.
#[derive(Debug)]
pub(super) enum Lost {
    /// The owner has gone: whoever wants to go on must find the next one, or become it.
    Owner,
    /// The owner says why.
    Said(Complaint),
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) enum Failed {
    /// The owner has gone, or goes, and has done nothing of what was asked for.
    Undone(Complaint),
    /// The owner has gone, and may have done what was asked for.
    Unknown(Complaint),
    /// The owner says why.
    Said(Complaint),
}

impl From<Failed> for Complaint {
    fn from(failed: Failed) -> Self {
        let (Failed::Undone(complaint) | Failed::Unknown(complaint) | Failed::Said(complaint)) = failed;
        complaint
    }
}

impl Client {
    /// The routes of this process, and the socket on which it listens.
    pub(super) fn here(router: Router, socket: Option<PathBuf>) -> Self {
        Self { transport: Transport::Here(router), socket }
    }

    /// The process that listens on this socket, if one does.
    pub(super) async fn there(socket: &Path) -> Result<Self, Complaint> {
        let http = crate::net::client()
            .unix_socket(socket)
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(ANSWER_LIMIT)
            // A connection that waits for the next request can be closed under it.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| unreachable_owner(&error))?;
        let client = Self { transport: Transport::There(http), socket: Some(socket.to_owned()) };
        let health = tokio::time::timeout(CONNECT_LIMIT, client.get::<Health>("/api/health"));
        health.await.map_err(|_| unreachable_owner(&"it does not answer"))??;
        Ok(client)
    }

    /// `GET`
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        read(&self.send(Method::GET, path, None).await?)
    }

    /// `POST`
    pub(super) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Failed> {
        let body = serde_json::to_vec(body).map_err(|error| Failed::Said(unreachable_owner(&error)))?;
        read(&self.send(Method::POST, path, Some(body)).await?)
    }

    /// `POST`, with an answer that comes line by line.
    pub(super) async fn post_for_lines<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<impl Stream<Item = Result<T, Failed>> + Send + Unpin + use<B, T>, Failed> {
        let body = serde_json::to_vec(body).map_err(|error| Failed::Said(unreachable_owner(&error)))?;
        let bytes: BoxStream<'static, Result<Bytes, String>> = match &self.transport {
            Transport::Here(router) => {
                let request = posted(path, body)?;
                let response = router.clone().oneshot(request).await;
                let response = response.map_err(|error| Failed::Said(unreachable_owner(&error)))?;
                response.into_body().into_data_stream().map(|piece| piece.map_err(|error| error.to_string())).boxed()
            }
            Transport::There(http) => {
                let request = http.post(format!("http://callboard{path}"));
                let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
                let response = request.send().await.map_err(|error| Failed::Unknown(unreachable_owner(&error)))?;
                response.bytes_stream().map(|piece| piece.map_err(|error| error.to_string())).boxed()
            }
        };
        Ok(Box::pin(stream::unfold((bytes, BytesMut::new()), next_line)))
    }

    async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<Answer, Failed> {
        match &self.transport {
            Transport::Here(router) => {
                let said = |error: &dyn std::fmt::Display| Failed::Said(unreachable_owner(error));
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(body.map_or_else(Body::empty, Body::from))
                    .map_err(|error| said(&error))?;
                let response = router.clone().oneshot(request).await.map_err(|error| said(&error))?;
                let status = response.status();
                let body = to_bytes(response.into_body(), LARGEST_ANSWER).await.map_err(|error| said(&error))?;
                Ok(Answer { status, body: body.into() })
            }
            Transport::There(http) => {
                let mut request = http.request(method, format!("http://callboard{path}"));
                if let Some(body) = body {
                    request = request.header(header::CONTENT_TYPE, "application/json").body(body);
                }
                let response = request.send().await.map_err(|error| {
                    let complaint = unreachable_owner(&error);
                    if error.is_connect() { Failed::Undone(complaint) } else { Failed::Unknown(complaint) }
                })?;
                let status = response.status();
                let body = response.bytes().await.map_err(|error| Failed::Unknown(unreachable_owner(&error)))?;
                Ok(Answer { status, body: body.into() })
            }
        }
    }

    /// The events of a run after a number, and how it stands in between, live.
    pub(super) async fn follow(
        &self,
        run: RunId,
        after: u64,
    ) -> Result<impl Stream<Item = Result<Frame, Lost>> + Send + Unpin + use<>, Lost> {
        self.live(&format!("/api/runs/{run}/events/live?after={after}")).await
    }

    /// What comes over a live connection, read.
    pub(super) async fn live<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
    ) -> Result<BoxStream<'static, Result<T, Lost>>, Lost> {
        let socket = self.socket.as_ref().ok_or(Lost::Owner)?;
        let connecting = async {
            let stream = UnixStream::connect(socket).await.map_err(|_| Lost::Owner)?;
            let address = format!("ws://callboard{path}");
            let limits = WebSocketConfig::default()
                .max_message_size(Some(LARGEST_MESSAGE))
                .max_frame_size(Some(LARGEST_MESSAGE));
            tokio_tungstenite::client_async_with_config(address, stream, Some(limits)).await.map_err(refused)
        };
        let (messages, _) = tokio::time::timeout(CONNECT_LIMIT, connecting).await.map_err(|_| Lost::Owner)??;
        let frames = stream::unfold(Some(messages), |messages| async move {
            let mut messages = messages?;
            loop {
                let frame = match messages.next().await {
                    Some(Ok(Message::Text(text))) => serde_json::from_str(&text).map_err(|error| {
                        let message =
                            format!("the owner of the data folder says what this version does not know: {error}");
                        Lost::Said(Complaint::environment("other_version", message))
                    }),
                    // Pings are answered by the library.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Close(Some(_)))) => return None,
                    Some(Ok(Message::Close(None)) | Err(_)) | None => return Some((Err(Lost::Owner), None)),
                };
                return Some((frame, Some(messages)));
            }
        });
        Ok(frames.boxed())
    }
}

fn posted(path: &str, body: Vec<u8>) -> Result<Request<Body>, Failed> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .map_err(|error| Failed::Said(unreachable_owner(&error)))
}

type Bytewise = (BoxStream<'static, Result<Bytes, String>>, BytesMut);

/// The next line of an answer, read.
async fn next_line<T: DeserializeOwned>((mut bytes, mut rest): Bytewise) -> Option<(Result<T, Failed>, Bytewise)> {
    let line = loop {
        if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            break rest.split_to(end + 1);
        }
        match bytes.next().await {
            Some(Ok(piece)) if rest.len() + piece.len() <= LARGEST_ANSWER => rest.extend_from_slice(&piece),
            Some(Ok(_)) => {
                return Some((Err(Failed::Said(unreachable_owner(&"its answer is too long"))), (bytes, rest)));
            }
            Some(Err(error)) => return Some((Err(Failed::Unknown(unreachable_owner(&error))), (bytes, rest))),
            None if rest.is_empty() => return None,
            None => break rest.split(),
        }
    };
    let read = serde_json::from_slice(&line).map_err(|error| {
        let message = format!("the owner of the data folder answers what this version does not know: {error}");
        Failed::Said(Complaint::environment("other_version", message))
    });
    Some((read, (bytes, rest)))
}

/// Why there is no live connection.
fn refused(error: tokio_tungstenite::tungstenite::Error) -> Lost {
    use tokio_tungstenite::tungstenite::Error;
    match error {
        Error::Http(response) => {
            let body = response.body().clone().unwrap_or_default();
            match complaint(&Answer { status: response.status(), body }) {
                stopping if is_stopping(&stopping) => Lost::Owner,
                complaint => Lost::Said(complaint),
            }
        }
        _ => Lost::Owner,
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failed> {
    if !answer.status.is_success() {
        let complaint = complaint(answer);
        return Err(if is_stopping(&complaint) { Failed::Undone(complaint) } else { Failed::Said(complaint) });
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        let message = format!("the owner of the data folder answers what this version does not know: {error}");
        let help = "stop the process that works on the data folder, and start it again with this version";
        Failed::Said(Complaint::environment("other_version", message).suggest(help))
    })
}

fn complaint(answer: &Answer) -> Complaint {
    let error = serde_json::from_slice(&answer.body).map_or_else(
        // An owner of an older version says some things in plain text.
        |_| ErrorBody::new("bad_request", String::from_utf8_lossy(&answer.body).into_owned()),
        |document: ErrorDocument| document.error,
    );
    let exit = if answer.status.is_client_error() { Exit::Invalid } else { Exit::Environment };
    Complaint { exit, error }
}

/// True if the owner takes nothing any more.
fn is_stopping(complaint: &Complaint) -> bool {
    complaint.error.code == "stopping"
}

fn unreachable_owner(error: &dyn std::fmt::Display) -> Complaint {
    Complaint::environment(
        "unreachable_owner",
        format!("the process that works on the data folder cannot be reached: {error}"),
    )
    .suggest("try again; nothing is lost")
}

/// The fields of `query` as a query string; those that are null are left out.
pub(super) fn query_text<Q: Serialize>(query: &Q) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(query) else { return String::new() };
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(value) => {
                text.append_pair(&name, &value);
            }
            other => {
                text.append_pair(&name, &other.to_string());
            }
        }
    }
    text.finish()
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
