//! The shell in miniature: one thread, one run, a clock that jumps, and a power cord that gets pulled.
//!
//! What survives a crash: the log, the world's inbox (people, other runs and senders of signals try
//! again until they are heard), and the clock. Everything else is dropped and rebuilt from the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use callboard::clock::Timestamp;
use callboard::run::{
    CallKey, Category, Command, Evaluation, Failure, Output, Payload, Permit, Policy, Question, QuestionKind, Recorded,
    RunEvent, RunId, RunState, RunStatus, StepPath, ValueRef, Verdict, decide, recover, rule,
};
use callboard::workflow::{Graph, Outcome, Process, Step, Wait, Workflow};
use fastrand::Rng;
use serde_json::{Value, json};

use super::generate::LATENCY;
use super::invariants;
use super::oracle::{ChildFate, Fate, Oracle, SignalFate};
use super::reference::Crashes;

/// The scenario of one seed: what is run, and what befalls it from outside.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) workflow: Workflow,
    pub(super) oracle: Oracle,
    /// Crashes, in thousandths, at each point where one may happen.
    pub(super) crashing: u16,
    /// Crashes in all; one that repeats for ever would prove nothing.
    pub(super) crashes: u32,
    /// When somebody asks for the run's end.
    pub(super) cancel_at: Option<Timestamp>,
    pub(super) deadline: Option<Timestamp>,
    /// How often, in thousandths of all steps of the shell, the dear checks are made.
    pub(super) checking: u16,
}

/// What a run has come to, and what it took.
pub(super) struct Outcomes {
    pub(super) log: Vec<Recorded>,
    pub(super) state: RunState,
    pub(super) calls: Crashes,
    /// Nothing could happen any more, and it was cancelled for that.
    pub(super) was_endless: bool,
    /// How often each attempt was performed, by place and attempt.
    pub(super) performed: BTreeMap<(String, u32), u32>,
    pub(super) crashes: u32,
}

pub(super) const START: Timestamp = Timestamp(1_767_225_600_000);

pub(super) fn run_id() -> RunId {
    RunId(uuid::Uuid::from_u128(7))
}

/// Why a run is cancelled in which nothing can happen any more.
const ENDLESS: &str = "nothing more happens";

fn is_endless(event: &RunEvent) -> bool {
    matches!(event, RunEvent::CancelRequested { reason } if reason == ENDLESS)
}

/// News from outside.
#[derive(Clone, Debug)]
enum News {
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

/// An attempt that the executor works on.
#[derive(Debug)]
struct Flight {
    step: StepPath,
    attempt: u32,
    place: String,
    /// When something happens to it; never if it hangs.
    at: Option<Timestamp>,
    nth_call: usize,
    /// The call is being made.
    calling: bool,
    /// It was told to stop.
    stopping: bool,
}

pub(super) struct Shell<'a> {
    scenario: &'a Scenario,
    steps: HashMap<String, &'a Step>,
    graph: Arc<Graph>,
    rng: Rng,

    now: Timestamp,
    log: Vec<Recorded>,
    inbox: BTreeMap<(Timestamp, u64), News>,
    posted: u64,
    /// Taken from the inbox, and not yet durable.
    unheard: Vec<News>,

    state: RunState,
    pending: Vec<Recorded>,
    /// To be done once what is pending is durable.
    todo: Vec<Command>,
    flights: Vec<Flight>,
    /// The current attempt of each step.
    attempts: HashMap<StepPath, u32>,

    performed: BTreeMap<(String, u32), u32>,
    crashes: u32,
}

