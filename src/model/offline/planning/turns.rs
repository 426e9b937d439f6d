//! Earlier turns: what was said before counts where a request cannot be read by itself.
//!
//! An answer is put where its question came from, a correction in the place of what it corrects, `it` and `the former` become what
//! they stand for, and `and to legal, too` becomes a whole request. What comes of it is a request that means the same without
//! its turns, so that nothing that plans has to know of them.

use std::ops::Range;

use super::grammar::{self, Part};
use super::lexicon::{LEXICON, stem};
use super::said::{Said, said};
use super::slots::{SLOTS, Shape};
use super::tokens::{Token, What, tokens};
use super::{Ask, Planned, Role, Turn};
use crate::workflow::StepId;

/// What a request means after what was said before.
#[derive(Debug, PartialEq)]
pub(super) enum Meant {
    /// Just what it says.
    AsSaid,
    /// The same as this request.
    Same(String),
    /// That nothing is to be done.
    Nothing,
}

/// The most questions in a row whose answers are put together.
const MOST_ANSWERS: usize = 6;

/// Reads a request after its turns. `plan` plans another request without them.
pub(super) fn meant(ask: &Ask<'_>, plan: &dyn Fn(&str) -> Planned) -> Meant {
    let said = ask.request.trim();
    if is_refusal(said) {
        return Meant::Nothing;
    }
    let Some(last) = ask.turns.last().filter(|turn| turn.role == Role::Assistant) else { return Meant::AsSaid };
    let question = question(&last.text);
    if let Some(offer) = question.as_deref().and_then(offer) {
        if is_yes(said) {
            return Meant::Same(with_referents(&offer, ask).unwrap_or(offer));
        }
        if is_no(said) {
            return Meant::Nothing;
        }
    }
    if let Some(question) = &question
        && let Some(answer) = Answer::read(question, said)
        && let Some(request) = answered(ask.turns, &answer, plan)
    {
        return Meant::Same(request);
    }
    let before = ask.turns.iter().rev().find(|turn| turn.role == Role::User).map(|turn| turn.text.as_str());
    if let Some(before) = before
        && let Some(request) = corrected(before, said, &last.text, plan).or_else(|| continued(before, said, ask))
    {
        return Meant::Same(request);
    }
    with_referents(said, ask).map_or(Meant::AsSaid, Meant::Same)
}

/// The question that a text ends with.
fn question(text: &str) -> Option<String> {
    let text = text.trim();
    let inside = text.strip_suffix('?')?;
    let start = inside.rfind(['.', '!', '?', '\n']).map_or(0, |at| at + 1);
    let question = inside[start..].trim();
    // `And how …?`
    let question = ["and ", "so ", "then ", "but "].iter().find_map(|joint| strip(question, joint)).unwrap_or(question);
    (!question.is_empty()).then(|| question.to_owned())
}

/// A text without what it begins with, whatever its case.
fn strip<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

const OFFERS: [&str; 7] =
    ["shall i ", "should i ", "do you want me to ", "would you like me to ", "may i ", "am i to ", "do i "];

/// What is offered by a question that a `yes` answers.
fn offer(question: &str) -> Option<String> {
    let offered = OFFERS.iter().find_map(|words| strip(question, words))?;
    (!offered.contains(" or ")).then(|| offered.to_owned())
}

/// The words of a text in lower case.
fn plain(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
        .collect()
}

const YES: [&str; 15] = [
    "yes",
    "yep",
    "yeah",
    "sure",
    "ok",
    "okay",
    "do",
    "go",
    "right",
    "fine",
    "please",
    "exactly",
    "correct",
    "absolutely",
    "ahead",
];
const NO: [&str; 8] = ["no", "nope", "not", "don't", "dont", "never", "nah", "neither"];
/// What may stand beside yes or no without saying more.
const BESIDES: [&str; 22] = [
    "please", "do", "it", "that", "so", "thanks", "thank", "you", "ahead", "go", "keep", "leave", "as", "is", "them",
    "this", "alone", "i", "want", "to", "the", "step",
];

