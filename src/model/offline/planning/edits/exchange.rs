//! One thing in the place of another: `replace X with Y`, `Y instead of X`, `Y instead`, `not X but Y`.

use super::super::Evidence;
use super::super::cards::{Wanted, content};
use super::super::draft::{self, Node, Spot};
use super::super::grammar::{Deed, Part};
use super::super::lexicon::LEXICON;
use super::super::scene::Scene;
use super::super::tokens::{Token, What};
use super::{Target, literals, target};
use crate::workflow::{Outcome, Process, Step, StepId};

impl Scene<'_> {
    /// `replace X with Y`, `Y instead of X`, `Y instead`, `not X but Y`
    pub(super) fn exchange(&mut self, parts: &[Part]) -> bool {
        let deeds: Vec<&Deed> =
            parts.iter().filter_map(|part| if let Part::Do(deed) = part { Some(deed) } else { None }).collect();
        let olds: Vec<&Deed> = parts
            .iter()
            .filter_map(|part| if let Part::InsteadOf(deed) | Part::Not(deed) = part { Some(deed) } else { None })
            .collect();
        let instead = parts.iter().any(|part| matches!(part, Part::Instead | Part::InsteadOf(_)));
        if let Some(done) = deeds.iter().find_map(|deed| self.set_bound(deed)) {
            return done;
        }
        // `use Drive for the folder`
        if let [deed] = deeds.as_slice()
            && olds.is_empty()
            && deed.verb().is_some_and(|verb| LEXICON.edits("use", &verb.base))
            && let Some(at) = deed.words.iter().position(|word| word.lower == "for")
            && !self.cards.mentioned(&deed.words[..at]).is_empty()
            && at + 1 < deed.words.len()
        {
            return self.put_instead(&deed.words[at + 1..], &deed.words[..at]);
        }
        if let Some(deed) = deeds.iter().find(|deed| is_exchange(deed)) {
            let Some((old, new)) = sides(deed) else { return false };
            // `change it to` something speaks of a thing, unless both sides are steps, services or constants.
            let change = LEXICON.edits("change", &deed.verbs[0].base) && !LEXICON.edits("replace", &deed.verbs[0].base);
            if change && !self.exchanges_known(&old, &new) {
                return false;
            }
            return self.put_instead(&old, &new);
        }
        match (olds.first(), deeds.last()) {
            (Some(old), Some(new)) => {
                // `don't create an issue, just creating a task is fine`: it is there already.
                let (found, replaced) = (self.meant(new), self.meant(old));
                let there = found.first().is_some_and(|(id, score)| {
                    *score >= 0.7 && replaced.first().is_none_or(|(old, most)| old != id || most < score)
                });
                let named = instead && !there;
                if there && !instead {
                    return self.drop_steps(&target(&old.words_with_verbs()), true);
                }
                if named || !there {
                    // `use an update instead of the creation`
                    let uses = new.verbs.iter().all(|verb| LEXICON.edits("use", &verb.base)) && !new.verbs.is_empty();
                    let new = if uses { new.words.clone() } else { new.words_with_verbs() };
                    return self.put_instead(&old.words_with_verbs(), &new);
                }
                self.drop_steps(&target(&old.words_with_verbs()), true)
            }
            (None, Some(new)) if instead => {
                let behind = parts.iter().find_map(|part| {
                    if let Part::If(condition) | Part::When(condition, _) = part {
                        self.branch_for(condition)
                    } else {
                        None
                    }
                });
                let behind = behind.map(|(branch, outcome, _)| self.draft.arm(&branch, &outcome));
                self.put_instead_of_the_likest(new, behind.as_deref())
            }
            _ => false,
        }
    }

    /// True if both sides of a change are known: steps, services, or constants of a condition.
    pub(super) fn exchanges_known(&self, old: &[Token], new: &[Token]) -> bool {
        let services = |tokens: &[Token]| !self.cards.mentioned(tokens).is_empty();
        let steps = || {
            // `change the comment to an issue`: the one is there, and the other can be made in its place.
            let (old, new) = (target(old), target(new));
            let there = self.meant(&old.deed).first().is_some_and(|(_, score)| *score >= 0.6);
            let made = new.deed.objects.first().zip(LEXICON.verb("create"));
            let verbs = old.deed.verbs.is_empty() && new.deed.verbs.is_empty();
            there && verbs && made.is_some_and(|(phrase, verb)| self.tool(&verb, phrase, &[]).is_some())
        };
        self.constant(old).is_some()
            || (services(old) && services(new))
            || old.iter().any(|token| token.is("step"))
            || (new.first().is_some_and(|token| token.is("determiner")) && steps())
    }

    /// `raise the limit to 500`, `change the priority to critical`: what the only branch that speaks of it compares with.
    fn set_bound(&mut self, deed: &Deed) -> Option<bool> {
        let is_set = |verb: &str| {
            matches!(
                verb,
                "set"
                    | "change"
                    | "raise"
                    | "lower"
                    | "increase"
                    | "decrease"
                    | "reduce"
                    | "adjust"
                    | "update"
                    | "make"
                    | "bump"
            )
        };
        if !deed.verb().is_some_and(|verb| is_set(&verb.base)) {
            return None;
        }
        // `make it 10`
        let it = deed.verb().is_some_and(|verb| verb.base == "make")
            && deed.words.first().is_some_and(|word| word.is("pronoun"));
        let it = it && deed.words.get(1).is_some_and(|word| word.what == What::Number);
        let to = deed.words.iter().rposition(|word| matches!(word.lower.as_str(), "to" | "at")).or(it.then_some(0))?;
        let (old, new) = (if it { &deed.words[..1] } else { &deed.words[..to] }, &deed.words[to + 1..]);
        let named: Vec<&Token> =
            old.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("preposition")).collect();
        let number = new.iter().any(|word| word.what == What::Number);
        let bound = number && (it || named.iter().any(|word| word.is("bound")));
        if named.is_empty() || new.is_empty() || !(bound || named.iter().all(|word| word.is("property"))) {
            return None;
        }
        let mut found = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Branch { cases } = &step.process else { return };
            for (case, expression) in cases {
                let words = super::super::scene::words_of(expression);
                let speaks = bound || named.iter().all(|word| words.contains(&word.lower));
                if let [literal] = literals(expression).as_slice()
                    && speaks
                    && literal.parse::<f64>().is_ok() == number
                {
                    found.push((step.id.clone(), case.clone(), literal.clone()));
                }
            }
        });
        match found.as_slice() {
            [(step, case, literal)] => Some(self.compare_with(step, case, literal, new)),
            _ => None,
        }
    }

    /// A branch that compares with what these words say, and the constant.
    pub(super) fn constant(&self, words: &[Token]) -> Option<(StepId, Outcome, String)> {
        let said: Vec<&Token> =
            words.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("property")).collect();
        let mut found = None;
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Branch { cases } = &step.process else { return };
            for (case, expression) in cases {
                let literal = said
                    .iter()
                    .find(|word| literals(expression).iter().any(|literal| literal.to_lowercase() == word.lower));
                if let Some(literal) = literal {
                    found.get_or_insert((step.id.clone(), case.clone(), literal.text.clone()));
                }
            }
        });
        found
    }

    pub(super) fn put_instead(&mut self, old: &[Token], new: &[Token]) -> bool {
        let new = without_one(new);
        let (old_target, new_target) = (target(old), target(new));
        let old_services = self.cards.mentioned(old);
        let new_services = self.cards.mentioned(new);
        // `hot` instead of `cold`
        if old_services.is_empty()
            && let Some((step, case, literal)) = self.constant(old)
            && self.meant(&old_target.deed).first().is_none_or(|(_, score)| *score < 0.7)
        {
            return self.compare_with(&step, &case, &literal, new);
        }
        let only_service = |target: &Target, services: &super::super::cards::Mentioned| {
            !services.is_empty()
                && target.deed.verbs.iter().all(|verb| LEXICON.edits("use", &verb.base))
                && target.deed.objects.iter().all(|phrase| {
                    phrase.words.iter().all(|word| services.covers(word) || word.is("generic") || word.is("step"))
                })
        };
        if only_service(&old_target, &old_services) {
            let mut steps = Vec::new();
            draft::each_step(&self.draft.workflow.steps, &mut |step| {
                if let Process::Tool { tool } = &step.process
                    && self.cards.facts_of(tool).service.is_some_and(|service| old_services.weight(service).is_some())
                {
                    steps.push(step.id.clone());
                }
            });
            // A whole service gives way to another; one step alone, to anything.
            let fits = only_service(&new_target, &new_services) || steps.len() == 1;
            if !steps.is_empty() && !fits {
                return false;
            }
            if !steps.is_empty() {
                let mut done = false;
                for step in steps {
                    done |= if only_service(&new_target, &new_services) {
                        self.take_to(&step, &new_services)
                    } else {
                        self.replace(&step, &new_target.deed)
                    };
                }
                return done;
            }
        }
        let chosen = self.choose(&old_target, true);
        if chosen.is_empty() {
            return !self.questions.is_empty();
        }
        let mut done = false;
        for (at, step) in chosen.iter().enumerate() {
            done |= if only_service(&new_target, &new_services) {
                self.take_to(step, &new_services)
            } else if at == 0 || old_target.plural {
                self.replace(step, &new_target.deed)
            } else {
                false
            };
        }
        done
    }

    pub(super) fn compare_with(&mut self, step: &StepId, case: &Outcome, literal: &str, new: &[Token]) -> bool {
        let value = new
            .iter()
            .find(|word| word.what == What::Quoted)
            .or_else(|| new.iter().find(|word| word.what == What::Number))
            .or_else(|| new.iter().rev().find(|word| word.is_word() && !word.is("determiner") && !word.is("property")));
        let Some(value) = value.map(|word| word.text.clone()) else { return false };
        let Some(Step { process: Process::Branch { cases }, .. }) = self.draft.step_mut(step) else { return false };
        let Some(expression) = cases.get_mut(case) else { return false };
        let number = value.parse::<f64>().is_ok();
        let to = if number { value.clone() } else { super::super::scene::quoted(&value) };
        for from in [format!("'{literal}'"), format!("\"{literal}\""), literal.to_owned()] {
            if expression.contains(&from) {
                *expression = expression.replacen(&from, &to, 1);
                break;
            }
        }
        self.note(step, &value, 0.8);
        true
    }

    /// The same step, done with another service.
    pub(super) fn take_to(&mut self, id: &StepId, services: &super::super::cards::Mentioned) -> bool {
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
                new.objects = vec![super::super::phrase::Phrase { words, places, ..Default::default() }];
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
            self.things.push(super::super::scene::Thing {
                service: Some(service),
                class: "branch".into(),
                loops: loops.to_vec(),
                ..thing
            });
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

    /// `Y instead`: in the place of the step that is most like it.
    pub(super) fn put_instead_of_the_likest(&mut self, new: &Deed, among: Option<&[StepId]>) -> bool {
        let mut best: Option<(StepId, f64)> = None;
        let loops: Vec<StepId> = Vec::new();
        let Some(phrase) = new.objects.first() else { return false };
        let services = self.mentions(phrase);
        let words = content(phrase, &services);
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Tool { tool } = &step.process else { return };
            if among.is_some_and(|among| !among.contains(&step.id)) {
                return;
            }
            let facts = self.cards.facts_of(tool);
            let verb = new.verb().map_or(0.5, |verb| facts.does(verb));
            let object = facts.is_about(&words, &[], phrase.plural);
            let same_service = facts.service.is_some_and(|service| services.weight(service).is_some());
            // Exactly what is there already is not to be exchanged for itself.
            let score = if verb > 0.9 && object > 0.9 && same_service && !services.is_empty() {
                0.0
            } else {
                verb + object * 1.2 + if same_service { 0.3 } else { 0.0 }
            };
            if best.as_ref().is_none_or(|(_, most)| score >= *most) && score > 0.5 {
                best = Some((step.id.clone(), score));
            }
        });
        let _ = loops;
        match best {
            Some((id, _)) => self.replace(&id, new),
            None => false,
        }
    }
}

