//! What comes before and after what, however it is told.

use super::super::draft::Node;
use super::super::grammar::{Deed, Part};
use super::{Composer, contains};

impl Composer<'_, '_> {
    /// What follows comes before the last that was done.
    pub(super) fn before_that(&mut self, rest: &[Part], since: usize) {
        let list = self.list();
        let start = if since < list.len() { since } else { list.len().saturating_sub(1) };
        let later = list.split_off(start);
        let rest: Vec<Part> = rest.to_vec();
        let way = self.way.clone();
        self.hide(&later, true);
        self.continue_with(&rest);
        self.hide(&later, false);
        self.way = way;
        self.list().extend(later);
    }

    /// What comes later cannot be named in what comes before it.
    fn hide(&mut self, nodes: &[Node], is_later: bool) {
        for thing in &mut self.scene.things {
            if nodes.iter().any(|node| contains(node, &thing.step)) {
                thing.later = is_later;
            }
        }
    }

    fn continue_with(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Do(deed) => self.perform(deed),
                Part::Each(phrase) => self.open_loop(phrase),
                Part::If(condition) => self.open_branch(condition),
                _ => {}
            }
        }
    }

    /// `before sending it, …` and `… before sending it`; true if the rest of the sentence is done with that.
    pub(super) fn before(&mut self, deed: &Deed, parts: &[Part], at: usize) -> bool {
        let first = !parts[..at].iter().any(|part| matches!(part, Part::Do(_)));
        let there = self.find(deed);
        match there {
            // `… before the mail is sent`: there already, so what the sentence did goes before it.
            Some(place) if !first => {
                let list = self.list();
                let done = list.split_off(list.len() - 1);
                let place = place.min(list.len());
                list.splice(place..place, done);
                false
            }
            Some(place) => {
                // What follows in the sentence goes before what is there.
                let list = self.list();
                let later = list.split_off(place);
                let rest = parts[at + 1..].to_vec();
                let way = self.way.clone();
                self.hide(&later, true);
                self.continue_with(&rest);
                self.hide(&later, false);
                self.way = way;
                self.list().extend(later);
                true
            }
            None if deed.verbs.is_empty() => false,
            None if !first => {
                self.perform(deed);
                false
            }
            None => {
                let rest = parts[at + 1..].to_vec();
                self.continue_with(&rest);
                self.perform(deed);
                true
            }
        }
    }

    /// `after creating it, …` says what is done, if it is not done already.
    pub(super) fn after(&mut self, deed: &Deed) {
        if deed.verbs.is_empty() || self.find(deed).is_some() {
            return;
        }
        let list = self.list();
        if let Some(last) = list.pop() {
            let later = [last];
            self.hide(&later, true);
            self.perform(deed);
            self.hide(&later, false);
            self.list().extend(later);
        } else {
            self.perform(deed);
        }
    }

    /// Where in the list a deed is done already.
    pub(super) fn find(&mut self, deed: &Deed) -> Option<usize> {
        let steps: Vec<_> = self.list().iter().map(|node| node.step().clone()).collect();
        let scores: Vec<f64> = steps.iter().map(|step| self.scene.is_meant(step, deed)).collect();
        let best = scores.iter().copied().fold(0.0, f64::max);
        (best >= 0.5).then(|| scores.iter().rposition(|score| (*score - best).abs() < 1e-9)).flatten()
    }
}
