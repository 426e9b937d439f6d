//! What a model is shown: sections of one message, and the same read back.
//!
//! Every line of a section but the last is made here, of values without line ends, so that no text can begin a section; the
//! request stands last and goes to the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::super::offline::planning::{Card, Role, Turn};
use super::super::{Message, Request, untrusted};
use super::lines::{card_line, in_one_line, read_card};
use super::schema::{TITLE, schema};
use super::shorten::Shortened;
use crate::workflow::yaml::{from_json, step_to_json, to_json};
use crate::workflow::{Step, Workflow};

const WORKFLOW: &str = "# Workflow";
const TOOLS: &str = "# Tools";
const AGENTS: &str = "# Agents";
const WORKFLOWS: &str = "# Workflows";
const CONVERSATION: &str = "# Conversation";
const MEMORY: &str = "# Memory";
const REQUEST: &str = "# Request";

/// What stands in place of a workflow that is not there yet.
const NONE_YET: &str = "None yet: make a new one.";
/// The longest turn of the conversation that is shown, in characters.
const LONGEST_TURN: usize = 600;
/// The longest entry of the memory that is shown, in characters.
const LONGEST_ENTRY: usize = 400;
/// The longest description of an agent or a workflow, in characters.
const LONGEST_DESCRIPTION: usize = 120;

/// What a model is asked, and what it is to know for that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Brief {
    /// What the person said.
    pub request: String,
    /// The workflow in front of them; a new one is wanted if `None`.
    pub workflow: Option<Workflow>,
    /// The tools that it may use, the likeliest first.
    pub tools: Vec<Known>,
    /// The roles of the company, with what each is good for.
    pub agents: BTreeMap<String, String>,
    /// The other workflows that it may have started, with what each is for.
    pub workflows: BTreeMap<String, String>,
    /// What was said before, newest last.
    pub turns: Vec<Turn>,
    /// What is remembered of the matter, the most fitting first.
    pub memory: Vec<String>,
}

/// A tool, and whose words its description is.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// It.
    pub card: Card,
    /// Whether it is described in our own words; else anybody may have written that.
    pub is_own: bool,
}

/// How much of a text an outline shows, in characters.
const OUTLINED: usize = 24;

/// How much of each step is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All, with texts of more than so many characters in short.
    Texts(usize),
    /// What it is and what it needs.
    Outline,
}

impl Brief {
    /// Whether it holds what others wrote: what is remembered, what they say of their tools, or a turn that tells of either.
    pub(crate) fn has_others(&self) -> bool {
        !self.memory.is_empty()
            || self.tools.iter().any(|known| !known.is_own)
            || self.turns.iter().any(|turn| turn.role == Role::Retelling)
    }

    /// The request that puts it to a model, and what was shown in short.
    #[must_use]
    pub fn put(&self, prompt: &str, detail: Detail) -> (Request, Shortened) {
        let mut shortened = Shortened::to(match detail {
            Detail::Texts(longest) => longest,
            Detail::Outline => OUTLINED,
        });
        let text = self.text(detail, &mut shortened);
        let has_others = self.has_others();
        let mut system = prompt.trim_end().to_owned();
        if has_others {
            let _ = write!(system, "\n\n{}", untrusted::RULE);
        }
        let request = Request {
            messages: vec![Message::System { text: system }, Message::User { text }],
            output: Some(schema().clone()),
            ..Request::default()
        };
        (request, shortened)
    }

    fn text(&self, detail: Detail, shortened: &mut Shortened) -> String {
        let mut text = format!("{WORKFLOW}\n\n");
        match &self.workflow {
            None => text.push_str(NONE_YET),
            Some(workflow) => show(workflow, detail, shortened, &mut text),
        }
        let lines = |own: bool| -> Vec<String> {
            self.tools.iter().filter(|known| known.is_own == own).map(|known| card_line(&known.card)).collect()
        };
        let (own, others) = (lines(true), lines(false));
        if !self.tools.is_empty() {
            let _ = write!(text, "\n\n{TOOLS}\n");
            for line in &own {
                let _ = write!(text, "\n{line}");
            }
            if !others.is_empty() {
                let _ = write!(text, "\n{}", untrusted::marked("tools", &others.join("\n")));
            }
        }
        for (title, entries) in [(AGENTS, &self.agents), (WORKFLOWS, &self.workflows)] {
            if !entries.is_empty() {
                let _ = write!(text, "\n\n{title}\n");
                for (name, description) in entries {
                    let _ = write!(text, "\n{name}: {}", in_one_line(description, LONGEST_DESCRIPTION));
                }
            }
        }
        if !self.turns.is_empty() {
            let _ = write!(text, "\n\n{CONVERSATION}\n");
            for turn in &self.turns {
                let line = format!("{}: {}", speaker(turn.role), in_one_line(&turn.text, LONGEST_TURN));
                let _ = match turn.role {
                    Role::Retelling => write!(text, "\n{}", untrusted::marked("conversation", &line)),
                    Role::User | Role::Assistant => write!(text, "\n{line}"),
                };
            }
        }
        if !self.memory.is_empty() {
            let entries: Vec<String> =
                self.memory.iter().map(|entry| format!("- {}", in_one_line(entry, LONGEST_ENTRY))).collect();
            let _ = write!(text, "\n\n{MEMORY}\n\n{}", untrusted::marked("memory", &entries.join("\n")));
        }
        let _ = write!(text, "\n\n{REQUEST}\n\n{}", self.request.trim());
        text
    }

