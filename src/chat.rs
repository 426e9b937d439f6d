//! Conversations: people and the company, in turns.
//!
//! A conversation is its list of events ([`event`]), and nothing else; how it stands is a fold of them ([`state`]). Whoever watches
//! is told the same events, from any number on. One turn goes on at a time: what is said meanwhile waits, or steers. What a turn
//! does is the model's choice among [`tools`]; what the program then does, it says itself, of what was really done.
//!
//! - [`room`]: one conversation while something happens in it; [`turn`] is one turn, [`acts`] what its tools do
//! - [`decide`]: accepting, rejecting, taking back and keeping what was proposed
//! - [`follow`]: the runs that were begun here
//! - [`compact`]: what a model is shown of a long conversation
//! - [`about_runs`]: questions about runs, answered from their events
//! - [`outline`]: a workflow in a few lines
//! - [`port`]: what only the program's root can put together
//!
//! **Architecture invariant:** nothing binding is decided by words that a model chose: the person's own words must say it
//! ([`crate::model::intent`]). **Architecture invariant:** what is said of a change is made of the change.

pub mod about_runs;
mod acts;
pub mod compact;
mod decide;
pub mod event;
mod follow;
pub mod outline;
pub mod port;
mod propose;
mod room;
pub mod state;
mod tools;
mod turn;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::Stream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::memory::Memory;
use crate::model::Models;
use crate::store::{ConversationHead, ConversationId, StoreError, Workspace};
use event::{Event, MessageId, Place, ProposalId, Recorded, TurnEnd};
use port::{Desk, Refusal};
use room::Room;
use state::{Illegal, State};

pub use decide::Choice;

/// The longest message, in bytes.
pub const LONGEST_MESSAGE: usize = 64 * 1024;

/// How many messages may wait.
pub const MOST_WAITING: usize = 32;

/// How many turns a conversation may have.
pub const MOST_TURNS: u64 = 10_000;

/// How many conversations are held ready at once.
const MOST_ROOMS: usize = 1_000;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// How long turns may take to end when the program stops.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// How conversations are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The alias of the model that is asked.
    pub model: String,
    /// What is carried out without asking.
    pub auto_run: AutoRun,
}

/// What is carried out without asking, once its graph was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoRun {
    /// Nothing.
    Never,
    /// Tasks of which every step computes or reads.
    Read,
}

/// Whether turns are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// They are.
    Turns,
    /// The process is about to end: what is said waits for the next one.
    Nothing,
}

/// What conversations are held with.
pub struct Parts {
    /// Where they are.
    pub workspace: Workspace,
    /// The models.
    pub models: Models,
    /// What the company remembers.
    pub memory: Memory,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The rest of the program.
    pub desk: Arc<dyn Desk>,
    /// How they are held.
    pub settings: Settings,
    /// Whether turns are taken.
    pub taking: Taking,
}

/// Why something could not be said or done.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// There is no such conversation.
    #[error("there is no conversation {0}")]
    NoSuchConversation(ConversationId),
    /// There is no such proposal.
    #[error("there is no proposal {0} in this conversation")]
    NoSuchProposal(ProposalId),
    /// There is no such message.
    #[error("there is no message {0} of yours in this conversation")]
    NoSuchMessage(MessageId),
    /// Nothing is said.
    #[error("nothing is said")]
    Empty,
    /// Too much is said at once.
    #[error("the message has {bytes} bytes, and a message may have {LONGEST_MESSAGE}")]
    TooLong {
        /// How much it is.
        bytes: usize,
    },
    /// Too many messages wait.
    #[error("{MOST_WAITING} messages wait already; let some of them be answered, or stop the turn")]
    TooManyWaiting,
    /// It has gone on for too long.
    #[error("this conversation has had {MOST_TURNS} turns; begin a new one")]
    TooManyTurns,
    /// Something else was done already.
    #[error("{0}")]
    NotNow(String),
    /// It could not be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What is stored makes no sense.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The conversations of a workspace. Cheap to clone.
#[derive(Clone)]
pub struct Chat {
    shared: Arc<Shared>,
}

