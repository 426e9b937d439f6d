//! What is looked for among the tools, by what is said and what was spoken of.

use std::collections::HashMap;

use super::super::cards::{Mentioned, Wanted, content};
use super::super::lexicon::{LEXICON, Verb};
use super::super::phrase::Phrase;
use super::super::tokens::{Token, What};
use super::{Scene, Thing};
use crate::workflow::StepId;

impl Scene<'_> {
    /// The services that a phrase names, and those of what it is in.
    pub(in super::super) fn mentions(&self, phrase: &Phrase) -> Mentioned {
        let mut mentioned = self.cards.mentioned(&phrase.words);
        for (preposition, place) in &phrase.places {
            let mut words = vec![Token::new(preposition, What::Word)];
            words.extend(place.words.iter().cloned());
            let inner = self.cards.mentioned(&words);
            let target = matches!(
                preposition.as_str(),
                "to" | "into" | "in" | "on" | "onto" | "via" | "using" | "through" | "by"
            );
            // `copy it from one to the other`: done with the other.
            if !inner.is_empty()
                && (mentioned.is_empty() || (target && phrase.places.iter().any(|(other, _)| other == "from")))
            {
                mentioned = Mentioned::default();
            } else if !inner.is_empty() {
                continue;
            }
            mentioned.add(&inner);
            let deeper = self.mentions(place);
            if mentioned.is_empty() {
                mentioned.add(&deeper);
            }
        }
        mentioned
    }

    /// `send the tracker's issues by chat`: the service that sends, where what is sent is of another.
    fn carried_by(&self, verb: Option<&Verb>, phrase: &Phrase, object: &[String]) -> Option<Mentioned> {
        verb.filter(|verb| matches!(verb.class.as_deref(), Some("send" | "publish")))?;
        let is_message = object
            .last()
            .is_some_and(|head| ["messag", "mail", "notif"].iter().any(|noun| LEXICON.alike(head, noun) > 0.7));
        if is_message || object.is_empty() || self.cards.mentioned(&phrase.words).is_empty() {
            return None;
        }
        phrase.places.iter().find_map(|(preposition, place)| {
            let by = matches!(
                preposition.as_str(),
                "via" | "by" | "with" | "through" | "using" | "in" | "on" | "to" | "into"
            );
            let mut words = vec![Token::new(preposition, What::Word)];
            words.extend(place.words.iter().cloned());
            let mentioned = self.cards.mentioned(&words);
            (by && !mentioned.is_empty()).then_some(mentioned)
        })
    }

    /// What is looked for to do something with a phrase.
    pub(in super::super) fn wanted(&self, verb: Option<&Verb>, phrase: &Phrase, loops: &[StepId]) -> Wanted {
        let own = self.mentions(phrase);
        let mut object = content(phrase, &own);
        let mut services = self.carried_by(verb, phrase, &object).unwrap_or(own);
        // An address of the web is a page.
        if object.is_empty() && phrase.words.iter().any(|word| word.what == What::Address && word.text.contains("://"))
        {
            object.extend(["web".to_owned(), "page".to_owned()]);
        }
        let mut around = Vec::new();
        for (_, place) in &phrase.places {
            for part in place.each_part() {
                around.extend(content(part, &services));
                if part.pronoun
                    && let Some(thing) = self.latest(loops, |_| true)
                {
                    around.extend(thing.objects.first().cloned().unwrap_or_default());
                }
            }
        }
        // `send it to ada@example.com` is a mail.
        let is_mail = |word: &Token| word.what == What::Address && word.text.contains('@');
        if phrase.each_part().into_iter().flat_map(|part| &part.words).any(is_mail) {
            around.push("mail".to_owned());
        }
        // What is made in a loop may be of what it goes through.
        if verb.is_some_and(|verb| verb.class.as_deref() == Some("create"))
            && let Some(item) = self.things.iter().find(|thing| thing.is_item() && Some(&thing.step) == loops.last())
        {
            around.extend(item.objects.first().cloned().unwrap_or_default());
        }
        let mut context = self.context(loops);
        let mut plural = phrase.plural;
        if phrase.pronoun || object.is_empty() {
            // What an agent makes of it is not what it is done to.
            let carried = verb.is_some_and(|verb| {
                matches!(verb.class.as_deref(), Some("send" | "publish" | "create" | "upload" | "share"))
                    || verb.role.is_some()
            });
            let is_thing = |thing: &Thing| carried || thing.class != "agent" || thing.service.is_some();
            let meant = if let Some(thing) =
                self.latest(loops, is_thing).filter(|thing| !carried && !phrase.plural && thing.class != "agent")
            {
                Some(thing)
            } else if phrase.plural {
                self.latest(loops, |thing| thing.plural).or_else(|| self.latest(loops, |_| true))
            } else {
                self.latest(loops, |_| true)
            };
            // What comes later is spoken of, although nothing can be taken from it.
            let meant = meant.or_else(|| self.things.iter().rev().find(|thing| thing.later && thing.service.is_some()));
            // What somebody is asked about is spoken of, too.
            let asked = self
                .things
                .last()
                .filter(|thing| phrase.pronoun && thing.class == "human" && !thing.later && thing.plural);
            if let Some(thing) = asked {
                object = thing.objects.first().cloned().unwrap_or_default();
            } else if let Some(thing) = meant {
                let called = self.known.called.get(&thing.step).filter(|called| thing.is_item() && !called.is_empty());
                object = called.or_else(|| thing.objects.first()).cloned().unwrap_or_default();
                plural |= thing.plural;
                if services.is_empty()
                    && let Some(service) = thing.service
                {
                    context.clear();
                    context.insert(service, 1.0);
                    // What is done to it is done where it is; only a message about it is sent elsewhere.
                    let carried = verb.is_some_and(|verb| {
                        matches!(verb.class.as_deref(), Some("send" | "publish" | "create" | "upload"))
                    });
                    if phrase.pronoun && !carried {
                        services = Mentioned::of(service);
                    }
                }
            }
        }
        Wanted { verb: verb.cloned(), object, around, services, context, plural }
    }

    /// The services that were spoken of, by how near.
    pub(in super::super) fn context(&self, loops: &[StepId]) -> HashMap<usize, f64> {
        let mut context: HashMap<usize, f64> = HashMap::new();
        let mut add = |service: usize, weight: f64| {
            let known = context.entry(service).or_insert(weight);
            *known = known.max(weight);
        };
        if let Some(favourite) = self.favourite {
            add(favourite, 0.5);
        }
        for (service, weight) in self.named.services() {
            add(service, 0.3 + 0.3 * weight);
        }
        let visible = |thing: &&Thing| Self::is_visible(thing, loops);
        let services: Vec<usize> = self
            .things
            .iter()
            .rev()
            .filter(visible)
            .chain(self.things.iter().rev())
            .filter_map(|thing| thing.service)
            .collect();
        for (at, service) in services.iter().enumerate() {
            add(*service, if at == 0 { 1.0 } else { 0.85 });
        }
        context
    }
}
