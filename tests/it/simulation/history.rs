//! What a list of events tells: read plainly, without the kernel.

use std::collections::{BTreeMap, HashMap};

use callboard::run::{CallKey, Output, Payload, Recorded, RunEvent, RunId, StepPath, ValueRef};
use serde_json::{Value, json};

use super::reference::{Chance, End, TimedOut};

/// The run that is simulated.
pub(super) const RUN: RunId = RunId(uuid::Uuid::from_u128(7));
/// The run that it retries, if it does.
pub(super) const EARLIER: RunId = RunId(uuid::Uuid::from_u128(6));

/// The events of a run, and of the one that it retries.
#[derive(Clone, Copy)]
pub(super) struct History<'a> {
    pub(super) events: &'a [Recorded],
    /// Recorded, and not yet durable.
    pub(super) pending: &'a [Recorded],
    pub(super) earlier: &'a [Recorded],
}

impl<'a> History<'a> {
    pub(super) fn event(&self, seq: u64) -> &'a RunEvent {
        let index = usize::try_from(seq).unwrap() - 1;
        &self.events.get(index).unwrap_or_else(|| &self.pending[index - self.events.len()]).event
    }

    /// The value that an event carries.
    pub(super) fn value(&self, at: ValueRef) -> Value {
        if at.run == EARLIER {
            return History { events: self.earlier, pending: &[], earlier: &[] }.value(ValueRef { run: RUN, ..at });
        }
        assert_eq!(at.run, RUN, "a value of a run that has nothing to do with it");
        match self.event(at.seq) {
            RunEvent::Ended { output, .. } | RunEvent::ChildEnded { output, .. } => self.output(output),
            RunEvent::Answered { form: Some(payload), .. } | RunEvent::SignalCame { payload, .. } => in_place(payload),
            RunEvent::CallReturned { result, .. } => in_place(result),
            RunEvent::Answered { form: None, .. } => Value::Null,
            RunEvent::GaveUp { .. } => json!({ "error": true }),
            other => panic!("event {} carries no value: {other:?}", at.seq),
        }
    }

    pub(super) fn output(&self, output: &Output) -> Value {
        match output {
            Output::Nothing => Value::Null,
            Output::Value(payload) => in_place(payload),
            Output::Ref(at) => self.value(*at),
        }
    }

    /// How each step ended, by path.
    pub(super) fn ends(&self) -> BTreeMap<String, End> {
        let mut attempts: HashMap<&StepPath, u32> = HashMap::new();
        let mut ends = BTreeMap::new();
        for recorded in self.events {
            let (step, end) = match &recorded.event {
                RunEvent::Started { step, attempt, .. } => {
                    attempts.insert(step, *attempt);
                    continue;
                }
                RunEvent::Ended { step, outcome, output } => {
                    let (outcome, output) = (outcome.to_string(), self.output(output));
                    (step, End::Left { outcome, output, attempt: attempts[step] })
                }
                RunEvent::Reused { step, outcome, output } => {
                    let output = output.map_or(Value::Null, |at| self.value(at));
                    (step, End::Left { outcome: outcome.to_string(), output, attempt: 0 })
                }
                RunEvent::GaveUp { step, .. } => {
                    let output = json!({ "error": true });
                    (step, End::Left { outcome: "error".into(), output, attempt: attempts[step] })
                }
                RunEvent::Skipped { step } => (step, End::Skipped),
                _ => continue,
            };
            let twice = ends.insert(step.to_string(), end);
            assert!(twice.is_none(), "{step} ends twice, first as {twice:?}");
        }
        ends
    }

    /// How often each attempt was taken up again.
    pub(super) fn resumed(&self) -> BTreeMap<(String, u32), u32> {
        let mut resumed = BTreeMap::new();
        for recorded in self.events {
            if let RunEvent::Resumed { step, attempt } = &recorded.event {
                *resumed.entry((step.to_string(), *attempt)).or_default() += 1;
            }
        }
        resumed
    }

    /// What crashes and a clock that jumps did: the reference cannot know when they came.
    pub(super) fn chance(&self) -> Chance {
        let mut chance = Chance::default();
        let mut steps: HashMap<&StepPath, Calls> = HashMap::new();
        let mut effects = HashMap::new();
        for recorded in self.events {
            match &recorded.event {
                RunEvent::Started { step, attempt, .. } => {
                    let returned = steps.get(step).map_or(0, |calls| calls.returned);
                    steps.insert(step, Calls { attempt: *attempt, returned, open: None, failed: None });
                }
                RunEvent::CallIntended { step, key, effect, .. } => {
                    effects.insert(key, *effect);
                    let calls = steps.get_mut(step).expect("it has begun");
                    (calls.open, calls.failed) = (Some(key), None);
                }
                RunEvent::CallRepeated { step, key, .. } => {
                    steps.get_mut(step).expect("it has begun").open = Some(key);
                }
                RunEvent::CallReturned { step, .. } => {
                    let calls = steps.get_mut(step).expect("it has begun");
                    (calls.open, calls.returned) = (None, calls.returned + 1);
                }
                RunEvent::CallUnknown { step, .. } => steps.get_mut(step).expect("it has begun").open = None,
                RunEvent::CallFailed { step, key, .. } => {
                    let calls = steps.get_mut(step).expect("it has begun");
                    (calls.open, calls.failed) = (None, Some(key));
                }
                RunEvent::Resumed { step, attempt } => {
                    let calls = steps.get_mut(step).expect("it has begun");
                    if let Some(key) = calls.open.filter(|key| !effects[key].may_repeat()) {
                        chance.lost.insert((step.to_string(), *attempt, nth(step, key)));
                        calls.open = None;
                    }
                    let failed = calls.failed.map(|key| (step.to_string(), *attempt, nth(step, key)));
                    chance.failed.extend(failed);
                }
                RunEvent::Failed { step, attempt, failure } if failure.code == "timeout" => {
                    let calls = &steps[step];
                    let at = (step.to_string(), *attempt, calls.returned);
                    chance
                        .timed_out
                        .insert(at, TimedOut { begun: calls.open.is_some(), failed: calls.failed.is_some() });
                }
                RunEvent::Answered { question, choice, by: None, .. }
                    if steps.contains_key(&StepPath::from(&**question)) =>
                {
                    let _ = choice;
                    chance.defaults.insert((question.to_string(), steps[&StepPath::from(&**question)].attempt));
                }
                RunEvent::Answered { question, choice, .. } if choice.as_str() == "happened" => {
                    let path = question.rsplit_once(':').expect("it is about a call").0;
                    steps.get_mut(&StepPath::from(path)).expect("it has begun").returned += 1;
                }
                RunEvent::Ended { step, outcome, .. } if outcome.as_str() == "timeout" => {
                    chance.unheard.insert((step.to_string(), steps[step].attempt));
                }
                _ => {}
            }
        }
        chance
    }
}

/// What is told of a step's calls so far.
struct Calls<'a> {
    attempt: u32,
    /// How many have returned, or are said to have happened.
    returned: usize,
    /// Begun, and nothing heard of since.
    open: Option<&'a CallKey>,
    /// The last that failed in this attempt.
    failed: Option<&'a CallKey>,
}

fn in_place(payload: &Payload) -> Value {
    match payload {
        Payload::Value(value) => (**value).clone(),
        Payload::Stored { .. } => panic!("nothing is stored elsewhere here"),
    }
}

/// The key of a step's `nth` call.
pub(super) fn call_key(step: &StepPath, nth: usize) -> CallKey {
    CallKey::of(RUN, step, "tool", "{}", u32::try_from(nth).unwrap())
}

fn nth(step: &StepPath, key: &CallKey) -> usize {
    (0..8).find(|nth| call_key(step, *nth) == *key).expect("all keys are made here")
}