fn is_yes(said: &str) -> bool {
    let words = plain(said);
    words.first().is_some_and(|first| YES.contains(&first.as_str()))
        && words.iter().all(|word| YES.contains(&word.as_str()) || BESIDES.contains(&word.as_str()))
        && !words.iter().any(|word| matches!(word.as_str(), "keep" | "leave"))
}

fn is_no(said: &str) -> bool {
    let words = plain(said);
    let begins =
        words.first().is_some_and(|first| NO.contains(&first.as_str()) || matches!(first.as_str(), "keep" | "leave"));
    begins && words.iter().all(|word| NO.contains(&word.as_str()) || BESIDES.contains(&word.as_str()))
}

/// `no, leave everything as it is`
fn is_refusal(said: &str) -> bool {
    let words = plain(said);
    let all = |word: &String| {
        NO.contains(&word.as_str())
            || BESIDES.contains(&word.as_str())
            || matches!(
                word.as_str(),
                "everything"
                    | "change"
                    | "anything"
                    | "are"
                    | "they"
                    | "workflow"
                    | "now"
                    | "just"
                    | "nothing"
                    | "was"
                    | "like"
            )
    };
    let leaves =
        words.windows(2).any(|pair| {
            matches!(pair[0].as_str(), "leave" | "keep")
                && matches!(pair[1].as_str(), "everything" | "it" | "them" | "this" | "that")
        }) || words.windows(2).any(|pair| pair[0] == "change" && matches!(pair[1].as_str(), "anything" | "nothing"));
    leaves
        && words.iter().all(all)
        && (words.iter().any(|word| word == "everything" || word == "change" || word == "as"))
}

/// An answer to a question, with what it chose.
struct Answer {
    question: String,
    said: String,
    /// The option that was chosen, whole, if the question has options.
    chosen: Option<String>,
}

impl Answer {
    /// Reads what was said as an answer, if it is one.
    fn read(question: &str, said: &str) -> Option<Self> {
        let options = options(question);
        let words = plain(said);
        let stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
        let ordinal = ordinal(&words).filter(|_| words.len() <= 6).and_then(|at| at.of(&options));
        let is_in = |option: &&String| plain(option).iter().any(|word| is_telling(word) && stems.contains(&stem(word)));
        let named: Vec<&String> = options.iter().filter(is_in).collect();
        // `before it`, `after it`
        let begun =
            options.iter().find(|option| words.first().is_some_and(|first| plain(option).first() == Some(first)));
        let has_deed = has_deed(said);
        let chosen = match (ordinal, named.as_slice(), begun) {
            (Some(option), _, _) => Some(option),
            (None, [one], _) => Some((*one).clone()),
            (None, _, Some(begun))
                if LEXICON.is("preposition", &words[0]) || matches!(words[0].as_str(), "before" | "after") =>
            {
                Some(begun.clone())
            }
            _ => None,
        };
        let is_answer =
            !has_deed && !words.is_empty() && words.len() <= 14 && (chosen.is_some() || !is_correction(&words));
        is_answer.then(|| Self {
            question: question.to_owned(),
            said: said.trim_end_matches(['.', '!']).to_owned(),
            chosen,
        })
    }
}

/// True for a word by which one option is told from another.
fn is_telling(word: &str) -> bool {
    word.len() > 1
        && ["determiner", "preposition", "pronoun", "copula", "auxiliary"].iter().all(|set| !LEXICON.is(set, word))
}

/// True if something is to be done by what was said: it begins with a verb.
fn has_deed(said: &str) -> bool {
    let all = tokens(said);
    let verbs = |part: &Part| matches!(part, Part::Do(deed) | Part::Not(deed) if !deed.verbs.is_empty());
    grammar::split(&all).iter().any(|sentence| grammar::parts(sentence).iter().any(verbs))
}

