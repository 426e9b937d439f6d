//! How a step is carried out: how often it is tried, how long it may take, how many at the same time, who answers, and what
//! becomes of it when nobody does.

use std::time::Duration;

use super::super::fields;
use super::super::grammar::begins_deed;
use super::super::lexicon::{LEXICON, Marker};
use super::super::tokens::{Token, What};
use crate::workflow::Outcome;

/// How a step is carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Setting {
    /// How often it is tried in all.
    pub(in super::super) attempts: Option<u32>,
    pub(in super::super) timeout: Option<Duration>,
    /// How many items of a loop are dealt with at the same time.
    pub(in super::super) together: Option<u32>,
    /// True if a loop goes on when an item fails.
    pub(in super::super) goes_on: bool,
    /// What is taken for the answer when none has come by then.
    pub(in super::super) unanswered: Option<(Duration, Outcome)>,
    /// Who alone may answer.
    pub(in super::super) to: Vec<String>,
    /// What it is called; the step that was spoken of last if nothing.
    pub(in super::super) of: Vec<Token>,
    /// The clause before it, in which that step was spoken of.
    pub(in super::super) beside: Vec<Token>,
}

impl Setting {
    fn says_something(&self) -> bool {
        let Self { attempts, timeout, together, goes_on, unanswered, to, of: _, beside: _ } = self;
        attempts.is_some()
            || timeout.is_some()
            || together.is_some()
            || *goes_on
            || unanswered.is_some()
            || !to.is_empty()
    }
}

/// The most that is done at the same time.
const MOST_TOGETHER: u32 = 100;

/// Takes `retry it three times`, `with a timeout of a minute` and their like out of a sentence.
pub(super) fn settings(sentence: &[Token]) -> (Vec<Token>, Option<Setting>) {
    let mut rest = sentence.to_vec();
    let mut setting = Setting::default();
    unanswered(&mut rest, &mut setting);
    only_to(&mut rest, &mut setting);
    goes_on(&mut rest, &mut setting);
    together(&mut rest, &mut setting);
    no_longer_than(&mut rest, &mut setting);
    timeout(&mut rest, &mut setting);
    attempts(&mut rest, &mut setting);
    let any = setting.says_something();
    if any && rest.iter().all(|token| !token.is_word()) {
        rest.clear();
    }
    (rest, any.then_some(setting))
}

fn is_joint(token: &Token) -> bool {
    matches!(token.what, What::Comma | What::Colon)
        || matches!(token.marker(), Some(Marker::And | Marker::But | Marker::Then))
}

/// The last clause of some words.
fn clause(tokens: &[Token]) -> &[Token] {
    let end = tokens.iter().rposition(|token| !is_joint(token)).map_or(0, |at| at + 1);
    let start = tokens[..end].iter().rposition(is_joint).map_or(0, |at| at + 1);
    &tokens[start..end]
}

/// `a timeout of a minute for the mail`
fn timeout(rest: &mut Vec<Token>, setting: &mut Setting) {
    let named = |token: &Token| matches!(token.lower.as_str(), "timeout" | "time-out") && token.what == What::Word;
    let Some(at) = rest.iter().position(named) else { return };
    let Some((length, end)) = fields::duration(&rest[at..]) else { return };
    setting.timeout = Some(length);
    let start = rest[..at]
        .iter()
        .rposition(|token| {
            !(token.is("determiner")
                || token.lower == "with"
                || token.marker() == Some(Marker::And)
                || token.lower == "set"
                || token.lower == "give"
                || token.what == What::Comma)
        })
        .map_or(0, |before| before + 1);
    setting.beside = clause(&rest[..start]).to_vec();
    // `a timeout of a minute for the mail`: which step.
    let after: Vec<Token> = rest[at + end..].to_vec();
    if after.first().is_some_and(|token| matches!(token.lower.as_str(), "for" | "on" | "to")) {
        setting.of = after[1..].to_vec();
        rest.truncate(start);
    } else {
        rest.drain(start..at + end);
    }
    // `give the mail a timeout of a minute`
    if start > 0 && rest.first().is_some_and(|token| matches!(token.lower.as_str(), "give" | "set")) {
        setting.of = rest.drain(..).skip(1).collect();
    }
}

