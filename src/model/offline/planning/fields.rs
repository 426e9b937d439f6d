//! Lengths of time, retries and what else is said of how a step is carried out.

use std::time::Duration;

use super::lexicon::LEXICON;
use super::tokens::{Token, What};
use crate::workflow::Wait;

/// The length of a unit of time.
pub(super) fn unit(word: &str) -> Option<Duration> {
    let seconds = match word.strip_suffix('s').unwrap_or(word) {
        "second" | "sec" => 1,
        "minute" | "min" => 60,
        "hour" | "hr" => 60 * 60,
        "day" => 24 * 60 * 60,
        "week" => 7 * 24 * 60 * 60,
        "month" => 30 * 24 * 60 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// The longest that anything may take: ten years.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// A number, by its digits or its name.
pub(super) fn number(token: &Token) -> Option<f64> {
    match token.what {
        What::Number => token.lower.parse().ok(),
        What::Word => LEXICON
            .number(&token.lower)
            .map(f64::from)
            .or_else(|| matches!(token.lower.as_str(), "a" | "an").then_some(1.0)),
        _ => None,
    }
}

/// A length of time among words, and where it ends.
pub(super) fn duration(tokens: &[Token]) -> Option<(Duration, usize)> {
    tokens.windows(2).enumerate().find_map(|(at, pair)| {
        let unit = unit(&pair[1].lower).filter(|_| pair[1].what == What::Word)?;
        let length = Duration::try_from_secs_f64(unit.as_secs_f64() * number(&pair[0])?).ok()?;
        (length >= Duration::from_millis(1) && length <= LONGEST).then_some((length, at + 2))
    })
}

/// `two days`, `until 2030-01-31T09:00:00Z`, `for the event order.paid`
pub(super) fn wait(tokens: &[Token]) -> Option<Wait> {
    if let Some((length, _)) = duration(tokens) {
        return Some(Wait::For(length));
    }
    let until = tokens.iter().position(|token| token.lower == "until");
    if let Some(at) = until {
        let instant = tokens[at + 1..].iter().find(|token| chrono::DateTime::parse_from_rfc3339(&token.text).is_ok());
        if let Some(instant) = instant {
            return Some(Wait::Until(instant.text.clone()));
        }
    }
    let event = tokens.iter().position(|token| matches!(token.lower.as_str(), "event" | "signal"))?;
    let name = tokens[event + 1..]
        .iter()
        .find(|token| matches!(token.what, What::Word | What::Quoted) && !token.is("marked"))?;
    let name = name.text.split_whitespace().collect::<Vec<_>>().join("_");
    Some(Wait::Event { name, matching: None, timeout: None })
}
