//! Sentences into steps: what is in which loop, and behind which condition.

use super::condition::{self, Condition};
use super::draft::{Node, Spot, item_name};
use super::grammar::{Deed, Part};
use super::hear::Heard;
use super::scene::{Scene, Thing};
use super::tokens::What;
use crate::workflow::{Outcome, Process, Retry, StepId};

/// Steps in the making. The place where the next goes is in the last step of its list, and so on inwards.
pub(super) struct Composer<'s, 'a> {
    pub(super) scene: &'s mut Scene<'a>,
    root: Vec<Node>,
    way: Vec<Way>,
    /// Loops of the workflow around all of this.
    outer: Vec<StepId>,
    /// Where in its list the last deed began.
    latest: usize,
    /// What was to be checked, before `if so`.
    checked: Option<Condition>,
}

/// How to go from a list into its last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Body,
    Arm(usize),
}

impl Scene<'_> {
    /// Makes a workflow of what was heard.
    pub(super) fn compose(&mut self, heard: &Heard) {
        let mut composer = Composer::new(self, Vec::new());
        for sentence in &heard.sentences {
            composer.sentence(&sentence.parts);
            if let Some(setting) = &sentence.setting {
                composer.scene.set(setting);
            }
        }
        let nodes = composer.finish();
        self.draft.put(&nodes, &Spot::End(None));
        if self.draft.workflow.steps.is_empty() {
            return;
        }
        let name = heard.name.clone().or_else(|| {
            let deed = heard
                .sentences
                .iter()
                .flat_map(|sentence| &sentence.parts)
                .find_map(|part| if let Part::Do(deed) = part { Some(deed) } else { None })?;
            let object = deed.objects.first().into_iter().flat_map(|phrase| &phrase.words);
            let words: Vec<String> = deed
                .verb()
                .map(|verb| verb.base.clone())
                .into_iter()
                .chain(
                    object
                        .filter(|word| word.what == What::Word && !word.is("plain"))
                        .map(|word| word.lower.clone())
                        .take(4),
                )
                .collect();
            (!words.is_empty()).then(|| item_name(&words))
        });
        if let Some(name) = name {
            self.draft.workflow.name = name;
        }
    }

    /// What starts the workflow, and how its steps are carried out.
    pub(super) fn settle(&mut self, heard: &Heard) {
        for trigger in &heard.triggers {
            if !self.draft.workflow.triggers.contains(trigger) {
                self.draft.workflow.triggers.push(trigger.clone());
            }
        }
        for (id, setting) in std::mem::take(&mut self.settings) {
            let Some(step) = self.draft.step_mut(&id) else { continue };
            if let Some(attempts) = setting.attempts {
                step.retry = Some(Retry { max_attempts: attempts, ..step.retry.unwrap_or_default() });
            }
            if setting.timeout.is_some() {
                step.timeout = setting.timeout;
            }
        }
    }
}

impl<'s, 'a> Composer<'s, 'a> {
    pub(super) fn new(scene: &'s mut Scene<'a>, outer: Vec<StepId>) -> Self {
        Self { scene, root: Vec::new(), way: Vec::new(), outer, latest: 0, checked: None }
    }

    pub(super) fn finish(self) -> Vec<Node> {
        let mut nodes = self.root;
        prune(&mut nodes);
        nodes
    }

    /// The list that the next step goes to.
    fn list(&mut self) -> &mut Vec<Node> {
        inner(&mut self.root, &self.way)
    }

    /// The loops around the place where the next step goes.
    fn loops(&self) -> Vec<StepId> {
        let mut loops = self.outer.clone();
        let mut list = &self.root;
        for way in &self.way {
            match (list.last(), way) {
                (Some(Node::Loop(step, body)), Way::Body) => {
                    loops.push(step.id.clone());
                    list = body;
                }
                (Some(Node::Fork(_, arms)), Way::Arm(arm)) => list = &arms[*arm].1,
                _ => break,
            }
        }
        loops
    }