/// `a GitLab one` is GitLab's.
fn without_one(words: &[Token]) -> &[Token] {
    match words {
        [before @ .., last]
            if matches!(last.lower.as_str(), "one" | "ones") && before.iter().any(Token::is_capital) =>
        {
            before
        }
        _ => words,
    }
}

/// `replace X with Y` and its like.
fn is_exchange(deed: &Deed) -> bool {
    deed.verb().is_some_and(|verb| LEXICON.edits("replace", &verb.base) || LEXICON.edits("change", &verb.base))
        && sides(deed).is_some()
}

/// What is exchanged for what.
fn sides(deed: &Deed) -> Option<(Vec<Token>, Vec<Token>)> {
    let base = deed.verb()?.base.as_str();
    let joints: &[&str] = match base {
        "substitute" => &["for", "with", "by"],
        "swap" | "exchange" => &["with", "for", "by"],
        "change" | "switch" | "convert" => &["to", "into", "with"],
        _ => &["with", "by", "for"],
    };
    let words = &deed.words;
    let at = joints.iter().find_map(|joint| {
        // The last joint with something on both sides; a step may be described with another.
        (1..words.len().saturating_sub(1)).find(|at| {
            words[*at].lower == *joint && words[*at].what == What::Word && !(*joint == "to" && words[at - 1].is("step"))
        })
    })?;
    let (left, right) = (words[..at].to_vec(), words[at + 1..].to_vec());
    let left: Vec<Token> = left.into_iter().skip_while(|word| word.lower == "from" || word.lower == "out").collect();
    // `substitute Y for X`
    if base == "substitute" && words[at].lower == "for" { Some((right, left)) } else { Some((left, right)) }
}
