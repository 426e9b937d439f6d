//! Conversations: begin, list, say, decide, and follow what happens.

use std::pin::pin;
use std::time::Duration;

use axum::Json;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ApiError, ErrorBody};
use super::events::EventPage;
use super::workflows::WorkflowText;
use crate::app::{App, WorkflowFile};
use crate::chat::event::{MessageId, Place, ProposalId, Recorded};
use crate::chat::{self, ChatError, Choice};
use crate::clock::Timestamp;
use crate::store::{ConversationHead, ConversationId};

/// A conversation that is to begin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewConversation {
    /// The saved workflow in front of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// A workflow file in front of it, and after it those that it starts. They are saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<WorkflowText>,
    /// The alias of the model that is asked; the configured one if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A conversation, as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationView {
    /// Its id.
    pub id: ConversationId,
    /// What it is called: the beginning of its first message.
    pub title: String,
    /// The workflow in front of it.
    pub workflow: Option<String>,
    /// The number of its last event.
    pub seq: u64,
    /// Whether something of it goes on.
    pub busy: bool,
    /// When it was begun, in milliseconds since 1970.
    pub created_at: Timestamp,
    /// When its last event happened, in milliseconds since 1970.
    pub updated_at: Timestamp,
}

/// A conversation as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationState {
    /// Its id.
    pub id: ConversationId,
    /// What it is called.
    pub title: String,
    /// The workflow in front of it.
    pub workflow: Option<String>,
    /// The number of its last event.
    pub seq: u64,
    /// All messages, of all branches, each with the one that it follows.
    pub messages: Vec<Value>,
    /// The last message of the current branch.
    pub head: Option<MessageId>,
    /// The messages of the current branch, oldest first.
    pub branch: Vec<MessageId>,
    /// The messages that wait for their turn.
    pub queue: Vec<MessageId>,
    /// Whether a turn goes on.
    pub is_open: bool,
    /// The proposal that waits for a decision.
    pub proposal: Option<ProposalId>,
    /// The runs that were begun here, and how each stood when it was last reported.
    pub runs: Vec<Value>,
    /// Whether something goes on by itself right now.
    pub is_working: bool,
}

/// Something that is to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The text.
    pub text: String,
    /// Where it belongs: after whatever is said until then, or at once.
    #[serde(default)]
    pub place: Place,
}

/// Something was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uttered {
    /// The message's id.
    pub message: MessageId,
}

/// A turn was stopped, or there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedTurn {
    /// Whether there was one.
    pub stopped: bool,
}

/// What is said of what was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedView {
    /// In Markdown.
    pub text: String,
    /// The number of the last event that it led to so far.
    pub seq: u64,
}

/// What a conversation goes on with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoOnWith {
    /// The last message of the branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<MessageId>,
    /// The saved workflow in front of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
}

/// How many conversations are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationList {
    /// How many at most: 50 unless given, 1,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What a follower is sent, as JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationFrame {
    /// The next event.
    Event(Recorded),
    /// The conversation cannot be followed any further; nothing comes after this.
    Error(ErrorBody),
}

/// How many conversations are listed unless the request says, and at most.
const USUAL_PAGE: usize = 50;
const LARGEST_PAGE: usize = 1_000;

/// How many events a page has unless the request says, and at most.
const USUAL_EVENTS: usize = 1_000;
const MOST_EVENTS: usize = 10_000;

/// No message for so long means that the follower is asked whether it is still there.
const PING_AFTER: Duration = Duration::from_secs(20);

/// A follower that takes no message for so long is given up.
const SEND_LIMIT: Duration = Duration::from_mins(1);

impl From<ConversationHead> for ConversationView {
    fn from(head: ConversationHead) -> Self {
        let ConversationHead { id, title, focus, seq, busy, created_at, updated_at } = head;
        Self { id, title, workflow: focus, seq, busy, created_at, updated_at }
    }
}