struct Shared {
    workspace: Workspace,
    models: Models,
    memory: Memory,
    clock: Arc<dyn Clock>,
    desk: Arc<dyn Desk>,
    settings: Settings,
    taking: Taking,
    rooms: std::sync::Mutex<HashMap<ConversationId, Arc<Room>>>,
    /// Held while a room is made, so that there is one of each.
    making: tokio::sync::Mutex<()>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Chat {
    /// The conversations. What a process that died has left is taken up by [`Chat::recover`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { workspace, models, memory, clock, desk, settings, taking } = parts;
        let shared = Shared {
            workspace,
            models,
            memory,
            clock,
            desk,
            settings,
            taking,
            rooms: std::sync::Mutex::default(),
            making: tokio::sync::Mutex::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Ends the turns that were open when the last process ended, and goes on with what waits and with the runs that go on.
    ///
    /// # Errors
    /// [`ChatError`] if what is stored cannot be read.
    pub async fn recover(&self) -> Result<(), ChatError> {
        for id in self.shared.workspace.conversations().busy().await? {
            match self.room(id).await {
                // One that another version of the program wrote is no reason to do without all others.
                Err(error @ (ChatError::Illegal(_) | ChatError::Store(StoreError::Corrupt { .. }))) => {
                    tracing::error!(conversation = %id, %error, "cannot be taken up");
                }
                taken => drop(taken?),
            }
        }
        Ok(())
    }

    /// Begins a conversation.
    ///
    /// # Errors
    /// [`ChatError`] if it cannot be stored.
    pub async fn begin(&self, focus: Option<String>, model: Option<String>) -> Result<ConversationId, ChatError> {
        let id = ConversationId(self.shared.clock.fresh_id());
        let room = Arc::new(Room::new(id, State::default()));
        room.write(&self.shared, vec![Event::Begun { focus, model }]).await?;
        self.shared.keep(&room);
        Ok(id)
    }

    /// Those in which something was said last.
    ///
    /// # Errors
    /// [`ChatError`] if they cannot be read.
    pub async fn list(&self, limit: usize) -> Result<Vec<ConversationHead>, ChatError> {
        Ok(self.shared.workspace.conversations().list(limit).await?)
    }

    /// How a conversation stands.
    ///
    /// # Errors
    /// [`ChatError::NoSuchConversation`].
    pub async fn state(&self, id: ConversationId) -> Result<Arc<State>, ChatError> {
        Ok(self.room(id).await?.state().await)
    }

    /// Says something. It is durable on return, which tells its id; its turn comes by itself.
    ///
    /// # Errors
    /// [`ChatError`] if it is too much, or belongs nowhere.
    pub async fn say(&self, id: ConversationId, text: String, place: Place) -> Result<MessageId, ChatError> {
        if text.trim().is_empty() {
            return Err(ChatError::Empty);
        }
        if text.len() > LONGEST_MESSAGE {
            return Err(ChatError::TooLong { bytes: text.len() });
        }
        let room = self.room(id).await?;
        let state = room.state().await;
        if state.queue().len() >= MOST_WAITING {
            return Err(ChatError::TooManyWaiting);
        }
        if state.turns() >= MOST_TURNS {
            return Err(ChatError::TooManyTurns);
        }
        if let Place::InsteadOf(earlier) = place
            && !state.message(earlier).is_some_and(|message| message.by == state::Author::Person)
        {
            return Err(ChatError::NoSuchMessage(earlier));
        }
        let said = room.write(&self.shared, vec![Event::Said { text, place }]).await?;
        match place {
            Place::Next => {}
            Place::Now => room.cut(TurnEnd::Steered, Some(state.turns())),
            Place::InsteadOf(_) => room.cut(TurnEnd::Stopped, Some(state.turns())),
        }
        room.go_on(&self.shared);
        Ok(MessageId(said))
    }

    /// Ends the turn that goes on; what has come stays. Tells whether there was one.
    ///
    /// # Errors
    /// [`ChatError::NoSuchConversation`].
    pub async fn stop_turn(&self, id: ConversationId) -> Result<bool, ChatError> {
        let room = self.room(id).await?;
        let is_open = room.state().await.open().is_some();
        room.cut(TurnEnd::Stopped, None);
        // It may be one whose end could not be written.
        room.go_on(&self.shared);
        Ok(is_open)
    }

    /// Goes on with the branch that ends with a message.
    ///
    /// # Errors
    /// [`ChatError::Illegal`] if there is no such message, or a turn is open.
    pub async fn switch(&self, id: ConversationId, head: MessageId) -> Result<(), ChatError> {
        self.room(id).await?.write(&self.shared, vec![Event::Switched { head }]).await?;
        Ok(())
    }

    /// Puts another workflow in front of the conversation.
    ///
    /// # Errors
    /// [`ChatError`] if it cannot be stored.
    pub async fn focus(&self, id: ConversationId, workflow: Option<String>) -> Result<(), ChatError> {
        self.room(id).await?.write(&self.shared, vec![Event::Focused { workflow }]).await?;
        Ok(())
    }

    /// Decides about a proposal, by a key or a button: the person's own act. What came of it is said in the conversation.
    ///
    /// # Errors
    /// [`ChatError`] if there is no such proposal, or it cannot be done.
    pub async fn decide(&self, id: ConversationId, proposal: ProposalId, choice: Choice) -> Result<String, ChatError> {
        let room = self.room(id).await?;
        decide::by_a_person(&self.shared, &room, proposal, choice).await
    }

    /// The events after a number, at most `limit`.
    ///
    /// # Errors
    /// [`ChatError`] if they cannot be read.
    pub async fn events(&self, id: ConversationId, after: u64, limit: usize) -> Result<Vec<Recorded>, ChatError> {
        // So that a turn that a dead process has left open is ended first.
        self.room(id).await?;
        read(&self.shared.workspace, id, after, limit).await
    }

    /// The events after a number: those that are there, then those that come.
    ///
    /// # Errors
    /// [`ChatError::NoSuchConversation`].
    pub async fn subscribe(
        &self,
        id: ConversationId,
        after: u64,
    ) -> Result<impl Stream<Item = Result<Recorded, ChatError>> + Send + use<>, ChatError> {
        let room = self.room(id).await?;
        let following = Following { workspace: self.shared.workspace.clone(), watch: room.watch(), after, room };
        let pages = futures::stream::try_unfold(following, Following::page);
        Ok(futures::TryStreamExt::try_flatten(pages))
    }

    /// Takes no further turn, and ends those that go on: the next start says that they were interrupted.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        let rooms: Vec<Arc<Room>> =
            self.shared.rooms.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for room in rooms {
            room.cut(TurnEnd::Interrupted, None);
        }
        self.shared.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!("a turn of a conversation has not ended in time; the next start ends it");
        }
    }

