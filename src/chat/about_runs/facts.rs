//! What a run's events say that people ask for.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::run::{Failure, Payload, RunEvent};
use crate::store::{Journal as _, Run, StoreError, Workspace};
use crate::workflow::Outcome;

/// Events that are read at once.
const PAGE: usize = 2_000;

/// How many events are read at most: the first ones, and what the run's head says of the end.
const MOST_EVENTS: u64 = 50_000;

/// How many files are told of.
const MOST_ARTIFACTS: usize = 50;

/// The tools that make files, whose results name them as `path`.
const MAKES_FILES: [&str; 4] = ["files.write", "files.append", "files.copy", "files.move"];

/// What a run's events say.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Its head.
    pub(super) run: Run,
    /// The steps of its own list, in the order in which they began.
    pub(super) steps: Vec<StepFacts>,
    /// Why it failed or was cancelled, and the event that says so.
    pub(super) failure: Option<(u64, Failure)>,
    /// What steps wait for besides people, and the events that say so.
    pub(super) waits: Vec<(u64, String)>,
    /// The files that it made.
    pub(super) artifacts: Vec<String>,
}

/// What events say of a step.
#[derive(Clone, Debug)]
pub(super) struct StepFacts {
    pub(super) id: String,
    pub(super) outcome: Option<String>,
    /// Whether it has done its work: neither an error nor being skipped is that.
    pub(super) is_done: bool,
    pub(super) failures: u32,
    pub(super) failure: Option<(u64, Failure)>,
    pub(super) began_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) last_seq: u64,
}

impl Facts {
    /// Reads a run's events.
    pub(super) async fn read(workspace: &Workspace, run: &Run) -> Result<Self, StoreError> {
        let journal = workspace.journal();
        let mut folded = Folded::default();
        let mut after = 0;
        while after < MOST_EVENTS {
            let page = journal
                .read(run.id, after, PAGE)
                .await
                .map_err(|error| StoreError::Corrupt { what: format!("run {}", run.id), reason: error.to_string() })?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for recorded in &page {
                folded.take(recorded.seq, recorded.at, &recorded.event);
            }
        }
        if after < run.seq
            && let Ok(Some(last)) = journal.read_one(run.id, run.seq).await
        {
            folded.take(last.seq, last.at, &last.event);
        }
        let Folded { steps, failure, waits, artifacts } = folded;
        Ok(Self {
            run: run.clone(),
            steps: steps.into_values().collect(),
            failure,
            waits: waits.into_values().collect(),
            artifacts: artifacts.into_iter().take(MOST_ARTIFACTS).collect(),
        })
    }

    /// The steps that have done their work.
    pub(super) fn done_steps(&self) -> impl Iterator<Item = &StepFacts> {
        self.steps.iter().filter(|step| step.is_done)
    }

    /// The steps that were left by an error.
    pub(super) fn failed_steps(&self) -> impl DoubleEndedIterator<Item = &StepFacts> {
        self.steps.iter().filter(|step| step.outcome.as_deref() == Some("error"))
    }
}

#[derive(Default)]
struct Folded {
    steps: IndexMap<String, StepFacts>,
    failure: Option<(u64, Failure)>,
    waits: IndexMap<String, (u64, String)>,
    artifacts: BTreeSet<String>,
}

impl Folded {
    fn take(&mut self, seq: u64, at: Timestamp, event: &RunEvent) {
        match event {
            RunEvent::RunFailed { failure } => self.failure = Some((seq, failure.clone())),
            RunEvent::Cancelled { reason } => {
                self.failure = Some((seq, Failure::give_up("cancelled", reason.clone())));
            }
            RunEvent::CallReturned { tool, result: Payload::Value(result), .. }
                if MAKES_FILES.contains(&tool.as_str()) =>
            {
                if let Some(path) = path_of(result) {
                    self.artifacts.insert(path.to_owned());
                }
            }
            _ => {}
        }
        let Some(path) = event.step() else { return };
        if !path.scope().as_str().is_empty() {
            return;
        }
        let step = self.steps.entry(path.as_str().to_owned()).or_insert_with(|| StepFacts {
            id: path.as_str().to_owned(),
            outcome: None,
            is_done: false,
            failures: 0,
            failure: None,
            began_at: at,
            ended_at: None,
            last_seq: seq,
        });
        step.last_seq = seq;
        let ended = match event {
            RunEvent::Ended { outcome, .. } | RunEvent::Reused { outcome, .. } => Some(outcome.to_string()),
            RunEvent::Skipped { .. } => Some("skipped".to_owned()),
            RunEvent::GaveUp { failure, .. } => {
                step.failure = Some((seq, failure.clone()));
                Some("error".to_owned())
            }
            RunEvent::Failed { failure, .. } => {
                step.failures += 1;
                step.failure = Some((seq, failure.clone()));
                None
            }
            RunEvent::Waiting { signal, until, .. } => {
                let what = match (signal, until) {
                    (Some(signal), _) => format!("Step `{path}` waits for the signal `{signal}`"),
                    (None, Some(until)) => format!("Step `{path}` waits until {until}"),
                    (None, None) => format!("Step `{path}` waits"),
                };
                self.waits.insert(path.as_str().to_owned(), (seq, what));
                None
            }
            RunEvent::RetryScheduled { attempt, at, .. } => {
                let what = format!("Step `{path}` begins attempt {attempt} at {at}");
                self.waits.insert(path.as_str().to_owned(), (seq, what));
                None
            }
            RunEvent::ChildStarted { run, .. } => {
                self.waits.insert(path.as_str().to_owned(), (seq, format!("Step `{path}` waits for run {run}")));
                None
            }
            RunEvent::Started { .. } => {
                self.waits.shift_remove(path.as_str());
                None
            }
            _ => None,
        };
        if let Some(outcome) = ended {
            step.is_done =
                matches!(event, RunEvent::Ended { .. } | RunEvent::Reused { .. }) && outcome != Outcome::ERROR;
            step.outcome = Some(outcome);
            step.ended_at = Some(at);
            self.waits.shift_remove(path.as_str());
        }
    }
}

fn path_of(result: &Value) -> Option<&str> {
    result.get("path").or_else(|| result.get("to")).and_then(Value::as_str)
}
