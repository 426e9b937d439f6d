//! A tree of values to a workflow.
//!
//! Goes on after a problem, so that all are found, those of meaning included: a key or kind that does not exist is read
//! as the one that was probably meant, and something stands in for a value that cannot be read ([`Guesses`]).

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::guesses::Guesses;
use super::tree::{Key, Mark, Node, Tree, problem_at};
use crate::workflow::problem::{Path, Problem, Problems, list_of, nearest, suggest_name};
use crate::workflow::step::Backoff;
use crate::workflow::{Join, Need, Outcome, Port, Process, Retry, Step, StepId, Trigger, Workflow};

const WORKFLOW_KEYS: &[&str] = &["name", "description", "inputs", "vars", "triggers", "steps", "result"];
const STEP_KEYS: &[&str] = &["id", "name", "needs", "join", "input", "process", "output", "retry", "timeout"];
const RETRY_KEYS: &[&str] = &["max_attempts", "backoff", "initial", "max"];

/// Stands in for a process that cannot be read.
const NOTHING: Process = Process::Transform { value: Value::Null };

/// Stands in for the id of the step at `path`.
fn nameless(path: &Path<'_>) -> StepId {
    StepId(format!("step at {path}").into())
}

/// Reads values and keeps account of what is wrong with them.
pub(super) struct Reader {
    pub(super) problems: Problems,
    pub(super) guesses: Guesses,
}

/// An object whose keys are all known.
pub(super) struct Fields<'a> {
    mark: Mark,
    entries: Vec<(&'a str, &'a Node)>,
}

impl<'a> Fields<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }

    /// The keys, in written order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|(key, _)| *key)
    }
}

impl Reader {
    pub(super) fn new(problems: Problems) -> Self {
        Self { problems, guesses: Guesses::default() }
    }

    pub(super) fn workflow(&mut self, node: &Node) -> Option<Workflow> {
        let path = &Path::Root;
        let fields = self.fields(node, path, WORKFLOW_KEYS)?;
        Some(Workflow {
            description: self.optional(&fields, path, "description", Self::text).unwrap_or_default(),
            inputs: self.optional(&fields, path, "inputs", Self::schemas).unwrap_or_default(),
            vars: self.optional(&fields, path, "vars", Self::values).unwrap_or_default(),
            triggers: fields.get("triggers").map_or_else(Vec::new, |node| self.triggers(node, &path.key("triggers"))),
            result: fields.get("result").map(Node::to_value),
            name: self.required(&fields, path, "name", Self::text).unwrap_or_default(),
            steps: self.required(&fields, path, "steps", Self::steps).unwrap_or_else(|| {
                self.guesses.steps(&path.key("steps"));
                Vec::new()
            }),
        })
    }

    pub(super) fn triggers(&mut self, node: &Node, path: &Path<'_>) -> Vec<Trigger> {
        self.items(node, path, "a list of triggers", Self::trigger).unwrap_or_default()
    }

    fn trigger(&mut self, node: &Node, path: &Path<'_>) -> Option<Trigger> {
        const KINDS: &[&str] = &["cron", "webhook", "event", "run_ended"];
        let kind = self.kind(node, path, KINDS, "trigger")?;
        let fields = match kind {
            "cron" => self.fields(node, path, &["cron", "timezone"])?,
            _ => self.fields(node, path, &[kind])?,
        };
        let inner = fields.get(kind)?;
        let at = &path.key(kind);
        Some(match kind {
            "cron" => Trigger::Cron {
                pattern: self.required(&fields, path, kind, Self::text).unwrap_or_default(),
                timezone: self.optional(&fields, path, "timezone", Self::text),
            },
            "webhook" => {
                let fields = self.fields(inner, at, &["path"])?;
                Trigger::Webhook { path: self.required(&fields, at, "path", Self::text).unwrap_or_default() }
            }
            "event" => Trigger::Event { name: self.text(inner, at)? },
            _ => {
                let fields = self.fields(inner, at, &["workflow", "outcome"])?;
                Trigger::RunEnded {
                    workflow: self.required(&fields, at, "workflow", Self::text).unwrap_or_default(),
                    outcome: self.optional(&fields, at, "outcome", |reader, node, path| {
                        let words = [("completed", ()), ("failed", ()), ("cancelled", ())];
                        reader.word(node, path, &words).map(|(word, ())| word.to_owned())
                    }),
                }
            }
        })
    }

