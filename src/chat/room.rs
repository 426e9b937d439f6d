//! One conversation while something happens in it: its state, and the one turn that goes on.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Recorded, SCHEMA, TurnEnd};
use super::state::State;
use super::{ChatError, Shared, Taking, follow, turn};
use crate::store::{ConversationAppend, ConversationId, LiveMove, NewConversationEvent};

/// How long a turn may take.
const TURN_LIMIT: Duration = Duration::from_mins(20);

/// One conversation.
pub(super) struct Room {
    id: ConversationId,
    state: tokio::sync::Mutex<Arc<State>>,
    /// The number of the last event.
    last: watch::Sender<u64>,
    running: std::sync::Mutex<Option<Running>>,
    /// Held while something is decided about a proposal.
    pub(super) deciding: tokio::sync::Mutex<()>,
}

/// The turn that goes on.
struct Running {
    number: u64,
    cancel: CancellationToken,
    /// How it ends if it is cut.
    end: TurnEnd,
}

impl Room {
    pub(super) fn new(id: ConversationId, state: State) -> Self {
        let last = watch::Sender::new(state.seq());
        let state = tokio::sync::Mutex::new(Arc::new(state));
        Self { id, state, last, running: std::sync::Mutex::default(), deciding: tokio::sync::Mutex::default() }
    }

    pub(super) fn id(&self) -> ConversationId {
        self.id
    }

    /// How it stands now.
    pub(super) async fn state(&self) -> Arc<State> {
        Arc::clone(&*self.state.lock().await)
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// Writes events. They are durable on return, which tells the number of the last one. Whoever waits for this may be dropped: it
    /// is carried out all the same, so that what is stored and what is known here never differ.
    pub(super) async fn write(self: &Arc<Self>, shared: &Arc<Shared>, events: Vec<Event>) -> Result<u64, ChatError> {
        self.write_in(shared, events, None, Vec::new()).await
    }

    /// The same, and moves what is live with it: all or nothing.
    ///
    /// # Errors
    /// [`StoreError::OtherLive`](crate::store::StoreError::OtherLive) if something else is live by now.
    pub(super) async fn write_moving(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        event: Event,
        moves: Vec<LiveMove>,
    ) -> Result<u64, ChatError> {
        self.write_in(shared, vec![event], None, moves).await
    }

    /// The same for a turn: nothing is written once it is over.
    pub(super) async fn write_in_turn(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        turn: u64,
        events: Vec<Event>,
    ) -> Result<u64, ChatError> {
        self.write_in(shared, events, Some(turn), Vec::new()).await
    }

    async fn write_in(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        events: Vec<Event>,
        turn: Option<u64>,
        moves: Vec<LiveMove>,
    ) -> Result<u64, ChatError> {
        let (room, shared) = (Arc::clone(self), Arc::clone(shared));
        let writing = tokio::spawn(async move {
            let mut state = room.state.lock().await;
            if turn.is_some_and(|turn| state.turns() != turn || state.open().is_none()) {
                return Err(ChatError::NotNow("the turn is over".to_owned()));
            }
            room.append(&shared, &mut state, events, &moves).await
        });
        writing
            .await
            .unwrap_or_else(|error| Err(ChatError::NotNow(format!("the conversation stopped half-way: {error}"))))
    }

    async fn append(
        &self,
        shared: &Shared,
        state: &mut Arc<State>,
        events: Vec<Event>,
        moves: &[LiveMove],
    ) -> Result<u64, ChatError> {
        let at = shared.clock.now();
        let mut next = State::clone(state);
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let body = serde_json::to_string(&event)
                .map_err(|error| ChatError::NotNow(format!("an event cannot be written: {error}")))?;
            rows.push(NewConversationEvent { v: SCHEMA, body });
            next.apply(&Recorded { seq: next.seq() + 1, at, event })?;
        }
        let append = ConversationAppend {
            id: self.id,
            expected_seq: state.seq(),
            events: &rows,
            title: next.title(),
            focus: next.focus(),
            busy: next.is_busy(),
            at,
            moves,
        };
        shared.workspace.conversations().append(&append).await?;
        *state = Arc::new(next);
        self.last.send_replace(state.seq());
        Ok(state.seq())
    }

