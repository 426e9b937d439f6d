//! What earlier steps yield, and how a phrase or a parameter finds it: `the summary`, `it`, `its tracking number`.

use std::collections::{HashMap, HashSet};

use super::cards::content;
use super::decompose::Work;
use super::lexicon::LEXICON;
use super::phrase::Phrase;
use super::scene::{Scene, Thing};
use super::slots::name_stems;
use super::turns::Facts;
use crate::workflow::{Process, StepId};

/// What a phrase refers to.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) thing: Thing,
    /// The names of what its result holds; none if that is not known.
    pub(super) outputs: Vec<String>,
    /// The one of them that the phrase names.
    pub(super) field: Option<String>,
    /// The preposition that leads to the phrase; none for what is acted on.
    pub(super) after: Option<String>,
}

/// What is known of values while a request is planned.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What was said in earlier turns.
    pub(super) facts: Facts,
    /// The inputs that there were before.
    pub(super) given: HashSet<String>,
    /// The places of words that select by what they say, so that nothing else asks for it again.
    pub(super) selected: HashSet<usize>,
    /// What is asked for under each name, by the tool that asked first.
    pub(super) asked_for: HashMap<String, String>,
    /// What the results of agents hold that are being planned.
    pub(super) agent_outputs: HashMap<StepId, Vec<String>>,
    /// What the agents do that are being planned.
    pub(super) works: HashMap<StepId, Work>,
    /// What is looked for, what is compared, and what is written, in the words of the request.
    pub(super) subjects: Vec<String>,
    pub(super) compared: Option<String>,
    pub(super) wanted: Vec<String>,
    /// The step that yields what a loop goes through.
    pub(super) lists: HashMap<StepId, StepId>,
    /// What the things that loops go through were called.
    pub(super) called: HashMap<StepId, Vec<String>>,
    /// Steps that were said to go on at the same time.
    pub(super) beside: Vec<Vec<StepId>>,
    /// Loops that go through texts.
    pub(super) plain_items: HashSet<StepId>,
}

/// Names of results that are read as a text, the likeliest first.
const TEXTS: [&str; 9] = ["summary", "text", "content", "message", "body", "answer", "file", "results", "report"];

impl Source {
    fn of(scene: &Scene<'_>, thing: &Thing) -> Self {
        Self { outputs: scene.outputs_of(thing), thing: thing.clone(), field: None, after: None }
    }

    /// The expression of one of its outputs.
    pub(super) fn path(&self, field: &str) -> String {
        format!("{}.{field}", self.thing.expression)
    }

    /// The output that a name means.
    pub(super) fn output(&self, stems: &[String]) -> Option<&String> {
        self.outputs.iter().find(|output| name_stems(output) == stems)
    }

    /// What of it is read as a text or as a whole, and whether that is one.
    pub(super) fn main(&self) -> (String, bool) {
        if let Some(field) = &self.field {
            return (self.path(field), !super::phrase::is_plural(field));
        }
        let is_text = |name: &str| !super::phrase::is_plural(name) && !name.ends_with("_id") && name != "id";
        let known = TEXTS.iter().find_map(|text| self.outputs.iter().find(|output| output == text));
        match (known, self.outputs.as_slice()) {
            (Some(output), _) => (self.path(output), is_text(output)),
            (None, [only]) => (self.path(only), is_text(only)),
            (None, _) => (self.thing.expression.clone(), false),
        }
    }

    /// True if there is something to read in it: not only ids and addresses of what was made.
    pub(super) fn is_readable(&self) -> bool {
        let is_mark = |output: &String| {
            name_stems(output).last().is_some_and(|last| matches!(last.as_str(), "id" | "url" | "status" | "etag"))
        };
        self.thing.is_item()
            || self.thing.class == "agent"
            || (!self.outputs.iter().all(is_mark) || (self.outputs.is_empty() && self.thing.class == "retrieve"))
    }
}

