//! What no tool does: people are asked, agents are set to work, and time is waited for.

use indexmap::IndexMap;
use serde_json::json;

use super::super::cards::content;
use super::super::draft::{self, Node};
use super::super::grammar::Deed;
use super::super::lexicon::Verb;
use super::super::phrase::Phrase;
use super::super::scene::Scene;
use super::super::tokens::What;
use super::super::{Evidence, fields};
use crate::workflow::{Human, Process, StepId, Wait};

impl Scene<'_> {
    /// What no tool does: an agent if it is work of the head, else a person.
    pub(super) fn somebody(&mut self, verb: &Verb, phrase: &Phrase, deed: &Deed, loops: &[StepId]) -> Node {
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
    pub(super) fn wait(&mut self, deed: &Deed) -> Option<Node> {
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
    pub(super) fn approval(&mut self, deed: &Deed, loops: &[StepId]) -> Option<Node> {
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
}

pub(in crate::model::offline::planning) fn with_places(phrase: &Phrase) -> String {
    let mut said = phrase.said();
    for (preposition, place) in &phrase.places {
        said = format!("{said} {preposition} {}", with_places(place));
    }
    said
}

/// With a capital at the beginning and a full stop at the end.
pub(in super::super) fn sentence(text: &str) -> String {
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
