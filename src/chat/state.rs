//! How a conversation stands: a fold of its events. Pure.
//!
//! Messages are a tree, each with the one that it follows; the current branch ends with the head. An earlier message that is
//! said otherwise begins a branch beside it, so that nothing is ever lost.

mod held;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;

use super::event::{Acceptance, Cause, Decision, Doing, Event, MessageId, Place, ProposalId, Recorded};
use crate::clock::Timestamp;
use crate::run::RunId;

pub use held::{Author, Held, HeldRun, Message, OpenTurn};

/// How many characters of the first message a conversation is called by.
const LONGEST_TITLE: usize = 60;

/// A conversation, as far as its events tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    seq: u64,
    title: String,
    focus: Option<String>,
    /// What was put in front, and after which message.
    fronts: Vec<(Option<MessageId>, Option<String>)>,
    model: Option<String>,
    messages: BTreeMap<MessageId, Arc<Message>>,
    head: Option<MessageId>,
    queue: VecDeque<MessageId>,
    open: Option<OpenTurn>,
    turns: u64,
    proposals: BTreeMap<ProposalId, Arc<Held>>,
    runs: IndexMap<RunId, HeldRun>,
    compacted: Option<MessageId>,
    /// Tasks that failed for good, for which another way is to be looked for.
    failed: VecDeque<RunId>,
}

/// An event that cannot happen as things stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} of the conversation cannot be: {reason}")]
pub struct Illegal {
    /// Its number.
    pub seq: u64,
    /// Why.
    pub reason: String,
}

