//! Single values: chosen, converted, or found in the text at hand.

use serde_json::Value;

use crate::model::offline::conversation::Conversation;
use crate::model::offline::draft::{part, plain};
use crate::model::offline::material::{Leaning, Passage, question_in, quotable};
use crate::model::offline::words::{Words, tokens};

/// Words that approve or reject, in lower case, as the beginnings of a choice.
const APPROVING: [&str; 12] =
    ["approv", "pass", "accept", "ok", "yes", "good", "valid", "true", "done", "correct", "ship", "go"];
const REJECTING: [&str; 13] =
    ["reject", "revis", "fail", "no", "bad", "invalid", "false", "deny", "wrong", "chang", "redo", "repeat", "stop"];

/// The value of a choice that means the same as `value`.
pub(super) fn choose(options: &[Value], value: &Value) -> Option<Value> {
    if options.contains(value) {
        return Some(value.clone());
    }
    let named = || options.iter().filter_map(|option| Some((option, option.as_str()?.to_lowercase())));
    match value {
        Value::Bool(good) => {
            let wanted: &[&str] = if *good { &APPROVING } else { &REJECTING };
            named().find(|(_, name)| wanted.iter().any(|word| name.starts_with(word))).map(|(option, _)| option.clone())
        }
        Value::String(text) => {
            let text = text.to_lowercase();
            let said = named().find(|(_, name)| *name == text).or_else(|| {
                // The one that is said first and as a word of its own.
                let at = |name: &str| tokens(&text).find(|token| token.text == name).map(|token| token.start);
                named()
                    .filter_map(|(option, name)| Some((at(&name)?, option, name)))
                    .min_by_key(|found| found.0)
                    .map(|found| (found.1, found.2))
            });
            said.map(|(option, _)| option.clone())
        }
        _ => None,
    }
}

/// A value as a string, number, boolean or null, within the limits of the schema.
pub(super) fn scalar(kind: &str, schema: &Value, value: &Value) -> Option<Value> {
    match kind {
        "string" => text(schema, value),
        "integer" => number(value).filter(|number| number.fract() == 0.0 && number.abs() < 9e15).map(whole),
        "number" => number(value).and_then(serde_json::Number::from_f64).map(Value::Number),
        "boolean" => match value {
            Value::Bool(_) => Some(value.clone()),
            Value::String(said) => {
                let said = said.to_lowercase();
                let begins = |words: &[&str]| words.iter().any(|word| said.starts_with(word));
                if begins(&APPROVING) { Some(true.into()) } else { begins(&REJECTING).then(|| false.into()) }
            }
            _ => None,
        },
        "null" => value.is_null().then_some(Value::Null),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "whoever calls has checked the range")]
fn whole(number: f64) -> Value {
    (number as i64).into()
}

fn text(schema: &Value, value: &Value) -> Option<Value> {
    let mut text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(good) => (if *good { "approved" } else { "rejected" }).to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            let lines: Vec<String> =
                items.iter().filter_map(|item| text_of_item(item).map(|line| format!("- {line}"))).collect();
            lines.join("\n")
        }
        Value::Object(_) => text_of_item(value)?,
        Value::Null => return None,
    };
    let limit = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    if let Some(most) = limit("maxLength")
        && text.chars().count() > most
    {
        let cut: String = text.chars().take(most).collect();
        text = cut.rsplit_once(' ').map_or(cut.clone(), |(whole, _)| whole.to_owned());
    }
    (text.chars().count() >= limit("minLength").unwrap_or(0)).then(|| text.into())
}

/// What a record says in one line.
fn text_of_item(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(record) => ["statement", "claim", "text", "quote"]
            .iter()
            .find_map(|name| Some(part(record, name, "")?.as_str()?.to_owned())),
        other => Some(other.to_string()),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => numeric(text),
        #[allow(clippy::cast_precision_loss, reason = "lists are far shorter than 2^52 items")]
        Value::Array(items) => Some(items.len() as f64),
        _ => None,
    }
}

/// The first number of a text. A comma or point before exactly three digits divides thousands.
fn numeric(text: &str) -> Option<f64> {
    let token = tokens(text).find(|token| token.text.starts_with(|c: char| c.is_ascii_digit()))?;
    let sign = if text[..token.start].ends_with('-') { -1.0 } else { 1.0 };
    let digits: String = token.text.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
    let groups: Vec<&str> = digits.split([',', '.']).filter(|group| !group.is_empty()).collect();
    let (first, rest) = groups.split_first()?;
    let thousands = digits.contains(',') && rest.iter().all(|group| group.len() == 3) || rest.len() > 1;
    let plain = if thousands || rest.is_empty() { groups.concat() } else { format!("{first}.{}", rest.concat()) };
    plain.parse::<f64>().ok().map(|number| sign * number)
}

/// Values in the text at hand, by what they are called.
pub(super) struct Values<'a> {
    conversation: &'a Conversation<'a>,
    text: String,
}

impl<'a> Values<'a> {
    pub(super) fn of(conversation: &'a Conversation<'a>) -> Self {
        Self { conversation, text: conversation.given_text() }
    }

    /// The value of what `schema` describes and `name` and `description` name.
    pub(super) fn find(&self, name: &str, description: &str, schema: &Value) -> Option<Value> {
        let wanted = plain(name);
        let same = self.conversation.input.iter().find(|(key, _)| plain(key) == wanted);
        let kind = super::kind_of(schema).unwrap_or("string");
        if let Some((_, value)) = same {
            return scalar(kind, schema, value)
                .or_else(|| (kind == "array" || kind == "object").then(|| value.clone()));
        }
        if let Some(options) = schema.get("enum").and_then(Value::as_array) {
            return choose(options, &Value::String(self.text.clone()));
        }
        match kind {
            "integer" | "number" => self.number(&wanted, description).and_then(|found| scalar(kind, schema, &found)),
            "string" => self.string(&wanted, description, schema).and_then(|found| text(schema, &found.into())),
            "array" => self.array(&wanted, description, schema),
            _ => None,
        }
    }

