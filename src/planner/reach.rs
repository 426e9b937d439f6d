//! What a proposal may touch: the steps that its edits name, and of others only what follows from that.
//!
//! Two checks. By construction nothing else *can* change; [`strays`] holds that against the hashes all the same. And what the
//! edits name must be what the request is about: if the request speaks of some steps, then a step that it does not speak of
//! may have its needs and its expressions mended, and nothing more ([`beside_the_point`]).

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::model::edits::Asked;
use crate::workflow::hash::{canonical_json, step_hash};
use crate::workflow::yaml::step_to_json;
use crate::workflow::{Catalog, Problem, Process, Step, StepId, Workflow};

/// The old steps that are not as they were, and that no edit names or has to mend.
pub(super) fn strays(before: &Workflow, after: &Workflow, asked: &[Asked]) -> Vec<Problem> {
    let named = named(asked);
    let renamed: Vec<&str> = asked
        .iter()
        .filter_map(|asked| match asked {
            Asked::Rename { step, .. } => Some(step.as_str()),
            _ => None,
        })
        .collect();
    let olds = steps(before);
    let news: HashMap<&StepId, &Step> = steps(after).into_iter().map(|step| (&step.id, step)).collect();
    let mut problems = Vec::new();
    for old in olds {
        if named.contains(old.id.as_str()) {
            continue;
        }
        let Some(new) = news.get(&old.id) else {
            // With the loop that it was in.
            if !is_within_named(before, &old.id, &named) {
                problems.push(stray(&old.id));
            }
            continue;
        };
        let (old, new) = (old.without_body(), new.without_body());
        let is_same = step_hash(&old) == step_hash(&new);
        let only_needs = canonical_json(&without_needs(&old)) == canonical_json(&without_needs(&new));
        // A rename reaches into needs and expressions wherever the step is named.
        if !(is_same || only_needs || !renamed.is_empty()) {
            problems.push(stray(&old.id));
        }
    }
    problems
}

fn stray(id: &StepId) -> Problem {
    Problem::new("touched", format!("`{id}` would not be as it was, and no edit names it"))
        .suggest("change only what was asked for, or name the step in an edit of its own")
}

fn is_within_named(workflow: &Workflow, id: &StepId, named: &BTreeSet<&str>) -> bool {
    let mut owner = super::resolve::list_of(workflow, id.as_str()).and_then(|(owner, _)| owner);
    while let Some(id) = owner {
        if named.contains(id.as_str()) {
            return true;
        }
        owner = super::resolve::list_of(workflow, id.as_str()).and_then(|(owner, _)| owner);
    }
    false
}

/// The steps that edits are about, and those that they have wait.
fn named(asked: &[Asked]) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    for asked in asked {
        named.extend(asked.step());
    }
    named
}

/// The old steps that edits change although the request speaks of others.
pub(super) fn beside_the_point(request: &str, before: &Workflow, asked: &[Asked], catalog: &Catalog) -> Vec<Problem> {
    let words = Words::of(request);
    let olds = steps(before);
    // Steps that the request calls by their names.
    let called: BTreeSet<&str> = olds.iter().filter(|step| words.call(step)).map(|step| step.id.as_str()).collect();
    if called.is_empty() || words.speak_of_all() {
        return Vec::new();
    }
    let own = |id: &str| olds.iter().find(|step| step.id.as_str() == id).copied();
    let mut problems = Vec::new();
    for asked in asked {
        let Some((id, step)) = asked.step().and_then(|id| Some((id, own(id)?))) else { continue };
        let is_rest = matches!(asked, Asked::Remove { .. }) && words.want_nothing_else();
        let is_meant = called.contains(id) || words.touch(step, catalog) || is_rest;
        let is_mending = match asked {
            Asked::Change { set, .. } => set.iter().all(|pair| {
                pair.name == "needs"
                    || pair.name == "join"
                    || pair.name == "position"
                    || mends(pair.value().ok().flatten().as_ref())
            }),
            _ => false,
        };
        if !is_meant && !is_mending && !matches!(asked, Asked::Add { .. }) {
            let message = format!("the request does not speak of `{id}`, and an edit would change it");
            let help = format!("leave `{id}` alone: what is asked for concerns {}", listed(&called));
            problems.push(Problem::new("beside_the_point", message).suggest(help));
        }
    }
    problems
}

/// Whether a value only passes on what other steps yield.
fn mends(value: Option<&Value>) -> bool {
    let Some(value) = value else { return false };
    crate::workflow::expression::references(value).is_ok_and(|found| !found.is_empty())
}

fn listed(ids: &BTreeSet<&str>) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

