use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::chat::event::{Acceptance, BaseVersion, By, Event, Offered, Place, ProposalId, Recorded, RunKind, TurnEnd};
use crate::clock::Timestamp;
use crate::run::{RunId, RunStatus};

struct Long {
    state: State,
}

impl Long {
    fn new() -> Self {
        let mut long = Self { state: State::default() };
        long.write(Event::Begun { focus: None, model: None });
        long
    }

    fn write(&mut self, event: Event) -> u64 {
        let recorded = Recorded { seq: self.state.seq() + 1, at: Timestamp(0), event };
        self.state.apply(&recorded).unwrap();
        self.state.seq()
    }

    fn said(&mut self, text: String) {
        self.write(Event::Said { text, place: Place::Next });
        let began = self.state.next_turn().unwrap();
        self.write(began);
    }

    fn replied(&mut self, text: String) {
        self.write(Event::Replied { text, links: Vec::new() });
        self.write(Event::TurnEnded { end: TurnEnd::Done, why: None });
    }
}

/// Words that say nothing that matters.
fn filler(turn: usize) -> String {
    let words = ["the harbour lies calm", "boats come and go", "gulls sit on the wall", "nobody is in a hurry"];
    (0..6).map(|at| words[(turn + at) % words.len()]).collect::<Vec<_>>().join(", ")
}

/// A conversation of 400 turns, and what of it must not be forgotten.
fn long() -> (Long, Vec<String>) {
    let mut long = Long::new();
    let mut planted = Vec::new();
    for turn in 0..400_usize {
        let n = u64::try_from(turn).unwrap();
        let (mut ask, mut answer) = (format!("{} again", filler(turn)), format!("Yes, {}.", filler(turn + 1)));
        match turn % 40 {
            3 => {
                ask = format!("From now on always send reports to team{turn}@example.com. {ask}");
                planted.push(format!("From now on always send reports to team{turn}@example.com"));
            }
            7 => {
                answer = format!("{answer} It is ticket INV-{turn}-{turn}.");
                planted.push(format!("INV-{turn}-{turn}"));
            }
            11 => {
                answer = format!("{answer} Which of the two calendars numbered {turn} is meant?");
                ask = format!("{ask}. Or shall somebody else look at quay {turn}?");
                planted.push(format!("calendars numbered {turn} is meant?"));
            }
            _ => {}
        }
        // What follows a question of ours is a question again, which answers nothing.
        if turn % 40 == 12 {
            ask = format!("{ask}, and what of the boats?");
        }
        long.said(ask);
        if turn % 40 == 20 {
            let offered = Offered {
                request: format!("change number {turn}"),
                workflow: "brief".to_owned(),
                base: None,
                text: String::new(),
                proposal: json!({}),
                steps: Vec::new(),
                task: false,
                more_than_steps: false,
                instead_of: None,
            };
            let id = ProposalId(long.write(Event::Proposed(Box::new(offered))));
            let version = format!("{turn:0>12}abcdef");
            let after = BaseVersion { version, text: String::new() };
            let decision = if turn % 80 == 20 {
                let workflow = "brief".to_owned();
                planted.push(format!("{id} accepted: `brief` version {turn:0>12}"));
                {
                    let acceptance = Acceptance { steps: Vec::new(), workflow, before: None, after, between: false };
                    Decision::Accepted { acceptance, live: true, by: By::Person }
                }
            } else {
                planted.push(format!("{id} rejected (asked for: change number {turn})"));
                Decision::Rejected
            };
            long.write(Event::Decided { proposal: id, decision, reason: None });
            let run = RunId(Uuid::from_u64_pair(n, n));
            let (workflow, version) = ("brief".to_owned(), "v".to_owned());
            long.write(Event::Ran { run, workflow, version, kind: RunKind::Workflow });
            planted.push(format!("run {run} of `brief`: failed"));
            long.replied(answer);
            long.write(Event::Reported {
                at: 0,
                run,
                status: RunStatus::Failed,
                text: "It failed.".to_owned(),
                links: Vec::new(),
                artifacts: Vec::new(),
                wants_another_way: false,
            });
            continue;
        }
        long.replied(answer);
    }
    (long, planted)
}

#[test]
fn of_four_hundred_turns_whatever_matters_is_still_there_within_the_budget() {
    let (long, planted) = long();
    for model in ["gpt-4o", "offline"] {
        let count = TokenCount::of(model);
        let Compacted { summary, messages, from } = compact(&long.state, &count, BUDGET);
        let summary = summary.unwrap();
        assert!(planted.len() >= 50, "{}", planted.len());
        // What the newest messages say themselves is not said twice.
        let shown = format!("{summary}\n{messages:?}");
        for one in &planted {
            assert!(shown.contains(one), "{model}: `{one}` is forgotten:\n{summary}");
        }
        let mut all = messages.clone();
        all.push(Said::User { text: summary.clone() });
        let used = count.request(&Request { messages: all, ..Request::default() });
        assert!(used <= BUDGET + 100, "{model}: {used} tokens");
        assert!(messages.len() > 10 && from.is_some());
        assert_eq!(
            messages.last(),
            Some(&Said::Assistant { text: format!("Yes, {}.", filler(400)), calls: Vec::new() })
        );
        assert!(!summary.contains("nobody is in a hurry, the harbour"), "what says nothing is left out");
    }
}

#[test]
fn a_short_conversation_is_shown_as_it_was_said() {
    let mut long = Long::new();
    long.said("hello".to_owned());
    long.replied("Hello.".to_owned());
    let compacted = compact(&long.state, &TokenCount::of("offline"), BUDGET);
    let said =
        [Said::User { text: "hello".to_owned() }, Said::Assistant { text: "Hello.".to_owned(), calls: Vec::new() }];
    assert_eq!(compacted, Compacted { summary: None, messages: said.to_vec(), from: None });
}

#[test]
fn what_does_not_fit_goes_by_rank_and_decisions_stay() {
    let (long, planted) = long();
    let count = TokenCount::of("offline");
    let Compacted { summary, messages, .. } = compact(&long.state, &count, 1_600);
    let summary = summary.unwrap();
    for one in planted.iter().filter(|one| one.contains("accepted") || one.contains("rejected")) {
        assert!(summary.contains(one), "`{one}` is forgotten");
    }
    let mut all = messages;
    all.push(Said::User { text: summary });
    assert!(count.request(&Request { messages: all, ..Request::default() }) <= 1_700);
}

#[test]
fn a_message_of_any_length_is_shown_in_bounds() {
    let mut long = Long::new();
    long.said("é".repeat(60_000));
    long.replied("x ".repeat(60_000));
    let count = TokenCount::of("offline");
    let compacted = compact(&long.state, &count, BUDGET);
    let shown: usize = compacted
        .messages
        .iter()
        .map(|message| match message {
            Said::User { text } | Said::Assistant { text, .. } => text.chars().count(),
            _ => 0,
        })
        .sum();
    assert!(shown < 3 * LONGEST, "{shown}");
}