/// What a question lets one choose between.
fn options(question: &str) -> Vec<String> {
    let listed = question.rsplit_once(':').map(|(_, listed)| listed);
    let text = listed.unwrap_or(question).trim();
    let Some((left, right)) = text.rsplit_once(" or ") else { return Vec::new() };
    if listed.is_none() {
        // `… before or after the warning is posted`: what follows belongs to both.
        let one = left.rsplit(' ').next().unwrap_or(left);
        let (other, rest) = right.split_once(' ').unwrap_or((right, ""));
        if LEXICON.is("preposition", one) || matches!(one, "before" | "after") {
            return vec![format!("{one} {rest}"), format!("{other} {rest}")];
        }
    }
    let mut options: Vec<String> =
        left.split(", ").map(|option| option.trim_end_matches(',').trim().to_owned()).collect();
    options.push(right.trim().to_owned());
    options.retain(|option| !option.is_empty());
    options
}

/// A place in a list of what was said.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ordinal {
    At(usize),
    Last,
}

impl Ordinal {
    fn of<T: Clone>(self, list: &[T]) -> Option<T> {
        match self {
            Self::At(at) => list.get(at).cloned(),
            Self::Last => list.last().cloned(),
        }
    }
}

fn ordinal(words: &[String]) -> Option<Ordinal> {
    words.iter().find_map(|word| match word.as_str() {
        "first" | "former" => Some(Ordinal::At(0)),
        "second" => Some(Ordinal::At(1)),
        "third" => Some(Ordinal::At(2)),
        "latter" | "last" => Some(Ordinal::Last),
        _ => None,
    })
}

/// The request that questions were asked about, with all the answers put where they belong.
fn answered(turns: &[Turn], answer: &Answer, plan: &dyn Fn(&str) -> Planned) -> Option<String> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut base = None;
    let mut at = turns.len().checked_sub(1)?;
    for _ in 0..MOST_ANSWERS {
        // The person's turn before the question.
        let said = turns[..at].iter().rposition(|turn| turn.role == Role::User)?;
        let asked = said.checked_sub(1).filter(|asked| turns[*asked].role == Role::Assistant);
        let earlier = asked
            .and_then(|asked| question(&turns[asked].text))
            .and_then(|question| Answer::read(&question, &turns[said].text));
        base = Some(turns[said].text.clone());
        let (Some(earlier), Some(asked)) = (earlier, asked) else { break };
        answers.insert(0, earlier);
        at = asked;
    }
    let mut request = base?;
    for answer in answers.iter().chain(std::iter::once(answer)) {
        request = put(&request, answer, plan);
    }
    Some(request)
}

/// A request with an answer in it.
fn put(request: &str, answer: &Answer, plan: &dyn Fn(&str) -> Planned) -> String {
    let wanted = answer.chosen.as_deref().unwrap_or(&answer.said);
    let named = plain(wanted);
    // A choice says itself what it means.
    for question in plan(request).questions {
        let is_meant = |label: &str| {
            let label = plain(label);
            !label.is_empty() && label.iter().filter(|word| is_telling(word)).all(|word| named.contains(word))
        };
        if let Some(choice) = question.choices.iter().find(|choice| is_meant(&choice.label)) {
            let more = more_than(&answer.said, &choice.label);
            return match more {
                Some(more) => insert(&choice.request, &more, &answer.question),
                None => choice.request.clone(),
            };
        }
    }
    let said = if answer.chosen.is_some() && has_reference(&answer.said) { wanted } else { &answer.said };
    insert(request, &as_phrase(said), &answer.question)
}

fn has_reference(said: &str) -> bool {
    let words = plain(said);
    ordinal(&words).is_some() || words.iter().any(|word| LEXICON.is("pronoun", word))
}