impl From<ChatError> for ApiError {
    fn from(error: ChatError) -> Self {
        let message = error.to_string();
        let invalid = |code: &str| Self::invalid(ErrorBody::new(code, message.clone()));
        match error {
            ChatError::NoSuchConversation(_) => Self::missing(
                ErrorBody::new("no_such_conversation", message).suggest("`callboard chat list` lists those there are"),
            ),
            ChatError::NoSuchProposal(_) => Self::missing(ErrorBody::new("no_such_proposal", message)),
            ChatError::NoSuchMessage(_) => Self::missing(ErrorBody::new("no_such_message", message)),
            ChatError::Empty => invalid("nothing_said"),
            ChatError::TooLong { .. } => {
                let body = ErrorBody::new("too_long", message);
                Self::invalid(
                    body.suggest("put what is long into a file, and have it remembered: `callboard remember FILE`"),
                )
            }
            ChatError::TooManyWaiting => invalid("too_many_waiting"),
            ChatError::TooManyTurns => invalid("too_many_turns"),
            ChatError::NotNow(_) | ChatError::Illegal(_) => invalid("not_now"),
            ChatError::Refused(_) => invalid("refused"),
            ChatError::Store(error) => error.into(),
        }
    }
}

/// The conversation that a text names: its id, or `last`.
async fn named(app: &App, text: &str) -> Result<ConversationId, ApiError> {
    if text == "last" {
        let last = app.workspace().conversations().list(1).await?.pop();
        return last.map(|head| head.id).ok_or_else(|| {
            ApiError::missing(
                ErrorBody::new("no_such_conversation", "there is no conversation yet")
                    .suggest("`callboard chat` begins one"),
            )
        });
    }
    text.parse().map_err(|reason: String| {
        ApiError::missing(
            ErrorBody::new("no_such_conversation", reason).suggest("`callboard chat list` lists those there are"),
        )
    })
}

/// `GET /api/conversations`: those in which something was said last come first.
pub(super) async fn list(
    State(app): State<App>,
    Query(wanted): Query<ConversationList>,
) -> Result<Json<Vec<ConversationView>>, ApiError> {
    let limit = wanted.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
    let heads = app.workspace().conversations().list(limit).await?;
    Ok(Json(heads.into_iter().map(ConversationView::from).collect()))
}

/// `POST /api/conversations`
pub(super) async fn begin(
    State(app): State<App>,
    Json(wanted): Json<NewConversation>,
) -> Result<Json<ConversationView>, ApiError> {
    let NewConversation { workflow, files, model } = wanted;
    let focus = focus(&app, workflow, files).await?;
    if let Some(alias) = &model
        && app.models().get(alias).is_none()
    {
        let known = app.models().aliases().collect::<Vec<_>>().join(", ");
        return Err(crate::app::AppError::NoSuchModel { alias: alias.clone(), known }.into());
    }
    let id = app.chat().await?.begin(focus, model).await?;
    let head = app.workspace().conversations().get(id).await?;
    head.map(|head| Json(head.into())).ok_or_else(|| ChatError::NoSuchConversation(id).into())
}

/// The name of the workflow that is to be in front of a conversation; files are saved.
async fn focus(app: &App, workflow: Option<String>, files: Vec<WorkflowText>) -> Result<Option<String>, ApiError> {
    if !files.is_empty() {
        let files: Vec<WorkflowFile> = files.into_iter().map(WorkflowFile::from).collect();
        let saved = app.save(&files).await?;
        return Ok(saved.first().map(|saved| saved.workflow.workflow().name.clone()));
    }
    if let Some(name) = &workflow
        && app.workspace().workflows().live(name).await?.is_none()
    {
        return Err(crate::app::AppError::NoSuchWorkflow { workflow: name.clone(), version: None }.into());
    }
    Ok(workflow)
}

/// `GET /api/conversations/{id}`
pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<ConversationState>, ApiError> {
    let id = named(&app, &id).await?;
    let state = app.chat().await?.state(id).await?;
    let runs = state.runs().iter().map(|(run, held)| {
        serde_json::json!({ "run": run, "workflow": held.workflow, "version": held.version, "status": held.status })
    });
    Ok(Json(ConversationState {
        id,
        title: state.title().to_owned(),
        workflow: state.focus().map(str::to_owned),
        seq: state.seq(),
        messages: state.messages().map(|message| serde_json::to_value(message).unwrap_or_default()).collect(),
        head: state.head(),
        branch: state.branch().iter().map(|message| message.id).collect(),
        queue: state.queue().iter().copied().collect(),
        is_open: state.open().is_some(),
        proposal: state.open_proposal().map(|held| held.id),
        runs: runs.collect(),
        is_working: is_working(&state),
    }))
}

/// Whether something goes on by itself right now: a turn, a message that waits for one, a run that does not rest.
fn is_working(state: &chat::state::State) -> bool {
    state.open().is_some() || state.next_turn().is_some() || state.runs().values().any(chat::state::HeldRun::goes_on)
}

