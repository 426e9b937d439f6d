//! The shell in miniature: one thread, one run, a clock that jumps, and a power cord that gets pulled.
//!
//! What survives a crash is the log and the world outside. All else is dropped, and rebuilt from the log.

mod evaluate;
mod executor;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use callboard::clock::Timestamp;
use callboard::run::{
    Category, Command, Failure, Origin, Payload, Recorded, RunEvent, RunId, RunState, RunStatus, StepPath, ValueRef,
    decide, recover,
};
use callboard::workflow::{Graph, Outcome, Step, Workflow};
use fastrand::Rng;
use serde_json::json;

use super::generate::LATENCY;
use super::history::{EARLIER, History, RUN};
use super::invariants;
use super::oracle::Oracle;
use executor::Flight;
use world::News;

/// When every run begins.
pub(super) const START: Timestamp = Timestamp(1_767_225_600_000);

/// What one seed is about: what is run, and what befalls it from outside.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) workflow: Workflow,
    pub(super) oracle: Oracle,
    /// How often there is a crash, in thousandths, at each point where there may be one.
    pub(super) crashing: u16,
    /// Crashes in all, at most.
    pub(super) crashes: u32,
    /// The clock is moved while the process is down, up to an hour either way.
    pub(super) is_unsteady: bool,
    /// When somebody asks for the run's end.
    pub(super) cancel_at: Option<Timestamp>,
    pub(super) deadline: Option<Timestamp>,
    /// How often, in thousandths, the dear checks are made.
    pub(super) checking: u16,
    /// The events of the run that this one retries, and what it reuses of it.
    pub(super) earlier: Vec<Recorded>,
    pub(super) reused: Vec<(StepPath, Outcome, Option<ValueRef>)>,
}

/// What a run has come to, and what it took.
pub(super) struct Outcomes {
    pub(super) log: Vec<Recorded>,
    pub(super) state: RunState,
    /// How often each attempt was performed.
    pub(super) performed: BTreeMap<(String, u32), u32>,
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
    /// How each step ended.
    ended: HashMap<StepPath, Outcome>,

    performed: BTreeMap<(String, u32), u32>,
    /// Runs that the world was asked to cancel.
    told_to_end: BTreeSet<RunId>,
    crashes: u32,
    /// There was a crash after the run's end.
    crashed_at_last: bool,
}

impl<'a> Shell<'a> {
    /// A shell that goes on from `log`, which may be empty, in a world that knows only that log.
    pub(super) fn new(scenario: &'a Scenario, log: &[Recorded], rng: Rng) -> Self {
        let graph = Arc::new(Graph::of(&scenario.workflow));
        let mut shell = Self {
            scenario,
            steps: all_steps(&scenario.workflow.steps),
            state: RunState::new(RUN, graph.clone()),
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
            ended: HashMap::new(),
            performed: BTreeMap::new(),
            told_to_end: BTreeSet::new(),
            crashes: 0,
            crashed_at_last: false,
        };
        if let Some(at) = scenario.cancel_at {
            shell.post_at(at.max(shell.now), News::Cancel { reason: "somebody asked for it" });
        }
        for recorded in log {
            shell.fold(recorded);
            shell.log.push(recorded.clone());
            shell.observe(recorded);
        }
        if log.is_empty() {
            shell.create();
        } else {
            shell.take_up();
        }
        shell
    }

    fn create(&mut self) {
        let is_retry = !self.scenario.earlier.is_empty();
        self.record(RunEvent::Created {
            workflow: self.scenario.workflow.name.clone(),
            version: "v".into(),
            inputs: Payload::of(json!({})),
            pins: BTreeMap::new(),
            origin: is_retry.then_some(Origin::RetryOf { run: EARLIER }),
            depth: 0,
            deadline: self.scenario.deadline,
        });
        for (step, outcome, output) in self.scenario.reused.clone() {
            self.record(RunEvent::Reused { step, outcome, output });
        }
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
        invariants::check_fold(&self.graph, &self.log, &[], &self.state);
        invariants::check_end(&self.state, self.now);
        if !self.crashed_at_last {
            self.check_children();
        }
        Outcomes {
            log: std::mem::take(&mut self.log),
            state: self.state.clone(),
            performed: std::mem::take(&mut self.performed),
        }
    }

    /// Asks what is to be done until nothing new is recorded.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 2_000, "deciding does not settle");
            let before = self.state.seq();
            let commands = decide(&self.state, self.now);
            if self.is_to_be_checked() {
                invariants::check_commands(&commands);
            }
            for command in commands {
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
        match &recorded.event {
            RunEvent::Started { step, attempt, .. } => {
                self.attempts.insert(step.clone(), *attempt);
            }
            RunEvent::Ended { step, outcome, .. } | RunEvent::Reused { step, outcome, .. } => {
                self.ended.insert(step.clone(), outcome.clone());
            }
            RunEvent::GaveUp { step, .. } => {
                self.ended.insert(step.clone(), Outcome::ERROR.into());
            }
            _ => {}
        }
    }

    /// Makes durable what is pending, then does what was to be done after. False if there was a crash.
    fn append(&mut self) -> bool {
        if self.is_to_be_checked() {
            invariants::check_fold(&self.graph, &self.log, &self.pending, &self.state);
            invariants::check_illegal(&self.state, &self.log, self.now, &mut self.rng);
        }
        if self.crashes_here() {
            // Before the append, or between two of them.
            let durable = if self.rng.bool() { self.rng.usize(..=self.pending.len()) } else { 0 };
            let together = 1 + self.scenario.reused.len();
            self.make_durable(if self.log.len() + durable < together { 0 } else { durable });
            self.crash();
            return false;
        }
        self.make_durable(self.pending.len());
        if self.crashes_here() {
            self.crash();
            return false;
        }
        for command in std::mem::take(&mut self.todo) {
            self.perform(command);
        }
        true
    }

