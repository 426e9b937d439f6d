//! Evaluating what the kernel asks for: bindings, items, conditions, a run's result.
//!
//! Only the values that an expression names are loaded.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::drive::Drive;
use super::error::EngineError;
use super::port::Job;
use crate::clock::Timestamp;
use crate::run::{
    Evaluation, Failure, Output, Question, QuestionKind, RunEvent, ScopePath, StepPath, StepResult, ValueRef,
};
use crate::workflow::expression::{self, Reference, Scope};
use crate::workflow::{Condition, Human, Outcome, Planned, Process, Step, Wait};

/// Where an evaluation failed: in the workflow's own expressions, or in our storage.
enum Trouble {
    Expression(Failure),
    Engine(EngineError),
}

impl From<EngineError> for Trouble {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Expression(failure)
    }
}

/// The event that an evaluation comes to. What is wrong with an expression is an event, too.
pub(super) async fn evaluate(drive: &mut Drive, evaluation: &Evaluation) -> Result<RunEvent, EngineError> {
    let result = match evaluation {
        Evaluation::Begin { step, .. } => begin(drive, step).await,
        Evaluation::Test { step, index, .. } => test(drive, step, *index).await,
        Evaluation::Match { step, signal } => matches(drive, step, *signal).await,
        Evaluation::Collect { step } => collect(drive, step).await,
        Evaluation::Result { last } => result(drive, *last).await,
    };
    match (result, evaluation) {
        (Ok(event), _) => Ok(event),
        (Err(Trouble::Engine(error)), _) => Err(error),
        (Err(Trouble::Expression(failure)), Evaluation::Result { .. }) => Ok(RunEvent::RunFailed { failure }),
        (Err(Trouble::Expression(_)), Evaluation::Match { step, signal }) => {
            // A signal that the condition cannot make sense of is not the one that is waited for.
            Ok(RunEvent::SignalMatched { step: step.clone(), signal: *signal, holds: false })
        }
        (
            Err(Trouble::Expression(failure)),
            Evaluation::Begin { step, attempt } | Evaluation::Test { step, attempt, .. },
        ) => Ok(RunEvent::Failed { step: step.clone(), attempt: *attempt, failure }),
        (Err(Trouble::Expression(failure)), Evaluation::Collect { step }) => {
            Ok(RunEvent::GaveUp { step: step.clone(), failure })
        }
    }
}

/// What the executor is to do for a step, with its input; or why its expressions cannot be evaluated.
pub(super) async fn job(
    drive: &mut Drive,
    step: &StepPath,
) -> Result<Result<(Job, Map<String, Value>), Failure>, EngineError> {
    told(prepare(drive, step).await)
}

/// The input of a `workflow` step; or why its expressions cannot be evaluated.
pub(super) async fn child_inputs(
    drive: &mut Drive,
    step: &StepPath,
) -> Result<Result<Map<String, Value>, Failure>, EngineError> {
    told(match definition(drive, step) {
        Ok(definition) => input(drive, step, &definition).await,
        Err(failure) => Err(failure.into()),
    })
}

fn told<T>(result: Result<T, Trouble>) -> Result<Result<T, Failure>, EngineError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Trouble::Expression(failure)) => Ok(Err(failure)),
        Err(Trouble::Engine(error)) => Err(error),
    }
}

async fn prepare(drive: &mut Drive, step: &StepPath) -> Result<(Job, Map<String, Value>), Trouble> {
    let definition = definition(drive, step)?;
    let input = input(drive, step, &definition).await?;
    let scope = step.scope();
    let job = match &definition.process {
        Process::Agent { agent, goal, plan } => {
            let mut meant = Vec::with_capacity(plan.len());
            for Planned { tool, with } in plan {
                let mut planned = Planned { tool: tool.clone(), with: with.clone() };
                for (name, binding) in with {
                    planned.with.insert(name.clone(), value(drive, &scope, binding, None).await?);
                }
                meant.push(planned);
            }
            let hearsay = is_hearsay(drive, &definition, goal).await?;
            Job::Agent { role: agent.clone(), goal: text(drive, &scope, goal).await?, plan: meant, hearsay }
        }
        Process::Model { model, prompt, system } => Job::Model {
            model: model.clone(),
            prompt: text(drive, &scope, prompt).await?,
            system: match system {
                Some(system) => Some(text(drive, &scope, system).await?),
                None => None,
            },
        },
        Process::Tool { tool } => Job::Tool { tool: tool.clone() },
        other => {
            let message = format!("a {} is not carried out by the executor", other.kind());
            return Err(Failure::give_up("internal", message).into());
        }
    };
    Ok((job, input))
}

