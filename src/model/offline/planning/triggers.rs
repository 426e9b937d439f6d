//! What starts a workflow: times, web hooks, events, the end of another.

mod calendar;

use super::tokens::{Token, What};
use crate::workflow::Trigger;
use calendar::schedule;

/// What was found: the triggers, the words that are left, and what was taken for granted.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) triggers: Vec<Trigger>,
    pub(super) rest: Vec<Token>,
    pub(super) assumed: Vec<String>,
}

/// Takes what starts the workflow out of a sentence.
pub(super) fn take(tokens: &[Token]) -> Found {
    let mut found = Found::default();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        let taken =
            happening(rest, at == 0 || !tokens[at - 1].is_word()).or_else(|| schedule(rest, &mut found.assumed));
        if let Some((trigger, length)) = taken {
            found.triggers.push(trigger);
            at += length.max(1);
        } else {
            found.rest.push(tokens[at].clone());
            at += 1;
        }
    }
    found
}

fn is(token: Option<&Token>, words: &[&str]) -> bool {
    token.is_some_and(|token| token.is_word() && words.contains(&token.lower.as_str()))
}

/// `when a webhook arrives`, `whenever the workflow x ends`, `when a lead is created in …`
fn happening(tokens: &[Token], opens: bool) -> Option<(Trigger, usize)> {
    use super::lexicon::Marker;
    let first = tokens.first()?;
    let starts =
        first.marker() == Some(Marker::When) || (opens && matches!(first.marker(), Some(Marker::After | Marker::If)));
    if !starts {
        return None;
    }
    let end = end_of_happening(tokens);
    let clause = &tokens[1..end];
    let has = |words: &[&str]| clause.iter().position(|token| token.is_word() && words.contains(&token.lower.as_str()));
    if has(&["webhook", "hook", "webhooks"]).is_some()
        || (has(&["http", "post"]).is_some() && has(&["request"]).is_some())
    {
        // `arrives at order-paid`
        let says_where =
            |token: &Token| token.is("determiner") || matches!(token.lower.as_str(), "path" | "address" | "url");
        let at = has(&["at", "on", "under", "called", "named"])
            .and_then(|at| clause[at + 1..].iter().find(|token| !says_where(token)))
            .filter(|token| token.is_word());
        let named = clause.iter().find(|token| token.what == What::Quoted).or(at).or_else(|| {
            has(&["webhook", "hook"]).and_then(|at| clause.get(at + 1)).filter(|token| {
                token.is_word()
                    && token.verb().is_none()
                    && !token.is("copula")
                    && !token.is("preposition")
                    && !matches!(token.lower.as_str(), "arrives" | "comes" | "fires")
            })
        });
        let path = named.map_or_else(|| "start".to_owned(), |token| path(&token.text));
        return Some((Trigger::Webhook { path }, end));
    }
    if has(&["workflow", "flow", "run"]).is_some()
        && let Some(ends) = has(&[
            "ends",
            "finishes",
            "completes",
            "fails",
            "succeeds",
            "finished",
            "completed",
            "failed",
            "ended",
            "done",
            "cancelled",
        ])
    {
        let named = clause[..ends].iter().filter(|token| {
            matches!(token.what, What::Word | What::Quoted)
                && !token.is("determiner")
                && !token.is("copula")
                && !token.is("have")
                && !matches!(token.lower.as_str(), "workflow" | "flow" | "run" | "of" | "another" | "other")
        });
        let words: Vec<String> = named.map(|token| token.text.clone()).collect();
        if words.is_empty() {
            return None;
        }
        let outcome = match clause[ends].lower.as_str() {
            "fails" | "failed" => Some("failed".to_owned()),
            "cancelled" => Some("cancelled".to_owned()),
            _ => None,
        };
        return Some((Trigger::RunEnded { workflow: super::draft::item_name(&words), outcome }, end));
    }
    if let Some(at) = has(&["event", "signal"]) {
        let name = clause[at + 1..].iter().chain(&clause[..at]).find(|token| {
            token.what == What::Quoted
                || (token.what == What::Word
                    && !token.is("determiner")
                    && !token.is("marked")
                    && token.verb().is_none())
        })?;
        return Some((Trigger::Event { name: event_name(std::slice::from_ref(&name.text)) }, end));
    }
    // `when a new lead is created in the tracker`: something outside that happens.
    let happens = clause.iter().position(|token| token.is("happens")).or_else(|| somebody_does(clause))?;
    let new = clause
        .iter()
        .take(happens)
        .any(|token| matches!(token.lower.as_str(), "a" | "an" | "new" | "someone" | "somebody"))
        && first.marker() == Some(Marker::When);
    if !new {
        return None;
    }
    let words: Vec<String> = clause
        .iter()
        .filter(|token| {
            token.what == What::Word
                && !token.is("determiner")
                && !token.is("preposition")
                && !token.is("copula")
                && !token.is("new")
                && !token.is("plain")
        })
        .map(|token| token.lower.clone())
        .chain(clause.get(happens).filter(|token| token.is("plain")).map(|token| token.lower.clone()))
        .take(5)
        .collect();
    (!words.is_empty()).then(|| (Trigger::Event { name: event_name(&words) }, end))
}

