//! What is to be left out: `don't …`, `remove the step that …`, `remove all steps except …`.

use super::super::condition::Condition;
use super::super::draft::{self};
use super::super::grammar::{Deed, Part};
use super::super::lexicon::{LEXICON, Marker};
use super::super::scene::Scene;
use super::super::tokens::{Token, What};
use super::{EQUAL, Target, literals, target};
use crate::workflow::{Outcome, Process, Step, StepId};

impl Scene<'_> {
    /// `don't …`, `remove the step …`
    pub(super) fn leave_out(&mut self, parts: &[Part]) -> bool {
        let conditions: Vec<&Condition> = parts
            .iter()
            .filter_map(
                |part| if let Part::If(condition) | Part::When(condition, _) = part { Some(condition) } else { None },
            )
            .collect();
        let except = parts.iter().find_map(|part| if let Part::Except(deed) = part { Some(deed) } else { None });
        let mut done = false;
        // `delete the mail and send a letter`: in its place.
        if let [Part::Do(gone), Part::Do(new)] = parts
            && gone.verb().is_some_and(|verb| LEXICON.edits("remove", &verb.base))
            && !new.verbs.is_empty()
            && !new.verbs.iter().any(|verb| LEXICON.edits("remove", &verb.base) || LEXICON.edits("keep", &verb.base))
            && !new.objects.iter().all(|phrase| phrase.definite)
            && self.removes_a_step(gone, &target(&gone.words))
            && let [(_, best), rest @ ..] = self.meant(&target(&gone.words).deed).as_slice()
            && rest.iter().all(|(_, next)| best - next >= EQUAL)
            && self.meant(new).first().is_none_or(|(_, score)| *score < 0.7)
        {
            return self.put_instead(&gone.words, &new.words_with_verbs());
        }
        // `I only want to …`: nothing else.
        if let [Part::Do(deed)] = parts
            && deed.only
            && self.meant(deed).first().is_some_and(|(_, score)| *score >= 0.6)
        {
            return self.leave_all_out(&[], Some(deed), parts);
        }
        for part in parts {
            let (deed, negation) = match part {
                Part::Not(deed) => (deed, true),
                Part::Do(deed) if deed.verb().is_some_and(|verb| LEXICON.edits("remove", &verb.base)) => (deed, false),
                _ => continue,
            };
            let words = if negation { deed.words_with_verbs() } else { deed.words.clone() };
            let wanted = target(&words);
            let everything = wanted.all
                && wanted.deed.verbs.is_empty()
                && wanted.deed.objects.iter().all(|phrase| {
                    phrase.words.is_empty()
                        || phrase.words.iter().all(|word| word.is("step") || word.lower == "everything")
                });
            if everything
                || without_those(&words).iter().all(|word| {
                    word.is("step") || word.is("determiner") || word.is("all") || word.lower == "everything"
                }) && !words.is_empty()
            {
                done |= self.leave_all_out(&conditions, except, parts);
                continue;
            }
            // `the steps for issues that are done`: those behind the condition.
            let behind =
                wanted.deed.objects.iter().flat_map(|phrase| &phrase.conditions).find(|_| wanted.step && wanted.plural);
            if let Some(condition) = behind.filter(|condition| self.branch_for(condition).is_some()).cloned() {
                done |= self.leave_all_out(&[&condition], None, parts);
                continue;
            }
            if !negation && !wanted.step && !self.removes_a_step(deed, &wanted) {
                continue;
            }
            let mut is_there = false;
            for wanted in targets(&words) {
                is_there |= self.drop_steps(&wanted, negation);
            }
            // `remove the step that …`, where none does that
            if !is_there && wanted.step && !negation {
                self.assume(format!("No step does what “{}” speaks of, so none is taken out.", deed.said));
                is_there = true;
            }
            done |= is_there;
        }
        if done {
            self.go_on_after(parts);
        }
        done
    }

    /// `remove the step to make this and send that`: what is there is left out too, what is not is done.
    pub(super) fn go_on_after(&mut self, parts: &[Part]) {
        for part in parts {
            let Part::Do(deed) = part else { continue };
            if deed.verb().is_none_or(|verb| LEXICON.edits("remove", &verb.base)) {
                continue;
            }
            if self.meant(deed).first().is_some_and(|(_, score)| *score >= 0.6) {
                self.drop_steps(&target(&deed.words_with_verbs()), false);
            } else {
                self.besides(std::slice::from_ref(part));
            }
        }
    }

    /// `remove the message` may speak of a step, or of a message.
    pub(super) fn removes_a_step(&self, deed: &Deed, wanted: &Target) -> bool {
        if wanted.is_loop() {
            return true;
        }
        let base = deed.verb().map_or("", |verb| verb.base.as_str());
        let meant = self.meant(&wanted.deed);
        let Some((_, score)) = meant.first() else { return false };
        let conditional = deed.objects.iter().any(|phrase| !phrase.conditions.is_empty());
        let tool = deed
            .objects
            .first()
            .is_some_and(|phrase| deed.verb().is_some_and(|verb| self.tool(verb, phrase, &[]).is_some()));
        let all = deed.objects.iter().any(|phrase| phrase.all || phrase.each || phrase.pronoun);
        match base {
            "delete" | "discard" | "eliminate" => *score >= 0.5 && !tool,
            _ => *score >= 0.5 && !conditional && !(all && tool),
        }
    }

    /// All steps, or those behind a condition, or all but some.
    pub(super) fn leave_all_out(&mut self, conditions: &[&Condition], except: Option<&Deed>, parts: &[Part]) -> bool {
        let otherwise = parts.iter().any(|part| matches!(part, Part::Otherwise));
        let arm = match conditions.first() {
            Some(condition) => self.arm_for(condition),
            None => self.only_branch().filter(|_| otherwise).map(|branch| (branch, Outcome::from(Outcome::OTHERWISE))),
        };
        if !conditions.is_empty() || otherwise {
            let Some((branch, outcome)) = arm else { return false };
            let gone = self.draft.clear_arm(&branch, &outcome);
            self.turn_branches();
            self.forget(&gone);
            return !gone.is_empty();
        }
        let (before, after): (Option<&Deed>, Option<&Deed>) = (
            parts.iter().find_map(|part| if let Part::Before(deed) = part { Some(deed) } else { None }),
            parts.iter().find_map(|part| if let Part::After(deed) = part { Some(deed) } else { None }),
        );
        if let Some(anchor) = before.or(after) {
            let Some((id, _)) = self.meant(anchor).first().cloned() else { return false };
            let owner = self.draft.owner(&id);
            let list: Vec<StepId> = self.draft.list(owner.as_ref()).iter().map(|step| step.id.clone()).collect();
            let Some(at) = list.iter().position(|step| *step == id) else { return false };
            let gone: Vec<StepId> = if after.is_some() { list[at + 1..].to_vec() } else { list[..at].to_vec() };
            gone.iter().rev().for_each(|step| self.draft.remove(step));
            self.forget(&gone);
            return !gone.is_empty();
        }
        let Some(except) = except else { return false };
        let kept = targets(&except.words_with_verbs());
        let kept: Vec<StepId> = kept.iter().flat_map(|kept| self.choose(kept, true)).collect();
        if kept.is_empty() {
            return false;
        }
        let mut gone = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let holds = kept.iter().any(|kept| *kept == step.id || holds(step, kept));
            if !holds && !kept.iter().any(|kept| self.draft.owner(&step.id).as_ref() == Some(kept)) {
                gone.push(step.id.clone());
            }
        });
        gone.iter().rev().for_each(|step| self.draft.remove(step));
        self.forget(&gone);
        true
    }

    pub(super) fn drop_steps(&mut self, wanted: &Target, negation: bool) -> bool {
        let chosen = self.choose(wanted, negation);
        for id in &chosen {
            self.draft.remove(id);
        }
        self.turn_branches();
        self.forget(&chosen);
        !chosen.is_empty() || !self.questions.is_empty()
    }

    /// A branch of which only the other arm is left asks for the opposite; one with nothing behind it is left out.
    pub(super) fn turn_branches(&mut self) {
        let mut branches = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if let Process::Branch { cases } = &step.process
                && cases.len() == 1
            {
                branches
                    .extend(cases.iter().map(|(case, expression)| (step.id.clone(), case.clone(), expression.clone())));
            }
        });
        let otherwise = Outcome::from(Outcome::OTHERWISE);
        for (id, case, expression) in branches {
            if self.untouched_branches.contains(&id) || !self.draft.arm(&id, &case).is_empty() {
                continue;
            }
            if self.draft.arm(&id, &otherwise).is_empty() {
                self.draft.remove(&id);
                self.forget(&[id]);
            } else if let Some(opposite) = opposite(&expression) {
                self.draft.turn(&id, &case, &opposite);
            }
        }
    }

    pub(super) fn forget(&mut self, gone: &[StepId]) {
        self.things.retain(|thing| !gone.contains(&thing.step));
    }
}