    /// A list of steps. Without any `needs` it is a chain, which is made explicit.
    pub(super) fn steps(&mut self, node: &Node, path: &Path<'_>) -> Option<Vec<Step>> {
        let Tree::List(items) = &node.value else {
            return self.wrong_type(node, path, "a list of steps");
        };
        let mut any_needs = false;
        let mut steps: Vec<Step> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = &path.index(index);
            let (step, has_needs) = self.step(item, path).unwrap_or_else(|| {
                self.guesses.steps(path);
                (Step::of(nameless(path), NOTHING), false)
            });
            any_needs |= has_needs;
            steps.push(step);
        }
        if !any_needs {
            for index in 1..steps.len() {
                let step = steps[index - 1].id.clone();
                steps[index].needs = vec![Need { step, port: Port::Main }];
            }
        }
        Some(steps)
    }

    /// A step, and whether it says what it needs.
    pub(super) fn step(&mut self, node: &Node, path: &Path<'_>) -> Option<(Step, bool)> {
        let fields = self.fields(node, path, STEP_KEYS)?;
        let id = self.required(&fields, path, "id", Self::text).map_or_else(
            || {
                self.guesses.steps(&path.key("id"));
                nameless(path)
            },
            |id| StepId(id.into()),
        );
        let process = self.required(&fields, path, "process", Self::process).unwrap_or(NOTHING);
        let needs = self.optional(&fields, path, "needs", |reader, node, path| {
            reader.items(node, path, "a list of steps: `[gather]`", Self::need)
        });
        let join = [("all", Join::All), ("any", Join::Any)];
        let step = Step {
            name: self.optional(&fields, path, "name", Self::text),
            join: self
                .optional(&fields, path, "join", |reader, node, path| reader.word(node, path, &join))
                .map_or(Join::All, |(_, join)| join),
            input: self.optional(&fields, path, "input", Self::values).unwrap_or_default(),
            output: self.optional(&fields, path, "output", Self::schema),
            retry: self.optional(&fields, path, "retry", Self::retry),
            timeout: self.optional(&fields, path, "timeout", Self::duration),
            needs: needs.unwrap_or_default(),
            ..Step::of(id, process)
        };
        Some((step, fields.get("needs").is_some()))
    }

    fn need(&mut self, node: &Node, path: &Path<'_>) -> Option<Need> {
        let text = self.text(node, path)?;
        Some(match text.split_once('.') {
            None => Need { step: StepId::from(&*text), port: Port::Main },
            Some((step, "done")) => Need { step: step.into(), port: Port::Done },
            Some((step, outcome)) => Need { step: step.into(), port: Port::Named(Outcome::from(outcome)) },
        })
    }

    fn retry(&mut self, node: &Node, path: &Path<'_>) -> Option<Retry> {
        let fields = self.fields(node, path, RETRY_KEYS)?;
        let usual = Retry::default();
        let backoff = [("fixed", Backoff::Fixed), ("exponential", Backoff::Exponential)];
        Some(Retry {
            max_attempts: self.optional(&fields, path, "max_attempts", Self::count).unwrap_or(usual.max_attempts),
            backoff: self
                .optional(&fields, path, "backoff", |reader, node, path| reader.word(node, path, &backoff))
                .map_or(usual.backoff, |(_, backoff)| backoff),
            initial: self.optional(&fields, path, "initial", Self::duration).unwrap_or(usual.initial),
            max: self.optional(&fields, path, "max", Self::duration).unwrap_or(usual.max),
        })
    }

    /// The fields of an object, after a word about every key that is not known.
    pub(super) fn fields<'a>(&mut self, node: &'a Node, path: &Path<'_>, known: &[&'a str]) -> Option<Fields<'a>> {
        let Tree::Object(entries) = &node.value else {
            return self.wrong_type(node, path, &format!("an object with {}", list_of(known)));
        };
        let mut fields = Fields { mark: node.mark, entries: Vec::with_capacity(entries.len()) };
        let given = |name: &str| entries.iter().any(|(key, _)| key.text == name);
        for (key, value) in entries {
            if known.contains(&key.text.as_str()) {
                fields.entries.push((&key.text, value));
                continue;
            }
            let meant = if let Some(meant) = self.guesses.meant(&path.to_string(), &key.text) {
                known.iter().copied().find(|name| *name == meant)
            } else {
                self.unknown_key(key, path, known, given)
            };
            if let Some(meant) = meant
                && fields.get(meant).is_none()
            {
                fields.entries.push((meant, value));
            }
        }
        Some(fields)
    }

    /// Reports a key that does not exist; returns the one that was probably meant, unless that is given as well.
    fn unknown_key<'k>(
        &mut self,
        key: &Key,
        path: &Path<'_>,
        known: &[&'k str],
        given: impl Fn(&str) -> bool,
    ) -> Option<&'k str> {
        // A guess takes time, and there are problems enough to mend.
        let may_guess = !self.problems.are_enough();
        self.problems.add(|| {
            problem_at(key.mark, &path.key(&key.text), "unknown_key", format!("there is no key `{}` here", key.text))
                .maybe_suggest(suggest_name(&key.text, known.iter().copied()))
        });
        let meant = may_guess.then(|| nearest(&key.text, known.iter().copied())).flatten();
        let meant = meant.filter(|meant| !given(meant))?;
        self.guesses.key(path, &key.text, meant);
        Some(meant)
    }

    pub(super) fn required<T>(
        &mut self,
        fields: &Fields<'_>,
        path: &Path<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Node, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = if let Some(node) = fields.get(key) {
            read(self, node, &path.key(key))
        } else {
            self.problems.add(|| problem_at(fields.mark, path, "missing_key", format!("the key `{key}` is missing")));
            None
        };
        if value.is_none() {
            self.guesses.value(&path.key(key));
        }
        value
    }

    pub(super) fn optional<T>(
        &mut self,
        fields: &Fields<'_>,
        path: &Path<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Node, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        let (node, path) = (fields.get(key)?, &path.key(key));
        let value = read(self, node, path);
        if value.is_none() {
            self.guesses.value(path);
        }
        value
    }

    /// Which one of `kinds` an object has as a key, or was probably meant to have.
    pub(super) fn kind<'a, 'k>(
        &mut self,
        node: &'a Node,
        path: &Path<'_>,
        kinds: &[&'k str],
        what: &str,
    ) -> Option<&'k str> {
        let Tree::Object(entries) = &node.value else {
            return self.wrong_type(node, path, &format!("a {what}: an object with one of {}", list_of(kinds)));
        };
        let mut found =
            entries.iter().filter_map(|(key, _)| Some((*kinds.iter().find(|kind| **kind == key.text)?, key.mark)));
        match (found.next(), found.next()) {
            (Some((kind, _)), None) => Some(kind),
            (Some((first, _)), Some((second, mark))) => {
                self.problems.add(|| {
                    problem_at(
                        mark,
                        path,
                        "two_kinds",
                        format!("a {what} is of one kind; this is `{first}` and `{second}`"),
                    )
                    .suggest("remove one of them")
                });
                None
            }
            (None, _) => {
                let near = |(key, _): &'a (Key, Node)| Some((key, nearest(&key.text, kinds.iter().copied())?));
                let meant = entries.iter().find_map(near);
                let written = meant.map(|(key, _)| key).or(entries.first().map(|(key, _)| key));
                self.problems.add(|| {
                    let mark = written.map_or(node.mark, |key| key.mark);
                    let text = written.map_or("", |key| &key.text);
                    problem_at(mark, path, "unknown_kind", format!("this is no kind of {what}"))
                        .maybe_suggest(suggest_name(text, kinds.iter().copied()))
                });
                let (key, kind) = meant?;
                self.guesses.key(path, &key.text, kind);
                Some(kind)
            }
        }
    }

    pub(super) fn items<T>(
        &mut self,
        node: &Node,
        path: &Path<'_>,
        expected: &str,
        mut read: impl FnMut(&mut Self, &Node, &Path<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Tree::List(items) = &node.value else {
            return self.wrong_type(node, path, expected);
        };
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = &path.index(index);
            match read(self, item, path) {
                Some(item) => found.push(item),
                None => self.guesses.value(path),
            }
        }
        Some(found)
    }

    pub(super) fn text(&mut self, node: &Node, path: &Path<'_>) -> Option<String> {
        match &node.value {
            Tree::Text(text) => Some(text.clone()),
            Tree::Bool(_) | Tree::Number(_) | Tree::Null => {
                self.problems.add(|| {
                    problem_at(node.mark, path, "wrong_type", format!("expected text, found {}", node.kind()))
                        .suggest("put it in quotes if it is text")
                });
                None
            }
            _ => self.wrong_type(node, path, "text"),
        }
    }

    pub(super) fn duration(&mut self, node: &Node, path: &Path<'_>) -> Option<Duration> {
        let Tree::Text(text) = &node.value else {
            return self.wrong_type(node, path, "a length of time such as `30s`, `5m` or `1d 12h`");
        };
        match humantime::parse_duration(text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.problems.add(|| {
                    problem_at(node.mark, path, "bad_duration", format!("`{text}` is no length of time: {error}"))
                        .suggest("write it like `30s`, `5m` or `1d 12h`")
                });
                None
            }
        }
    }

    pub(super) fn count(&mut self, node: &Node, path: &Path<'_>) -> Option<u32> {
        let count = match &node.value {
            Tree::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        count.or_else(|| self.wrong_type(node, path, "a whole number, 0 or more"))
    }

    pub(super) fn word<'w, T: Copy>(
        &mut self,
        node: &Node,
        path: &Path<'_>,
        words: &[(&'w str, T)],
    ) -> Option<(&'w str, T)> {
        let text = self.text(node, path)?;
        let found = words.iter().find(|(word, _)| *word == text).copied();
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.problems.add(|| {
                problem_at(node.mark, path, "bad_value", format!("`{text}` is none of {}", list_of(&known)))
                    .maybe_suggest(suggest_name(&text, known.iter().copied()))
            });
        }
        found
    }

    pub(super) fn values(&mut self, node: &Node, path: &Path<'_>) -> Option<IndexMap<String, Value>> {
        let Tree::Object(entries) = &node.value else {
            return self.wrong_type(node, path, "an object: names with values");
        };
        Some(entries.iter().map(|(key, node)| (key.text.clone(), node.to_value())).collect())
    }

    fn schemas(&mut self, node: &Node, path: &Path<'_>) -> Option<IndexMap<String, Value>> {
        let Tree::Object(entries) = &node.value else {
            return self.wrong_type(node, path, "an object: names with JSON Schemas");
        };
        let mut schemas = IndexMap::with_capacity(entries.len());
        for (key, node) in entries {
            let path = &path.key(&key.text);
            let schema = self.schema(node, path).unwrap_or_else(|| {
                self.guesses.value(path);
                Value::Bool(true)
            });
            schemas.insert(key.text.clone(), schema);
        }
        Some(schemas)
    }

    pub(super) fn schema(&mut self, node: &Node, path: &Path<'_>) -> Option<Value> {
        match &node.value {
            Tree::Object(_) | Tree::Bool(_) => Some(node.to_value()),
            _ => self.wrong_type(node, path, "a JSON Schema such as `{ type: string }`"),
        }
    }

    pub(super) fn wrong_type<T>(&mut self, node: &Node, path: &Path<'_>, expected: &str) -> Option<T> {
        self.problems
            .add(|| problem_at(node.mark, path, "wrong_type", format!("expected {expected}, found {}", node.kind())));
        None
    }

    pub(super) fn report(&mut self, describe: impl FnOnce() -> Problem) {
        self.problems.add(describe);
    }
}