impl State {
    /// How the conversation stands after these events.
    ///
    /// # Errors
    /// [`Illegal`] for the first one that cannot be.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Recorded>) -> Result<Self, Illegal> {
        let mut state = Self::default();
        for recorded in events {
            state.apply(recorded)?;
        }
        Ok(state)
    }

    /// Takes up the next event. One that is illegal changes nothing.
    ///
    /// # Errors
    /// [`Illegal`].
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), Illegal> {
        let Recorded { seq, at, event } = recorded;
        let reason = if *seq == self.seq + 1 {
            self.objection(event)
        } else {
            Some(format!("it should have number {}", self.seq + 1))
        };
        if let Some(reason) = reason {
            return Err(Illegal { seq: *seq, reason });
        }
        self.take(*seq, *at, event);
        self.seq = *seq;
        Ok(())
    }

    /// Why an event cannot be the next one.
    fn objection(&self, event: &Event) -> Option<String> {
        let says = |wrong: bool, reason: &str| wrong.then(|| reason.to_owned());
        let begins = matches!(event, Event::Begun { .. });
        if begins != (self.seq == 0) {
            return says(true, "the first event, and only that, begins a conversation");
        }
        match event {
            Event::Said { place: Place::InsteadOf(id), .. } => says(
                !self.is_placed(*id) || self.messages.get(id).is_none_or(|message| message.by != Author::Person),
                "only what a person said can be said otherwise",
            ),
            Event::Switched { head } => {
                says(self.open.is_some() || !self.is_placed(*head), "a turn is open, or there is no such message")
            }
            Event::TurnBegan { cause } => says(
                self.open.is_some()
                    || match cause {
                        Cause::Message(id) => !self.queue.contains(id),
                        Cause::Failure(run) => !self.failed.contains(run),
                    },
                "a turn is open, or there is nothing for it to answer",
            ),
            Event::Doing(Doing::Step { run, .. }) | Event::Reported { run, .. } => {
                says(!self.runs.contains_key(run), "the run was not begun here")
            }
            Event::Replied { .. } => {
                says(self.open.as_ref().is_none_or(|open| open.is_replied), "no turn waits for a reply")
            }
            Event::Piece { .. }
            | Event::Withdrawn
            | Event::Compacted { .. }
            | Event::Doing(_)
            | Event::ReadOthers
            | Event::Proposed(_)
            | Event::TurnEnded { .. } => says(self.open.is_none(), "no turn is open"),
            Event::Ran { run, .. } => says(self.runs.contains_key(run), "the run was begun already"),
            Event::Decided { proposal, decision, .. } => {
                let Some(held) = self.proposals.get(proposal) else {
                    return says(true, "there is no such proposal");
                };
                let fits = match decision {
                    Decision::Accepted { .. } => held.decision.is_none() || held.is_accepted_in_part(),
                    Decision::Rejected => held.decision.is_none(),
                    Decision::Undone { .. } => matches!(held.decision, Some(Decision::Accepted { .. })),
                    Decision::Kept { .. } => matches!(held.decision, Some(Decision::Accepted { live: false, .. })),
                };
                says(!fits, "something else was decided about the proposal")
            }
            Event::Begun { .. } | Event::Focused { .. } | Event::Said { .. } => None,
        }
    }

    fn take(&mut self, seq: u64, at: Timestamp, event: &Event) {
        match event {
            Event::Begun { focus, model } => {
                self.put_in_front(focus.clone());
                self.model.clone_from(model);
            }
            Event::Focused { workflow } => self.put_in_front(workflow.clone()),
            Event::Said { text, place } => self.said(MessageId(seq), at, text, *place),
            Event::Switched { head } => {
                self.head = Some(*head);
                self.focus = self.front_of_branch();
            }
            Event::TurnBegan { cause } => self.began(*cause),
            Event::Piece { text } => {
                if let Some(open) = &mut self.open {
                    open.text.push_str(text);
                }
            }
            Event::Withdrawn => {
                if let Some(open) = &mut self.open {
                    open.text.clear();
                }
            }
            Event::Compacted { from } => self.compacted = Some(*from),
            Event::Doing(Doing::Step { run, seq, .. }) => {
                if let Some(held) = self.runs.get_mut(run) {
                    held.told = held.told.max(*seq);
                    // One that rested goes on again.
                    held.status = held.status.filter(|status| status.is_end());
                }
            }
            Event::Doing(_) => {}
            Event::ReadOthers => {
                if let Some(open) = &mut self.open {
                    open.has_read_others = true;
                }
            }
            Event::Proposed(offered) => {
                let id = ProposalId(seq);
                let offered = Arc::new((**offered).clone());
                self.proposals
                    .insert(id, Arc::new(Held { id, offered, after: self.head, decision: None, reason: None }));
            }
            Event::Ran { run, workflow, version, kind } => {
                let (workflow, version) = (workflow.clone(), version.clone());
                self.runs.insert(
                    *run,
                    HeldRun { workflow, version, kind: *kind, status: None, told: 0, reported: None, reported_at: 0 },
                );
            }
            Event::Replied { text, links } => {
                let mut of_others = false;
                if let Some(open) = &mut self.open {
                    open.is_replied = true;
                    of_others = open.has_read_others;
                }
                self.answer(Message { links: links.clone(), of_others, ..Message::told(seq, at, text) });
            }
            Event::TurnEnded { end, .. } => {
                // What came before it was cut short stays.
                if let Some(open) = self.open.take().filter(|open| !open.is_replied && !open.text.trim().is_empty()) {
                    let of_others = open.has_read_others;
                    self.answer(Message { cut: Some(*end), of_others, ..Message::told(seq, at, &open.text) });
                }
            }
            Event::Decided { proposal, decision, reason } => self.decided(*proposal, decision, reason.as_deref()),
            Event::Reported { run, status, at: run_seq, text, links, artifacts, wants_another_way } => {
                if let Some(held) = self.runs.get_mut(run) {
                    held.status = Some(*status);
                    held.reported = Some(MessageId(seq));
                    held.reported_at = *run_seq;
                }
                if *wants_another_way {
                    self.failed.push_back(*run);
                }
                let (links, artifacts) = (links.clone(), artifacts.clone());
                self.answer(Message { links, artifacts, of_others: true, ..Message::told(seq, at, text) });
            }
        }
    }

    fn said(&mut self, id: MessageId, at: Timestamp, text: &str, place: Place) {
        if self.title.is_empty() {
            self.title = title_of(text);
        }
        let message = Message { by: Author::Person, place, ..Message::told(id.0, at, text) };
        self.messages.insert(id, Arc::new(message));
        match place {
            Place::Next => self.queue.push_back(id),
            Place::Now | Place::InsteadOf(_) => self.queue.push_front(id),
        }
    }

    fn began(&mut self, cause: Cause) {
        if let Cause::Message(id) = cause {
            self.queue.retain(|waiting| *waiting != id);
            let mut parent = self.head;
            if let Some(message) = self.messages.get_mut(&id) {
                let message = Arc::make_mut(message);
                if let Place::InsteadOf(earlier) = message.place {
                    parent = self.messages.get(&earlier).and_then(|earlier| earlier.parent);
                }
            }
            if let Some(message) = self.messages.get_mut(&id) {
                Arc::make_mut(message).parent = parent;
            }
            let is_other_branch = parent != self.head;
            self.head = Some(id);
            if is_other_branch {
                self.focus = self.front_of_branch();
            }
        }
        if let Cause::Failure(run) = cause {
            self.failed.retain(|failed| *failed != run);
        }
        self.turns += 1;
        self.open = Some(OpenTurn { cause, text: String::new(), is_replied: false, has_read_others: false });
    }

    fn answer(&mut self, message: Message) {
        let message = Message { parent: self.head, ..message };
        self.head = Some(message.id);
        self.messages.insert(message.id, Arc::new(message));
    }

    fn decided(&mut self, proposal: ProposalId, decision: &Decision, reason: Option<&str>) {
        let Some(held) = self.proposals.get_mut(&proposal).map(Arc::make_mut) else { return };
        held.reason = reason.map(str::to_owned);
        let accepted = match &held.decision {
            Some(Decision::Accepted { acceptance, .. }) => Some(acceptance.workflow.clone()),
            _ => None,
        };
        match (decision, &mut held.decision) {
            (Decision::Kept { workflow, version, text }, Some(Decision::Accepted { acceptance, live, .. })) => {
                *live = true;
                acceptance.workflow.clone_from(workflow);
                acceptance.after.version.clone_from(version);
                if let Some(text) = text {
                    acceptance.after.text.clone_from(text);
                }
            }
            _ => held.decision = Some(decision.clone()),
        }
        match decision {
            Decision::Accepted { acceptance: Acceptance { workflow, .. }, live: true, .. }
            | Decision::Kept { workflow, .. }
            | Decision::Undone { workflow: Some(workflow), .. } => self.put_in_front(Some(workflow.clone())),
            Decision::Undone { version: None, .. } if self.focus == accepted => self.put_in_front(None),
            _ => {}
        }
    }

    fn put_in_front(&mut self, workflow: Option<String>) {
        self.fronts.push((self.head, workflow.clone()));
        self.focus = workflow;
    }

    /// The workflow that was put in front last in the current branch.
    fn front_of_branch(&self) -> Option<String> {
        let branch: HashSet<MessageId> = self.branch().into_iter().map(|message| message.id).collect();
        let here = self.fronts.iter().rev().find(|(head, _)| head.is_none_or(|head| branch.contains(&head)));
        here.and_then(|(_, workflow)| workflow.clone())
    }

    /// Whether a message is in the tree: those that wait are not yet.
    fn is_placed(&self, id: MessageId) -> bool {
        self.messages.contains_key(&id) && !self.queue.contains(&id)
    }

    /// The number of the last event.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What it is called: the beginning of the first message.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The workflow in front of it.
    #[must_use]
    pub fn focus(&self) -> Option<&str> {
        self.focus.as_deref()
    }

    /// The alias of the model that is asked, if it is another than the configured one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// How many turns there were.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// The turn that goes on.
    #[must_use]
    pub fn open(&self) -> Option<&OpenTurn> {
        self.open.as_ref()
    }

    /// The messages that wait for their turn, the next one first.
    #[must_use]
    pub fn queue(&self) -> &VecDeque<MessageId> {
        &self.queue
    }

    /// A message.
    #[must_use]
    pub fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.get(&id).map(AsRef::as_ref)
    }

    /// All messages, of all branches, in the order in which they were said.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.values().map(AsRef::as_ref)
    }

    /// The last message of the current branch.
    #[must_use]
    pub fn head(&self) -> Option<MessageId> {
        self.head
    }

    /// The messages of the current branch, oldest first.
    #[must_use]
    pub fn branch(&self) -> Vec<&Message> {
        let mut branch = Vec::new();
        let mut next = self.head;
        while let Some(message) = next.and_then(|id| self.messages.get(&id)) {
            branch.push(message.as_ref());
            next = message.parent;
        }
        branch.reverse();
        branch
    }

    /// Whether others' words may be in what is said in the current branch, and so in what the model is shown of it.
    #[must_use]
    pub fn has_read_others(&self) -> bool {
        self.branch().iter().any(|message| message.of_others)
    }

    /// A proposal.
    #[must_use]
    pub fn proposal(&self, id: ProposalId) -> Option<&Held> {
        self.proposals.get(&id).map(AsRef::as_ref)
    }

    /// The proposals that came of the current branch, oldest first.
    #[must_use]
    pub fn proposals(&self) -> Vec<&Held> {
        let branch: HashSet<MessageId> = self.branch().into_iter().map(|message| message.id).collect();
        let is_here = |held: &&Held| held.after.is_none_or(|id| branch.contains(&id));
        self.proposals.values().map(AsRef::as_ref).filter(is_here).collect()
    }

    /// The proposal that can be accepted or rejected: the last one, unless something was decided about it.
    #[must_use]
    pub fn open_proposal(&self) -> Option<&Held> {
        self.proposals().pop().filter(|held| held.decision.is_none())
    }

    /// The proposal of which something can be accepted: the last one, unless it is decided about whole.
    #[must_use]
    pub fn acceptable_proposal(&self) -> Option<&Held> {
        self.proposals().pop().filter(|held| held.decision.is_none() || held.is_accepted_in_part())
    }

    /// The last proposal whose acceptance can be taken back.
    #[must_use]
    pub fn accepted(&self) -> Option<&Held> {
        self.proposals().into_iter().rev().find(|held| matches!(held.decision, Some(Decision::Accepted { .. })))
    }

    /// The runs that were begun here, in that order.
    #[must_use]
    pub fn runs(&self) -> &IndexMap<RunId, HeldRun> {
        &self.runs
    }

    /// The first message that the model was last shown as it was said, if there were older ones.
    #[must_use]
    pub fn compacted(&self) -> Option<MessageId> {
        self.compacted
    }

    /// Whether something goes on, or will.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.open.is_some()
            || !self.queue.is_empty()
            || !self.failed.is_empty()
            || self.runs.values().any(HeldRun::is_followed)
    }

    /// What begins the next turn, if one can begin.
    #[must_use]
    pub fn next_turn(&self) -> Option<Event> {
        if self.open.is_some() {
            return None;
        }
        let message = self.queue.front().map(|id| Cause::Message(*id));
        let cause = message.or_else(|| self.failed.front().map(|run| Cause::Failure(*run)))?;
        Some(Event::TurnBegan { cause })
    }
}

fn title_of(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= LONGEST_TITLE {
        return line;
    }
    line.chars().take(LONGEST_TITLE - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
