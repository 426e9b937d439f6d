//! One thing in the place of another: `replace X with Y`, `Y instead of X`, `Y instead`, `not X but Y`.

use super::super::cards::content;
use super::super::draft;
use super::super::grammar::{Deed, Part};
use super::super::lexicon::LEXICON;
use super::super::phrase::Phrase;
use super::super::scene::Scene;
use super::super::tokens::{Token, What};
use super::{Target, target};
use crate::workflow::{Process, StepId};

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
        let service_alone = |deed: &&Deed| {
            let words = deed.words.iter().filter(|word| word.is_word() && !word.is("anymore"));
            let services = self.cards.mentioned(&deed.words);
            words.into_iter().all(|word| services.covers(word))
        };
        if let [deed] = deeds.as_slice()
            && olds.iter().all(service_alone)
            && deed.verb().is_some_and(|verb| LEXICON.edits("use", &verb.base))
            && let Some(at) = deed.words.iter().position(|word| word.lower == "for")
            && !self.cards.mentioned(&deed.words[..at]).is_empty()
            && at + 1 < deed.words.len()
        {
            return self.put_instead(&deed.words[at + 1..], &deed.words[..at]);
        }
        // `make it a card instead of a task` says itself what it takes the place of.
        let is_change = |deed: &&&Deed| is_exchange(deed) && (olds.is_empty() || !deed.is_verb(&["make"]));
        if let Some(deed) = deeds.iter().find(is_change) {
            let Some((old, new)) = sides(deed) else { return false };
            // `change it to` something speaks of a thing, unless both sides are steps, services or constants.
            let change = LEXICON.edits("change", &deed.verbs[0].base) && !LEXICON.edits("replace", &deed.verbs[0].base);
            if change && !self.exchanges_known(&old, &new) {
                return false;
            }
            return self.put_instead(&old, &new);
        }
        // `send the mail with another service`, where it is sent already
        if let [Part::Do(deed)] = parts
            && let Some(id) = self.done_elsewhere(deed)
        {
            let services = self.cards.mentioned(&deed.words);
            return self.take_to(&id, &services);
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

    /// The step that makes or sends just what a deed speaks of, where that names another service which can do it, too.
    fn done_elsewhere(&self, deed: &Deed) -> Option<StepId> {
        let [phrase] = deed.objects.as_slice() else { return None };
        let verb = deed.verb().filter(|verb| matches!(verb.class.as_deref(), Some("create" | "send")))?;
        let services = self.mentions(phrase);
        if !phrase.definite || phrase.new || phrase.plural || services.is_empty() {
            return None;
        }
        let places = phrase.places.iter().filter(|(_, place)| self.cards.mentioned(&place.words).is_empty()).cloned();
        let plain = Phrase { places: places.collect(), ..phrase.clone() };
        if !self.mentions(&plain).is_empty() {
            return None;
        }
        let alone = Deed { objects: vec![plain], verbs: vec![verb.clone()], ..Deed::default() };
        let meant = self.meant(&alone);
        let (id, best) = meant.first().filter(|(_, score)| *score >= 0.8)?;
        let Some(Process::Tool { tool }) = self.draft.step(id).map(|step| &step.process) else { return None };
        let elsewhere = self.cards.facts_of(tool).service.is_some_and(|service| services.weight(service).is_none());
        let found = self.tool(verb, phrase, &[]).is_some_and(|(found, _)| found.fit >= 0.7);
        let only = meant.get(1).is_none_or(|(_, next)| best - next >= 0.05);
        (elsewhere && found && only).then(|| id.clone())
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

    pub(super) fn put_instead(&mut self, old: &[Token], new: &[Token]) -> bool {
        let new = without_one(new);
        let (old_target, new_target) = (target(old), target(new));
        let old_services = self.cards.mentioned(old);
        // Where something leads to it, a common word is a name, too: `with Teams`.
        let led: Vec<Token> = std::iter::once(Token::new("with", What::Word)).chain(new.iter().cloned()).collect();
        let new_services = self.cards.mentioned(&led);
        // `hot` instead of `cold`
        if old_services.is_empty()
            && let Some((step, case, literal)) = self.constant(old)
            && self.meant(&old_target.deed).first().is_none_or(|(_, score)| *score < 0.7)
        {
            return self.compare_with(&step, &case, &literal, new);
        }
        let only_service = |target: &Target, services: &super::super::cards::Mentioned| {
            !services.is_empty()
                && target.deed.verbs.iter().all(|verb| {
                    let it = !target.deed.objects.is_empty() && target.deed.objects.iter().all(|phrase| phrase.pronoun);
                    let it = it && matches!(verb.base.as_str(), "put" | "send" | "post" | "write" | "make");
                    LEXICON.edits("use", &verb.base)
                        || it
                        || matches!(verb.base.as_str(), "do" | "have" | "handle" | "run" | "keep")
                })
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
                // `the note in Box rather than in Drive`: what is most like it.
                return self.put_instead_of_the_likest(&new_target.deed, Some(&steps));
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
    // `make that mail a letter`
    if base == "make" {
        let article = |word: &Token| matches!(word.lower.as_str(), "a" | "an");
        let at = deed.words.iter().skip(1).position(article)? + 1;
        let first = deed.words.first().filter(|first| first.is("determiner") || first.is("pronoun"))?;
        return (!article(first)).then(|| (deed.words[..at].to_vec(), deed.words[at..].to_vec()));
    }
    let joints: &[&str] = match base {
        "substitute" => &["for", "with", "by"],
        "swap" | "exchange" => &["with", "for", "by"],
        "change" | "switch" | "convert" | "turn" => &["to", "into", "with"],
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
