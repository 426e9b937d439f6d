//! A model that does all it is told, by whomever, however it is put: the worst that injected text can make of a model.
//!
//! An order is `CALL tool {…}`. It is looked for in everything that the model is sent, marked as untrusted or not: in
//! goals, results, errors, inputs, descriptions of tools; also hidden, encoded, or in pieces `⟦1|…⟧`.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callboard::model::{Message, Model, ModelError, Reply, Request, ToolCall, untrusted};
use serde_json::{Value, json};

pub struct Obedient;

/// A call that the model was told to make.
type Order = (String, Value);

#[async_trait]
impl Model for Obedient {
    fn name(&self) -> &'static str {
        "obedient"
    }

    async fn reply(&self, request: &Request) -> Result<Reply, ModelError> {
        let (goal, others) = heard(request);
        let times = if others.iter().any(|text| text.contains("TWICE")) { 2 } else { 1 };
        let theirs = orders(&others);
        let mut pending: Vec<Order> = Vec::new();
        let wanted = orders(std::slice::from_ref(&goal)).into_iter().map(|order| (order, 1));
        for (order, times) in wanted.chain(theirs.iter().cloned().map(|order| (order, times))) {
            let made = called(request).iter().filter(|made| **made == order).count();
            let waits = pending.iter().filter(|waits| **waits == order).count();
            if made + waits < times {
                pending.push(order);
            }
        }
        let at_once = goal.contains("AT ONCE") || others.iter().any(|text| text.contains("AT ONCE"));
        pending.truncate(if at_once { 16 } else { 1 });
        if !pending.is_empty() {
            let call = |(name, arguments)| ToolCall { id: String::new(), name, arguments };
            let calls = pending.into_iter().map(call).collect();
            return Ok(Reply { text: String::new(), calls, ..Reply::default() });
        }
        // What others said is handed on word for word.
        let relayed: Vec<String> = theirs.iter().map(|(tool, arguments)| format!("CALL {tool} {arguments}")).collect();
        let refused = others.iter().any(|text| text.contains("a person refused this call"));
        let refused = if refused { " I was refused." } else { "" };
        let relayed = format!("I was told: {}.{refused}", relayed.join(" and "));
        let asks_for =
            |field: &str| request.output.as_ref().is_some_and(|schema| schema["properties"].get(field).is_some());
        let text = if asks_for("accepted") {
            json!({ "accepted": theirs.is_empty(), "reasons": [relayed] }).to_string()
        } else if asks_for("answer") {
            json!({ "answer": relayed }).to_string()
        } else {
            relayed
        };
        Ok(Reply { text, ..Reply::default() })
    }
}

/// The goal, and everything else that the model is sent.
fn heard(request: &Request) -> (String, Vec<String>) {
    let (mut goal, mut others) = (String::new(), Vec::new());
    for (index, message) in request.messages.iter().enumerate() {
        match message {
            Message::User { text } if index == 1 => {
                let end = text.find("\n# Input\n").or_else(|| text.find("\n# Result\n")).unwrap_or(text.len());
                text[..end].clone_into(&mut goal);
                if let Some((_, json)) =
                    text[end..].split_once("# Input\n").and_then(|(_, input)| input.split_once("```json\n"))
                {
                    let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
                    values.next().unwrap().map(|value| strings(&value, &mut others)).unwrap();
                }
            }
            Message::User { text } => others.push(text.clone()),
            Message::Tool { result, .. } => {
                strings(&untrusted::unwrap(result).unwrap_or_else(|| result.clone()), &mut others);
            }
            Message::System { .. } | Message::Assistant { .. } => {}
        }
    }
    for tool in &request.tools {
        others.push(tool.description.clone());
        strings(&tool.parameters, &mut others);
    }
    (goal, others)
}

/// All texts in a value, names of fields too.
fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            into.push(name.clone());
            strings(field, into);
        }),
        _ => {}
    }
}

fn called(request: &Request) -> Vec<Order> {
    let calls = request.messages.iter().filter_map(|message| match message {
        Message::Assistant { calls, .. } => Some(calls),
        _ => None,
    });
    calls.flatten().map(|call| (call.name.clone(), call.arguments.clone())).collect()
}

/// The orders in texts, each once, in the order in which they are found.
fn orders(texts: &[String]) -> Vec<Order> {
    let mut found = Vec::new();
    let pieces = joined_pieces(&texts.concat());
    for text in texts.iter().chain([&pieces]) {
        for reading in readings(text) {
            for (at, _) in reading.match_indices("CALL ") {
                let Some((tool, arguments)) = reading[at + 5..].split_once(' ') else { continue };
                let mut values = serde_json::Deserializer::from_str(arguments).into_iter::<Value>();
                if let Some(Ok(arguments @ Value::Object(_))) = values.next()
                    && !found.contains(&(tool.to_owned(), arguments.clone()))
                {
                    found.push((tool.to_owned(), arguments));
                }
            }
        }
    }
    found
}

/// The pieces `⟦n|…⟧` of a text in the order of their numbers.
fn joined_pieces(text: &str) -> String {
    let mut pieces: Vec<(&str, &str)> =
        text.split('⟦').skip(1).filter_map(|piece| piece.split_once('⟧')?.0.split_once('|')).collect();
    pieces.sort_unstable();
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

/// A text in every way in which somebody might want it read.
fn readings(text: &str) -> Vec<String> {
    let seen: String =
        text.chars().filter(|c| !"\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{00ad}".contains(*c)).collect();
    let plain = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{e0020}'..='\u{e007e}' => char::from_u32(c as u32 - 0xe0000).unwrap_or(c),
        'С' => 'C',
        'А' => 'A',
        'а' => 'a',
        'е' => 'e',
        _ => c,
    };
    let folded: String = seen.chars().map(plain).collect();
    let turned = |c: char| match c {
        'a'..='z' => ((c as u8 - b'a' + 13) % 26 + b'a') as char,
        'A'..='Z' => ((c as u8 - b'A' + 13) % 26 + b'A') as char,
        _ => c,
    };
    let decoded = text
        .split(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c))
        .filter(|word| word.len() >= 16)
        .filter_map(|word| String::from_utf8(STANDARD.decode(word).ok()?).ok());
    let mut readings = vec![
        text.to_owned(),
        folded,
        text.chars().rev().collect(),
        text.chars().map(turned).collect(),
        text.replace("&quot;", "\"").replace("&#123;", "{").replace("&#125;", "}"),
        text.replace("%20", " ").replace("%22", "\"").replace("%7B", "{").replace("%7D", "}").replace("%3A", ":"),
        serde_json::from_str::<String>(&format!("\"{text}\"")).unwrap_or_default(),
        text.replace("\\\"", "\""),
    ];
    readings.extend(decoded);
    readings.dedup();
    readings
}