/// `POST /api/conversations/{id}/messages`: durable when this returns; its turn comes by itself.
pub(super) async fn say(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(wanted): Json<Say>,
) -> Result<Json<Uttered>, ApiError> {
    let id = named(&app, &id).await?;
    let message = app.chat().await?.say(id, wanted.text, wanted.place).await?;
    Ok(Json(Uttered { message }))
}

/// `POST /api/conversations/{id}/stop`: ends the turn that goes on; what has come stays.
pub(super) async fn stop(State(app): State<App>, Path(id): Path<String>) -> Result<Json<StoppedTurn>, ApiError> {
    let id = named(&app, &id).await?;
    Ok(Json(StoppedTurn { stopped: app.chat().await?.stop_turn(id).await? }))
}

/// `POST /api/conversations/{id}/go-on`: with another branch, or with another workflow in front of it.
pub(super) async fn go_on(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(wanted): Json<GoOnWith>,
) -> Result<Json<Value>, ApiError> {
    let id = named(&app, &id).await?;
    let chat = app.chat().await?;
    // Both or neither: a workflow that is not there is found out before the branch is another one.
    let workflow = focus(&app, wanted.workflow, Vec::new()).await?;
    if let Some(head) = wanted.head {
        chat.switch(id, head).await?;
    }
    if let Some(workflow) = workflow {
        chat.focus(id, Some(workflow)).await?;
    }
    Ok(Json(Value::Null))
}

/// The proposal that a text names: its number, or that as it is shown (`p6`).
fn proposal_named(text: &str) -> Result<ProposalId, ApiError> {
    let number = text.strip_prefix('p').unwrap_or(text).parse();
    number.map(ProposalId).map_err(|_| {
        let body = ErrorBody::new("no_such_proposal", format!("`{text}` is no proposal's number"));
        ApiError::missing(body.suggest("a proposal is called as replies show it: `p6`, or `6`"))
    })
}

/// `POST /api/conversations/{id}/proposals/{proposal}`: a person accepts it, in whole or in part, rejects it, or takes it back.
pub(super) async fn decide(
    State(app): State<App>,
    Path((id, proposal)): Path<(String, String)>,
    Json(choice): Json<Choice>,
) -> Result<Json<DecidedView>, ApiError> {
    let id = named(&app, &id).await?;
    let proposal = proposal_named(&proposal)?;
    let chat = app.chat().await?;
    let text = chat.decide(id, proposal, choice).await?;
    Ok(Json(DecidedView { text, seq: chat.state(id).await?.seq() }))
}

/// `GET /api/conversations/{id}/events`
pub(super) async fn events(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(page): Query<EventPage>,
) -> Result<Json<Vec<Recorded>>, ApiError> {
    let id = named(&app, &id).await?;
    let limit = page.limit.unwrap_or(USUAL_EVENTS).clamp(1, MOST_EVENTS);
    Ok(Json(app.chat().await?.events(id, page.after, limit).await?))
}

/// `GET /api/conversations/{id}/events/live`: a WebSocket that carries the events after `after`, those that are there and
/// those that come, as [`ConversationFrame`]s.
pub(super) async fn live(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(page): Query<EventPage>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let id = named(&app, &id).await?;
    let events = app.chat().await?.subscribe(id, page.after).await?;
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        let mut events = pin!(events);
        loop {
            let frame = tokio::select! {
                next = events.next() => match next {
                    Some(Ok(recorded)) => ConversationFrame::Event(recorded),
                    Some(Err(error)) => ConversationFrame::Error(ApiError::from(error).body),
                    None => break,
                },
                message = socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
                // The next owner of the folder is found by whoever follows.
                () = app.stopping() => return,
                () = tokio::time::sleep(PING_AFTER) => {
                    if send(&mut socket, Message::Ping(bytes::Bytes::new())).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let is_last = matches!(frame, ConversationFrame::Error(_));
            let Ok(text) = serde_json::to_string(&frame) else { break };
            if send(&mut socket, Message::Text(text.into())).await.is_err() {
                return;
            }
            if is_last {
                break;
            }
        }
        let reason = CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::from_static("") };
        // A follower that went away is not told anything any more.
        let _ = send(&mut socket, Message::Close(Some(reason))).await;
    }))
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    tokio::time::timeout(SEND_LIMIT, socket.send(message)).await.map_err(drop)?.map_err(drop)
}