/// Whether an agent's goal or input hold what other steps brought: of this run, or of the one that started it.
async fn is_hearsay(drive: &Drive, definition: &Step, goal: &str) -> Result<bool, Trouble> {
    let mut names = expression::references_of_text(goal).map_err(bad_expression)?;
    for binding in definition.input.values() {
        names.extend(expression::references(binding).map_err(bad_expression)?);
    }
    let mut inputs_are_named = false;
    for name in names {
        match name {
            Reference::Step { .. } => return Ok(true),
            Reference::Name(name) if name != "index" => return Ok(true),
            Reference::Input(_) => inputs_are_named = true,
            Reference::Name(_) | Reference::Var(_) | Reference::Run => {}
        }
    }
    Ok(inputs_are_named && drive.was_begun_by_a_step().await?)
}

async fn input(drive: &mut Drive, step: &StepPath, definition: &Step) -> Result<Map<String, Value>, Trouble> {
    let scope = step.scope();
    let mut input = Map::with_capacity(definition.input.len());
    for (name, binding) in &definition.input {
        let value = value(drive, &scope, binding, None).await.map_err(|trouble| match trouble {
            Trouble::Expression(failure) => {
                Trouble::Expression(Failure { message: format!("input {name}: {}", failure.message), ..failure })
            }
            trouble @ Trouble::Engine(_) => trouble,
        })?;
        input.insert(name.clone(), value);
    }
    Ok(input)
}

async fn begin(drive: &mut Drive, step: &StepPath) -> Result<RunEvent, Trouble> {
    let definition = definition(drive, step)?;
    let scope = step.scope();
    match &definition.process {
        Process::Transform { value: binding } => {
            let value = value(drive, &scope, binding, None).await?;
            if let Some(schema) = &definition.output {
                check_output(schema, &value)?;
            }
            let output = Output::Value(drive.values.store(value).await?);
            Ok(RunEvent::Ended { step: step.clone(), outcome: Outcome::OK.into(), output })
        }
        Process::Branch { cases } => {
            for (case, condition) in cases {
                if condition_holds(drive, &scope, condition, None).await? {
                    return Ok(RunEvent::Ended { step: step.clone(), outcome: case.clone(), output: Output::Nothing });
                }
            }
            let outcome = Outcome::OTHERWISE.into();
            Ok(RunEvent::Ended { step: step.clone(), outcome, output: Output::Nothing })
        }
        Process::ForEach(each) => match value(drive, &scope, &each.items, None).await? {
            Value::Array(items) => {
                let count = items.len() as u64;
                let items = drive.values.store(Value::Array(items)).await?;
                Ok(RunEvent::Expanded { step: step.clone(), items, count })
            }
            other => {
                Err(Failure::give_up("bad_items", format!("`items` must be a list, and is {}", kind_of(&other))).into())
            }
        },
        Process::Wait(wait) => {
            let now = drive.now();
            let (until, signal) = match wait {
                Wait::For(duration) => (Some(now.after(*duration)), None),
                Wait::Until(until) => {
                    let value = value(drive, &scope, &Value::String(until.clone()), None).await?;
                    (Some(instant(&value)?), None)
                }
                Wait::Event { name, timeout, .. } => {
                    let name = text(drive, &scope, name).await?;
                    (timeout.map(|timeout| now.after(timeout)), Some(name))
                }
            };
            Ok(RunEvent::Waiting { step: step.clone(), until, signal })
        }
        Process::Human(human) => ask(drive, step, human).await,
        other => Err(Failure::give_up("internal", format!("a {} has nothing to evaluate", other.kind())).into()),
    }
}

async fn ask(drive: &mut Drive, step: &StepPath, human: &Human) -> Result<RunEvent, Trouble> {
    let ask = text(drive, &step.scope(), &human.ask).await?;
    let now = drive.now();
    Ok(RunEvent::Asked {
        question: Question {
            id: step.as_str().into(),
            step: step.clone(),
            kind: QuestionKind::Human,
            ask,
            choices: human.choices.clone(),
            form: human.form.clone(),
            to: human.to.clone(),
            deadline: human.default.as_ref().map(|default| now.after(default.after)),
            default: human.default.as_ref().map(|default| default.outcome.clone()),
        },
    })
}

