//! Questions about runs, answered from their events and from what models have cost. Nothing is told that no event says.

mod asked;
mod facts;

use std::fmt::Write as _;

use crate::clock::Timestamp;
use crate::model::Dollars;
use crate::run::{Failure, QuestionKind, RunId, RunStatus};
use crate::store::model_calls::By;
use crate::store::{Run, RunFilter, StoreError, Workspace};
use serde_json::Value;

pub use asked::{Asked, What, Which};
use facts::Facts;

use super::event::Link;

/// How many runs are looked at to find the one that is meant.
const MOST_RUNS: usize = 200;

/// How much of a result is shown, in characters.
const LONGEST_RESULT: usize = 4_000;

/// How many questions, steps or runs are told of.
const MOST_TOLD: usize = 20;

/// What is told of runs, and where that can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// In Markdown.
    pub text: String,
    /// The runs and events that it rests on.
    pub links: Vec<Link>,
}

/// What is known where the question is asked.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// The time.
    pub now: Timestamp,
    /// The run that was begun in this conversation last.
    pub run: Option<RunId>,
    /// The workflow in front of the person.
    pub focus: Option<String>,
    /// The saved workflows.
    pub workflows: Vec<String>,
}

/// Answers a question about runs.
///
/// # Errors
/// [`StoreError`] if what is stored cannot be read.
pub async fn answer(workspace: &Workspace, question: &str, here: &Here) -> Result<Told, StoreError> {
    let asked = Asked::read(question, here);
    let runs = meant(workspace, &asked, here).await?;
    let Some(run) = runs.first() else {
        return Ok(Told { text: nothing(&asked), links: Vec::new() });
    };
    if asked.what == What::List || (asked.what == What::Cost && asked.several) {
        return list(workspace, &runs, asked.what).await;
    }
    let facts = Facts::read(workspace, run).await?;
    let mut told = tell(workspace, &facts, asked.what).await?;
    if runs.len() > 1 && matches!(asked.which, Which::Between { .. }) {
        let _ =
            write!(told.text, "\n\nThere were {} runs in that time; this is of the one that fits best.", runs.len());
        told.links.extend(runs.iter().skip(1).take(MOST_TOLD).map(|run| Link::run(run.id)));
    }
    Ok(told)
}

/// What is told of a run that was begun in a conversation once it ends or rests: the text, where it can be seen, and the files that
/// it made.
///
/// # Errors
/// [`StoreError`] if what is stored cannot be read.
pub async fn report(workspace: &Workspace, run: RunId) -> Result<(Told, Vec<String>), StoreError> {
    let Some(run) = workspace.runs().get(run).await? else { return Ok((Told::default(), Vec::new())) };
    let facts = Facts::read(workspace, &run).await?;
    let what = match run.status {
        RunStatus::Completed => What::Result,
        RunStatus::Failed | RunStatus::Cancelled | RunStatus::Cancelling => What::Failure,
        RunStatus::Parked | RunStatus::Waiting | RunStatus::Running => What::Waiting,
    };
    let told = tell(workspace, &facts, what).await?;
    Ok((told, facts.artifacts))
}

/// A failure that trying again cannot mend.
#[derive(Clone, Debug)]
pub struct BeyondRetry {
    /// The steps of the run's own list that failed.
    pub failed: Vec<String>,
    /// Why.
    pub failure: Failure,
    /// The steps that are done.
    pub done: Vec<String>,
}

/// Whether a run has failed in a way that trying it again cannot mend.
///
/// # Errors
/// [`StoreError`] if what is stored cannot be read.
pub async fn beyond_retry(workspace: &Workspace, run: RunId) -> Result<Option<BeyondRetry>, StoreError> {
    let Some(run) = workspace.runs().get(run).await? else { return Ok(None) };
    if run.status != RunStatus::Failed {
        return Ok(None);
    }
    let facts = Facts::read(workspace, &run).await?;
    let done = facts.done_steps().map(|step| step.id.clone()).collect();
    let failed: Vec<String> = facts.failed_steps().map(|step| step.id.clone()).collect();
    let of_step = facts.failed_steps().next_back().and_then(|step| step.failure.clone());
    let Some((_, failure)) = of_step.or(facts.failure) else { return Ok(None) };
    let is_beyond = failure.category == crate::run::Category::GiveUp;
    Ok(is_beyond.then_some(BeyondRetry { failed, failure, done }))
}

