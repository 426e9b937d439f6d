//! The conversation on a terminal or in a pipe: what is typed goes in, what happens is shown.

pub(super) mod file;
mod prompt;
mod showing;

use std::collections::VecDeque;

use console::Key;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::input::{Heard, Input};
use crate::chat::Choice;
use crate::chat::event::{Event, MessageId, Place, ProposalId, Recorded, TurnEnd};
use crate::chat::state::{HeldRun, State};
use crate::cli::client::Lost;
use crate::cli::complaint::Complaint;
use crate::cli::exit::Exit;
use crate::cli::session::{Session, Twice, passed_on};
use crate::cli::{Context, Format};
use crate::server::{ConversationFrame, ConversationView, DecidedView, EventPage, GoOnWith, Say, StoppedTurn, Uttered};
use crate::store::ConversationId;
use file::InFront;
use showing::Showing;

/// How many events are read at once.
const PAGE: usize = 5_000;

/// How many messages of a conversation that is gone on with are shown.
const SHOWN_AGAIN: usize = 4;

/// How often a new owner of the folder is looked for.
const MOST_OWNERS: u32 = 1_000;

const HELP: &str = "\
y, n, e       at a proposal: accept it, reject it, or say what is to be different
!TEXT         say it at once: the turn that goes on is ended for it
/stop         end the turn that goes on; so does Ctrl-C
/accept STEP… accept these steps of the proposal
/undo         take back what was accepted last
/edit N TEXT  say message N otherwise, which begins a branch; `/messages` shows the numbers
/go N         go on with the branch that ends with message N
/messages     what was said, with numbers
/quit         leave; whatever goes on is gone on with by `callboard chat --conversation last`";

/// What becomes of proposals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// A person is asked.
    Asked,
    /// They are accepted.
    Yes,
}

/// A conversation, seen from the command line.
pub(super) struct Talk<'t> {
    context: &'t Context,
    session: &'t mut Session,
    id: ConversationId,
    answers: Answers,
    state: State,
    /// The event that something here has led to: before it is seen, the conversation does not rest.
    awaited: u64,
    showing: Showing<'t>,
    /// The file that the conversation is about, which accepted changes are written to.
    file: Option<InFront>,
    /// What is typed on a terminal, and not sent yet.
    typed: String,
    /// The proposal that a key decides about.
    asked: Option<ProposalId>,
    last_end: Option<TurnEnd>,
    is_interrupted: bool,
}

/// Whether to go on.
enum Next {
    GoOn,
    Leave(Exit),
}

type Frames = BoxStream<'static, Result<ConversationFrame, Lost>>;

impl<'t> Talk<'t> {
    /// Reads what was said so far.
    pub(super) async fn new(
        context: &'t Context,
        session: &'t mut Session,
        conversation: ConversationView,
        file: Option<InFront>,
        answers: Answers,
    ) -> Result<Self, Complaint> {
        let mut state = State::default();
        loop {
            let page = EventPage { after: state.seq(), limit: Some(PAGE) };
            let path = format!("/api/conversations/{}/events", conversation.id);
            let events: Vec<Recorded> = session.get_with(&path, &page).await?;
            if events.is_empty() {
                break;
            }
            for recorded in &events {
                state.apply(recorded).map_err(|error| Complaint::environment("other_version", error.to_string()))?;
            }
        }
        let showing = Showing::new(&context.output);
        Ok(Self {
            context,
            session,
            id: conversation.id,
            answers,
            awaited: state.seq(),
            state,
            showing,
            file,
            typed: String::new(),
            asked: None,
            last_end: None,
            is_interrupted: false,
        })
    }

    /// Says one thing, and shows what comes of it.
    pub(super) async fn once(mut self, message: &str) -> Result<Exit, Complaint> {
        self.say(message.to_owned(), Place::Next).await?;
        self.follow(None).await
    }

