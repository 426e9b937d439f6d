//! Changes of the workflow that is there: what is to be left out, exchanged, moved, or done besides.

use super::act::singular;
use super::cards::{Wanted, content};
use super::compose::Composer;
use super::condition::{self, Compares, Condition, Constant};
use super::draft::{self, Node, Spot};
use super::grammar::{self, Deed, Part};
use super::lexicon::LEXICON;
use super::scene::Scene;
use super::tokens::{Token, What};
use super::{Ambiguity, Choice, Evidence};
use crate::workflow::{Outcome, Process, Step, StepId};

/// What a clause speaks of in the workflow.
#[derive(Clone, Debug)]
struct Target {
    deed: Deed,
    /// True if it was called a step.
    step: bool,
    plural: bool,
    all: bool,
}

/// Scores that differ by less are equal.
const EQUAL: f64 = 0.08;

impl Scene<'_> {
    /// Carries out a sentence on the workflow that is there.
    pub(super) fn edit(&mut self, parts: &[Part]) {
        let parts = &without_joints(parts);
        let done = self.exchange(parts) || self.leave_out(parts) || self.rearrange(parts) || self.rename(parts) || self.restrict(parts);
        if !done {
            self.besides(parts);
        }
    }

    /// `replace X with Y`, `Y instead of X`, `Y instead`, `not X but Y`
    fn exchange(&mut self, parts: &[Part]) -> bool {
        let deeds: Vec<&Deed> = parts.iter().filter_map(|part| if let Part::Do(deed) = part { Some(deed) } else { None }).collect();
        let olds: Vec<&Deed> = parts.iter().filter_map(|part| if let Part::InsteadOf(deed) | Part::Not(deed) = part { Some(deed) } else { None }).collect();
        let instead = parts.iter().any(|part| matches!(part, Part::Instead | Part::InsteadOf(_)));
        if let Some(deed) = deeds.iter().find(|deed| is_exchange(deed)) {
            let Some((old, new)) = sides(deed) else { return false };
            // `change it to` something speaks of a thing, unless both sides are steps, services or constants.
            let change = LEXICON.edits("change", &deed.verbs[0].base) && !LEXICON.edits("replace", &deed.verbs[0].base);
            if change && !self.exchanges_known(&old, &new) {
                return false;
            }
            return self.put_instead(&old, &new);
        }
        match (olds.first(), deeds.last()) {
            (Some(old), Some(new)) => {
                // `don't create an issue, just creating a task is fine`: it is there already.
                let there = self.meant(new).first().is_some_and(|(_, score)| *score >= 0.6);
                let named = instead && !there;
                if there && !instead {
                    return self.drop_steps(&target(&old.words_with_verbs()), true);
                }
                if named || !there {
                    return self.put_instead(&old.words_with_verbs(), &new.words_with_verbs());
                }
                self.drop_steps(&target(&old.words_with_verbs()), true)
            }
            (None, Some(new)) if instead => {
                let behind = parts.iter().find_map(|part| if let Part::If(condition) | Part::When(condition, _) = part { self.branch_for(condition) } else { None });
                let behind = behind.map(|(branch, outcome, _)| self.draft.arm(&branch, &outcome));
                self.put_instead_of_the_likest(new, behind.as_deref())
            }
            _ => false,
        }
    }

    /// True if both sides of a change are known: steps, services, or constants of a condition.
    fn exchanges_known(&self, old: &[Token], new: &[Token]) -> bool {
        let services = |tokens: &[Token]| !self.cards.mentioned(tokens).is_empty();
        self.constant(old).is_some() || (services(old) && services(new)) || old.iter().any(|token| token.is("step"))
    }

    /// A branch that compares with what these words say, and the constant.
    fn constant(&self, words: &[Token]) -> Option<(StepId, Outcome, String)> {
        let said: Vec<&Token> = words.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("property")).collect();
        let mut found = None;
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Branch { cases } = &step.process else { return };
            for (case, expression) in cases {
                let literal = said.iter().find(|word| literals(expression).iter().any(|literal| literal.to_lowercase() == word.lower));
                if let Some(literal) = literal {
                    found.get_or_insert((step.id.clone(), case.clone(), literal.text.clone()));
                }
            }
        });
        found
    }

    fn put_instead(&mut self, old: &[Token], new: &[Token]) -> bool {
        let (old_target, new_target) = (target(old), target(new));
        let old_services = self.cards.mentioned(old);
        let new_services = self.cards.mentioned(new);
        // `hot` instead of `cold`
        if old_services.is_empty() && let Some((step, case, literal)) = self.constant(old)
            && self.meant(&old_target.deed).first().is_none_or(|(_, score)| *score < 0.7)
        {
            return self.compare_with(&step, &case, &literal, new);
        }
        let only_service = |target: &Target, services: &super::cards::Mentioned| {
            !services.is_empty() && target.deed.verbs.iter().all(|verb| LEXICON.edits("use", &verb.base)) && target.deed.objects.iter().all(|phrase| phrase.words.iter().all(|word| services.covers(word) || word.is("generic") || word.is("step")))
        };
        if only_service(&old_target, &old_services) {
            let mut steps = Vec::new();
            draft::each_step(&self.draft.workflow.steps, &mut |step| {
                if let Process::Tool { tool } = &step.process
                    && self.cards.facts_of(tool).service.is_some_and(|service| old_services.weight(service).is_some())
                {
                    steps.push(step.id.clone());
                }
            });
            if !steps.is_empty() {
                let mut done = false;
                for step in steps {
                    done |= if only_service(&new_target, &new_services) { self.take_to(&step, &new_services) } else { self.replace(&step, &new_target.deed) };
                }
                return done;
            }
        }
        let chosen = self.choose(&old_target, true);
        if chosen.is_empty() {
            return !self.questions.is_empty();
        }
        let mut done = false;
        for (at, step) in chosen.iter().enumerate() {
            done |= if only_service(&new_target, &new_services) {
                self.take_to(step, &new_services)
            } else if at == 0 || old_target.plural {
                self.replace(step, &new_target.deed)
            } else {
                false
            };
        }
        done
    }

    fn compare_with(&mut self, step: &StepId, case: &Outcome, literal: &str, new: &[Token]) -> bool {
        let value = new.iter().find(|word| word.what == What::Quoted).or_else(|| new.iter().rev().find(|word| word.is_word() && !word.is("determiner") && !word.is("property")));
        let Some(value) = value.map(|word| word.text.clone()) else { return false };
        let Some(Step { process: Process::Branch { cases }, .. }) = self.draft.step_mut(step) else { return false };
        let Some(expression) = cases.get_mut(case) else { return false };
        let number = value.parse::<f64>().is_ok();
        let to = if number { value.clone() } else { super::scene::quoted(&value) };
        for from in [format!("'{literal}'"), format!("\"{literal}\""), literal.to_owned()] {
            if expression.contains(&from) {
                *expression = expression.replacen(&from, &to, 1);
                break;
            }
        }
        self.note(step, &value, 0.8);
        true
    }

    /// The same step, done with another service.
    fn take_to(&mut self, id: &StepId, services: &super::cards::Mentioned) -> bool {
        let Some(Process::Tool { tool }) = self.draft.step(id).map(|step| step.process.clone()) else { return false };
        let facts = self.cards.facts_of(&tool);
        let verb = LEXICON.verb(&facts.base);
        let wants = facts.objects.iter().map(|object| Wanted { verb: verb.clone(), object: object.clone(), services: services.clone(), plural: facts.class == "retrieve", ..Wanted::default() });
        let found = wants.filter_map(|wanted| self.cards.best(&wanted)).max_by(|one, other| one.score.total_cmp(&other.score));
        let Some(found) = found.filter(|found| self.cards.facts(found.card).service.is_some_and(|service| services.weight(service).is_some())) else {
            self.assume(format!("Nothing there does what `{id}` does, so it stays as it is."));
            return false;
        };
        self.set_tool(id, found.card, found.fit, Some(found.margin));
        true
    }

    fn set_tool(&mut self, id: &StepId, card: usize, confidence: f64, margin: Option<f64>) {
        let card = &self.tools[card];
        let name = card.name.clone();
        let known: Vec<&str> = card.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        if let Some(step) = self.draft.step_mut(id) {
            step.process = Process::Tool { tool: name };
            step.input.retain(|name, _| known.contains(&name.as_str()));
        }
        self.evidence.push(Evidence { step: id.clone(), said: String::new(), matched: Vec::new(), margin, assumed: Vec::new(), confidence: confidence.clamp(0.0, 1.0) });
    }

    /// Another deed in the place of a step.
    fn replace(&mut self, id: &StepId, new: &Deed) -> bool {
        let Some(old) = self.draft.step(id).cloned() else { return false };
        let loops = self.loops_of(id);
        let mut new = new.clone();
        if let Process::Tool { tool } = &old.process {
            let facts = self.cards.facts_of(tool);
            // What is not said stays as it was: the verb, or the thing.
            if new.verbs.is_empty() || new.verbs.iter().all(|verb| LEXICON.edits("use", &verb.base)) {
                new.verbs = LEXICON.verb(&facts.base).into_iter().collect();
                let named = new.objects.first().is_some_and(|phrase| {
                    let alone = self.wanted(new.verb(), phrase, &loops);
                    self.cards.best(&alone).is_some()
                });
                if !named {
                    new.verbs = ["send", "create"].iter().filter_map(|base| LEXICON.verb(base)).find(|verb| {
                        new.objects.first().is_some_and(|phrase| self.cards.best(&self.wanted(Some(verb), phrase, &loops)).is_some())
                    }).into_iter().chain(new.verbs.clone()).take(1).collect();
                }
            }
            if new.objects.is_empty() || new.objects.iter().all(|phrase| phrase.pronoun) {
                let words = facts.noun.iter().map(|word| Token::new(word, What::Word)).collect();
                let places = new.objects.first().map(|phrase| phrase.places.clone()).unwrap_or_default();
                new.objects = vec![super::phrase::Phrase { words, places, ..Default::default() }];
            }
        }
        // It is no longer there to be spoken of, but its service is.
        self.things.retain(|thing| thing.step != *id || thing.is_item());
        let service = if let Process::Tool { tool } = &old.process { self.cards.facts_of(tool).service } else { None };
        let before = self.favourite;
        self.favourite = service.or(before);
        self.look_from(&Spot::Before(id.clone()));
        let nodes = self.act_in(&new, &loops, service);
        self.look_from_the_end();
        self.favourite = before;
        match nodes.as_slice() {
            [Node::Step(step)] => {
                let made = step.id.clone();
                let (process, input) = (step.process.clone(), step.input.clone());
                if let Some(step) = self.draft.step_mut(id) {
                    step.process = process;
                    step.input = input;
                }
                for evidence in self.evidence.iter_mut().filter(|evidence| evidence.step == made) {
                    evidence.step = id.clone();
                }
                true
            }
            [] => false,
            nodes => {
                self.draft.put(nodes, &Spot::After(id.clone()));
                self.draft.remove(id);
                true
            }
        }
    }

    /// Acts as if a service had just been spoken of.
    fn act_in(&mut self, deed: &Deed, loops: &[StepId], service: Option<usize>) -> Vec<Node> {
        let before = self.things.len();
        if let Some(service) = service
            && let Some(thing) = self.things.last().cloned()
        {
            self.things.push(super::scene::Thing { service: Some(service), class: "branch".into(), loops: loops.to_vec(), ..thing });
        }
        let mut once = deed.clone();
        // A loop around it is there already, if there is to be one.
        for phrase in &mut once.objects {
            phrase.each = false;
            if !phrase.conditions.is_empty() {
                phrase.conditions.clear();
            }
        }
        let nodes = self.act(&once, loops);
        if service.is_some() && self.things.len() > before {
            self.things.remove(before);
        }
        nodes
    }

    /// `Y instead`: in the place of the step that is most like it.
    fn put_instead_of_the_likest(&mut self, new: &Deed, among: Option<&[StepId]>) -> bool {
        let mut best: Option<(StepId, f64)> = None;
        let loops: Vec<StepId> = Vec::new();
        let Some(phrase) = new.objects.first() else { return false };
        let services = self.mentions(phrase);
        let words = content(phrase, &services);
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Tool { tool } = &step.process else { return };
            if among.is_some_and(|among| !among.contains(&step.id)) {
                return;
            }
            let facts = self.cards.facts_of(tool);
            let verb = new.verb().map_or(0.5, |verb| facts.does(verb));
            let object = facts.is_about(&words, &[], phrase.plural);
            let same_service = facts.service.is_some_and(|service| services.weight(service).is_some());
            // Exactly what is there already is not to be exchanged for itself.
            let score = if verb > 0.9 && object > 0.9 && same_service && !services.is_empty() { 0.0 } else { verb + object * 1.2 + if same_service { 0.3 } else { 0.0 } };
            if best.as_ref().is_none_or(|(_, most)| score >= *most) && score > 0.5 {
                best = Some((step.id.clone(), score));
            }
        });
        let _ = loops;
        match best {
            Some((id, _)) => self.replace(&id, new),
            None => false,
        }
    }

    /// `don't …`, `remove the step …`
    fn leave_out(&mut self, parts: &[Part]) -> bool {
        let conditions: Vec<&Condition> = parts.iter().filter_map(|part| if let Part::If(condition) | Part::When(condition, _) = part { Some(condition) } else { None }).collect();
        let except = parts.iter().find_map(|part| if let Part::Except(deed) = part { Some(deed) } else { None });
        let mut done = false;
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
            let everything = wanted.all && wanted.deed.verbs.is_empty() && wanted.deed.objects.iter().all(|phrase| phrase.words.is_empty() || phrase.words.iter().all(|word| word.is("step") || word.lower == "everything"));
            if everything || words.iter().all(|word| word.is("step") || word.is("determiner") || word.is("all") || word.lower == "everything") && !words.is_empty() {
                done |= self.leave_all_out(&conditions, except, parts);
                continue;
            }
            if !negation && !wanted.step && !self.removes_a_step(deed, &wanted) {
                continue;
            }
            for wanted in targets(&words) {
                done |= self.drop_steps(&wanted, negation);
            }
        }
        if done {
            self.go_on_after(parts);
        }
        done
    }

    /// `remove the step to make this and send that`: what is there is left out too, what is not is done.
    fn go_on_after(&mut self, parts: &[Part]) {
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
    fn removes_a_step(&self, deed: &Deed, wanted: &Target) -> bool {
        let base = deed.verb().map_or("", |verb| verb.base.as_str());
        let meant = self.meant(&wanted.deed);
        let Some((_, score)) = meant.first() else { return false };
        let conditional = deed.objects.iter().any(|phrase| !phrase.conditions.is_empty());
        let tool = deed.objects.first().is_some_and(|phrase| deed.verb().is_some_and(|verb| self.tool(verb, phrase, &[]).is_some()));
        let all = deed.objects.iter().any(|phrase| phrase.all || phrase.each || phrase.pronoun);
        match base {
            "delete" | "discard" | "eliminate" => *score >= 0.5 && !tool,
            _ => *score >= 0.5 && !conditional && !(all && tool),
        }
    }

    /// All steps, or those behind a condition, or all but some.
    fn leave_all_out(&mut self, conditions: &[&Condition], except: Option<&Deed>, parts: &[Part]) -> bool {
        if let Some(condition) = conditions.first() {
            let Some((branch, outcome, _)) = self.branch_for(condition) else { return false };
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
        let kept: Vec<StepId> = self.choose(&target(&except.words_with_verbs()), true);
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

    fn drop_steps(&mut self, wanted: &Target, negation: bool) -> bool {
        let chosen = self.choose(wanted, negation);
        for id in &chosen {
            self.draft.remove(id);
        }
        self.turn_branches();
        self.forget(&chosen);
        !chosen.is_empty() || !self.questions.is_empty()
    }

    /// A branch of which only the other arm is left asks for the opposite; one with nothing behind it is left out.
    fn turn_branches(&mut self) {
        let mut branches = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if let Process::Branch { cases } = &step.process
                && cases.len() == 1
            {
                branches.extend(cases.iter().map(|(case, expression)| (step.id.clone(), case.clone(), expression.clone())));
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
                self.draft.turn(&id, &case, opposite);
            }
        }
    }

    fn forget(&mut self, gone: &[StepId]) {
        self.things.retain(|thing| !gone.contains(&thing.step));
    }

    /// The steps that are meant. If it is not clear which one is, a question takes their place.
    fn choose(&mut self, wanted: &Target, several: bool) -> Vec<StepId> {
        if let Some(id) = self.by_place(wanted) {
            return vec![id];
        }
        let meant = self.meant(&wanted.deed);
        // `don't use Slack`: all that is done with it.
        if meant.is_empty() {
            return Vec::new();
        }
        let best = meant[0].1;
        let equal: Vec<StepId> = meant.iter().filter(|(_, score)| best - score < EQUAL).map(|(id, _)| id.clone()).collect();
        if equal.len() == 1 || several || wanted.plural || wanted.all {
            return equal;
        }
        let choices = equal.iter().map(|id| Choice { label: format!("`{id}`"), request: format!("remove the step `{id}`") }).collect();
        self.questions.push(Ambiguity { text: format!("Which step is meant by “{}”?", wanted.deed.said), choices });
        Vec::new()
    }

    /// `the last step`, `the second step`
    fn by_place(&self, wanted: &Target) -> Option<StepId> {
        if !wanted.step {
            return None;
        }
        let words: Vec<&str> = wanted.deed.words.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("step")).map(|word| word.lower.as_str()).collect();
        let list = &self.draft.workflow.steps;
        let at = match words.as_slice() {
            ["last" | "final"] => list.len().checked_sub(1)?,
            ["first"] => 0,
            ["second"] => 1,
            ["third"] => 2,
            _ => return None,
        };
        list.get(at).map(|step| step.id.clone())
    }

    /// `move X before Y`, `swap X and Y`, `do X before Y` if both are there
    fn rearrange(&mut self, parts: &[Part]) -> bool {
        let Some(Part::Do(deed)) = parts.iter().find(|part| matches!(part, Part::Do(_))) else { return false };
        let base = deed.verb().map_or("", |verb| verb.base.as_str());
        if matches!(base, "swap" | "switch" | "exchange" | "reorder") && deed.objects.len() == 2 {
            let both: Vec<StepId> = deed.objects.iter().filter_map(|phrase| self.meant(&Deed { objects: vec![phrase.clone()], words: phrase.words.clone(), ..Deed::default() }).first().map(|(id, _)| id.clone())).collect();
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
        let moved = if moves { target(&deed.words) } else { target(&deed.words_with_verbs()) };
        let Some((id, score)) = self.meant(&moved.deed).first().cloned().or_else(|| self.by_place(&moved).map(|id| (id, 1.0))) else { return false };
        let adds = deed.is_verb(&["add", "insert", "include"]);
        if (!moves && score < 0.75) || adds {
            return false;
        }
        if let Some((anchor, before)) = anchor {
            let anchor = target(&anchor.words_with_verbs());
            let Some((other, _)) = self.meant(&anchor.deed).first().cloned().or_else(|| self.by_place(&anchor).map(|id| (id, 1.0))) else { return false };
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
    fn rename(&mut self, parts: &[Part]) -> bool {
        let Some(Part::Do(deed)) = parts.first() else { return false };
        if !deed.is_verb(&["rename", "call", "name", "title"]) {
            return false;
        }
        let Some(to) = deed.words.iter().rposition(|word| matches!(word.lower.as_str(), "to" | "as" | "into")) else { return false };
        let name: Vec<String> = deed.words[to + 1..].iter().filter(|word| word.is_word()).map(|word| word.text.clone()).collect();
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
    fn restrict(&mut self, parts: &[Part]) -> bool {
        let only = parts.iter().any(|part| matches!(part, Part::Do(deed) if deed.only));
        let Some(condition) = parts.iter().find_map(|part| if let Part::If(condition) | Part::When(condition, _) = part { Some(condition) } else { None }) else { return false };
        let Some(deed) = parts.iter().find_map(|part| if let Part::Do(deed) = part { Some(deed) } else { None }) else { return false };
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

    /// What is to be done besides what is there.
    fn besides(&mut self, parts: &[Part]) {
        let mut rest: Vec<Part> = parts.to_vec();
        let mut spot = None;
        // `before X`, `after X`: a place, if X is there.
        if let Some(at) = rest.iter().position(|part| matches!(part, Part::Before(_) | Part::After(_)))
            && let Part::Before(anchor) | Part::After(anchor) = &rest[at]
        {
            let wanted = target(&anchor.words_with_verbs());
            let meant = self.by_place(&wanted).or_else(|| self.latest_meant(&wanted.deed, matches!(rest[at], Part::After(_))));
            if let Some(id) = meant {
                spot = Some(if matches!(rest[at], Part::Before(_)) { Spot::Before(id) } else { Spot::After(id) });
                rest.remove(at);
                // `after creation of every task` says no more than that.
                rest.retain(|part| !matches!(part, Part::Each(_)) || parts.len() < 3);
            }
        }
        for (part, place) in [(Part::First, Spot::Start(None)), (Part::Last, Spot::End(None)), (Part::AfterLoop, Spot::End(None))] {
            if rest.contains(&part) {
                spot.get_or_insert(place);
                rest.retain(|other| *other != part);
            }
        }
        if rest.contains(&Part::InLoop) {
            if let Some(id) = self.only_loop() {
                spot.get_or_insert(Spot::End(Some(id)));
            }
            rest.retain(|other| *other != Part::InLoop);
        }
        // `for each lead`: a loop that is there.
        if spot.is_none()
            && let Some(at) = rest.iter().position(|part| matches!(part, Part::Each(_)))
            && let Part::Each(phrase) = &rest[at]
        {
            let words = content(phrase, &self.cards.mentioned(&phrase.words));
            let named = self.things.iter().find(|thing| thing.is_item() && thing.is_called(&words) >= 0.6).map(|thing| thing.step.clone());
            if let Some(id) = named {
                spot = Some(Spot::End(Some(id)));
                rest.remove(at);
            }
        }
        // `otherwise …`, `if …`: an arm of a branch that is there.
        if spot.is_none() && matches!(rest.first(), Some(Part::Otherwise)) && let Some(branch) = self.only_branch() {
            let outcome = Outcome::from(Outcome::OTHERWISE);
            spot = Some(Spot::Arm(branch, outcome));
            rest.remove(0);
        }
        if spot.is_none()
            && let Some(at) = rest.iter().position(|part| matches!(part, Part::If(_) | Part::When(..)))
            && let Part::If(condition) | Part::When(condition, _) = &rest[at]
        {
            let condition = condition.clone();
            if condition.is_about_failure() {
                if let Some(id) = self.failing(&condition) {
                    spot = Some(Spot::Failure(id));
                    rest.remove(at);
                }
            } else if let Some((branch, outcome, _)) = self.branch_for(&condition) {
                spot = Some(Spot::Arm(branch, outcome));
                rest.remove(at);
            } else {
                spot = self.loop_of(&condition).map(|id| Spot::End(Some(id)));
            }
        }
        let spot = spot.or_else(|| self.place_of(&rest)).unwrap_or(Spot::End(None));
        let loops = match &spot {
            Spot::Start(owner) | Spot::End(owner) => owner.iter().flat_map(|owner| self.loops_within(owner)).collect(),
            Spot::Before(id) | Spot::After(id) | Spot::Arm(id, _) | Spot::Failure(id) => self.loops_of(id),
        };
        for part in &mut rest {
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
        self.look_from(&spot);
        let mut composer = Composer::new(self, loops);
        composer.sentence(&rest);
        let nodes = composer.finish();
        self.look_from_the_end();
        self.draft.put(&nodes, &spot);
    }

    /// Of the steps that are meant equally, the last to come after, the first to come before.
    fn latest_meant(&self, deed: &Deed, last: bool) -> Option<StepId> {
        let meant = self.meant(deed);
        let best = meant.first()?.1;
        let mut equal = meant.iter().filter(|(_, score)| best - score < EQUAL);
        let found = if last { equal.next_back() } else { equal.next() };
        found.filter(|(_, score)| *score >= 0.45).map(|(id, _)| id.clone())
    }

    /// A sentence about what is made in a loop belongs there.
    fn place_of(&self, parts: &[Part]) -> Option<Spot> {
        let top: Vec<_> = self.things.iter().filter(|thing| thing.loops.is_empty()).cloned().collect();
        for part in parts {
            let Part::Do(deed) = part else { continue };
            for phrase in deed.objects.iter().flat_map(super::phrase::Phrase::each_part) {
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

    fn loops_within(&self, owner: &StepId) -> Vec<StepId> {
        let mut loops = self.loops_of(owner);
        loops.push(owner.clone());
        loops
    }

    /// The loops around a step, outermost first.
    fn loops_of(&self, id: &StepId) -> Vec<StepId> {
        let mut loops = Vec::new();
        let mut at = self.draft.owner(id);
        while let Some(owner) = at {
            at = self.draft.owner(&owner);
            loops.insert(0, owner);
        }
        loops
    }

    fn only_loop(&self) -> Option<StepId> {
        let mut loops = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if step.process.body().is_some() {
                loops.push(step.id.clone());
            }
        });
        loops.pop()
    }

    fn only_branch(&self) -> Option<StepId> {
        let mut branches = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if matches!(step.process, Process::Branch { .. }) {
                branches.push(step.id.clone());
            }
        });
        branches.pop()
    }

    /// The loop whose item a condition speaks of.
    fn loop_of(&self, condition: &Condition) -> Option<StepId> {
        let words: Vec<String> = condition.tests.iter().flat_map(|test| condition::stems(&test.subject)).collect();
        let called = |thing: &&super::scene::Thing| words.iter().any(|word| thing.is_called(std::slice::from_ref(word)) >= 0.6);
        let item = self.things.iter().filter(|thing| thing.is_item()).find(called).map(|thing| thing.step.clone());
        item.or_else(|| {
            let loops: Vec<_> = self.things.iter().filter(|thing| thing.is_item()).collect();
            // A property of what is not named: of the one thing that is gone through.
            let bare = condition.tests.iter().all(|test| test.subject.iter().all(|token| token.is("property") || token.is("determiner") || token.is("pronoun") || token.is("possessive")));
            (loops.len() == 1 && bare).then(|| loops[0].step.clone())
        })
    }

    /// The step whose failure is spoken of.
    fn failing(&self, condition: &Condition) -> Option<StepId> {
        let subject: Vec<Token> = condition.tests.iter().flat_map(|test| test.subject.clone()).collect();
        let wanted = target(&subject);
        let meant = self.meant(&wanted.deed).first().map(|(id, _)| id.clone());
        meant.or_else(|| self.draft.workflow.steps.last().map(|step| step.id.clone()))
    }

    /// The arm of a branch that is there which a condition speaks of, and how surely.
    fn branch_for(&self, condition: &Condition) -> Option<(StepId, Outcome, f64)> {
        let mut best: Option<(StepId, Outcome, f64)> = None;
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let Process::Branch { cases } = &step.process else { return };
            for (case, expression) in cases {
                let Some((score, same)) = compare(condition, expression) else { continue };
                let outcome = if same { case.clone() } else { Outcome::from(Outcome::OTHERWISE) };
                if best.as_ref().is_none_or(|(_, _, most)| score > *most) {
                    best = Some((step.id.clone(), outcome, score));
                }
            }
        });
        best
    }

    fn note(&mut self, step: &StepId, said: &str, confidence: f64) {
        self.evidence.push(Evidence { step: step.clone(), said: said.to_owned(), matched: Vec::new(), margin: None, assumed: Vec::new(), confidence });
    }
}

/// `also` and `then` say nothing of where.
fn without_joints(parts: &[Part]) -> Vec<Part> {
    parts.iter().filter(|part| !matches!(part, Part::Also | Part::Then)).cloned().collect()
}

/// Whether a condition speaks of what an expression tests: how surely, and whether it wants the same of it or the opposite.
fn compare(condition: &Condition, expression: &str) -> Option<(f64, bool)> {
    let names: Vec<String> = super::scene::words_of(expression).iter().map(|word| super::lexicon::stem(word)).collect();
    let literals: Vec<String> = literals(expression).iter().map(|literal| literal.to_lowercase()).collect();
    let test = condition.tests.first()?;
    let mut words = condition::stems(&test.subject);
    words.extend(test.property.iter().map(|property| super::lexicon::stem(property)));
    let unequal = expression.contains("!=");
    let wants_unequal = test.compares == Compares::Unequal;
    let named = words.iter().filter(|word| names.contains(word)).count();
    match &test.value {
        Constant::Text(text) if literals.contains(&text.to_lowercase()) => Some((2.0 + count(named), unequal == wants_unequal)),
        Constant::Number(number) if literals.contains(number) => Some((2.0 + count(named), compares_alike(expression, test.compares))),
        Constant::Nothing if literals.iter().any(|literal| literal == "none") => Some((1.0 + count(named), unequal == wants_unequal)),
        // `is restricted` where `is_restricted == false` is tested.
        Constant::Text(text) if literals.iter().any(|literal| literal == "true" || literal == "false") => {
            let stem = super::lexicon::stem(&text.to_lowercase());
            names.contains(&stem).then(|| {
                let truth = literals.iter().any(|literal| literal == "true") != unequal;
                (1.5 + count(named), truth != wants_unequal)
            })
        }
        Constant::Truth(truth) if literals.iter().any(|literal| literal == "true" || literal == "false") => {
            let tested = literals.iter().any(|literal| literal == "true") != unequal;
            (named > 0).then(|| (1.2 + count(named), tested == (*truth != wants_unequal)))
        }
        _ => None,
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX)) * 0.1
}

fn compares_alike(expression: &str, compares: Compares) -> bool {
    match compares {
        Compares::Greater | Compares::AtLeast => expression.contains('>'),
        Compares::Less | Compares::AtMost => expression.contains('<'),
        Compares::Unequal => expression.contains("!="),
        Compares::Equal | Compares::Contains => !expression.contains("!="),
    }
}

/// The expression that holds when a comparison does not.
fn opposite(expression: &str) -> Option<String> {
    const SIGNS: [(&str, &str); 6] = [("==", "!="), ("!=", "=="), (">=", "<"), ("<=", ">"), (">", "<="), ("<", ">=")];
    let plain = !expression.contains(" and ") && !expression.contains(" or ") && !expression.contains(" not ") && literals(expression).len() < 2;
    let (from, to) = SIGNS.into_iter().find(|(sign, _)| expression.contains(sign))?;
    plain.then(|| expression.replacen(from, to, 1))
}

/// The constants of an expression.
fn literals(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = expression;
    let mut outside = String::new();
    while let Some(at) = rest.find(['\'', '"']) {
        let quote = if rest[at..].starts_with('\'') { '\'' } else { '"' };
        outside.push_str(&rest[..at]);
        outside.push(' ');
        let inside = &rest[at + 1..];
        let Some(end) = inside.find(quote) else { break };
        found.push(inside[..end].to_owned());
        rest = &inside[end + 1..];
    }
    outside.push_str(rest);
    let words = outside.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '-'));
    found.extend(words.filter(|word| word.parse::<f64>().is_ok() || matches!(word.to_lowercase().as_str(), "none" | "true" | "false")).map(str::to_owned));
    found
}

