use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::chat::event::{Acceptance, BaseVersion, By, Offered, RunKind, TurnEnd};
use crate::run::RunStatus;

/// A conversation that is written as the shell writes it.
#[derive(Clone, Default)]
struct Written {
    state: State,
    events: Vec<Recorded>,
}

impl Written {
    fn begun() -> Self {
        let mut written = Self::default();
        written.write(Event::Begun { focus: None, model: None });
        written
    }

    fn write(&mut self, event: Event) -> u64 {
        let recorded = Recorded { seq: self.state.seq() + 1, at: Timestamp(0), event };
        self.state.apply(&recorded).unwrap();
        self.events.push(recorded);
        self.state.seq()
    }

    fn say(&mut self, text: &str, place: Place) -> MessageId {
        MessageId(self.write(Event::Said { text: text.to_owned(), place }))
    }

    fn turn(&mut self) -> bool {
        match self.state.next_turn() {
            Some(began) => {
                self.write(began);
                true
            }
            None => false,
        }
    }

    fn reply(&mut self, text: &str) {
        self.write(Event::Replied { text: text.to_owned(), links: Vec::new() });
        self.end(TurnEnd::Done);
    }

    fn end(&mut self, end: TurnEnd) {
        self.write(Event::TurnEnded { end, why: None });
    }

    fn texts(&self) -> Vec<&str> {
        self.state.branch().iter().map(|message| message.text.as_str()).collect()
    }
}

fn offered() -> Box<Offered> {
    Box::new(Offered {
        request: "change it".to_owned(),
        workflow: "hello".to_owned(),
        base: None,
        text: String::new(),
        proposal: json!({}),
        steps: Vec::new(),
        task: false,
        more_than_steps: false,
        instead_of: None,
    })
}

fn accepted(live: bool) -> Decision {
    let after = BaseVersion { version: "v2".to_owned(), text: String::new() };
    let acceptance =
        Acceptance { steps: Vec::new(), workflow: "hello".to_owned(), before: None, after, between: false };
    Decision::Accepted { acceptance, live, by: By::Person }
}

#[test]
fn what_is_said_while_a_turn_goes_on_waits_and_follows_its_reply() {
    let mut written = Written::begun();
    written.say("one", Place::Next);
    assert!(written.turn() && !written.turn(), "one turn at a time");
    written.say("two", Place::Next);
    written.say("three", Place::Next);
    written.reply("first");
    assert_eq!(written.texts(), ["one", "first"]);
    written.turn();
    written.reply("second");
    assert_eq!(written.texts(), ["one", "first", "two", "second"]);
    assert!(written.state.is_busy(), "a message waits");
    written.turn();
    written.reply("third");
    assert_eq!(written.texts(), ["one", "first", "two", "second", "three", "third"]);
    assert!(!written.state.is_busy());
    assert_eq!(written.state.title(), "one");
}

#[test]
fn whoever_steers_is_heard_next_with_what_came_before() {
    let mut written = Written::begun();
    written.say("research otters", Place::Next);
    written.turn();
    written.say("later", Place::Next);
    written.write(Event::Piece { text: "Otters are".to_owned() });
    written.say("only sea otters", Place::Now);
    written.end(TurnEnd::Steered);
    written.turn();
    assert_eq!(written.texts(), ["research otters", "Otters are", "only sea otters"]);
    let cut = written.state.branch()[1].cut;
    assert_eq!(cut, Some(TurnEnd::Steered));
}

#[test]
fn an_earlier_message_said_otherwise_begins_a_branch_and_nothing_is_lost() {
    let mut written = Written::begun();
    let mut say = |text: &str, reply: &str, place: Place| {
        let id = written.say(text, place);
        written.turn();
        written.write(Event::Proposed(offered()));
        written.reply(reply);
        id
    };
    say("one", "first", Place::Next);
    let two = say("two", "second", Place::Next);
    say("TWO", "SECOND", Place::InsteadOf(two));
    assert_eq!(written.texts(), ["one", "first", "TWO", "SECOND"]);
    assert_eq!(written.state.messages().count(), 6);
    assert_eq!(written.state.proposals().len(), 2, "what was proposed in the other branch does not stand here");

    let head = written.state.messages().find(|message| message.text == "second").unwrap().id;
    written.write(Event::Switched { head });
    assert_eq!(written.texts(), ["one", "first", "two", "second"]);
}

