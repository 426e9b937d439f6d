//! What a workflow would do: the same drive and the same `decide`, with nothing stored and nothing changed.
//!
//! Calls that only read are made. Calls that would change the world are noted instead, and answered with
//! `{"simulated": TOOL}`. Time passes at once; questions get the answer that is given, else their default,
//! else their first choice.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::drive::{Drive, Settled};
use super::error::EngineError;
use super::gate::{Call, CallError, Gate, Ledger, Ruling};
use super::port::{Attempt, Executor, Stop};
use super::submit::complete;
use super::values::Values;
use super::versions::Version;
use super::{Summary, evaluate, ledger};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::run::{
    CallKey, Command, Failure, Hop, MessageId, Mode, Output, Policy, Recorded, RunEvent, RunId, RunStatus, StepPath,
};
use crate::store::{Append, Body, Journal, JournalError};
use crate::workflow::{Effect, Outcome, Process, ValidWorkflow};

/// What is to be simulated.
#[derive(Clone)]
pub struct Simulation {
    /// The workflow.
    pub workflow: Arc<ValidWorkflow>,
    /// Its inputs.
    pub inputs: Map<String, Value>,
    /// The workflows that it may start, by name.
    pub children: HashMap<String, Arc<ValidWorkflow>>,
    /// Answers to questions, by question id.
    pub answers: BTreeMap<String, String>,
    /// What becomes of a question without an answer.
    pub unanswered: Unanswered,
    /// The run's id, from which those of the runs that it starts derive; one of its own if `None`.
    pub run: Option<RunId>,
    /// Who carries out attempts.
    pub executor: Arc<dyn Executor>,
    /// When it begins.
    pub now: Timestamp,
}

/// What becomes of a question that has no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unanswered {
    /// Its default is taken, else its first choice.
    #[default]
    Chosen,
    /// It stays open: the run ends there, parked.
    Open,
}

/// What a simulation came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended; `Waiting` if it would wait for a signal that nobody has sent.
    pub summary: Summary,
    /// All that happened, at the times at which it would have.
    pub events: Vec<Recorded>,
    /// The calls that were not made.
    pub withheld: Vec<Withheld>,
}

/// A call that was not made, since it would have changed the world.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Withheld {
    /// The step.
    pub step: String,
    /// The tool.
    pub tool: String,
    /// What it would have done.
    pub effect: Effect,
    /// What it would have been called with.
    pub arguments: Value,
    /// Why a person would be asked before it, if one would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

/// The most events that a simulation may come to: a loop that only time ends would never.
const MOST_EVENTS: u64 = 1_000_000;

/// How deep simulated runs start runs.
const DEEPEST: u8 = 8;

/// Simulates a run.
///
/// # Errors
/// [`EngineError::Invalid`] with what is wrong with the inputs.
pub async fn simulate(simulation: Simulation) -> Result<Report, EngineError> {
    let withheld = Arc::new(Mutex::new(Vec::new()));
    let clock = ManualClock::at(simulation.now);
    let run = simulation.run.unwrap_or_else(|| RunId(clock.fresh_id()));
    let (summary, journal) =
        carry_out(&simulation, run, &simulation.workflow, simulation.inputs.clone(), 0, &clock, &withheld).await?;
    let withheld = std::mem::take(&mut *withheld.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Report { summary, events: journal.taken(), withheld })
}

type Notes = Arc<Mutex<Vec<Withheld>>>;

fn carry_out<'a>(
    simulation: &'a Simulation,
    run: RunId,
    workflow: &'a Arc<ValidWorkflow>,
    inputs: Map<String, Value>,
    depth: u8,
    clock: &'a ManualClock,
    withheld: &'a Notes,
) -> BoxFuture<'a, Result<(Summary, Arc<Memory>), EngineError>> {
    async move {
        let journal = Arc::new(Memory::default());
        let values = Values::in_memory(journal.clone());
        let drive = Drive::new(run, workflow.clone(), values, journal.clone(), Arc::new(clock.clone()));
        let (drive, unknown) = (Arc::new(tokio::sync::Mutex::new(drive)), AtomicBool::new(false));
        let one = One { simulation, run, workflow, depth, clock, withheld, drive, unknown };
        let inputs = complete(&Version::new(workflow.clone()), inputs).map_err(EngineError::Invalid)?;
        let summary = one.run_to_end(inputs).await?;
        Ok((summary, journal))
    }
    .boxed()
}

/// One simulated run.
struct One<'a> {
    simulation: &'a Simulation,
    run: RunId,
    workflow: &'a Arc<ValidWorkflow>,
    depth: u8,
    clock: &'a ManualClock,
    withheld: &'a Notes,
    drive: Arc<tokio::sync::Mutex<Drive>>,
    /// Set once an attempt ended without a result that anybody knows: time does not pass after it.
    unknown: AtomicBool,
}