/// `the check must not take longer than 20 seconds`, `it may run for a minute at most`
fn no_longer_than(rest: &mut Vec<Token>, setting: &mut Setting) {
    let lasts = |token: &Token| {
        token.what == What::Word
            && matches!(token.lower.as_str(), "take" | "takes" | "taking" | "last" | "lasts" | "run" | "runs")
    };
    let found = rest.iter().enumerate().filter(|(_, token)| lasts(token)).find_map(|(at, _)| {
        let (length, end) = fields::duration(&rest[at..])?;
        let most = rest[at..]
            .iter()
            .take(end + 2)
            .any(|token| matches!(token.lower.as_str(), "longer" | "more" | "most" | "maximum" | "max"));
        most.then_some((at, length, at + end))
    });
    let Some((at, length, end)) = found else { return };
    let subject_end = rest[..at]
        .iter()
        .rposition(|token| {
            !(token.is("auxiliary")
                || token.is("modal")
                || token.is("negation")
                || token.marker() == Some(Marker::Not)
                || matches!(token.lower.as_str(), "to" | "ever"))
        })
        .map_or(0, |before| before + 1);
    // `if it takes longer than an hour` asks for something.
    let asks =
        rest[..at].iter().any(|token| matches!(token.marker(), Some(Marker::If | Marker::When | Marker::Unless)));
    let lets = rest.first().is_some_and(|first| first.lower == "let");
    if asks || (subject_end == at && !lets) {
        return;
    }
    let subject = clause(&rest[..subject_end]).to_vec();
    setting.timeout = Some(length);
    let trailing =
        rest[end..].iter().take_while(|token| matches!(token.lower.as_str(), "at" | "most" | "maximum")).count();
    let start = subject_end - subject.len();
    let subject: Vec<Token> = subject.into_iter().skip_while(|token| token.lower == "let").collect();
    if subject.iter().all(|token| token.is("pronoun") || token.is("determiner")) {
        setting.beside = clause(&rest[..start]).to_vec();
    } else {
        setting.of = subject;
    }
    rest.drain(start..end + trailing);
}

/// `retry it three times`, `with 3 retries`
fn attempts(rest: &mut Vec<Token>, setting: &mut Setting) {
    let tries = |token: &Token| {
        token.what == What::Word
            && matches!(token.lower.as_str(), "retry" | "retries" | "retrying" | "try" | "retried" | "attempts")
    };
    let Some(at) = rest.iter().position(tries) else { return };
    let Some((times, end)) = times(rest, at) else { return };
    // To try again three times is to try four times.
    let again = rest[at].lower.starts_with("retr");
    setting.attempts = Some((times + u32::from(again)).clamp(1, 100));
    let of: Vec<Token> = rest[at + 1..end]
        .iter()
        .filter(|token| {
            token.is_word()
                && fields::number(token).is_none_or(|_| token.lower == "a")
                && !matches!(token.lower.as_str(), "times" | "up" | "to" | "attempts" | "at" | "most" | "again")
        })
        .cloned()
        .collect();
    if !of.iter().all(|token| token.is("pronoun") || token.is("determiner")) {
        setting.of = of;
    }
    let start = rest[..at]
        .iter()
        .rposition(|token| {
            !(token.is("determiner")
                || token.lower == "with"
                || matches!(token.marker(), Some(Marker::And | Marker::But | Marker::Then))
                || token.what == What::Comma
                || fields::number(token).is_some()
                || matches!(token.lower.as_str(), "up" | "to"))
        })
        .map_or(0, |before| before + 1);
    if setting.of.is_empty() {
        setting.beside = clause(&rest[..start]).to_vec();
    }
    rest.drain(start..end.max(at + 1));
}

/// How many times, and where that ends: `three times`, `with 3 retries`.
fn times(tokens: &[Token], at: usize) -> Option<(u32, usize)> {
    let number = |token: &Token| match token.what {
        What::Number => token.lower.parse::<u32>().ok(),
        What::Word => LEXICON.number(&token.lower).or(match token.lower.as_str() {
            "once" => Some(1),
            "twice" => Some(2),
            "thrice" => Some(3),
            _ => None,
        }),
        _ => None,
    };
    if matches!(tokens[at].lower.as_str(), "retries" | "attempts") {
        let before = at.checked_sub(1)?;
        return Some((number(&tokens[before])?, at + 1));
    }
    tokens[at + 1..].iter().take(10).enumerate().find_map(|(offset, token)| {
        let times = number(token)?;
        let end = at + 1 + offset + 1;
        let unit = tokens.get(end).is_some_and(|token| matches!(token.lower.as_str(), "times" | "time" | "attempts"));
        (unit || matches!(token.lower.as_str(), "once" | "twice" | "thrice"))
            .then_some((times, end + usize::from(unit)))
    })
}

/// `up to four at the same time`, `three at once`, `one at a time`
fn together(rest: &mut Vec<Token>, setting: &mut Setting) {
    let spelled = |at: usize, words: &[&str]| {
        rest.len() >= at + words.len() && words.iter().zip(&rest[at..]).all(|(word, token)| token.lower == *word)
    };
    let said = (0..rest.len()).find_map(|at| {
        let length = if rest[at].marker() == Some(Marker::Parallel) {
            1
        } else if spelled(at, &["at", "a", "time"]) {
            3
        } else if spelled(at, &["at", "once"]) {
            2
        } else {
            return None;
        };
        Some((at, length))
    });
    let Some((at, length)) = said else { return };
    let number = |token: &Token| match token.what {
        What::Number => token.lower.parse::<u32>().ok(),
        What::Word => LEXICON.number(&token.lower),
        _ => None,
    };
    let Some((place, many)) = (0..at).rev().find_map(|at| Some((at, number(&rest[at])?))) else { return };
    setting.together = Some(many.clamp(1, MOST_TOGETHER));
    let start = rest[..place]
        .iter()
        .rposition(|token| {
            !matches!(token.lower.as_str(), "up" | "to" | "at" | "most" | "only" | "no" | "more" | "than" | "with")
        })
        .map_or(0, |before| before + 1);
    rest.drain(at..at + length);
    rest.drain(start..=place);
    setting.beside = clause(rest).to_vec();
}