    /// What a request puts to its model, if it is one that asks for [`super::Said`].
    #[must_use]
    pub fn read(request: &Request) -> Option<Self> {
        if request.output.as_ref()?.get("title")?.as_str()? != TITLE {
            return None;
        }
        let text = request.messages.iter().find_map(|message| match message {
            Message::User { text } => Some(text.as_str()),
            _ => None,
        })?;
        let (sections, request) = text.split_once(&format!("\n\n{REQUEST}\n\n"))?;
        let mut brief = Self { request: request.to_owned(), ..Self::default() };
        let mut title = "";
        let mut lines = Vec::new();
        let mut is_others = false;
        for line in sections.lines() {
            if [WORKFLOW, TOOLS, AGENTS, WORKFLOWS, CONVERSATION, MEMORY].contains(&line) {
                title = line;
            } else if line.starts_with("[untrusted ") {
                is_others = true;
            } else if line.starts_with("[end of untrusted ") {
                is_others = false;
            } else if !line.is_empty() {
                brief.take(title, line, is_others, &mut lines);
            }
        }
        brief.workflow = unshow(&lines);
        Some(brief)
    }

    /// Takes up a line of the section with this title.
    fn take<'a>(&mut self, title: &str, line: &'a str, is_others: bool, workflow: &mut Vec<&'a str>) {
        let named = |line: &str| line.split_once(": ").map(|(name, rest)| (name.to_owned(), rest.to_owned()));
        match title {
            WORKFLOW => workflow.push(line),
            TOOLS => self.tools.extend(read_card(line).map(|card| Known { card, is_own: !is_others })),
            AGENTS => self.agents.extend(named(line)),
            WORKFLOWS => self.workflows.extend(named(line)),
            CONVERSATION => {
                let callboard = if is_others { Role::Retelling } else { Role::Assistant };
                let turn = [Role::User, callboard]
                    .into_iter()
                    .find_map(|role| Some((role, line.strip_prefix(speaker(role))?.strip_prefix(": ")?)));
                self.turns.extend(turn.map(|(role, text)| Turn { role, text: text.to_owned() }));
            }
            MEMORY => self.memory.extend(line.strip_prefix("- ").map(str::to_owned)),
            _ => {}
        }
    }
}

fn speaker(role: Role) -> &'static str {
    match role {
        Role::User => "person",
        Role::Assistant | Role::Retelling => "callboard",
    }
}

/// The key under which the file has a list of steps.
const STEPS: &str = "steps";

/// Writes a workflow: what it is in one line, then a line a step, those of a body below their loop and indented.
fn show(workflow: &Workflow, detail: Detail, shortened: &mut Shortened, text: &mut String) {
    let mut head = to_json(workflow);
    take_steps(&mut head);
    let _ = write!(text, "{}", shortened.value(&head));
    show_steps(&workflow.steps, detail, shortened, 0, text);
}

fn show_steps(steps: &[Step], detail: Detail, shortened: &mut Shortened, depth: usize, text: &mut String) {
    for step in steps {
        let mut line = step_to_json(step);
        if step.process.body().is_some() {
            take_steps(&mut line["process"][step.process.kind()]);
        }
        if let (Detail::Outline, Some(line)) = (detail, line.as_object_mut()) {
            line.retain(|key, _| ["id", "needs", "join", "process"].contains(&key.as_str()));
        }
        let _ = write!(text, "\n{:width$}{}", "", in_short(&line, shortened), width = 2 * depth);
        show_steps(step.process.body().unwrap_or_default(), detail, shortened, depth + 1, text);
    }
}

/// What says which step, tool, role or event is meant, when, and what waits for what: it is shown whole.
const WHOLE: [&str; 24] = [
    "id",
    "needs",
    "join",
    "retry",
    "timeout",
    "tool",
    "agent",
    "model",
    "workflow",
    "version",
    "branch",
    "items",
    "as",
    "concurrency",
    "on_error",
    "until",
    "while",
    "max",
    "for",
    "event",
    "where",
    "choices",
    "to",
    "default",
];

/// A step with the words that are written in it in short.
fn in_short(value: &Value, shortened: &mut Shortened) -> Value {
    let Value::Object(fields) = value else { return shortened.value(value) };
    let shown = fields.iter().map(|(key, value)| {
        let value = match key.as_str() {
            // What is in these has names of its own.
            "input" | "with" | "output" | "form" | "transform" => shortened.value(value),
            key if WHOLE.contains(&key) => value.clone(),
            _ => in_short(value, shortened),
        };
        (key.clone(), value)
    });
    Value::Object(shown.collect())
}

fn take_steps(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove(STEPS);
    }
}

/// The workflow that lines show; `None` if they show none.
fn unshow(lines: &[&str]) -> Option<Workflow> {
    let (head, steps) = lines.split_first()?;
    let mut workflow: Map<String, Value> = serde_json::from_str(head).ok()?;
    workflow.insert(STEPS.to_owned(), unshow_steps(steps, 0)?);
    from_json(&Value::Object(workflow)).ok()
}

/// The steps of lines that are indented this far at least.
fn unshow_steps(lines: &[&str], depth: usize) -> Option<Value> {
    let is_own = |line: &str| line.len() - line.trim_start_matches(' ').len() <= 2 * depth;
    let mut steps = Vec::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let mut step: Value = serde_json::from_str(line).ok()?;
        let body = after.iter().position(|line| is_own(line)).unwrap_or(after.len());
        if let Some(process) = step.get_mut("process").and_then(Value::as_object_mut) {
            for kind in ["for_each", "repeat"] {
                if let Some(fields) = process.get_mut(kind).and_then(Value::as_object_mut) {
                    fields.insert(STEPS.to_owned(), unshow_steps(&after[..body], depth + 1)?);
                }
            }
        }
        steps.push(step);
        rest = &after[body..];
    }
    Some(Value::Array(steps))
}