    async fn room(&self, id: ConversationId) -> Result<Arc<Room>, ChatError> {
        if let Some(room) = self.shared.held(id) {
            return Ok(room);
        }
        let _making = self.shared.making.lock().await;
        if let Some(room) = self.shared.held(id) {
            return Ok(room);
        }
        if self.shared.workspace.conversations().get(id).await?.is_none() {
            return Err(ChatError::NoSuchConversation(id));
        }
        let mut state = State::default();
        loop {
            let page = read(&self.shared.workspace, id, state.seq(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            for recorded in &page {
                state.apply(recorded)?;
            }
        }
        let room = Arc::new(Room::new(id, state));
        room.take_up(&self.shared).await?;
        self.shared.keep(&room);
        Ok(room)
    }
}

/// Somebody who follows a conversation.
struct Following {
    workspace: Workspace,
    watch: tokio::sync::watch::Receiver<u64>,
    after: u64,
    /// Held, so that the room is not given up meanwhile.
    room: Arc<Room>,
}

type Page = futures::stream::Iter<std::vec::IntoIter<Result<Recorded, ChatError>>>;

impl Following {
    /// The next events; none once the conversation is held no more.
    async fn page(mut self) -> Result<Option<(Page, Self)>, ChatError> {
        loop {
            if *self.watch.borrow_and_update() > self.after {
                let page = read(&self.workspace, self.room.id(), self.after, PAGE).await?;
                if let Some(newest) = page.last() {
                    self.after = newest.seq;
                    let page: Vec<_> = page.into_iter().map(Ok).collect();
                    return Ok(Some((futures::stream::iter(page), self)));
                }
            }
            if self.watch.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}

impl Shared {
    fn held(&self, id: ConversationId) -> Option<Arc<Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Holds a room ready. Those that nobody holds and in which nothing goes on give way if there are too many.
    fn keep(&self, room: &Arc<Room>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= MOST_ROOMS {
            rooms.retain(|_, room| Arc::strong_count(room) > 1);
        }
        rooms.insert(room.id(), Arc::clone(room));
    }
}

/// The events of a conversation after a number.
async fn read(workspace: &Workspace, id: ConversationId, after: u64, limit: usize) -> Result<Vec<Recorded>, ChatError> {
    let rows = workspace.conversations().events(id, after, limit).await?;
    rows.into_iter()
        .map(|row| {
            let corrupt = |error: serde_json::Error| StoreError::Corrupt {
                what: format!("event {} of conversation {id}", row.seq),
                reason: error.to_string(),
            };
            let event = serde_json::from_str(&row.body).map_err(corrupt)?;
            Ok(Recorded { seq: row.seq, at: row.at, event })
        })
        .collect()
}
