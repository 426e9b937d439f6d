//! What there is to speak of: the steps of the workflow and those that were just planned, and how words refer to them.

mod expressions;
mod meant;
mod settings;
mod wanted;

use std::collections::HashMap;

use super::cards::{Cards, Mentioned, Wanted, content};
use super::condition;
use super::draft::{self, Draft, Spot};
use super::grammar::{Deed, Part};
use super::hear::Setting;
use super::lexicon::{LEXICON, stem};
use super::phrase::Phrase;
use super::sources::Known;
use super::tokens::Token;
use super::{Ambiguity, Card, Evidence};
use crate::workflow::{Process, Step, StepId, Wait};
pub(super) use expressions::quoted;

/// Something that a step does or yields.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) step: StepId,
    /// What the step's verb comes to; `item` for what a loop goes through.
    pub(super) class: String,
    /// What it is about, the head last, in all the ways it may be called.
    pub(super) objects: Vec<Vec<String>>,
    /// What people call it.
    pub(super) noun: Vec<String>,
    pub(super) service: Option<usize>,
    /// True if it was spoken of as several.
    pub(super) plural: bool,
    /// The loops that it is in, outermost first.
    pub(super) loops: Vec<StepId>,
    /// How expressions name it.
    pub(super) expression: String,
    /// True if it comes after what is being planned, so that expressions cannot name it.
    pub(super) later: bool,
}

impl Thing {
    pub(super) fn is_item(&self) -> bool {
        self.class == "item"
    }

    /// True for what a loop can go through.
    pub(super) fn is_list(&self) -> bool {
        self.class == "retrieve" || self.class == "download"
    }

    /// How well words call it, from 0 to 1.
    pub(super) fn is_called(&self, stems: &[String]) -> f64 {
        let Some(head) = stems.last() else { return 0.0 };
        let of = |object: &Vec<String>| {
            let Some(last) = object.last() else { return 0.0 };
            let heads = LEXICON.alike(last, head);
            let all = object.iter().filter(|word| stems.iter().any(|stem| LEXICON.alike(word, stem) > 0.5)).count();
            #[expect(clippy::cast_precision_loss, reason = "a handful of words")]
            let covered = all as f64 / object.len() as f64;
            heads * (0.7 + 0.3 * covered)
        };
        self.objects.iter().map(of).fold(0.0, f64::max)
    }
}

/// What a call was made of.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) card: usize,
    pub(super) phrase: Phrase,
    pub(super) deed: Deed,
}

/// All that planning one request goes by.
pub(super) struct Scene<'a> {
    pub(super) cards: &'a Cards,
    pub(super) tools: &'a [Card],
    pub(super) draft: Draft,
    /// As it was said.
    pub(super) request: String,
    pub(super) things: Vec<Thing>,
    /// The tools that steps call.
    pub(super) tool_of: HashMap<StepId, String>,
    /// What the calls that were just planned were made of.
    pub(super) made: HashMap<StepId, Made>,
    /// How steps are to be carried out.
    pub(super) settings: Vec<(StepId, Setting)>,
    /// Services that are named anywhere in the request.
    pub(super) named: Mentioned,
    /// The service that has most of what is spoken of without one.
    pub(super) favourite: Option<usize>,
    /// Branches that had nothing behind their case before anything was asked.
    pub(super) untouched_branches: Vec<StepId>,
    /// The steps behind the condition that the sentence speaks of.
    pub(super) within: Vec<StepId>,
    /// Steps that get another id.
    pub(super) renames: Vec<(StepId, StepId)>,
    /// What is known of values.
    pub(super) known: Known,
    pub(super) evidence: Vec<Evidence>,
    pub(super) questions: Vec<Ambiguity>,
    pub(super) assumptions: Vec<String>,
}

impl<'a> Scene<'a> {
    pub(super) fn of(cards: &'a Cards, tools: &'a [Card], draft: Draft) -> Self {
        let mut scene = Self {
            cards,
            tools,
            draft,
            request: String::new(),
            things: Vec::new(),
            tool_of: HashMap::new(),
            made: HashMap::new(),
            settings: Vec::new(),
            named: Mentioned::default(),
            favourite: None,
            untouched_branches: Vec::new(),
            within: Vec::new(),
            renames: Vec::new(),
            known: Known::default(),
            evidence: Vec::new(),
            questions: Vec::new(),
            assumptions: Vec::new(),
        };
        scene.known.given = scene.draft.workflow.inputs.keys().cloned().collect();
        let steps = scene.draft.workflow.steps.clone();
        scene.note_all(&steps, &[]);
        let mut empty = Vec::new();
        draft::each_step(&steps, &mut |step| {
            if let Process::Branch { cases } = &step.process
                && cases.keys().all(|case| scene.draft.arm(&step.id, case).is_empty())
            {
                empty.push(step.id.clone());
            }
        });
        scene.untouched_branches = empty;
        scene
    }

