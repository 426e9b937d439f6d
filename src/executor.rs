//! Performs one attempt of one step, by the kind of its process: an agent's goes to the company, a model's and a
//! tool's are carried out here. Every call goes through the attempt's gate.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use serde_json::{Map, Value};

use crate::agents::trust::Heard;
use crate::agents::work::{self, Hands, REPAIRS, call_error, cancelled};
use crate::agents::{Assignment, Company, Turn, TurnLimits, assignment, output};
use crate::engine::gate::{Call, CallError};
use crate::engine::port::{Attempt, Executor, Job, Stop};
use crate::model::{Message, Models, Request};
use crate::run::Failure;
use crate::tools::{Caller, Tools, unfit_in};

/// Performs attempts with a company, models and tools.
#[derive(Clone, Debug)]
pub struct StepExecutor {
    company: Company,
    models: Models,
    tools: Arc<Tools>,
}

impl StepExecutor {
    /// An executor with these means.
    #[must_use]
    pub fn new(company: Company, models: Models, tools: Arc<Tools>) -> Self {
        Self { company, models, tools }
    }
}

#[async_trait]
impl Executor for StepExecutor {
    async fn perform(&self, attempt: Attempt) -> Result<Value, Stop> {
        match attempt.job {
            Job::Agent { role, goal, plan, hearsay } => {
                let Attempt { run, step, urged, input, output, gate, cancel, .. } = attempt;
                let (hearsay, heard) = (hearsay.then(|| "earlier steps".to_owned()), Heard::default());
                let assignment = Assignment {
                    run,
                    step,
                    urged,
                    role,
                    goal,
                    input,
                    output,
                    gate,
                    cancel,
                    depth: 0,
                    plan,
                    hearsay,
                    heard,
                };
                self.company.assign(assignment).await
            }
            Job::Model { .. } | Job::Tool { .. } => {
                let cancel = attempt.cancel.clone();
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => Err(cancelled().into()),
                    // In a box, so that an agent's attempt, which only waits for the company, is not as large.
                    result = caught(Box::pin(self.perform_here(attempt))) => result,
                }
            }
        }
    }
}

impl StepExecutor {
    async fn perform_here(&self, attempt: Attempt) -> Result<Value, Stop> {
        match attempt.job.clone() {
            Job::Model { model, prompt, system } => self.ask(&model, prompt, system, attempt).await,
            Job::Tool { tool } => self.call(&tool, attempt).await,
            Job::Agent { .. } => Err(Failure::give_up("internal", "an agent's step is the company's").into()),
        }
    }

    /// One prompt to one model. A reply that is not what the step's `output` asks for is sent back, as an agent's is.
    async fn ask(&self, alias: &str, prompt: String, system: Option<String>, attempt: Attempt) -> Result<Value, Stop> {
        let Some(model) = self.models.get(alias) else {
            let known = self.models.aliases().collect::<Vec<_>>().join(", ");
            let message = format!("there is no model `{alias}`; there are: {known}");
            return Err(Failure::give_up("unknown_model", message).into());
        };
        let request = Request {
            messages: prompt_messages(&prompt, system, &attempt.input, attempt.output.as_ref()),
            tools: Vec::new(),
            output: attempt.output,
            reply_tokens: None,
            temperature: None,
        };
        let turn =
            Turn::new(request, TurnLimits { exchanges: 1 + REPAIRS, repairs: REPAIRS, tokens: None, cost: None });
        let caller = Caller { run: attempt.run, step: attempt.step, agent: None };
        work::drive(turn, model.as_ref(), Hands::alone(&self.tools, &attempt.gate, &caller)).await
    }

    /// One call of a tool, with the step's input as arguments.
    async fn call(&self, tool: &str, attempt: Attempt) -> Result<Value, Stop> {
        let arguments = Value::Object(attempt.input);
        let effect = self.tools.effect(tool, &arguments).map_err(|error| match call_error(error) {
            CallError::Failed(failure) | CallError::Unknown(failure) => Stop::Failed(failure),
        })?;
        let caller = Caller { run: attempt.run, step: attempt.step, agent: None };
        let call = Call::new(tool, effect, arguments.clone()).doubted(self.tools.policy().doubt(tool));
        let result = attempt
            .gate
            .call(call, |permit| async { self.tools.call(tool, arguments, permit, &caller).await.map_err(call_error) })
            .await?;
        if let Some(unfit) = unfit_in(&result) {
            let message = format!("{unfit}; the call took effect, and its result is in the run's events");
            return Err(Failure::give_up("bad_result", message).into());
        }
        if let Some(schema) = &attempt.output {
            output::check(&result, schema)?;
        }
        Ok(result)
    }
}

/// What a model's step puts to its model: the prompt, with the step's input below it if there is any.
fn prompt_messages(
    prompt: &str,
    system: Option<String>,
    input: &Map<String, Value>,
    output: Option<&Value>,
) -> Vec<Message> {
    let mut text = format!("{}\n{}", prompt.trim_end(), assignment::input_section(input, None));
    if output.is_some() {
        text.push_str("\n# Result\n\n");
        text.push_str(&assignment::result_rule(output));
    }
    system.map(|text| Message::System { text }).into_iter().chain([Message::User { text }]).collect()
}

/// A panic is a failure of this attempt only.
async fn caught(work: impl Future<Output = Result<Value, Stop>>) -> Result<Value, Stop> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let message = format!(
            "the step's work died: {}; others are not affected, and the step can be tried again",
            words_of(panic.as_ref())
        );
        Err(Failure::retry("panicked", message).into())
    })
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

#[cfg(test)]
mod tests;
