//! The same steps otherwise: in another order, under another name, only if something holds.

use super::super::draft::{self, Node, Spot};
use super::super::grammar::{Deed, Part};
use super::super::lexicon::LEXICON;
use super::super::scene::Scene;
use super::target;
use crate::workflow::StepId;

impl Scene<'_> {
    /// `move X before Y`, `swap X and Y`, `do X before Y` if both are there
    pub(super) fn rearrange(&mut self, parts: &[Part]) -> bool {
        let Some(Part::Do(deed)) = parts.iter().find(|part| matches!(part, Part::Do(_))) else { return false };
        let base = deed.verb().map_or("", |verb| verb.base.as_str());
        if matches!(base, "swap" | "switch" | "exchange" | "reorder") && deed.objects.len() == 2 {
            let both: Vec<StepId> = deed
                .objects
                .iter()
                .filter_map(|phrase| {
                    self.meant(&Deed { objects: vec![phrase.clone()], words: phrase.words.clone(), ..Deed::default() })
                        .first()
                        .map(|(id, _)| id.clone())
                })
                .collect();
            if let [one, other] = both.as_slice()
                && one != other
                && self.draft.owner(one) == self.draft.owner(other)
            {
                let owner = self.draft.owner(one);
                let list = self.draft.list(owner.as_ref());
                let place = |id: &StepId| list.iter().position(|step| step.id == *id);
                let (Some(a), Some(b)) = (place(one), place(other)) else { return false };
                let (first, second) = if a < b { (one, other) } else { (other, one) };
                let next = list.get(a.max(b) + 1).map(|step| step.id.clone());
                let adjacent = a.abs_diff(b) == 1;
                self.draft.move_to(second, &Spot::Before(first.clone()));
                if !adjacent {
                    match next {
                        Some(next) => self.draft.move_to(first, &Spot::Before(next)),
                        None => self.draft.move_to(first, &Spot::End(owner)),
                    }
                }
                return true;
            }
        }
        let anchor = parts.iter().find_map(|part| match part {
            Part::Before(deed) => Some((deed, true)),
            Part::After(deed) => Some((deed, false)),
            _ => None,
        });
        let moves = LEXICON.edits("move", base);
        let ends = parts.iter().find_map(|part| match part {
            Part::First => Some(Spot::Start(None)),
            Part::Last => Some(Spot::End(None)),
            Part::InLoop => self.only_loop().map(|id| Spot::End(Some(id))),
            _ => None,
        });
        let subject = if moves { target(&deed.words) } else { target(&deed.words_with_verbs()) };
        let Some((id, score)) = self
            .meant(&subject.deed)
            .first()
            .cloned()
            .or_else(|| self.by_place(&subject).first().map(|id| (id.clone(), 1.0)))
        else {
            return false;
        };
        let adds = deed.is_verb(&["add", "insert", "include"]);
        if (!moves && score < 0.75) || adds {
            return false;
        }
        if let Some((anchor, before)) = anchor {
            let anchor = target(&anchor.words_with_verbs());
            let Some((other, _)) = self
                .meant(&anchor.deed)
                .first()
                .cloned()
                .or_else(|| self.by_place(&anchor).first().map(|id| (id.clone(), 1.0)))
            else {
                return false;
            };
            if other == id {
                return false;
            }
            self.draft.move_to(&id, &if before { Spot::Before(other) } else { Spot::After(other) });
            return true;
        }
        match ends.filter(|_| moves) {
            Some(spot) => {
                self.draft.move_to(&id, &spot);
                true
            }
            None => false,
        }
    }

    /// `rename the step X to Y`, `call the workflow Y`
    pub(super) fn rename(&mut self, parts: &[Part]) -> bool {
        let Some(Part::Do(deed)) = parts.first() else { return false };
        if !deed.is_verb(&["rename", "call", "name", "title"]) {
            return false;
        }
        let Some(to) = deed.words.iter().rposition(|word| matches!(word.lower.as_str(), "to" | "as" | "into")) else {
            return false;
        };
        let name: Vec<String> =
            deed.words[to + 1..].iter().filter(|word| word.is_word()).map(|word| word.text.clone()).collect();
        if name.is_empty() {
            return false;
        }
        let what = &deed.words[..to];
        if what.iter().any(|word| matches!(word.lower.as_str(), "workflow" | "flow")) {
            self.draft.workflow.name = draft::item_name(&name);
            return true;
        }
        let wanted = target(what);
        let known = wanted.step || what.iter().any(|word| self.draft.step(&word.text.as_str().into()).is_some());
        if !known {
            return false;
        }
        let Some((id, _)) = self.meant(&wanted.deed).first().cloned() else { return false };
        let to = self.draft.id(&name);
        self.renames.push((id, to));
        true
    }

    /// `only send it if …`: what is there is put behind a condition.
    pub(super) fn restrict(&mut self, parts: &[Part]) -> bool {
        let only = parts.iter().any(|part| matches!(part, Part::Do(deed) if deed.only));
        let Some(condition) = parts.iter().find_map(|part| {
            if let Part::If(condition) | Part::When(condition, _) = part { Some(condition) } else { None }
        }) else {
            return false;
        };
        let Some(deed) = parts.iter().find_map(|part| if let Part::Do(deed) = part { Some(deed) } else { None }) else {
            return false;
        };
        let is_only = only || condition.only;
        if !is_only {
            return false;
        }
        let Some((id, score)) = self.meant(deed).first().cloned() else { return false };
        if score < 0.6 {
            return false;
        }
        let loops = self.loops_of(&id);
        self.look_from(&Spot::Before(id.clone()));
        let fork = self.branch(std::slice::from_ref(condition), &loops);
        self.look_from_the_end();
        let branch = fork.id.clone();
        let node = Node::Step(fork);
        self.draft.put(&[node], &Spot::Before(id.clone()));
        if let Some(step) = self.draft.step_mut(&id) {
            for need in step.needs.iter_mut().filter(|need| need.step == branch) {
                need.port = crate::workflow::Port::Named("case_1".into());
            }
        }
        true
    }
}
