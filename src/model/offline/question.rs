//! What is wanted to be known: the question, its parts, and what an answer to each looks like.

use super::words::{Words, names, numbers, tokens};

/// How many parts a question is taken apart into.
const MOST_PARTS: usize = 4;

/// A question and its parts.
pub(super) struct Question {
    /// As it was asked.
    pub(super) text: String,
    /// What can be answered by itself; the whole question if it does not fall into parts.
    pub(super) parts: Vec<Part>,
    /// The stems of the whole.
    pub(super) stems: Vec<String>,
    /// Those of its names: words with a capital letter inside the question, or with digits or signs in them. They say
    /// what it is about.
    pub(super) names: Vec<String>,
    /// Those of two words that may be written as one: `log file`, `logfile`.
    pub(super) compounds: Vec<String>,
}

/// A part of a question.
pub(super) struct Part {
    /// As it was asked.
    pub(super) text: String,
    /// The words to search for: its own, and those of the first part, which name the subject.
    pub(super) query: String,
    /// The stems of its own words.
    pub(super) stems: Vec<String>,
    answer: Answer,
}

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
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

/// Words with which a further question begins after a comma or an `and`.
const OPENERS: &str = "what who whom whose when where why how which whether was wer wann wo warum wie welche welcher welches ob \
    quel quelle quand pourquoi comment combien qué quién cuándo dónde";

impl Question {
    pub(super) fn new(text: &str, words: &Words) -> Self {
        let stems = words.stems(text);
        let mut pieces = split(text);
        pieces.retain(|piece| !words.stems(piece).is_empty());
        pieces.truncate(MOST_PARTS);
        if pieces.is_empty() {
            pieces.push(text.to_owned());
        }
        let subject: Vec<(&str, String)> = words.terms(&pieces[0]).into_iter().take(3).collect();
        let mut parts = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let own = words.terms(piece);
            let mut query: Vec<(&str, String)> = own.clone();
            if index > 0 {
                query.extend(subject.iter().filter(|(_, stem)| own.iter().all(|(_, other)| other != stem)).cloned());
            }
            parts.push(Part {
                text: piece.clone(),
                query: query.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" "),
                stems: own.into_iter().map(|(_, stem)| stem).collect(),
                answer: Answer::to(piece),
            });
        }
        let written = words.terms(text);
        let is_name = |at: usize, word: &str| {
            let inside = word.chars().skip(1).any(char::is_uppercase) || word.contains(|c: char| c.is_ascii_digit());
            inside || (at > 0 && word.starts_with(char::is_uppercase))
        };
        let first = written.first().map(|(word, _)| *word);
        let names = written
            .iter()
            .filter(|(word, _)| is_name(usize::from(Some(*word) != first), word))
            .map(|(_, stem)| stem.clone())
            .collect();
        let joined = |pair: &[(&str, String)]| words.stems(&format!("{}{}", pair[0].0, pair[1].0));
        let compounds = written.windows(2).flat_map(joined).collect();
        Self { text: text.to_owned(), parts, stems, names, compounds }
    }
}

impl Part {
    /// Whether an answer has a form by which it can be told from what is none.
    pub(super) fn wants_a_form(&self) -> bool {
        !matches!(self.answer, Answer::Open | Answer::Person | Answer::Leave | Answer::Fallback)
    }

    /// Whether a date is wanted: one dates all that is said around it.
    pub(super) fn wants_a_date(&self) -> bool {
        self.answer == Answer::Time
    }

    /// How much the form of a sentence speaks for it as an answer; 1 if nothing does.
    pub(super) fn form_counts(&self, sentence: &str) -> f64 {
        match self.answer {
            _ if !self.is_answered_by(sentence) => 1.0,
            Answer::Duration => 2.0,
            Answer::Person => 1.2,
            Answer::Leave => 1.4,
            _ => 1.6,
        }
    }

    /// Whether a sentence has the form of an answer; never for a question to which anything answers.
    pub(super) fn is_answered_by(&self, sentence: &str) -> bool {
        match self.answer {
            Answer::Open => false,
            Answer::Amount => {
                !numbers(sentence).is_empty() || tokens(sentence).any(|token| is_in(NUMBERS, &token.text))
            }
            Answer::Duration => says_how_long(sentence),
            Answer::Person => !names(sentence).is_empty(),
            Answer::Leave => tokens(sentence).any(|token| is_in(LEAVE, &token.text)),
            Answer::Fallback => says_one_of(sentence, &FALLBACKS),
            Answer::Time => {
                numbers(sentence).iter().any(|number| number.contains([':', '-', '/']) || number.len() == 4)
            }
            Answer::Reason => says_one_of(sentence, &REASONS),
            Answer::Measure => says_one_of(sentence, &MEASURES),
        }
    }
}

impl Answer {
    fn to(piece: &str) -> Self {
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

/// Splits at the end of each question, and before a question word that follows a comma, a semicolon or an `and`.
fn split(text: &str) -> Vec<String> {
    let mut cuts = Vec::new();
    let mut before: Option<(usize, String)> = None;
    for token in tokens(text) {
        let between = before.as_ref().map_or("", |(end, _)| &text[*end..token.start]);
        let joined =
            before.as_ref().is_some_and(|(_, word)| matches!(word.as_str(), "and" | "und" | "et" | "y" | "or"));
        let opens = OPENERS.split_whitespace().any(|opener| opener == token.text);
        if between.contains(['?', ';', '\n', '!'])
            || between.contains(". ")
            || (opens && (joined || between.contains(',')))
        {
            cuts.push(token.start);
        }
        before = Some((token.end, token.text));
    }
    cuts.push(text.len());
    let mut start = 0;
    let mut pieces = Vec::new();
    for cut in cuts {
        let piece = text[start..cut].trim().trim_end_matches(['?', ',', ';', '.', '!', ' ']);
        let piece =
            [" and", " und", " et", " y", " or"].iter().find_map(|word| piece.strip_suffix(word)).unwrap_or(piece);
        let piece = piece.trim_end_matches([',', ' ']);
        if !piece.is_empty() {
            pieces.push(piece.to_owned());
        }
        start = cut;
    }
    pieces
}
