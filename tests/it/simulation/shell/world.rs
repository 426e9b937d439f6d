//! The world outside: people, senders of signals, other runs. It hears what became durable, and says what
//! it has to say until that is durable too.

use std::sync::Arc;

use callboard::clock::Timestamp;
use callboard::run::question::stuck;
use callboard::run::{Output, Payload, Question, QuestionKind, Recorded, RunEvent, RunId, RunStatus, StepPath};
use callboard::workflow::{Outcome, Process, Wait};
use serde_json::{Value, json};

use super::super::generate::LATENCY;
use super::super::invariants;
use super::super::oracle::{ChildFate, Oracle, SignalFate};
use super::{Shell, ms};

/// News from outside.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// To the question that event `asked` asked.
    Answer {
        question: Arc<str>,
        asked: u64,
        choice: Outcome,
        form: Option<Payload>,
    },
    Signal {
        name: String,
        payload: Value,
    },
    ChildEnd {
        step: StepPath,
        run: RunId,
        status: RunStatus,
        output: Output,
    },
    Cancel {
        reason: &'static str,
    },
}

impl Shell<'_> {
    /// Records what came in, or sees it refused.
    pub(super) fn hear(&mut self, news: News) {
        let event = match news.clone() {
            News::Answer { question, asked, choice, form } => {
                let is_open = self.state.question(&question).is_some();
                if is_open && self.last_asked(&question) != Some(asked) {
                    return;
                }
                let event = RunEvent::Answered { question, choice, form, by: Some("ada".into()) };
                if !is_open {
                    return invariants::check_refused(&self.state, event, self.now);
                }
                event
            }
            News::Signal { name, payload } => RunEvent::SignalCame { name, payload: Payload::of(payload) },
            News::ChildEnd { step, run, status, output } => {
                let event = RunEvent::ChildEnded { step, run, status, output };
                if !self.state.children().any(|(child, _)| child == run) {
                    return invariants::check_refused(&self.state, event, self.now);
                }
                event
            }
            News::Cancel { .. } if self.state.status() == RunStatus::Cancelling => return,
            News::Cancel { reason } => RunEvent::CancelRequested { reason: reason.into() },
        };
        self.unheard.push(news);
        self.record(event);
    }

    fn last_asked(&self, id: &str) -> Option<u64> {
        let asks =
            |recorded: &&Recorded| matches!(&recorded.event, RunEvent::Asked { question } if *question.id == *id);
        self.log.iter().rev().find(asks).map(|recorded| recorded.seq)
    }

    /// Says something `within` milliseconds.
    pub(super) fn post(&mut self, within: u64, news: News) {
        let at = self.now.after(ms(self.rng.u64(..=within)));
        self.post_at(at, news);
    }

    pub(super) fn post_at(&mut self, at: Timestamp, news: News) {
        self.posted += 1;
        self.inbox.insert((at, self.posted), news);
    }

    /// Hears what became durable, and reacts.
    pub(super) fn observe(&mut self, recorded: &Recorded) {
        match &recorded.event {
            RunEvent::Asked { question } => self.be_asked(question, recorded.seq),
            RunEvent::Waiting { step, until, signal: Some(name) } => self.be_awaited(step, *until, name),
            RunEvent::ChildStarted { step, run } => {
                let attempt = self.attempt(step);
                let (status, output) = match self.scenario.oracle.child(self.steps[step.id()], step.as_str(), attempt) {
                    ChildFate::Completed => {
                        (RunStatus::Completed, Output::Value(Payload::of(Oracle::value(step.as_str(), attempt))))
                    }
                    ChildFate::Failed => (RunStatus::Failed, Output::Nothing),
                    ChildFate::Cancelled => (RunStatus::Cancelled, Output::Nothing),
                    ChildFate::Hangs => return,
                };
                self.post(LATENCY, News::ChildEnd { step: step.clone(), run: *run, status, output });
            }
            _ => {}
        }
    }

    fn be_asked(&mut self, question: &Question, asked: u64) {
        let (path, attempt) = (question.step.as_str(), self.attempt(&question.step));
        let oracle = &self.scenario.oracle;
        let (choice, form) = match &question.kind {
            QuestionKind::Human => {
                let step = self.steps[question.step.id()];
                let Process::Human(human) = &step.process else { panic!("{path} is no human step") };
                let form = human.form.is_some().then(|| Payload::of(Oracle::value(path, attempt)));
                match (oracle.person(step, human, path, attempt), question.deadline) {
                    (Some(choice), _) => (choice, form),
                    (None, Some(deadline)) => {
                        let (question, choice) = (question.id.clone(), human.choices[0].clone());
                        return self.post_at(deadline.after(ms(5)), News::Answer { question, asked, choice, form });
                    }
                    (None, None) => return,
                }
            }
            QuestionKind::Stuck { .. } => {
                (if oracle.wants_it_again(path, attempt) { stuck::AGAIN } else { stuck::FAIL }.into(), None)
            }
            QuestionKind::Unknown { .. } => (oracle.answer_to_unknown(path, attempt).into(), None),
            QuestionKind::Approval { .. } => {
                let approves = oracle.approves(path, attempt);
                (if approves { Outcome::APPROVED } else { Outcome::REJECTED }.into(), None)
            }
        };
        self.post(LATENCY, News::Answer { question: question.id.clone(), asked, choice, form });
    }

    fn be_awaited(&mut self, path: &StepPath, until: Option<Timestamp>, name: &str) {
        let (step, attempt) = (self.steps[path.id()], self.attempt(path));
        let Process::Wait(wait @ Wait::Event { matching, .. }) = &step.process else {
            panic!("{path} waits for no event")
        };
        if matching.is_some() && self.rng.u8(..4) == 0 {
            // For somebody else, and must not disturb.
            let payload = json!({ "to": "nobody", "number": self.posted });
            self.post(LATENCY, News::Signal { name: name.into(), payload });
        }
        let payload = matching.as_ref().map_or(json!("common"), |_| Oracle::value(path.as_str(), attempt));
        let signal = News::Signal { name: name.into(), payload };
        match (self.scenario.oracle.signal(step, wait, path.as_str(), attempt), until) {
            (SignalFate::InTime, _) => self.post(LATENCY, signal),
            (SignalFate::Late, Some(until)) => self.post_at(until.after(ms(5)), signal),
            (SignalFate::Late, None) => {}
        }
    }
}