impl<'a> Shell<'a> {
    /// A shell that goes on from `log`, which may be empty, as after a crash.
    pub(super) fn new(scenario: &'a Scenario, log: &[Recorded], rng: Rng) -> Self {
        let graph = Arc::new(Graph::of(&scenario.workflow));
        let mut steps = HashMap::new();
        collect_steps(&scenario.workflow.steps, &mut steps);
        let mut shell = Self {
            scenario,
            steps,
            state: RunState::new(run_id(), graph.clone()),
            graph,
            rng,
            now: log.last().map_or(START, |last| last.at),
            log: Vec::new(),
            inbox: BTreeMap::new(),
            posted: 0,
            unheard: Vec::new(),
            pending: Vec::new(),
            todo: Vec::new(),
            flights: Vec::new(),
            attempts: HashMap::new(),
            performed: BTreeMap::new(),
            crashes: 0,
        };
        if let Some(at) = scenario.cancel_at
            && !log.iter().any(|recorded| matches!(recorded.event, RunEvent::CancelRequested { .. }))
        {
            shell.post_at(at.max(shell.now), News::Cancel { reason: "somebody asked for it" });
        }
        if log.is_empty() {
            shell.record(RunEvent::Created {
                workflow: scenario.workflow.name.clone(),
                version: "v".into(),
                inputs: Payload::of(json!({})),
                pins: BTreeMap::new(),
                origin: None,
                depth: 0,
                deadline: scenario.deadline,
            });
        } else {
            for recorded in log {
                shell.fold(recorded);
                shell.log.push(recorded.clone());
                shell.observe(recorded);
            }
            shell.restart();
        }
        shell
    }

    /// Goes on until the run has ended.
    pub(super) fn run(mut self) -> Outcomes {
        let mut turns = 0;
        while !self.state.status().is_end() || !self.pending.is_empty() {
            turns += 1;
            assert!(turns < 100_000, "the run does not end");
            self.settle();
            if self.append() && !self.state.status().is_end() {
                self.wait();
            }
        }
        self.settle();
        assert!(self.pending.is_empty(), "something was decided after the end: {:?}", self.pending);
        invariants::check_end(&self.state, self.now);
        Outcomes {
            calls: crashed_calls(&self.log),
            was_endless: self.log.iter().any(|recorded| is_endless(&recorded.event)),
            log: std::mem::take(&mut self.log),
            state: self.state.clone(),
            performed: std::mem::take(&mut self.performed),
            crashes: self.crashes,
        }
    }

