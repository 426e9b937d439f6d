//! The values behind references: read when needed, and the latest kept within a bound.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Summary;
use super::error::EngineError;
use super::list::ListWriter;
use crate::run::{Carried, Failure, Output, Payload, Recorded, RunEvent, RunId, RunStatus, ValueRef};
use crate::store::{Blobs, Journal};

/// A run keeps this many bytes of its latest values, roughly.
const KEPT_BYTES: usize = 1 << 20;

/// And beside them so many large ones.
const KEPT_LARGE: usize = 2;

/// How many references a value may lie behind: a result reused by retry after retry.
const LONGEST_CHAIN: usize = 1_000;

/// The values that a run's events carry.
pub(super) struct Values {
    journal: Arc<dyn Journal>,
    /// Without it, every value stays in its event.
    blobs: Option<Blobs>,
    kept: HashMap<ValueRef, (Arc<Value>, usize)>,
    /// The latest of the large ones.
    large: Vec<(ValueRef, Arc<Value>)>,
    order: VecDeque<ValueRef>,
    bytes: usize,
}

impl Values {
    pub(super) fn new(journal: Arc<dyn Journal>, blobs: Blobs) -> Self {
        Self { blobs: Some(blobs), ..Self::in_memory(journal) }
    }

    /// Values that nothing outlives.
    pub(super) fn in_memory(journal: Arc<dyn Journal>) -> Self {
        Self { journal, blobs: None, kept: HashMap::new(), large: Vec::new(), order: VecDeque::new(), bytes: 0 }
    }

    /// Keeps the value of an event that was just made, since the next step often wants it.
    pub(super) fn note(&mut self, run: RunId, recorded: &Recorded) {
        if let Carried::Payload(Payload::Value(value)) = recorded.event.carried() {
            self.keep(ValueRef { run, seq: recorded.seq }, value.clone());
        }
    }

    /// True if the value is in memory.
    pub(super) fn holds(&self, wanted: ValueRef) -> bool {
        self.held(wanted).is_some()
    }

    fn held(&self, wanted: ValueRef) -> Option<Arc<Value>> {
        let large = || self.large.iter().find(|(at, _)| *at == wanted).map(|(_, value)| value.clone());
        self.kept.get(&wanted).map(|(value, _)| value.clone()).or_else(large)
    }

    /// The value behind a reference; null if the event carries none.
    pub(super) async fn get(&mut self, wanted: ValueRef) -> Result<Arc<Value>, EngineError> {
        let mut at = wanted;
        for _ in 0..LONGEST_CHAIN {
            if let Some(value) = self.held(at) {
                return Ok(value);
            }
            let recorded = self.journal.read_one(at.run, at.seq).await?.ok_or_else(|| EngineError::Stalled {
                run: at.run,
                reason: format!("event {} is referred to, and is not there", at.seq),
            })?;
            let value = match recorded.event.carried() {
                Carried::Nothing => Arc::new(Value::Null),
                Carried::Failure(failure) => Arc::new(json!({ "code": failure.code, "message": failure.message })),
                Carried::Payload(payload) => self.load(payload).await?,
                Carried::Ref(next) => {
                    at = next;
                    continue;
                }
            };
            self.keep(wanted, value.clone());
            return Ok(value);
        }
        Err(EngineError::Stalled { run: wanted.run, reason: "a value lies behind too many references".into() })
    }

    /// The value of an output.
    pub(super) async fn output(&mut self, output: &Output) -> Result<Arc<Value>, EngineError> {
        match output {
            Output::Nothing => Ok(Arc::default()),
            Output::Value(payload) => self.load(payload).await,
            Output::Ref(value) => self.get(*value).await,
        }
    }

    /// How a run stands, or ended by the event `end`.
    pub(super) async fn summary(
        &mut self,
        run: RunId,
        status: RunStatus,
        end: Option<&RunEvent>,
    ) -> Result<Summary, EngineError> {
        let mut summary = Summary { run, status, result: None, failure: None };
        match end {
            Some(RunEvent::Completed { result }) => summary.result = Some((*self.output(result).await?).clone()),
            Some(RunEvent::RunFailed { failure }) => summary.failure = Some(failure.clone()),
            Some(RunEvent::Cancelled { reason }) => summary.failure = Some(Failure::give_up("cancelled", reason)),
            _ => {}
        }
        Ok(summary)
    }

    /// The value of a payload.
    pub(super) async fn load(&self, payload: &Payload) -> Result<Arc<Value>, EngineError> {
        match (payload, &self.blobs) {
            (Payload::Value(value), _) => Ok(value.clone()),
            (payload, Some(blobs)) => Ok(blobs.load(payload).await?),
            (Payload::Stored { .. }, None) => Ok(Arc::default()),
        }
    }

    /// A payload for a value: in place, or in a file if it is large.
    pub(super) async fn store(&self, value: Value) -> Result<Payload, EngineError> {
        match &self.blobs {
            Some(blobs) => Ok(blobs.offload(value).await?),
            None => Ok(Payload::of(value)),
        }
    }

    /// A list that is to be written.
    pub(super) fn list(&self) -> ListWriter {
        ListWriter::new(self.blobs.clone())
    }

    fn keep(&mut self, at: ValueRef, value: Arc<Value>) {
        let weight = weight(&value);
        if weight > KEPT_BYTES / 4 {
            // A list that a `for_each` works through is worth its room, and must not be crowded out by its items.
            self.large.truncate(KEPT_LARGE - 1);
            self.large.insert(0, (at, value));
            return;
        }
        if self.kept.insert(at, (value, weight)).is_none() {
            self.order.push_back(at);
            self.bytes += weight;
        }
        while self.bytes > KEPT_BYTES && self.order.len() > 1 {
            if let Some(oldest) = self.order.pop_front()
                && let Some((_, freed)) = self.kept.remove(&oldest)
            {
                self.bytes -= freed;
            }
        }
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 16,
        Value::String(text) => 24 + text.len(),
        Value::Array(items) => 24 + items.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => 24 + fields.iter().map(|(name, value)| 32 + name.len() + weight(value)).sum::<usize>(),
    }
}
