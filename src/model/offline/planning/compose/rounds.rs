//! Sentences about each of several: loops are opened, and put around what was said before.

use super::super::condition::{self, Condition};
use super::super::draft::Node;
use super::super::grammar::{Part, is_the_rest};
use super::super::phrase::Phrase;
use super::super::scene::{Scene, Thing};
use super::{Composer, Way, contains};
use crate::workflow::{Outcome, StepId};

impl Composer<'_, '_> {
    /// What is done for each of something: all that follows, or what came so far. Where what trails refers to from then on.
    pub(super) fn each(&mut self, phrase: &Phrase, rest: &[Part], opens: bool, since: usize) -> usize {
        // `for the others …`
        if is_the_rest(phrase) && self.has_arms() {
            self.otherwise(None);
            return self.list().len();
        }
        if opens {
            self.open_loop(phrase);
            let is_parallel = self.clause.is_parallel;
            self.begin_clause();
            self.clause.is_parallel = is_parallel;
            return self.list().len();
        }
        self.wrap_in_loop(phrase, since);
        if Self::is_of_one(rest) && matches!(self.list().last(), Some(Node::Loop(..))) {
            self.way.push(Way::Body);
            return self.list().len();
        }
        since
    }

    pub(super) fn open_loop(&mut self, phrase: &Phrase) {
        let loops = self.loops();
        // Within a loop over the same things nothing is to be opened.
        let words = super::super::cards::content(phrase, &self.scene.cards.mentioned(&phrase.words));
        let already = loops.last().is_some_and(|innermost| {
            self.scene.things.iter().any(|thing| {
                thing.is_item() && thing.step == *innermost && (phrase.pronoun || thing.is_called(&words) >= 0.6)
            })
        });
        let inner = if already {
            loops
        } else {
            let Some(mut round) = self.scene.round(phrase, &loops) else { return };
            let inner = round.item.loops.clone();
            self.scene.things.push(round.item);
            let list = self.list();
            list.append(&mut round.before);
            list.push(Node::Loop(round.step, Vec::new()));
            self.way.push(Way::Body);
            inner
        };
        for condition in &self.scene.selecting(phrase, &inner) {
            let branch = self.scene.branch(std::slice::from_ref(condition), &inner);
            self.list()
                .push(Node::Fork(branch, vec![("case_1".into(), Vec::new()), (Outcome::OTHERWISE.into(), Vec::new())]));
            self.way.push(Way::Arm(0));
        }
    }

    /// `… for each lead`: what the sentence did so far is done in a loop.
    pub(super) fn wrap_in_loop(&mut self, phrase: &Phrase, since: usize) {
        let loops = self.loops();
        let source = self.scene.list_for(phrase, &loops).map(|thing| thing.step.clone());
        let mut start = since.min(self.list().len());
        // Not what retrieves the list, and nothing before it.
        if let Some(source) = &source {
            let found = self.list().iter().rposition(|node| node.step().id == *source);
            start = start.max(found.map_or(start, |at| at + 1));
        }
        let taken: Vec<Node> = self.list().split_off(start);
        // The last deed is for each; what was retrieved before it is not.
        let latest = self.latest.saturating_sub(start).min(taken.len());
        let mut taken = taken;
        let inside =
            taken.split_off(taken[..latest].iter().rposition(|node| self.is_retrieval(node)).map_or(0, |at| at + 1));
        self.list().append(&mut taken);
        if inside.is_empty() {
            return;
        }
        let Some(mut round) = self.scene.round(phrase, &loops) else {
            self.list().extend(inside);
            return;
        };
        let inner = round.item.loops.clone();
        for thing in &mut self.scene.things {
            if inside.iter().any(|node| contains(node, &thing.step)) {
                let depth = loops.len().min(thing.loops.len());
                thing.loops.insert(depth, round.step.id.clone());
            }
        }
        self.scene.things.push(round.item);
        let mut body = inside;
        self.bind_again(&mut body, &inner);
        for condition in self.scene.selecting(phrase, &inner).iter().rev() {
            body = vec![self.scene.fork(condition, body, &inner)];
        }
        let list = self.list();
        list.append(&mut round.before);
        list.push(Node::Loop(round.step, body));
    }