    /// Asks what is to be done until nothing new is recorded.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 2_000, "deciding does not settle");
            let before = self.state.seq();
            for command in decide(&self.state, self.now) {
                self.obey(command);
            }
            if self.state.seq() == before {
                return;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Record(event) => self.record(event),
            Command::Evaluate(evaluation) => self.evaluate(evaluation),
            later => self.todo.push(later),
        }
    }

    fn record(&mut self, event: RunEvent) {
        let recorded = Recorded { seq: self.state.seq() + 1, at: self.now, event };
        self.fold(&recorded);
        self.pending.push(recorded);
    }

    fn fold(&mut self, recorded: &Recorded) {
        if let Err(illegal) = self.state.apply(recorded) {
            panic!("{illegal}: {:?}", recorded.event);
        }
        if let RunEvent::Started { step, attempt, .. } = &recorded.event {
            self.attempts.insert(step.clone(), *attempt);
        }
    }

    /// Makes durable what is pending, then does what was to be done after. False if there was a crash.
    fn append(&mut self) -> bool {
        if self.rng.u16(..1000) < self.scenario.checking {
            invariants::check_fold(&self.graph, &self.log, &self.pending, &self.state);
            invariants::check_illegal(&self.state, &self.log, self.now, &mut self.rng);
        }
        if self.crash_here() {
            // Or a part of it was appended before.
            let durable = if self.rng.bool() { self.rng.usize(..=self.pending.len()) } else { 0 };
            self.make_durable(durable);
            self.crash();
            return false;
        }
        self.make_durable(self.pending.len());
        if self.crash_here() {
            self.crash();
            return false;
        }
        for command in std::mem::take(&mut self.todo) {
            self.perform(command);
        }
        // What was performed may have been recorded, and be durable before anything else happens.
        self.pending.is_empty()
    }

    fn make_durable(&mut self, count: usize) {
        for recorded in self.pending.drain(..count).collect::<Vec<_>>() {
            invariants::check_json(&recorded);
            self.observe(&recorded);
            self.log.push(recorded);
        }
        if self.pending.is_empty() {
            self.unheard.clear();
        }
    }

    fn crash_here(&mut self) -> bool {
        self.crashes < self.scenario.crashes && self.rng.u16(..1000) < self.scenario.crashing
    }

    fn crash(&mut self) {
        self.crashes += 1;
        self.now = self.now.after(std::time::Duration::from_millis(self.rng.u64(..LATENCY)));
        self.state = RunState::new(run_id(), self.graph.clone());
        self.pending.clear();
        self.todo.clear();
        self.flights.clear();
        self.attempts.clear();
        for news in std::mem::take(&mut self.unheard) {
            self.post(1, news);
        }
        let log = std::mem::take(&mut self.log);
        for recorded in &log {
            self.fold(recorded);
        }
        self.log = log;
        if self.log.is_empty() {
            let mut fresh = Self::new(self.scenario, &[], self.rng.fork());
            fresh.crashes = self.crashes;
            *self = fresh;
            return;
        }
        self.restart();
    }

    /// A new process takes the run up, as its log says.
    fn restart(&mut self) {
        if !self.state.status().is_end() {
            for command in recover(&self.state) {
                self.obey(command);
            }
        }
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Perform { step, attempt } => {
                assert!(!self.flights.iter().any(|flight| flight.step == step), "{step} is performed twice at once");
                // What follows may have ended it before it began.
                if self.state.is_working(&step, attempt) {
                    let place = self.place(&step);
                    *self.performed.entry((place.clone(), attempt)).or_default() += 1;
                    let at = Some(self.soon());
                    let (nth_call, calling, stopping) = (0, false, false);
                    self.flights.push(Flight { step, attempt, place, at, nth_call, calling, stopping });
                }
            }
            Command::Abort { step } => {
                let at = self.soon();
                let state = &self.state;
                self.flights.retain_mut(|flight| {
                    if flight.step == step && !flight.stopping {
                        flight.stopping = true;
                        flight.at = Some(flight.at.unwrap_or(at).min(at));
                    }
                    flight.step != step || state.is_working(&flight.step, flight.attempt)
                });
            }
            Command::CancelChild { run } => {
                let step = self.state.children().find(|(child, _)| *child == run).map(|(_, step)| step.clone());
                let is_on_the_way = self.inbox.iter().any(|((at, _), news)| {
                    matches!(news, News::ChildEnd { run: ended, .. } if *ended == run)
                        && *at <= self.now.after(ms(LATENCY))
                });
                if let Some(step) = step.filter(|_| !is_on_the_way) {
                    let (status, output) = (RunStatus::Cancelled, Output::Nothing);
                    self.post(LATENCY, News::ChildEnd { step, run, status, output });
                }
            }
            Command::Record(_) | Command::Evaluate(_) => unreachable!("obeyed at once"),
        }
    }

    /// Moves the clock to what happens next, and lets it happen.
    fn wait(&mut self) {
        let flight = (0..self.flights.len())
            .filter_map(|index| Some((self.flights[index].at?, index)))
            .min_by_key(|(at, _)| (*at, self.rng.u8(..)));
        let news = self.inbox.keys().next().copied();
        let wake = self.state.next_wake().filter(|_| self.state.status() != RunStatus::Cancelling);
        let next = [flight.map(|(at, _)| at), news.map(|(at, _)| at), wake];
        invariants::check_status(&self.state, self.flights.len());
        let Some(next) = next.into_iter().flatten().min() else {
            let is_cancelled = self.state.status() == RunStatus::Cancelling;
            assert!(!is_cancelled, "nothing can happen, and it was cancelled already: {:?}", self.state);
            return self.post_at(self.now, News::Cancel { reason: ENDLESS });
        };
        self.now = self.now.max(next);
        match (flight, news) {
            (Some((at, index)), _)
                if at <= self.now && (news.is_none_or(|(at, _)| at > self.now) || self.rng.bool()) =>
            {
                let flight = self.flights.swap_remove(index);
                self.fly(flight);
            }
            (_, Some(key)) if key.0 <= self.now => {
                let news = self.inbox.remove(&key).expect("it was there");
                self.hear(news);
            }
            _ => {
                let wake = decide(&self.state, self.now);
                assert!(!wake.is_empty(), "woken at {} for nothing", self.now);
            }
        }
    }

    fn hear(&mut self, news: News) {
        let event = match news.clone() {
            News::Answer { question, asked, choice, form } => {
                let is_open = self.state.question(&question).is_some();
                let event = RunEvent::Answered { question: question.clone(), choice, form, by: Some("ada".into()) };
                if !is_open {
                    return invariants::check_refused(&self.state, event, self.now);
                }
                let asks = |recorded: &&Recorded| matches!(&recorded.event, RunEvent::Asked { question: is } if is.id == question);
                if self.log.iter().rev().find(asks).map(|recorded| recorded.seq) != Some(asked) {
                    return;
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

    fn post(&mut self, within: u64, news: News) {
        let at = self.now.after(ms(self.rng.u64(..=within)));
        self.post_at(at, news);
    }

    fn post_at(&mut self, at: Timestamp, news: News) {
        self.posted += 1;
        self.inbox.insert((at, self.posted), news);
    }

    fn soon(&mut self) -> Timestamp {
        let latency = if self.rng.bool() { 0 } else { self.rng.u64(..LATENCY) };
        self.now.after(ms(latency))
    }

    /// The world sees what became durable, and reacts.
    fn observe(&mut self, recorded: &Recorded) {
        let oracle = &self.scenario.oracle;
        match &recorded.event {
            RunEvent::Asked { question } => {
                let (place, attempt) = (self.place(&question.step), self.attempt(&question.step));
                let (id, asked) = (question.id.clone(), recorded.seq);
                match &question.kind {
                    QuestionKind::Human => {
                        let step = self.steps[question.step.id()];
                        let Process::Human(human) = &step.process else { panic!("{id} is no human step") };
                        let form = human.form.is_some().then(|| Payload::of(Oracle::value(&place, attempt)));
                        match (oracle.person(step, human, &place, attempt), question.deadline) {
                            (Some(choice), _) => self.post(LATENCY, News::Answer { question: id, asked, choice, form }),
                            (None, Some(deadline)) => {
                                let choice = human.choices[0].clone();
                                self.post_at(deadline.after(ms(5)), News::Answer { question: id, asked, choice, form });
                            }
                            (None, None) => {}
                        }
                    }
                    QuestionKind::Unknown { .. } => {
                        let choice = oracle.answer_to_unknown(&place, attempt).into();
                        self.post(LATENCY, News::Answer { question: id, asked, choice, form: None });
                    }
                    QuestionKind::Approval { .. } => {
                        let yes = oracle.approves(&place, attempt);
                        let choice = if yes { Outcome::APPROVED } else { Outcome::REJECTED }.into();
                        self.post(LATENCY, News::Answer { question: id, asked, choice, form: None });
                    }
                }
            }
            RunEvent::Waiting { step: path, until, signal: Some(name) } => {
                let (place, attempt) = (self.place(path), self.attempt(path));
                let step = self.steps[path.id()];
                let Process::Wait(wait @ Wait::Event { matching, .. }) = &step.process else {
                    panic!("{path} waits for no event")
                };
                // Signals for others must not disturb.
                let stray = json!({ "to": "nobody", "number": self.posted });
                if self.rng.u8(..4) == 0 && matching.is_some() {
                    self.post(LATENCY, News::Signal { name: name.clone(), payload: stray });
                }
                let payload = match matching {
                    Some(_) => Oracle::value(&place, attempt),
                    None => json!("common"),
                };
                let signal = News::Signal { name: name.clone(), payload };
                match (oracle.signal(step, wait, &place, attempt), until) {
                    (SignalFate::InTime, _) => self.post(LATENCY, signal),
                    (SignalFate::Late, Some(until)) => self.post_at(until.after(ms(5)), signal),
                    (SignalFate::Late, None) => {}
                }
            }
            RunEvent::ChildStarted { step: path, run } => {
                let (place, attempt) = (self.place(path), self.attempt(path));
                let (status, output) = match oracle.child(self.steps[path.id()], &place, attempt) {
                    ChildFate::Completed => {
                        (RunStatus::Completed, Output::Value(Payload::of(Oracle::value(&place, attempt))))
                    }
                    ChildFate::Failed => (RunStatus::Failed, Output::Nothing),
                    ChildFate::Cancelled => (RunStatus::Cancelled, Output::Nothing),
                    ChildFate::Hangs => return,
                };
                self.post(LATENCY, News::ChildEnd { step: path.clone(), run: *run, status, output });
            }
            _ => {}
        }
    }

    /// Something happens to an attempt in flight.
    fn fly(&mut self, mut flight: Flight) {
        assert!(self.state.is_working(&flight.step, flight.attempt), "{} was not stopped", flight.place);
        let step = self.steps[flight.step.id()];
        let oracle = &self.scenario.oracle;
        let effects = oracle.calls(step, &flight.place);
        if flight.stopping && !flight.calling {
            return self.fail(&flight, Failure { category: Category::Cancelled, ..failure(Category::Retry) });
        }
        if let Process::Workflow { .. } = step.process {
            let run = run_id().child(&flight.step, flight.attempt);
            return self.record(RunEvent::ChildStarted { step: flight.step, run });
        }
        let Some(effect) = effects.get(flight.nth_call).copied() else {
            return match oracle.attempt(step, &flight.place, flight.attempt) {
                Fate::Good | Fate::Unknown => {
                    let output = Output::Value(Payload::of(Oracle::value(&flight.place, flight.attempt)));
                    self.record(RunEvent::Ended { step: flight.step, outcome: Outcome::OK.into(), output });
                }
                Fate::Fails(category) => self.fail(&flight, failure(category)),
                Fate::Hangs => {
                    flight.at = None;
                    self.flights.push(flight);
                }
            };
        };
        let (tool, key) = (String::from("tool"), call_key(&flight.step, flight.nth_call));
        let path = flight.step.clone();
        if !flight.calling {
            let policy = Policy { ask_from: oracle.ask_from, ..Policy::default() };
            match rule(&self.state, &path, flight.attempt, &key, effect, policy) {
                Verdict::Make => {}
                Verdict::Intend => {
                    let arguments = Payload::of(json!({}));
                    self.record(RunEvent::CallIntended { step: path, key, tool, effect, arguments });
                }
                Verdict::Repeat => self.record(RunEvent::CallRepeated { step: path, key, tool }),
                Verdict::Recorded(_) => {
                    flight.nth_call += 1;
                    self.flights.push(flight);
                    return;
                }
                Verdict::Ask => {
                    let question = approval(&flight, key);
                    return self.record(RunEvent::Asked { question });
                }
                Verdict::Refuse(why) => return self.fail(&flight, why),
                Verdict::Simulate => panic!("nothing is simulated here"),
            }
            flight.calling = true;
            flight.at = Some(self.soon());
            self.flights.push(flight);
            return;
        }
        // The call was made, once its intent was durable.
        if effect.effect.changes_the_world() {
            assert!(self.pending.is_empty(), "a call is made before its intent is durable");
            let permit = Permit::intended(&self.state, &path, flight.attempt, &key);
            assert!(permit.is_some(), "no permit for a call that may be made: {path}");
        }
        let fate = oracle.call(step, &flight.place, flight.attempt, flight.nth_call);
        if fate == Fate::Hangs && !flight.stopping {
            flight.at = None;
            self.flights.push(flight);
            return;
        }
        match fate {
            Fate::Good => {
                let result = Payload::of(json!(null));
                self.record(RunEvent::CallReturned { step: path, key, tool, result });
                flight.calling = false;
                flight.nth_call += 1;
                flight.at = Some(self.soon());
                self.flights.push(flight);
            }
            Fate::Fails(category) => {
                self.record(RunEvent::CallFailed { step: path, key, tool, failure: failure(category) });
                self.fail(&flight, failure(category));
            }
            Fate::Unknown | Fate::Hangs => {
                // Else the step is parked, and the attempt over.
                let category = self.rng.choice([Category::Retry, Category::GiveUp, Category::Cancelled]).unwrap();
                self.record(RunEvent::CallUnknown { step: path, key, tool, failure: failure(category) });
                if effect.may_repeat() {
                    self.fail(&flight, failure(if flight.stopping { Category::Cancelled } else { Category::Retry }));
                }
            }
        }
    }

    fn fail(&mut self, flight: &Flight, failure: Failure) {
        let (step, attempt) = (flight.step.clone(), flight.attempt);
        self.record(RunEvent::Failed { step, attempt, failure });
    }

    fn evaluate(&mut self, evaluation: Evaluation) {
        match evaluation {
            Evaluation::Begin { step, attempt } => self.begin(step, attempt),
            Evaluation::Test { step, attempt, index } => {
                let place = self.place(&step);
                let event = match self.scenario.oracle.holds(&place, attempt, index) {
                    Ok(holds) => RunEvent::Tested { step, index, holds },
                    Err(category) => RunEvent::Failed { step, attempt, failure: failure(category) },
                };
                self.record(event);
            }
            Evaluation::Match { step, signal } => {
                let RunEvent::SignalCame { payload: Payload::Value(payload), .. } = &self.event(signal).event else {
                    panic!("event {signal} is no signal")
                };
                let holds = **payload == Oracle::value(&self.place(&step), self.attempt(&step));
                self.record(RunEvent::SignalMatched { step, signal, holds });
            }
            Evaluation::Collect { step } => {
                let values = self.collect(&step);
                let output = Output::Value(Payload::of(values.into()));
                self.record(RunEvent::Ended { step, outcome: Outcome::OK.into(), output });
            }
            Evaluation::Result { last } => {
                self.record(if self.scenario.oracle.result() {
                    RunEvent::Completed { result: last.map_or(Output::Nothing, Output::Ref) }
                } else {
                    RunEvent::RunFailed { failure: failure(Category::GiveUp) }
                });
            }
        }
    }

    fn begin(&mut self, path: StepPath, attempt: u32) {
        let place = self.place(&path);
        let step = self.steps[path.id()];
        let oracle = &self.scenario.oracle;
        assert_eq!(attempt, self.attempt(&path), "{path} begins another attempt than the current one");
        if let Fate::Fails(category) = oracle.evaluation(&place, attempt) {
            return self.record(RunEvent::Failed { step: path, attempt, failure: failure(category) });
        }
        let event = match &step.process {
            Process::Transform { .. } => RunEvent::Ended {
                step: path,
                outcome: Outcome::OK.into(),
                output: Output::Value(Payload::of(Oracle::value(&place, attempt))),
            },
            Process::Branch { cases } => {
                let case = oracle.case(&place, attempt, cases.len());
                let outcome = case.map_or(Outcome::OTHERWISE.into(), |case| cases.get_index(case).unwrap().0.clone());
                RunEvent::Ended { step: path, outcome, output: Output::Nothing }
            }
            Process::ForEach(each) => {
                let count = oracle.count(&place, attempt, each.steps.len());
                RunEvent::Expanded {
                    step: path,
                    items: Payload::of(json!(vec![0; usize::try_from(count).unwrap()])),
                    count,
                }
            }
            Process::Wait(Wait::For(pause)) => {
                RunEvent::Waiting { step: path, until: Some(self.now.after(*pause)), signal: None }
            }
            Process::Wait(Wait::Until(_)) => {
                let until = Timestamp(START.0 + self.rng.i64(-1_000..30_000));
                RunEvent::Waiting { step: path, until: Some(until), signal: None }
            }
            Process::Wait(Wait::Event { name, timeout, .. }) => RunEvent::Waiting {
                step: path,
                until: timeout.map(|timeout| self.now.after(timeout)),
                signal: Some(name.clone()),
            },
            Process::Human(human) => {
                let question = Question {
                    id: path.as_str().into(),
                    step: path,
                    kind: QuestionKind::Human,
                    ask: human.ask.clone(),
                    choices: human.choices.clone(),
                    form: human.form.clone(),
                    to: human.to.clone(),
                    deadline: human.default.as_ref().map(|default| self.now.after(default.after)),
                    default: human.default.as_ref().map(|default| default.outcome.clone()),
                };
                RunEvent::Asked { question }
            }
            other => panic!("{path} has nothing to be evaluated: {other:?}"),
        };
        self.record(event);
    }

    /// The values of a `for_each`'s bodies, in order.
    fn collect(&self, each: &StepPath) -> Vec<Value> {
        let mut values = BTreeMap::new();
        for recorded in self.log.iter().chain(&self.pending).rev() {
            match &recorded.event {
                RunEvent::Expanded { step, .. } if step == each => break,
                RunEvent::BodyEnded { step, index, value, failure } if step == each => {
                    let value = match (failure, value) {
                        (Some(_), _) => json!({ "error": true }),
                        (None, Some(value)) => self.value(*value),
                        (None, None) => Value::Null,
                    };
                    assert!(values.insert(*index, value).is_none(), "{each}[{index}] ended twice");
                }
                _ => {}
            }
        }
        values.into_values().collect()
    }

    fn event(&self, seq: u64) -> &Recorded {
        let index = usize::try_from(seq).unwrap() - 1;
        self.log.get(index).unwrap_or_else(|| &self.pending[index - self.log.len()])
    }

    fn value(&self, at: ValueRef) -> Value {
        value_at(&|seq| self.event(seq), at)
    }

    fn attempt(&self, step: &StepPath) -> u32 {
        self.attempts[step]
    }

    fn place(&self, step: &StepPath) -> String {
        place(step, |step| self.attempts[step])
    }
}

/// Tells what had happened when something turned out wrong.
impl Drop for Shell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events = self.log.iter().map(|recorded| (" ", recorded));
            for (sign, recorded) in events.chain(self.pending.iter().map(|recorded| ("+", recorded))) {
                eprintln!("{sign}{:>4} {} {:?}", recorded.seq, recorded.at, recorded.event);
            }
        }
    }
}

