//! Which tools matter for a request, so that only these are looked at: by the same words and the same measure as in planning.

use std::collections::HashSet;

use super::cards::{Cards, Wanted};
use super::draft::{self, Draft};
use super::grammar::{Deed, Part};
use super::hear::hear;
use super::lexicon::{Form, LEXICON, Verb};
use super::named::british;
use super::phrase::Phrase;
use super::scene::Scene;
use super::{Card, empty, spelling};
use crate::workflow::{Process, Workflow};

/// The most tools that are looked at because they are called by a verb.
const MOST_CALLED: usize = 4;

/// Tools, made ready once to be asked often.
#[derive(Debug)]
pub struct Index {
    cards: Cards,
}

impl Index {
    /// Makes tools ready.
    #[must_use]
    pub fn new<'c>(cards: impl Iterator<Item = &'c Card>) -> Self {
        Self { cards: Cards::new(cards) }
    }

    /// The places of the tools that matter for a request about a workflow, the likeliest first, `most` at most.
    #[must_use]
    pub fn relevant(&self, request: &str, workflow: Option<&Workflow>, most: usize) -> Vec<usize> {
        let mut scene = Scene::of(&self.cards, &[], Draft::of(workflow.cloned().unwrap_or_else(empty)));
        let (request, _) = spelling::mended(request, &self.cards, workflow);
        let heard = hear(&request);
        let sentences: Vec<&[Part]> = heard.sentences.iter().map(|sentence| sentence.parts.as_slice()).collect();
        scene.listen(&request, &sentences);
        let mut queries = Vec::new();
        for part in sentences.iter().copied().flatten() {
            match part {
                Part::Do(deed)
                | Part::Not(deed)
                | Part::Before(deed)
                | Part::After(deed)
                | Part::InsteadOf(deed)
                | Part::Except(deed)
                | Part::When(_, deed) => {
                    Self::ask_deed(&scene, deed, &mut queries);
                }
                Part::Each(phrase) => queries.push(scene.wanted(Some(&verb("retrieve")), phrase, &[])),
                Part::If(_)
                | Part::Otherwise
                | Part::BeforeThat
                | Part::Then
                | Part::First
                | Part::Last
                | Part::Instead
                | Part::Also
                | Part::InLoop
                | Part::AfterLoop
                | Part::Parallel => {}
            }
        }
        Self::ask_pronouns(&scene, &sentences, &mut queries);
        let mut found = Merged { seen: HashSet::new(), order: Vec::new(), most };
        let mut used = Vec::new();
        if let Some(workflow) = workflow {
            self.ask_workflow(&scene, workflow, &mut queries, &mut used);
        }
        found.add(used.into_iter());
        // Tools that are called by what is to be done, whatever it is done to.
        let verbs = sentences.iter().copied().flatten().filter_map(|part| match part {
            Part::Do(deed) | Part::Before(deed) | Part::After(deed) => Some(&deed.verbs),
            _ => None,
        });
        for verb in verbs.flatten().filter(|verb| verb.class.is_none()) {
            found.add(self.cards.called(&british(&verb.base)).take(MOST_CALLED));
        }
        let ranked: Vec<Vec<usize>> = queries
            .iter()
            .map(|wanted| self.cards.rank(wanted).into_iter().map(|found| found.card).take(most).collect())
            .collect();
        // The best of each, then the second of each, and so on.
        for place in 0..most {
            found.add(ranked.iter().filter_map(|ranked| ranked.get(place).copied()));
        }
        found.order
    }

    fn ask_deed(scene: &Scene<'_>, deed: &Deed, queries: &mut Vec<Wanted>) {
        // A verb that speaks of the workflow may be about anything.
        let any = || ["create", "retrieve", "update", "send"].map(verb);
        let of_workflow = |verb: &Verb| LEXICON.edits("replace", &verb.base) || LEXICON.edits("use", &verb.base);
        let unknown: Vec<Verb> = deed.verbs.iter().filter(|verb| !of_workflow(verb)).cloned().collect();
        let verbs: Vec<Verb> = if deed.verbs.iter().any(|verb| verb.class.is_some()) {
            deed.verbs.clone()
        } else {
            [unknown, any().to_vec()].concat()
        };
        if deed.objects.is_empty() {
            queries.extend(verbs.iter().map(|verb| scene.wanted(Some(verb), &Phrase::default(), &[])));
        }
        for phrase in &deed.objects {
            for verb in &verbs {
                queries
                    .extend(scene.one_service_each(phrase).iter().map(|phrase| scene.wanted(Some(verb), phrase, &[])));
            }
            // `the employee list`: the employees.
            if let [before @ .., last] = phrase.words.as_slice()
                && !before.is_empty()
                && last.is("collection")
            {
                let of = Phrase { words: before.to_vec(), plural: true, ..phrase.clone() };
                queries.push(scene.wanted(Some(&verb("retrieve")), &of, &[]));
            }
            let sends = verbs.iter().any(|verb| verb.class.as_deref() == Some("send"));
            let lists = phrase.plural || phrase.all || phrase.each || (sends && phrase.definite);
            let takes = !verbs.iter().any(|verb| verb.class.as_deref() == Some("retrieve"));
            if lists && takes {
                queries.push(scene.wanted(Some(&verb("retrieve")), &source(phrase), &[]));
            }
            for part in phrase.each_part().into_iter().skip(1) {
                let owner = scene.wanted(verbs.first(), part, &[]);
                if !owner.object.is_empty() {
                    queries.push(owner);
                    if part.new || part.plural {
                        queries.push(scene.wanted(
                            Some(&verb(if part.new { "create" } else { "retrieve" })),
                            part,
                            &[],
                        ));
                    }
                }
            }
            // What the service that is named has of it otherwise, and what is in it.
            let mut any = scene.wanted(None, phrase, &[]);
            if any.services.is_empty() {
                continue;
            }
            any.verb = Some(verb("retrieve"));
            any.object.push("item".to_owned());
            queries.push(any);
        }
    }

    /// `delete it` may be about whatever was spoken of before.
    fn ask_pronouns(scene: &Scene<'_>, sentences: &[&[Part]], queries: &mut Vec<Wanted>) {
        let mut spoken_of: Vec<Phrase> = Vec::new();
        let mut deeds = Vec::new();
        for part in sentences.iter().copied().flatten() {
            match part {
                Part::Do(deed) | Part::Not(deed) | Part::Before(deed) | Part::After(deed) => deeds.push(deed),
                Part::Each(phrase) => spoken_of.push(phrase.clone()),
                _ => {}
            }
        }
        spoken_of.extend(
            deeds
                .iter()
                .flat_map(|deed| &deed.objects)
                .flat_map(Phrase::each_part)
                .filter(|phrase| !phrase.pronoun && !phrase.words.is_empty())
                .cloned(),
        );
        for deed in deeds {
            let unsaid = deed.objects.is_empty()
                || deed.objects.iter().any(|phrase| {
                    phrase.pronoun || phrase.owned || phrase.words.iter().any(|word| word.is("property"))
                });
            if unsaid {
                let places: Vec<_> = deed.objects.iter().flat_map(|phrase| phrase.places.clone()).collect();
                for phrase in spoken_of.iter().take(5) {
                    let there = Phrase { places: places.clone(), ..phrase.clone() };
                    queries.extend(
                        deed.verbs
                            .iter()
                            .flat_map(|verb| [phrase, &there].map(|phrase| scene.wanted(Some(verb), phrase, &[]))),
                    );
                }
            }
        }
    }

    /// The tools that a workflow calls, and those that would do the same with the services that are named.
    fn ask_workflow(&self, scene: &Scene<'_>, workflow: &Workflow, queries: &mut Vec<Wanted>, used: &mut Vec<usize>) {
        let context = scene.context(&[]);
        // Many steps do the same to the same kind of thing.
        let mut asked = HashSet::new();
        draft::each_step(&workflow.steps, &mut |step| {
            let Process::Tool { tool } = &step.process else { return };
            used.extend(self.cards.named(tool));
            let facts = self.cards.facts_of(tool);
            let object = facts.objects.last().cloned().unwrap_or_default();
            for verb in [verb(&facts.base), verb("update"), verb("retrieve")] {
                if !asked.insert((verb.base.clone(), object.clone())) {
                    continue;
                }
                let wanted =
                    Wanted { verb: Some(verb), object: object.clone(), context: context.clone(), ..Wanted::default() };
                if !scene.named.is_empty() {
                    queries.push(Wanted { services: scene.named.clone(), ..wanted.clone() });
                }
                queries.push(wanted);
            }
        });
    }
}

pub(super) fn verb(base: &str) -> Verb {
    LEXICON.verb(base).unwrap_or_else(|| Verb { base: base.to_owned(), class: None, role: None, form: Form::Base })
}

/// Where things come from, without where they go to.
fn source(phrase: &Phrase) -> Phrase {
    let mut source = phrase.clone();
    source.places.retain(|(preposition, _)| !matches!(preposition.as_str(), "to" | "into" | "onto"));
    source
}

struct Merged {
    seen: HashSet<usize>,
    order: Vec<usize>,
    most: usize,
}

impl Merged {
    fn add(&mut self, cards: impl Iterator<Item = usize>) {
        for card in cards {
            if self.order.len() < self.most && self.seen.insert(card) {
                self.order.push(card);
            }
        }
    }
}
