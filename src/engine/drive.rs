//! Driving one run: fold what happened, decide, evaluate, append; then say what is to be performed.
//!
//! A plain struct without an actor, so that the runner and `simulate` do exactly the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Summary;
use super::error::EngineError;
use super::evaluate;
use super::values::Values;
use crate::clock::Clock;
use crate::run::{
    Carried, Command, Evaluation, Origin, Recorded, RunEvent, RunId, RunState, ValueRef, decide, recover,
};
use crate::store::{Append, Head, Journal};
use crate::workflow::ValidWorkflow;

/// Events that may wait for one commit before the run is given a chance to hear of other things.
const LARGEST_BATCH: usize = 256;

/// Events read at once when a run is loaded.
const PAGE: usize = 1_000;

/// How many retries of retries are looked through for where a run comes from.
const MOST_RETRIES: usize = 100;

/// One run in memory. Its state may be ahead of the journal only while [`Drive::commit`] is under way;
/// if that fails, commit again or drop the whole.
pub(super) struct Drive {
    pub(super) state: RunState,
    pub(super) workflow: Arc<ValidWorkflow>,
    pub(super) values: Values,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    /// Recorded and not yet durable.
    batch: Vec<Recorded>,
    /// To be acted on once the batch is durable.
    acts: Vec<Command>,
    origin: Option<Origin>,
    pins: BTreeMap<String, String>,
    /// The event by which the run ended.
    end: Option<RunEvent>,
}

/// What is to be done after a settling.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// `Perform`, `Abort` and `CancelChild` commands; all that they rest on is durable.
    pub(super) acts: Vec<Command>,
    /// There is more to decide at once: settle again.
    pub(super) more: bool,
}

impl Drive {
    pub(super) fn new(
        run: RunId,
        workflow: Arc<ValidWorkflow>,
        values: Values,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = RunState::new(run, workflow.graph().clone());
        Self {
            state,
            workflow,
            values,
            journal,
            clock,
            batch: Vec::new(),
            acts: Vec::new(),
            origin: None,
            pins: BTreeMap::new(),
            end: None,
        }
    }

