//! The one gate for effects: journal the intent, permit, call, journal the result.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;

use super::port::Stop;
use crate::crash;
use crate::run::{CallKey, Failure, Hop, Message, MessageId, Permit, Policy, RunId, Says, StepPath};
use crate::workflow::hash::canonical_json;
use crate::workflow::{CallEffect, Effect};

/// A call that somebody wants to make.
#[derive(Clone, Debug)]
pub struct Call {
    /// The tool's name; `model:NAME` for a model.
    pub tool: String,
    /// What it does with these arguments.
    pub effect: CallEffect,
    /// The arguments.
    pub arguments: Value,
    /// Why a person must be asked before it, whatever the run's policy says of its effect.
    doubt: Option<String>,
    /// The message that it is made for, as the gate knows it.
    cause: Option<MessageId>,
}

impl Call {
    /// A call that somebody wants to make.
    #[must_use]
    pub fn new(tool: impl Into<String>, effect: CallEffect, arguments: Value) -> Self {
        Self { tool: tool.into(), effect, arguments, doubt: None, cause: None }
    }

    /// The same call, to be made after a person was asked only, if there is a reason for that.
    #[must_use]
    pub fn doubted(self, doubt: Option<String>) -> Self {
        Self { doubt, ..self }
    }

    /// Why a person must be asked before it, whatever the run's policy says of its effect.
    #[must_use]
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// The run's policy as it is for this call. Models and colleagues are no tools: nobody is asked before they are.
    #[must_use]
    pub fn under(&self, policy: Policy) -> Policy {
        let is_tool = !self.tool.starts_with("model:") && !self.tool.starts_with("company.");
        let ask_from = if self.doubt.is_some() { Some(Effect::Pure) } else { policy.ask_from.filter(|_| is_tool) };
        Policy { ask_from, ..policy }
    }

    /// The message that it is made for; the step's own assignment if `None`.
    #[must_use]
    pub fn cause(&self) -> Option<&MessageId> {
        self.cause.as_ref()
    }
}

/// How a call went wrong.
#[derive(Clone, Debug)]
pub enum CallError {
    /// It did not take effect.
    Failed(Failure),
    /// Nobody knows whether it took effect.
    Unknown(Failure),
}

/// What the gate rules on a call.
#[derive(Debug)]
pub enum Ruling {
    /// Make it; its intent is journaled if it changes the world.
    Perform(Permit),
    /// It was made already, with this result.
    Recorded(Value),
    /// Do not make it, and go on as if it had returned this: the run is only simulated.
    Simulated(Value),
}

/// Where the gate journals: the run's actor, or a list in memory for tests.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Rules on a call, by the key that sets it apart from all others of the run.
    ///
    /// # Errors
    /// `Stop::Parked` if a person must be asked first, `Stop::Failed` if the call is refused.
    async fn open(&self, call: &Arc<Call>, key: &CallKey) -> Result<Ruling, Stop>;

    /// Journals how a permitted call ended; returns once that is durable.
    ///
    /// # Errors
    /// `Stop::Parked` if the result is unknown and the call must not be repeated unasked.
    async fn close(&self, call: &Arc<Call>, key: &CallKey, result: Result<Value, CallError>) -> Result<Value, Stop>;

    /// Journals what an agent said, unless that is journaled already.
    ///
    /// # Errors
    /// `Stop::Failed` if the attempt is over.
    async fn say(&self, message: Message) -> Result<(), Stop>;

    /// Journals that another model was asked than the first, for a message (`None`: for the step's own assignment).
    ///
    /// # Errors
    /// `Stop::Failed` if the attempt is over.
    async fn hopped(&self, hop: Hop, cause: Option<MessageId>) -> Result<(), Stop>;
}

/// The way to every call that touches the world, for one attempt of one step.
#[derive(Clone)]
pub struct Gate {
    run: RunId,
    step: StepPath,
    /// The message that is being dealt with; the step's own assignment if `None`.
    cause: Option<MessageId>,
    ledger: Arc<dyn Ledger>,
    made: Arc<Mutex<HashMap<String, u32>>>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("run", &self.run).field("step", &self.step).finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate for one attempt, journaling to `ledger`.
    pub fn new(run: RunId, step: StepPath, ledger: Arc<dyn Ledger>) -> Self {
        Self { run, step, cause: None, ledger, made: Arc::default() }
    }

    /// The gate for what is done about a message in the same attempt.
    #[must_use]
    pub fn within(&self, message: MessageId) -> Self {
        Self { cause: Some(message), made: Arc::default(), ..self.clone() }
    }

    /// Says something, and returns once that is durable.
    ///
    /// # Errors
    /// [`Stop`]: the attempt is over.
    pub async fn say(&self, from: &str, to: &str, says: Says) -> Result<MessageId, Stop> {
        let nth = self.nth(format!("say {from} {to} {says:?}"));
        let message = Message::new(&self.step, self.cause.clone(), from, to, says, nth);
        let id = message.id.clone();
        self.ledger.say(message).await?;
        Ok(id)
    }

    /// The run that the attempt is of.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The step that the attempt is of.
    #[must_use]
    pub fn step(&self) -> &StepPath {
        &self.step
    }

    /// Tells that another model was asked than the first, and returns once that is durable.
    ///
    /// # Errors
    /// [`Stop`]: the attempt is over.
    pub async fn hopped(&self, hop: Hop) -> Result<(), Stop> {
        self.ledger.hopped(hop, self.cause.clone()).await
    }

    /// Makes a call, or yields the result that it had when it was made before.
    ///
    /// # Errors
    /// [`Stop`]: the call failed or was refused, or the step is parked with a question.
    pub async fn call<F, R>(&self, mut call: Call, perform: F) -> Result<Value, Stop>
    where
        F: FnOnce(Permit) -> R + Send,
        R: Future<Output = Result<Value, CallError>> + Send,
    {
        call.cause.clone_from(&self.cause);
        let key = self.key(&call);
        let call = Arc::new(call);
        match self.ledger.open(&call, &key).await? {
            Ruling::Recorded(value) | Ruling::Simulated(value) => Ok(value),
            Ruling::Perform(permit) => {
                crash::point("call");
                let result = perform(permit).await;
                crash::point("result");
                self.ledger.close(&call, &key, result).await
            }
        }
    }

    /// What sets a call apart from all others of the run, and is the same when the attempt is made again.
    fn key(&self, call: &Call) -> CallKey {
        let arguments = canonical_json(&call.arguments);
        let of = |nth| CallKey::of(self.run, &self.step, &call.tool, &arguments, nth);
        let first = of(0);
        let key = match self.nth(first.as_str().to_owned()) {
            0 => first,
            nth => of(nth),
        };
        match &self.cause {
            None => key,
            Some(message) => key.within(message),
        }
    }

    /// How often this was done in this attempt before.
    fn nth(&self, what: String) -> u32 {
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = made.entry(what).or_default();
        let nth = *count;
        *count += 1;
        nth
    }
}