    /// The number that stands nearest to one of the words of the name.
    fn number(&self, name: &str, description: &str) -> Option<Value> {
        let words = Words::of(&self.text);
        let wanted = words.stems(&format!("{} {description}", name.replace('_', " ")));
        let mut at = None;
        let mut best: Option<(usize, String)> = None;
        let mut numbers: Vec<(usize, String)> = Vec::new();
        for (index, token) in tokens(&self.text).enumerate() {
            if token.text.starts_with(|c: char| c.is_ascii_digit()) {
                let unit = self.text[token.end..].split_whitespace().next().unwrap_or_default();
                if wanted.iter().any(|stem| words.stems(unit).contains(stem)) {
                    return Some(token.text.into());
                }
                numbers.push((index, token.text));
            } else if words.stems(&token.text).iter().any(|stem| wanted.contains(stem)) {
                at = Some(index);
                for (place, number) in &numbers {
                    let far = index - place;
                    if far <= 8 && best.as_ref().is_none_or(|(nearest, _)| far < *nearest) {
                        best = Some((far, number.clone()));
                    }
                }
            }
            if let (Some(at), Some((place, number))) = (at, numbers.last())
                && *place > at
                && place - at <= 8
                && best.as_ref().is_none_or(|(nearest, _)| place - at < *nearest)
            {
                best = Some((place - at, number.clone()));
            }
        }
        best.map(|(_, number)| number.into())
    }

    fn string(&self, name: &str, description: &str, schema: &Value) -> Option<String> {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        let last = name.rsplit('_').next().unwrap_or_default();
        match (format, last) {
            ("uri" | "url", _) | (_, "url" | "uri" | "link" | "href") => self.word(|word| word.contains("://")),
            ("email", _) | (_, "email" | "mail" | "to" | "recipient") => {
                self.word(|word| word.split_once('@').is_some_and(|(who, at)| !who.is_empty() && at.contains('.')))
            }
            ("date" | "date-time", _) | (_, "date" | "day") => self.word(|word| {
                word.len() >= 8 && word.starts_with(|c: char| c.is_ascii_digit()) && word.matches('-').count() == 2
            }),
            (_, "path" | "file" | "filename") => self.word(is_path),
            (_, "query" | "question" | "q" | "search") => {
                Some(question_in(&self.conversation.input, &self.conversation.goal))
            }
            _ => self.labelled(name).or_else(|| self.sentence(name, description)),
        }
    }

    fn word(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let bare = |word: &'_ str| {
            let open = word.trim_start_matches(['(', '[', '<', '"', '\'', '`', '“']);
            open.trim_end_matches(|c| {
                matches!(c, ')' | ']' | '>' | '"' | '\'' | '`' | '”' | '.' | ',' | ';' | ':' | '!' | '?')
            })
            .to_owned()
        };
        self.text.split_whitespace().map(bare).find(|word| fits(word))
    }

    /// What stands after the name and a colon or an equals sign, or in quotation marks after it.
    fn labelled(&self, name: &str) -> Option<String> {
        let name = name.replace('_', " ");
        let lower = self.text.to_ascii_lowercase();
        lower.match_indices(&name).find_map(|(at, _)| {
            let after = self.text.get(at + name.len()..)?.trim_start();
            if let Some(value) = after.strip_prefix([':', '=']) {
                let line = value.lines().next()?.trim();
                return (!line.is_empty()).then(|| line.trim_matches('"').to_owned());
            }
            let quoted = after.strip_prefix(['"', '“'])?;
            quoted.split(['"', '”']).next().map(str::to_owned)
        })
    }

    /// The sentence that says most about what is wanted.
    fn sentence(&self, name: &str, description: &str) -> Option<String> {
        self.sentences(name, description, 1).into_iter().next()
    }

    fn sentences(&self, name: &str, description: &str, most: usize) -> Vec<String> {
        let words = Words::of(&self.text);
        let passage = Passage { text: self.text.clone(), ..Passage::default() };
        let (found, corpus) = quotable(std::slice::from_ref(&passage), Leaning::Alone, &words);
        let scores = corpus.bm25(&words.stems(&format!("{} {description}", name.replace('_', " "))));
        corpus.pick(&scores, most).into_iter().map(|index| found[index].plain.clone()).collect()
    }

    /// The values of a choice that are said, or the sentences that say most.
    fn array(&self, name: &str, description: &str, schema: &Value) -> Option<Value> {
        let items = schema.get("items");
        if let Some(options) = items.and_then(|items| items.get("enum")).and_then(Value::as_array) {
            let said = |option: &&Value| choose(&[(*option).clone()], &Value::String(self.text.clone())).is_some();
            return Some(options.iter().filter(said).cloned().collect());
        }
        let is_text = items.is_none_or(|items| super::kind_of(items).is_none_or(|kind| kind == "string"));
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let found = if is_text { self.sentences(name, description, 5) } else { Vec::new() };
        (found.len() as u64 >= least).then(|| found.into())
    }
}

fn is_path(word: &str) -> bool {
    let Some((stem, extension)) = word.rsplit_once('.') else { return word.contains('/') && !word.contains("://") };
    !word.contains("://")
        && !stem.is_empty()
        && (1..=5).contains(&extension.len())
        && extension.chars().all(|c| c.is_ascii_alphanumeric())
        && extension.chars().any(|c| c.is_ascii_alphabetic())
}
