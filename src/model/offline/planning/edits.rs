//! Changes of the workflow that is there: what is to be left out, exchanged, moved, or done besides.

mod arguments;
mod arms;
mod besides;
mod bounds;
mod carry;
mod exchange;
mod kept;
mod leave_out;
mod rearrange;
mod replace;

use super::act::singular;
use super::condition::{self, Compares, Condition, Constant};
use super::draft::{self};
use super::grammar::{self, Deed, Part};
use super::lexicon::LEXICON;
use super::scene::Scene;
use super::tokens::{Token, What};
use super::{Ambiguity, Choice, Evidence};
use crate::workflow::{Outcome, Process, StepId, Trigger};

/// What a clause speaks of in the workflow.
#[derive(Clone, Debug)]
struct Target {
    deed: Deed,
    /// True if it was called a step.
    step: bool,
    plural: bool,
    all: bool,
}

impl Target {
    /// `the loop`, `the whole loop`
    fn is_loop(&self) -> bool {
        let telling = |word: &&Token| word.is_word() && !word.is("determiner") && !word.is("plain");
        let mut words = self.deed.words.iter().filter(telling);
        words.next().is_some_and(|word| word.lower == "loop") && words.next().is_none()
    }
}

/// Scores that differ by less are equal.
const EQUAL: f64 = 0.08;