fn nothing(asked: &Asked) -> String {
    let of = asked.workflow.as_ref().map(|name| format!(" of `{name}`")).unwrap_or_default();
    match asked.which {
        Which::Between { .. } => format!("There was no run{of} in that time. `callboard runs` lists those there are."),
        Which::Given(run) => format!("There is no run {run}. `callboard runs` lists those there are."),
        Which::Last => format!("There is no run{of} yet. Say “run it”, or `callboard run FILE`, to begin one."),
    }
}

/// The runs that are meant, the one that fits best first.
async fn meant(workspace: &Workspace, asked: &Asked, here: &Here) -> Result<Vec<Run>, StoreError> {
    let runs = workspace.runs();
    if let Which::Given(run) = asked.which {
        return Ok(runs.get(run).await?.into_iter().collect());
    }
    if asked.which == Which::Last
        && asked.workflow.is_none()
        && !asked.several
        && !asked.is_said_to_have_failed
        && let Some(run) = here.run
        && let Some(run) = runs.get(run).await?
    {
        return Ok(vec![run]);
    }
    let filter = |workflow: Option<&String>| RunFilter { workflow: workflow.cloned(), ..RunFilter::default() };
    let mut found = runs.list(&filter(asked.workflow.as_ref()), MOST_RUNS).await?;
    found.retain(|run| run.parent.is_none());
    if asked.which == Which::Last
        && asked.workflow.is_none()
        && !asked.several
        && let Some(focus) = &here.focus
    {
        let of_focus = runs.list(&filter(Some(focus)), MOST_RUNS).await?;
        if !of_focus.is_empty() {
            found = of_focus;
        }
    }
    if let Which::Between { from, until } = asked.which {
        found.retain(|run| run.created_at >= from && run.created_at < until);
    }
    if asked.is_said_to_have_failed {
        // “Why did it fail?” is about one that did, if there is one.
        found.sort_by_key(|run| run.status != RunStatus::Failed);
    }
    Ok(found)
}

async fn list(workspace: &Workspace, runs: &[Run], what: What) -> Result<Told, StoreError> {
    let mut text = String::new();
    let mut links = Vec::new();
    let mut whole = Cost::default();
    for run in runs.iter().take(MOST_TOLD) {
        let cost = cost(workspace, run.id).await?;
        whole.add(&cost);
        let _ = writeln!(
            text,
            "- `{}` of `{}`: {}, begun {}{}",
            run.id,
            run.workflow,
            run.status,
            run.created_at,
            cost.beside()
        );
        links.push(Link::run(run.id));
    }
    if what == What::Cost {
        let _ = writeln!(text, "\nTogether: {}.", whole.in_words());
    }
    if runs.len() > MOST_TOLD {
        let _ = writeln!(text, "\n… and {} more: `callboard runs` lists them.", runs.len() - MOST_TOLD);
    }
    Ok(Told { text, links })
}

async fn tell(workspace: &Workspace, facts: &Facts, what: What) -> Result<Told, StoreError> {
    let mut told = Told { text: String::new(), links: vec![Link::run(facts.run.id)] };
    let Facts { run, .. } = facts;
    let head = format!("Run `{}` of `{}`", run.id, run.workflow);
    match what {
        What::Failure => failure(facts, &head, &mut told),
        What::Cost => {
            let cost = cost(workspace, run.id).await?;
            let _ = writeln!(told.text, "{head} has cost {}.", cost.in_words());
            for sum in workspace.model_calls().sums(By::Step, Some(run.id), MOST_TOLD).await? {
                let cost = Cost {
                    calls: sum.calls,
                    nanos: sum.cost,
                    unpriced: sum.unpriced,
                    tokens: sum.input_tokens + sum.output_tokens,
                };
                let _ = writeln!(told.text, "- `{}`: {}", sum.of, cost.in_words());
            }
            let _ = writeln!(told.text, "\nBooked in the table of model calls: `callboard costs --run {}`", run.id);
        }
        What::Duration => duration(facts, &head, &mut told),
        What::Waiting => waiting(workspace, facts, &head, &mut told).await?,
        What::Steps | What::List => steps(facts, &head, &mut told),
        What::Result => result(workspace, facts, &head, &mut told).await?,
    }
    told.text.truncate(told.text.trim_end().len());
    Ok(told)
}