    /// Talks until there is nothing more to say.
    pub(super) async fn converse(mut self) -> Result<Exit, Complaint> {
        let input = Input::new(self.context.output.is_live());
        if self.context.output.format() == Format::Text {
            let focus = self.state.focus().map(|focus| format!(" about `{focus}`")).unwrap_or_default();
            self.context.output.line(format!("conversation {}{focus}", self.id));
            if input.is_terminal() && self.state.turns() == 0 {
                self.context.output.line("Say what is to be done. /help says what else there is.");
            }
            for message in self.state.branch().into_iter().rev().take(SHOWN_AGAIN).collect::<Vec<_>>().into_iter().rev()
            {
                self.showing.again(message);
            }
        }
        self.follow(Some(input)).await
    }

    /// Follows the conversation: until it rests, if there is no input; else until the input ends.
    async fn follow(&mut self, mut input: Option<Input>) -> Result<Exit, Complaint> {
        let context = self.context;
        for _ in 0..MOST_OWNERS {
            let path = format!("/api/conversations/{}/events/live?after={}", self.id, self.state.seq());
            let followed = match self.session.client().live(&path).await {
                Ok(frames) => self.follow_owner(frames, &mut input).await?,
                Err(lost) => Err(lost),
            };
            match followed {
                Ok(exit) => return Ok(exit),
                Err(Lost::Said(complaint)) => return Err(complaint),
                Err(Lost::Owner) => self.session.renew().await?,
            }
        }
        Err(passed_on(&context.config))
    }

    async fn follow_owner(
        &mut self,
        mut frames: Frames,
        input: &mut Option<Input>,
    ) -> Result<Result<Exit, Lost>, Complaint> {
        let is_terminal = input.as_ref().is_some_and(Input::is_terminal);
        let interrupt = self.context.interrupt.clone();
        // A terminal that does not say so is drawn anew with the next key.
        let mut resizes = signal(SignalKind::window_change()).ok();
        loop {
            let rests = self.rests();
            if rests && self.decides_by_itself().await? {
                continue;
            }
            if rests && input.is_none() {
                return Ok(Ok(self.exit()));
            }
            if is_terminal {
                self.prompt(rests);
            }
            let listens = input.is_some() && (is_terminal || rests);
            tokio::select! {
                frame = frames.next() => match frame {
                    Some(Ok(ConversationFrame::Event(recorded))) => self.see(&recorded)?,
                    Some(Ok(ConversationFrame::Error(error))) => {
                        return Err(Complaint { exit: Exit::Environment, error });
                    }
                    Some(Err(lost)) => return Ok(Err(lost)),
                    None => return Ok(Err(Lost::Owner)),
                },
                heard = next_of(input), if listens => {
                    let next = match heard {
                        Heard::Line(line) => self.line(line, is_terminal).await?,
                        Heard::Key(key) => self.key(key).await?,
                        Heard::End => Next::Leave(self.exit()),
                    };
                    if let Next::Leave(exit) = next {
                        self.showing.clear_prompt();
                        return Ok(Ok(exit));
                    }
                },
                () = resized(&mut resizes), if is_terminal => self.showing.resized(),
                () = interrupt.wanted(), if !self.is_interrupted => {
                    self.is_interrupted = true;
                    let _: StoppedTurn = self.post("stop", &Value::Null).await?;
                    return Ok(Ok(Exit::Interrupted));
                },
            }
        }
    }

    fn see(&mut self, recorded: &Recorded) -> Result<(), Complaint> {
        let not_written = self.follow_file(recorded);
        self.state.apply(recorded).map_err(|error| Complaint::environment("other_version", error.to_string()))?;
        if let Event::TurnEnded { end, .. } = &recorded.event {
            self.last_end = Some(*end);
        }
        if let Some(why) = not_written {
            self.showing.line(&why);
        }
        self.showing.show(recorded, &self.state);
        Ok(())
    }

    /// Writes what is decided to the file, with how things stand before it; why it is not written, if it should be.
    fn follow_file(&mut self, recorded: &Recorded) -> Option<String> {
        let Event::Decided { proposal, decision, .. } = &recorded.event else { return None };
        self.file.as_mut()?.follow(self.state.proposal(*proposal)?, decision)
    }

