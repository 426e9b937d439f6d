//! Which steps of the workflow words speak of.

use super::super::cards::content;
use super::super::condition::{self};
use super::super::draft::{self};
use super::super::grammar::Deed;
use super::super::lexicon::{LEXICON, Verb, stem};
use super::super::phrase::Phrase;
use super::super::slots::name_stems;
use super::super::tokens::What;
use super::{Scene, Thing, words_of};
use crate::workflow::{Process, Step, StepId};

/// How well a step is called by words that only its tool's description has.
const TOLD: f64 = 0.454;

/// What a step is called, and what it is given.
struct OwnWords {
    /// The stems of its id and its name.
    called: Vec<String>,
    /// Those of what its tool works on.
    works_on: Vec<String>,
    /// Those of the constants in its input.
    given: Vec<String>,
}

impl OwnWords {
    fn of(step: &Step, objects: &[Vec<String>]) -> Self {
        let stems = |text: &str| words_of(text).iter().map(|word| stem(word)).collect::<Vec<_>>();
        let mut called = stems(step.id.as_str());
        called.extend(step.name.as_deref().map(stems).unwrap_or_default());
        let texts = step.input.values().filter_map(serde_json::Value::as_str).filter(|text| !text.contains("{{"));
        Self { called, works_on: objects.concat(), given: texts.flat_map(stems).collect() }
    }

    /// How well all of these words speak of it: most by what it is called, less by what it is given.
    fn speak_of(&self, words: &[String]) -> f64 {
        let is_in = |of: &[String], word: &String| of.iter().any(|own| LEXICON.alike(own, word) > 0.7);
        let known = |word: &String| {
            is_in(&self.called, word) || is_in(&self.works_on, word) || self.given.iter().any(|own| own == word)
        };
        if words.is_empty() || !words.iter().all(known) {
            return 0.0;
        }
        if words.iter().any(|word| self.called.contains(word)) { 0.95 } else { 0.7 }
    }

    /// Whether it is called by a verb: `post`, for what posts.
    fn do_it(&self, verb: &Verb) -> f64 {
        let [only] = self.called.as_slice() else { return 0.0 };
        if *only == stem(&verb.base) { 1.0 } else { 0.0 }
    }
}

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
            let own = OwnWords::of(step, &facts.objects);
            // `after the summary is made`: by what yields it.
            let makes = |verb: &Verb| verb.class.as_deref() == Some("create") && self.yields(&thing, &deed.objects);
            let does = |verb: &Verb| facts.does(verb).max(own.do_it(verb)).max(if makes(verb) { 0.8 } else { 0.0 });
            let verb = deed.verbs.iter().map(does).fold(f64::NAN, f64::max);
            // Just this verb is better than another that may come to the same.
            let is_its_own = deed.verbs.iter().any(|verb| verb.base == facts.base || own.do_it(verb) > 0.0);
            let exact = if is_its_own { 1.1 } else { 1.0 };
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
                let words: Vec<String> = words
                    .into_iter()
                    .filter(|word| {
                        !LEXICON.is("step", word) || facts.objects.iter().any(|object| object.contains(word))
                    })
                    .collect();
                let mut object = if words.is_empty() && !services.is_empty() {
                    0.9
                } else {
                    thing.is_called(&words).max(facts.is_about(&words, &[], phrase.plural)).max(own.speak_of(&words))
                };
                if self.yields(&thing, std::slice::from_ref(phrase)) {
                    object = object.max(0.8);
                }
                if facts.tells_of(&words) && !words.is_empty() {
                    object = object.max(TOLD);
                }
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
            return if verb.is_nan() { best } else { best * verb * exact };
        }
        if matches!(step.process, Process::Wait(_)) && deed.is_verb(&["wait", "pause"]) {
            return 0.9;
        }
        // `the approval`
        let kind = step.process.kind();
        let telling = || deed.words.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("step"));
        if deed.verbs.is_empty() && telling().count() > 0 && telling().all(|word| LEXICON.is(kind, &word.lower)) {
            return 0.9;
        }
        // By the words of what is asked of a person or an agent, and by what the step is called.
        let own: Vec<String> =
            thing.objects[0].iter().cloned().chain(words_of(step.id.as_str()).iter().map(|word| stem(word))).collect();
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

    /// Whether what a step yields has one of these names.
    fn yields(&self, thing: &Thing, objects: &[Phrase]) -> bool {
        let names: Vec<Vec<String>> = self.outputs_of(thing).iter().map(|name| name_stems(name)).collect();
        objects.iter().any(|phrase| {
            let words = content(phrase, &self.mentions(phrase));
            !words.is_empty() && names.contains(&words)
        })
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