/// What an answer says beyond the option that it chose: `Huddle, in the channel lobby`.
fn more_than(said: &str, label: &str) -> Option<String> {
    let rest = strip(said, label)?.trim_start_matches([',', ' ', ':']).trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// Words that can follow a clause: with a preposition before a name.
fn as_phrase(said: &str) -> String {
    let said = said.replace(',', "");
    let first = plain(&said).into_iter().next().unwrap_or_default();
    if LEXICON.is("preposition", &first)
        || matches!(first.as_str(), "before" | "after" | "every" | "when" | "if" | "only")
    {
        let mut letters = said.chars();
        letters.next().map(|c| c.to_lowercase().chain(letters).collect()).unwrap_or_default()
    } else {
        format!("with {said}")
    }
}

/// Puts words at the end of the clause that a question is about.
fn insert(request: &str, words: &str, question: &str) -> String {
    let trimmed = request.trim().trim_end_matches(['.', '!']);
    // A place in the order of steps is said of the sentence.
    let asked: Vec<String> = plain(question).iter().filter(|word| is_telling(word)).map(|word| stem(word)).collect();
    let all = tokens(trimmed);
    let mut clauses: Vec<String> = Vec::new();
    for sentence in grammar::split(&all) {
        for part in grammar::parts(&sentence) {
            if let Part::Do(deed) = part {
                clauses.push(deed.said);
            }
        }
    }
    let weight =
        |clause: &String| plain(clause).iter().filter(|word| is_telling(word) && asked.contains(&stem(word))).count();
    let best = clauses.iter().map(weight).max().unwrap_or(0);
    let clause = clauses.iter().find(|clause| weight(clause) == best);
    let end =
        clause.and_then(|clause| trimmed.find(clause.as_str()).map(|at| at + clause.len())).unwrap_or(trimmed.len());
    format!("{} {words}{}", trimmed[..end].trim_end(), &trimmed[end..])
}

/// Words with which one takes back what one said.
fn is_correction(words: &[String]) -> bool {
    let opens = words.first().is_some_and(|first| {
        matches!(first.as_str(), "sorry" | "no" | "actually" | "oops" | "rather" | "wait" | "correction")
    });
    opens || words.iter().any(|word| matches!(word.as_str(), "meant" | "mean" | "instead"))
}

/// The request before, with what is corrected.
fn corrected(before: &str, said: &str, shown: &str, plan: &dyn Fn(&str) -> Planned) -> Option<String> {
    let words = plain(said);
    if !is_correction(&words) {
        return None;
    }
    if words.contains(&"other".to_owned())
        || words.windows(2).any(|pair| pair[0] == "not" && matches!(pair[1].as_str(), "that" | "this"))
    {
        // The choice that was not taken.
        let taken = plain(shown);
        let question = plan(before).questions.into_iter().find(|question| question.choices.len() > 1)?;
        let is_taken = |label: &str| plain(label).iter().any(|word| is_telling(word) && taken.contains(word));
        let free = question.choices.iter().find(|choice| !is_taken(&choice.label));
        return free.or(question.choices.get(1)).map(|choice| choice.request.clone());
    }
    // `I meant Dutch`, `make it daily instead`: one value in the place of another of its kind.
    let new = marks(said);
    let old = marks(before);
    let mut request = before.trim().to_owned();
    let mut is_changed = false;
    for new in new.iter().rev() {
        let same: Vec<&Mark> = old.iter().filter(|old| old.kind == new.kind).collect();
        if let [old] = same.as_slice()
            && old.text != new.text
            && request.get(old.range.clone()) == before.trim().get(old.range.clone())
        {
            request.replace_range(old.range.clone(), &new.text);
            is_changed = true;
        }
    }
    is_changed.then_some(request)
}

/// Kinds of values that stand in each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkKind {
    Language,
    Currency,
    Frequency,
    Clock,
    Mail,
    Web,
    Channel,
    Quoted,
    Number,
    Name,
}

#[derive(Debug)]
struct Mark {
    kind: MarkKind,
    text: String,
    range: Range<usize>,
}