    /// Takes note of the services that a request names, and of the one that most of the rest is found in.
    pub(super) fn listen(&mut self, request: &str, sentences: &[&[Part]]) {
        request.clone_into(&mut self.request);
        self.named = self.cards.mentioned(&super::tokens::tokens(request));
        let mut found: HashMap<usize, (f64, usize)> = HashMap::new();
        let deeds = sentences.iter().copied().flatten().filter_map(|part| match part {
            Part::Do(deed) => Some(deed),
            _ => None,
        });
        for deed in deeds {
            for phrase in deed.objects.iter().filter(|phrase| self.mentions(phrase).is_empty() && !phrase.pronoun) {
                let object = content(phrase, &Mentioned::default());
                for verb in &deed.verbs {
                    let wanted = Wanted { verb: Some(verb.clone()), object: object.clone(), ..Wanted::default() };
                    let mut best: HashMap<usize, f64> = HashMap::new();
                    for ranked in self.cards.rank(&wanted).iter().filter(|ranked| ranked.fit >= 0.5) {
                        if let Some(service) = self.cards.facts(ranked.card).service {
                            let known = best.entry(service).or_insert(ranked.fit);
                            *known = known.max(ranked.fit);
                        }
                    }
                    for (service, fit) in best {
                        let sum = found.entry(service).or_default();
                        *sum = (sum.0 + fit, sum.1 + 1);
                    }
                }
            }
        }
        // One thing alone says nothing of where the rest is.
        let best = found
            .into_iter()
            .filter(|(_, (_, times))| *times > 1)
            .max_by(|(one, a), (other, b)| a.0.total_cmp(&b.0).then(other.cmp(one)));
        self.favourite = best.map(|(service, _)| service);
    }

    pub(super) fn assume(&mut self, sentence: String) {
        if !self.assumptions.contains(&sentence) {
            self.assumptions.push(sentence);
        }
    }

    /// Takes note of the steps of a workflow.
    fn note_all(&mut self, steps: &[Step], loops: &[StepId]) {
        for step in steps {
            let thing = self.thing(step, loops);
            self.things.push(thing);
            if let Process::Tool { tool } = &step.process {
                self.tool_of.insert(step.id.clone(), tool.clone());
            }
            if let Process::ForEach(for_each) = &step.process {
                let mut inner = loops.to_vec();
                inner.push(step.id.clone());
                let text = for_each.items.as_str().unwrap_or_default();
                let source = self
                    .things
                    .iter()
                    .rev()
                    .find(|thing| thing.is_list() && text.contains(&format!("steps.{}.", thing.step)))
                    .cloned();
                let item = Self::item(&step.id, &for_each.item_name, source.as_ref(), &inner);
                self.things.push(item);
                self.note_all(&for_each.steps, &inner);
            } else if let Some(body) = step.process.body() {
                let mut inner = loops.to_vec();
                inner.push(step.id.clone());
                self.note_all(body, &inner);
            }
        }
    }

    /// What a loop goes through, one by one.
    pub(super) fn item(id: &StepId, name: &str, source: Option<&Thing>, loops: &[StepId]) -> Thing {
        let words: Vec<String> = name.split('_').map(str::to_owned).collect();
        let mut objects = vec![words.iter().map(|word| stem(word)).collect()];
        objects.extend(source.iter().flat_map(|source| source.objects.clone()));
        Thing {
            step: id.clone(),
            class: "item".into(),
            objects,
            noun: words,
            service: source.and_then(|source| source.service),
            plural: false,
            loops: loops.to_vec(),
            expression: name.to_owned(),
            later: false,
        }
    }

