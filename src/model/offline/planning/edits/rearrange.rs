//! The same steps otherwise: in another order, under another name, only if something holds.

use super::super::draft::{self, Node, Spot};
use super::super::grammar::{Deed, Part};
use super::super::lexicon::LEXICON;
use super::super::scene::Scene;
use super::super::tokens::Token;
use super::target;
use crate::workflow::{Outcome, StepId};

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
        // `the mail comes last`
        let said = without_coming(deed);
        let moves = LEXICON.edits("move", base) || said.is_some();
        let ends = parts.iter().find_map(|part| match part {
            Part::First => Some(Spot::Start(None)),
            Part::Last => Some(Spot::End(None)),
            Part::InLoop => self.only_loop().map(|id| Spot::End(Some(id))),
            _ => None,
        });
        let subject = match said {
            Some(said) => target(&said),
            None if moves => target(&deed.words),
            None => target(&deed.words_with_verbs()),
        };
        let done = if deed.verbs.is_empty() || moves { Vec::new() } else { self.meant(deed) };
        let Some((id, score)) = done
            .first()
            .cloned()
            .or_else(|| self.meant(&subject.deed).first().cloned())
            .or_else(|| self.by_place(&subject).first().map(|id| (id.clone(), 1.0)))
        else {
            return false;
        };
        let adds = deed.is_verb(&["add", "insert", "include"]);
        let known = is_known(deed);
        if !moves && (score < 0.6 || !known) || adds {
            return false;
        }
        if let Some((anchor, before)) = anchor {
            let there = target(&anchor.words_with_verbs());
            let done = if anchor.verbs.is_empty() { Vec::new() } else { self.meant(anchor) };
            let other = done
                .first()
                .cloned()
                .or_else(|| self.meant(&there.deed).first().cloned())
                .or_else(|| self.by_place(&there).first().map(|id| (id.clone(), 1.0)));
            let Some((other, _)) = other else {
                // `the mail is sent after a contract was made`: that is done before the mail.
                let new = !anchor.verbs.is_empty() && (known || deed.only) && !moves;
                if new {
                    let place = if before { Part::After(deed.clone()) } else { Part::Before(deed.clone()) };
                    self.besides(&[Part::Do(anchor.clone()), place]);
                }
                return new;
            };
            if other == id {
                return false;
            }
            self.draft.move_to(&id, &if before { Spot::Before(other) } else { Spot::After(other) });
            return true;
        }
        match ends.filter(|_| moves || (known && score >= 0.75)) {
            Some(spot) => {
                // First or last among its own.
                let owner = self.draft.owner(&id);
                let spot = match spot {
                    Spot::Start(None) => Spot::Start(owner),
                    Spot::End(None) if self.draft.workflow.steps.iter().all(|step| step.id != id) => Spot::End(owner),
                    spot => spot,
                };
                self.draft.move_to(&id, &spot);
                true
            }
            None => false,
        }
    }

    /// `send the mail first, then create the task`, where both are done: in this order.
    pub(super) fn in_order(&mut self, parts: &[Part]) -> bool {
        let ordered = parts.iter().any(|part| matches!(part, Part::Then | Part::First));
        let plain = parts.iter().all(|part| matches!(part, Part::Do(_) | Part::Then | Part::First | Part::Also));
        let deeds = parts.iter().filter_map(|part| if let Part::Do(deed) = part { Some(deed) } else { None });
        let deeds: Vec<&Deed> = deeds.collect();
        if !ordered || !plain || deeds.len() < 2 || !deeds.iter().all(|deed| is_known(deed)) {
            return false;
        }
        let steps: Vec<StepId> = deeds
            .iter()
            .filter_map(|deed| self.meant(deed).first().filter(|(_, score)| *score >= 0.7).map(|(id, _)| id.clone()))
            .collect();
        let same = |pair: &[StepId]| pair[0] != pair[1] && self.draft.owner(&pair[0]) == self.draft.owner(&pair[1]);
        if steps.len() != deeds.len() || !steps.windows(2).all(same) {
            return false;
        }
        let Some(first) = steps.first() else { return false };
        let owner = self.draft.owner(first);
        for pair in steps.windows(2).rev() {
            let list = self.draft.list(owner.as_ref());
            let place = |id: &StepId| list.iter().position(|step| step.id == *id);
            if place(&pair[0]) > place(&pair[1]) {
                self.draft.move_to(&pair[0], &Spot::Before(pair[1].clone()));
            }
        }
        true
    }

    /// `rename the step X to Y`, `call the workflow Y`
    pub(super) fn rename(&mut self, parts: &[Part]) -> bool {
        let Some(Part::Do(deed)) = parts.first() else { return false };
        if !deed.is_verb(&["rename", "call", "name", "title"]) {
            return false;
        }
        let workflow = deed.words.iter().position(|word| matches!(word.lower.as_str(), "workflow" | "flow"));
        let to = deed.words.iter().rposition(|word| matches!(word.lower.as_str(), "to" | "as" | "into")).or(workflow);
        let Some(to) = to else { return false };
        let name: Vec<String> =
            deed.words[to + 1..].iter().filter(|word| word.is_word()).map(|word| word.text.clone()).collect();
        if name.is_empty() {
            return false;
        }
        let what = &deed.words[..to.max(workflow.map_or(0, |at| at + 1)).min(deed.words.len())];
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
        // A message after it tells of it, and is sent only if it was done.
        let tells: Vec<StepId> = self
            .things
            .iter()
            .filter(|thing| {
                let heads = thing.objects.iter().filter_map(|object| object.last());
                heads.into_iter().any(|head| ["messag", "mail"].iter().any(|noun| LEXICON.alike(head, noun) > 0.9))
            })
            .map(|thing| thing.step.clone())
            .collect();
        self.draft.guard(&id, &branch, &Outcome::from("case_1"), &tells);
        true
    }
}

/// `the mail`: what is there, not `a mail`.
fn is_known(deed: &Deed) -> bool {
    !deed.objects.is_empty() && deed.objects.iter().all(|phrase| phrase.definite && !phrase.new)
}

/// `the mail comes`, `the mail should go`: the mail.
fn without_coming(deed: &Deed) -> Option<Vec<Token>> {
    let comes = |word: &Token| {
        matches!(
            word.lower.as_str(),
            "come" | "comes" | "coming" | "go" | "goes" | "happen" | "happens" | "belongs" | "belong"
        )
    };
    let at = deed.words.iter().position(comes).filter(|at| *at > 0 && deed.verbs.is_empty())?;
    let end = deed.words[..at].iter().rposition(|word| !(word.is("auxiliary") || word.is("modal")))? + 1;
    (at + 1 == deed.words.len()).then(|| deed.words[..end].to_vec())
}