/// The values of a text, in order.
fn marks(text: &str) -> Vec<Mark> {
    let text = text.trim();
    let mut found: Vec<Mark> = Vec::new();
    let mut from = 0;
    let mut is_first = true;
    while let Some(start) = text[from..].find(|c: char| !c.is_whitespace()).map(|at| from + at) {
        let rest = &text[start..];
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '“' | '\'' | '‘'));
        let close = quote.map(|open| match open {
            '“' => '”',
            '‘' => '’',
            other => other,
        });
        let quoted = close
            .and_then(|close| rest.char_indices().skip(1).find(|(_, c)| *c == close).map(|(at, c)| at + c.len_utf8()));
        let length = quoted.unwrap_or_else(|| rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let raw = &text[start..start + length];
        let word = if quoted.is_some() {
            raw
        } else {
            raw.trim_matches(|c: char| matches!(c, '.' | ',' | '!' | '?' | ';' | '(' | ')'))
        };
        let offset = raw.find(word).unwrap_or(0);
        let mut range = start + offset..start + offset + word.len();
        from = start + length;
        let lower = word.to_lowercase();
        let next = text[from..].trim_start();
        let next_word: String = next.chars().take_while(|c| c.is_alphanumeric()).collect();
        let kind = if quoted.is_some() {
            Some(MarkKind::Quoted)
        } else if word.contains("://") {
            Some(MarkKind::Web)
        } else if word.contains('@') && word.contains('.') {
            Some(MarkKind::Mail)
        } else if word.starts_with('#') && word.len() > 1 {
            Some(MarkKind::Channel)
        } else if matches!(lower.as_str(), "every" | "each") && is_period(&next_word.to_lowercase()) {
            range.end = text.len() - next.len() + next_word.len();
            from = range.end;
            Some(MarkKind::Frequency)
        } else if matches!(lower.as_str(), "daily" | "weekly" | "monthly" | "hourly" | "yearly" | "quarterly") {
            Some(MarkKind::Frequency)
        } else if SLOTS.language(&lower).is_some() {
            Some(MarkKind::Language)
        } else if SLOTS.currency(&lower).is_some() {
            Some(MarkKind::Currency)
        } else if lower
            .split_once(':')
            .is_some_and(|(hour, minute)| hour.parse::<u32>().is_ok() && minute.parse::<u32>().is_ok())
            || lower
                .strip_suffix("am")
                .or_else(|| lower.strip_suffix("pm"))
                .is_some_and(|hour| hour.parse::<u32>().is_ok())
            || (lower.parse::<u32>().is_ok() && text[..start].trim_end().to_lowercase().ends_with(" at"))
        {
            Some(MarkKind::Clock)
        } else if lower.parse::<f64>().is_ok() || (SLOTS.number(&lower).is_some() && lower != "one") {
            Some(MarkKind::Number)
        } else if !is_first && word.starts_with(char::is_uppercase) && word.len() > 1 {
            Some(MarkKind::Name)
        } else {
            None
        };
        is_first = false;
        let text = text[range.clone()].to_owned();
        found.extend(kind.map(|kind| Mark { kind, text, range }));
    }
    found
}

fn is_period(word: &str) -> bool {
    SLOTS.is("weekdays", word)
        || matches!(
            word,
            "day"
                | "week"
                | "month"
                | "hour"
                | "year"
                | "quarter"
                | "morning"
                | "evening"
                | "night"
                | "weekday"
                | "minute"
                | "afternoon"
        )
}

