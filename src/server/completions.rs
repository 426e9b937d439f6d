//! `POST /v1/chat/completions` and `GET /v1/models`: Callboard's models for programs that speak OpenAI's protocol.
//!
//! A program names an alias (`default`, `fast`, …) as its model, and gets what the alias stands for: its fallbacks, its
//! limits, its price. Nothing of the exchange is kept.

mod answer;
mod asked;
mod error;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::open::Place;
use crate::app::App;
use crate::model::{Piece, Pieces, Reply};

use answer::{Answer, DONE};
use asked::Asked;
pub(super) use error::Refusal;

/// Pieces that wait for a program that reads slowly; then the model waits, too.
const PIECES_AHEAD: usize = 256;

/// How long a program may take to read what waits for it.
const READ_LIMIT: Duration = Duration::from_mins(2);

/// `GET /v1/models`
pub(super) async fn models(State(app): State<App>) -> Json<Value> {
    let model = |alias: &str| json!({ "id": alias, "object": "model", "created": 0, "owned_by": "callboard" });
    let models: Vec<Value> = app.models().aliases().map(model).collect();
    Json(json!({ "object": "list", "data": models }))
}

/// `POST /v1/chat/completions`
pub(super) async fn create(
    State(app): State<App>,
    Extension(place): Extension<Place>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body.map_err(|rejection| Refusal::invalid(None, rejection.body_text()))?;
    let asked: Asked = serde_json::from_slice(&body)
        .map_err(|error| Refusal::invalid(None, format!("the body cannot be read: {error}")))?;
    let (alias, wants_stream, wants_usage) = (asked.model.clone(), asked.stream, asked.wants_usage());
    let model = app.models().get(&alias).map(Arc::clone).ok_or_else(|| Refusal::no_such_model(&alias, &app))?;
    let request = asked.into_request()?;
    let answer = Answer::new(&**app.clock(), alias);
    if !wants_stream {
        let reply = model.reply(&request).await?;
        return Ok(Json(answer.whole(&reply)).into_response());
    }
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        let _place = place;
        let mut pieces = model.stream(&request);
        tokio::select! {
            () = pass_on(&mut pieces, &answer, wants_usage, &sender) => {}
            // Nobody reads any more.
            () = sender.closed() => return,
        }
        drop(sender);
        // What it used is still to be accounted for; the router's patience bounds the wait.
        while pieces.next().await.is_some() {}
    });
    let chunks = futures::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|chunk| (Ok::<Bytes, Infallible>(chunk), receiver))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// Passes a reply on as it comes, until all is said that was asked for, it has failed, or it is not read.
async fn pass_on(pieces: &mut Pieces<'_>, answer: &Answer, wants_usage: bool, to: &mpsc::Sender<Bytes>) {
    let send = async |chunk: Bytes| matches!(tokio::time::timeout(READ_LIMIT, to.send(chunk)).await, Ok(Ok(())));
    let mut said = false;
    while let Some(piece) = pieces.next().await {
        let chunk = match piece {
            Ok(Piece::Text(text)) if text.is_empty() => continue,
            Ok(Piece::Text(text)) => answer.text(&text, !std::mem::replace(&mut said, true)),
            Ok(Piece::Said) if wants_usage => continue,
            Ok(Piece::Said) => {
                let mut end = answer.end(&Reply::default(), !said, false);
                end.extend_from_slice(DONE);
                send(end.into()).await;
                return;
            }
            Ok(Piece::Done(reply)) => {
                let mut end = answer.end(&reply, !said, wants_usage);
                end.extend_from_slice(DONE);
                send(end.into()).await;
                return;
            }
            Err(error) => {
                send(Refusal::from(error).event()).await;
                return;
            }
        };
        if !send(chunk).await {
            return;
        }
    }
}
