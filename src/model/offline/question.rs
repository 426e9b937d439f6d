//! What is wanted to be known: the question, its parts, and what an answer to each looks like.

use super::words::{Words, numbers, tokens};

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
    /// Something with a date or a time.
    Time,
    /// Something that gives a reason.
    Reason,
    /// Something that was done about it.
    Measure,
    /// Anything.
    Open,
}

/// The words that ask, by what they ask for. They carry no subject.
const ASKING: [(&str, Answer); 22] = [
    ("how much", Answer::Amount),
    ("how many", Answer::Amount),
    ("how long", Answer::Amount),
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
];

/// How reasons are given.
const REASONS: [&str; 16] = [
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
        Self { text: text.to_owned(), parts, stems }
    }
}

impl Part {
    /// Whether an answer has a form that can be told.
    pub(super) fn wants_a_form(&self) -> bool {
        self.answer != Answer::Open
    }

    /// Whether a sentence has the form of an answer; never for a question to which anything answers.
    pub(super) fn is_answered_by(&self, sentence: &str) -> bool {
        match self.answer {
            Answer::Open => false,
            Answer::Amount => !numbers(sentence).is_empty(),
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
        ASKING.iter().find(|(phrase, _)| has_phrase(&lower, phrase)).map_or(Self::Open, |(_, answer)| *answer)
    }
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
