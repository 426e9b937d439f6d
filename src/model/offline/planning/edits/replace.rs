//! A step that does something else, or the same with another service.

use super::super::Evidence;
use super::super::cards::{Mentioned, Wanted};
use super::super::draft::{Node, Spot};
use super::super::grammar::Deed;
use super::super::lexicon::LEXICON;
use super::super::phrase::Phrase;
use super::super::scene::{Scene, Thing};
use super::super::tokens::{Token, What};
use crate::workflow::{Process, StepId};

impl Scene<'_> {
    /// The same step, done with another service.
    pub(super) fn take_to(&mut self, id: &StepId, services: &Mentioned) -> bool {
        let Some(Process::Tool { tool }) = self.draft.step(id).map(|step| step.process.clone()) else { return false };
        let facts = self.cards.facts_of(&tool);
        let verb = LEXICON.verb(&facts.base);
        let wants = facts.objects.iter().map(|object| Wanted {
            verb: verb.clone(),
            object: object.clone(),
            services: services.clone(),
            plural: facts.class == "retrieve",
            ..Wanted::default()
        });
        let found =
            wants.filter_map(|wanted| self.cards.best(&wanted)).max_by(|one, other| one.score.total_cmp(&other.score));
        let Some(found) = found.filter(|found| {
            self.cards.facts(found.card).service.is_some_and(|service| services.weight(service).is_some())
        }) else {
            self.assume(format!("Nothing there does what `{id}` does, so it stays as it is."));
            return false;
        };
        self.set_tool(id, found.card, found.fit, Some(found.margin));
        true
    }

    pub(super) fn set_tool(&mut self, id: &StepId, card: usize, confidence: f64, margin: Option<f64>) {
        let tools = self.tools;
        let card = &tools[card];
        let old = self.draft.step(id).map(|step| step.input.clone()).unwrap_or_default();
        let input = self.carried(&old, card);
        if let Some(step) = self.draft.step_mut(id) {
            step.process = Process::Tool { tool: card.name.clone() };
            step.input = input;
        }
        self.evidence.push(Evidence {
            step: id.clone(),
            said: String::new(),
            matched: Vec::new(),
            margin,
            assumed: Vec::new(),
            confidence: confidence.clamp(0.0, 1.0),
        });
    }

    /// Another deed in the place of a step.
    pub(super) fn replace(&mut self, id: &StepId, new: &Deed) -> bool {
        let Some(old) = self.draft.step(id).cloned() else { return false };
        let loops = self.loops_of(id);
        let mut new = new.clone();
        if let Process::Tool { tool } = &old.process {
            let facts = self.cards.facts_of(tool);
            // What is not said stays as it was: the verb, or the thing.
            if new.verbs.is_empty() || new.verbs.iter().all(|verb| LEXICON.edits("use", &verb.base)) {
                new.verbs = LEXICON.verb(&facts.base).into_iter().collect();
                let named = new.objects.first().is_some_and(|phrase| {
                    let alone = self.wanted(new.verb(), phrase, &loops);
                    self.cards.best(&alone).is_some()
                });
                if !named {
                    new.verbs = ["send", "create"]
                        .iter()
                        .filter_map(|base| LEXICON.verb(base))
                        .find(|verb| {
                            new.objects.first().is_some_and(|phrase| {
                                self.cards.best(&self.wanted(Some(verb), phrase, &loops)).is_some()
                            })
                        })
                        .into_iter()
                        .chain(new.verbs.clone())
                        .take(1)
                        .collect();
                }
            }
            if new.objects.is_empty() || new.objects.iter().all(|phrase| phrase.pronoun) {
                let words = facts.noun.iter().map(|word| Token::new(word, What::Word)).collect();
                let places = new.objects.first().map(|phrase| phrase.places.clone()).unwrap_or_default();
                new.objects = vec![Phrase { words, places, ..Default::default() }];
            }
        }
        // It is no longer there to be spoken of, but its service is.
        self.things.retain(|thing| thing.step != *id || thing.is_item());
        let service = if let Process::Tool { tool } = &old.process { self.cards.facts_of(tool).service } else { None };
        let before = self.favourite;
        self.favourite = service.or(before);
        self.look_from(&Spot::Before(id.clone()));
        let nodes = self.act_in(&new, &loops, service);
        self.look_from_the_end();
        self.favourite = before;
        match nodes.as_slice() {
            [Node::Step(step)] => {
                let made = step.id.clone();
                let (process, input) = (step.process.clone(), step.input.clone());
                if let Some(step) = self.draft.step_mut(id) {
                    step.process = process;
                    step.input = input;
                }
                for evidence in self.evidence.iter_mut().filter(|evidence| evidence.step == made) {
                    evidence.step = id.clone();
                }
                self.kept_beside(id, &old.input);
                true
            }
            [] => false,
            nodes => {
                self.draft.put(nodes, &Spot::After(id.clone()));
                self.draft.remove(id);
                true
            }
        }
    }

    /// Acts as if a service had just been spoken of.
    pub(super) fn act_in(&mut self, deed: &Deed, loops: &[StepId], service: Option<usize>) -> Vec<Node> {
        let before = self.things.len();
        if let Some(service) = service
            && let Some(thing) = self.things.last().cloned()
        {
            self.things.push(Thing { service: Some(service), class: "branch".into(), loops: loops.to_vec(), ..thing });
        }
        let mut once = deed.clone();
        // A loop around it is there already, if there is to be one.
        for phrase in &mut once.objects {
            phrase.each = false;
            if !phrase.conditions.is_empty() {
                phrase.conditions.clear();
            }
        }
        let nodes = self.act(&once, loops);
        if service.is_some() && self.things.len() > before {
            self.things.remove(before);
        }
        nodes
    }
}
