//! What is wanted to be known: the question, its parts, and what an answer to each looks like.

use super::answer::Answer;
use super::comparison::{self, Comparison};
use super::rank::covered;
use super::words::{Words, tokens};

/// How many parts a question is taken apart into.
const MOST_PARTS: usize = 4;

/// A question and its parts.
pub(super) struct Question {
    /// As it was asked.
    pub(super) text: String,
    /// What can be answered by itself; the whole question if it does not fall into parts.
    pub(super) parts: Vec<Part>,
    /// Whether it asks to compare. The sides are parts of it then.
    pub(super) compares: bool,
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
    /// The stems of what it offers to choose from, each by itself: `the blue one or the red one`. What was found about one
    /// of them is something.
    pub(super) alternatives: Vec<Vec<String>>,
    answer: Answer,
}

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
        let compared = pieces.iter().any(|piece| comparison::read(piece).is_some());
        let pieces: Vec<(String, String)> = pieces.into_iter().flat_map(sides).collect();
        let terms = |piece: &str| -> Vec<(String, String)> {
            let all = words.terms(piece).into_iter().map(|(word, stem)| (word.to_owned(), stem));
            let (comparing, own): (Vec<_>, Vec<_>) =
                all.partition(|(word, _)| comparison::is_comparing(&word.to_lowercase()));
            if own.is_empty() { comparing } else { own }
        };
        let subject: Vec<(String, String)> =
            if compared { Vec::new() } else { terms(&pieces[0].0).into_iter().take(3).collect() };
        let mut parts = Vec::new();
        for (index, (piece, aspect)) in pieces.iter().enumerate() {
            let own = terms(piece);
            let mut query = own.clone();
            let more = if index > 0 { subject.clone() } else { Vec::new() };
            for term in terms(aspect).into_iter().filter(|_| !aspect.is_empty()).chain(more) {
                if query.iter().all(|(_, stem)| *stem != term.1) {
                    query.push(term);
                }
            }
            parts.push(Part {
                text: piece.clone(),
                query: query.into_iter().map(|(word, _)| word).collect::<Vec<_>>().join(" "),
                stems: own.into_iter().map(|(_, stem)| stem).collect(),
                alternatives: alternatives(piece, words),
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
        Self { text: text.to_owned(), parts, compares: compared, stems, names, compounds }
    }
}

/// The sides of what a piece compares, each with what is asked of both; else the piece itself.
fn sides(piece: String) -> Vec<(String, String)> {
    match comparison::read(&piece) {
        Some(Comparison { sides, aspect }) => sides.into_iter().map(|side| (side, aspect.clone())).collect(),
        None => vec![(piece, String::new())],
    }
}

fn alternatives(piece: &str, words: &Words) -> Vec<Vec<String>> {
    let offered = [" or ", " oder ", " ou "].iter().find(|word| piece.contains(**word));
    let each = offered.into_iter().flat_map(|word| piece.split(*word)).map(|one| words.stems(one));
    each.filter(|stems| !stems.is_empty()).collect()
}

impl Part {
    /// Whether an answer has a form by which it can be told from what is none.
    pub(super) fn wants_a_form(&self) -> bool {
        !matches!(self.answer, Answer::Open | Answer::Person | Answer::Leave | Answer::Fallback)
    }

    /// Whether some stems have to do with it, or with one of what it offers to choose from.
    pub(super) fn concerns(&self, stems: &[String]) -> bool {
        const SHARE: f64 = 0.3;
        covered(&self.stems, stems) > SHARE || self.alternatives.iter().any(|one| covered(one, stems) > SHARE)
    }

    /// Whether a date is wanted: one dates all that is said around it.
    pub(super) fn wants_a_date(&self) -> bool {
        self.answer == Answer::Time
    }

    /// How much the form of a sentence speaks for it as an answer; 1 if nothing does.
    pub(super) fn form_counts(&self, sentence: &str) -> f64 {
        self.answer.form_counts(sentence)
    }

    /// Whether a sentence has the form of an answer; never for a question to which anything answers.
    pub(super) fn is_answered_by(&self, sentence: &str) -> bool {
        self.answer.is_form_of(sentence)
    }
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
        let is_said = text[start..cut].trim_end().ends_with('.');
        let piece = text[start..cut].trim().trim_end_matches(['?', ',', ';', '.', '!', ' ']);
        let piece =
            [" and", " und", " et", " y", " or"].iter().find_map(|word| piece.strip_suffix(word)).unwrap_or(piece);
        let piece = piece.trim_end_matches([',', ' ']);
        if !piece.is_empty() {
            pieces.push((piece.to_owned(), is_said));
        }
        start = cut;
    }
    // What is only said before a question tells what it is about, and is none itself.
    let asks = pieces.iter().any(|(_, is_said)| !is_said);
    pieces.into_iter().filter(|(_, is_said)| !(asks && *is_said)).map(|(piece, _)| piece).collect()
}