fn failure(facts: &Facts, head: &str, told: &mut Told) {
    let Facts { run, failure, .. } = facts;
    let Some((seq, failure)) = failure else {
        let _ = match run.status {
            RunStatus::Completed => writeln!(told.text, "{head} did not fail: it completed{}.", at(run.ended_at)),
            status => writeln!(told.text, "{head} has not failed; it is {status}."),
        };
        for step in facts.done_steps().filter(|step| step.failures > 0) {
            let _ = writeln!(told.text, "Step `{}` failed {} before it went well.", step.id, times(step.failures));
        }
        return;
    };
    let word = if run.status == RunStatus::Cancelled { "was cancelled" } else { "failed" };
    let _ = writeln!(told.text, "{head} {word}{}: {failure} (event {seq}).", at(run.ended_at));
    told.links.push(Link::event(run.id, *seq));
    for step in facts.failed_steps() {
        if let Some((seq, failure)) = &step.failure {
            let tries = if step.failures > 1 { format!(" after {} attempts", step.failures) } else { String::new() };
            let _ = writeln!(told.text, "- Step `{}` gave up{tries}: {failure} (event {seq}).", step.id);
            told.links.push(Link::event(run.id, *seq));
        }
    }
    let done: Vec<String> = facts.done_steps().map(|step| format!("`{}`", step.id)).collect();
    if !done.is_empty() {
        let _ = writeln!(told.text, "\nDone before that: {}.", done.join(", "));
    }
    if run.status == RunStatus::Failed {
        let _ = writeln!(told.text, "\n`callboard retry {}` tries again what failed, and keeps the rest.", run.id);
    }
}

fn duration(facts: &Facts, head: &str, told: &mut Told) {
    let run = &facts.run;
    let took = humantime(run.ended_at.unwrap_or(run.updated_at).since(run.created_at));
    let _ = match run.ended_at {
        Some(_) => writeln!(told.text, "{head} took {took}."),
        None => writeln!(told.text, "{head} is {} and has gone on for {took} so far.", run.status),
    };
    for step in facts.steps.iter().take(MOST_TOLD) {
        if let Some(ended) = step.ended_at {
            let _ = writeln!(told.text, "- `{}`: {}", step.id, humantime(ended.since(step.began_at)));
        }
    }
}

async fn waiting(workspace: &Workspace, facts: &Facts, head: &str, told: &mut Told) -> Result<(), StoreError> {
    let run = &facts.run;
    if run.status.is_end() {
        let _ = writeln!(told.text, "{head} waits for nothing: it is {}.", run.status);
        return Ok(());
    }
    let _ = writeln!(told.text, "{head} is {}.", run.status);
    for open in workspace.questions().of_run(run.id).await?.into_iter().take(MOST_TOLD) {
        let choices: Vec<String> = open.question.choices.iter().map(|choice| format!("`{choice}`")).collect();
        let why = match open.question.kind {
            QuestionKind::Human => "asks",
            QuestionKind::Unknown { .. } => "does not know whether a call took effect, and asks",
            QuestionKind::Approval { .. } => "wants approval of a call, and asks",
            QuestionKind::Stuck { .. } => "is stuck, and asks",
        };
        let _ = writeln!(
            told.text,
            "- Step `{}` {why}: {} ({}) — `callboard answer {} {} CHOICE{}`",
            open.question.step,
            open.question.ask,
            choices.join(", "),
            run.id,
            open.question.id,
            fields_of(open.question.form.as_ref())
        );
    }
    for (seq, text) in &facts.waits {
        let _ = writeln!(told.text, "- {text} (event {seq})");
        told.links.push(Link::event(run.id, *seq));
    }
    if let Some(wake) = run.wake_at {
        let _ = writeln!(told.text, "- Its next timer is due at {wake}.");
    }
    Ok(())
}

