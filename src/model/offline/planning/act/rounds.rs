//! Loops: what is gone through, and what has to be retrieved for that.

use indexmap::IndexMap;
use serde_json::json;

use super::super::Evidence;
use super::super::cards::{Found, Wanted, content};
use super::super::condition::{Compares, Condition, Constant, Test};
use super::super::draft::{self, Node};
use super::super::grammar::Deed;
use super::super::lexicon::{LEXICON, Verb, stem};
use super::super::phrase::Phrase;
use super::super::scene::{Scene, Thing};
use super::super::tokens::What;
use super::naming::singular;
use super::retrieval;
use crate::workflow::{ForEach, OnError, Outcome, Process, Step, StepId};

/// A loop that is to be gone through.
pub(in super::super) struct Round {
    /// What has to be done before it.
    pub(in super::super) before: Vec<Node>,
    pub(in super::super) step: Step,
    pub(in super::super) item: Thing,
}

impl Scene<'_> {
    /// True if a phrase speaks of what a loop around goes through.
    pub(super) fn item_for(&self, phrase: &Phrase, loops: &[StepId]) -> bool {
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
    pub(in super::super) fn list_for(&self, phrase: &Phrase, loops: &[StepId]) -> Option<&Thing> {
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
    pub(in super::super) fn round(&mut self, phrase: &Phrase, loops: &[StepId]) -> Option<Round> {
        if !phrase.names.is_empty() {
            return Some(self.round_of_names(phrase, loops));
        }
        if phrase.is_empty() && self.list_for(phrase, loops).is_none() {
            return None;
        }
        let mut before = Vec::new();
        let source = match self.list_for(phrase, loops).cloned() {
            Some(thing) => Some(thing),
            // `list the invoices and remind each customer`: the customer of each invoice.
            None => self.fetch(phrase, loops, &mut before).or_else(|| {
                self.latest(loops, |thing| thing.is_list() && thing.plural && thing.loops.len() == loops.len()).cloned()
            }),
        };
        let said: Vec<String> = phrase
            .words
            .iter()
            .filter(|word| word.what == What::Word && !word.is("plain"))
            .map(|word| word.lower.clone())
            .collect();
        let (items, noun) = if let Some(thing) = &source {
            (json!(format!("{{{{ {} }}}}", self.list_expression(thing))), thing.noun.clone())
        } else {
            let words = if said.is_empty() { vec!["items".to_owned()] } else { said.clone() };
            let name = self.draft.input(&words, json!({ "type": "array" }));
            self.assume(format!("No tool lists {}: they are given as the input `{name}`.", words.join(" ")));
            (json!(format!("{{{{ inputs.{name} }}}}")), words)
        };
        let confidence = if source.is_some() { 0.9 } else { 0.5 };
        let (step, item) = self.looped(phrase, items, &noun, source.as_ref(), confidence, loops);
        Some(Round { before, step, item })
    }

    /// A loop over what is named one by one.
    fn round_of_names(&mut self, phrase: &Phrase, loops: &[StepId]) -> Round {
        let noun: Vec<String> = phrase.words.iter().map(|word| word.lower.clone()).collect();
        let noun = if noun.is_empty() { vec!["name".to_owned()] } else { noun };
        let (step, item) = self.looped(phrase, json!(phrase.names), &noun, None, 0.95, loops);
        self.known.plain_items.insert(step.id.clone());
        Round { before: Vec::new(), step, item }
    }

    /// The step of a loop, and its item.
    fn looped(
        &mut self,
        phrase: &Phrase,
        items: serde_json::Value,
        noun: &[String],
        source: Option<&Thing>,
        confidence: f64,
        loops: &[StepId],
    ) -> (Step, Thing) {
        let singular: Vec<String> = noun.iter().map(|word| singular(word)).collect();
        let name = draft::item_name(&singular);
        let id = self.draft.id(&[vec!["each".to_owned()], singular].concat());
        let for_each =
            ForEach { items, item_name: name.clone(), concurrency: 1, on_error: OnError::Stop, steps: Vec::new() };
        let step = draft::step(id.clone(), Process::ForEach(for_each), IndexMap::new());
        let mut inner = loops.to_vec();
        inner.push(id.clone());
        if let Some(source) = source {
            self.known.lists.insert(id.clone(), source.step.clone());
        }
        let mut item = Scene::item(&id, &name, source, &inner);
        let words = content(phrase, &self.cards.mentioned(&phrase.words));
        if !words.is_empty() && words != ["item"] {
            self.known
                .called
                .insert(id.clone(), words.iter().filter(|word| !LEXICON.is("state", word)).cloned().collect());
            item.objects.push(words);
        }
        self.evidence.push(Evidence {
            step: id,
            said: format!("for each {}", phrase.said()),
            matched: Vec::new(),
            margin: None,
            assumed: Vec::new(),
            confidence,
        });
        (step, item)
    }

    /// Retrieves what is to be gone through.
    fn fetch(&mut self, phrase: &Phrase, loops: &[StepId], before: &mut Vec<Node>) -> Option<Thing> {
        let retrieve = retrieval();
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
                return Some(self.retrieved(&found, &near, &source, phrase, loops, before));
            }
            if file && let Some(found) = self.cards.best(&items).filter(|found| of(found) && found.fit > 0.85) {
                return Some(self.retrieved(&found, &wanted, &source, phrase, loops, before));
            }
        }
        if wanted.object.is_empty() {
            return None;
        }
        wanted.plural = true;
        let found = self.cards.best(&wanted)?;
        Some(self.retrieved(&found, &wanted, &source, phrase, loops, before))
    }

    /// `send the open invoices to the boss`: they are retrieved first, if nothing did so.
    pub(super) fn retrieved_first(
        &mut self,
        verb: &Verb,
        phrase: &Phrase,
        found: &Found,
        deed: &Deed,
        loops: &[StepId],
    ) -> Option<Node> {
        let sends = matches!(verb.class.as_deref(), Some("send" | "publish" | "share"));
        let is_known_one = phrase.definite || phrase.all || phrase.plural;
        let is_told = LEXICON.is("tells", &verb.base)
            || phrase.head().is_some_and(|head| LEXICON.is("recipients", &singular(&head.lower)));
        if !sends || is_told || !is_known_one || phrase.pronoun || phrase.owned || phrase.new || phrase.words.is_empty()
        {
            return None;
        }
        let mut words = content(phrase, &self.mentions(phrase));
        words.retain(|word| !LEXICON.is("state", word));
        let is_there = !self.referred(phrase, None, loops).is_empty()
            || self.called(&words, loops, |thing| thing.class != "branch").is_some();
        let is_sent = self.cards.facts(found.card).is_about(&words, &[], phrase.plural) > 0.5;
        if is_there || is_sent {
            return None;
        }
        let retrieve = retrieval();
        let mut source = phrase.clone();
        source.places.retain(|(preposition, _)| matches!(preposition.as_str(), "of" | "from"));
        let (kept, wanted) = self.tool(&retrieve, &source, loops)?;
        let facts = self.cards.facts(kept.card);
        let direct = facts.class == "retrieve" && facts.is_about(&words, &[], phrase.plural) >= 0.8;
        if !direct {
            return None;
        }
        let deed = Deed { said: format!("retrieve {}", source.said()), words: deed.words.clone(), ..Deed::default() };
        Some(self.call(&kept, &wanted, &retrieve, &source, &deed, loops))
    }

    fn retrieved(
        &mut self,
        found: &Found,
        wanted: &Wanted,
        source: &Phrase,
        whole: &Phrase,
        loops: &[StepId],
        before: &mut Vec<Node>,
    ) -> Thing {
        let verb = retrieval();
        let deed = Deed { said: format!("retrieve {}", source.said()), words: whole.words.clone(), ..Deed::default() };
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
    pub(in super::super) fn selecting(&self, phrase: &Phrase, loops: &[StepId]) -> Vec<Condition> {
        let mut conditions = phrase.conditions.clone();
        conditions.retain(|condition| !self.is_so_anyhow(condition, loops));
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
        for word in phrase
            .words
            .iter()
            .rev()
            .skip(1)
            .filter(|word| word.is("state") && !known(&word.stem))
            .filter(|word| !self.known.selected.contains(&word.at))
        {
            conditions.push(super::super::condition::read(&[
                super::super::tokens::Token::new("is", What::Word),
                word.clone(),
            ]));
        }
        conditions
    }

    /// `every alert that is firing`, where only such are listed.
    fn is_so_anyhow(&self, condition: &Condition, loops: &[StepId]) -> bool {
        let source = loops.last().and_then(|innermost| self.known.lists.get(innermost));
        let Some(tool) = source.and_then(|list| self.tool_of.get(list)) else { return false };
        let facts = self.cards.facts_of(tool);
        let said = |test: &Test| match (&test.value, test.compares) {
            (Constant::Text(text), Compares::Equal) if test.property.is_none() => {
                facts.tells_of(&text.split(' ').map(stem).collect::<Vec<_>>())
            }
            _ => false,
        };
        !condition.tests.is_empty() && condition.tests.iter().all(said)
    }

    /// What is done only if a condition holds.
    pub(in super::super) fn fork(&mut self, condition: &Condition, body: Vec<Node>, loops: &[StepId]) -> Node {
        let step = self.branch(std::slice::from_ref(condition), loops);
        Node::Fork(step, vec![("case_1".into(), body), (Outcome::OTHERWISE.into(), Vec::new())])
    }

    /// A branch with a case for each condition.
    pub(in super::super) fn branch(&mut self, conditions: &[Condition], loops: &[StepId]) -> Step {
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