fn holds(step: &Step, id: &StepId) -> bool {
    step.process.body().unwrap_or_default().iter().any(|inner| inner.id == *id || holds(inner, id))
}

/// `replace X with Y` and its like.
fn is_exchange(deed: &Deed) -> bool {
    deed.verb().is_some_and(|verb| LEXICON.edits("replace", &verb.base) || LEXICON.edits("change", &verb.base)) && sides(deed).is_some()
}

/// What is exchanged for what.
fn sides(deed: &Deed) -> Option<(Vec<Token>, Vec<Token>)> {
    let base = deed.verb()?.base.as_str();
    let joints: &[&str] = match base {
        "substitute" => &["for", "with", "by"],
        "swap" | "exchange" => &["with", "for", "by"],
        "change" | "switch" | "convert" => &["to", "into", "with"],
        _ => &["with", "by", "for"],
    };
    let words = &deed.words;
    let at = joints.iter().find_map(|joint| {
        // The last joint with something on both sides; a step may be described with another.
        (1..words.len().saturating_sub(1)).find(|at| words[*at].lower == *joint && words[*at].what == What::Word && !(*joint == "to" && words[at - 1].is("step")))
    })?;
    let (left, right) = (words[..at].to_vec(), words[at + 1..].to_vec());
    let left: Vec<Token> = left.into_iter().skip_while(|word| word.lower == "from" || word.lower == "out").collect();
    // `substitute Y for X`
    if base == "substitute" && words[at].lower == "for" { Some((right, left)) } else { Some((left, right)) }
}

