//! What recorded runs would have come to with another workflow: their inputs, their answers and what their calls returned, with
//! nothing done and nothing made up.
//!
//! Twice the same simulation. First of the version that ran, in which every attempt is answered by what the events say of that
//! attempt: so each recorded result becomes known with the tool (or the role, or the prompt) and the arguments that led to it.
//! Then of the other workflow, in which a call with the same tool and arguments gets its recorded result. Any other call is
//! unknown, and so is all that hangs on it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::engine::EngineError;
use crate::engine::port::{Attempt, Executor, Job, Stop};
use crate::engine::simulate::{Report, Simulation, Unanswered, simulate};
use crate::model::Dollars;
use crate::run::{Carried, Failure, Output, Payload, Recorded, RunEvent, RunId, RunStatus, StepPath, ValueRef};
use crate::store::model_calls::By;
use crate::store::{Journal as _, JournalError, Run, StoreError, Workspace};
use crate::workflow::hash::canonical_json;
use crate::workflow::{Outcome, ValidWorkflow};

/// The most events of a run that are read; a longer one is not replayed.
const MOST_EVENTS: usize = 100_000;
/// How many events are read at once.
const PAGE: usize = 1_000;
/// How many runs that a run has started are read, its own included.
const MOST_RUNS: usize = 100;
/// How many references a value may lie behind.
const LONGEST_CHAIN: usize = 100;

/// What a run did, as its events tell it.
#[derive(Debug)]
pub struct Recording {
    run: RunId,
    status: RunStatus,
    /// When it began.
    at: Timestamp,
    inputs: Map<String, Value>,
    /// The versions of the workflows that it could start, by name.
    children: BTreeMap<String, String>,
    /// By question.
    answers: BTreeMap<String, String>,
    /// By run (its own, or one that it started), step and attempt.
    ended: HashMap<(RunId, StepPath, u32), Result<Value, Failure>>,
    /// What models cost, by the step that asked them.
    costs: HashMap<(RunId, StepPath), u64>,
}

