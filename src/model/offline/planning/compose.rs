//! Sentences into steps: what is in which loop, and behind which condition.

mod beside;
mod forks;
mod order;
mod place;
mod rounds;

use super::condition::Condition;
use super::draft::{Node, Spot, item_name};
use super::grammar::{Deed, Part};
use super::hear::Heard;
use super::phrase::Phrase;
use super::scene::Scene;
use super::tokens::What;
use crate::workflow::{Process, StepId, Trigger};

/// Steps in the making. The place where the next goes is in the last step of its list, and so on inwards.
pub(super) struct Composer<'s, 'a> {
    pub(super) scene: &'s mut Scene<'a>,
    root: Vec<Node>,
    way: Vec<Way>,
    /// Where a way leads that leads nowhere; there is none, since it is followed only as far as it goes.
    nowhere: Vec<Node>,
    /// Loops of the workflow around all of this.
    outer: Vec<StepId>,
    /// Where in its list the last deed began.
    latest: usize,
    /// What was to be checked, before `if so`.
    checked: Option<Condition>,
    /// What the last branch asks for.
    tested: Option<Condition>,
    /// Where the clause began that is being read.
    clause: Clause,
}

/// Where a clause began: the way to its list, how long that was, and whether all of it goes on at the same time.
#[derive(Clone, Debug, Default)]
struct Clause {
    way: Vec<Way>,
    start: usize,
    is_parallel: bool,
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
        self.draft.workflow.result = super::decompose::result(self);
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
        self.forget_unused_inputs();
        // `run it daily`, said of what runs weekly, and not `also`.
        let also = heard.sentences.iter().flat_map(|sentence| &sentence.parts).any(|part| *part == Part::Also);
        let is_timed = |trigger: &Trigger| matches!(trigger, Trigger::Cron { .. });
        if !also && heard.triggers.iter().any(is_timed) {
            self.draft.workflow.triggers.retain(|trigger| !is_timed(trigger) || heard.triggers.contains(trigger));
        }
        for trigger in &heard.triggers {
            if !self.draft.workflow.triggers.contains(trigger) {
                self.draft.workflow.triggers.push(trigger.clone());
            }
        }
        self.settle_steps();
    }
}

impl<'s, 'a> Composer<'s, 'a> {
    pub(super) fn new(scene: &'s mut Scene<'a>, outer: Vec<StepId>) -> Self {
        Self {
            scene,
            root: Vec::new(),
            way: Vec::new(),
            nowhere: Vec::new(),
            outer,
            latest: 0,
            checked: None,
            tested: None,
            clause: Clause::default(),
        }
    }

    pub(super) fn finish(self) -> Vec<Node> {
        let mut nodes = self.root;
        prune(&mut nodes);
        nodes
    }

    /// The list that the next step goes to.
    fn list(&mut self) -> &mut Vec<Node> {
        let depth = depth(&self.root, &self.way);
        inner(&mut self.root, &self.way[..depth]).unwrap_or(&mut self.nowhere)
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
        self.begin_clause();
        let mut at = 0;
        while at < parts.len() {
            if matches!(parts[at], Part::Then | Part::Last | Part::AfterLoop) {
                self.end_clause();
            }
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
                Part::Do(deed) => since = self.carry_out(deed, since),
                Part::Each(phrase) => {
                    let directly = matches!(parts.get(at + 1), Some(Part::Do(_) | Part::If(_)));
                    let opens = deed_follows && (!done_before || (directly && Self::opens(parts, at)));
                    since = self.each(phrase, &parts[at + 1..], opens, since);
                }
                // `if it is high, …`, after `if the priority is urgent, …`: another case of the same.
                Part::If(condition) if at == 0 && self.is_another_case(condition) => {
                    let condition = self.as_another_case(condition);
                    self.way = self.last_way();
                    self.otherwise(Some(&condition));
                    since = self.list().len();
                }
                // `if it isn't, …`
                Part::If(condition) if self.denies_the_last(condition) => {
                    self.otherwise(None);
                    since = self.list().len();
                }
                // `when it is created, …`: that is done there.
                Part::When(_, deed) if !deed.verbs.is_empty() && self.find(deed).is_some() => {}
                Part::If(condition) | Part::When(condition, _) => {
                    let condition = &self.referred(condition);
                    self.tested = Some(condition.clone());
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
                    self.other_case(next.as_ref());
                    since = self.list().len();
                }
                // `create a file, before that a folder`
                Part::BeforeThat => {
                    let rest: Vec<Part> = parts[at + 1..].to_vec();
                    self.before_that(&rest, since);
                    break;
                }
                Part::Before(deed) => {
                    let deed = self.scene.with_its_object(deed, parts);
                    if self.before(&deed, parts, at) {
                        break;
                    }
                }
                Part::After(deed) => {
                    let deed = self.scene.with_its_object(deed, parts);
                    self.after(&deed);
                }
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
                | Part::InLoop => {}
                Part::Parallel => self.clause.is_parallel = true,
            }
            at += 1;
        }
        self.end_clause();
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

    /// Does what a deed says: in the other arm, if it is of the others. Where what trails it refers to from then on.
    fn carry_out(&mut self, deed: &Deed, since: usize) -> usize {
        // `if it has no page, create one`
        if let Some(missing) = self.missing(deed) {
            self.perform(&Deed { objects: vec![missing], ..deed.clone() });
            return since;
        }
        if !self.is_of_the_rest(deed) {
            self.perform(deed);
            return since;
        }
        // `reject the others`
        self.otherwise(None);
        let one = Phrase { pronoun: true, ..Phrase::default() };
        self.perform(&Deed { objects: vec![one], ..deed.clone() });
        self.list().len()
    }

    fn perform(&mut self, deed: &Deed) {
        let loops = self.loops();
        let nodes = self.scene.act(deed, &loops);
        self.latest = self.list().len();
        self.list().extend(nodes);
    }
}

/// How many parts of a way lead somewhere.
fn depth(list: &[Node], way: &[Way]) -> usize {
    match (way.split_first(), list.last()) {
        (Some((Way::Body, rest)), Some(Node::Loop(_, body))) => 1 + depth(body, rest),
        (Some((Way::Arm(arm), rest)), Some(Node::Fork(_, arms))) => {
            arms.get(*arm).map_or(0, |(_, nodes)| 1 + depth(nodes, rest))
        }
        _ => 0,
    }
}

/// The list at the end of a way; `None` if the way does not lead anywhere.
fn inner<'n>(list: &'n mut Vec<Node>, way: &[Way]) -> Option<&'n mut Vec<Node>> {
    way.iter().try_fold(list, |list, way| match (list.last_mut()?, way) {
        (Node::Loop(_, body), Way::Body) => Some(body),
        (Node::Fork(_, arms), Way::Arm(arm)) => arms.get_mut(*arm).map(|(_, nodes)| nodes),
        _ => None,
    })
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