    /// What a step does.
    pub(super) fn thing(&self, step: &Step, loops: &[StepId]) -> Thing {
        let expression = format!("steps.{}.output", step.id);
        let from_words = |class: &str, text: &str| {
            let words: Vec<String> = words_of(text);
            Thing {
                step: step.id.clone(),
                class: class.into(),
                objects: vec![words.iter().map(|word| stem(word)).collect()],
                noun: words,
                service: None,
                plural: false,
                loops: loops.to_vec(),
                expression: expression.clone(),
                later: false,
            }
        };
        match &step.process {
            Process::Tool { tool } => {
                let facts = self.cards.facts_of(tool);
                let mut objects = facts.objects.clone();
                objects.push(words_of(step.id.as_str()).iter().map(|word| stem(word)).collect());
                Thing {
                    step: step.id.clone(),
                    plural: facts.yields_several(),
                    class: facts.class,
                    objects,
                    noun: facts.noun,
                    service: facts.service,
                    loops: loops.to_vec(),
                    expression,
                    later: false,
                }
            }
            Process::Human(human) => from_words("human", &human.ask),
            Process::Agent { goal, .. } => from_words("agent", goal),
            Process::Model { prompt, .. } => from_words("model", prompt),
            Process::Workflow { workflow, .. } => from_words("workflow", workflow),
            Process::Branch { cases } => from_words("branch", &cases.values().cloned().collect::<Vec<_>>().join(" ")),
            Process::Wait(Wait::Event { name, .. }) => from_words("wait", name),
            other => from_words(other.kind(), step.id.as_str()),
        }
    }

    /// True if something can be named from within these loops.
    pub(super) fn is_visible(thing: &Thing, loops: &[StepId]) -> bool {
        !thing.later
            && thing.loops.len() <= loops.len()
            && thing.loops.iter().zip(loops).all(|(one, other)| one == other)
    }

    /// What is called by these words, the latest of the best.
    pub(super) fn called(&self, stems: &[String], loops: &[StepId], which: impl Fn(&Thing) -> bool) -> Option<&Thing> {
        let visible = self.things.iter().filter(|thing| Self::is_visible(thing, loops) && which(thing));
        let scored = visible.map(|thing| (thing, thing.is_called(stems)));
        scored
            .filter(|(_, score)| *score >= 0.5)
            .fold(None, |best: Option<(&Thing, f64)>, (thing, score)| match best {
                Some((_, most)) if most > score + 0.01 => best,
                _ => Some((thing, score)),
            })
            .map(|(thing, _)| thing)
    }

    /// What was spoken of last.
    pub(super) fn latest(&self, loops: &[StepId], which: impl Fn(&Thing) -> bool) -> Option<&Thing> {
        self.things.iter().rev().find(|thing| {
            Self::is_visible(thing, loops)
                && !matches!(thing.class.as_str(), "branch" | "for_each" | "repeat" | "wait" | "human")
                && which(thing)
        })
    }

    /// True if a condition speaks of what is in these loops.
    pub(super) fn speaks_of(tokens: &[Token], things: &[Thing]) -> bool {
        let stems = condition::stems(tokens);
        let pronoun = tokens.iter().any(|token| token.is("pronoun") || matches!(token.lower.as_str(), "its" | "their"));
        pronoun
            || stems.iter().any(|word| things.iter().any(|thing| thing.is_called(std::slice::from_ref(word)) >= 0.6))
    }

    /// Hides what comes after a place from expressions.
    pub(super) fn look_from(&mut self, spot: &Spot) {
        let last = |things: &[Thing], step: &StepId| {
            things.iter().rposition(|thing| thing.step == *step || thing.loops.contains(step))
        };
        let first = |things: &[Thing], step: &StepId| things.iter().position(|thing| thing.step == *step);
        let seen = match spot {
            Spot::Start(None) => 0,
            Spot::End(None) => self.things.len(),
            Spot::Start(Some(id)) => first(&self.things, id).map_or(0, |at| at + 2),
            Spot::Before(id) => first(&self.things, id).unwrap_or(0),
            Spot::End(Some(id)) | Spot::After(id) | Spot::Failure(id) => last(&self.things, id).map_or(0, |at| at + 1),
            Spot::Arm(id, outcome) => {
                let arm = self.draft.arm(id, outcome);
                let ends = arm.iter().filter_map(|step| last(&self.things, step)).max();
                ends.or_else(|| first(&self.things, id)).map_or(0, |at| at + 1)
            }
        };
        for (at, thing) in self.things.iter_mut().enumerate() {
            thing.later = at >= seen;
        }
    }

    /// Hides what some steps do from expressions, and says which were to be seen before.
    pub(super) fn hide_all(&mut self, which: impl Fn(&StepId) -> bool) -> Vec<StepId> {
        let seen = self.things.iter_mut().filter(|thing| !thing.later && !thing.is_item() && which(&thing.step));
        seen.map(|thing| {
            thing.later = true;
            thing.step.clone()
        })
        .collect()
    }

    /// Shows all again.
    pub(super) fn look_from_the_end(&mut self) {
        self.things.iter_mut().for_each(|thing| thing.later = false);
    }
}

/// The telling words of a text, in lower case.
pub(super) fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| {
            !word.is_empty()
                && !LEXICON.is("determiner", word)
                && !LEXICON.is("preposition", word)
                && word != "and"
                && word != "item"
        })
        .collect()
}