    /// Adds a sentence.
    pub(super) fn sentence(&mut self, parts: &[Part]) {
        self.place(parts);
        // Where this sentence began in each list of the way; what trails refers to what came since.
        let mut since = self.list().len();
        let mut at = 0;
        while at < parts.len() {
            let deed_follows = parts[at + 1..].iter().any(|part| matches!(part, Part::Do(_)));
            let done_before = parts[..at].iter().any(|part| matches!(part, Part::Do(_)));
            match &parts[at] {
                // `check if it is there`, before `if so` and `if not`.
                Part::Do(deed)
                    if deed.is_verb(&["check", "see", "verify", "determine"])
                        && deed.objects.is_empty()
                        && !deed_follows
                        && matches!(parts.get(at + 1), Some(Part::If(_))) =>
                {
                    if let Some(Part::If(condition)) = parts.get(at + 1) {
                        self.checked = Some(condition.clone());
                    }
                    at += 1;
                }
                Part::Do(deed) => self.perform(deed),
                Part::Each(phrase) => {
                    let directly = matches!(parts.get(at + 1), Some(Part::Do(_) | Part::If(_)));
                    if deed_follows && (!done_before || (directly && Self::opens(parts, at))) {
                        self.open_loop(phrase);
                        since = self.list().len();
                    } else {
                        self.wrap_in_loop(phrase, since);
                    }
                }
                Part::If(condition) | Part::When(condition, _) => {
                    let condition = &self.referred(condition);
                    if condition.is_about_failure() {
                        self.on_failure();
                    } else if deed_follows && (!done_before || Self::opens(parts, at)) {
                        self.open_branch(condition);
                        since = self.list().len();
                    } else {
                        self.wrap_in_branch(condition, since);
                    }
                }
                Part::Otherwise => {
                    let next = match parts.get(at + 1) {
                        Some(Part::If(condition)) => Some(condition.clone()),
                        _ => None,
                    };
                    if next.is_some() {
                        at += 1;
                    }
                    match self.checked.take() {
                        Some(checked) if next.is_none() => self.open_branch(&checked.negated()),
                        _ => self.otherwise(next.as_ref()),
                    }
                    since = self.list().len();
                }
                // `create a file, before that a folder`
                Part::BeforeThat => {
                    let rest: Vec<Part> = parts[at + 1..].to_vec();
                    self.before_that(&rest, since);
                    break;
                }
                Part::Before(deed) => {
                    if self.before(deed, parts, at) {
                        break;
                    }
                }
                Part::After(deed) => self.after(deed),
                Part::Last | Part::AfterLoop => {
                    self.way.clear();
                    since = self.list().len();
                }
                Part::Instead
                | Part::InsteadOf(_)
                | Part::Not(_)
                | Part::Except(_)
                | Part::Then
                | Part::First
                | Part::Also
                | Part::InLoop
                | Part::Parallel => {}
            }
            at += 1;
        }
    }

    /// `if so`, `if not`: what was to be checked.
    fn referred(&self, condition: &Condition) -> Condition {
        match (&self.checked, condition.said.to_lowercase().as_str()) {
            (Some(checked), "so" | "yes" | "it does" | "it is" | "true" | "they do") => checked.clone(),
            (Some(checked), "not" | "no" | "it does not" | "it doesn't" | "it is not" | "it isn't" | "false" | "") => {
                checked.clone().negated()
            }
            _ => condition.clone(),
        }
    }

