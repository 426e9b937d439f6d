//! What an answer looks like, told by the words that ask, and whether a sentence looks like one.

use super::words::{names, numbers, tokens};

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Something with a number.
    Amount,
    /// A length of time.
    Duration,
    /// Something with a date or a time.
    Time,
    /// Something that gives a reason.
    Reason,
    /// Something that was done about it.
    Measure,
    /// Somebody.
    Person,
    /// What may, must or cannot be done.
    Leave,
    /// What holds where nothing else is said.
    Fallback,
    /// Anything.
    Open,
}

/// The words that ask, by what they ask for. They carry no subject.
const ASKING: [(&str, Answer); 28] = [
    ("how much", Answer::Amount),
    ("how many", Answer::Amount),
    ("how long", Answer::Duration),
    ("how much time", Answer::Duration),
    ("wie lange", Answer::Duration),
    ("combien de temps", Answer::Duration),
    ("cost", Answer::Amount),
    ("wie viel", Answer::Amount),
    ("wie viele", Answer::Amount),
    ("kostet", Answer::Amount),
    ("combien", Answer::Amount),
    ("when", Answer::Time),
    ("since when", Answer::Time),
    ("wann", Answer::Time),
    ("quand", Answer::Time),
    ("been done", Answer::Measure),
    ("prevent", Answer::Measure),
    ("avoid", Answer::Measure),
    ("happen again", Answer::Measure),
    ("getan", Answer::Measure),
    ("verhindern", Answer::Measure),
    ("why", Answer::Reason),
    ("how come", Answer::Reason),
    ("warum", Answer::Reason),
    ("pourquoi", Answer::Reason),
    ("who", Answer::Person),
    ("wer", Answer::Person),
    ("quién", Answer::Person),
];

/// Words with which a question begins that asks whether something may be.
const ASKING_LEAVE: &str =
    "can may must should shall could is are do does will have darf kann muss soll ist sind peut puede";

/// How leave is given or refused.
const LEAVE: &str = "may must can cannot should shall not no only never allowed permitted required forbidden darf kann muss     soll nicht kein nur erlaubt verboten peut doit";

/// How it is said what holds where nothing else is said.
const FALLBACKS: [&str; 8] =
    ["default", "defaults", "by default", "otherwise", "not set", "unless", "standard", "sonst"];

/// What time is measured in.
const UNITS: &str = "ms millisecond milliseconds s sec second seconds min minute minutes h hour hours day days week weeks month     months year years sekunde sekunden minuten stunde stunden tag tage tagen woche wochen monat monate monaten jahr jahre     jahren seconde secondes heure heures jour jours semaine semaines mois an ans";

/// Small numbers as words.
const NUMBERS: &str = "one two three four five six seven eight nine ten eleven twelve ein eine zwei drei vier fünf sechs sieben     acht neun zehn elf zwölf un une deux trois quatre cinq";

/// How reasons are given.
const REASONS: [&str; 27] = [
    "because",
    "due to",
    "caused",
    "cause",
    "root cause",
    "led to",
    "owing to",
    "result of",
    "reason",
    "triggered",
    "weil",
    "wegen",
    "ursache",
    "grund",
    "parce que",
    "à cause",
    "so that",
    "in order to",
    "intent",
    "purpose",
    "to avoid",
    "to prevent",
    "therefore",
    "since",
    "damit",
    "zweck",
    "afin",
];

/// How it is said that something is different now.
const MEASURES: [&str; 16] = [
    "now",
    "since then",
    "added",
    "introduced",
    "changed",
    "replaced",
    "fixed",
    "must",
    "every",
    "no longer",
    "from now on",
    "nun",
    "jetzt",
    "seitdem",
    "eingeführt",
    "geändert",
];

impl Answer {
    /// What an answer to a piece of a question looks like.
    pub(super) fn to(piece: &str) -> Self {
        let lower = piece.to_lowercase();
        let asked = ASKING.iter().find(|(phrase, _)| has_phrase(&lower, phrase)).map(|(_, answer)| *answer);
        let open = || {
            let words: Vec<String> = tokens(&lower).map(|token| token.text).collect();
            let denies =
                |word: &String| is_in("not no never nothing nobody none without nicht nie nichts", word) || word == "t";
            let condition = words.iter().position(|word| is_in("if unless wenn si", word));
            if condition.is_some_and(|at| words[at..].iter().any(denies)) {
                Self::Fallback
            } else if words.first().is_some_and(|word| is_in(ASKING_LEAVE, word)) {
                Self::Leave
            } else {
                Self::Open
            }
        };
        asked.unwrap_or_else(open)
    }

    /// How much the form of a sentence speaks for it as an answer; 1 if nothing does.
    pub(super) fn form_counts(self, sentence: &str) -> f64 {
        match self {
            _ if !self.is_form_of(sentence) => 1.0,
            Self::Duration => 2.0,
            Self::Person if says_by_whom(sentence) => 1.6,
            Self::Person => 1.2,
            Self::Leave => 1.4,
            _ => 1.6,
        }
    }

    /// Whether a sentence has the form of an answer; never for a question to which anything answers.
    pub(super) fn is_form_of(self, sentence: &str) -> bool {
        match self {
            Self::Open => false,
            Self::Amount => !numbers(sentence).is_empty() || tokens(sentence).any(|token| is_in(NUMBERS, &token.text)),
            Self::Duration => says_how_long(sentence),
            Self::Person => !names(sentence).is_empty() || says_by_whom(sentence),
            Self::Leave => tokens(sentence).any(|token| is_in(LEAVE, &token.text)),
            Self::Fallback => says_one_of(sentence, &FALLBACKS),
            Self::Time => numbers(sentence).iter().any(|number| number.contains([':', '-', '/']) || number.len() == 4),
            Self::Reason => says_one_of(sentence, &REASONS),
            Self::Measure => says_one_of(sentence, &MEASURES),
        }
    }
}

fn is_in(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|other| other == word)
}

/// Whether a number stands before a unit of time.
fn says_how_long(sentence: &str) -> bool {
    let words: Vec<String> = tokens(sentence).map(|token| token.text).collect();
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) || is_in(NUMBERS, word);
    words.windows(2).any(|pair| is_number(&pair[0]) && is_in(UNITS, &pair[1]))
        || words.iter().any(|word| {
            let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            unit.len() < word.len() && matches!(unit, "ms" | "s" | "m" | "h" | "d")
        })
}

/// Whether it is said by whom something was done: `was written by`, `wurde von`.
fn says_by_whom(sentence: &str) -> bool {
    let words: Vec<String> = tokens(sentence).map(|token| token.text).collect();
    let is_done = |word: &str| ["ed", "en", "wn", "de", "nt", "ne"].iter().any(|end| word.ends_with(end));
    words.windows(2).any(|pair| pair[1] == "by" && is_done(&pair[0]))
        || says_one_of(sentence, &["wurde von", "stammt von"])
}

fn says_one_of(sentence: &str, phrases: &[&str]) -> bool {
    let lower = sentence.to_lowercase();
    phrases.iter().any(|phrase| has_phrase(&lower, phrase))
}

/// Whether the words of `phrase` stand together in `text`; both in lower case.
fn has_phrase(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