/// `the steps for those` are the steps, where it was said which.
fn without_those(words: &[Token]) -> &[Token] {
    match words {
        [before @ .., of, those]
            if matches!(of.lower.as_str(), "for" | "of" | "with") && those.is("plural_pronoun") =>
        {
            before
        }
        _ => words,
    }
}

/// What words speak of, each for itself.
fn targets(words: &[Token]) -> Vec<Target> {
    let whole = target(words);
    if whole.deed.objects.len() < 2 {
        return vec![whole];
    }
    let mut found: Vec<Target> = Vec::new();
    for part in words
        .split(|token| matches!(token.what, What::Comma) || matches!(token.marker(), Some(Marker::And | Marker::Or)))
        .filter(|part| !part.is_empty())
    {
        let mut one = target(part);
        if one.deed.verbs.is_empty()
            && let Some(before) = found.last()
            && part.last().is_some_and(|last| last.verb().is_none())
        {
            one.deed.verbs.clone_from(&before.deed.verbs);
        }
        found.push(one);
    }
    // `the invoice creation and the mail`: each its own verb, or none.
    if let Some(first) =
        words.iter().position(|token| token.verb().is_some_and(|verb| verb.form == super::super::lexicon::Form::Noun))
        && first > 0
    {
        for (one, part) in found.iter_mut().zip(
            words
                .split(|token| {
                    matches!(token.what, What::Comma) || matches!(token.marker(), Some(Marker::And | Marker::Or))
                })
                .filter(|part| !part.is_empty()),
        ) {
            *one = target(part);
        }
    }
    found
}

/// The expression that holds when a comparison does not.
fn opposite(expression: &str) -> Option<String> {
    const SIGNS: [(&str, &str); 6] = [("==", "!="), ("!=", "=="), (">=", "<"), ("<=", ">"), (">", "<="), ("<", ">=")];
    let plain = !expression.contains(" and ")
        && !expression.contains(" or ")
        && !expression.contains(" not ")
        && literals(expression).len() < 2;
    let (from, to) = SIGNS.into_iter().find(|(sign, _)| expression.contains(sign))?;
    plain.then(|| expression.replacen(from, to, 1))
}

fn holds(step: &Step, id: &StepId) -> bool {
    step.process.body().unwrap_or_default().iter().any(|inner| inner.id == *id || holds(inner, id))
}