/// What words speak of, each for itself.
fn targets(words: &[Token]) -> Vec<Target> {
    let whole = target(words);
    if whole.deed.objects.len() < 2 {
        return vec![whole];
    }
    let mut found: Vec<Target> = Vec::new();
    for part in words.split(|token| matches!(token.what, What::Comma) || token.marker() == Some(super::lexicon::Marker::And)).filter(|part| !part.is_empty()) {
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
    if let Some(first) = words.iter().position(|token| token.verb().is_some_and(|verb| verb.form == super::lexicon::Form::Noun))
        && first > 0
    {
        for (one, part) in found.iter_mut().zip(words.split(|token| matches!(token.what, What::Comma) || token.marker() == Some(super::lexicon::Marker::And)).filter(|part| !part.is_empty())) {
            *one = target(part);
        }
    }
    found
}

/// What words speak of: `the step that sends a mail` is sending a mail.
fn target(words: &[Token]) -> Target {
    let mut rest = words;
    let mut found = Target { deed: Deed::default(), step: false, plural: false, all: false };
    while let Some(first) = rest.first() {
        if first.is("determiner") || first.is("all") || first.is("filler") || (first.is("preposition") && rest.len() > 1) || first.is("plain") && rest.get(1).is_some_and(|next| next.is("step")) && first.lower != "last" && first.lower != "first" {
            found.all |= first.lower == "all" || first.lower == "every" || first.lower == "any";
            rest = &rest[1..];
        } else {
            break;
        }
    }
    let opens = rest.first().is_some_and(|first| first.is("step") && first.what == What::Word);
    let speaks = rest.get(1).is_some_and(|next| matches!(next.lower.as_str(), "to" | "that" | "which" | "for" | "of" | "where" | "when" | "in" | "with"));
    if opens && speaks {
        found.step = true;
        found.plural = singular(&rest[0].lower) != rest[0].lower;
        let skipped = if rest.get(2).is_some_and(|next| matches!(next.lower.as_str(), "we" | "you" | "it")) { 3 } else { 2 };
        rest = &rest[skipped.min(rest.len())..];
    } else if let Some(last) = rest.last()
        && last.is("step")
        && rest.len() > 1
        && !matches!(last.lower.as_str(), "task" | "tasks" | "call" | "stage")
    {
        // `the mail step`
        found.step = true;
        found.plural = singular(&last.lower) != last.lower;
        rest = &rest[..rest.len() - 1];
    } else if opens && rest.get(1).is_some() && !matches!(rest[0].lower.as_str(), "task" | "tasks" | "call") {
        // `the step notify_boss`
        found.step = true;
        rest = &rest[1..];
    }
    // `the email` is a thing, although one may email.
    let article = words.len() > rest.len() && !found.step;
    let named = article && rest.first().and_then(Token::verb).is_some_and(|verb| matches!(verb.form, super::lexicon::Form::Base | super::lexicon::Form::Third));
    found.deed = if named {
        Deed { objects: super::phrase::phrases(rest), words: rest.to_vec(), all_words: rest.to_vec(), ..Deed::default() }
    } else {
        grammar::deed(rest)
    };
    found.plural |= found.deed.objects.iter().any(|phrase| phrase.all);
    found
}
