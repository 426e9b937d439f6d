//! What is to be done besides what is there, and where that belongs.

use super::super::cards::content;
use super::super::compose::Composer;
use super::super::condition::{self, Condition};
use super::super::draft::{self, Spot};
use super::super::grammar::{Deed, Part};
use super::super::phrase::Phrase;
use super::super::scene::Scene;
use super::super::tokens::{Token, What};
use super::arms::words_and_conditions;
use super::{EQUAL, Target, target};
use crate::workflow::{Outcome, Process, StepId};

impl Scene<'_> {
    /// What is to be done besides what is there.
    pub(super) fn besides(&mut self, parts: &[Part]) {
        let mut rest = self.tidied(parts);
        let mut spot = None;
        // `retrieve the members in between`: between the two that there are.
        if let Some(at) = rest.iter().position(|part| matches!(part, Part::After(deed) if deed.all_words.is_empty())) {
            rest.remove(at);
            if let [first, _] = self.draft.workflow.steps.as_slice() {
                spot = Some(Spot::After(first.id.clone()));
            }
        }
        let parts = &rest.clone();
        self.tell_when(&mut rest, parts);
        spot = self.anchored(&mut rest, parts).or(spot);
        // `when it is new, … after deleting it`: where that is asked for already.
        if let Some(Spot::Before(id) | Spot::After(id)) = &spot {
            let is_behind = |part: &Part| match part {
                Part::If(condition) | Part::When(condition, _) => self
                    .arm_for(condition)
                    .is_some_and(|(branch, outcome)| self.draft.arm(&branch, &outcome).contains(id)),
                _ => false,
            };
            rest.retain(|part| !is_behind(part));
        }
        let first = rest.contains(&Part::First);
        rest.retain(|part| *part != Part::First);
        if rest.contains(&Part::AfterLoop) {
            spot.get_or_insert(Spot::End(None));
            rest.retain(|part| *part != Part::AfterLoop);
        }
        let last = rest.contains(&Part::Last);
        rest.retain(|part| *part != Part::Last);
        if rest.contains(&Part::InLoop) {
            if let Some(id) = self.only_loop() {
                spot.get_or_insert(Spot::End(Some(id)));
            }
            rest.retain(|other| *other != Part::InLoop);
        }
        let spot = spot.or_else(|| self.loop_called(&mut rest)).or_else(|| self.arm_spoken_of(&mut rest));
        let spot = spot.or_else(|| self.place_of(&rest).filter(|_| !(first || last)));
        let spot = if first { self.beginning(spot) } else { spot.unwrap_or(Spot::End(None)) };
        let loops = match &spot {
            Spot::Start(owner) | Spot::End(owner) => owner.iter().flat_map(|owner| self.loops_within(owner)).collect(),
            Spot::Before(id) | Spot::After(id) | Spot::Arm(id, _) | Spot::Failure(id) => self.loops_of(id),
        };
        self.look_from(&spot);
        let mut composer = Composer::new(self, loops);
        composer.sentence(&rest);
        let nodes = composer.finish();
        self.look_from_the_end();
        self.draft.put(&nodes, &spot);
    }

    /// A sentence without what says nothing of what is done, and with the steps that it wants added as what they do.
    fn tidied(&self, parts: &[Part]) -> Vec<Part> {
        let mut rest: Vec<Part> = parts.to_vec();
        // `add a step:` says nothing of what it does.
        rest.retain(|part| !matches!(part, Part::Do(deed) if parts.len() > 1 && deed.is_verb(&["add", "insert", "include", "create"]) && !deed.words.is_empty() && deed.words.iter().all(|word| word.is("determiner") || word.is("plain") || word.is("new") || word.is("step"))));
        // `besides the mail, a message`: the mail is there.
        let makes = rest.iter().filter(|part| matches!(part, Part::Do(_))).count();
        let is_there = |part: &Part| {
            matches!(part, Part::Do(deed) if deed.verbs.is_empty()
                && deed.objects.iter().all(|phrase| phrase.definite && !phrase.words.is_empty())
                && self.meant(deed).first().is_some_and(|(_, score)| *score >= 0.7))
        };
        if makes > 1 {
            rest.retain(|part| !is_there(part));
        }
        for part in &mut rest {
            // `which sends a mail`, after `add a step at the end`
            if let Part::Do(deed) = part
                && let Some(Token { lower, .. }) = deed.all_words.first()
                && matches!(lower.as_str(), "that" | "which")
                && deed.verbs.is_empty()
            {
                *part = Part::Do(super::super::grammar::deed(&deed.all_words[1..]));
            }
            // `add a step that …`
            if let Part::Do(deed) = part
                && deed.is_verb(&["add", "insert", "include", "create", "put", "make"])
                && let wanted = target(&deed.words)
                && wanted.step
                && !wanted.deed.verbs.is_empty()
            {
                *part = Part::Do(wanted.deed);
            }
        }
        rest
    }

    /// `for each lead`: a loop that is there.
    fn loop_called(&self, rest: &mut Vec<Part>) -> Option<Spot> {
        let at = rest.iter().position(|part| matches!(part, Part::Each(_)))?;
        let Part::Each(phrase) = &rest[at] else { return None };
        let words = content(phrase, &self.cards.mentioned(&phrase.words));
        let called = |thing: &&super::super::scene::Thing| thing.is_item() && thing.is_called(&words) >= 0.6;
        let id = self.things.iter().find(called).map(|thing| thing.step.clone())?;
        // `for each urgent order`: where that is asked for.
        let words = words_and_conditions(phrase);
        let arm = self
            .arm_called(&words)
            .or_else(|| self.other_arm(&words))
            .filter(|(branch, _)| self.loops_of(branch).contains(&id));
        rest.remove(at);
        Some(arm.map_or(Spot::End(Some(id)), |(branch, outcome)| Spot::Arm(branch, outcome)))
    }

    /// `otherwise …`, `if …`: an arm of a branch that is there, or what follows a failure.
    fn arm_spoken_of(&self, rest: &mut Vec<Part>) -> Option<Spot> {
        if matches!(rest.first(), Some(Part::Otherwise))
            && let Some(branch) = self.only_branch()
        {
            rest.remove(0);
            return Some(Spot::Arm(branch, Outcome::from(Outcome::OTHERWISE)));
        }
        let at = rest.iter().position(|part| matches!(part, Part::If(_) | Part::When(..)))?;
        let (Part::If(condition) | Part::When(condition, _)) = &rest[at] else { return None };
        if condition.is_about_failure() {
            let id = self.failing(condition)?;
            rest.remove(at);
            return Some(Spot::Failure(id));
        }
        if let Some((branch, outcome)) = self.arm_for(condition) {
            rest.remove(at);
            return Some(Spot::Arm(branch, outcome));
        }
        self.loop_of(condition).map(|id| Spot::End(Some(id)))
    }

    /// `before X`, `after X`: a place, if X is there.
    fn anchored(&self, rest: &mut Vec<Part>, parts: &[Part]) -> Option<Spot> {
        let mut spot = None;
        let mut at = 0;
        while at < rest.len() {
            let (Part::Before(anchor) | Part::After(anchor)) = &rest[at] else {
                at += 1;
                continue;
            };
            let anchor = self.with_its_object(anchor, parts);
            let wanted = if anchor.verbs.is_empty() {
                target(&anchor.words_with_verbs())
            } else {
                Target { deed: anchor, ..target(&[]) }
            };
            // `after all leads are done`, `once each of them has been reminded`
            let whole = matches!(rest[at], Part::After(_)).then(|| self.loop_done(&wanted.deed)).flatten();
            let meant = whole
                .or_else(|| self.by_place(&wanted).first().cloned())
                .or_else(|| self.latest_meant(&wanted.deed, matches!(rest[at], Part::After(_))));
            let Some(id) = meant else {
                at += 1;
                continue;
            };
            // Of `after this and before that` the first is enough.
            spot.get_or_insert(if matches!(rest[at], Part::Before(_)) { Spot::Before(id) } else { Spot::After(id) });
            rest.remove(at);
            // `after creation of every task` says no more than that.
            rest.retain(|part| !matches!(part, Part::Each(_)) || parts.len() < 3);
        }
        spot
    }

    /// The loop that is over when all of what it goes through is done.
    fn loop_done(&self, deed: &Deed) -> Option<StepId> {
        let all = deed.all_words.iter().any(|word| word.is("all")) || deed.objects.iter().any(|phrase| phrase.plural);
        let finished = deed.all_words.iter().any(|word| word.is("finished"));
        let called = |thing: &&super::super::scene::Thing| {
            deed.objects.iter().any(|phrase| {
                let words = content(phrase, &self.mentions(phrase));
                thing.is_item() && thing.is_called(&words) >= 0.6
            })
        };
        if all && finished {
            return self.things.iter().find(called).map(|thing| thing.step.clone());
        }
        // Of all of them something is done within a loop.
        let each = deed.objects.iter().any(|phrase| !phrase.each && phrase.plural && (phrase.all || phrase.definite));
        let (id, _) =
            self.meant(deed).first().cloned().filter(|(_, score)| *score >= 0.6 && each && !deed.verbs.is_empty())?;
        self.things.iter().find(|thing| thing.step == id)?.loops.last().cloned()
    }

    /// `first` where something comes otherwise: before what is there.
    fn beginning(&self, spot: Option<Spot>) -> Spot {
        match spot {
            None | Some(Spot::End(None)) => Spot::Start(None),
            Some(Spot::End(owner)) => Spot::Start(owner),
            Some(Spot::Arm(branch, outcome)) => match self.draft.arm(&branch, &outcome).first() {
                Some(first) => Spot::Before(first.clone()),
                None => Spot::Arm(branch, outcome),
            },
            Some(spot) => spot,
        }
    }

    /// The arm that a condition speaks of, by what it compares or by what the arm is called.
    pub(super) fn arm_for(&self, condition: &Condition) -> Option<(StepId, Outcome)> {
        if let Some((branch, outcome, _)) = self.branch_for(condition) {
            return Some((branch, outcome));
        }
        let words: Vec<Token> = super::super::tokens::tokens(&condition.said);
        let plain = condition.tests.iter().all(|test| test.compares.is_equality());
        self.arm_called(&words).filter(|_| plain).or_else(|| self.rejected(&words))
    }

    /// `when it has been copied`: after that, if it is done there.
    fn tell_when(&self, rest: &mut [Part], parts: &[Part]) {
        for part in rest {
            if let Part::When(condition, deed) = part
                && (!deed.verbs.is_empty() || condition.said.split(' ').count() > deed.all_words.len())
                && self.arm_for(condition).is_none()
                && let deed = self.with_its_object(deed, parts)
                && self.meant(&deed).first().is_some_and(|(_, score)| *score >= 0.7)
            {
                *part = Part::After(deed);
            }
        }
    }

    /// `share the project after it was created`: what is not named is what the sentence is about.
    pub(in super::super) fn with_its_object(&self, deed: &Deed, parts: &[Part]) -> Deed {
        if deed.words.iter().any(|word| matches!(word.lower.as_str(), "everything" | "anything" | "something")) {
            return deed.clone();
        }
        let about = parts.iter().find_map(|part| if let Part::Do(deed) = part { Some(&deed.objects) } else { None });
        // Or what its condition is about.
        let asked = parts.iter().flat_map(|part| match part {
            Part::If(condition) | Part::When(condition, _) => {
                condition.tests.iter().flat_map(|test| super::super::phrase::phrases(&test.subject)).collect()
            }
            _ => Vec::new(),
        });
        let asked: Vec<Phrase> = asked.collect();
        let about = about.into_iter().flatten().flat_map(Phrase::each_part).chain(&asked);
        let about = about.filter(|phrase| !phrase.pronoun && !phrase.words.is_empty());
        // What it is done to best.
        let fit = |phrase: &Phrase| {
            let alone = Phrase { places: Vec::new(), ..phrase.clone() };
            // What is there that was done so.
            let there = Deed { objects: vec![alone.clone()], verbs: deed.verbs.clone(), ..Deed::default() };
            if let Some((_, score)) = self.meant(&there).first().filter(|(_, score)| *score >= 0.7) {
                return 1.0 + score;
            }
            deed.verb().and_then(|verb| self.tool(verb, &alone, &[])).map_or(0.0, |(found, _)| found.fit)
        };
        let about = about.fold(None, |best: Option<(&Phrase, f64)>, phrase| match best {
            Some((_, most)) if most >= fit(phrase) => best,
            _ => Some((phrase, fit(phrase))),
        });
        let about = about.filter(|(_, fit)| *fit > 0.0).map(|(phrase, _)| phrase);
        let mut deed = deed.clone();
        if let Some(about) =
            about.filter(|_| !deed.objects.is_empty() && deed.objects.iter().all(|phrase| phrase.pronoun))
        {
            deed.objects = vec![Phrase { places: Vec::new(), ..about.clone() }];
            let verbs = deed.verbs.iter().map(|verb| Token::new(&verb.base, What::Word));
            deed.words.clone_from(&about.words);
            deed.all_words = verbs.chain(about.words.iter().cloned()).collect();
        }
        deed
    }

    /// Of the steps that are meant equally, the last to come after, the first to come before.
    pub(super) fn latest_meant(&self, deed: &Deed, last: bool) -> Option<StepId> {
        let meant = self.meant(deed);
        let best = meant.first()?.1;
        let mut equal = meant.iter().filter(|(_, score)| best - score < EQUAL);
        let found = if last { equal.next_back() } else { equal.next() };
        found.filter(|(_, score)| *score >= 0.45).map(|(id, _)| id.clone())
    }

    /// A sentence about what is made in a loop belongs there.
    pub(super) fn place_of(&self, parts: &[Part]) -> Option<Spot> {
        // `for every item`: where the items are listed.
        let listed = parts.iter().find_map(|part| match part {
            Part::Each(phrase) => {
                self.list_for(phrase, &self.loops_everywhere(phrase)).filter(|thing| !thing.loops.is_empty())
            }
            Part::Do(deed) => {
                let each = deed.objects.iter().filter(|phrase| phrase.each && !phrase.words.is_empty());
                each.filter_map(|phrase| self.list_for(phrase, &self.loops_everywhere(phrase)))
                    .find(|thing| !thing.loops.is_empty())
            }
            _ => None,
        });
        if let Some(thing) = listed {
            return thing.loops.last().map(|id| Spot::End(Some(id.clone())));
        }
        let top: Vec<_> = self.things.iter().filter(|thing| thing.loops.is_empty()).cloned().collect();
        for part in parts {
            let Part::Do(deed) = part else { continue };
            for phrase in deed.objects.iter().flat_map(Phrase::each_part) {
                let words = content(phrase, &self.mentions(phrase));
                if !phrase.definite || phrase.new || phrase.all || phrase.plural || words.is_empty() {
                    continue;
                }
                let inner = self.things.iter().find(|thing| !thing.loops.is_empty() && thing.is_called(&words) >= 0.6);
                if let Some(thing) = inner
                    && !top.iter().any(|thing| !thing.is_list() && thing.is_called(&words) >= 0.6)
                {
                    return thing.loops.last().map(|id| Spot::End(Some(id.clone())));
                }
            }
        }
        None
    }

    /// The loops around the list that a phrase speaks of, if there is one.
    fn loops_everywhere(&self, phrase: &Phrase) -> Vec<StepId> {
        let words = content(phrase, &self.mentions(phrase));
        let lists = self.things.iter().filter(|thing| thing.is_list()).map(|thing| (thing, thing.is_called(&words)));
        let best = lists.filter(|(_, score)| *score >= 0.6).max_by(|one, other| one.1.total_cmp(&other.1));
        best.map(|(thing, _)| thing.loops.clone()).unwrap_or_default()
    }

    pub(super) fn only_loop(&self) -> Option<StepId> {
        let mut loops = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if step.process.body().is_some() {
                loops.push(step.id.clone());
            }
        });
        loops.pop()
    }

    pub(super) fn only_branch(&self) -> Option<StepId> {
        let mut branches = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if matches!(step.process, Process::Branch { .. }) {
                branches.push(step.id.clone());
            }
        });
        branches.pop()
    }

    /// The loop whose item a condition speaks of.
    pub(super) fn loop_of(&self, condition: &Condition) -> Option<StepId> {
        let words: Vec<String> = condition.tests.iter().flat_map(|test| condition::stems(&test.subject)).collect();
        let called = |thing: &&super::super::scene::Thing| {
            words.iter().any(|word| thing.is_called(std::slice::from_ref(word)) >= 0.6)
        };
        let item = self.things.iter().filter(|thing| thing.is_item()).find(called).map(|thing| thing.step.clone());
        item.or_else(|| {
            let loops: Vec<_> = self.things.iter().filter(|thing| thing.is_item()).collect();
            // A property of what is not named: of the one thing that is gone through.
            let bare = condition.tests.iter().all(|test| {
                test.subject.iter().all(|token| {
                    token.is("property") || token.is("determiner") || token.is("pronoun") || token.is("possessive")
                })
            });
            (loops.len() == 1 && bare).then(|| loops[0].step.clone())
        })
    }

    /// The step whose failure is spoken of.
    pub(super) fn failing(&self, condition: &Condition) -> Option<StepId> {
        let subject: Vec<Token> = condition.tests.iter().flat_map(|test| test.subject.clone()).collect();
        let wanted = target(&subject);
        let meant = self.meant(&wanted.deed).first().map(|(id, _)| id.clone());
        meant.or_else(|| self.draft.workflow.steps.last().map(|step| step.id.clone()))
    }
}