    /// Takes up what a process that died has left.
    pub(super) async fn take_up(self: &Arc<Self>, shared: &Arc<Shared>) -> Result<(), ChatError> {
        let state = self.state().await;
        if state.open().is_some() {
            let why = Some("the process that worked on it ended".to_owned());
            self.write(shared, vec![Event::TurnEnded { end: TurnEnd::Interrupted, why }]).await?;
        }
        if shared.taking == Taking::Turns {
            for (run, _) in state.runs().iter().filter(|(_, held)| held.is_followed()) {
                follow::begin(shared, self, *run);
            }
            self.go_on(shared);
        }
        Ok(())
    }

    /// Ends the turn that goes on, if one does; if a number is given, only the turn with that.
    pub(super) fn cut(&self, end: TurnEnd, number: Option<u64>) {
        if let Some(running) = &mut *self.running.lock().unwrap_or_else(PoisonError::into_inner)
            && number.is_none_or(|number| number == running.number)
        {
            running.end = end;
            running.cancel.cancel();
        }
    }

    /// Takes the turns that wait, one after the other, unless somebody does.
    pub(super) fn go_on(self: &Arc<Self>, shared: &Arc<Shared>) {
        if shared.taking == Taking::Nothing || shared.stopping.is_cancelled() {
            return;
        }
        let (room, tracked) = (Arc::clone(self), Arc::clone(shared));
        shared.tasks.spawn(async move {
            while !tracked.stopping.is_cancelled() {
                match room.take_turn(&tracked).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::error!(conversation = %room.id, %error, "a turn could not be taken");
                        break;
                    }
                }
            }
        });
    }

    /// Ends a turn that is open and that nobody takes any more: its end could not be written then.
    async fn end_abandoned(self: &Arc<Self>, shared: &Arc<Shared>) -> Result<(), ChatError> {
        let mut state = self.state.lock().await;
        let is_taken = self.running.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if state.open().is_none() || is_taken {
            return Ok(());
        }
        let why = Some("what came of it could not be written".to_owned());
        self.append(shared, &mut state, vec![Event::TurnEnded { end: TurnEnd::Interrupted, why }], &[]).await?;
        Ok(())
    }

    /// Takes the next turn; tells whether there was one to take.
    async fn take_turn(self: &Arc<Self>, shared: &Arc<Shared>) -> Result<bool, ChatError> {
        self.end_abandoned(shared).await?;
        let cancel = CancellationToken::new();
        let (number, began) = {
            let mut state = self.state.lock().await;
            let Some(began) = state.next_turn() else { return Ok(false) };
            self.append(shared, &mut state, vec![began.clone()], &[]).await?;
            // While the state is held: whoever cuts a turn finds it.
            let number = state.turns();
            let running = Running { number, cancel: cancel.clone(), end: TurnEnd::Stopped };
            *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
            (number, began)
        };
        if shared.stopping.is_cancelled() {
            self.cut(TurnEnd::Interrupted, Some(number));
        }
        let Event::TurnBegan { cause } = began else { return Ok(false) };
        let taking = AssertUnwindSafe(turn::take(shared, self, number, cause)).catch_unwind();
        let taken = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            taken = tokio::time::timeout(TURN_LIMIT, taking) => Some(taken),
        };
        let cut = self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|running| running.end);
        let (end, why) = match taken {
            None => (cut.unwrap_or(TurnEnd::Stopped), None),
            Some(Ok(Ok(Ok(())))) => (TurnEnd::Done, None),
            Some(Ok(Ok(Err(error)))) => (TurnEnd::Failed, Some(error.to_string())),
            Some(Ok(Err(_))) => (TurnEnd::Failed, Some("a fault of the program; its log says which".to_owned())),
            Some(Err(_)) => {
                let limit = humantime::format_duration(TURN_LIMIT);
                (TurnEnd::Failed, Some(format!("it took longer than {limit}")))
            }
        };
        let written = self.write(shared, vec![Event::TurnEnded { end, why }]).await;
        // Not before: until then the turn is no abandoned one. By now the next one may be taken.
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take_if(|running| running.number == number);
        written.map(|_| true)
    }
}