/// `and then also to legal`: the last clause once more, with another place.
fn continued(before: &str, said: &str, ask: &Ask<'_>) -> Option<String> {
    let words = plain(said);
    let joins = |word: &String| {
        matches!(
            word.as_str(),
            "and" | "also" | "then" | "too" | "plus" | "likewise" | "same" | "another" | "as" | "well" | "please"
        )
    };
    let lead = words.iter().take_while(|word| joins(word)).count();
    let preposition = words.get(lead).filter(|word| LEXICON.is("preposition", word))?;
    if lead == 0 || has_deed(said) {
        return None;
    }
    let at = said.to_lowercase().find(&format!("{preposition} "))?;
    let place = said[at..].trim_end_matches(['.', '!']).trim_end_matches(" too").trim_end_matches(',').trim();
    let all = tokens(before.trim().trim_end_matches(['.', '!']));
    let mut clause = None;
    for sentence in grammar::split(&all) {
        for part in grammar::parts(&sentence) {
            if let Part::Do(deed) = part
                && !deed.verbs.is_empty()
            {
                clause = Some(deed.said);
            }
        }
    }
    let clause = clause?;
    let old = clause.to_lowercase().rfind(&format!(" {preposition} "))?;
    let tail = &clause[old + 1..];
    // What leads to something else stays.
    let end = tail
        .match_indices(' ')
        .skip(1)
        .find(|(at, _)| {
            tail[at + 1..].split(' ').next().is_some_and(|word| LEXICON.is("preposition", &word.to_lowercase()))
        })
        .map_or(tail.len(), |(at, _)| at);
    let again = format!("{} {place}{}", &clause[..old], &tail[end..]);
    Some(if ask.workflow.is_some() {
        format!("also {again}")
    } else {
        format!("{}, and then also {again}", before.trim().trim_end_matches(['.', '!']))
    })
}

/// A request with what `it`, `the former` and `the first of these` stand for; `None` if it has nothing such, or nothing is known.
fn with_referents(said: &str, ask: &Ask<'_>) -> Option<String> {
    let last = ask.turns.iter().rev().find(|turn| turn.role == Role::Assistant)?;
    let steps = mentioned(&last.text, ask);
    let lower = said.to_lowercase();
    let ordinals = [
        "the first of these",
        "the first of them",
        "the first one",
        "the former",
        "the first",
        "the second of these",
        "the second of them",
        "the second one",
        "the second",
        "the latter",
        "the last of these",
        "the last of them",
        "the last one",
        "the third one",
        "the third",
    ];
    let found = ordinals.iter().find_map(|words| find_words(&lower, words).map(|at| (*words, at)));
    if let Some((words, at)) = found {
        let place = ordinal(&plain(words))?;
        let after = lower[at + words.len()..].trim_start();
        // `the first step` of the workflow is no turn's.
        let is_alone = after.is_empty()
            || !after.starts_with(char::is_alphanumeric)
            || plain(after).first().is_some_and(|word| {
                matches!(
                    word.as_str(),
                    "and" | "too" | "to" | "in" | "with" | "for" | "please" | "instead" | "then" | "from"
                )
            });
        let thing = if steps.len() > 1 {
            place.of(&steps).map(|step| format!("the step {step}"))
        } else {
            place.of(&listed(&last.text))
        };
        return thing.filter(|_| is_alone).map(|thing| replaced(said, at..at + words.len(), &thing));
    }
    let ([step], true) = (steps.as_slice(), has_one_deed(said)) else { return None };
    let pronoun = ["that step", "this step", "that one", "this one", "it", "that", "this"]
        .into_iter()
        .find_map(|words| find_words(&lower, words).map(|at| at..at + words.len()))?;
    Some(replaced(said, pronoun, &format!("the step {step}")))
}

fn has_one_deed(said: &str) -> bool {
    let all = tokens(said);
    let sentences = grammar::split(&all);
    let parts: Vec<Part> = sentences.iter().flat_map(|sentence| grammar::parts(sentence)).collect();
    let deeds = parts.iter().filter(|part| matches!(part, Part::Do(_) | Part::Not(_))).count();
    let only_pronouns = parts.iter().all(|part| match part {
        Part::Do(deed) | Part::Not(deed) => {
            deed.objects.iter().all(|phrase| phrase.pronoun || phrase.is_empty()) && !deed.objects.is_empty()
        }
        Part::Also | Part::Then | Part::Instead | Part::First | Part::Last => true,
        _ => false,
    });
    deeds == 1 && only_pronouns
}