async fn test(drive: &mut Drive, step: &StepPath, index: u64) -> Result<RunEvent, Trouble> {
    let definition = definition(drive, step)?;
    let Process::Repeat(repeat) = &definition.process else {
        return Err(Failure::give_up("internal", "not a repeat").into());
    };
    // `until` sees the body that has just ended; `while`, tested before body `index`, the one before it.
    let (condition, body) = match &repeat.condition {
        Condition::Until(condition) => (condition, Some(index)),
        Condition::While(condition) => (condition, index.checked_sub(1)),
    };
    let scope = body.map_or_else(|| step.scope(), |body| step.body(body));
    let holds = condition_holds(drive, &scope, condition, Some(("index", json!(index)))).await?;
    Ok(RunEvent::Tested { step: step.clone(), index, holds })
}

async fn matches(drive: &mut Drive, step: &StepPath, signal: u64) -> Result<RunEvent, Trouble> {
    let definition = definition(drive, step)?;
    let run = drive.state.run();
    let holds = match &definition.process {
        Process::Wait(Wait::Event { matching: Some(condition), .. }) => {
            let event = drive.value(ValueRef { run, seq: signal }).await?;
            condition_holds(drive, &step.scope(), condition, Some(("event", (*event).clone()))).await?
        }
        _ => true,
    };
    Ok(RunEvent::SignalMatched { step: step.clone(), signal, holds })
}

/// Bodies read at once when a `for_each` is collected.
const COLLECT_PAGE: usize = 1_000;

/// Writes the values of the bodies, in order, as one list: in pages, so that a list of any length takes little memory.
async fn collect(drive: &mut Drive, step: &StepPath) -> Result<RunEvent, Trouble> {
    let run = drive.state.run();
    let (items, count) = drive.state.items_of(step).ok_or_else(|| Failure::give_up("internal", "not a for_each"))?;
    let mut list = drive.values.list();
    let mut after = items.seq;
    loop {
        let page = drive.journal().bodies(run, step, after, COLLECT_PAGE).await.map_err(EngineError::from)?;
        for body in &page {
            after = body.ended.seq;
            let RunEvent::BodyEnded { index, failure, .. } = &body.ended.event else { continue };
            let value = match (failure, &body.value) {
                (Some(failure), _) => {
                    Arc::new(json!({ "error": { "code": failure.code, "message": failure.message } }))
                }
                (None, Some(carrier)) => drive.carried(carrier).await?,
                (None, None) => Arc::new(Value::Null),
            };
            list.put(*index, &value).await?;
        }
        if page.len() < COLLECT_PAGE {
            break;
        }
    }
    let output = Output::Value(list.finish(count).await?);
    Ok(RunEvent::Ended { step: step.clone(), outcome: Outcome::OK.into(), output })
}

async fn result(drive: &mut Drive, last: Option<ValueRef>) -> Result<RunEvent, Trouble> {
    let workflow = drive.workflow.clone();
    let result = match &workflow.workflow().result {
        Some(binding) => {
            let value = value(drive, &ScopePath::root(), binding, None).await.map_err(|trouble| match trouble {
                Trouble::Expression(failure) => {
                    Trouble::Expression(Failure { message: format!("result: {}", failure.message), ..failure })
                }
                trouble @ Trouble::Engine(_) => trouble,
            })?;
            Output::Value(drive.values.store(value).await?)
        }
        None => last.map_or(Output::Nothing, Output::Ref),
    };
    Ok(RunEvent::Completed { result })
}

fn definition(drive: &Drive, step: &StepPath) -> Result<Arc<Step>, Failure> {
    let node = drive.state.node(step).ok_or_else(|| Failure::give_up("internal", format!("no step {step}")))?;
    Ok(node.step.clone())
}

async fn value(
    drive: &mut Drive,
    scope: &ScopePath,
    binding: &Value,
    extra: Option<(&str, Value)>,
) -> Result<Value, Trouble> {
    let names = expression::references(binding).map_err(bad_expression)?;
    let scope = load(drive, scope, names, extra).await?;
    expression::evaluate(binding, &scope).map_err(|error| bad_expression(error).into())
}

