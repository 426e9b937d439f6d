//! A task over the agents: who does which part of it, from what, in what form, and by what it is accepted.
//!
//! Research is done from a question and comes to findings; analysis weighs findings; a writer is given what was found and what
//! it comes to; a reviewer is given the text, the findings, and what the text is accepted by. Research that has no need
//! of other research goes on beside it.

mod order;
mod spoken;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Evidence;
use super::act::{sentence, with_places};
use super::cards::content;
use super::draft::{self, Node};
use super::grammar::Deed;
use super::lexicon::{Form, LEXICON, Verb};
use super::phrase::Phrase;
use super::scene::Scene;
use super::sources::Source;
use super::tokens::{Token, What};
use crate::workflow::{Process, Step, StepId};
pub(super) use order::{heedless, result, side_by_side};
pub(super) use spoken::plainly;
use spoken::{Actor, actor, is_review};

/// What an agent does in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Work {
    Research,
    Analysis,
    Writing,
    Review,
}

/// The most that an analysis or a text is made of beside findings.
const MOST_MATERIAL: usize = 6;

impl Work {
    fn of(role: &str) -> Option<Self> {
        Some(match role {
            "research" => Self::Research,
            "analysis" => Self::Analysis,
            "implementation" => Self::Writing,
            "qa" => Self::Review,
            _ => return None,
        })
    }

    fn role(self) -> &'static str {
        match self {
            Self::Research => "research",
            Self::Analysis => "analysis",
            Self::Writing => "implementation",
            Self::Review => "qa",
        }
    }

    /// Who is meant by a word.
    fn of_actor(word: &str) -> Option<Self> {
        Some(match word {
            "qa" | "quality" | "reviewer" | "checker" | "proofreader" => Self::Review,
            "analyst" | "analysis" => Self::Analysis,
            "researcher" | "research" => Self::Research,
            "writer" | "implementation" => Self::Writing,
            _ => return None,
        })
    }
}

