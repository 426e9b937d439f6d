//! Where a sentence belongs: into the loop or the branch before it, if it speaks of what is there.

use super::super::condition;
use super::super::grammar::Part;
use super::super::phrase::Phrase;
use super::super::scene::{Scene, Thing};
use super::{Composer, Way};

impl Composer<'_, '_> {
    /// `… for each topic and publish it`: what is said of one of them goes there, too.
    pub(super) fn is_of_one(parts: &[Part]) -> bool {
        let one = |phrase: &Phrase| (phrase.pronoun && !phrase.plural) || phrase.owned;
        let of_one =
            |part: &Part| matches!(part, Part::Do(deed) if deed.objects.iter().flat_map(Phrase::each_part).any(one));
        matches!(parts.first(), Some(Part::Also)) && parts.iter().any(of_one)
    }

    /// Goes to where a sentence belongs: into the loop or the branch before if it speaks of what is there.
    pub(super) fn place(&mut self, parts: &[Part]) {
        if matches!(parts.first(), Some(Part::Last | Part::AfterLoop)) {
            self.way.clear();
            return;
        }
        let way = self.last_way();
        if let (Some(_), Some(Part::If(condition))) = (&self.checked, parts.first())
            && self.referred(condition) != *condition
        {
            self.way = way.into_iter().take_while(|way| *way == Way::Body).collect();
            return;
        }
        if parts
            .iter()
            .find(|part| !matches!(part, Part::Then | Part::Also))
            .is_some_and(|part| matches!(part, Part::Otherwise))
        {
            self.way = if self.checked.is_some() {
                way.into_iter().take_while(|way| *way == Way::Body).collect()
            } else {
                way
            };
            return;
        }
        // The innermost loop whose things are spoken of.
        let loops: Vec<usize> =
            way.iter().enumerate().filter(|(_, way)| **way == Way::Body).map(|(at, _)| at + 1).collect();
        for depth in loops.into_iter().rev() {
            self.way = way[..depth].to_vec();
            let inner = self.loops();
            let things: Vec<Thing> = self
                .scene
                .things
                .iter()
                .filter(|thing| thing.loops == inner && thing.class != "branch")
                .cloned()
                .collect();
            if parts.iter().any(|part| Self::speaks_of(part, &things)) {
                return;
            }
        }
        self.way.clear();
    }

    fn speaks_of(part: &Part, things: &[Thing]) -> bool {
        match part {
            // `for each issue`, where the issues are listed.
            Part::Each(phrase) => {
                let words: Vec<String> = condition::stems(&phrase.words);
                things.iter().any(|thing| thing.is_list() && thing.is_called(&words) >= 0.6)
            }
            Part::If(condition) | Part::When(condition, _) => {
                let tests: Vec<_> = condition.tests.iter().flat_map(|test| test.subject.clone()).collect();
                let bare = tests
                    .iter()
                    .all(|token| token.is("property") || condition::stems(std::slice::from_ref(token)).is_empty());
                bare || Scene::speaks_of(&tests, things)
            }
            Part::Do(deed) => {
                let phrases = deed.objects.iter().flat_map(Phrase::each_part);
                let plural_outside = |phrase: &Phrase| phrase.all || phrase.each;
                phrases.into_iter().any(|phrase| {
                    (phrase.pronoun
                        || phrase.owned
                        || (phrase.definite && !plural_outside(phrase) && Scene::speaks_of(&phrase.words, things)))
                        && !things.is_empty()
                })
            }
            _ => false,
        }
    }
}