fn ms(milliseconds: u64) -> std::time::Duration {
    std::time::Duration::from_millis(milliseconds)
}

fn failure(category: Category) -> Failure {
    Failure { category, code: "simulated".into(), message: "the oracle says so".into() }
}

fn approval(flight: &Flight, call: CallKey) -> Question {
    Question {
        id: format!("{}/{call}/{}", flight.step, flight.attempt).into(),
        step: flight.step.clone(),
        kind: QuestionKind::Approval { call },
        ask: "May it?".into(),
        choices: callboard::run::permit::approval_choices(),
        form: None,
        to: Vec::new(),
        deadline: None,
        default: None,
    }
}

pub(super) fn collect_steps<'a>(list: &'a [Step], steps: &mut HashMap<String, &'a Step>) {
    for step in list {
        steps.insert(step.id.to_string(), step);
        collect_steps(step.process.body().unwrap_or_default(), steps);
    }
}

/// A step's path with the attempts of the steps around it: what the oracle is asked by.
pub(super) fn place(step: &StepPath, attempt: impl Fn(&StepPath) -> u32) -> String {
    let mut owners = Vec::new();
    let mut scope = step.scope();
    while let Some((owner, index)) = scope.owner() {
        owners.push(format!("{}#{}[{index}].", owner.id(), attempt(&owner)));
        scope = owner.scope();
    }
    owners.reverse();
    owners.push(step.id().to_owned());
    owners.concat()
}