impl One<'_> {
    async fn run_to_end(&self, inputs: Map<String, Value>) -> Result<Summary, EngineError> {
        let created = RunEvent::Created {
            workflow: self.workflow.workflow().name.clone(),
            version: self.workflow.hash().to_owned(),
            inputs: crate::run::Payload::of(Value::Object(inputs)),
            pins: BTreeMap::new(),
            origin: None,
            depth: self.depth,
            deadline: None,
        };
        let mut settled = self.drive.lock().await.settle(vec![created]).await?;
        loop {
            let acted = self.act(&mut settled).await?;
            let mut drive = self.drive.lock().await;
            if drive.state.status().is_end() {
                break;
            }
            if drive.state.seq() > MOST_EVENTS {
                let reason = format!("it has come to {MOST_EVENTS} events, and would go on");
                return Err(EngineError::Stalled { run: self.run, reason });
            }
            let happened = if acted.is_empty() && !settled.more { self.next(&drive) } else { Some(acted) };
            let Some(happened) = happened else { break };
            settled = drive.settle(happened).await?;
        }
        self.drive.lock().await.summary().await
    }

    /// What can happen when nothing is in flight: an answer, or the next timer. `None` if only the world could.
    fn next(&self, drive: &Drive) -> Option<Vec<RunEvent>> {
        let mut is_open = false;
        for id in drive.state.questions() {
            let choices = drive.state.question(id).map(|(_, _, choices)| choices)?;
            let given = self.simulation.answers.get(id).map(|choice| Outcome::from(choice.as_str()));
            let given = given.filter(|choice| choices.contains(choice));
            let Some(choice) = given.or_else(|| match self.simulation.unanswered {
                Unanswered::Chosen => choices.first().cloned(),
                Unanswered::Open => None,
            }) else {
                is_open = true;
                continue;
            };
            let by = Some("simulation".to_owned());
            return Some(vec![RunEvent::Answered { question: id.into(), choice, form: None, by }]);
        }
        if is_open || self.unknown.load(Ordering::Relaxed) {
            // Time would take a default for the answer, or give the call up, and nobody knows whether it would have come to that.
            return None;
        }
        let at = drive.state.next_wake()?;
        if at > self.clock.now() {
            self.clock.set(at);
        }
        Some(Vec::new())
    }

    async fn act(&self, settled: &mut Settled) -> Result<Vec<RunEvent>, EngineError> {
        let mut happened = Vec::new();
        for command in std::mem::take(&mut settled.acts) {
            if let Command::Perform { step, attempt } = command {
                if !happened.is_empty() {
                    let mut more = self.drive.lock().await.settle(std::mem::take(&mut happened)).await?;
                    settled.acts.append(&mut more.acts);
                    settled.more |= more.more;
                }
                happened = self.perform(step, attempt).await?;
            }
        }
        Ok(happened)
    }

    async fn perform(&self, step: StepPath, attempt: u32) -> Result<Vec<RunEvent>, EngineError> {
        let mut drive = self.drive.lock().await;
        let Some(node) = drive.state.node(&step).filter(|_| drive.state.is_working(&step, attempt)) else {
            return Ok(Vec::new());
        };
        let definition = node.step.clone();
        if let Process::Workflow { workflow, .. } = &definition.process {
            let inputs = evaluate::child_inputs(&mut drive, &step).await?;
            drop(drive);
            return match inputs {
                Ok(inputs) => self.start_child(step, attempt, workflow, inputs).await,
                Err(failure) => Ok(vec![RunEvent::Failed { step, attempt, failure }]),
            };
        }
        let (job, input) = match evaluate::job(&mut drive, &step).await? {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(vec![RunEvent::Failed { step, attempt, failure }]),
        };
        let output = drive.state.node(&step).and_then(|node| node.step.output.clone());
        drop(drive);
        let ledger = Noting { drive: self.drive.clone(), step: step.clone(), attempt, withheld: self.withheld.clone() };
        let attempted = self.simulation.executor.perform(Attempt {
            run: self.run,
            step: step.clone(),
            number: attempt,
            urged: false,
            job,
            input,
            output,
            gate: Gate::new(self.run, step.clone(), Arc::new(ledger)),
            cancel: CancellationToken::new(),
        });
        Ok(vec![match attempted.await {
            Ok(value) => RunEvent::Ended {
                step,
                outcome: Outcome::OK.into(),
                output: Output::Value(crate::run::Payload::of(value)),
            },
            Err(Stop::Failed(failure)) => RunEvent::Failed { step, attempt, failure },
            Err(Stop::Parked) => {
                self.unknown.store(true, Ordering::Relaxed);
                return Ok(Vec::new());
            }
        }])
    }

    async fn start_child(
        &self,
        step: StepPath,
        attempt: u32,
        name: &str,
        inputs: Map<String, Value>,
    ) -> Result<Vec<RunEvent>, EngineError> {
        let failed = |failure: Failure| Ok(vec![RunEvent::Failed { step: step.clone(), attempt, failure }]);
        let Some(workflow) = self.simulation.children.get(name) else {
            return failed(Failure::give_up("unknown_workflow", format!("there is no workflow {name}")));
        };
        if self.depth + 1 > DEEPEST {
            return failed(Failure::give_up("too_deep", format!("runs may start runs {DEEPEST} deep")));
        }
        let child = self.run.child(&step, attempt);
        let ended =
            carry_out(self.simulation, child, workflow, inputs, self.depth + 1, self.clock, self.withheld).await;
        let summary = match ended {
            Ok((summary, _)) => summary,
            Err(EngineError::Invalid(problems)) => {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                return failed(Failure::give_up("child_not_started", problems.join("; ")));
            }
            Err(error) => return Err(error),
        };
        let output = summary.result.map_or(Output::Nothing, |result| Output::Value(crate::run::Payload::of(result)));
        let status = if summary.status.is_end() { summary.status } else { RunStatus::Cancelled };
        Ok(vec![
            RunEvent::ChildStarted { step: step.clone(), run: child },
            RunEvent::ChildEnded { step, run: child, status, output },
        ])
    }
}

