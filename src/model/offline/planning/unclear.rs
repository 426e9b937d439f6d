//! What cannot be known from the words, and has consequences: questions with choices, each of which says the request that means just
//! that. What the words decide is never asked.

use super::condition;
use super::draft;
use super::grammar::{Deed, Part};
use super::hear::Heard;
use super::lexicon::{LEXICON, stem};
use super::phrase::Phrase;
use super::scene::Scene;
use super::tokens::{Token, What, tokens};
use super::{Ambiguity, Choice};
use crate::workflow::{Process, StepId};

/// The most choices of a question.
const MOST_CHOICES: usize = 5;

impl Scene<'_> {
    /// What must be asked before anything is planned.
    pub(super) fn unclear(&self, heard: &Heard) -> Option<Ambiguity> {
        let parts: Vec<&Part> = heard.sentences.iter().flat_map(|sentence| &sentence.parts).collect();
        self.undecided(&parts)
            .or_else(|| self.something_else(&parts))
            .or_else(|| self.nobody_known(&parts))
            .or_else(|| self.nothing_known(&parts))
            .or_else(|| self.of_a_kind(&parts))
            .or_else(|| self.changed_how(&parts))
            .or_else(|| self.kept_or_not(&parts))
    }

    /// `the subscription, or rather the order, I'm not sure`
    fn undecided(&self, parts: &[&Part]) -> Option<Ambiguity> {
        let lower = self.request.to_lowercase();
        let doubts = [
            "not sure",
            "don't know which",
            "do not know which",
            "can't remember which",
            "or maybe",
            "or perhaps",
            "unsure",
            "not certain",
        ];
        if !doubts.iter().any(|doubt| lower.contains(doubt)) {
            return None;
        }
        let deed = parts.iter().find_map(|part| match part {
            Part::Do(deed) if !deed.verbs.is_empty() => Some(deed),
            _ => None,
        })?;
        let verb = deed.verb()?.base.clone();
        let says_doubt = |phrase: &Phrase| {
            phrase.words.iter().any(|word| {
                matches!(
                    word.lower.as_str(),
                    "sure" | "which" | "know" | "certain" | "unsure" | "remember" | "i'm" | "im" | "m"
                )
            })
        };
        let choices: Vec<Choice> = deed
            .objects
            .iter()
            .filter(|phrase| !phrase.is_empty() && !phrase.pronoun && !says_doubt(phrase))
            .map(|phrase| {
                let is_thing =
                    |word: &Token| !matches!(word.lower.as_str(), "maybe" | "perhaps" | "rather" | "possibly" | "the");
                let words = phrase.words.iter().filter(|word| is_thing(word)).cloned().collect();
                let phrase = Phrase { words, ..phrase.clone() };
                Choice { label: phrase.said(), request: format!("{verb} the {}", super::act::with_places(&phrase)) }
            })
            .take(MOST_CHOICES)
            .collect();
        (choices.len() > 1).then(|| Ambiguity { text: format!("What is meant: to {verb} which of these?"), choices })
    }

    /// `put something else in its place`, `send it to somebody else`
    fn something_else(&self, parts: &[&Part]) -> Option<Ambiguity> {
        let lower = self.request.to_lowercase();
        let vague = [
            "something else",
            "somebody else",
            "someone else",
            "another tool",
            "something different",
            "anything else",
            "a different one",
            "another one",
        ];
        let said = vague.iter().find(|words| lower.contains(**words))?;
        if self.draft.workflow.steps.is_empty() {
            return None;
        }
        let words = tokens(&self.request);
        let rest: Vec<Token> =
            words.into_iter().filter(|token| !said.split(' ').any(|word| word == token.lower)).collect();
        let _ = parts;
        let mut steps = self.spoken_of(&rest);
        steps.truncate(MOST_CHOICES);
        let choices = steps
            .iter()
            .map(|id| Choice { label: format!("take `{id}` out"), request: format!("remove the step `{id}`") })
            .chain(steps.iter().map(|id| Choice {
                label: format!("a person does what `{id}` does"),
                request: format!("replace the step `{id}` with asking a person"),
            }))
            .take(MOST_CHOICES)
            .collect();
        Some(Ambiguity { text: format!("“{said}” leaves open what is meant. What is it to be?"), choices })
    }

    /// `take her off the list`, where nobody was spoken of.
    fn nobody_known(&self, parts: &[&Part]) -> Option<Ambiguity> {
        let Some(Part::Do(first)) = parts.first() else { return None };
        let at = first.all_words.iter().position(|word| matches!(word.lower.as_str(), "her" | "him"))?;
        let owns = first.all_words.get(at + 1).is_some_and(|next| {
            next.what == What::Word
                && !matches!(next.lower.as_str(), "off" | "up" | "down" | "away")
                && !next.is("preposition")
                && !next.is("filler")
        });
        let before = &first.all_words[..at];
        let is_known =
            before.iter().any(|word| (word.is_capital() && word.verb().is_none()) || word.what == What::Address);
        if owns && first.all_words[at].lower == "her" || is_known || !self.draft.workflow.steps.is_empty() {
            return None;
        }
        let who = &first.all_words[at].text;
        Some(Ambiguity {
            text: format!("Who is meant by “{who}”? Say it with the name or the address."),
            choices: Vec::new(),
        })
    }

    /// `cancel it`, `delete the old one`, where nothing was spoken of.
    fn nothing_known(&self, parts: &[&Part]) -> Option<Ambiguity> {
        if !self.draft.workflow.steps.is_empty() {
            return None;
        }
        let Some(Part::Do(deed)) = parts.iter().find(|part| !matches!(part, Part::Then | Part::Also | Part::First))
        else {
            return None;
        };
        let verb = deed.verb()?;
        let harmful = verb.class.as_deref() == Some("delete")
            || matches!(
                verb.base.as_str(),
                "cancel" | "delete" | "remove" | "archive" | "close" | "void" | "end" | "stop"
            );
        let is_open =
            !deed.objects.is_empty() && deed.objects.iter().all(|phrase| phrase.pronoun && phrase.places.is_empty());
        if !(harmful && is_open) {
            return None;
        }
        let mut choices: Vec<Choice> = Vec::new();
        for (at, tool) in self.tools.iter().enumerate() {
            let facts = self.cards.facts(at);
            if !tool.effect.changes_the_world() || facts.does(verb) < 0.9 || facts.noun.is_empty() {
                continue;
            }
            let noun = facts.noun.join(" ");
            let choice = Choice {
                label: format!("the {noun}"),
                request: format!("{} the {noun} with `{}`", verb.base, tool.name),
            };
            if !choices.iter().any(|other| other.label == choice.label) {
                choices.push(choice);
            }
        }
        // Those that are called just so come first.
        choices.sort_by_key(|choice| !choice.request.to_lowercase().contains(&format!("{} the", verb.base)));
        choices.truncate(MOST_CHOICES);
        Some(Ambiguity {
            text: format!("What is to be done is clear, but not with what: {} what?", verb.base),
            choices,
        })
    }

    /// `the agent is not needed`, where there are several.
    fn of_a_kind(&self, parts: &[&Part]) -> Option<Ambiguity> {
        let deed = parts.iter().find_map(|part| match part {
            Part::Not(deed) => Some(deed),
            Part::Do(deed) if deed.verb().is_some_and(|verb| LEXICON.edits("remove", &verb.base)) => Some(deed),
            _ => None,
        })?;
        let telling: Vec<&Token> =
            deed.words.iter().filter(|word| word.is_word() && !word.is("determiner") && !word.is("step")).collect();
        let [kind] = telling.as_slice() else { return None };
        if deed.objects.iter().any(|phrase| phrase.all || phrase.plural) {
            return None;
        }
        let is_one = |process: &Process| {
            matches!(
                (kind.lower.as_str(), process),
                ("agent", Process::Agent { .. })
                    | ("human" | "person" | "question", Process::Human(_))
                    | ("loop", Process::ForEach(_) | Process::Repeat(_))
                    | ("branch" | "condition", Process::Branch { .. })
                    | ("wait" | "pause", Process::Wait(_))
            )
        };
        let mut steps: Vec<StepId> = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            if is_one(&step.process) {
                steps.push(step.id.clone());
            }
        });
        (steps.len() > 1).then(|| Ambiguity {
            text: format!("There are several of these: which {} is not needed?", kind.lower),
            choices: steps.iter().take(MOST_CHOICES).map(removal).collect(),
        })
    }

    /// `change what happens to the ticket`, without what is to be otherwise.
    fn changed_how(&self, parts: &[&Part]) -> Option<Ambiguity> {
        if self.draft.workflow.steps.is_empty() {
            return None;
        }
        let [Part::Do(deed)] = parts else { return None };
        if !deed.is_verb(&["change", "adjust", "modify", "alter", "improve", "tweak", "rework", "fix"]) {
            return None;
        }
        let says_how = deed.words.iter().any(|word| {
            matches!(word.lower.as_str(), "to" | "into" | "with" | "by" | "from" | "for") && word.is("preposition")
        });
        let is_open = self.request.to_lowercase().contains("what happens")
            || deed.words.iter().any(|word| matches!(word.lower.as_str(), "how" | "way"));
        let does_something =
            deed.objects.iter().any(|phrase| deed.verb().is_some_and(|verb| self.tool(verb, phrase, &[]).is_some()));
        let has_value = deed.words.iter().any(|word| matches!(word.what, What::Quoted | What::Number | What::Address));
        if has_value || !(is_open || (!says_how && !does_something)) {
            return None;
        }
        let mut steps = self.spoken_of(&deed.words);
        steps.truncate(MOST_CHOICES);
        (is_open || !steps.is_empty()).then(|| Ambiguity {
            text: "What is to be otherwise, and how? Say what is to happen instead.".to_owned(),
            choices: steps.iter().map(removal).collect(),
        })
    }

    /// `get rid of the messages`: archived or deleted, where tools do the one and the other.
    fn kept_or_not(&self, parts: &[&Part]) -> Option<Ambiguity> {
        if !self.draft.workflow.steps.is_empty() || !self.request.to_lowercase().contains("get rid of") {
            return None;
        }
        let deed = parts.iter().find_map(|part| match part {
            Part::Do(deed) if deed.is_verb(&["remove"]) => Some(deed),
            _ => None,
        })?;
        let phrase = deed.objects.first()?;
        let mut choices = Vec::new();
        let words = super::cards::content(phrase, &self.mentions(phrase));
        for base in ["archive", "delete"] {
            let does = |at: &usize| {
                let name = super::scene::words_of(&self.tools[*at].name);
                name.iter().any(|word| stem(word) == stem(base))
                    && self.cards.facts(*at).is_about(&words, &[], false) > 0.6
            };
            if let Some(card) = (0..self.tools.len()).find(does) {
                let what = super::act::with_places(phrase);
                let request = format!("{base} {what} with `{}`", self.tools[card].name);
                choices.push(Choice { label: base.to_owned(), request });
            }
        }
        (choices.len() > 1).then(|| Ambiguity {
            text: format!("Is the {} to be kept out of the way, or gone for good?", phrase.said()),
            choices,
        })
    }

    /// The steps that words speak of, those that most of them do first.
    fn spoken_of(&self, words: &[Token]) -> Vec<StepId> {
        let stems = condition::stems(words);
        let mut found: Vec<(usize, StepId)> = Vec::new();
        draft::each_step(&self.draft.workflow.steps, &mut |step| {
            let thing = self.thing(step, &[]);
            let mut own: Vec<String> = thing.objects.iter().flatten().cloned().collect();
            own.extend(super::scene::words_of(step.id.as_str()).iter().map(|word| stem(word)));
            let hits = stems.iter().filter(|stem| own.contains(stem)).count();
            if hits > 0 {
                found.push((hits, step.id.clone()));
            }
        });
        found.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// The same request with a step named in the place of words that may mean several.
    pub(super) fn with_step(&self, deed: &Deed, id: &StepId) -> String {
        let said = deed.said.trim();
        let named = format!("the step `{id}`");
        let is_thing = deed.verbs.is_empty() && !said.is_empty() && said != id.as_str();
        match self.request.find(said).filter(|_| is_thing) {
            Some(at) => {
                // An article before it goes with it.
                let before = self.request[..at].trim_end();
                let article = ["the", "that", "this"]
                    .iter()
                    .find_map(|article| before.strip_suffix(article))
                    .filter(|rest| rest.is_empty() || rest.ends_with(' '));
                let before = article.map_or_else(|| self.request[..at].to_owned(), str::to_owned);
                format!("{before}{named}{}", &self.request[at + said.len()..])
            }
            None => format!("remove {named}"),
        }
    }
}

fn removal(id: &StepId) -> Choice {
    Choice { label: format!("`{id}`"), request: format!("remove the step `{id}`") }
}