    /// Whether nothing goes on by itself, as far as can be seen.
    fn rests(&self) -> bool {
        let state = &self.state;
        state.seq() >= self.awaited
            && state.open().is_none()
            && state.next_turn().is_none()
            && !state.runs().values().any(HeldRun::goes_on)
    }

    /// Accepts the open proposal if that is what was asked for.
    async fn decides_by_itself(&mut self) -> Result<bool, Complaint> {
        let open = self.state.open_proposal().map(|held| held.id);
        match open {
            Some(proposal) if self.answers == Answers::Yes => {
                self.decide(proposal, Choice::Accept { steps: Vec::new(), run: false }).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn exit(&self) -> Exit {
        match self.last_end {
            Some(TurnEnd::Failed | TurnEnd::Interrupted) => Exit::RunFailed,
            _ => Exit::Done,
        }
    }

    /// Shows where something can be typed, and what.
    fn prompt(&mut self, rests: bool) {
        self.asked = self.state.open_proposal().filter(|_| rests).map(|held| held.id);
        let mark = match (rests, self.asked) {
            (true, Some(_)) if !self.typed.is_empty() => "what is to be different › ".to_owned(),
            (true, Some(proposal)) => format!("{proposal}: accept? [y]es [n]o [e]lse › "),
            (true, None) => "› ".to_owned(),
            (false, _) => format!("{} › ", self.showing.doing()),
        };
        self.showing.prompt(&mark, self.typed.strip_prefix(' ').unwrap_or(&self.typed));
    }

    async fn key(&mut self, key: Key) -> Result<Next, Complaint> {
        match key {
            Key::CtrlC => {
                if self.state.open().is_some() {
                    let _: StoppedTurn = self.post("stop", &Value::Null).await?;
                    return Ok(Next::GoOn);
                }
                if self.typed.is_empty() {
                    return Ok(Next::Leave(self.exit()));
                }
                self.typed.clear();
            }
            Key::Char('\u{4}') if self.typed.is_empty() => return Ok(Next::Leave(self.exit())),
            Key::Char(choice @ ('y' | 'n' | 'e' | 'Y' | 'N' | 'E'))
                if self.typed.is_empty() && self.asked.is_some() =>
            {
                if let Some(proposal) = self.asked.take() {
                    match choice.to_ascii_lowercase() {
                        'y' => self.decide(proposal, Choice::Accept { steps: Vec::new(), run: false }).await?,
                        'n' => self.decide(proposal, Choice::Reject { reason: None }).await?,
                        // What is typed now says what is to be different.
                        _ => self.typed.push(' '),
                    }
                }
            }
            Key::Enter => {
                let line = std::mem::take(&mut self.typed);
                self.showing.typed(&line);
                return self.line(line, true).await;
            }
            Key::Backspace => {
                self.typed.pop();
            }
            Key::Char(c) if !c.is_control() => self.typed.push(c),
            _ => {}
        }
        Ok(Next::GoOn)
    }

    async fn line(&mut self, line: String, is_terminal: bool) -> Result<Next, Complaint> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(Next::GoOn);
        }
        if !is_terminal && self.context.output.format() == Format::Text {
            self.context.output.line(format!("> {line}"));
        }
        let mut words: VecDeque<&str> = line.split_whitespace().collect();
        let done = match words.pop_front() {
            Some("/quit" | "/exit") => return Ok(Next::Leave(self.exit())),
            Some("/help") => {
                self.showing.line(HELP);
                Ok(())
            }
            Some("/messages") => {
                self.messages();
                Ok(())
            }
            Some("/stop") => self.post::<_, StoppedTurn>("stop", &Value::Null).await.map(drop),
            Some("/accept") => match self.state.open_proposal().map(|held| held.id) {
                Some(proposal) => {
                    let steps = words.into_iter().map(str::to_owned).collect();
                    self.decide(proposal, Choice::Accept { steps, run: false }).await
                }
                None => Err(Complaint::invalid("nothing_proposed", "nothing is proposed")),
            },
            Some("/undo") => match self.state.accepted().map(|held| held.id) {
                Some(proposal) => self.decide(proposal, Choice::Undo).await,
                None => Err(Complaint::invalid("nothing_accepted", "nothing was accepted here")),
            },
            Some("/edit") => match words.pop_front().and_then(|number| number.parse().ok()) {
                Some(number) => {
                    let text = words.into_iter().collect::<Vec<_>>().join(" ");
                    self.say(text, Place::InsteadOf(MessageId(number))).await
                }
                None => Err(Complaint::invalid("no_such_message", "say which message: /edit N TEXT")),
            },
            Some("/go") => match words.pop_front().and_then(|number| number.parse().ok()) {
                Some(number) => {
                    let wanted = GoOnWith { head: Some(MessageId(number)), workflow: None };
                    self.post::<_, Value>("go-on", &wanted).await.map(drop)
                }
                None => Err(Complaint::invalid("no_such_message", "say which message: /go N")),
            },
            Some(word) if word.starts_with('/') && is_terminal => {
                Err(Complaint::invalid("no_such_command", format!("there is no `{word}`; /help says what there is")))
            }
            _ => match line.strip_prefix('!') {
                Some(text) => self.say(text.trim().to_owned(), Place::Now).await,
                None => self.say(line.to_owned(), Place::Next).await,
            },
        };
        match done {
            // What cannot be said is no reason to leave.
            Err(complaint) if complaint.exit == Exit::Invalid => {
                self.showing.line(&format!("{}.", complaint.error.message));
                Ok(Next::GoOn)
            }
            Err(complaint) => Err(complaint),
            Ok(()) => Ok(Next::GoOn),
        }
    }

    fn messages(&mut self) {
        let branch: Vec<MessageId> = self.state.branch().iter().map(|message| message.id).collect();
        let lines: Vec<String> = self
            .state
            .messages()
            .map(|message| {
                let aside = if branch.contains(&message.id) { ' ' } else { '|' };
                let who = match message.by {
                    crate::chat::state::Author::Person => "you",
                    crate::chat::state::Author::Callboard => "callboard",
                };
                format!("{aside}{:>5}  {who:<9}  {}", message.id, crate::cli::output::clipped(&message.text, 80))
            })
            .collect();
        self.showing.line(&lines.join("\n"));
    }

    async fn say(&mut self, text: String, place: Place) -> Result<(), Complaint> {
        let said: Uttered = self.post("messages", &Say { text, place }).await?;
        self.awaited = self.awaited.max(said.message.0);
        Ok(())
    }

    async fn decide(&mut self, proposal: ProposalId, choice: Choice) -> Result<(), Complaint> {
        let decided = self.post::<_, DecidedView>(&format!("proposals/{}", proposal.0), &choice).await;
        match decided {
            Ok(decided) => {
                self.awaited = self.awaited.max(decided.seq);
                self.showing.said(&decided.text);
                Ok(())
            }
            Err(complaint) if complaint.exit == Exit::Invalid => {
                self.showing.line(&format!("{}.", complaint.error.message));
                // It would be tried again and again.
                self.answers = Answers::Asked;
                Ok(())
            }
            Err(complaint) => Err(complaint),
        }
    }

    async fn post<B: serde::Serialize + Sync, T: serde::de::DeserializeOwned>(
        &mut self,
        what: &str,
        body: &B,
    ) -> Result<T, Complaint> {
        let path = format!("/api/conversations/{}/{what}", self.id);
        self.session.post(&path, body, Twice::Harmful).await
    }
}

/// Returns when the terminal has another size.
async fn resized(resizes: &mut Option<Signal>) {
    if let Some(resizes) = resizes
        && resizes.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

async fn next_of(input: &mut Option<Input>) -> Heard {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}