/// The value that the event at `at` carries.
pub(super) fn value_at<'a>(event: &impl Fn(u64) -> &'a Recorded, at: ValueRef) -> Value {
    assert_eq!(at.run, run_id(), "a value of another run");
    match &event(at.seq).event {
        RunEvent::Ended { output, .. }
        | RunEvent::ChildEnded { output, .. }
        | RunEvent::Completed { result: output } => output_value(event, output),
        RunEvent::Answered { form: Some(payload), .. }
        | RunEvent::SignalCame { payload, .. }
        | RunEvent::CallReturned { result: payload, .. } => in_place(payload),
        RunEvent::Answered { form: None, .. } => Value::Null,
        RunEvent::BodyEnded { value, .. } => value.map_or(Value::Null, |value| value_at(event, value)),
        other => panic!("event {} carries no value: {other:?}", at.seq),
    }
}

pub(super) fn output_value<'a>(event: &impl Fn(u64) -> &'a Recorded, output: &Output) -> Value {
    match output {
        Output::Nothing => Value::Null,
        Output::Value(payload) => in_place(payload),
        Output::Ref(at) => value_at(event, *at),
    }
}

fn in_place(payload: &Payload) -> Value {
    match payload {
        Payload::Value(value) => (**value).clone(),
        Payload::Stored { .. } => panic!("nothing is stored elsewhere here"),
    }
}

