//! Needs and bounds: what must hold before anything else can be asked.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::ancestry::Ancestry;
use super::{Checker, each_step};
use crate::workflow::problem::{Path, Problem, list_of, nearest, suggest_name};
use crate::workflow::{ForEach, Human, Outcome, Port, Process, Repeat, Retry, Step, Wait};

/// How many steps a file may hold, bodies included.
const MAX_STEPS: usize = 20_000;
/// How deep bodies may be nested.
const MAX_BODIES: usize = 8;
/// How many items may be worked on at once.
const MAX_CONCURRENCY: u32 = 1_000;
/// How many bodies a `repeat` may have.
const MAX_REPEATS: u32 = 1_000_000;
/// How often a step may be tried.
const MAX_ATTEMPTS: u32 = 100;
/// How many choices or cases there may be.
const MAX_CHOICES: usize = 100;
/// No length of time is longer: ten years.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);

/// False if the workflow is too large for anything more to be said about it.
pub(super) fn is_bearable(checker: &mut Checker<'_>) -> bool {
    let root = &Path::Root;
    let root = &root.key("steps");
    let depth = depth(&checker.workflow.steps);
    if depth > MAX_BODIES {
        checker.add(|| {
            Problem::new("too_deep", format!("bodies are nested {depth} deep; at most {MAX_BODIES} are allowed"))
                .at(root)
                .suggest("move an inner body into a workflow of its own")
        });
        return false;
    }
    let mut count = 0;
    each_step(&checker.workflow.steps, root, &mut |_, _| count += 1);
    if count > MAX_STEPS {
        checker.add(|| {
            Problem::new("too_many_steps", format!("the file holds {count} steps; at most {MAX_STEPS} are allowed"))
                .at(root)
                .suggest("do the same for many items by a `for_each`")
        });
        return false;
    }
    true
}

/// Adds what is wrong with needs and numbers.
pub(super) fn check(checker: &mut Checker<'_>) {
    let root = &Path::Root;
    list(checker, &checker.workflow.steps, &root.key("steps"));
}

fn depth(steps: &[Step]) -> usize {
    steps.iter().filter_map(|step| step.process.body()).map(|body| 1 + depth(body)).max().unwrap_or(0)
}

fn list(checker: &mut Checker<'_>, steps: &[Step], path: &Path<'_>) {
    let by_id: HashMap<&str, usize> = steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect();
    // Steps of whose outcomes nothing can be said.
    let places = checker.places;
    let guessed: Vec<bool> =
        (0..steps.len()).map(|index| places.guesses().touch(&path.index(index).key("process"))).collect();
    let mut needs = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let path = &path.index(index);
        needs.push(self::needs(checker, step, steps, &by_id, &guessed, path));
        if let Some(retry) = &step.retry {
            self::retry(checker, *retry, &path.key("retry"));
        }
        if let Some(timeout) = step.timeout {
            duration(checker, timeout, &path.key("timeout"));
        }
        process(checker, &step.process, &path.key("process"));
    }
    for circle in Ancestry::of(needs).circles() {
        let first = circle[0];
        checker.add(|| {
            let names: Vec<&str> = circle.iter().chain([&first]).map(|step| steps[*step].id.as_str()).collect();
            Problem::new("cycle", format!("these steps need each other: {}", names.join(" -> ")))
                .at(&path.index(first).key("needs"))
                .suggest("remove one of the needs; what is to be done again goes into a `repeat`")
        });
    }
}

