//! Deeds into steps: which tool does it, or who; and what it goes through, if it is done to each of something.

mod naming;
mod people;
mod rounds;
mod several;
mod tools;

use super::cards::{Found, Wanted, content};
use super::draft::{self, Node};
use super::grammar::Deed;
use super::lexicon::{Form, LEXICON, Verb};
use super::phrase::Phrase;
use super::scene::{Made, Scene};
use super::tokens::What;
use super::{Ambiguity, Choice, Evidence, values};
use crate::workflow::{Process, Step, StepId};
use naming::id_words;
pub(super) use naming::singular;
pub(super) use people::{sentence, with_places};
pub(super) use rounds::Round;

/// A request for the same many times is taken at its word up to here.
const MOST_TIMES: u32 = 10;

/// Classes of verbs that work on one thing at a time.
const ONE_BY_ONE: [&str; 9] = ["delete", "update", "copy", "move", "rename", "download", "share", "redact", "upload"];

impl Scene<'_> {
    /// The steps that carry out a deed.
    pub(super) fn act(&mut self, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        if let Some(node) = self.wait(deed).or_else(|| self.approval(deed, loops)) {
            return vec![node];
        }
        if let Some(nodes) = self.decompose(deed, loops) {
            return nodes;
        }
        let nobody = Phrase::default();
        let objects: Vec<&Phrase> = if deed.objects.is_empty() { vec![&nobody] } else { deed.objects.iter().collect() };
        // `a folder and a file in Box`: both there.
        let shared = objects
            .iter()
            .position(|phrase| !self.mentions(phrase).is_empty())
            .filter(|at| *at > 0)
            .map(|at| objects[at].clone());
        let objects: Vec<Phrase> = objects.into_iter().flat_map(|phrase| self.one_service_each(phrase)).collect();
        let objects = deed.verb().map_or(objects.clone(), |verb| self.together(verb, objects, loops));
        let objects: Vec<&Phrase> = objects.iter().collect();
        let mut nodes = Vec::new();
        let verbs = if deed.verbs.is_empty() { vec![usual(deed)] } else { deed.verbs.clone() };
        for verb in &verbs {
            for (at, phrase) in objects.iter().enumerate() {
                let mut phrase = (*phrase).clone();
                if let Some(shared) = &shared
                    && self.mentions(&phrase).is_empty()
                    && at < objects.len() - 1
                {
                    phrase.places.extend(
                        shared
                            .places
                            .iter()
                            .filter(|(_, place)| !self.cards.mentioned(&place.words).is_empty())
                            .cloned(),
                    );
                    if self.mentions(&phrase).is_empty() && shared.places.is_empty() {
                        // `sales order and price list of one service` is named with the last.
                        phrase.places.push((
                            "in".into(),
                            Phrase {
                                words: shared
                                    .words
                                    .iter()
                                    .filter(|word| self.cards.mentioned(&shared.words).covers(word))
                                    .cloned()
                                    .collect(),
                                ..Phrase::default()
                            },
                        ));
                    }
                }
                nodes.extend(self.action(verb, &phrase, deed, loops));
            }
        }
        nodes
    }

    /// One verb, done to one thing or to each of several.
    fn action(&mut self, verb: &Verb, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        let class = verb.class.as_deref().unwrap_or_default();
        let mut nodes = self.destination(verb, phrase, loops);
        let one_by_one = ONE_BY_ONE.contains(&class)
            // `approve them`, with a tool that approves one
            || (class.is_empty() && (phrase.pronoun || phrase.definite || phrase.all))
            || (class == "create" && phrase.pronoun && phrase.plural);
        let several =
            phrase.all || (phrase.plural && (phrase.definite || phrase.pronoun || !phrase.conditions.is_empty()));
        let item = self.item_for(phrase, loops);
        let all_of_a_list = one_by_one && several && !item && self.list_for(phrase, loops).is_some();
        let wants_list = one_by_one && phrase.all && !item;
        if (phrase.each && !item) || all_of_a_list || wants_list {
            let doable = phrase.each
                || (phrase.all && phrase.pronoun)
                || self.tool(verb, &phrase_of_one(phrase), loops).is_some();
            if doable && let Some(mut round) = self.round(phrase, loops) {
                let mut inner = loops.to_vec();
                inner.push(round.step.id.clone());
                nodes.append(&mut round.before);
                self.things.push(round.item);
                let one = phrase_of_one(phrase);
                let mut body = self.step(verb, &one, deed, &inner);
                for condition in self.selecting(phrase, &inner).iter().rev() {
                    body = vec![self.fork(condition, body, &inner)];
                }
                nodes.push(Node::Loop(round.step, body));
                return nodes;
            }
        }
        nodes.extend(self.step(verb, phrase, deed, loops));
        nodes
    }

    /// `to a new folder`: what has to be made first.
    fn destination(&mut self, verb: &Verb, phrase: &Phrase, loops: &[StepId]) -> Vec<Node> {
        if !matches!(verb.class.as_deref(), Some("copy" | "move" | "upload" | "create" | "download" | "send")) {
            return Vec::new();
        }
        let create = Verb { base: "create".into(), class: Some("create".into()), role: None, form: Form::Base };
        let mut nodes = Vec::new();
        for (at, (preposition, place)) in phrase.places.iter().enumerate() {
            // `to a new folder in Box`: the folder is there.
            let place = &Phrase { places: phrase.places[at + 1..].to_vec(), ..place.clone() };
            if place.new
                && matches!(preposition.as_str(), "to" | "into" | "in" | "onto")
                && self.tool(&create, place, loops).is_some()
            {
                let deed = Deed { said: format!("create {}", place.said()), ..Deed::default() };
                nodes.extend(self.step(&create, &Phrase { number: None, ..place.clone() }, &deed, loops));
            }
        }
        nodes
    }

    /// The steps for one verb and one thing, as often as is said.
    fn step(&mut self, verb: &Verb, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        let makes = matches!(verb.class.as_deref(), Some("create" | "send"));
        let times = phrase.number.filter(|_| makes).unwrap_or(1).clamp(1, MOST_TIMES);
        let from_somebody = verb.class.as_deref() == Some("retrieve")
            && phrase.places.iter().any(|(preposition, place)| {
                preposition == "from" && !place.plural && place.head().is_some_and(|head| head.is("person"))
            })
            && self.mentions(phrase).is_empty();
        let role_first = verb.role.is_some() && !self.is_tool_work(verb, phrase, loops);
        let named = || self.named_by(verb, phrase, loops);
        let found = match (from_somebody, role_first) {
            (true, _) => None,
            (false, true) => named(),
            (false, false) => self.tool(verb, phrase, loops).or_else(named),
        };
        let mut nodes = match &found {
            Some((found, _)) => self.retrieved_first(verb, phrase, found, deed, loops).into_iter().collect(),
            None => Vec::new(),
        };
        for _ in 0..times {
            // A service alone says where, not what.
            let only_where =
                deed.verbs.is_empty() && !phrase.pronoun && content(phrase, &self.mentions(phrase)).is_empty();
            if only_where {
                continue;
            }
            nodes.push(match &found {
                Some((found, wanted)) => self.call(found, wanted, verb, phrase, deed, loops),
                // Words without a verb that name nothing known say nothing to do.
                None if deed.verbs.is_empty() => {
                    self.assume(format!("Nothing is known of “{}”, so nothing is done about it.", deed.said));
                    continue;
                }
                None => self.somebody(verb, phrase, deed, loops),
            });
        }
        if verb.class.as_deref() == Some("create") && found.is_some() {
            nodes.extend(self.accompanying(verb, phrase, deed, loops));
        }
        nodes
    }

    /// `write a comment in Slack` is a tool's work, `write a brief` is an agent's.
    pub(super) fn is_tool_work(&self, verb: &Verb, phrase: &Phrase, loops: &[StepId]) -> bool {
        verb.class.is_some() && self.tool(verb, phrase, loops).is_some_and(|(found, _)| found.fit > 0.7)
    }

    /// `a supplier with an address`: the address too, if something makes it.
    fn accompanying(&mut self, verb: &Verb, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        let mut nodes = Vec::new();
        for (preposition, place) in &phrase.places {
            if preposition != "with"
                || place.words.iter().any(|word| word.what != What::Word)
                || place.is_empty()
                || place.pronoun
            {
                continue;
            }
            let Some((found, wanted)) = self.tool(verb, place, loops) else { continue };
            let same = wanted.services.is_empty()
                && self.cards.facts(found.card).service == self.latest(loops, |_| true).and_then(|thing| thing.service);
            if same && found.fit > 0.72 {
                nodes.push(self.call(&found, &wanted, verb, place, deed, loops));
            }
        }
        nodes
    }

    /// A step that calls a tool.
    pub(super) fn call(
        &mut self,
        found: &Found,
        wanted: &Wanted,
        verb: &Verb,
        phrase: &Phrase,
        deed: &Deed,
        loops: &[StepId],
    ) -> Node {
        let tools = self.tools;
        let card = &tools[found.card];
        let facts = self.cards.facts(found.card).clone();
        let id = self.draft.id(&id_words(&facts.class, &facts.noun, &facts.base));
        let input = values::bind(self, card, phrase, deed, loops);
        let step = draft::step(id.clone(), Process::Tool { tool: card.name.clone() }, input);
        self.tool_of.insert(id.clone(), card.name.clone());
        self.made.insert(id.clone(), Made { card: found.card, phrase: phrase.clone(), deed: deed.clone() });
        let mut thing = self.thing(&step, loops);
        thing.plural = thing.is_list() && (phrase.plural || phrase.all || phrase.pronoun);
        // It goes by what it was called, too.
        if !wanted.object.is_empty() && !phrase.pronoun {
            thing.objects.push(wanted.object.clone());
        }
        self.things.push(thing);
        let matched = wanted
            .object
            .iter()
            .filter(|word| facts.objects.iter().any(|object| object.contains(word)))
            .cloned()
            .collect();
        let mut assumed = Vec::new();
        let service = facts.service.map(|service| self.cards.service_name(service).to_owned());
        if wanted.services.is_empty()
            && let Some(service) = &service
        {
            assumed.push(format!("`{}` is done with {service}, as no service was named for it.", step.id));
        }
        self.doubt(found, wanted, &step, &deed.said);
        let sure = if wanted.services.is_empty() && found.margin < 0.05 { 0.6 } else { 1.0 };
        self.evidence.push(Evidence {
            step: id,
            said: deed.said.clone(),
            matched,
            margin: Some(found.margin.clamp(0.0, 1.0)),
            assumed,
            confidence: (found.fit * sure).clamp(0.0, 1.0),
        });
        let _ = verb;
        Node::Step(step)
    }

    /// Asks which tool is meant if several fit as well and it matters.
    fn doubt(&mut self, found: &Found, wanted: &Wanted, step: &Step, said: &str) {
        let others: Vec<usize> =
            self.cards.equals(wanted).into_iter().filter(|card| self.tools[*card].effect.changes_the_world()).collect();
        let services = |card: usize| self.cards.facts(card).service;
        let different = others.iter().any(|card| services(*card) != services(found.card));
        if others.len() < 2 || !different || !self.tools[found.card].effect.changes_the_world() {
            return;
        }
        let verb = wanted.verb.as_ref().map_or("use", |verb| verb.base.as_str());
        let choices: Vec<Choice> = others
            .iter()
            .take(5)
            .map(|card| {
                let name = &self.tools[*card].name;
                let label =
                    services(*card).map_or_else(|| name.clone(), |service| self.cards.service_name(service).to_owned());
                // The same said again, with the tool named where it belongs.
                let request = self.request.trim().trim_end_matches('.');
                let named = format!("{said} with `{name}`");
                let request = if request.contains(said) && !said.is_empty() {
                    request.replacen(said, &named, 1)
                } else {
                    format!("{request} with `{name}`")
                };
                Choice { label, request }
            })
            .collect();
        let noun = self.cards.facts(found.card).noun.join(" ");
        let text = format!("Several tools could {verb} the {noun}. Which one is meant?");
        if !self.questions.iter().any(|question| question.text == text) {
            self.questions.push(Ambiguity { text, choices });
        }
        self.assume(format!("`{}` is called for `{}` unless another is chosen.", self.tools[found.card].name, step.id));
    }
}

/// What is usually done with what is named without a verb.
fn usual(deed: &Deed) -> Verb {
    // `I need the invoices`: they are there.
    let there = deed.objects.first().is_some_and(|phrase| phrase.plural && phrase.definite && !phrase.new);
    let head = deed.objects.first().and_then(Phrase::head);
    let is_sent = head.is_some_and(|head| LEXICON.is("short_message", &head.lower));
    let base = match (there, is_sent) {
        (true, _) => return retrieval(),
        (false, true) => "send",
        (false, false) => "create",
    };
    Verb { base: base.into(), class: Some(base.into()), role: None, form: Form::Base }
}

/// The verb of whatever is only looked at.
pub(super) fn retrieval() -> Verb {
    Verb { base: "retrieve".into(), class: Some("retrieve".into()), role: None, form: Form::Base }
}

/// The same, spoken of one by one.
fn phrase_of_one(phrase: &Phrase) -> Phrase {
    Phrase { all: false, each: false, plural: false, conditions: Vec::new(), ..phrase.clone() }
}