impl Scene<'_> {
    /// Carries out a sentence on the workflow that is there.
    pub(super) fn edit(&mut self, parts: &[Part]) {
        if self.in_order(parts) {
            return;
        }
        let parts = &self.with_what_is_meant(&without_joints(parts));
        self.within = self.behind(parts);
        let done = self.unschedule(parts)
            || self.arguments(parts)
            || self.exchange(parts)
            || self.leave_out(parts)
            || self.rearrange(parts)
            || self.rename(parts)
            || self.restrict(parts);
        if !done {
            self.besides(parts);
        }
    }

    /// The steps that are meant. If it is not clear which one is, a question takes their place.
    fn choose(&mut self, wanted: &Target, several: bool) -> Vec<StepId> {
        let placed = self.by_place(wanted);
        if !placed.is_empty() {
            return placed;
        }
        if wanted.is_loop() {
            return self.only_loop().into_iter().collect();
        }
        let meant = self.meant(&wanted.deed);
        // `don't use Slack`: all that is done with it.
        if meant.is_empty() {
            return Vec::new();
        }
        let best = meant[0].1;
        let equal: Vec<StepId> =
            meant.iter().filter(|(_, score)| best - score < EQUAL).map(|(id, _)| id.clone()).collect();
        // `the mail in the urgent branch`, `when it is urgent, no mail`
        let arm = self.arm_called(&wanted.deed.all_words).map(|(branch, outcome)| self.draft.arm(&branch, &outcome));
        let within = arm.as_ref().unwrap_or(&self.within);
        let behind: Vec<StepId> = equal.iter().filter(|id| within.contains(id)).cloned().collect();
        let equal = if behind.is_empty() { equal } else { behind };
        if equal.len() == 1 || several || wanted.plural || wanted.all {
            return equal;
        }
        let choices = equal
            .iter()
            .map(|id| Choice { label: format!("`{id}`"), request: self.with_step(&wanted.deed, id) })
            .collect();
        self.questions.push(Ambiguity { text: format!("Which step is meant by “{}”?", wanted.deed.said), choices });
        Vec::new()
    }

    /// `the last step`, `the second step`, `the last two steps`
    fn by_place(&self, wanted: &Target) -> Vec<StepId> {
        if !wanted.step {
            return Vec::new();
        }
        let words: Vec<&str> = wanted
            .deed
            .words
            .iter()
            .filter(|word| word.is_word() && !word.is("determiner") && !word.is("step"))
            .map(|word| word.lower.as_str())
            .collect();
        let list = &self.draft.workflow.steps;
        if let [which @ ("last" | "final" | "first"), number] = words.as_slice()
            && let Some(number) = LEXICON.number(number).or_else(|| number.parse().ok())
        {
            let number = usize::try_from(number).unwrap_or(usize::MAX).min(list.len());
            let some = if *which == "first" { &list[..number] } else { &list[list.len() - number..] };
            return some.iter().map(|step| step.id.clone()).collect();
        }
        let at = match words.as_slice() {
            ["last" | "final"] => list.len().saturating_sub(1),
            ["first"] => 0,
            ["second"] => 1,
            ["third"] => 2,
            _ => return Vec::new(),
        };
        list.get(at).map(|step| step.id.clone()).into_iter().collect()
    }

    /// `don't run it on a schedule any more`
    fn unschedule(&mut self, parts: &[Part]) -> bool {
        let [part] = parts else { return false };
        let (Part::Not(deed) | Part::Do(deed)) = part else { return false };
        let ends = matches!(part, Part::Not(_)) || deed.verb().is_some_and(|verb| LEXICON.edits("remove", &verb.base));
        let speaks =
            deed.all_words.iter().any(|word| matches!(word.lower.as_str(), "schedule" | "timer" | "timetable"));
        let triggers = &mut self.draft.workflow.triggers;
        let before = triggers.len();
        if ends && speaks {
            triggers.retain(|trigger| !matches!(trigger, Trigger::Cron { .. }));
        }
        triggers.len() < before
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
        self.evidence.push(Evidence {
            step: step.clone(),
            said: said.to_owned(),
            matched: Vec::new(),
            margin: None,
            assumed: Vec::new(),
            confidence,
        });
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
    let common = words.iter().filter(|word| names.contains(word)).count();
    match &test.value {
        Constant::Text(said) if literals.contains(&said.to_lowercase()) => {
            Some((2.0 + count(common), unequal == wants_unequal))
        }
        Constant::Number(number) if literals.contains(number) => {
            Some((2.0 + count(common), compares_alike(expression, test.compares)))
        }
        Constant::Nothing if literals.iter().any(|literal| literal == "none") => {
            Some((1.0 + count(common), unequal == wants_unequal))
        }
        // `is restricted` where `is_restricted == false` is tested.
        Constant::Text(said) if literals.iter().any(|literal| literal == "true" || literal == "false") => {
            let stem = super::lexicon::stem(&said.to_lowercase());
            names.contains(&stem).then(|| {
                let truth = literals.iter().any(|literal| literal == "true") != unequal;
                (1.5 + count(common), truth != wants_unequal)
            })
        }
        Constant::Truth(truth) if literals.iter().any(|literal| literal == "true" || literal == "false") => {
            let tested = literals.iter().any(|literal| literal == "true") != unequal;
            (common > 0).then(|| (1.2 + count(common), tested == (*truth != wants_unequal)))
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
    found.extend(
        words
            .filter(|word| {
                word.parse::<f64>().is_ok() || matches!(word.to_lowercase().as_str(), "none" | "true" | "false")
            })
            .map(str::to_owned),
    );
    found
}

/// What words speak of: `the step that sends a mail` is sending a mail.
fn target(words: &[Token]) -> Target {
    let mut rest = words;
    let mut found = Target { deed: Deed::default(), step: false, plural: false, all: false };
    while let Some(first) = rest.first() {
        if first.is("determiner")
            || first.is("all")
            || first.is("filler")
            || (first.is("preposition") && rest.len() > 1)
            || first.is("plain")
                && rest.get(1).is_some_and(|next| next.is("step"))
                && first.lower != "last"
                && first.lower != "first"
        {
            found.all |= first.lower == "all" || first.lower == "every" || first.lower == "any";
            rest = &rest[1..];
        } else {
            break;
        }
    }
    let opens = rest.first().is_some_and(|first| first.is("step") && first.what == What::Word);
    let speaks = rest.get(1).is_some_and(|next| {
        matches!(next.lower.as_str(), "to" | "that" | "which" | "for" | "of" | "where" | "when" | "in" | "with")
    });
    if opens && speaks {
        found.step = true;
        found.plural = singular(&rest[0].lower) != rest[0].lower;
        let skipped =
            if rest.get(2).is_some_and(|next| matches!(next.lower.as_str(), "we" | "you" | "it")) { 3 } else { 2 };
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
    let of = rest.get(1).is_some_and(|next| next.lower == "of");
    let alone = found.step && rest.len() == 1 && rest[0].is("verb_or_noun");
    let named = (article || alone)
        && !of
        && rest
            .first()
            .and_then(Token::verb)
            .is_some_and(|verb| matches!(verb.form, super::lexicon::Form::Base | super::lexicon::Form::Third));
    found.deed = if named {
        Deed {
            objects: super::phrase::phrases(rest),
            words: rest.to_vec(),
            all_words: rest.to_vec(),
            ..Deed::default()
        }
    } else {
        grammar::deed(rest)
    };
    // `the mails` are all that there are.
    let definite = words
        .first()
        .is_some_and(|first| matches!(first.lower.as_str(), "the" | "these" | "those") || first.is("possessive"));
    found.plural |= found.deed.objects.iter().any(|phrase| phrase.all || (phrase.plural && definite));
    found
}

#[cfg(test)]
#[allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]
mod tests;
