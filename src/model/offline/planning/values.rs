//! Arguments: what the words say, what earlier steps yield, and what has to be given.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::grammar::Deed;
use super::lexicon::stem;
use super::phrase::Phrase;
use super::scene::{Scene, words_of};
use super::tokens::{Token, What};
use super::{Card, Kind, Parameter};
use crate::workflow::StepId;

/// Parameters that hold what is said to somebody, by the stems of their names.
const TEXTS: [&str; 9] = ["text", "messag", "bodi", "content", "comment", "note", "descript", "html", "summari"];
/// Parameters that hold what something is called.
const NAMES: [&str; 5] = ["name", "titl", "subject", "label", "key"];
/// Parameters that hold to whom it goes.
const RECEIVERS: [&str; 6] = ["to", "recipi", "email", "address", "channel", "user"];
/// Parameters that hold what is looked for.
const QUERIES: [&str; 5] = ["queri", "q", "search", "filter", "term"];

/// The arguments of a call.
pub(super) fn bind(
    scene: &mut Scene<'_>,
    card: &Card,
    phrase: &Phrase,
    deed: &Deed,
    loops: &[StepId],
) -> IndexMap<String, Value> {
    let said = Said::of(phrase, deed);
    if card.parameters.is_empty() {
        return said.named();
    }
    let mut arguments = IndexMap::new();
    let mut used = Vec::new();
    for parameter in &card.parameters {
        let stems: Vec<String> = words_of_name(&parameter.name);
        let value = said.value(parameter, &stems, &mut used).or_else(|| scene.yielded(parameter, &stems, deed, loops));
        let value = match value {
            Some(value) => value,
            None if parameter.required => scene.asked(parameter, card),
            None => continue,
        };
        arguments.insert(parameter.name.clone(), value);
    }
    arguments
}

fn words_of_name(name: &str) -> Vec<String> {
    let spaced: String = name.chars().flat_map(|c| if c.is_uppercase() { vec![' ', c] } else { vec![c] }).collect();
    let words = words_of(&spaced);
    // `to` is a name here, not a preposition.
    if words.is_empty() { vec![name.to_lowercase()] } else { words.iter().map(|word| stem(word)).collect() }
}

/// The values that a deed names.
struct Said<'d> {
    words: &'d [Token],
}

impl<'d> Said<'d> {
    fn of(_phrase: &Phrase, deed: &'d Deed) -> Self {
        Self { words: &deed.words }
    }

    /// A value with the word that says what it is: `titled 'X'`, `saying 'X'`, `subject 'X'`.
    fn introduced(&self) -> Vec<(&'d Token, &'d Token)> {
        let mut found = Vec::new();
        for (at, word) in self.words.iter().enumerate() {
            if matches!(word.what, What::Quoted | What::Address) {
                let before = self.words[..at].iter().rev().find(|before| {
                    before.is_word() && !before.is("determiner") && !before.is("copula") && before.lower != "as"
                });
                if let Some(before) = before {
                    found.push((before, word));
                }
            }
        }
        found
    }

    /// For a tool whose parameters are not known: what is named outright.
    fn named(&self) -> IndexMap<String, Value> {
        let mut found = IndexMap::new();
        for (before, value) in self.introduced() {
            let key = match before.lower.as_str() {
                "saying" | "says" | "reading" | "text" | "message" | "body" => "text",
                "titled" | "title" => "title",
                "called" | "named" | "name" => "name",
                "subject" => "subject",
                "to" if value.what == What::Address => "to",
                _ => continue,
            };
            found.insert(key.to_owned(), json!(value.text));
        }
        found
    }

    fn value(&self, parameter: &Parameter, stems: &[String], used: &mut Vec<usize>) -> Option<Value> {
        let is = |set: &[&str]| stems.iter().any(|word| set.contains(&word.as_str()));
        let text = matches!(parameter.kind, Kind::String | Kind::Any);
        let mut take = |token: &Token| {
            let free = !used.contains(&token.at);
            used.push(token.at);
            free
        };
        for (before, value) in self.introduced() {
            let saying = matches!(before.lower.as_str(), "saying" | "says" | "reading" | "writing" | "with");
            let naming = matches!(before.lower.as_str(), "called" | "named" | "titled");
            let own = stems.contains(&before.stem);
            let going = before.lower == "to" || before.lower == "at";
            let address = value.what == What::Address;
            let web = address && value.text.contains("://");
            let looking = matches!(before.lower.as_str(), "for" | "about" | "of");
            let fits = own
                || (saying && is(&TEXTS) && !address)
                || (naming && is(&NAMES))
                || (address && !web && is(&RECEIVERS))
                || (web && (is(&["url", "uri", "link", "address"])))
                || (going && is(&RECEIVERS))
                || (looking && is(&QUERIES));
            if fits && text && take(value) {
                return Some(json!(value.text));
            }
        }
        // An address says by itself what it is.
        let address = self.words.iter().find(|word| {
            word.what == What::Address
                && text
                && if word.text.contains("://") {
                    is(&["url", "uri", "link"])
                } else {
                    is(&["to", "recipi", "email", "address"])
                }
        });
        if let Some(address) = address.filter(|address| take(address)) {
            return Some(json!(address.text));
        }
        if matches!(parameter.kind, Kind::Integer | Kind::Number) {
            return self.number(parameter, stems);
        }
        // `to #general`, `to Jane`: a name after the word for where it goes.
        if text && is(&RECEIVERS) {
            let named = self.words.windows(2).find(|pair| {
                matches!(pair[0].lower.as_str(), "to" | "in")
                    && (pair[1].text.starts_with('#')
                        || (pair[1].is_capital() && pair[0].lower == "to" && !stems.contains(&"channel".to_owned())))
            });
            if let Some(pair) = named.filter(|pair| take(&pair[1])) {
                return Some(json!(pair[1].text));
            }
        }
        None
    }

