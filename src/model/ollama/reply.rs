//! A reply as Ollama has it: one piece of JSON, or one in each line.
//!
//! It is not read into the types of ollama-rs: they have no place for why a reply ended, and lose all counts if one is left
//! out, as Ollama does with a prompt that it still knows.

use serde::Deserialize;
use serde_json::Value;

use super::super::calls::Written;

/// A whole reply, or a line of one.
#[derive(Deserialize)]
pub(super) struct Line {
    message: Option<Said>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    tool_calls: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Called {
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// What has come of a reply.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) calls: Vec<Written>,
    /// Why it ended; `None` until it has.
    pub(super) end: Option<String>,
    pub(super) read: Option<u64>,
    pub(super) written: Option<u64>,
}

/// Why a line cannot be added.
pub(super) enum Wrong {
    /// It is no line of a reply.
    NoReply,
    /// The server fails: what it says.
    Failed(Value),
}

impl Draft {
    /// Adds what a line holds, and returns what it adds to the text.
    pub(super) fn add(&mut self, line: Line) -> Result<String, Wrong> {
        if let Some(error) = line.error.filter(|error| !error.is_null()) {
            return Err(Wrong::Failed(error));
        }
        if line.message.is_none() && !line.done {
            return Err(Wrong::NoReply);
        }
        self.read = line.prompt_eval_count.or(self.read);
        self.written = line.eval_count.or(self.written);
        if line.done {
            self.end = Some(line.done_reason.unwrap_or_default());
        }
        let Some(Said { content, tool_calls }) = line.message else { return Ok(String::new()) };
        for Called { id, function } in tool_calls.into_iter().flatten() {
            let arguments = match function.arguments {
                Value::Null => String::new(),
                Value::String(written) => written,
                whole => whole.to_string(),
            };
            self.calls.push(Written { id: id.unwrap_or_default(), name: function.name, arguments });
        }
        let text = content.unwrap_or_default();
        self.text.push_str(&text);
        Ok(text)
    }

    /// How long it is, in bytes.
    pub(super) fn length(&self) -> usize {
        self.text.len() + self.calls.iter().map(Written::length).sum::<usize>()
    }
}