    fn make_durable(&mut self, count: usize) {
        for recorded in self.pending.drain(..count).collect::<Vec<_>>() {
            if self.is_to_be_checked() {
                invariants::check_json(&recorded);
            }
            self.observe(&recorded);
            self.log.push(recorded);
        }
        if self.pending.is_empty() {
            self.unheard.clear();
        }
    }

    fn is_to_be_checked(&mut self) -> bool {
        self.rng.u16(..1000) < self.scenario.checking
    }

    fn crashes_here(&mut self) -> bool {
        self.crashes < self.scenario.crashes && self.rng.u16(..1000) < self.scenario.crashing
    }

    fn crash(&mut self) {
        self.crashes += 1;
        self.now = self.now.after(ms(self.rng.u64(..LATENCY)));
        if self.scenario.is_unsteady && self.rng.bool() {
            self.now = Timestamp(self.now.0 + self.rng.i64(-3_600_000..=3_600_000));
        }
        self.state = RunState::new(RUN, self.graph.clone());
        self.pending.clear();
        self.todo.clear();
        self.flights.clear();
        self.attempts.clear();
        self.ended.clear();
        for news in std::mem::take(&mut self.unheard) {
            self.post(1, news);
        }
        let log = std::mem::take(&mut self.log);
        for recorded in &log {
            self.fold(recorded);
        }
        self.log = log;
        if self.log.is_empty() {
            self.create();
        } else {
            self.take_up();
        }
    }

    /// A new process takes the run up, as its log says.
    fn take_up(&mut self) {
        self.crashed_at_last = self.state.status().is_end();
        if !self.crashed_at_last {
            for command in recover(&self.state) {
                self.obey(command);
            }
        }
    }

    /// Moves the clock to what happens next, and lets it happen.
    fn wait(&mut self) {
        let flight = (0..self.flights.len())
            .filter_map(|index| Some((self.flights[index].at?, index)))
            .min_by_key(|(at, _)| (*at, self.rng.u8(..)));
        let news = self.inbox.keys().next().copied();
        let wake = self.state.next_wake();
        invariants::check_status(&self.state, self.flights.len());
        let Some(next) = [flight.map(|(at, _)| at), news.map(|(at, _)| at), wake].into_iter().flatten().min() else {
            let is_cancelled = self.state.status() == RunStatus::Cancelling;
            assert!(!is_cancelled, "nothing can happen, and it was cancelled already: {:?}", self.state);
            return self.post_at(self.now, News::Cancel { reason: ENDLESS });
        };
        self.now = self.now.max(next);
        let flight = flight.filter(|(at, _)| *at <= self.now);
        let news = news.filter(|(at, _)| *at <= self.now);
        match (flight, news) {
            (Some((_, index)), news) if news.is_none() || self.rng.bool() => {
                let flight = self.flights.swap_remove(index);
                self.fly(flight);
            }
            (_, Some(key)) => {
                let news = self.inbox.remove(&key).expect("it was there");
                self.hear(news);
            }
            (_, None) => {
                assert!(!decide(&self.state, self.now).is_empty(), "woken at {} for nothing", self.now);
            }
        }
    }

    /// No run that a step started is left running and forgotten.
    fn check_children(&self) {
        let mut open = BTreeSet::new();
        for recorded in &self.log {
            match &recorded.event {
                RunEvent::ChildStarted { run, .. } => assert!(open.insert(*run), "run {run} is started twice"),
                RunEvent::ChildEnded { run, .. } => assert!(open.remove(run), "run {run} ends unasked"),
                _ => {}
            }
        }
        assert!(open.is_subset(&self.told_to_end), "left running: {open:?}, told to end: {:?}", self.told_to_end);
    }

    fn soon(&mut self) -> Timestamp {
        let latency = if self.rng.bool() { 0 } else { self.rng.u64(..LATENCY) };
        self.now.after(ms(latency))
    }

    fn attempt(&self, step: &StepPath) -> u32 {
        self.attempts[step]
    }

    fn history(&self) -> History<'_> {
        History { events: &self.log, pending: &self.pending, earlier: &self.scenario.earlier }
    }
}

/// Tells what had happened when something turns out to be wrong.
impl Drop for Shell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events = self.log.iter().map(|recorded| (' ', recorded));
            for (sign, recorded) in events.chain(self.pending.iter().map(|recorded| ('+', recorded))) {
                eprintln!("{sign}{:>4} {} {:?}", recorded.seq, recorded.at, recorded.event);
            }
        }
    }
}

/// Why a run is cancelled in which nothing can happen any more.
const ENDLESS: &str = "nothing more happens";

/// True if nothing could happen in a run any more, and it was cancelled for that.
pub(super) fn was_endless(log: &[Recorded]) -> bool {
    log.iter().any(|recorded| matches!(&recorded.event, RunEvent::CancelRequested { reason } if reason == ENDLESS))
}

/// All steps of a workflow by id.
pub(super) fn all_steps(list: &[Step]) -> HashMap<String, &Step> {
    let own = list.iter().map(|step| (step.id.to_string(), step));
    own.chain(list.iter().flat_map(|step| all_steps(step.process.body().unwrap_or_default()))).collect()
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn failure(category: Category) -> Failure {
    Failure { category, code: "simulated".into(), message: "the oracle says so".into() }
}