#[test]
fn a_proposal_is_decided_about_once_and_can_be_taken_back_once() {
    let mut written = Written::begun();
    written.say("change it", Place::Next);
    written.turn();
    let id = ProposalId(written.write(Event::Proposed(offered())));
    written.reply("changed");
    assert_eq!(written.state.open_proposal().map(|held| held.id), Some(id));
    written.write(Event::Decided { proposal: id, decision: accepted(true), reason: None });
    assert_eq!((written.state.open_proposal(), written.state.focus()), (None, Some("hello")));
    let again = |decision: Decision| {
        let event = Event::Decided { proposal: id, decision, reason: None };
        let recorded = Recorded { seq: written.state.seq() + 1, at: Timestamp(0), event };
        written.state.clone().apply(&recorded)
    };
    assert!(again(accepted(true)).is_err() && again(Decision::Rejected).is_err());
    assert!(again(Decision::Undone { version: None, workflow: None, text: None }).is_ok());
    written.write(Event::Decided {
        proposal: id,
        decision: Decision::Undone { version: None, workflow: None, text: None },
        reason: None,
    });
    assert_eq!((written.state.accepted(), written.state.focus()), (None, None));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut written = Written::begun();
    let run = RunId(Uuid::nil());
    for event in [
        Event::Begun { focus: None, model: None },
        Event::Piece { text: "x".to_owned() },
        Event::TurnEnded { end: TurnEnd::Done, why: None },
        Event::TurnBegan { cause: Cause::Message(MessageId(7)) },
        Event::TurnBegan { cause: Cause::Failure(run) },
        Event::Said { text: "x".to_owned(), place: Place::InsteadOf(MessageId(1)) },
        Event::Switched { head: MessageId(1) },
        Event::Proposed(offered()),
        Event::Decided { proposal: ProposalId(1), decision: Decision::Rejected, reason: None },
        Event::Doing(Doing::Step { run, step: "a".into(), standing: "ok".to_owned(), seq: 7 }),
    ] {
        let before = written.state.clone();
        let wrong = Recorded { seq: 2, at: Timestamp(0), event };
        assert!(written.state.apply(&wrong).is_err(), "{wrong:?}");
        assert_eq!(written.state, before);
    }
    let gap = Recorded { seq: 3, at: Timestamp(0), event: Event::Focused { workflow: None } };
    assert!(written.state.apply(&gap).is_err());
    assert!(State::default().apply(&Recorded { seq: 1, ..gap }).is_err());
    written.say("x", Place::Next);
}

/// What somebody, a model, a run or a crash does next; what makes no sense as things stand is not done, as by the shell.
fn act(written: &mut Written, (kind, pick): (u8, usize)) {
    let state = &written.state;
    let any_message = state.messages().map(|message| message.id).nth(pick % state.messages().count().max(1));
    let any_run = state.runs().keys().nth(pick % state.runs().len().max(1)).copied();
    let is_open = state.open().is_some();
    match kind {
        0 | 1 => drop(written.say("next?", Place::Next)),
        2 => drop(written.say("now", Place::Now)),
        3 => {
            let fits = any_message.filter(|id| {
                !state.queue().contains(id) && state.message(*id).is_some_and(|message| message.by == Author::Person)
            });
            if let Some(id) = fits {
                written.say("instead", Place::InsteadOf(id));
            }
        }
        4 | 5 => drop(written.turn()),
        6 if is_open => drop(written.write(Event::Piece { text: "piece ".to_owned() })),
        7 if is_open => drop(written.write(Event::Withdrawn)),
        8 if is_open => drop(written.write(Event::Proposed(offered()))),
        9 | 10 if state.open().is_some_and(|open| !open.is_replied) => written.reply("reply"),
        11 if is_open => {
            let ends = [TurnEnd::Stopped, TurnEnd::Steered, TurnEnd::Failed, TurnEnd::Interrupted];
            written.end(ends[pick % ends.len()]);
        }
        12 => {
            if let Some(id) = state.open_proposal().map(|held| held.id) {
                let decision = if pick % 3 == 0 { Decision::Rejected } else { accepted(pick % 2 == 0) };
                written.write(Event::Decided { proposal: id, decision, reason: None });
            }
        }
        13 => {
            if let Some(id) = state.accepted().map(|held| held.id) {
                let decision = Decision::Undone { version: None, workflow: None, text: None };
                written.write(Event::Decided { proposal: id, decision, reason: None });
            }
        }
        14 => {
            let run = RunId(Uuid::from_u64_pair(1, state.seq()));
            let (workflow, version) = ("hello".to_owned(), "v1".to_owned());
            written.write(Event::Ran { run, workflow, version, kind: RunKind::Task });
        }
        15 => {
            if let Some(run) = any_run {
                let (links, artifacts) = (Vec::new(), Vec::new());
                let wants_another_way = pick % 2 == 0;
                let (status, text) = (RunStatus::Failed, "failed".to_owned());
                written.write(Event::Reported { run, status, at: 0, text, links, artifacts, wants_another_way });
            }
        }
        16 if !is_open => {
            if let Some(head) = any_message.filter(|id| !state.queue().contains(id)) {
                written.write(Event::Switched { head });
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn whatever_happens_folds_from_every_prefix_and_loses_no_message(
        acts in prop::collection::vec((0_u8..17, any::<usize>()), 0..120)
    ) {
        let mut written = Written::begun();
        for one in acts {
            act(&mut written, one);
        }
        let said = written.events.iter().filter(|recorded| matches!(recorded.event, Event::Said { .. })).count();
        let by_people = written.state.messages().filter(|message| message.by == Author::Person).count();
        prop_assert_eq!(said, by_people);
        prop_assert_eq!(written.state.branch().last().map(|message| message.id), written.state.head());
        let mut state = State::default();
        for (at, recorded) in written.events.iter().enumerate() {
            state.apply(recorded).unwrap();
            let json = serde_json::to_string(recorded).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Recorded>(&json).unwrap(), recorded);
            if at % 7 == 0 {
                prop_assert_eq!(&State::of(&written.events[..=at]).unwrap(), &state);
            }
            // A turn begins whenever one can, so that nothing waits for ever.
            prop_assert!(state.open().is_some() || state.queue().is_empty() || state.next_turn().is_some());
        }
        prop_assert_eq!(state, written.state);
    }
}