    /// `limit 10`, `at most 10`, `10 rows`
    fn number(&self, parameter: &Parameter, stems: &[String]) -> Option<Value> {
        let limits = stems
            .iter()
            .any(|word| matches!(word.as_str(), "limit" | "count" | "max" | "maximum" | "size" | "number" | "amount"));
        self.words.iter().enumerate().filter(|(_, word)| word.what == What::Number).find_map(|(at, word)| {
            let near = self.words[at.saturating_sub(2)..(at + 2).min(self.words.len())]
                .iter()
                .any(|other| stems.contains(&other.stem));
            if !(near || limits) {
                return None;
            }
            match parameter.kind {
                Kind::Integer => word.lower.parse::<i64>().ok().map(|number| json!(number)),
                _ => word.lower.parse::<f64>().ok().map(|number| json!(number)),
            }
        })
    }
}

impl Scene<'_> {
    /// A value that an earlier step yields, if its name or its use says so.
    fn yielded(&self, parameter: &Parameter, stems: &[String], deed: &Deed, loops: &[StepId]) -> Option<Value> {
        let visible = self.things.iter().rev().filter(|thing| {
            Scene::is_visible(thing, loops)
                && !matches!(thing.class.as_str(), "branch" | "for_each" | "repeat" | "wait" | "human")
        });
        for thing in visible.clone() {
            let outputs = self.outputs_of(&thing.step);
            if let Some(output) = outputs.iter().find(|output| words_of_name(output) == stems) {
                return Some(json!(format!("{{{{ {}.{output} }}}}", thing.expression)));
            }
        }
        let kind = parameter.kind;
        let about = |thing: &&super::scene::Thing| thing.is_called(stems) >= 0.7;
        if let Some(thing) = visible.clone().find(about).filter(|thing| kind != Kind::String || thing.is_item()) {
            return Some(json!(format!("{{{{ {} }}}}", thing.expression)));
        }
        // `send it`: what was spoken of is what is said.
        let carries = deed.objects.iter().any(|phrase| phrase.pronoun || phrase.owned || phrase.definite);
        let text = stems.iter().any(|word| {
            TEXTS.contains(&word.as_str()) || matches!(word.as_str(), "data" | "valu" | "row" | "input" | "item")
        });
        let latest = visible.clone().next()?;
        if !text || !(carries || parameter.required) {
            return None;
        }
        Some(match kind {
            Kind::String => json!(format!("{{{{ {} | tojson }}}}", latest.expression)),
            Kind::Any | Kind::Object | Kind::Array => json!(format!("{{{{ {} }}}}", latest.expression)),
            Kind::Integer | Kind::Number | Kind::Boolean => return None,
        })
    }

    fn outputs_of(&self, step: &StepId) -> Vec<String> {
        let tool = self.tool_of.get(step);
        let card = tool.and_then(|tool| self.tools.iter().find(|card| card.name == *tool));
        card.map(|card| card.outputs.clone()).unwrap_or_default()
    }

    /// A value that is given when the workflow is started.
    fn asked(&mut self, parameter: &Parameter, card: &Card) -> Value {
        let kind = match parameter.kind {
            Kind::Any => None,
            Kind::String => Some("string"),
            Kind::Integer => Some("integer"),
            Kind::Number => Some("number"),
            Kind::Boolean => Some("boolean"),
            Kind::Array => Some("array"),
            Kind::Object => Some("object"),
        };
        let mut schema = serde_json::Map::new();
        if let Some(kind) = kind {
            schema.insert("type".into(), json!(kind));
        }
        if let Some(description) = &parameter.description {
            schema.insert("description".into(), json!(description));
        }
        let name = self.draft.input(std::slice::from_ref(&parameter.name), Value::Object(schema));
        self.assume(format!("`{}` of `{}` was not said: it is the input `{name}`.", parameter.name, card.name));
        json!(format!("{{{{ inputs.{name} }}}}"))
    }
}