    /// Goes to where a sentence belongs: into the loop or the branch before if it speaks of what is there.
    fn place(&mut self, parts: &[Part]) {
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
            Part::If(condition) | Part::When(condition, _) => {
                let tests: Vec<_> = condition.tests.iter().flat_map(|test| test.subject.clone()).collect();
                let bare = tests
                    .iter()
                    .all(|token| token.is("property") || condition::stems(std::slice::from_ref(token)).is_empty());
                bare || Scene::speaks_of(&tests, things)
            }
            Part::Do(deed) => {
                let phrases = deed.objects.iter().flat_map(super::phrase::Phrase::each_part);
                let plural_outside = |phrase: &super::phrase::Phrase| phrase.all || phrase.each;
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

    /// The way to the innermost last loop or branch.
    fn last_way(&self) -> Vec<Way> {
        let mut way = Vec::new();
        let mut list = &self.root;
        loop {
            match list.last() {
                Some(Node::Loop(_, body)) => {
                    way.push(Way::Body);
                    list = body;
                }
                Some(Node::Fork(_, arms)) => {
                    let arm = arms.iter().rposition(|(_, nodes)| !nodes.is_empty()).unwrap_or(0);
                    way.push(Way::Arm(arm));
                    list = &arms[arm].1;
                }
                _ => return way,
            }
        }
    }

    /// True if a part in the middle of a sentence is about what follows it.
    fn opens(parts: &[Part], at: usize) -> bool {
        // `create an issue if it is hot and send a mail`: what was done before comes with the condition, unless the
        // sentence goes on after it without a word between.
        matches!(parts.get(at + 1), Some(Part::Do(_) | Part::Each(_) | Part::If(_)))
    }

    fn perform(&mut self, deed: &Deed) {
        let loops = self.loops();
        let nodes = self.scene.act(deed, &loops);
        self.latest = self.list().len();
        self.list().extend(nodes);
    }

    fn open_loop(&mut self, phrase: &super::phrase::Phrase) {
        let loops = self.loops();
        // Within a loop over the same things nothing is to be opened.
        let words = super::cards::content(phrase, &self.scene.cards.mentioned(&phrase.words));
        let already = loops.last().is_some_and(|innermost| {
            self.scene.things.iter().any(|thing| {
                thing.is_item() && thing.step == *innermost && (phrase.pronoun || thing.is_called(&words) >= 0.6)
            })
        });
        if already {
            return;
        }
        let Some(mut round) = self.scene.round(phrase, &loops) else { return };
        let inner: Vec<StepId> = round.item.loops.clone();
        self.scene.things.push(round.item);
        let list = self.list();
        list.append(&mut round.before);
        list.push(Node::Loop(round.step, Vec::new()));
        self.way.push(Way::Body);
        for condition in &self.scene.selecting(phrase, &inner) {
            let branch = self.scene.branch(std::slice::from_ref(condition), &inner);
            self.list()
                .push(Node::Fork(branch, vec![("case_1".into(), Vec::new()), (Outcome::OTHERWISE.into(), Vec::new())]));
            self.way.push(Way::Arm(0));
        }
    }

    /// `… for each lead`: what the sentence did so far is done in a loop.
    fn wrap_in_loop(&mut self, phrase: &super::phrase::Phrase, since: usize) {
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
        for condition in self.scene.selecting(phrase, &inner).iter().rev() {
            body = vec![self.scene.fork(condition, body, &inner)];
        }
        let list = self.list();
        list.append(&mut round.before);
        list.push(Node::Loop(round.step, body));
    }

    fn is_retrieval(&self, node: &Node) -> bool {
        self.scene.things.iter().any(|thing| thing.step == node.step().id && thing.is_list())
    }

    /// `if …`: what follows is behind it.
    fn open_branch(&mut self, condition: &Condition) {
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

    /// A condition on one of a list is tested for each of them.
    fn enter_loop_for(&mut self, condition: &Condition) {
        let loops = self.loops();
        let subject: Vec<_> = condition.tests.iter().flat_map(|test| test.subject.clone()).collect();
        let words: Vec<String> = condition::stems(&subject);
        let plural = subject
            .iter()
            .any(|token| super::phrase::is_plural(&token.lower) && !token.is("property") && !token.is("copula"))
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
        let phrase =
            super::phrase::Phrase { words: Vec::new(), pronoun: true, plural: true, each: true, ..Default::default() };
        let Some(round) = self.round_over(&list, &phrase, &loops) else { return };
        self.scene.things.push(round.item);
        self.list().push(Node::Loop(round.step, Vec::new()));
        self.way.push(Way::Body);
    }

    fn round_over(
        &mut self,
        list: &Thing,
        phrase: &super::phrase::Phrase,
        loops: &[StepId],
    ) -> Option<super::act::Round> {
        // By what it is called, so that no other list is meant.
        let words = list
            .noun
            .iter()
            .map(|word| super::tokens::tokens(word))
            .filter_map(|tokens| tokens.into_iter().next())
            .collect();
        let named = super::phrase::Phrase { words, pronoun: false, ..phrase.clone() };
        match self.scene.list_for(&named, loops) {
            Some(found) if found.step == list.step => self.scene.round(&named, loops),
            _ => self.scene.round(phrase, loops),
        }
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
    fn wrap_in_branch(&mut self, condition: &Condition, since: usize) {
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

    /// `otherwise …`: the other arm of the branch before.
    fn otherwise(&mut self, next: Option<&Condition>) {
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
    fn on_failure(&mut self) {
        let list = self.list();
        let Some(node) = list.pop() else { return };
        let Node::Step(step) = node else {
            list.push(node);
            return;
        };
        list.push(Node::Fork(step, vec![(Outcome::OK.into(), Vec::new()), (Outcome::ERROR.into(), Vec::new())]));
        self.way.push(Way::Arm(1));
    }

    /// What follows comes before the last that was done.
    fn before_that(&mut self, rest: &[Part], since: usize) {
        let list = self.list();
        let start = if since < list.len() { since } else { list.len().saturating_sub(1) };
        let later = list.split_off(start);
        let rest: Vec<Part> = rest.to_vec();
        let way = self.way.clone();
        self.continue_with(&rest);
        self.way = way;
        self.list().extend(later);
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
    fn before(&mut self, deed: &Deed, parts: &[Part], at: usize) -> bool {
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
                self.continue_with(&rest);
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
    fn after(&mut self, deed: &Deed) {
        if deed.verbs.is_empty() || self.find(deed).is_some() {
            return;
        }
        let list = self.list();
        if let Some(last) = list.pop() {
            self.perform(deed);
            self.list().push(last);
        } else {
            self.perform(deed);
        }
    }

    /// Where in the list a deed is done already.
    fn find(&mut self, deed: &Deed) -> Option<usize> {
        let steps: Vec<_> = self.list().iter().map(|node| node.step().clone()).collect();
        let scores: Vec<f64> = steps.iter().map(|step| self.scene.is_meant(step, deed)).collect();
        let best = scores.iter().copied().fold(0.0, f64::max);
        (best >= 0.5).then(|| scores.iter().rposition(|score| (*score - best).abs() < 1e-9)).flatten()
    }
}

/// The list at the end of a way, or as far as the way goes.
fn inner<'n>(list: &'n mut Vec<Node>, way: &[Way]) -> &'n mut Vec<Node> {
    let Some((first, rest)) = way.split_first() else { return list };
    let goes_on = match (list.last(), first) {
        (Some(Node::Loop(..)), Way::Body) => true,
        (Some(Node::Fork(_, arms)), Way::Arm(arm)) => *arm < arms.len(),
        _ => false,
    };
    if !goes_on {
        return list;
    }
    match (list.last_mut(), first) {
        (Some(Node::Fork(_, arms)), Way::Arm(arm)) => inner(&mut arms[*arm].1, rest),
        (Some(Node::Loop(_, body)), _) => inner(body, rest),
        // Looked at above.
        _ => Box::leak(Box::default()),
    }
}

fn contains(node: &Node, id: &StepId) -> bool {
    match node {
        Node::Step(step) => step.id == *id,
        Node::Loop(step, body) => step.id == *id || body.iter().any(|node| contains(node, id)),
        Node::Fork(step, arms) => {
            step.id == *id || arms.iter().any(|(_, nodes)| nodes.iter().any(|node| contains(node, id)))
        }
    }
}

/// Loops in which nothing is done, and branches that lead nowhere, are left out.
fn prune(nodes: &mut Vec<Node>) {
    nodes.retain_mut(|node| match node {
        Node::Step(_) => true,
        Node::Loop(_, body) => {
            prune(body);
            !body.is_empty()
        }
        Node::Fork(step, arms) => {
            for (_, nodes) in arms.iter_mut() {
                prune(nodes);
            }
            !matches!(step.process, Process::Branch { .. }) || arms.iter().any(|(_, nodes)| !nodes.is_empty())
        }
    });
}