impl Scene<'_> {
    /// The steps of a deed that is work of the head; `None` if it is none, or a tool does it.
    pub(super) fn decompose(&mut self, deed: &Deed, loops: &[StepId]) -> Option<Vec<Node>> {
        let verb = deed.verb()?.clone();
        let actor = actor(deed);
        let after_writing = self.works(loops).any(|(_, work)| work == Work::Writing);
        let known =
            verb.role.and_then(Work::of).or_else(|| (after_writing && is_review(&verb.base)).then_some(Work::Review));
        let is_named = actor != Actor::Nobody;
        let named = match actor {
            Actor::Known(work) => Some(work),
            Actor::Agent | Actor::Nobody => None,
        };
        let work = named.or(known).or_else(|| (is_named && is_review(&verb.base)).then_some(Work::Review));
        let work = work.or(is_named.then_some(Work::Analysis))?;
        let is_review = work == Work::Review && (is_named || after_writing);
        let object = deed.objects.first().cloned().unwrap_or_default();
        if !(is_named || is_review)
            && deed
                .objects
                .iter()
                .any(|phrase| self.is_tool_work(&verb, phrase, loops) || self.named_by(&verb, phrase, loops).is_some())
        {
            return None;
        }
        let mut nodes = Vec::new();
        for verb in &deed.verbs {
            let work = if deed.verbs.len() > 1 { verb.role.and_then(Work::of).unwrap_or(work) } else { work };
            match work {
                Work::Research => {
                    for subject in subjects(deed, verb) {
                        nodes.push(self.research(verb, &subject, &deed.said, loops));
                    }
                }
                Work::Analysis => {
                    nodes.extend(self.research_first(verb, deed, loops));
                    nodes.push(self.analysis(verb, deed, loops));
                }
                Work::Writing => nodes.push(self.writing(verb, &object, deed, loops)),
                Work::Review => nodes.push(self.review(verb, deed, loops)),
            }
        }
        Some(nodes)
    }

    /// The agents' steps that can be named from here, the latest first.
    fn works(&self, loops: &[StepId]) -> impl Iterator<Item = (StepId, Work)> {
        self.things
            .iter()
            .rev()
            .filter(move |thing| thing.class == "agent" && Scene::is_visible(thing, loops))
            .filter_map(move |thing| {
                let known = self.known.works.get(&thing.step).copied();
                let there = || match &self.draft.step(&thing.step)?.process {
                    Process::Agent { agent, .. } => Work::of(agent),
                    _ => None,
                };
                Some((thing.step.clone(), known.or_else(there)?))
            })
    }

    fn research(&mut self, verb: &Verb, subject: &str, said: &str, loops: &[StepId]) -> Node {
        let question = sentence(subject).trim_end_matches('.').to_owned();
        self.known.subjects.push(question.clone());
        let goal = format!("{} {subject}; quote every finding with its source", capital(&verb.base));
        let mut input = IndexMap::from([("question".to_owned(), json!(question))]);
        if let Some(item) = self.item_at_hand(loops) {
            let text = if self.goes_through_texts(&item.thing) {
                item.thing.expression.clone()
            } else {
                format!("{} | tojson", item.thing.expression)
            };
            input.insert("question".to_owned(), json!(format!("{question}: {{{{ {text} }}}}")));
        }
        let finding = json!({
            "type": "object",
            "required": ["claim", "quote", "source"],
            "properties": { "claim": { "type": "string" }, "quote": { "type": "string" }, "source": { "type": "string" } }
        });
        let output = json!({
            "type": "object",
            "required": ["findings"],
            "properties": {
                "findings": { "type": "array", "minItems": 1, "items": finding },
                "gaps": { "type": "array", "items": { "type": "string" } }
            }
        });
        self.worker(Work::Research, verb, subject, Given { goal, input, output, said: said.to_owned() }, loops)
    }

    /// What is compared and was not looked for yet.
    fn research_first(&mut self, verb: &Verb, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        if !matches!(verb.base.as_str(), "compare" | "contrast") {
            return Vec::new();
        }
        let objects = deed.objects.iter().filter(|phrase| !phrase.pronoun && !phrase.is_empty());
        let mut others: Vec<(&Phrase, bool)> = objects.map(|phrase| (phrase, true)).collect();
        for object in &deed.objects {
            others.extend(
                object
                    .places
                    .iter()
                    .filter(|(after, place)| matches!(after.as_str(), "with" | "to" | "against") && !place.pronoun)
                    .map(|(_, place)| (place, false)),
            );
        }
        if self.sources(loops).iter().any(|source| source.thing.class == "retrieve") && others.len() < 2 {
            return Vec::new();
        }
        let research = Verb { base: "research".into(), class: None, role: Some("research"), form: Form::Base };
        let mut nodes = Vec::new();
        for (phrase, is_object) in others {
            let subject = with_places(&Phrase {
                places: phrase
                    .places
                    .iter()
                    .filter(|(after, _)| !matches!(after.as_str(), "with" | "to" | "against"))
                    .cloned()
                    .collect(),
                ..phrase.clone()
            });
            let is_known = |known: &String| {
                let known = super::said::stems(known);
                super::said::stems(&subject).iter().all(|stem| known.contains(stem))
            };
            // `the prices`, of what was looked for: that is how it is compared.
            let is_there = !self.referred(phrase, None, loops).is_empty()
                || (is_object && phrase.definite && phrase.plural && !self.known.subjects.is_empty());
            if !self.known.subjects.iter().any(is_known) && !is_there {
                nodes.push(self.research(&research, &subject, &deed.said, loops));
            }
        }
        nodes
    }

    fn analysis(&mut self, verb: &Verb, deed: &Deed, loops: &[StepId]) -> Node {
        let question = self.question(verb, deed);
        let mut input = IndexMap::from([("question".to_owned(), json!(question))]);
        let findings = self.findings(loops);
        let goal = goal(deed, verb);
        let output = if let Some(findings) = findings {
            input.insert("findings".to_owned(), json!(findings));
            json!({
                "type": "object",
                "required": ["points", "gaps", "findings"],
                "properties": {
                    "points": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["statement", "citations"],
                            "properties": {
                                "statement": { "type": "string" },
                                "citations": { "type": "array", "minItems": 1, "items": { "type": "string" } }
                            }
                        }
                    },
                    "gaps": { "type": "array", "items": { "type": "string" } },
                    "findings": { "type": "array", "items": { "type": "object" } }
                }
            })
        } else {
            input.extend(self.material(deed, loops));
            text_schema()
        };
        let goal = format!("{goal}; cite what every point rests on");
        self.worker(
            Work::Analysis,
            verb,
            &object_text(deed),
            Given { goal, input, output, said: deed.said.clone() },
            loops,
        )
    }

    fn writing(&mut self, verb: &Verb, object: &Phrase, deed: &Deed, loops: &[StepId]) -> Node {
        let mut input = IndexMap::new();
        let analysed = self
            .works(loops)
            .find(|(step, work)| *work == Work::Analysis && self.holds(step, "points"))
            .map(|(step, _)| step);
        if let Some(question) = self.topic() {
            input.insert("question".to_owned(), json!(question));
        }
        if let Some(step) = &analysed {
            for name in ["points", "gaps"] {
                input.insert(name.to_owned(), json!(format!("{{{{ steps.{step}.output.{name} }}}}")));
            }
        }
        match self.findings(loops) {
            Some(findings) => {
                input.insert("findings".to_owned(), json!(findings));
            }
            None => input.extend(self.material(deed, loops)),
        }
        let goal = goal(deed, verb);
        self.known.wanted.push(goal.clone());
        let subject = if object.is_empty() { object_text(deed) } else { object.said() };
        self.worker(
            Work::Writing,
            verb,
            &subject,
            Given { goal, input, output: text_schema(), said: deed.said.clone() },
            loops,
        )
    }

    fn review(&mut self, verb: &Verb, deed: &Deed, loops: &[StepId]) -> Node {
        let mut input = IndexMap::new();
        if let Some(question) = self.topic() {
            input.insert("question".to_owned(), json!(question));
        }
        let written = self.works(loops).find(|(_, work)| *work == Work::Writing).map(|(step, _)| step);
        let findings = self.findings(loops);
        match &written {
            Some(step) => {
                input.insert("text".to_owned(), json!(format!("{{{{ steps.{step}.output.text }}}}")));
            }
            None => input.extend(self.material(deed, loops)),
        }
        if let Some(findings) = &findings {
            input.insert("findings".to_owned(), json!(findings));
        }
        let mut criteria = Vec::new();
        if let Some(wanted) = written.and_then(|_| self.known.wanted.last().cloned()) {
            criteria.push(format!("it is what was asked for: “{wanted}”"));
        }
        if let Some(topic) = self.topic() {
            criteria.push(format!("it answers “{topic}”"));
        }
        if findings.is_some() {
            criteria.push("every claim cites a finding that bears it out".to_owned());
            criteria.push("what the findings do not answer is named as not known".to_owned());
        }
        let mut goal = goal(deed, verb);
        if !criteria.is_empty() {
            goal = format!("{goal}. It is accepted if {}", listed(&criteria));
        }
        let output = json!({
            "type": "object",
            "required": ["verdict", "problems"],
            "properties": {
                "verdict": { "enum": ["pass", "revise"] },
                "problems": { "type": "array", "items": { "type": "string" } }
            }
        });
        self.worker(
            Work::Review,
            verb,
            &object_text(deed),
            Given { goal, input, output, said: deed.said.clone() },
            loops,
        )
    }

    /// A step of an agent.
    fn worker(&mut self, work: Work, verb: &Verb, subject: &str, given: Given, loops: &[StepId]) -> Node {
        let mut words = vec![verb.base.clone()];
        let telling = |word: &&str| {
            !["determiner", "preposition", "pronoun", "copula"].iter().any(|set| LEXICON.is(set, &word.to_lowercase()))
        };
        words.extend(subject.split_whitespace().filter(telling).take(3).map(str::to_owned));
        let id = self.draft.id(&words);
        let goal = sentence(&given.goal).trim_end_matches('.').to_owned();
        let process = Process::Agent { agent: work.role().to_owned(), goal, plan: Vec::new() };
        let names = given.output.get("properties").and_then(Value::as_object);
        let names = names.map(|names| names.keys().cloned().collect()).unwrap_or_default();
        let step = Step { output: Some(given.output), ..draft::step(id.clone(), process, given.input) };
        self.known.works.insert(id.clone(), work);
        self.known.agent_outputs.insert(id.clone(), names);
        self.evidence.push(Evidence {
            step: id,
            said: given.said,
            matched: Vec::new(),
            margin: None,
            assumed: Vec::new(),
            confidence: 0.8,
        });
        let mut thing = self.thing(&step, loops);
        // `translate the page and publish it`: it is still a page.
        let of = Phrase { words: super::tokens::tokens(subject), ..Phrase::default() };
        let services = self.mentions(&of);
        let called = content(&of, &services);
        if work == Work::Analysis && !called.is_empty() {
            thing.objects.insert(0, called);
            thing.service = services.services().map(|(service, _)| service).min();
        }
        self.things.push(thing);
        Node::Step(step)
    }

    fn holds(&self, step: &StepId, output: &str) -> bool {
        let of = self.things.iter().find(|thing| thing.step == *step && thing.class == "agent");
        of.is_some_and(|thing| self.outputs_of(thing).iter().any(|name| name == output))
    }

    /// All that was found: what an analysis hands on, else what each research came to.
    fn findings(&self, loops: &[StepId]) -> Option<String> {
        let holds = |(step, work): &(StepId, Work)| {
            matches!(work, Work::Analysis | Work::Research) && self.holds(step, "findings")
        };
        let holding: Vec<(StepId, Work)> = self.works(loops).filter(holds).collect();
        let analysis = holding.iter().find(|(_, work)| *work == Work::Analysis);
        let steps: Vec<&StepId> = match analysis {
            Some((step, _)) => vec![step],
            None => holding.iter().rev().map(|(step, _)| step).collect(),
        };
        // What was found in each round of a loop.
        let rounds = self.things.iter().filter(|thing| {
            self.known.works.get(&thing.step) == Some(&Work::Research)
                && !Scene::is_visible(thing, loops)
                && thing.loops.len() == loops.len() + 1
        });
        let rounds: Vec<String> =
            rounds.filter_map(|thing| thing.loops.last()).map(|each| format!("steps.{each}.output")).collect();
        let mut lists: Vec<String> = steps.into_iter().map(|step| format!("steps.{step}.output.findings")).collect();
        if analysis.is_none() {
            lists.extend(rounds);
        }
        (!lists.is_empty()).then(|| format!("{{{{ {} }}}}", lists.join(" + ")))
    }

    /// What there is to work with beside findings: what is spoken of, or what was retrieved.
    fn material(&self, deed: &Deed, loops: &[StepId]) -> IndexMap<String, Value> {
        let named = deed.objects.iter().filter(|phrase| !phrase.pronoun).flat_map(|phrase| {
            let places = phrase.places.iter().flat_map(|(after, place)| self.referred(place, Some(after), loops));
            self.referred(phrase, None, loops).into_iter().chain(places.collect::<Vec<_>>()).collect::<Vec<_>>()
        });
        let mut found: Vec<Source> = named.collect();
        if found.is_empty() {
            let written = self.works(loops).next().map(|(step, _)| step);
            let sources = self.sources(loops).into_iter().filter(Source::is_readable);
            found = match written {
                // The latest of the agents' work has the rest in it.
                Some(step) => sources.filter(|source| source.thing.step == step).collect(),
                None => sources.take(MOST_MATERIAL).collect(),
            };
            found.reverse();
        }
        let mut input = IndexMap::new();
        for source in found.into_iter().take(MOST_MATERIAL) {
            let name = match &source.field {
                Some(field) => field.clone(),
                None if source.thing.class == "agent" => "text".to_owned(),
                None => draft::item_name(&source.thing.noun.iter().take(3).cloned().collect::<Vec<_>>()),
            };
            input.entry(name).or_insert_with(|| json!(format!("{{{{ {} }}}}", source.main().0)));
        }
        input
    }

    fn item_at_hand(&self, loops: &[StepId]) -> Option<Source> {
        let innermost = loops.last()?;
        self.sources(loops).into_iter().find(|source| source.thing.is_item() && source.thing.step == *innermost)
    }

    /// What all of the task is about.
    fn topic(&self) -> Option<String> {
        let subjects = &self.known.subjects;
        (!subjects.is_empty()).then(|| self.known.compared.clone().unwrap_or_else(|| subjects.join("; ")))
    }

    /// What an analysis is to answer.
    fn question(&mut self, verb: &Verb, deed: &Deed) -> String {
        let subjects = &self.known.subjects;
        if matches!(verb.base.as_str(), "compare" | "contrast") && subjects.len() > 1 {
            let question = format!("How do {} compare?", listed(subjects));
            self.known.compared = Some(question.clone());
            return question;
        }
        self.topic().unwrap_or_else(|| goal(deed, verb))
    }
}

