//! What steps that are there are given: `the subject of the mail should be "News"`, `warnings rather than critical alerts`, `two pages
//! instead of one`. Only what a step is given already is put otherwise.

use serde_json::{Value, json};

use super::super::Kind;
use super::super::draft;
use super::super::grammar::{Deed, Part};
use super::super::lexicon::{LEXICON, stem};
use super::super::said::json_number;
use super::super::scene::Scene;
use super::super::slots::{SLOTS, name_stems};
use super::super::tokens::{Token, What};
use super::target;
use crate::workflow::{Process, StepId};

impl Scene<'_> {
    /// Puts what a step is given otherwise, if a sentence says so.
    pub(super) fn arguments(&mut self, parts: &[Part]) -> bool {
        let mut deeds = parts.iter().filter_map(|part| if let Part::Do(deed) = part { Some(deed) } else { None });
        let (Some(deed), None) = (deeds.next(), deeds.next()) else { return false };
        let olds = parts.iter().filter_map(|part| match part {
            Part::InsteadOf(deed) | Part::Not(deed) => Some(deed),
            _ => None,
        });
        let old: Vec<&Deed> = olds.collect();
        let plain = parts.iter().all(|part| {
            matches!(part, Part::Do(_) | Part::InsteadOf(_) | Part::Not(_) | Part::Instead | Part::Also | Part::Then)
        });
        plain
            && (self.said_to_be(deed)
                || self.so_many(&deed.all_words)
                || old.first().is_some_and(|old| self.in_place_of(&old.all_words, &deed.all_words)))
    }

    /// `the subject of the mail should be "News"`, `set the channel to night-shift`
    fn said_to_be(&mut self, deed: &Deed) -> bool {
        let words = &deed.all_words;
        let sets = deed.is_verb(&["set", "change", "make", "update", "adjust", "switch"]);
        let be = words
            .windows(2)
            .position(|pair| matches!(pair[0].lower.as_str(), "should" | "must" | "shall") && pair[1].lower == "be");
        let to = words.iter().position(|word| word.what == What::Word && word.lower == "to").filter(|_| sets);
        let (left, right) = match (be, to) {
            (Some(at), _) => (&words[..at], &words[at + 2..]),
            (None, Some(at)) => (&words[1..at], &words[at + 1..]),
            _ => return false,
        };
        let left: Vec<Token> = left.iter().filter(|word| word.is_word()).cloned().collect();
        let of = left.iter().position(|word| matches!(word.lower.as_str(), "of" | "in" | "for"));
        let name: Vec<String> = left[..of.unwrap_or(left.len())]
            .iter()
            .filter(|word| !word.is("determiner"))
            .map(|word| word.stem.clone())
            .collect();
        let whose = of.map(|at| target(&left[at + 1..]));
        let steps: Vec<StepId> = match &whose {
            Some(whose) => self.meant(&whose.deed).into_iter().map(|(id, _)| id).take(1).collect(),
            None => Vec::new(),
        };
        let mut found: Vec<(StepId, String)> = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if whose.is_none() || steps.contains(&step.id) {
                let named = step.input.keys().find(|key| name_stems(key) == name);
                found.extend(named.map(|key| (step.id.clone(), key.clone())));
            }
        });
        let [(id, name)] = found.as_slice() else { return false };
        match self.value(id, name, right) {
            Some(value) => self.give(id, name, value),
            None => false,
        }
    }

    /// `in three sentences`, where a step is given their number; `two pages`, where an agent is told another number.
    fn so_many(&mut self, words: &[Token]) -> bool {
        let number = |word: &Token| match word.what {
            What::Number => word.lower.parse::<f64>().ok(),
            What::Word if word.lower != "a" => SLOTS.number(&word.lower),
            _ => None,
        };
        let said = words.windows(2).find_map(|pair| Some((number(&pair[0])?, &pair[0], &pair[1])));
        let Some((many, number, noun)) = said.filter(|(_, _, noun)| noun.what == What::Word) else { return false };
        let mut given: Vec<(StepId, String)> = Vec::new();
        let mut told: Vec<(StepId, String)> = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let named =
                step.input.iter().find(|(key, value)| value.is_number() && name_stems(key) == [noun.stem.clone()]);
            given.extend(named.map(|(key, _)| (step.id.clone(), key.clone())));
            if let Process::Agent { goal, .. } = &step.process
                && let Some(old) = counted(goal, &noun.stem)
            {
                told.push((step.id.clone(), old));
            }
        });
        if let ([(id, name)], Some(many)) = (given.as_slice(), json_number(many)) {
            return self.give(id, name, many);
        }
        let [(id, old)] = told.as_slice() else { return false };
        let new = format!("{} {}", number.text, noun.text);
        if let Some(step) = self.draft.step_mut(id)
            && let Process::Agent { goal, .. } = &mut step.process
        {
            *goal = goal.replacen(old, &new, 1);
        }
        self.note(id, &new, 0.8);
        true
    }

    /// `warnings rather than critical alerts`: what is compared with by a word of its own.
    fn in_place_of(&mut self, old: &[Token], new: &[Token]) -> bool {
        let mut found: Vec<(StepId, String)> = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let given = step.input.iter().find(|(_, value)| {
                let text = value.as_str().filter(|text| !text.contains("{{"));
                text.is_some_and(|text| {
                    old.iter()
                        .any(|word| word.is_word() && !word.is("determiner") && text.eq_ignore_ascii_case(&word.text))
                })
            });
            found.extend(given.map(|(name, _)| (step.id.clone(), name.clone())));
        });
        let [(id, name)] = found.as_slice() else { return false };
        match self.value(id, name, new) {
            Some(value) => self.give(id, name, value),
            None => false,
        }
    }

    /// What words say for an argument of a step, in its type.
    fn value(&self, id: &StepId, name: &str, words: &[Token]) -> Option<Value> {
        let Process::Tool { tool } = &self.draft.step(id)?.process else { return None };
        let card = self.tools.iter().find(|card| card.name == *tool)?;
        let parameter = card.parameters.iter().find(|parameter| parameter.name == *name)?;
        if !parameter.values.is_empty() {
            let meant = |value: &&String| words.iter().any(|word| stem(&value.to_lowercase()) == word.stem);
            return parameter.values.iter().find(meant).map(|value| json!(value));
        }
        let exact = words.iter().find(|word| matches!(word.what, What::Quoted | What::Address | What::Number));
        match parameter.kind {
            Kind::Integer | Kind::Number => {
                let said = words.iter().find_map(|word| match word.what {
                    What::Number => word.lower.parse().ok(),
                    What::Word => SLOTS.number(&word.lower),
                    _ => None,
                });
                json_number(said?)
            }
            Kind::String | Kind::Any => {
                let telling = |word: &&Token| word.is_word() && !word.is("determiner") && !word.is("pronoun");
                let said: Vec<&str> = words.iter().filter(telling).map(|word| word.text.as_str()).collect();
                let text = exact.map_or_else(|| said.join(" "), |word| word.text.clone());
                let language = SLOTS.language(&text.to_lowercase());
                let verbs =
                    words.iter().any(|word| word.verb().is_some_and(|verb| !LEXICON.is("verb_or_noun", &verb.base)));
                let text = language.map_or(text, str::to_owned);
                (!text.is_empty() && (exact.is_some() || !verbs)).then(|| json!(text))
            }
            _ => None,
        }
    }

    fn give(&mut self, id: &StepId, name: &str, value: Value) -> bool {
        let said = format!("{name}: {value}");
        let Some(step) = self.draft.step_mut(id) else { return false };
        step.input.insert(name.to_owned(), value);
        self.note(id, &said, 0.85);
        true
    }
}

/// A number and a noun in a text, as they stand there.
fn counted(text: &str, noun: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let what = pair[1].trim_end_matches(|c: char| !c.is_alphanumeric());
        let number = pair[0].parse::<f64>().is_ok() || SLOTS.number(&pair[0].to_lowercase()).is_some();
        (number && stem(&what.to_lowercase()) == noun).then(|| format!("{} {what}", pair[0]))
    })
}
