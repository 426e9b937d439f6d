//! Sentences with conditions: branches, their arms, answers of people, and failures.

use super::super::condition::{Compares, Condition, Constant};
use super::super::draft::Node;
use super::super::grammar::{Deed, is_the_rest};
use super::super::phrase::{Phrase, phrases};
use super::super::scene::Thing;
use super::super::tokens::tokens;
use super::{Composer, Way, contains};
use crate::workflow::{Outcome, Process, StepId};

impl Composer<'_, '_> {
    /// `if so`, `if not`: what was to be checked.
    pub(super) fn referred(&self, condition: &Condition) -> Condition {
        match (&self.checked, condition.said.to_lowercase().as_str()) {
            (Some(checked), "so" | "yes" | "it does" | "it is" | "true" | "they do") => checked.clone(),
            (Some(checked), "not" | "no" | "it does not" | "it doesn't" | "it is not" | "it isn't" | "false" | "") => {
                checked.clone().negated()
            }
            _ => condition.clone(),
        }
    }

    /// True for `if not`, after a branch: its other arm.
    pub(super) fn denies_the_last(&self, condition: &Condition) -> bool {
        let said = condition.said.to_lowercase();
        let denies = matches!(
            said.as_str(),
            "" | "not"
                | "no"
                | "it isn't"
                | "it is not"
                | "it isnt"
                | "it doesn't"
                | "it does not"
                | "it wasn't"
                | "it was not"
                | "they aren't"
                | "they are not"
                | "it hasn't"
                | "it has not"
                | "that is not the case"
                | "that isn't the case"
                | "this is not the case"
        );
        denies && (self.checked.is_none() || self.checked == self.tested) && self.has_arms()
    }

    /// True if there is a branch at the end of what was planned.
    pub(super) fn has_arms(&self) -> bool {
        self.last_way().iter().any(|way| matches!(way, Way::Arm(_)))
    }

    /// What is missing by the condition before, where one is to be made.
    pub(super) fn missing(&self, deed: &Deed) -> Option<Phrase> {
        let makes = deed.verb().is_some_and(|verb| verb.class.as_deref() == Some("create"));
        let one =
            matches!(deed.objects.as_slice(), [phrase] if phrase.pronoun && !phrase.plural && phrase.places.is_empty());
        let test = self.tested.as_ref()?;
        let absent = matches!(test.tests.as_slice(), [test] if test.value == Constant::Nothing && test.compares == Compares::Equal);
        let (_, what) = test.said.split_once(" no ").filter(|_| makes && one && absent)?;
        phrases(&tokens(what)).into_iter().next().filter(|phrase| !phrase.words.is_empty())
    }

    /// `reject the others`, where some were told apart.
    pub(super) fn is_of_the_rest(&self, deed: &Deed) -> bool {
        let [phrase] = deed.objects.as_slice() else { return false };
        is_the_rest(phrase) && (phrase.definite || phrase.all || phrase.plural) && self.has_arms()
    }

    /// True if a condition only names another value of what the branch before compares.
    pub(super) fn is_another_case(&self, condition: &Condition) -> bool {
        let ([test], Some(tested)) = (condition.tests.as_slice(), &self.tested) else { return false };
        let bare =
            test.property.is_none() && test.subject.iter().all(|token| token.is("pronoun") || token.is("copula"));
        let same = matches!(tested.tests.as_slice(), [before] if before.property.is_some()
            && matches!(before.value, Constant::Text(_)) && before.compares == Compares::Equal);
        let branches = self.last_way().iter().any(|way| matches!(way, Way::Arm(_)));
        bare && same && branches && matches!(test.value, Constant::Text(_)) && test.compares == Compares::Equal
    }

    /// The condition with what the one before compares.
    pub(super) fn as_another_case(&self, condition: &Condition) -> Condition {
        let mut condition = condition.clone();
        if let (Some(test), Some(before)) =
            (condition.tests.first_mut(), self.tested.as_ref().and_then(|tested| tested.tests.first()))
        {
            test.subject.clone_from(&before.subject);
            test.property.clone_from(&before.property);
        }
        condition
    }

    /// `if …`: what follows is behind it.
    pub(super) fn open_branch(&mut self, condition: &Condition) {
        self.enter_loop_for(condition);
        if self.answer(condition) {
            return;
        }
        let loops = self.loops();
        let branch = self.scene.branch(std::slice::from_ref(condition), &loops);
        self.list()
            .push(Node::Fork(branch, vec![("case_1".into(), Vec::new()), (Outcome::OTHERWISE.into(), Vec::new())]));
        self.way.push(Way::Arm(0));
    }

    /// `if she approves`: the outcome of the person's step before.
    fn answer(&mut self, condition: &Condition) -> bool {
        let said = condition.said.to_lowercase();
        let yes = said.contains("approve") || said.contains("accept") || said.contains("agree");
        let no = said.contains("reject")
            || said.contains("decline")
            || said.contains("refuse")
            || said.contains("disapprove")
            || (yes && said.contains("not"));
        if !(yes || no) {
            return false;
        }
        let list = self.list();
        let Some(node) = list.pop() else { return false };
        match node {
            Node::Step(step) if matches!(&step.process, Process::Human(human) if human.choices.iter().any(|choice| choice.as_str() == Outcome::APPROVED)) =>
            {
                let arms = vec![
                    (Outcome::from(Outcome::APPROVED), Vec::new()),
                    (Outcome::from(Outcome::REJECTED), Vec::new()),
                ];
                list.push(Node::Fork(step, arms));
                self.way.push(Way::Arm(usize::from(no)));
                true
            }
            other => {
                list.push(other);
                false
            }
        }
    }