/// What a step of an agent is made of.
struct Given {
    goal: String,
    input: IndexMap<String, Value>,
    output: Value,
    said: String,
}

fn text_schema() -> Value {
    json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string", "minLength": 1 } } })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// What is to be done, in the words that were said, without who is to do it.
fn goal(deed: &Deed, verb: &Verb) -> String {
    let end = deed.words.iter().position(|word| word.lower == "by").filter(|_| actor(deed) != Actor::Nobody);
    let said = match end {
        Some(end) => format!("{} {}", verb.base, text(&deed.words[..end])),
        None if deed.verbs.len() > 1 => format!("{} {}", verb.base, text(&deed.words)),
        None => deed.said.clone(),
    };
    sentence(&said).trim_end_matches('.').to_owned()
}

fn text(words: &[Token]) -> String {
    let mut text = String::new();
    for token in words {
        if !text.is_empty() && token.what != What::Comma {
            text.push(' ');
        }
        text.push_str(&token.text);
    }
    text
}

fn object_text(deed: &Deed) -> String {
    deed.objects.first().map(Phrase::said).unwrap_or_default()
}

/// What is researched, one by one: `Norwegian and Danish parental leave` is two, each of parental leave.
fn subjects(deed: &Deed, verb: &Verb) -> Vec<String> {
    let phrases: Vec<&Phrase> = deed.objects.iter().filter(|phrase| !phrase.is_empty()).collect();
    let Some(last) = phrases.last().filter(|_| phrases.len() > 1 && phrases.len() <= 6) else {
        let all = text(&deed.words);
        return vec![if all.is_empty() { verb.base.clone() } else { all }];
    };
    let shares = |phrase: &Phrase| {
        phrase.words.len() == 1
            && last.words.len() > 1
            && phrase.places.is_empty()
            && !super::phrase::is_plural(&phrase.words[0].lower)
            && phrase.words[0].is_capital() == last.words[0].is_capital()
            && (phrase.words[0].is_capital() || !phrase.definite)
    };
    let subject = |phrase: &&Phrase| {
        let mut phrase = (*phrase).clone();
        if shares(&phrase) {
            phrase.words.extend(last.words[1..].iter().cloned());
        }
        // `the prices and the delivery times of our suppliers`
        if phrase.places.is_empty() {
            phrase.places.extend(
                last.places.iter().filter(|(after, _)| matches!(after.as_str(), "of" | "in" | "for" | "at")).cloned(),
            );
        }
        with_places(&phrase)
    };
    phrases.iter().map(subject).collect()
}
