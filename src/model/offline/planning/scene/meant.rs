//! Which steps of the workflow words speak of.

use super::super::cards::content;
use super::super::condition::{self};
use super::super::draft::{self};
use super::super::grammar::Deed;
use super::super::lexicon::{LEXICON, stem};
use super::super::phrase::Phrase;
use super::super::tokens::What;
use super::Scene;
use crate::workflow::{Process, Step, StepId};

impl Scene<'_> {
    /// How well a step is what a deed speaks of, from 0 to 1.
    pub(in super::super) fn is_meant(&self, step: &Step, deed: &Deed) -> f64 {
        let thing = self.thing(step, &[]);
        // By its id.
        if deed
            .words
            .iter()
            .any(|word| word.lower == step.id.as_str() && (word.what == What::Quoted || word.lower.contains('_')))
            || deed.said == step.id.as_str()
        {
            return 1.0;
        }
        if let Process::Tool { tool } = &step.process {
            let facts = self.cards.facts_of(tool);
            let verb = deed.verbs.iter().map(|verb| facts.does(verb)).fold(f64::NAN, f64::max);
            let phrases: Vec<&Phrase> = deed.objects.iter().collect();
            let mut best: f64 = 0.0;
            for phrase in phrases {
                let services = self.mentions(phrase);
                let service = if services.is_empty() {
                    1.0
                } else if facts.service.is_some_and(|service| services.weight(service).is_some()) {
                    1.05
                } else {
                    0.0
                };
                let words = content(phrase, &services);
                let words: Vec<String> = words.into_iter().filter(|word| !LEXICON.is("step", word)).collect();
                let mut object = if words.is_empty() && !services.is_empty() {
                    0.9
                } else {
                    thing.is_called(&words).max(facts.is_about(&words, &[], phrase.plural))
                };
                if let Some(implied) = deed.verb().and_then(|verb| LEXICON.implied(&verb.base)) {
                    object = object.max(facts.is_about(&[stem(implied)], &words, false));
                }
                if words.is_empty() && services.is_empty() && !verb.is_nan() {
                    // `write anything into the spreadsheet`
                    let inner = phrase.each_part().into_iter().skip(1).map(|part| content(part, &services));
                    let inner: Vec<Vec<String>> = inner.filter(|words| !words.is_empty()).collect();
                    let about = inner.iter().map(|words| thing.is_called(words).max(facts.is_about(words, &[], false)));
                    let told = inner.iter().any(|words| facts.tells_of(words));
                    let told = if told { 0.75 } else { 0.0 };
                    object = if inner.is_empty() { 0.6 } else { about.fold(told, f64::max) };
                }
                // Done with this service, whatever it is about.
                if service > 1.0 && verb >= 0.9 {
                    object = object.max(0.6);
                }
                best = best.max(object * service);
            }
            if deed.objects.is_empty() && !verb.is_nan() {
                best = 0.8;
            }
            return if verb.is_nan() { best } else { best * verb };
        }
        if matches!(step.process, Process::Wait(_)) && deed.is_verb(&["wait", "pause"]) {
            return 0.9;
        }
        // By the words of what is asked of a person or an agent.
        let own = &thing.objects[0];
        let mut words: Vec<String> = condition::stems(&deed.words);
        words.extend(deed.verbs.iter().map(|verb| stem(&verb.base)));
        let words: Vec<&String> = words.iter().filter(|word| !LEXICON.is("step", word)).collect();
        if words.is_empty() {
            return 0.0;
        }
        let hit = words.iter().filter(|word| own.iter().any(|other| LEXICON.alike(word, other) > 0.6)).count();
        #[expect(clippy::cast_precision_loss, reason = "a handful of words")]
        let share = hit as f64 / words.len() as f64;
        if matches!(step.process, Process::Branch { .. } | Process::ForEach(_) | Process::Repeat(_)) {
            share * 0.5
        } else {
            share * 0.95
        }
    }

    /// The steps of the workflow that a deed may mean, with how well, the best first.
    pub(in super::super) fn meant(&self, deed: &Deed) -> Vec<(StepId, f64)> {
        let mut found = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let score = self.is_meant(step, deed);
            if score >= 0.45 {
                found.push((step.id.clone(), score));
            }
        });
        found.sort_by(|one: &(StepId, f64), other| other.1.total_cmp(&one.1));
        found
    }
}