/// Why a run cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The run is too long, or too large a family.
    #[error("run {run} is too long to be replayed: {reason}")]
    TooLong {
        /// The run.
        run: RunId,
        /// What there is too much of.
        reason: String,
    },
    /// What is stored of it cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What is stored of it cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The simulation says no.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Recording {
    /// Reads what a run and the runs that it started did.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub async fn read(workspace: &Workspace, run: &Run) -> Result<Self, ReplayError> {
        let mut recording = Self {
            run: run.id,
            status: run.status,
            at: run.created_at,
            inputs: Map::new(),
            children: BTreeMap::new(),
            answers: BTreeMap::new(),
            ended: HashMap::new(),
            costs: HashMap::new(),
        };
        let mut family = vec![run.id];
        let mut next = 0;
        while let Some(id) = family.get(next).copied() {
            next += 1;
            let events = events(workspace, id).await?;
            recording.take(workspace, id, &events).await?;
            for sum in workspace.model_calls().sums(By::Step, Some(id), MOST_EVENTS).await? {
                recording.costs.insert((id, StepPath::from(sum.of.as_str())), sum.cost);
            }
            family.extend(workspace.runs().children(id).await?.into_iter().map(|child| child.id));
            if family.len() > MOST_RUNS {
                return Err(ReplayError::TooLong {
                    run: run.id,
                    reason: format!("it has started {} runs", family.len()),
                });
            }
        }
        Ok(recording)
    }

    /// The inputs that it began with.
    #[must_use]
    pub fn inputs(&self) -> &Map<String, Value> {
        &self.inputs
    }

    /// The hashes of the workflows that it could start, by name.
    #[must_use]
    pub fn children(&self) -> &BTreeMap<String, String> {
        &self.children
    }

    async fn take(&mut self, workspace: &Workspace, run: RunId, events: &[Recorded]) -> Result<(), ReplayError> {
        let mut attempts: HashMap<StepPath, u32> = HashMap::new();
        for Recorded { event, .. } in events {
            match event {
                RunEvent::Created { inputs, pins, .. } if run == self.run => {
                    let children = pins.iter().filter_map(|(pin, hash)| Some((pin.strip_prefix("workflow:")?, hash)));
                    self.children = children.map(|(name, hash)| (name.to_owned(), hash.clone())).collect();
                    if let Value::Object(inputs) = (*workspace.blobs().load(inputs).await?).clone() {
                        self.inputs = inputs;
                    }
                }
                RunEvent::Started { step, attempt, .. } | RunEvent::Resumed { step, attempt } => {
                    attempts.insert(step.clone(), *attempt);
                }
                RunEvent::Ended { step, output, .. } => {
                    let attempt = attempts.get(step).copied().unwrap_or(1);
                    let value = output_value(workspace, output).await?;
                    self.ended.insert((run, step.clone(), attempt), Ok(value));
                }
                RunEvent::Reused { step, output, .. } => {
                    let value = match output {
                        Some(reference) => referred(workspace, *reference).await?,
                        None => Value::Null,
                    };
                    self.ended.insert((run, step.clone(), 1), Ok(value));
                }
                RunEvent::Failed { step, attempt, failure } => {
                    self.ended.insert((run, step.clone(), *attempt), Err(failure.clone()));
                }
                RunEvent::Answered { question, choice, .. } if run == self.run => {
                    self.answers.insert(question.to_string(), choice.to_string());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

async fn events(workspace: &Workspace, run: RunId) -> Result<Vec<Recorded>, ReplayError> {
    let journal = workspace.journal();
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let page = journal.read(run, events.last().map_or(0, |event| event.seq), PAGE).await?;
        let is_last = page.len() < PAGE;
        events.extend(page);
        if is_last {
            return Ok(events);
        }
        if events.len() > MOST_EVENTS {
            return Err(ReplayError::TooLong { run, reason: format!("it has more than {MOST_EVENTS} events") });
        }
    }
}

async fn output_value(workspace: &Workspace, output: &Output) -> Result<Value, ReplayError> {
    match output {
        Output::Nothing => Ok(Value::Null),
        Output::Value(payload) => loaded(workspace, payload).await,
        Output::Ref(reference) => referred(workspace, *reference).await,
    }
}

async fn loaded(workspace: &Workspace, payload: &Payload) -> Result<Value, ReplayError> {
    Ok((*workspace.blobs().load(payload).await?).clone())
}

/// The value behind a reference; null if there is none.
async fn referred(workspace: &Workspace, reference: ValueRef) -> Result<Value, ReplayError> {
    let journal = workspace.journal();
    let mut at = reference;
    for _ in 0..LONGEST_CHAIN {
        let Some(recorded) = journal.read_one(at.run, at.seq).await? else { break };
        match recorded.event.carried() {
            Carried::Nothing => break,
            Carried::Failure(failure) => return Ok(json!({ "code": failure.code, "message": failure.message })),
            Carried::Payload(payload) => return loaded(workspace, payload).await,
            Carried::Ref(next) => at = next,
        }
    }
    Ok(Value::Null)
}

/// What one run came to, and what it would have come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub before: Ending,
    /// How it would have ended; a `result` and a `failure` that are not known are left out.
    pub after: Ending,
    /// The steps that would not have gone as they did.
    pub steps: Vec<StepReplayed>,
    /// The calls of which nobody knows what they would have returned.
    pub unknown: Vec<UnknownCall>,
    /// What its models cost.
    pub cost: Dollars,
    /// What they would have cost at least: what the calls cost that would have been made as they were. The unknown ones come on top.
    pub cost_known: Dollars,
    /// Why the record itself could not be followed to its end, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_followed: Option<String>,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// How it stands; `unknown` if it hangs on what is not known.
    pub status: String,
    /// Its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A step that would not have gone as it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReplayed {
    /// Its path.
    pub step: String,
    /// How it was left, and with what; `None` if it was not there or not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Left>,
    /// How it would be; `None` if it would not be reached, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Left>,
    /// Whether nobody knows how it would be.
    pub is_unknown: bool,
}

/// How a step was left, and with what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// `ok`, `error`, `skipped`, a case, a choice.
    pub outcome: String,
    /// Its output, or why it failed.
    pub output: Value,
}

/// A call that the record knows nothing of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnknownCall {
    /// The step.
    pub step: String,
    /// The tool; `agent:NAME`, `model:NAME` or `human` for what is none.
    pub what: String,
    /// What it would have been given.
    pub arguments: Value,
}

/// A workflow with those that it starts.
#[derive(Clone, Debug)]
pub struct Family {
    /// It.
    pub workflow: Arc<ValidWorkflow>,
    /// What it starts, by name.
    pub children: HashMap<String, Arc<ValidWorkflow>>,
}