/// Words by which a loop goes on.
const GOES_ON: [&str; 14] = [
    "carry on",
    "carries on",
    "continue",
    "continues",
    "go on",
    "goes on",
    "keep going",
    "proceed",
    "move on",
    "not stop",
    "n't stop",
    "not affect",
    "n't affect",
    "not abort",
];

/// `carry on with the others when one can't be delivered`, `one failing mail should not stop the rest`
fn goes_on(rest: &mut Vec<Token>, setting: &mut Setting) {
    let lower: Vec<String> = rest.iter().map(|token| token.lower.clone()).collect();
    let line = lower.join(" ");
    let Some(said) = GOES_ON.iter().find_map(|words| line.find(words)) else { return };
    let others = lower.iter().any(|word| {
        matches!(word.as_str(), "others" | "rest" | "other" | "remaining" | "next" | "anyway" | "loop" | "one" | "all")
    });
    let fails = rest.iter().any(|token| {
        token.is("fail")
            || matches!(token.lower.as_str(), "failing" | "failure" | "failures" | "can't" | "cannot" | "goes wrong")
    });
    if !(others && fails) {
        return;
    }
    setting.goes_on = true;
    // What was to be done before it stays.
    let at = line[..said].split(' ').count().saturating_sub(1);
    let joint = rest[..at.min(rest.len())].iter().rposition(is_joint);
    let kept = joint
        .filter(|joint| begins_deed(&rest[..*joint], false) && !rest[..*joint].iter().any(|token| token.is("fail")));
    match kept {
        Some(joint) => {
            setting.beside = clause(&rest[..joint]).to_vec();
            rest.truncate(joint);
        }
        None => {
            setting.of = std::mem::take(rest).into_iter().filter(Token::is_word).collect();
        }
    }
}

/// `if nobody answers within two days, take it as a no`
fn unanswered(rest: &mut Vec<Token>, setting: &mut Setting) {
    let is_none =
        |token: &Token| matches!(token.lower.as_str(), "nobody" | "no" | "none" | "no-one") || token.is("negation");
    let answers = |token: &Token| {
        matches!(
            token.lower.as_str(),
            "answer"
                | "answers"
                | "answered"
                | "reply"
                | "replies"
                | "respond"
                | "responds"
                | "response"
                | "decides"
                | "reacts"
                | "reaction"
                | "decision"
        )
    };
    let Some((after, end)) = fields::duration(rest) else { return };
    let takes = rest[end.min(rest.len())..].iter().position(|token| {
        matches!(
            token.lower.as_str(),
            "take" | "treat" | "count" | "consider" | "assume" | "regard" | "counts" | "reject" | "approve"
        )
    });
    let Some(takes) = takes.map(|at| end + at) else { return };
    let says = |words: &[&str]| rest[takes..].iter().any(|token| words.contains(&token.lower.as_str()));
    let no = says(&["no", "reject", "rejected", "rejection", "refusal", "refused", "declined", "denied"]);
    let yes = says(&["yes", "approve", "approved", "approval", "consent", "agreed", "accepted"]);
    let silent = rest[..end].iter().any(is_none) && rest[..end].iter().any(answers);
    if !silent || no == yes {
        return;
    }
    setting.unanswered = Some((after, Outcome::from(if no { Outcome::REJECTED } else { Outcome::APPROVED })));
    setting.of =
        std::mem::take(rest).into_iter().take(end).filter(|token| token.is_word() && !is_none(token)).collect();
}

/// `only Tomas may approve it`
fn only_to(rest: &mut Vec<Token>, setting: &mut Setting) {
    let Some(only) = rest.iter().position(|token| token.lower == "only").filter(|at| *at == 0) else { return };
    let Some(may) = rest.iter().position(|token| token.is("auxiliary") || token.is("modal")) else { return };
    let who: Vec<&Token> =
        rest[only + 1..may.max(only + 1)].iter().filter(|token| token.is_word() && !token.is("determiner")).collect();
    let named = !who.is_empty() && who.iter().all(|token| token.is_capital() || token.what == What::Address);
    let answers =
        rest.get(may + 1).is_some_and(|token| token.verb().is_some_and(|verb| LEXICON.is("answering", &verb.base)));
    if !(named && answers) {
        return;
    }
    setting.to = who.iter().map(|token| token.text.to_lowercase()).collect();
    setting.of = rest[may + 1..].iter().filter(|token| !token.is("pronoun")).cloned().collect();
    rest.clear();
}