async fn text(drive: &mut Drive, scope: &ScopePath, template: &str) -> Result<String, Trouble> {
    let template = Value::String(template.to_owned());
    match value(drive, scope, &template, None).await? {
        Value::String(text) => Ok(text),
        other => Ok(other.to_string()),
    }
}

async fn condition_holds(
    drive: &mut Drive,
    scope: &ScopePath,
    condition: &str,
    extra: Option<(&str, Value)>,
) -> Result<bool, Trouble> {
    let names = expression::references_of_condition(condition).map_err(bad_expression)?;
    let scope = load(drive, scope, names, extra).await?;
    expression::evaluate_condition(condition, &scope).map_err(|error| bad_expression(error).into())
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn bad_expression(error: expression::ExpressionError) -> Failure {
    Failure::give_up("bad_expression", error.to_string())
}

/// The values that the names stand for, as seen from `scope`.
async fn load(
    drive: &mut Drive,
    scope: &ScopePath,
    names: Vec<Reference>,
    extra: Option<(&str, Value)>,
) -> Result<Scope, Trouble> {
    let run = drive.state.run();
    let workflow = drive.workflow.clone();
    let mut loaded = Scope::default();
    for name in names {
        match name {
            Reference::Input(_) => loaded.set("inputs", drive.value(ValueRef { run, seq: 1 }).await?),
            Reference::Var(_) => {
                let vars = workflow.workflow().vars.iter().map(|(name, value)| (name.clone(), value.clone()));
                loaded.set("vars", Value::Object(vars.collect()));
            }
            Reference::Run => loaded.set(
                "run",
                json!({ "id": run.to_string(), "workflow": workflow.workflow().name, "version": workflow.hash() }),
            ),
            Reference::Step { id, .. } => load_step(drive, scope, &id, &mut loaded).await?,
            Reference::Name(name) => {
                let around: Vec<_> = drive
                    .state
                    .bodies_around(scope)
                    .into_iter()
                    .map(|around| (around.index, around.item.map(|(name, items)| (name.to_owned(), items))))
                    .collect();
                if name == "index" {
                    if let Some((index, _)) = around.first() {
                        loaded.set("index", json!(index));
                    }
                } else if let Some((index, Some((_, items)))) =
                    around.into_iter().find(|(_, item)| item.as_ref().is_some_and(|(item, _)| *item == name))
                {
                    let items = drive.value(items).await?;
                    let item = usize::try_from(index).ok().and_then(|index| items.get(index)).cloned();
                    loaded.set(name, item.unwrap_or(Value::Null));
                }
            }
        }
    }
    if let Some((name, value)) = extra {
        loaded.set(name, value);
    }
    Ok(loaded)
}

async fn load_step(drive: &mut Drive, scope: &ScopePath, id: &str, loaded: &mut Scope) -> Result<(), EngineError> {
    let (outcome, value) = match drive.state.result_of(scope, id) {
        StepResult::Ended(outcome, value) => (Some(outcome.clone()), value),
        StepResult::Nothing => (None, None),
    };
    let value = match value {
        Some(value) => drive.value(value).await?,
        None => Arc::default(),
    };
    let failed = outcome.as_ref().is_some_and(|outcome| outcome.as_str() == Outcome::ERROR);
    let (output, error) = if failed { (Arc::default(), value) } else { (value, Arc::default()) };
    let outcome = outcome.map(|outcome| outcome.0);
    loaded.set_step(id, expression::StepResult { output, outcome, error });
    Ok(())
}

/// An instant from RFC 3339 text, or from a number of milliseconds since 1970.
fn instant(value: &Value) -> Result<Timestamp, Failure> {
    let instant = match value {
        Value::String(text) => chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_millis()),
        Value::Number(number) => number.as_i64(),
        _ => None,
    };
    instant.map(Timestamp).ok_or_else(|| {
        Failure::give_up("bad_time", format!("`until` must be a time like 2026-01-31T09:00:00Z, and is {value}"))
    })
}

/// Holds a value against a step's `output` schema.
pub(super) fn check_output(schema: &Value, value: &Value) -> Result<(), Failure> {
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| Failure::give_up("bad_schema", format!("the output schema is not valid: {error}")))?;
    match validator.validate(value) {
        Ok(()) => Ok(()),
        Err(error) => Err(Failure::retry(
            "bad_output",
            format!("the output does not satisfy the step's schema at `{}`: {error}", error.instance_path()),
        )),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
