//! What there is to speak of: the steps of the workflow and those that were just planned, and how words refer to them.

use std::collections::HashMap;

use serde_json::json;

use super::cards::{Cards, Mentioned, Wanted, content};
use super::condition::{self, Compares, Condition, Constant, Test};
use super::draft::{self, Draft, Spot};
use super::grammar::{Deed, Part};
use super::hear::Setting;
use super::lexicon::{LEXICON, Verb, stem};
use super::phrase::Phrase;
use super::tokens::{Token, What};
use super::{Ambiguity, Card, Evidence};
use crate::workflow::{Process, Step, StepId, Wait};

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
    /// How steps are to be carried out.
    pub(super) settings: Vec<(StepId, Setting)>,
    /// Services that are named anywhere in the request.
    pub(super) named: Mentioned,
    /// The service that has most of what is spoken of without one.
    pub(super) favourite: Option<usize>,
    /// Branches that had nothing behind their case before anything was asked.
    pub(super) untouched_branches: Vec<StepId>,
    /// Steps that get another id.
    pub(super) renames: Vec<(StepId, StepId)>,
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
            settings: Vec::new(),
            named: Mentioned::default(),
            favourite: None,
            untouched_branches: Vec::new(),
            renames: Vec::new(),
            evidence: Vec::new(),
            questions: Vec::new(),
            assumptions: Vec::new(),
        };
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
                    plural: facts.class == "retrieve",
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

    /// The services that a phrase names, and those of what it is in.
    pub(super) fn mentions(&self, phrase: &Phrase) -> Mentioned {
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

    /// What is looked for to do something with a phrase.
    pub(super) fn wanted(&self, verb: Option<&Verb>, phrase: &Phrase, loops: &[StepId]) -> Wanted {
        let mut services = self.mentions(phrase);
        let mut object = content(phrase, &services);
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
        let mut context = self.context(loops);
        let mut plural = phrase.plural;
        if phrase.pronoun || object.is_empty() {
            let meant = if phrase.plural {
                self.latest(loops, |thing| thing.plural).or_else(|| self.latest(loops, |_| true))
            } else {
                self.latest(loops, |_| true)
            };
            // What somebody is asked about is spoken of, too.
            let asked = self
                .things
                .last()
                .filter(|thing| phrase.pronoun && thing.class == "human" && !thing.later && thing.plural);
            if let Some(thing) = asked {
                object = thing.objects.first().cloned().unwrap_or_default();
            } else if let Some(thing) = meant {
                object = thing.objects.first().cloned().unwrap_or_default();
                plural |= thing.plural;
                if services.is_empty()
                    && let Some(service) = thing.service
                {
                    context.clear();
                    context.insert(service, 1.0);
                    // What is done to it is done where it is; only a message about it is sent elsewhere.
                    let carried =
                        verb.is_some_and(|verb| matches!(verb.class.as_deref(), Some("send" | "create" | "upload")));
                    if phrase.pronoun && !carried {
                        services = Mentioned::of(service);
                    }
                }
            }
        }
        Wanted { verb: verb.cloned(), object, around, services, context, plural }
    }

    /// The services that were spoken of, by how near.
    pub(super) fn context(&self, loops: &[StepId]) -> HashMap<usize, f64> {
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

    /// A condition as an expression, for what is known in these loops.
    pub(super) fn expression(&mut self, condition: &Condition, loops: &[StepId]) -> String {
        let joint = if condition.any { " or " } else { " and " };
        let tests: Vec<String> = condition.tests.iter().map(|test| self.test(test, loops)).collect();
        let tests = if tests.is_empty() { vec!["true".to_owned()] } else { tests };
        format!("{{{{ {} }}}}", tests.join(joint))
    }

    fn test(&mut self, test: &Test, loops: &[StepId]) -> String {
        let stems: Vec<String> = condition::stems(&test.subject);
        let without_property: Vec<String> = stems
            .iter()
            .filter(|word| test.property.as_deref().is_none_or(|property| **word != stem(property)))
            .cloned()
            .collect();
        let innermost = loops.last();
        let item = self.things.iter().rev().find(|thing| thing.is_item() && Some(&thing.step) == innermost);
        let called = |thing: &Thing| {
            without_property.iter().map(|word| thing.is_called(std::slice::from_ref(word))).fold(0.0, f64::max)
        };
        let meant = self
            .things
            .iter()
            .rev()
            .filter(|thing| Self::is_visible(thing, loops) && thing.class != "branch" && thing.class != "for_each")
            .map(|thing| {
                (thing, called(thing) + if Some(&thing.step) == innermost && thing.is_item() { 0.005 } else { 0.0 })
            })
            .filter(|(_, score)| *score >= 0.5)
            // Of those that are called so, what the loop goes through, else the latest.
            .fold(None, |best: Option<(&Thing, f64)>, (thing, score)| match best {
                Some((_, most)) if most >= score => best,
                _ => Some((thing, score)),
            })
            .map(|(thing, _)| thing)
            .or_else(|| {
                if without_property.is_empty()
                    && test.subject.iter().any(|token| token.lower == "it" || token.lower == "its")
                {
                    self.latest(loops, |thing| thing.is_item() || !thing.is_list() || thing.loops.len() == loops.len())
                } else {
                    None
                }
            })
            .or(item)
            .or_else(|| self.latest(loops, |_| true))
            .cloned();
        let (base, consumed) = if let Some(thing) = &meant {
            let consumed: Vec<String> = without_property
                .iter()
                .filter(|word| thing.is_called(std::slice::from_ref(*word)) >= 0.5)
                .cloned()
                .collect();
            (thing.expression.clone(), consumed)
        } else {
            let name = self.draft.input(&["subject".to_owned()], json!({}));
            (format!("inputs.{name}"), Vec::new())
        };
        // What is left of the subject names the field, if no property does.
        let left: Vec<&Token> = test
            .subject
            .iter()
            .filter(|token| !condition::stems(std::slice::from_ref(*token)).is_empty())
            .filter(|token| {
                !consumed.contains(&token.stem)
                    && test.property.as_deref().is_none_or(|property| token.lower != property)
            })
            .filter(|token| !self.cards.mentioned(std::slice::from_ref(*token)).covers(token))
            .collect();
        let mut field: Vec<String> = left.iter().map(|token| token.lower.clone()).collect();
        field.extend(test.property.clone());
        if field.is_empty() && test.value != Constant::Nothing {
            // `is closed` says nothing of where that stands.
            field.push("status".into());
            let said = meant.map_or_else(|| "it".to_owned(), |thing| thing.noun.join(" "));
            self.assume(format!("Whether {said} is {} is read from its `status`.", shown(&test.value)));
        }
        let path = if field.is_empty() { base } else { format!("{base}.{}", draft::item_name(&field)) };
        let value = match &test.value {
            Constant::Text(said) => quoted(said),
            Constant::Number(number) => number.clone(),
            Constant::Nothing => "none".to_owned(),
            Constant::Truth(truth) => truth.to_string(),
            Constant::Failure => "'failed'".to_owned(),
        };
        match test.compares {
            Compares::Contains => format!("{value} in {path}"),
            compares => format!("{path} {} {value}", compares.sign()),
        }
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

    /// Shows all again.
    pub(super) fn look_from_the_end(&mut self) {
        self.things.iter_mut().for_each(|thing| thing.later = false);
    }

    /// Takes note of how a step is to be carried out: the one that is named, or that was spoken of last.
    pub(super) fn set(&mut self, setting: &Setting) {
        let deed = super::grammar::deed(&setting.of);
        let of_things = |thing: &&Thing| {
            let words =
                deed.objects.iter().flat_map(|phrase| content(phrase, &self.mentions(phrase))).collect::<Vec<_>>();
            !thing.is_item() && !words.is_empty() && thing.is_called(&words) >= 0.5
        };
        let named = self.meant(&deed).first().map(|(id, _)| id.clone()).filter(|_| !setting.of.is_empty());
        let named = named.or_else(|| self.things.iter().rev().find(of_things).map(|thing| thing.step.clone()));
        let latest = self
            .things
            .iter()
            .rev()
            .find(|thing| !thing.is_item() && thing.class != "branch")
            .map(|thing| thing.step.clone());
        if let Some(step) = named.or(latest) {
            if let Some(attempts) = setting.attempts {
                self.assume(format!("`{step}` is tried {attempts} times at most."));
            }
            self.settings.push((step, setting.clone()));
        }
    }

    /// How well a step is what a deed speaks of, from 0 to 1.
    pub(super) fn is_meant(&self, step: &Step, deed: &Deed) -> f64 {
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
                    object = 0.6;
                }
                best = best.max(object * service);
            }
            if deed.objects.is_empty() && !verb.is_nan() {
                best = 0.8;
            }
            return if verb.is_nan() { best } else { best * verb };
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
    pub(super) fn meant(&self, deed: &Deed) -> Vec<(StepId, f64)> {
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

fn shown(value: &Constant) -> String {
    match value {
        Constant::Text(text) => format!("“{text}”"),
        Constant::Number(number) => number.clone(),
        Constant::Truth(truth) => truth.to_string(),
        Constant::Nothing => "missing".into(),
        Constant::Failure => "failed".into(),
    }
}

/// A text in an expression.
pub(super) fn quoted(text: &str) -> String {
    format!(
        "'{}'",
        text.replace('\\', "\\\\")
            .replace('\'', "\\'")
            .replace("{{", "{ {")
            .replace("}}", "} }")
            .replace("{%", "{ %")
            .replace("%}", "% }")
    )
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