/// The ledger of a simulated attempt: notes what it withholds.
struct Noting {
    drive: Arc<tokio::sync::Mutex<Drive>>,
    step: StepPath,
    attempt: u32,
    withheld: Notes,
}

const SIMULATED: Policy = Policy { mode: Mode::Simulated, ask_from: None };

#[async_trait]
impl Ledger for Noting {
    async fn open(&self, call: &Arc<Call>, key: &CallKey) -> Result<Ruling, Stop> {
        let mut drive = self.drive.lock().await;
        let (opened, _) = ledger::open(&mut drive, &self.step, self.attempt, call, key, SIMULATED)
            .await
            .map_err(|error| Failure::give_up("simulation", error.to_string()))?;
        let ruling = ledger::permit(Some(&mut drive), opened, &self.step, self.attempt, call, key)?;
        if matches!(ruling, Ruling::Simulated(_)) {
            self.withheld.lock().unwrap_or_else(PoisonError::into_inner).push(Withheld {
                step: self.step.to_string(),
                tool: call.tool.clone(),
                effect: call.effect.effect,
                arguments: call.arguments.clone(),
                doubt: call.doubt().map(str::to_owned),
            });
        }
        Ok(ruling)
    }

    async fn say(&self, _: crate::run::Message) -> Result<(), Stop> {
        Ok(())
    }

    async fn hopped(&self, _: Hop, _: Option<MessageId>) -> Result<(), Stop> {
        Ok(())
    }

    async fn close(&self, _: &Arc<Call>, _: &CallKey, result: Result<Value, CallError>) -> Result<Value, Stop> {
        result.map_err(|error| match error {
            CallError::Failed(failure) | CallError::Unknown(failure) => Stop::Failed(failure),
        })
    }
}

/// A journal that nothing outlives.
#[derive(Default)]
struct Memory {
    events: Mutex<Vec<Recorded>>,
}

impl Memory {
    fn taken(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<T>(&self, read: impl FnOnce(&[Recorded]) -> T) -> T {
        read(&self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Journal for Memory {
    async fn append(&self, append: Append) -> Result<(), JournalError> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).extend(append.events);
        Ok(())
    }

    async fn read(&self, _: RunId, after: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        Ok(self.with(|events| events.iter().filter(|event| event.seq > after).take(limit).cloned().collect()))
    }

    async fn read_one(&self, _: RunId, seq: u64) -> Result<Option<Recorded>, JournalError> {
        let index = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(self.with(|events| events.get(index).cloned()))
    }

    async fn bodies(&self, _: RunId, step: &StepPath, after: u64, limit: usize) -> Result<Vec<Body>, JournalError> {
        Ok(self.with(|events| {
            let ends = events.iter().skip(usize::try_from(after).unwrap_or(usize::MAX));
            let ends = ends.filter(|event| event.event.step() == Some(step));
            ends.filter_map(|event| match &event.event {
                RunEvent::BodyEnded { value, .. } => {
                    let value = value.and_then(|value| events.get(usize::try_from(value.seq).ok()? - 1)).cloned();
                    Some(Body { ended: event.clone(), value })
                }
                _ => None,
            })
            .take(limit)
            .collect()
        }))
    }
}