/// How what a question wants to have filled in is given.
fn fields_of(form: Option<&Value>) -> String {
    let fields = form.and_then(|form| form.get("properties")?.as_object());
    fields
        .into_iter()
        .flat_map(|fields| fields.keys())
        .fold(String::new(), |given, field| given + " --form " + field + "=…")
}

fn steps(facts: &Facts, head: &str, told: &mut Told) {
    let _ = writeln!(told.text, "{head} is {}.", facts.run.status);
    for step in facts.steps.iter().take(MOST_TOLD) {
        let standing = step.outcome.as_deref().unwrap_or("not ended");
        let _ = writeln!(told.text, "- `{}`: {standing} (event {})", step.id, step.last_seq);
    }
    if facts.steps.len() > MOST_TOLD {
        let _ =
            writeln!(told.text, "- … and {} more: `callboard show {}`", facts.steps.len() - MOST_TOLD, facts.run.id);
    }
}

async fn result(workspace: &Workspace, facts: &Facts, head: &str, told: &mut Told) -> Result<(), StoreError> {
    let run = &facts.run;
    if run.status != RunStatus::Completed {
        let _ = writeln!(told.text, "{head} has no result: it is {}.", run.status);
        if run.status == RunStatus::Failed {
            failure(facts, head, told);
        }
        return Ok(());
    }
    let took = humantime(run.ended_at.unwrap_or(run.updated_at).since(run.created_at));
    let _ = writeln!(told.text, "{head} completed after {took}.");
    told.links.push(Link::event(run.id, run.seq));
    let summary = crate::engine::summary(workspace, run.id).await.ok();
    match summary.and_then(|summary| summary.result) {
        Some(Value::Null) | None => {}
        Some(value) => {
            let _ = writeln!(told.text, "\n{}", shown(&value));
        }
    }
    if !facts.artifacts.is_empty() {
        let files: Vec<String> = facts.artifacts.iter().map(|file| format!("`{file}`")).collect();
        let _ = writeln!(told.text, "\nFiles that it made: {}", files.join(", "));
    }
    Ok(())
}

/// A result for people: its text if that is all that it is about.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => match fields.get("text").and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => fenced(value),
        },
        other => fenced(other),
    };
    if text.chars().count() <= LONGEST_RESULT {
        return text;
    }
    let cut: String = text.chars().take(LONGEST_RESULT).collect();
    format!("{cut}…\n\n(the rest: `callboard show`)")
}

fn fenced(value: &Value) -> String {
    format!("```json\n{}\n```", serde_json::to_string_pretty(value).unwrap_or_default())
}

/// What calls of models came to.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    calls: u64,
    nanos: u64,
    unpriced: u64,
    tokens: u64,
}

impl Cost {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.nanos += other.nanos;
        self.unpriced += other.unpriced;
        self.tokens += other.tokens;
    }

    fn in_words(&self) -> String {
        if self.calls == 0 {
            return "nothing: no model that costs something was asked".to_owned();
        }
        let mut text =
            format!("{}, for {} of models with {} tokens", Dollars(self.nanos), calls(self.calls), self.tokens);
        if self.unpriced > 0 {
            let _ = write!(text, "; the price of {} is not known", calls(self.unpriced));
        }
        text
    }

    fn beside(&self) -> String {
        if self.calls == 0 { String::new() } else { format!(", {}", Dollars(self.nanos)) }
    }
}

fn calls(count: u64) -> String {
    if count == 1 { "one call".to_owned() } else { format!("{count} calls") }
}

async fn cost(workspace: &Workspace, run: RunId) -> Result<Cost, StoreError> {
    let mut cost = Cost::default();
    for sum in workspace.model_calls().sums(By::Model, Some(run), usize::MAX).await? {
        cost.add(&Cost {
            calls: sum.calls,
            nanos: sum.cost,
            unpriced: sum.unpriced,
            tokens: sum.input_tokens + sum.output_tokens,
        });
    }
    Ok(cost)
}

fn at(at: Option<Timestamp>) -> String {
    at.map(|at| format!(" at {at}")).unwrap_or_default()
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// A time span for people, to the tenth of a second.
fn humantime(span: std::time::Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => ::humantime::format_duration(std::time::Duration::from_secs(span.as_secs())).to_string(),
    }
}
