//! One piece of work for an agent, and how it is put to a model.

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::trust::Heard;
use crate::engine::gate::Gate;
use crate::model::{Message, Request, ToolSpec, untrusted};
use crate::run::{RunId, StepPath};
use crate::workflow::Planned;

/// One attempt of an agent's step.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// Whether a person wants it tried again, although the attempt before could not go on.
    pub urged: bool,
    /// The role that is to play it.
    pub role: String,
    /// What is to be reached.
    pub goal: String,
    /// The step's input.
    pub input: Map<String, Value>,
    /// JSON Schema that the result must satisfy, if any.
    pub output: Option<Value>,
    /// The way to every call.
    pub gate: Gate,
    /// Cancelled when the work is to stop.
    pub cancel: CancellationToken,
    /// How many questions lie between it and the step: 0 for the step's own assignment.
    pub depth: u8,
    /// The calls that the step's author means it to make, whatever is read on the way.
    pub plan: Vec<Planned>,
    /// Whose words goal and input hold, if these may be anybody's.
    pub hearsay: Option<String>,
    /// Whether whoever works on it has read what others wrote.
    pub heard: Heard,
}

impl Assignment {
    /// The first request to the model: the role's prompt, then goal, input and what the result must look like.
    /// The same assignment always gives the same request, so that recorded replies are found again.
    #[must_use]
    pub fn opening(&self, prompt: &str, tools: Vec<ToolSpec>) -> Request {
        let text = format!(
            "# Goal\n\n{}\n{}\n# Result\n\n{}\n",
            self.goal,
            input_section(&self.input, self.hearsay.as_deref()),
            result_rule(self.output.as_ref())
        );
        let prompt = format!("{}\n\n{}", prompt.trim_end(), untrusted::RULE);
        Request {
            messages: vec![Message::System { text: prompt }, Message::User { text }],
            tools,
            output: self.output.clone(),
            reply_tokens: None,
            temperature: None,
        }
    }
}

/// What a model is told of a step's input: nothing if it is empty. It is marked if these may be anybody's words.
#[must_use]
pub fn input_section(input: &Map<String, Value>, hearsay: Option<&str>) -> String {
    if input.is_empty() {
        return String::new();
    }
    let json = format!("```json\n{:#}\n```", Value::Object(input.clone()));
    match hearsay {
        None => format!("\n# Input\n\n{json}\n"),
        Some(whose) => format!("\n# Input\n\n{}\n", untrusted::marked(whose, &json)),
    }
}

/// What a model is told about the form of its result.
#[must_use]
pub fn result_rule(output: Option<&Value>) -> String {
    match output {
        None => "When you are done, reply with the text of the result and nothing else.".to_owned(),
        Some(schema) => format!(
            "When you are done, reply with one JSON value and nothing else: no fence, no remark. It must satisfy this \
             JSON Schema:\n\n```json\n{schema:#}\n```"
        ),
    }
}
