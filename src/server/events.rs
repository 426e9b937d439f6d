//! The events of a run: a page of those that are there, or live over a WebSocket.

use std::pin::pin;
use std::time::Duration;

use axum::Json;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, ErrorBody};
use super::select;
use crate::app::App;
use crate::engine::Engine;
use crate::run::{Recorded, RunId, RunStatus};
use crate::store::Journal as _;

/// Which events are wanted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventPage {
    /// Those after this number.
    #[serde(default)]
    pub after: u64,
    /// How many at most: 1,000 unless given, and 10,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// How many events a page has unless the request says.
const USUAL_PAGE: usize = 1_000;

/// How many events a page has at most.
const LARGEST_PAGE: usize = 10_000;

/// What a follower is sent, as JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// The next event.
    Event(Recorded),
    /// How the run stands, now that all events so far were sent.
    Status(RunStatus),
    /// The run cannot be followed any further; nothing comes after this.
    Error(ErrorBody),
}

/// No message for so long means that the follower is asked whether it is still there.
const PING_AFTER: Duration = Duration::from_secs(20);

/// A follower that takes no message for so long is given up.
const SEND_LIMIT: Duration = Duration::from_mins(1);

/// `GET /api/runs/{run}/events`
pub(super) async fn page(
    State(app): State<App>,
    Path(run): Path<String>,
    Query(page): Query<EventPage>,
) -> Result<Json<Vec<Recorded>>, ApiError> {
    let run = select::run(&app, &run).await?;
    let limit = page.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
    Ok(Json(app.workspace().journal().read(run.id, page.after, limit).await?))
}

/// `GET /api/runs/{run}/events/live`: a WebSocket that carries the events after `after`, those that are there and
/// those that come, as [`Frame`]s; it is closed after the run's end.
pub(super) async fn live(
    State(app): State<App>,
    Path(run): Path<String>,
    Query(page): Query<EventPage>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let run = select::run(&app, &run).await?.id;
    let engine = app.engine().await?;
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut follower = Follower { socket };
        // A follower that went away is not told anything any more.
        if follower.serve(&app, &engine, run, page.after).await.is_ok() {
            follower.close().await;
        }
    }))
}

/// Somebody who follows a run.
struct Follower {
    socket: WebSocket,
}

/// The follower has gone.
struct Gone;

impl Follower {
    async fn serve(&mut self, app: &App, engine: &Engine, run: RunId, after: u64) -> Result<(), Gone> {
        let mut events = pin!(engine.subscribe(run, after));
        let (mut sent, mut told) = (after, None);
        loop {
            // Everything that is at hand goes out first; how the run stands is said in between.
            let next = match futures::poll!(events.next()) {
                std::task::Poll::Ready(next) => next,
                std::task::Poll::Pending => {
                    self.tell_status(app, run, sent, &mut told).await?;
                    self.next_of(&mut events, app).await?
                }
            };
            match next {
                Some(Ok(recorded)) => {
                    sent = recorded.seq;
                    self.send(&Frame::Event(recorded)).await?;
                }
                Some(Err(error)) => return self.send(&Frame::Error(ApiError::from(error).body)).await,
                None => return self.tell_status(app, run, sent, &mut told).await,
            }
        }
    }

    /// The next event, while the follower is kept an eye on.
    async fn next_of<S: futures::Stream + Unpin>(
        &mut self,
        events: &mut S,
        app: &App,
    ) -> Result<Option<S::Item>, Gone> {
        loop {
            tokio::select! {
                next = events.next() => return Ok(next),
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                    Some(Ok(_)) => {}
                },
                () = app.stopping() => return Err(Gone),
                () = tokio::time::sleep(PING_AFTER) => self.send_message(Message::Ping(bytes::Bytes::new())).await?,
            }
        }
    }

    /// Says how the run stands, if that is news and all events that led there were sent.
    async fn tell_status(
        &mut self,
        app: &App,
        run: RunId,
        sent: u64,
        told: &mut Option<RunStatus>,
    ) -> Result<(), Gone> {
        let frame = match app.workspace().runs().get(run).await {
            Ok(Some(head)) if head.seq > sent || *told == Some(head.status) => return Ok(()),
            Ok(Some(head)) => {
                *told = Some(head.status);
                Frame::Status(head.status)
            }
            Ok(None) => return Err(Gone),
            Err(error) => Frame::Error(ApiError::from(error).body),
        };
        self.send(&frame).await
    }

    async fn send(&mut self, frame: &Frame) -> Result<(), Gone> {
        let text = serde_json::to_string(frame).map_err(|_| Gone)?;
        self.send_message(Message::Text(text.into())).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), Gone> {
        match tokio::time::timeout(SEND_LIMIT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    async fn close(mut self) {
        let reason = CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::from_static("") };
        let _ = self.send_message(Message::Close(Some(reason))).await;
    }
}
