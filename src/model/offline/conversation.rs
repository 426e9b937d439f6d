//! What a request holds: who the model is to be, what is wanted, from what, and what was done already.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::model::{Message, Request, ToolSpec, untrusted};

/// A request, taken apart.
pub(super) struct Conversation<'a> {
    /// What the system messages say of the role.
    pub(super) role: String,
    /// What is to be reached.
    pub(super) goal: String,
    /// What it is to be reached from, by name.
    pub(super) input: Map<String, Value>,
    /// JSON Schema that the result must satisfy, if any.
    pub(super) output: Option<&'a Value>,
    /// The tools that are offered.
    pub(super) tools: &'a [ToolSpec],
    /// The calls so far, with what they returned.
    pub(super) exchanges: Vec<Exchange<'a>>,
}

/// A call and its result.
pub(super) struct Exchange<'a> {
    pub(super) tool: &'a str,
    pub(super) arguments: &'a Value,
    /// `None` if it has not returned, or failed.
    pub(super) result: Option<Cow<'a, Value>>,
}

impl<'a> Conversation<'a> {
    pub(super) fn read(request: &'a Request) -> Self {
        let mut conversation = Self {
            role: String::new(),
            goal: String::new(),
            input: Map::new(),
            output: request.output.as_ref(),
            tools: &request.tools,
            exchanges: Vec::new(),
        };
        let mut asked = None;
        let mut calls = Vec::new();
        for message in &request.messages {
            match message {
                Message::System { text } => {
                    conversation.role += text.strip_suffix(untrusted::RULE).unwrap_or(text);
                    conversation.role.push('\n');
                }
                // The first message asks; what comes later only says what was wrong with a reply.
                Message::User { text } => asked = asked.or(Some(text)),
                Message::Assistant { calls: made, .. } => calls.extend(made),
                Message::Tool { call, result } => {
                    if let Some(made) = calls.iter().find(|made| made.id == *call) {
                        let result = untrusted::unwrap(result).map_or(Cow::Borrowed(result), Cow::Owned);
                        let result = Some(result).filter(|result| result.get("error").is_none());
                        conversation.exchanges.push(Exchange { tool: &made.name, arguments: &made.arguments, result });
                    }
                }
            }
        }
        conversation.take(asked.map_or("", String::as_str));
        conversation
    }

    /// Whether a tool was called before.
    pub(super) fn called(&self, tool: &str) -> bool {
        self.exchanges.iter().any(|exchange| exchange.tool == tool)
    }

    /// All text that is given, goal first: what a language is told by and values are looked for in.
    pub(super) fn given_text(&self) -> String {
        let mut text = self.goal.clone();
        strings(&Value::Object(self.input.clone()), &mut text);
        for exchange in &self.exchanges {
            if let Some(result) = &exchange.result {
                strings(result, &mut text);
            }
        }
        text
    }

    /// Takes what is asked apart into goal and input: by its headings if it has them, else what is JSON
    /// is the input and the rest the goal.
    fn take(&mut self, asked: &str) {
        let sections = sections(asked);
        let titled = |title: &str| sections.iter().find(|section| section.title.eq_ignore_ascii_case(title));
        if let Some(goal) = titled("goal").or_else(|| titled("task")) {
            goal.body.trim().clone_into(&mut self.goal);
            if let Some(input) = titled("input") {
                self.take_input(input.json.unwrap_or(input.body));
            }
            return;
        }
        if let Ok(Value::Object(whole)) = serde_json::from_str(asked) {
            let goal = ["goal", "task", "question", "prompt"].iter().find_map(|key| whole.get(*key)?.as_str());
            goal.unwrap_or_default().clone_into(&mut self.goal);
            self.input = whole;
            return;
        }
        asked.trim().clone_into(&mut self.goal);
        if let Some(json) = sections.iter().find_map(|section| section.json) {
            let prose = asked.replacen(json, "", 1);
            self.goal = prose.lines().filter(|line| !line.trim().starts_with("```")).collect::<Vec<_>>().join("\n");
            self.take_input(json);
        }
    }

    fn take_input(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(Value::Object(input)) => self.input = input,
            Ok(value) => {
                self.input.insert("input".to_owned(), value);
            }
            Err(_) => {
                self.input.insert("input".to_owned(), text.trim().into());
            }
        }
    }
}

/// All strings in a value, a line each.
pub(super) fn strings(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push('\n');
            into.push_str(text);
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, into)),
        _ => {}
    }
}

struct Section<'a> {
    title: &'a str,
    body: &'a str,
    /// The first fenced block in it.
    json: Option<&'a str>,
}

/// The parts of a Markdown text under its headings of the first level.
fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = vec![Section { title: "", body: "", json: None }];
    let (mut at, mut body, mut fence) = (0, 0, None);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim_end();
        if bare.starts_with("```") {
            match fence.take() {
                None => fence = Some(at),
                Some(from) => {
                    if let Some(section) = sections.last_mut() {
                        section.json = section.json.or(Some(&text[from..start]));
                    }
                }
            }
        } else if fence.is_none()
            && let Some(title) = bare.strip_prefix("# ")
        {
            if let Some(section) = sections.last_mut() {
                section.body = &text[body..start];
            }
            sections.push(Section { title: title.trim(), body: "", json: None });
            body = at;
        }
    }
    if let Some(section) = sections.last_mut() {
        section.body = &text[body..];
    }
    sections
}
