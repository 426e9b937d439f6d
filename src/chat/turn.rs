//! One turn: the model is shown the conversation, chooses tools, and is told what they bring, until there is a reply.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::acts::{self, Act};
use super::compact::{self, Compacted, compact};
use super::decide;
use super::event::{Cause, Doing, Event, Link};
use super::propose;
use super::room::Room;
use super::state::State;
use super::tools::{Wanted, specs};
use super::{ChatError, Shared};
use crate::model::talk::{Now, OpenProposal};
use crate::model::{Message, Model, Models, Piece, Reply, Request, TokenCount, ToolCall, untrusted};

/// What the model is told of its work.
pub(super) const PROMPT: &str = include_str!("../../prompts/chat.md");

/// How often the model is asked in one turn.
const ROUNDS: u32 = 6;

/// How many calls of one reply are carried out.
const MOST_CALLS: usize = 8;

/// How much of a result the model is shown, in characters.
const LONGEST_RESULT: usize = 12_000;

/// How many tokens a reply may have.
const REPLY_TOKENS: u32 = 4_096;

/// A reply is not shown before it has so many characters, or is known to call nothing: what a model says before it calls a tool is no
/// part of the reply.
const HELD_BACK: usize = 200;

/// How many pieces a reply comes in, about, until it is ten times as long.
const PIECES: usize = 16;

/// The shortest piece, in characters, unless it is the last one.
const SHORTEST_PIECE: usize = 80;

/// How long nothing may come of a reply. Models have limits of their own, which are shorter.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many workflows the model is told of.
const MOST_WORKFLOWS: usize = 50;

/// One turn, and what it needs.
pub(super) struct Turn<'t> {
    pub(super) shared: &'t Arc<Shared>,
    pub(super) room: &'t Arc<Room>,
    pub(super) number: u64,
    /// What the person said, word for word; empty if nobody said anything.
    pub(super) words: String,
    /// How things stand, as the model is told.
    pub(super) now: Now,
    /// The alias of the model that is asked.
    pub(super) alias: String,
    /// Whether something that others wrote was read, in this turn or earlier in its branch.
    has_read_others: bool,
    /// Where what is said can be seen.
    pub(super) links: Vec<Link>,
}

/// Takes a turn. What is written of it is all that is left of it.
pub(super) async fn take(shared: &Arc<Shared>, room: &Arc<Room>, number: u64, cause: Cause) -> Result<(), ChatError> {
    let state = room.state().await;
    let words = match cause {
        Cause::Message(id) => state.message(id).map(|message| message.text.clone()).unwrap_or_default(),
        Cause::Failure(_) => String::new(),
    };
    let alias = state.model().unwrap_or(&shared.settings.model).to_owned();
    let now = now(shared, &state).await?;
    let has_read_others = state.has_read_others();
    let mut turn = Turn { shared, room, number, words, now, alias, has_read_others, links: Vec::new() };
    match cause {
        Cause::Message(_) => turn.answer(&state).await,
        Cause::Failure(run) => {
            let text = propose::another_way(&mut turn, &state, run).await?;
            turn.reply(text).await
        }
    }
}

/// How things stand.
pub(super) async fn now(shared: &Shared, state: &State) -> Result<Now, ChatError> {
    let workflows = shared.workspace.workflows().list().await?;
    let names = workflows.into_iter().filter(|head| head.live.is_some()).map(|head| head.name);
    Ok(Now {
        time: shared.clock.now().to_string(),
        focus: state.focus().map(str::to_owned),
        proposal: state.acceptable_proposal().map(|held| OpenProposal {
            id: held.id.to_string(),
            workflow: held.offered.workflow.clone(),
            steps: held.open_steps().map(ToString::to_string).collect(),
            in_part: held.is_accepted_in_part(),
        }),
        accepted: state.accepted().map(|held| held.id.to_string()),
        run: state.runs().last().map(|(run, held)| {
            let status = held.status.map_or_else(|| "goes on".to_owned(), |status| status.to_string());
            format!("{run} of {}: {status}", held.workflow)
        }),
        workflows: names.take(MOST_WORKFLOWS).collect(),
    })
}