fn without_needs(step: &Step) -> Value {
    let mut json = step_to_json(step);
    if let Some(fields) = json.as_object_mut() {
        fields.shift_remove("needs");
        fields.shift_remove("join");
    }
    json
}

/// All steps, bodies included.
pub(super) fn steps(workflow: &Workflow) -> Vec<&Step> {
    let mut found = Vec::new();
    let mut lists = vec![workflow.steps.as_slice()];
    while let Some(list) = lists.pop() {
        for step in list {
            found.push(step);
            lists.extend(step.process.body());
        }
    }
    found
}

/// The words of a request.
struct Words {
    /// Each by its beginning: what endings do to a word is no other word.
    stems: BTreeSet<String>,
    /// All of them in a row, between blanks.
    line: String,
    all: Vec<String>,
}

/// As many letters as tell most words apart, and few enough that endings do not.
const STEM: usize = 5;
/// Shorter words say little.
const SHORTEST: usize = 3;

/// Words that speak of everything.
const ALL: [&str; 14] = [
    "all",
    "every",
    "each",
    "everything",
    "everywhere",
    "whole",
    "any",
    "rest",
    "except",
    "alle",
    "jede",
    "jeder",
    "jeden",
    "überall",
];

/// Words after which `steps` speaks of several that are not named: not `the fetch and mail steps`.
const SEVERAL: [&str; 12] =
    ["the", "these", "those", "both", "two", "three", "four", "five", "last", "first", "other", "remaining"];

/// Pairs of words that say that what is spoken of is all that is wanted.
const ONLY: [(&str, &str); 8] = [
    ("only", "want"),
    ("only", "need"),
    ("only", "keep"),
    ("keep", "only"),
    ("just", "keep"),
    ("keep", "just"),
    ("nothing", "else"),
    ("nothing", "more"),
];

/// Words for what is to be otherwise with a step.
const EDITS: [&str; 16] = [
    "change", "rename", "move", "set", "use", "add", "replace", "swap", "update", "adjust", "edit", "modify", "fix",
    "call", "insert", "put",
];

/// Words that stand in every second request and in every second step.
const COMMON: [&str; 38] = [
    "the", "and", "for", "with", "from", "into", "that", "this", "then", "them", "they", "when", "add", "change",
    "remove", "delete", "make", "set", "use", "step", "after", "before", "instead", "also", "not", "should", "want",
    "get", "new", "steps", "output", "inputs", "item", "workflow", "now", "please", "its", "has",
];

impl Words {
    fn of(text: &str) -> Self {
        let all: Vec<String> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        let telling = |word: &&String| word.chars().count() >= SHORTEST && !COMMON.contains(&word.as_str());
        let stems = all.iter().filter(telling).map(|word| stem(word)).collect();
        Self { stems, line: format!(" {} ", all.join(" ")), all }
    }

    /// Whether a step is called by its id or its name.
    fn call(&self, step: &Step) -> bool {
        let is_called = |name: &str| {
            let name = Self::of(name);
            !name.all.is_empty() && name.all.iter().any(|word| word.len() >= SHORTEST) && self.line.contains(&name.line)
        };
        is_called(step.id.as_str()) || step.name.as_deref().is_some_and(is_called)
    }

    /// Whether the request has a word in common with what a step is or does.
    fn touch(&self, step: &Step, catalog: &Catalog) -> bool {
        let mut text = format!("{} {} ", step.id, step.name.as_deref().unwrap_or_default());
        if let Process::Tool { tool } = &step.process
            && let Some(known) = catalog.tools.get(tool)
        {
            text.push_str(&known.description);
        }
        text.push_str(&step_to_json(&step.without_body()).to_string());
        !self.stems.is_disjoint(&Self::of(&text).stems)
    }

    /// `I only want to …`, `nothing else`: that the rest is not wanted. What is said to be changed says nothing of the rest.
    fn want_nothing_else(&self) -> bool {
        let words: Vec<&str> = self.all.iter().map(String::as_str).collect();
        let only = words.windows(2).position(|pair| ONLY.contains(&(pair[0], pair[1])));
        let Some(at) = only else { return false };
        let wanted = words[at + 2..].iter().find(|word| **word != "to");
        !words.iter().any(|word| EDITS.contains(word)) && (wanted.is_some() || at > 0)
    }

    fn speak_of_all(&self) -> bool {
        let several = |pair: &[String]| pair[1] == "steps" && SEVERAL.contains(&pair[0].as_str());
        self.all.iter().any(|word| ALL.contains(&word.as_str())) || self.all.windows(2).any(several)
    }
}

fn stem(word: &str) -> String {
    word.chars().take(STEM).collect()
}