/// Replays a recorded run of one workflow with another.
///
/// # Errors
/// [`ReplayError`]. Inputs that no longer fit are no error: the run would not begin, and that is told.
pub async fn replay(recording: &Recording, ran: &Family, other: &Family) -> Result<Replayed, ReplayError> {
    let known = Arc::new(Calls::default());
    let follower = Follower { ended: recording.ended.clone(), known: known.clone() };
    let before = simulate(simulation(recording, ran, Arc::new(follower))).await?;
    let answerer = Arc::new(Answerer { known, used: Mutex::default(), unknown: Mutex::default() });
    let after = match simulate(simulation(recording, other, answerer.clone())).await {
        Ok(after) => after,
        Err(EngineError::Invalid(problems)) => {
            let why = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Ok(not_begun(recording, &before, &why));
        }
        Err(error) => return Err(error.into()),
    };
    let mut unknown = std::mem::take(&mut *answerer.unknown.lock().unwrap_or_else(PoisonError::into_inner));
    unknown.extend(unanswered(&after));
    let used = std::mem::take(&mut *answerer.used.lock().unwrap_or_else(PoisonError::into_inner));
    let cost_of = |step: &(RunId, StepPath)| recording.costs.get(step).copied().unwrap_or_default();
    let cost_known = used.iter().map(cost_of).sum();
    let not_followed = (before.summary.status != recording.status && recording.status.is_end()).then(|| {
        format!(
            "it ended {}, and following its record it is {}: it went by the time, a signal or what was since forgotten",
            recording.status, before.summary.status
        )
    });
    Ok(Replayed {
        run: recording.run,
        before: ending(&before, true),
        after: ending(&after, unknown.is_empty()),
        steps: differences(&before, &after, &unknown),
        unknown,
        cost: Dollars(recording.costs.values().sum()),
        cost_known: Dollars(cost_known),
        not_followed,
    })
}

fn simulation(recording: &Recording, family: &Family, executor: Arc<dyn Executor>) -> Simulation {
    Simulation {
        workflow: family.workflow.clone(),
        // What the workflow no longer takes would keep it from beginning.
        inputs: {
            let known = &family.workflow.workflow().inputs;
            recording
                .inputs
                .iter()
                .filter(|(name, _)| known.contains_key(*name))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect()
        },
        children: family.children.clone(),
        answers: recording.answers.clone(),
        unanswered: Unanswered::Open,
        // The runs that it starts have the ids that they had then.
        run: Some(recording.run),
        executor,
        now: recording.at,
    }
}

fn not_begun(recording: &Recording, before: &Report, why: &str) -> Replayed {
    Replayed {
        run: recording.run,
        before: ending(before, true),
        after: Ending { status: "not_begun".to_owned(), result: None, failure: Some(why.to_owned()) },
        steps: Vec::new(),
        unknown: Vec::new(),
        cost: Dollars(recording.costs.values().sum()),
        cost_known: Dollars(0),
        not_followed: None,
    }
}

/// How a simulated run ends. One that hangs on what is not known has no known end.
fn ending(report: &Report, is_known: bool) -> Ending {
    let summary = &report.summary;
    let status = if summary.status.is_end() || is_known { summary.status.to_string() } else { "unknown".to_owned() };
    Ending { status, result: summary.result.clone(), failure: summary.failure.as_ref().map(ToString::to_string) }
}

/// The questions that nobody was asked then.
fn unanswered(report: &Report) -> Vec<UnknownCall> {
    let answered: HashSet<&str> = report
        .events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            RunEvent::Answered { question, .. } => Some(&**question),
            _ => None,
        })
        .collect();
    let asked = report.events.iter().filter_map(|recorded| match &recorded.event {
        RunEvent::Asked { question } if !answered.contains(&*question.id) => Some(UnknownCall {
            step: question.step.to_string(),
            what: "human".to_owned(),
            arguments: json!({ "ask": question.ask }),
        }),
        _ => None,
    });
    asked.collect()
}