    /// `… if …`: what the sentence did so far is behind it.
    pub(super) fn wrap_in_branch(&mut self, condition: &Condition, since: usize) {
        let start = since.min(self.list().len());
        // `to each of them unless …`: within the loop that was just made.
        let loop_at = self.list().len().saturating_sub(1);
        if loop_at >= start && matches!(self.list().last(), Some(Node::Loop(..))) {
            self.way.push(Way::Body);
            let loops = self.loops();
            let fork = self.scene.branch(std::slice::from_ref(condition), &loops);
            let body = self.list();
            let inside = std::mem::take(body);
            body.push(Node::Fork(fork, vec![("case_1".into(), inside), (Outcome::OTHERWISE.into(), Vec::new())]));
            self.way.pop();
            return;
        }
        let mut taken: Vec<Node> = self.list().split_off(start);
        // What was retrieved before is not asked about.
        let kept = taken
            .iter()
            .rposition(|node| self.is_retrieval(node))
            .map_or(0, |at| if at + 1 < taken.len() { at + 1 } else { 0 });
        let inside = taken.split_off(kept);
        self.list().append(&mut taken);
        if inside.is_empty() {
            return;
        }
        let ids: Vec<StepId> = inside.iter().map(|node| node.step().id.clone()).collect();
        let before: Vec<Thing> = self.scene.things.iter().filter(|thing| !ids.contains(&thing.step)).cloned().collect();
        let all = std::mem::replace(&mut self.scene.things, before);
        let depth = self.way.len();
        self.enter_loop_for(condition);
        let loops = self.loops();
        let fork = self.scene.branch(std::slice::from_ref(condition), &loops);
        let known: Vec<StepId> = self.scene.things.iter().map(|thing| thing.step.clone()).collect();
        let later: Vec<Thing> = all
            .into_iter()
            .filter(|thing| !known.contains(&thing.step) && ids.contains(&thing.step))
            .map(|thing| Thing { loops: loops.clone(), ..thing })
            .collect();
        self.scene.things.extend(later);
        self.list().push(Node::Fork(fork, vec![("case_1".into(), inside), (Outcome::OTHERWISE.into(), Vec::new())]));
        self.way.truncate(depth);
    }

    /// `otherwise …`, `if not …`: what is to be done if what was checked does not hold, or the other arm of the branch before.
    pub(super) fn other_case(&mut self, next: Option<&Condition>) {
        let checked = self
            .checked
            .take()
            .filter(|checked| next.is_none() && !(self.has_arms() && self.tested.as_ref() == Some(checked)));
        match checked {
            Some(checked) => self.open_branch(&checked.negated()),
            None => self.otherwise(next),
        }
    }

    /// `otherwise …`: the other arm of the branch before.
    pub(super) fn otherwise(&mut self, next: Option<&Condition>) {
        let way = self.last_way();
        let Some(at) = way.iter().rposition(|way| matches!(way, Way::Arm(_))) else {
            return;
        };
        self.way = way[..at].to_vec();
        // What one arm does is nothing to the others.
        let made: Vec<StepId> = self.scene.things.iter().map(|thing| thing.step.clone()).collect();
        let fork = self.list().last();
        let others: Vec<StepId> = made
            .into_iter()
            .filter(|id| fork.is_some_and(|fork| fork.step().id != *id && contains(fork, id)))
            .collect();
        for thing in self.scene.things.iter_mut().filter(|thing| others.contains(&thing.step)) {
            thing.later = true;
        }
        let loops = self.loops();
        let expression = next.map(|condition| self.scene.expression(condition, &loops));
        let Some(Node::Fork(step, arms)) = self.list().last_mut() else { return };
        let arm = match (expression, &mut step.process) {
            (Some(expression), Process::Branch { cases }) => {
                let name = Outcome::from(format!("case_{}", cases.len() + 1).as_str());
                cases.insert(name.clone(), expression);
                let last = arms.len() - 1;
                arms.insert(last, (name, Vec::new()));
                last
            }
            // What a person did not choose, or what no case was true for.
            _ => match way[at] {
                Way::Arm(used) if !matches!(step.process, Process::Branch { .. }) => {
                    usize::from(used == 0).min(arms.len() - 1)
                }
                _ => arms.len() - 1,
            },
        };
        self.way.push(Way::Arm(arm));
    }

    /// `if it fails …`: after the failure of the step before.
    pub(super) fn on_failure(&mut self) {
        let list = self.list();
        let Some(node) = list.pop() else { return };
        let Node::Step(step) = node else {
            list.push(node);
            return;
        };
        list.push(Node::Fork(step, vec![(Outcome::OK.into(), Vec::new()), (Outcome::ERROR.into(), Vec::new())]));
        self.way.push(Way::Arm(1));
    }
}