impl Turn<'_> {
    async fn answer(&mut self, state: &State) -> Result<(), ChatError> {
        let models = &self.shared.models;
        let Some(model) = models.get(&self.alias).cloned() else {
            return Err(no_such_model(models, &self.alias));
        };
        let mut request = self.request(state, &models.token_count(&self.alias)).await?;
        for _ in 0..ROUNDS {
            let reply = self.ask(model.as_ref(), &request).await?;
            if reply.calls.is_empty() {
                let text = if reply.text.trim().is_empty() {
                    "The model had nothing to say. Say it in other words, perhaps.".to_owned()
                } else {
                    reply.text
                };
                return self.reply(text).await;
            }
            let Reply { text, mut calls, .. } = reply;
            calls.truncate(MOST_CALLS);
            request.messages.push(Message::Assistant { text, calls: calls.clone() });
            for call in &calls {
                match self.call(call).await? {
                    Act::Said(text) => return self.reply(text).await,
                    Act::Result(result) => {
                        let result = bounded(result);
                        request.messages.push(Message::Tool { call: call.id.clone(), result });
                    }
                }
            }
        }
        let text =
            format!("The model has called tools {ROUNDS} times over and come to no reply. Ask for less at once.");
        self.reply(text).await
    }

    async fn request(&self, state: &State, count: &TokenCount) -> Result<Request, ChatError> {
        count.ready().await;
        let Compacted { summary, messages, from } = compact(state, count, compact::BUDGET);
        if let Some(from) = from.filter(|from| state.compacted() != Some(*from)) {
            self.write(Event::Compacted { from }).await?;
        }
        let mut system = format!("{PROMPT}\n{}\n\n", untrusted::RULE);
        if let Some(summary) = summary {
            system.push_str("# Earlier in this conversation\n\n");
            system.push_str(&summary);
            system.push('\n');
        }
        system.push_str(&self.now.put());
        let mut all = vec![Message::System { text: system }];
        all.extend(messages);
        let reply_tokens = Some(REPLY_TOKENS);
        Ok(Request { messages: all, tools: specs(), reply_tokens, ..Request::default() })
    }

    /// One exchange, told of as it comes.
    async fn ask(&self, model: &dyn Model, request: &Request) -> Result<Reply, ChatError> {
        let failed = |error: crate::model::ModelError| super::port::Refusal(error.to_string());
        let mut pieces = model.stream(request);
        let mut piece = String::new();
        let (mut whole, mut is_shown) = (0_usize, false);
        loop {
            let next = tokio::time::timeout(PATIENCE, pieces.next()).await;
            let next = next.map_err(|_| super::port::Refusal("the model has said nothing for too long".to_owned()))?;
            match next.transpose().map_err(failed)? {
                Some(Piece::Text(text)) => {
                    whole += text.chars().count();
                    piece.push_str(&text);
                    let enough = SHORTEST_PIECE.max(whole / PIECES);
                    if whole >= HELD_BACK && piece.chars().count() >= enough {
                        is_shown = true;
                        self.write(Event::Piece { text: std::mem::take(&mut piece) }).await?;
                    }
                }
                Some(Piece::Said) => {
                    if !piece.is_empty() {
                        is_shown = true;
                        self.write(Event::Piece { text: std::mem::take(&mut piece) }).await?;
                    }
                }
                Some(Piece::Done(reply)) => {
                    if is_shown && !reply.calls.is_empty() {
                        self.write(Event::Withdrawn).await?;
                    }
                    return Ok(reply);
                }
                None => return Err(super::port::Refusal("the model's reply has no end".to_owned()).into()),
            }
        }
    }

    async fn call(&mut self, call: &ToolCall) -> Result<Act, ChatError> {
        let wanted = match Wanted::read(call) {
            Ok(wanted) => wanted,
            Err(reason) => return Ok(Act::Result(json!({ "error": reason }))),
        };
        self.write(Event::Doing(Doing::Calling { tool: call.name.clone() })).await?;
        match wanted {
            Wanted::Propose(wanted) => propose::propose(self, wanted).await,
            Wanted::Decide(wanted) => decide::by_words(self, wanted).await,
            Wanted::Run(wanted) => acts::run(self, wanted).await,
            Wanted::Simulate(wanted) => acts::simulate(self, wanted).await,
            Wanted::AskRuns(wanted) => acts::ask_runs(self, &wanted.question).await,
            Wanted::Show(wanted) => acts::show(self, wanted.workflow).await,
            Wanted::Search(wanted) => acts::search(self, &wanted.query).await,
            Wanted::Remember(wanted) => acts::remember(self, wanted.text).await,
            Wanted::Keep(wanted) => decide::keep(self, wanted.name).await,
        }
    }

    /// Whether something that others wrote was read, so that nothing may be decided in a person's place.
    pub(super) fn has_read_others(&self) -> bool {
        self.has_read_others
    }

    /// Says that something that others wrote is read. Durable before it is: whatever ends this turn, the next one knows.
    pub(super) async fn reads_others(&mut self) -> Result<(), ChatError> {
        if !self.room.state().await.open().is_some_and(|open| open.has_read_others) {
            self.write(Event::ReadOthers).await?;
        }
        self.has_read_others = true;
        Ok(())
    }

    pub(super) async fn reply(&mut self, text: String) -> Result<(), ChatError> {
        let mut links = std::mem::take(&mut self.links);
        links.dedup();
        let text = text.trim_end().to_owned();
        self.write(Event::Replied { text, links }).await?;
        Ok(())
    }

    /// Writes an event of this turn; its number.
    pub(super) async fn write(&self, event: Event) -> Result<u64, ChatError> {
        self.room.write_in_turn(self.shared, self.number, vec![event]).await
    }
}

fn no_such_model(models: &Models, alias: &str) -> ChatError {
    let known = models.aliases().collect::<Vec<_>>().join(", ");
    super::port::Refusal(format!("there is no model `{alias}`; there are: {known}")).into()
}

fn bounded(result: Value) -> Value {
    let text = result.to_string();
    if text.chars().count() <= LONGEST_RESULT {
        return result;
    }
    let cut: String = text.chars().take(LONGEST_RESULT).collect();
    json!({ "cut": cut })
}
