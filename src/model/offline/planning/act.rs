//! Deeds into steps: which tool does it, or who; and what it goes through, if it is done to each of something.

use indexmap::IndexMap;
use serde_json::json;

use super::cards::{Found, Wanted, content};
use super::condition::Condition;
use super::draft::{self, Node};
use super::grammar::Deed;
use super::lexicon::{Form, LEXICON, Verb};
use super::phrase::Phrase;
use super::scene::{Scene, Thing, words_of};
use super::tokens::What;
use super::{Ambiguity, Choice, Evidence, fields, values};
use crate::workflow::{ForEach, Human, OnError, Outcome, Process, Step, StepId, Wait};

/// A request for the same many times is taken at its word up to here.
const MOST_TIMES: u32 = 10;

/// Classes of verbs that work on one thing at a time.
const ONE_BY_ONE: [&str; 9] = ["delete", "update", "copy", "move", "rename", "download", "share", "redact", "upload"];

/// A loop that is to be gone through.
pub(super) struct Round {
    /// What has to be done before it.
    pub(super) before: Vec<Node>,
    pub(super) step: Step,
    pub(super) item: Thing,
}

impl Scene<'_> {
    /// The steps that carry out a deed.
    pub(super) fn act(&mut self, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        if let Some(node) = self.wait(deed).or_else(|| self.approval(deed, loops)) {
            return vec![node];
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
        let objects: Vec<&Phrase> = objects.iter().collect();
        let mut nodes = Vec::new();
        let default = Verb { base: "create".into(), class: Some("create".into()), role: None, form: Form::Base };
        let verbs = if deed.verbs.is_empty() { vec![default] } else { deed.verbs.clone() };
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

    /// `a lead in both of two services`: one in each.
    pub(super) fn one_service_each(&self, phrase: &Phrase) -> Vec<Phrase> {
        let naming: Vec<usize> = (0..phrase.places.len())
            .filter(|at| !self.cards.mentioned(&phrase.places[*at].1.words).is_empty())
            .collect();
        let same = naming.windows(2).all(|pair| {
            phrase.places[pair[0]].0 == phrase.places[pair[1]].0 && phrase.places[pair[1]].1.places.is_empty()
        });
        if naming.len() < 2
            || !same
            || !matches!(phrase.places[naming[0]].0.as_str(), "in" | "on" | "from" | "to" | "via")
        {
            return vec![phrase.clone()];
        }
        let without = |one: usize| {
            phrase
                .places
                .iter()
                .enumerate()
                .filter(|(at, _)| *at == one || !naming.contains(at))
                .map(|(_, place)| place.clone())
                .collect()
        };
        naming.iter().map(|one| Phrase { places: without(*one), ..phrase.clone() }).collect()
    }

    /// One verb, done to one thing or to each of several.
    fn action(&mut self, verb: &Verb, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        let class = verb.class.as_deref().unwrap_or_default();
        let mut nodes = self.destination(verb, phrase, loops);
        let one_by_one = ONE_BY_ONE.contains(&class) || (class == "create" && phrase.pronoun && phrase.plural);
        let several =
            phrase.all || (phrase.plural && (phrase.definite || phrase.pronoun || !phrase.conditions.is_empty()));
        let item = self.item_for(phrase, loops);
        let all_of_a_list = one_by_one && several && !item && self.list_for(phrase, loops).is_some();
        let wants_list = one_by_one && phrase.all && !item;
        if (phrase.each && !item) || all_of_a_list || wants_list {
            let doable = phrase.each || self.tool(verb, &phrase_of_one(phrase), loops).is_some();
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

    /// The tool for a verb and what it is done to.
    pub(super) fn tool(&self, verb: &Verb, phrase: &Phrase, loops: &[StepId]) -> Option<(Found, Wanted)> {
        let mut wanted = self.wanted(Some(verb), phrase, loops);
        // A tool that is named is meant.
        for part in phrase.each_part() {
            if let Some(card) = part.words.iter().find_map(|word| self.cards.named(&word.text)) {
                return Some((Found { card, score: 1.0, fit: 1.0, margin: 1.0 }, wanted));
            }
        }
        if let Some(found) = self.cards.best(&wanted) {
            return Some((found, wanted));
        }
        let class = verb.class.as_deref().unwrap_or_default();
        if matches!(class, "create" | "send" | "") {
            return None;
        }
        // `change the settings of the folder`, `change its settings`: the folder.
        let owners = phrase
            .places
            .iter()
            .filter(|(preposition, _)| matches!(preposition.as_str(), "of" | "for" | "in" | "on" | "from"));
        for (_, place) in owners {
            let mut inner = self.wanted(Some(verb), place, loops);
            if inner.services.is_empty() {
                inner.services.add(&wanted.services);
            }
            if let Some(found) = self.cards.best(&inner).filter(|_| !inner.object.is_empty()) {
                return Some((found, inner));
            }
        }
        let property = phrase.words.iter().any(|word| word.is("property"));
        if class == "update" && (phrase.owned || property || phrase.pronoun) {
            let thing = self.latest(loops, |_| true)?;
            wanted.object = thing.objects.first().cloned()?;
            if let Some(service) = thing.service {
                wanted.context.clear();
                wanted.context.insert(service, 1.0);
            }
            return self.cards.best(&wanted).map(|found| (found, wanted));
        }
        None
    }

    /// The steps for one verb and one thing, as often as is said.
    fn step(&mut self, verb: &Verb, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Vec<Node> {
        let makes = matches!(verb.class.as_deref(), Some("create" | "send"));
        let times = phrase.number.filter(|_| makes).unwrap_or(1).clamp(1, MOST_TIMES);
        let role_first = verb.role.is_some() && !self.is_tool_work(verb, phrase, loops);
        let found = if role_first { None } else { self.tool(verb, phrase, loops) };
        let mut nodes = Vec::new();
        for _ in 0..times {
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
    fn is_tool_work(&self, verb: &Verb, phrase: &Phrase, loops: &[StepId]) -> bool {
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
    fn call(
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

    /// What no tool does: an agent if it is work of the head, else a person.
    fn somebody(&mut self, verb: &Verb, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Node {
        let mut said = format!("{} {}", verb.base, with_places(phrase));
        if deed.objects.len() < 2 && deed.verbs.len() < 2 {
            said.clone_from(&deed.said);
        }
        let said = sentence(&said);
        let after_agent = self.things.last().is_some_and(|thing| thing.class == "agent");
        let role = verb.role.or_else(|| {
            (after_agent && matches!(verb.base.as_str(), "check" | "review" | "verify" | "validate" | "test" | "audit"))
                .then_some("qa")
        });
        let words: Vec<String> = std::iter::once(verb.base.clone())
            .chain(phrase.words.iter().filter(|word| word.what == What::Word).map(|word| word.lower.clone()).take(3))
            .collect();
        let id = self.draft.id(&words);
        let (process, input, confidence) = match role {
            Some(role) => {
                let input = self.latest(loops, |_| true).map(|thing| {
                    let name = draft::item_name(&thing.noun.iter().take(3).cloned().collect::<Vec<_>>());
                    (name, json!(format!("{{{{ {} }}}}", thing.expression)))
                });
                (
                    Process::Agent { agent: role.to_owned(), goal: said, plan: Vec::new() },
                    input.into_iter().collect(),
                    0.8,
                )
            }
            None => (Process::Human(Human::asking(said)), IndexMap::new(), 0.6),
        };
        let step = draft::step(id.clone(), process, input);
        let mut assumed = Vec::new();
        if role.is_none() {
            assumed.push(format!("No tool was found to {}: a person is asked to do it.", deed.said));
        }
        self.evidence.push(Evidence {
            step: id,
            said: deed.said.clone(),
            matched: Vec::new(),
            margin: None,
            assumed: assumed.clone(),
            confidence,
        });
        for sentence in assumed {
            self.assume(sentence);
        }
        let mut thing = self.thing(&step, loops);
        let words = content(phrase, &self.mentions(phrase));
        if role.is_none() && !words.is_empty() && !phrase.pronoun && !phrase.owned {
            // `it`, said after this, may be what somebody was asked about.
            thing.objects = vec![words];
            thing.plural = true;
        }
        self.things.push(thing);
        Node::Step(step)
    }

    /// `wait two days`
    fn wait(&mut self, deed: &Deed) -> Option<Node> {
        if !deed.is_verb(&["wait", "pause", "sleep"]) {
            return None;
        }
        let wait = fields::wait(&deed.words)?;
        let step = draft::step(self.draft.id(&["wait".to_owned()]), Process::Wait(wait), IndexMap::new());
        self.evidence.push(Evidence {
            step: step.id.clone(),
            said: deed.said.clone(),
            matched: Vec::new(),
            margin: None,
            assumed: Vec::new(),
            confidence: 0.95,
        });
        if let Process::Wait(Wait::Event { name, .. }) = &step.process {
            self.assume(format!("The step `{}` waits for a signal named `{name}`.", step.id));
        }
        Some(Node::Step(step))
    }

    /// `ask Jane for approval`, `get approval from the manager`
    fn approval(&mut self, deed: &Deed, loops: &[StepId]) -> Option<Node> {
        let approval = |word: &str| {
            matches!(word, "approval" | "permission" | "confirmation" | "sign-off" | "consent" | "approve" | "confirm")
        };
        let asks = deed.words.iter().any(|word| approval(&word.lower))
            && deed.is_verb(&["ask", "get", "request", "obtain", "wait", "need", "require", "have"]);
        if !asks {
            return None;
        }
        let what = self.latest(loops, |_| true).map(|thing| thing.noun.join(" "));
        let mut human = Human::asking(sentence(&deed.said));
        let who = deed.words.iter().enumerate().filter(|(at, word)| {
            (word.is_capital() && !approval(&word.lower)) || (word.what == What::Address && *at < 12)
        });
        human.to = who.map(|(_, word)| word.text.to_lowercase()).take(1).collect();
        if let Some(what) = what.filter(|what| !what.is_empty()) {
            human.ask = format!("{} The {what} so far: see the earlier steps.", sentence(&deed.said));
        }
        let id = self.draft.id(&["approval".to_owned()]);
        let step = draft::step(id.clone(), Process::Human(human), IndexMap::new());
        self.evidence.push(Evidence {
            step: id,
            said: deed.said.clone(),
            matched: Vec::new(),
            margin: None,
            assumed: Vec::new(),
            confidence: 0.9,
        });
        let thing = self.thing(&step, loops);
        self.things.push(thing);
        Some(Node::Step(step))
    }

    /// True if a phrase speaks of what a loop around goes through.
    fn item_for(&self, phrase: &Phrase, loops: &[StepId]) -> bool {
        let Some(innermost) = loops.last() else { return false };
        let items: Vec<&Thing> =
            self.things.iter().filter(|thing| thing.is_item() && Scene::is_visible(thing, loops)).collect();
        if phrase.pronoun {
            // `them` within a loop is its list only if nothing else was spoken of since.
            return self
                .latest(loops, |thing| thing.plural || thing.is_item())
                .is_some_and(|thing| thing.is_item() && thing.step == *innermost);
        }
        let words = content(phrase, &self.mentions(phrase));
        items.iter().any(|item| item.is_called(&words) >= 0.6) && self.list_in(&words, loops).is_none()
    }

    /// A list that was made within the innermost loop.
    fn list_in(&self, words: &[String], loops: &[StepId]) -> Option<&Thing> {
        self.called(words, loops, |thing| thing.is_list() && thing.loops.len() == loops.len())
    }

    /// The list that a phrase speaks of, if one was retrieved.
    pub(super) fn list_for(&self, phrase: &Phrase, loops: &[StepId]) -> Option<&Thing> {
        if phrase.pronoun || phrase.words.is_empty() {
            return self
                .latest(loops, |thing| thing.is_list() && thing.plural)
                .or_else(|| self.latest(loops, Thing::is_list));
        }
        let services = self.cards.mentioned(&phrase.words);
        let mut words = content(phrase, &services);
        words.retain(|word| !LEXICON.is("plain", word));
        let fits = |thing: &Thing| {
            services.is_empty() || thing.service.is_none_or(|service| services.weight(service).is_some())
        };
        self.called(&words, loops, |thing| thing.is_list() && fits(thing))
    }

    /// A loop over what a phrase speaks of; what it needs is retrieved first if it is not there.
    pub(super) fn round(&mut self, phrase: &Phrase, loops: &[StepId]) -> Option<Round> {
        if phrase.is_empty() && self.list_for(phrase, loops).is_none() {
            return None;
        }
        let mut before = Vec::new();
        let source = match self.list_for(phrase, loops).cloned() {
            Some(thing) => Some(thing),
            None => self.fetch(phrase, loops, &mut before),
        };
        let said: Vec<String> = phrase
            .words
            .iter()
            .filter(|word| word.what == What::Word && !word.is("plain"))
            .map(|word| word.lower.clone())
            .collect();
        let (items, noun) = if let Some(thing) = &source {
            (json!(format!("{{{{ {} }}}}", thing.expression)), thing.noun.clone())
        } else {
            let words = if said.is_empty() { vec!["items".to_owned()] } else { said.clone() };
            let name = self.draft.input(&words, json!({ "type": "array" }));
            self.assume(format!("No tool lists {}: they are given as the input `{name}`.", words.join(" ")));
            (json!(format!("{{{{ inputs.{name} }}}}")), words)
        };
        let singular: Vec<String> = noun.iter().map(|word| singular(word)).collect();
        let name = draft::item_name(&singular);
        let id = self.draft.id(&[vec!["each".to_owned()], singular].concat());
        let for_each =
            ForEach { items, item_name: name.clone(), concurrency: 1, on_error: OnError::Stop, steps: Vec::new() };
        let step = draft::step(id.clone(), Process::ForEach(for_each), IndexMap::new());
        let mut inner = loops.to_vec();
        inner.push(id.clone());
        let mut item = Scene::item(&id, &name, source.as_ref(), &inner);
        let words = content(phrase, &self.cards.mentioned(&phrase.words));
        if !words.is_empty() && words != ["item"] {
            item.objects.push(words);
        }
        self.evidence.push(Evidence {
            step: id,
            said: format!("for each {}", phrase.said()),
            matched: Vec::new(),
            margin: None,
            assumed: Vec::new(),
            confidence: if source.is_some() { 0.9 } else { 0.5 },
        });
        Some(Round { before, step, item })
    }

    /// Retrieves what is to be gone through.
    fn fetch(&mut self, phrase: &Phrase, loops: &[StepId], before: &mut Vec<Node>) -> Option<Thing> {
        let retrieve = Verb { base: "retrieve".into(), class: Some("retrieve".into()), role: None, form: Form::Base };
        // Where it is taken to says nothing of where it comes from.
        let mut source =
            Phrase { plural: true, all: true, each: false, conditions: Vec::new(), number: None, ..phrase.clone() };
        source.words.retain(|word| !word.is("state"));
        let target = source.places.iter().position(|(preposition, _)| {
            matches!(preposition.as_str(), "to" | "into" | "onto" | "with" | "via" | "using")
        });
        source.places.truncate(target.unwrap_or(source.places.len()));
        let mut wanted = self.wanted(Some(&retrieve), &source, loops);
        if wanted.services.is_empty()
            && let Some(last) = self.latest(loops, Thing::is_list)
            && let Some(service) = last.service
        {
            // `the folder … each file`: what is in it comes from where it came from.
            let held = last.objects.first().cloned().unwrap_or_default();
            let file = wanted.object.last().is_some_and(|head| LEXICON.alike(head, "item") > 0.5);
            let mut near = wanted.clone();
            near.context.clear();
            near.context.insert(service, 1.0);
            let items = Wanted { object: [held, vec!["item".into()]].concat(), ..near.clone() };
            let of = |found: &Found| self.cards.facts(found.card).service == Some(service);
            if let Some(found) = self.cards.best(&near).filter(of) {
                return Some(self.retrieved(&found, &near, &source, loops, before));
            }
            if file && let Some(found) = self.cards.best(&items).filter(|found| of(found) && found.fit > 0.85) {
                return Some(self.retrieved(&found, &wanted, &source, loops, before));
            }
        }
        if wanted.object.is_empty() {
            return None;
        }
        wanted.plural = true;
        let found = self.cards.best(&wanted)?;
        Some(self.retrieved(&found, &wanted, &source, loops, before))
    }

    fn retrieved(
        &mut self,
        found: &Found,
        wanted: &Wanted,
        source: &Phrase,
        loops: &[StepId],
        before: &mut Vec<Node>,
    ) -> Thing {
        let verb = Verb { base: "retrieve".into(), class: Some("retrieve".into()), role: None, form: Form::Base };
        let deed = Deed { said: format!("retrieve {}", source.said()), ..Deed::default() };
        before.push(self.call(found, wanted, &verb, source, &deed, loops));
        self.things.last().cloned().unwrap_or_else(|| Thing {
            step: before[0].step().id.clone(),
            class: "retrieve".into(),
            objects: Vec::new(),
            noun: Vec::new(),
            service: None,
            plural: true,
            loops: loops.to_vec(),
            expression: format!("steps.{}.output", before[0].step().id),
            later: false,
        })
    }

    /// What tells those that are meant from the others: `that are closed`, `every closed task`.
    pub(super) fn selecting(&self, phrase: &Phrase, loops: &[StepId]) -> Vec<Condition> {
        let mut conditions = phrase.conditions.clone();
        let item = loops
            .last()
            .and_then(|innermost| self.things.iter().find(|thing| thing.is_item() && thing.step == *innermost));
        let known = |word: &str| {
            item.is_some_and(|item| {
                item.objects
                    .iter()
                    .take(item.objects.len().saturating_sub(1))
                    .any(|object| object.iter().any(|stem| stem == word))
            })
        };
        for word in phrase.words.iter().rev().skip(1).filter(|word| word.is("state") && !known(&word.stem)) {
            conditions.push(super::condition::read(&[super::tokens::Token::new("is", What::Word), word.clone()]));
        }
        conditions
    }

    /// What is done only if a condition holds.
    pub(super) fn fork(&mut self, condition: &Condition, body: Vec<Node>, loops: &[StepId]) -> Node {
        let step = self.branch(std::slice::from_ref(condition), loops);
        Node::Fork(step, vec![("case_1".into(), body), (Outcome::OTHERWISE.into(), Vec::new())])
    }

    /// A branch with a case for each condition.
    pub(super) fn branch(&mut self, conditions: &[Condition], loops: &[StepId]) -> Step {
        let expressions: Vec<String> = conditions.iter().map(|condition| self.expression(condition, loops)).collect();
        let cases = expressions
            .into_iter()
            .enumerate()
            .map(|(at, expression)| (Outcome::from(format!("case_{}", at + 1).as_str()), expression))
            .collect();
        let property = conditions.iter().flat_map(|condition| &condition.tests).find_map(|test| test.property.clone());
        let id = self.draft.id(&std::iter::once("check".to_owned()).chain(property).collect::<Vec<_>>());
        let said = conditions.iter().map(|condition| condition.said.clone()).collect::<Vec<_>>().join("; ");
        self.evidence.push(Evidence {
            step: id.clone(),
            said,
            matched: Vec::new(),
            margin: None,
            assumed: Vec::new(),
            confidence: 0.75,
        });
        draft::step(id, Process::Branch { cases }, IndexMap::new())
    }
}

/// The same, spoken of one by one.
fn phrase_of_one(phrase: &Phrase) -> Phrase {
    Phrase { all: false, each: false, plural: false, conditions: Vec::new(), ..phrase.clone() }
}

fn with_places(phrase: &Phrase) -> String {
    let mut said = phrase.said();
    for (preposition, place) in &phrase.places {
        said = format!("{said} {preposition} {}", with_places(place));
    }
    said
}

/// With a capital at the beginning and a full stop at the end.
pub(super) fn sentence(text: &str) -> String {
    let text = text
        .trim()
        .trim_end_matches(['.', ','])
        .replace("{{", "{ {")
        .replace("}}", "} }")
        .replace("{%", "{ %")
        .replace("%}", "% }")
        .replace("{#", "{ #");
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => "Do it.".into(),
    }
}

/// `leads` for what is retrieved, `lead` for what is made, else verb and noun.
fn id_words(class: &str, noun: &[String], base: &str) -> Vec<String> {
    let noun: Vec<String> = noun.iter().take(3).flat_map(|word| words_of(word)).collect();
    match class {
        "retrieve" => {
            let mut noun = noun;
            if let Some(last) = noun.last_mut()
                && !super::phrase::is_plural(last)
            {
                *last = plural(last);
            }
            noun
        }
        "create" => {
            let noun: Vec<String> = noun.iter().map(|word| singular(word)).collect();
            if noun.is_empty() { vec![base.to_owned()] } else { noun }
        }
        _ => std::iter::once(base.to_owned()).chain(noun.iter().map(|word| singular(word))).collect(),
    }
}

fn plural(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if word.ends_with(['s', 'x']) || word.ends_with("ch") => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

pub(super) fn singular(word: &str) -> String {
    match word {
        "people" => "person".into(),
        "addresses" => "address".into(),
        "statuses" => "status".into(),
        "boxes" => "box".into(),
        "branches" => "branch".into(),
        _ => match word.strip_suffix("ies") {
            Some(stem) if stem.len() > 2 => format!("{stem}y"),
            _ if super::phrase::is_plural(word) => word.strip_suffix('s').unwrap_or(word).to_owned(),
            _ => word.to_owned(),
        },
    }
}