impl Scene<'_> {
    /// The names of what a thing holds.
    pub(super) fn outputs_of(&self, thing: &Thing) -> Vec<String> {
        if thing.is_item() {
            return Vec::new();
        }
        if matches!(thing.class.as_str(), "agent" | "model") {
            return match self.draft.step(&thing.step).and_then(|step| step.output.as_ref()) {
                Some(schema) => {
                    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
                    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
                }
                // What an agent says without being told in what form.
                None => self.known.agent_outputs.get(&thing.step).cloned().unwrap_or_else(|| vec!["text".to_owned()]),
            };
        }
        let tool = self.tool_of.get(&thing.step);
        let card = tool.and_then(|tool| self.tools.iter().find(|card| card.name == *tool));
        card.map(|card| card.outputs.clone()).unwrap_or_default()
    }

    fn yielding(&self, loops: &[StepId]) -> impl Iterator<Item = &Thing> {
        self.things.iter().rev().filter(move |thing| {
            Scene::is_visible(thing, loops)
                && !matches!(thing.class.as_str(), "branch" | "for_each" | "repeat" | "wait" | "human")
        })
    }

    /// All that can be named from here, the latest first.
    pub(super) fn sources(&self, loops: &[StepId]) -> Vec<Source> {
        self.yielding(loops).map(|thing| Source::of(self, thing)).collect()
    }

    /// What a phrase refers to, with what leads to it.
    pub(super) fn referred(&self, phrase: &Phrase, after: Option<&str>, loops: &[StepId]) -> Vec<Source> {
        let led = |source: Source| Source { after: after.map(str::to_owned), ..source };
        if phrase.pronoun {
            let latest = self.latest(loops, |thing| !phrase.plural || thing.plural || thing.is_item());
            let latest = latest.or_else(|| self.latest(loops, |_| true));
            return latest.map(|thing| led(Source::of(self, thing))).into_iter().collect();
        }
        let words: Vec<String> = content(phrase, &self.mentions(phrase))
            .into_iter()
            .filter(|word| !matches!(word.as_str(), "both"))
            .collect();
        let Some(head) = words.last() else { return Vec::new() };
        // `the summary`, `its tracking number`: by the name of an output, all of whose words are said.
        let named = |source: &Source| {
            let is_said = |output: &&String| {
                let stems = name_stems(output);
                let alike = stems.last().is_some_and(|last| last == head || LEXICON.alike(last, head) > 0.9);
                alike && stems.iter().all(|stem| words.contains(stem) || LEXICON.alike(stem, head) > 0.9)
            };
            source.outputs.iter().find(is_said).cloned()
        };
        let sources = self.sources(loops);
        // `the order`, in a loop over orders.
        let is_one = |source: &&Source| {
            source.thing.is_item() && Some(&source.thing.step) == loops.last() && source.thing.is_called(&words) >= 0.8
        };
        if !(phrase.new || phrase.plural || phrase.all)
            && let Some(item) = sources.iter().find(is_one)
        {
            return vec![led(item.clone())];
        }
        if !phrase.new
            && let Some(found) = sources.iter().find_map(|source| named(source).map(|field| (source, field)))
        {
            return vec![led(Source { field: Some(found.1), ..found.0.clone() })];
        }
        if !(phrase.definite || phrase.owned || phrase.all || phrase.plural) {
            return Vec::new();
        }
        // `both lists`, `the results`: all that was retrieved.
        let is_collective = |word: &String| {
            matches!(
                word.as_str(),
                "list" | "result" | "figur" | "data" | "number" | "thing" | "find" | "inform" | "everyth"
            )
        };
        if words.iter().all(is_collective) && phrase.plural {
            let lists: Vec<Source> = sources.into_iter().filter(|source| source.thing.is_list()).map(led).collect();
            return lists.into_iter().rev().collect();
        }
        let called = self.called(&words, loops, |thing| {
            !matches!(thing.class.as_str(), "branch" | "for_each" | "repeat" | "wait" | "human")
        });
        called.map(|thing| led(Source::of(self, thing))).into_iter().collect()
    }

    /// The list that a loop goes through, of what a step yields: the output that is named as several, if one is.
    pub(super) fn list_expression(&self, thing: &Thing) -> String {
        let outputs = self.outputs_of(thing);
        let plural = |output: &&String| super::phrase::is_plural(output);
        let called = outputs
            .iter()
            .find(|output| thing.is_called(&name_stems(output)) >= 0.6 && super::phrase::is_plural(output));
        match called.or_else(|| outputs.iter().find(plural)) {
            Some(output) => format!("{}.{output}", thing.expression),
            None => thing.expression.clone(),
        }
    }

    /// True if a loop goes through texts, not through records.
    pub(super) fn goes_through_texts(&self, item: &Thing) -> bool {
        self.known.plain_items.contains(&item.step)
            || self.draft.step(&item.step).is_some_and(|step| match &step.process {
                Process::ForEach(each) => each
                    .items
                    .as_array()
                    .is_some_and(|items| items.iter().all(|item| item.is_string() || item.is_number())),
                _ => false,
            })
    }
}