    /// Gives calls their arguments anew, now that there is an item to take them from.
    fn bind_again(&mut self, nodes: &mut [Node], loops: &[StepId]) {
        for at in 0..nodes.len() {
            let hidden: Vec<StepId> = self.scene.hide_all(|id| nodes[at..].iter().any(|node| contains(node, id)));
            match &mut nodes[at] {
                Node::Step(step) => {
                    if let Some(made) = self.scene.made.get(&step.id).cloned() {
                        let card = &self.scene.tools[made.card];
                        step.input = super::super::values::bind(self.scene, card, &made.phrase, &made.deed, loops);
                    }
                }
                Node::Fork(_, arms) => arms.iter_mut().for_each(|(_, nodes)| self.bind_again(nodes, loops)),
                Node::Loop(..) => {}
            }
            for thing in self.scene.things.iter_mut().filter(|thing| hidden.contains(&thing.step)) {
                thing.later = false;
            }
        }
    }

    pub(super) fn is_retrieval(&self, node: &Node) -> bool {
        let id = &node.step().id;
        let reads = self.scene.tool_of.get(id).is_some_and(|tool| {
            self.scene.tools.iter().any(|card| card.name == *tool && !card.effect.changes_the_world())
        });
        reads || self.scene.things.iter().any(|thing| thing.step == *id && thing.is_list())
    }

    /// A condition on one of a list is tested for each of them.
    pub(super) fn enter_loop_for(&mut self, condition: &Condition) {
        let loops = self.loops();
        let subject: Vec<_> = condition.tests.iter().flat_map(|test| test.subject.clone()).collect();
        let words: Vec<String> = condition::stems(&subject);
        let plural = subject
            .iter()
            .any(|token| super::super::phrase::is_plural(&token.lower) && !token.is("property") && !token.is("copula"))
            || subject.iter().any(|token| matches!(token.lower.as_str(), "no" | "there" | "they" | "any"));
        if plural {
            return;
        }
        let Some(latest) = self.scene.latest(&loops, |_| true) else { return };
        let list = self
            .scene
            .things
            .iter()
            .rev()
            .find(|thing| {
                Scene::is_visible(thing, &loops) && thing.is_list() && thing.plural && thing.loops.len() == loops.len()
            })
            .cloned();
        let Some(list) = list else { return };
        let called = |thing: &Thing| words.iter().any(|word| thing.is_called(std::slice::from_ref(word)) >= 0.5);
        let speaks_of_list = called(&list);
        let speaks_of_latest = latest.step != list.step && called(latest);
        // Something else that was made since is spoken of.
        if !speaks_of_list && (speaks_of_latest || latest.step != list.step) {
            return;
        }
        let phrase = Phrase { words: Vec::new(), pronoun: true, plural: true, each: true, ..Default::default() };
        let Some(round) = self.round_over(&list, &phrase, &loops) else { return };
        self.scene.things.push(round.item);
        self.list().push(Node::Loop(round.step, Vec::new()));
        self.way.push(Way::Body);
    }

    fn round_over(&mut self, list: &Thing, phrase: &Phrase, loops: &[StepId]) -> Option<super::super::act::Round> {
        // By what it is called, so that no other list is meant.
        let words = list
            .noun
            .iter()
            .map(|word| super::super::tokens::tokens(word))
            .filter_map(|tokens| tokens.into_iter().next())
            .collect();
        let named = Phrase { words, pronoun: false, ..phrase.clone() };
        match self.scene.list_for(&named, loops) {
            Some(found) if found.step == list.step => self.scene.round(&named, loops),
            _ => self.scene.round(phrase, loops),
        }
    }
}
