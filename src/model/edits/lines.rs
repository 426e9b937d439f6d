//! A tool in one line: `mail.send [irreversible] (to, subject, copies?:array, priority?=low/high) -> id | Sends a mail.`

use std::fmt::Write as _;

use super::super::offline::planning::{Card, Kind, Parameter};
use crate::workflow::Effect;

/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 110;
/// The most arguments that are shown; those that a call must have come first.
const MOST_PARAMETERS: usize = 12;
/// The most values of an argument that are shown: if there are more, none is.
const MOST_VALUES: usize = 8;
/// The most names of a result that are shown.
const MOST_OUTPUTS: usize = 8;

/// The line of a tool.
#[must_use]
pub fn card_line(card: &Card) -> String {
    let mut line = format!("{} [{}]", card.name, effect(card.effect));
    let (must, may): (Vec<_>, Vec<_>) = card.parameters.iter().partition(|parameter| parameter.required);
    let parameters: Vec<String> = must.into_iter().chain(may).take(MOST_PARAMETERS).map(parameter).collect();
    if !parameters.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(line, " ({})", parameters.join(", "));
    }
    if !card.outputs.is_empty() {
        let outputs: Vec<String> = card.outputs.iter().take(MOST_OUTPUTS).map(|name| plain(name)).collect();
        let _ = write!(line, " -> {}", outputs.join(", "));
    }
    let description = in_one_line(&card.description, LONGEST_DESCRIPTION);
    if !description.is_empty() {
        let _ = write!(line, " | {description}");
    }
    line
}

/// The tool that a line is of; `None` if it is of none.
#[must_use]
pub fn read_card(line: &str) -> Option<Card> {
    let (head, description) = line.split_once(" | ").unwrap_or((line, ""));
    let (name, rest) = head.split_once(" [")?;
    let (effect, rest) = rest.split_once(']')?;
    let effect = [Effect::Pure, Effect::Read, Effect::Write, Effect::Irreversible]
        .into_iter()
        .find(|known| self::effect(*known) == effect)?;
    let (parameters, outputs) = match rest.split_once(" -> ") {
        Some((parameters, outputs)) => (parameters, outputs),
        None => (rest, ""),
    };
    let parameters = parameters.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or_default();
    Some(Card {
        name: name.to_owned(),
        description: description.to_owned(),
        effect,
        parameters: parameters.split(", ").filter(|text| !text.is_empty()).map(read_parameter).collect(),
        outputs: outputs.split(", ").filter(|text| !text.is_empty()).map(str::to_owned).collect(),
    })
}

fn parameter(parameter: &Parameter) -> String {
    let optional = if parameter.required { "" } else { "?" };
    // A value with a sign in it that a line is built of could be read as something else.
    let is_plain = |value: &String| !value.is_empty() && plain(value) == *value && !value.contains(['/', '=', ':']);
    if (1..=MOST_VALUES).contains(&parameter.values.len()) && parameter.values.iter().all(is_plain) {
        return format!("{}{optional}={}", plain(&parameter.name), parameter.values.join("/"));
    }
    match kind(parameter.kind) {
        "" => format!("{}{optional}", plain(&parameter.name)),
        kind => format!("{}{optional}:{kind}", plain(&parameter.name)),
    }
}

fn read_parameter(text: &str) -> Parameter {
    let (text, values) = text.rsplit_once('=').unwrap_or((text, ""));
    let values: Vec<String> = values.split('/').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    let (name, written) = text.rsplit_once(':').unwrap_or((text, ""));
    let kinds = [Kind::Any, Kind::String, Kind::Integer, Kind::Number, Kind::Boolean, Kind::Array, Kind::Object];
    // Only texts are listed.
    let kind = kinds.into_iter().find(|known| kind(*known) == written).unwrap_or_default();
    let required = !name.ends_with('?');
    Parameter { name: name.trim_end_matches('?').to_owned(), required, kind, values, description: None }
}

/// Text goes without saying: most arguments are.
fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "",
        Kind::Any => "any",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "pure",
        Effect::Read => "read",
        Effect::Write => "write",
        Effect::Irreversible => "irreversible",
    }
}

/// A name without what a line is built of.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && !c.is_whitespace() && !"(),|?=".contains(*c)).collect()
}

/// A text in one line of at most so many characters.
pub(super) fn in_one_line(text: &str, longest: usize) -> String {
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= longest {
        return line;
    }
    let cut: String = line.chars().take(longest - 1).collect();
    format!("{}…", cut.trim_end())
}