/// Checks what a step needs; returns the steps of the list that it needs, each once.
fn needs(
    checker: &mut Checker<'_>,
    step: &Step,
    steps: &[Step],
    by_id: &HashMap<&str, usize>,
    guessed: &[bool],
    path: &Path<'_>,
) -> Vec<usize> {
    let path = &path.key("needs");
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for (index, need) in step.needs.iter().enumerate() {
        let path = &path.index(index);
        if !seen.insert(need) {
            checker.add(|| Problem::new("duplicate_need", format!("`{need}` is needed twice")).at(path));
        }
        let Some(&at) = by_id.get(need.step.as_str()) else {
            if !checker.places.guesses().may_miss_steps() {
                let all = &checker.workflow.steps;
                checker.add(|| unknown_step(all, steps, step, need.step.as_str()).at(path));
            }
            continue;
        };
        found.push(at);
        if !guessed[at] {
            port(checker, &steps[at], &need.port, path);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn unknown_step(all: &[Step], list: &[Step], step: &Step, needed: &str) -> Problem {
    let elsewhere = std::cell::Cell::new(false);
    each_step(all, &Path::Root, &mut |other, _| elsewhere.set(elsewhere.get() || other.id.as_str() == needed));
    let others = || list.iter().filter(|other| other.id != step.id).map(|other| other.id.as_str());
    if elsewhere.get() {
        return Problem::new("unknown_step", format!("the step `{needed}` is not in this list"))
            .suggest("needs stay within one list; need the step whose body it is in, or is around this one");
    }
    Problem::new("unknown_step", format!("there is no step `{needed}`")).maybe_suggest(suggest_name(needed, others()))
}

fn port(checker: &mut Checker<'_>, needed: &Step, port: &Port, path: &Path<'_>) {
    let outcomes = needed.process.outcomes();
    let names: Vec<&str> = outcomes.iter().map(Outcome::as_str).collect();
    let id = &needed.id;
    match port {
        Port::Named(outcome) if !outcomes.contains(outcome) => checker.add(|| {
            let suggestion = match nearest(outcome.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean `{id}.{near}`?"),
                None => format!("it has {}, and `done` for any", list_of(&names)),
            };
            Problem::new("unknown_outcome", format!("the step `{id}` has no outcome `{outcome}`"))
                .at(path)
                .suggest(suggestion)
        }),
        Port::Main if !outcomes.iter().any(|outcome| needed.process.satisfies(port, outcome)) => checker.add(|| {
            let first = names.first().copied().unwrap_or_default();
            Problem::new("unknown_outcome", format!("`{id}` means `{id}.approved`, and that is none of its choices"))
                .at(path)
                .suggest(format!("say which outcome is needed: `{id}.{first}`"))
        }),
        _ => {}
    }
}

fn process(checker: &mut Checker<'_>, process: &Process, path: &Path<'_>) {
    match process {
        Process::Branch { cases } => {
            let path = &path.key("branch");
            range(checker, cases.len(), 1..=MAX_CHOICES, "cases", path);
        }
        Process::ForEach(ForEach { concurrency, steps, .. }) => {
            let path = &path.key("for_each");
            range(checker, *concurrency, 1..=MAX_CONCURRENCY, "items at once", &path.key("concurrency"));
            body(checker, steps, &path.key("steps"));
        }
        Process::Repeat(Repeat { max, steps, .. }) => {
            let path = &path.key("repeat");
            range(checker, *max, 1..=MAX_REPEATS, "bodies", &path.key("max"));
            body(checker, steps, &path.key("steps"));
        }
        Process::Wait(wait) => {
            let path = &path.key("wait");
            match wait {
                Wait::For(length) => duration(checker, *length, &path.key("for")),
                Wait::Event { timeout: Some(timeout), .. } => duration(checker, *timeout, &path.key("timeout")),
                Wait::Until(instant)
                    if !instant.contains("{{")
                        && !instant.contains("{%")
                        && chrono::DateTime::parse_from_rfc3339(instant).is_err() =>
                {
                    checker.add(|| {
                        Problem::new("bad_time", format!("`{instant}` is no instant"))
                            .at(&path.key("until"))
                            .suggest("write it like `2030-01-31T09:00:00Z`, or as an expression")
                    });
                }
                _ => {}
            }
        }
        Process::Human(human) => self::human(checker, human, &path.key("human")),
        _ => {}
    }
}

fn body(checker: &mut Checker<'_>, steps: &[Step], path: &Path<'_>) {
    if steps.is_empty() {
        checker.add(|| Problem::new("no_steps", "a body has at least one step").at(path));
    }
    list(checker, steps, path);
}

fn human(checker: &mut Checker<'_>, human: &Human, path: &Path<'_>) {
    let choices_path = &path.key("choices");
    range(checker, human.choices.len(), 1..=MAX_CHOICES, "choices", choices_path);
    let Some(default) = &human.default else { return };
    let path = &path.key("default");
    duration(checker, default.after, &path.key("after"));
    if !human.choices.contains(&default.outcome) && !checker.places.guesses().touch(choices_path) {
        let choices: Vec<&str> = human.choices.iter().map(Outcome::as_str).collect();
        let outcome = default.outcome.as_str();
        checker.add(|| {
            Problem::new("unknown_outcome", format!("the default `{outcome}` is none of the choices"))
                .at(&path.key("outcome"))
                .maybe_suggest(suggest_name(outcome, choices))
        });
    }
}

fn retry(checker: &mut Checker<'_>, retry: Retry, path: &Path<'_>) {
    range(checker, retry.max_attempts, 1..=MAX_ATTEMPTS, "attempts", &path.key("max_attempts"));
    duration(checker, retry.initial, &path.key("initial"));
    duration(checker, retry.max, &path.key("max"));
    if retry.initial > retry.max {
        checker.add(|| {
            Problem::new("bad_range", "the first pause is longer than the longest")
                .at(&path.key("initial"))
                .suggest("`initial` is at most `max`, which is 1m unless given")
        });
    }
}

fn duration(checker: &mut Checker<'_>, length: Duration, path: &Path<'_>) {
    if length < Duration::from_millis(1) || length > LONGEST {
        checker.add(|| {
            let length = humantime::format_duration(length);
            Problem::new("bad_range", format!("{length} is not between 1ms and 10 years")).at(path)
        });
    }
}

fn range<T: Copy + PartialOrd + std::fmt::Display>(
    checker: &mut Checker<'_>,
    number: T,
    allowed: std::ops::RangeInclusive<T>,
    of: &str,
    path: &Path<'_>,
) {
    if !allowed.contains(&number) {
        checker.add(|| {
            let (least, most) = allowed.into_inner();
            Problem::new("bad_range", format!("there are {least} to {most} {of}, not {number}")).at(path)
        });
    }
}