/// Where words stand in a text, as words.
fn find_words(text: &str, words: &str) -> Option<usize> {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(words)
        .map(|(at, _)| at)
        .find(|at| is_edge(text[..*at].chars().next_back()) && is_edge(text[at + words.len()..].chars().next()))
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    match (text.get(..range.start), text.get(range.end..)) {
        (Some(before), Some(after)) => format!("{before}{with}{after}"),
        // Lower case was of another length.
        _ => text.to_owned(),
    }
}

/// The steps of the workflow that a text names, in its order.
fn mentioned(text: &str, ask: &Ask<'_>) -> Vec<StepId> {
    let mut found: Vec<(usize, StepId)> = Vec::new();
    let lower = text.to_lowercase();
    super::draft::each_step(ask.workflow.map_or(&[], |workflow| &workflow.steps), &mut |step| {
        if let Some(at) = find_words(&lower, step.id.as_str()) {
            found.push((at, step.id.clone()));
        }
    });
    found.sort();
    found.into_iter().map(|(_, id)| id).collect()
}

/// The things that a text lists.
fn listed(text: &str) -> Vec<String> {
    let first = text.split(['.', '?', '!']).next().unwrap_or(text);
    let first = first.rsplit_once(':').map_or(first, |(_, listed)| listed);
    let list = first.replace(", and ", ", ").replace(" and ", ", ").replace(", or ", ", ").replace(" or ", ", ");
    let things: Vec<String> =
        list.split(", ").map(|thing| thing.trim().to_owned()).filter(|thing| !thing.is_empty()).collect();
    let lowered = |thing: &String| {
        let first = thing.split(' ').next().unwrap_or_default();
        if LEXICON.is("determiner", &first.to_lowercase()) {
            thing.replacen(first, &first.to_lowercase(), 1)
        } else {
            thing.clone()
        }
    };
    if things.len() < 2 { Vec::new() } else { things.iter().map(lowered).collect() }
}

/// What the person said to be so: `our warehouse's number is +43 1 555 0177`.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    facts: Vec<Fact>,
}

#[derive(Clone, Debug)]
struct Fact {
    /// The stems of what it is about.
    about: Vec<String>,
    said: Said,
}

impl Facts {
    /// What the person said in these turns.
    pub(super) fn of(turns: &[Turn]) -> Self {
        let mut facts = Vec::new();
        for turn in turns.iter().filter(|turn| turn.role == Role::User && !turn.text.trim_end().ends_with('?')) {
            for sentence in grammar::split(&tokens(&turn.text)) {
                facts.extend(fact(&sentence, &turn.text));
            }
        }
        Self { facts }
    }

    /// What was said of those that a clause speaks of.
    pub(super) fn said_of(&self, words: &[Token]) -> Vec<Said> {
        let speaks = |fact: &&Fact| {
            fact.about.iter().any(|stem| words.iter().any(|word| word.what == What::Word && word.stem == *stem))
        };
        self.facts.iter().rev().filter(speaks).map(|fact| fact.said.clone()).collect()
    }
}

fn fact(sentence: &[Token], text: &str) -> Option<Fact> {
    let is = sentence.iter().position(|token| token.is("copula"))?;
    let subject: Vec<&Token> = sentence[..is]
        .iter()
        .filter(|token| token.what == What::Word && is_telling(&token.lower) && !token.is("filler"))
        .collect();
    let value = said(&sentence[is + 1..], text, |_| false)
        .into_iter()
        .find(|said| !matches!(said.shape, Shape::Words | Shape::Clause | Shape::Number))?;
    let (property, about): (Vec<&&Token>, Vec<&&Token>) =
        subject.iter().partition(|token| SLOTS.roles(std::slice::from_ref(&token.stem)).next().is_some());
    let label = property.iter().map(|token| token.stem.clone()).collect();
    let about: Vec<String> = about.iter().map(|token| token.stem.clone()).collect();
    (!about.is_empty()).then_some(Fact { about, said: Said { label, after: None, range: 0..0, ..value } })
}

#[cfg(test)]
mod tests;