/// The calls that crashes did something to.
fn crashed_calls(log: &[Recorded]) -> Crashes {
    let mut attempts: HashMap<StepPath, u32> = HashMap::new();
    let mut effects = HashMap::new();
    let (mut open, mut failed) = (HashMap::new(), HashMap::new());
    let mut crashes = Crashes::default();
    for recorded in log {
        match &recorded.event {
            RunEvent::Started { step, attempt, .. } => {
                attempts.insert(step.clone(), *attempt);
                open.remove(step);
                failed.remove(step);
            }
            RunEvent::CallIntended { step, key, effect, .. } => {
                effects.insert(key, *effect);
                open.insert(step, key);
                failed.remove(step);
            }
            RunEvent::CallRepeated { step, key, .. } => {
                open.insert(step, key);
            }
            RunEvent::CallReturned { step, .. } | RunEvent::CallUnknown { step, .. } => {
                open.remove(step);
            }
            RunEvent::CallFailed { step, key, .. } => {
                open.remove(step);
                failed.insert(step, key);
            }
            RunEvent::Resumed { step, attempt } => {
                let at = |key: &CallKey| {
                    let nth = (0..).find(|nth| call_key(step, *nth) == *key).expect("all keys are made here");
                    (place(step, |step| attempts[step]), *attempt, nth)
                };
                crashes.lost.extend(open.remove(step).filter(|key| !effects[key].may_repeat()).map(at));
                crashes.failed.extend(failed.remove(step).map(at));
            }
            _ => {}
        }
    }
    crashes
}

/// The key of a step's `nth` call.
fn call_key(step: &StepPath, nth: usize) -> CallKey {
    CallKey::of(run_id(), step, "tool", "{}", u32::try_from(nth).unwrap())
}