/// Where a clause ends that begins with `when`.
fn end_of_happening(tokens: &[Token]) -> usize {
    use super::lexicon::Marker;
    let ends = |token: &Token| matches!(token.what, What::Comma | What::Stop) || token.marker() == Some(Marker::Then);
    let end = tokens.iter().skip(1).position(ends).map_or(tokens.len(), |end| end + 1);
    // `when somebody leaves we close the account`
    let we = tokens[1..end]
        .windows(2)
        .position(|pair| matches!(pair[0].lower.as_str(), "we" | "i") && pair[1].verb().is_some());
    we.filter(|at| *at > 1).map_or(end, |at| at + 1)
}

/// `somebody opens a ticket`: where the verb is.
fn somebody_does(clause: &[Token]) -> Option<usize> {
    clause.first().filter(|first| first.is("somebody") || matches!(first.lower.as_str(), "a" | "an"))?;
    let third = |token: &Token| {
        token.verb().is_some_and(|verb| verb.form == super::lexicon::Form::Third && verb.class.is_some())
    };
    clause.iter().take(5).position(third).filter(|at| *at > 0)
}

fn path(text: &str) -> String {
    let path: String = text
        .trim_matches('/')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .take(100)
        .collect();
    if path.is_empty() { "start".to_owned() } else { path }
}

fn event_name(words: &[String]) -> String {
    let name: String = words.join(".").split_whitespace().collect::<Vec<_>>().join("_");
    name.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(texts: &[&str], expected: &Expect) {
        let shown: Vec<String> = texts
            .iter()
            .map(|text| {
                let found = take(&super::super::tokens::tokens(text));
                let rest: Vec<&str> = found.rest.iter().map(|token| token.text.as_str()).collect();
                format!("{text}\n  {:?} | {}\n", found.triggers, rest.join(" "))
            })
            .collect();
        expected.assert_eq(&shown.concat());
    }

    #[test]
    fn schedules() {
        check(
            &[
                "Every Monday at 9 list the orders",
                "list the orders each weekday morning",
                "at 8:30 daily list the orders",
                "On the first of the month, list the orders",
                "list the orders every 15 minutes",
                "list the orders every Tuesday and Thursday at 5 pm",
                "on Mondays list the orders",
                "list every order of the day",
                "list the orders of Monday",
                "weekly, list the orders",
            ],
            &expect![[r#"
                Every Monday at 9 list the orders
                  [Cron { pattern: "0 9 * * MON", timezone: None }] | list the orders
                list the orders each weekday morning
                  [Cron { pattern: "0 9 * * MON-FRI", timezone: None }] | list the orders
                at 8:30 daily list the orders
                  [Cron { pattern: "30 8 * * *", timezone: None }] | list the orders
                On the first of the month, list the orders
                  [Cron { pattern: "0 9 1 * *", timezone: None }] | , list the orders
                list the orders every 15 minutes
                  [Cron { pattern: "*/15 * * * *", timezone: None }] | list the orders
                list the orders every Tuesday and Thursday at 5 pm
                  [Cron { pattern: "0 17 * * TUE,THU", timezone: None }] | list the orders
                on Mondays list the orders
                  [Cron { pattern: "0 9 * * MON", timezone: None }] | list the orders
                list every order of the day
                  [] | list every order of the day
                list the orders of Monday
                  [] | list the orders of Monday
                weekly, list the orders
                  [Cron { pattern: "0 9 * * MON", timezone: None }] | , list the orders
            "#]],
        );
    }

    #[test]
    fn happenings() {
        check(
            &[
                "When a webhook arrives, list the orders",
                "Whenever the workflow 'night shift' fails, list the orders",
                "When the event order.paid comes, list the orders",
                "When a new order is created in the shop, list the orders",
                "When the order is paid, list the orders",
            ],
            &expect![[r#"
                When a webhook arrives, list the orders
                  [Webhook { path: "start" }] | , list the orders
                Whenever the workflow 'night shift' fails, list the orders
                  [RunEnded { workflow: "night_shift", outcome: Some("failed") }] | , list the orders
                When the event order.paid comes, list the orders
                  [Event { name: "order.paid" }] | , list the orders
                When a new order is created in the shop, list the orders
                  [Event { name: "order.shop.created" }] | , list the orders
                When the order is paid, list the orders
                  [] | When the order is paid , list the orders
            "#]],
        );
    }
}