/// How each step was left.
fn left(report: &Report) -> BTreeMap<String, Left> {
    let value = |output: &Output| match output {
        Output::Nothing | Output::Value(Payload::Stored { .. }) => Value::Null,
        Output::Value(Payload::Value(value)) => (**value).clone(),
        Output::Ref(reference) => report
            .events
            .iter()
            .find(|recorded| recorded.seq == reference.seq)
            .map(|recorded| match recorded.event.carried() {
                Carried::Payload(Payload::Value(value)) => (**value).clone(),
                _ => Value::Null,
            })
            .unwrap_or_default(),
    };
    let mut left = BTreeMap::new();
    for Recorded { event, .. } in &report.events {
        match event {
            RunEvent::Ended { step, outcome, output } => {
                left.insert(step.to_string(), Left { outcome: outcome.to_string(), output: value(output) });
            }
            RunEvent::Skipped { step } => {
                left.insert(step.to_string(), Left { outcome: "skipped".to_owned(), output: Value::Null });
            }
            RunEvent::GaveUp { step, failure } => {
                let output = failure.to_string().into();
                left.insert(step.to_string(), Left { outcome: Outcome::ERROR.to_owned(), output });
            }
            _ => {}
        }
    }
    left
}

fn differences(before: &Report, after: &Report, unknown: &[UnknownCall]) -> Vec<StepReplayed> {
    let (before, after) = (left(before), left(after));
    let has_ended = unknown.is_empty();
    let steps: std::collections::BTreeSet<&String> =
        before.keys().chain(after.keys()).chain(unknown.iter().map(|call| &call.step)).collect();
    let mut differences = Vec::new();
    for step in steps {
        let (was, is) = (before.get(step), after.get(step));
        if was == is && was.is_some() {
            continue;
        }
        // What is not reached since something unknown stands before it is unknown, too.
        let is_unknown = is.is_none() && !has_ended;
        differences.push(StepReplayed { step: step.clone(), before: was.cloned(), after: is.cloned(), is_unknown });
    }
    differences
}

/// What makes a call the same: who or what is asked, and with what.
fn key(attempt: &Attempt) -> (String, Value) {
    let input = Value::Object(attempt.input.clone());
    match &attempt.job {
        Job::Tool { tool } => (tool.clone(), input),
        Job::Agent { role, goal, .. } => (format!("agent:{role}"), json!({ "goal": goal, "input": input })),
        Job::Model { model, prompt, system } => {
            (format!("model:{model}"), json!({ "prompt": prompt, "system": system, "input": input }))
        }
    }
}

/// What each call returned, the first time, the second time, …; and at which step.
#[derive(Debug, Default)]
struct Calls(Mutex<HashMap<String, Vec<Returned>>>);

/// What a call returned, and where it was made.
type Returned = ((RunId, StepPath), Result<Value, Failure>);

impl Calls {
    fn add(&self, attempt: &Attempt, result: Result<Value, Failure>) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.entry(text_of(&key(attempt))).or_default().push(((attempt.run, attempt.step.clone()), result));
    }

    /// What the next call like this one returned; the last again if there were no more.
    fn take(&self, attempt: &Attempt) -> Option<Returned> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let results = calls.get_mut(&text_of(&key(attempt)))?;
        if results.len() > 1 { Some(results.remove(0)) } else { results.first().cloned() }
    }
}

fn text_of((what, arguments): &(String, Value)) -> String {
    format!("{what} {}", canonical_json(arguments))
}

/// Answers every attempt by what the events say of it, and notes with what it was made.
struct Follower {
    ended: HashMap<(RunId, StepPath, u32), Result<Value, Failure>>,
    known: Arc<Calls>,
}

#[async_trait]
impl Executor for Follower {
    async fn perform(&self, attempt: Attempt) -> Result<Value, Stop> {
        match self.ended.get(&(attempt.run, attempt.step.clone(), attempt.number)) {
            Some(result) => {
                self.known.add(&attempt, result.clone());
                result.clone().map_err(Stop::Failed)
            }
            // It had not ended when the run did.
            None => Err(Stop::Parked),
        }
    }
}

/// Answers a call by what the same call returned; any other is unknown.
struct Answerer {
    known: Arc<Calls>,
    /// The recorded steps whose results were used.
    used: Mutex<HashSet<(RunId, StepPath)>>,
    unknown: Mutex<Vec<UnknownCall>>,
}

#[async_trait]
impl Executor for Answerer {
    async fn perform(&self, attempt: Attempt) -> Result<Value, Stop> {
        if let Some((step, result)) = self.known.take(&attempt) {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(step);
            return result.map_err(Stop::Failed);
        }
        let (what, arguments) = key(&attempt);
        let step = attempt.step.to_string();
        let call = UnknownCall { step, what, arguments };
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        Err(Stop::Parked)
    }
}