    /// Folds the stored events of a run into a fresh drive.
    pub(super) async fn replay(&mut self) -> Result<(), EngineError> {
        let run = self.state.run();
        loop {
            let page = self.journal.read(run, self.state.seq(), PAGE).await?;
            for recorded in &page {
                self.fold(run, recorded)?;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// After [`Drive::replay`] by a new process: flags and restarts what was in flight.
    pub(super) async fn recover(&mut self) -> Result<Settled, EngineError> {
        for command in recover(&self.state) {
            match command {
                Command::Record(event) => self.record(event)?,
                act => self.acts.push(act),
            }
        }
        self.settle(Vec::new()).await
    }

    /// Records what happened and all that follows from it, and returns once that is durable.
    pub(super) async fn settle(&mut self, happened: Vec<RunEvent>) -> Result<Settled, EngineError> {
        for event in happened {
            self.record(event)?;
        }
        let mut more = false;
        loop {
            let before = self.state.seq();
            for command in decide(&self.state, self.clock.now()) {
                match command {
                    Command::Record(event) => self.record(event)?,
                    Command::Evaluate(evaluation) => {
                        let event = self.evaluate(&evaluation).await?;
                        self.record(event)?;
                    }
                    act => self.acts.push(act),
                }
            }
            if self.state.seq() == before {
                break;
            }
            if self.batch.len() >= LARGEST_BATCH {
                more = true;
                break;
            }
        }
        self.commit().await?;
        Ok(Settled { acts: std::mem::take(&mut self.acts), more })
    }

    /// Makes what is recorded durable. After an error nothing is lost: it can be called again.
    pub(super) async fn commit(&mut self) -> Result<(), EngineError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let head = Head { status: self.state.status(), wake_at: self.state.next_wake() };
        let expected_seq = self.batch[0].seq - 1;
        let append = Append { run: self.state.run(), expected_seq, events: self.batch.clone(), head };
        self.journal.append(append).await?;
        self.batch.clear();
        Ok(())
    }

    /// What a failed [`Drive::settle`] left to be acted on, once [`Drive::commit`] went well after all.
    pub(super) fn take_acts(&mut self) -> Settled {
        Settled { acts: std::mem::take(&mut self.acts), more: true }
    }

    fn record(&mut self, event: RunEvent) -> Result<(), EngineError> {
        let recorded = Recorded { seq: self.state.seq() + 1, at: self.clock.now(), event };
        let run = self.state.run();
        self.fold(run, &recorded)?;
        self.values.note(run, &recorded);
        self.batch.push(recorded);
        Ok(())
    }

    fn fold(&mut self, run: RunId, recorded: &Recorded) -> Result<(), EngineError> {
        self.state.apply(recorded).map_err(|illegal| EngineError::Damaged { run, illegal })?;
        match &recorded.event {
            RunEvent::Created { origin, pins, .. } => {
                self.origin.clone_from(origin);
                self.pins.clone_from(pins);
            }
            end @ (RunEvent::Completed { .. } | RunEvent::RunFailed { .. } | RunEvent::Cancelled { .. }) => {
                self.end = Some(end.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// Where the run comes from.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Whether a step of another run began this one, or the one that it retries: then its inputs are that step's words.
    pub(super) async fn was_begun_by_a_step(&self) -> Result<bool, EngineError> {
        let mut origin = self.origin.clone();
        let mut depth = self.state.depth();
        for _ in 0..MOST_RETRIES {
            match origin {
                _ if depth > 0 => return Ok(true),
                Some(Origin::Step { .. }) => return Ok(true),
                None => return Ok(false),
                Some(Origin::RetryOf { run }) => {
                    let first = self.journal.read(run, 0, 1).await?;
                    let Some(RunEvent::Created { origin: of, depth: at, .. }) =
                        first.into_iter().next().map(|first| first.event)
                    else {
                        return Ok(true);
                    };
                    (origin, depth) = (of, at);
                }
            }
        }
        Ok(true)
    }

    /// What the run pins beside its workflow.
    pub(super) fn pins(&self) -> &BTreeMap<String, String> {
        &self.pins
    }

    /// The pinned version of another workflow.
    pub(super) fn pin(&self, workflow: &str) -> Option<String> {
        self.pins.get(&format!("workflow:{workflow}")).cloned()
    }

    async fn evaluate(&mut self, evaluation: &Evaluation) -> Result<RunEvent, EngineError> {
        if matches!(evaluation, Evaluation::Collect { .. }) {
            // The bodies' ends are read back from the journal.
            self.commit().await?;
        }
        evaluate::evaluate(self, evaluation).await
    }

    /// The value behind a reference; null if its event carries none.
    pub(super) async fn value(&mut self, wanted: ValueRef) -> Result<Arc<Value>, EngineError> {
        let waits = wanted.run == self.state.run() && self.batch.first().is_some_and(|first| wanted.seq >= first.seq);
        if waits && !self.values.holds(wanted) {
            self.commit().await?;
        }
        self.values.get(wanted).await
    }

    /// How the run stands or ended.
    pub(super) async fn summary(&mut self) -> Result<Summary, EngineError> {
        self.values.summary(self.state.run(), self.state.status(), self.end.as_ref()).await
    }

    /// The value that a stored event carries.
    pub(super) async fn carried(&mut self, recorded: &Recorded) -> Result<Arc<Value>, EngineError> {
        match recorded.event.carried() {
            Carried::Payload(payload) => self.values.load(payload).await,
            Carried::Ref(value) => self.value(value).await,
            Carried::Nothing | Carried::Failure(_) => Ok(Arc::default()),
        }
    }

    pub(super) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    pub(super) fn now(&self) -> crate::clock::Timestamp {
        self.clock.now()
    }
}
