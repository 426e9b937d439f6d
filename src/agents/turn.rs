//! An agent's loop as a machine without I/O: call the model, call tools, done.
//!
//! [`Turn::next`] says what to do, [`Turn::on_reply`] and [`Turn::on_results`] take what came of it. The machine
//! can be serialised at any point and goes on from there. Whatever a model says, it never panics and always ends:
//! the number of exchanges is limited, and so is the number of times that a bad result is sent back.

mod answer;
mod calls;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Dollars, Message, Reply, Request, ToolCall, ToolSpec, Usage, untrusted};
use crate::run::Failure;

/// How far a turn may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLimits {
    /// Exchanges with the model, repairs included; at least 1.
    pub exchanges: u32,
    /// How often a result that is not what was asked for is sent back.
    pub repairs: u32,
    /// Tokens of all exchanges together.
    pub tokens: Option<u64>,
    /// What all exchanges may cost together.
    pub cost: Option<Dollars>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Ask the model, then [`Turn::on_reply`].
    CallModel(Request),
    /// Make these calls, then [`Turn::on_results`].
    CallTools(Vec<ToolCall>),
    /// The work is done, with this result.
    Done(Value),
    /// The work cannot be done.
    Fail(Failure),
}

/// What a tool call came to: the result, or `{"error": …}` with what went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallResult {
    /// The call's id.
    pub call: String,
    /// The result as JSON.
    pub result: Value,
    /// Whose words it is, if these may be anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted: Option<String>,
}

impl CallResult {
    /// A result in words of our own.
    #[must_use]
    pub fn own(call: String, result: Value) -> Self {
        Self { call, result, untrusted: None }
    }

    /// A call that went wrong, as the model is told of it.
    #[must_use]
    pub fn error(call: &str, message: &str) -> Self {
        Self::own(call.to_owned(), json!({ "error": message }))
    }
}

/// An event that the machine did not wait for: its driver is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the turn waits for {waits_for}, not for this")]
pub struct OutOfTurn {
    /// What it waits for.
    pub waits_for: &'static str,
}

/// An agent's loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The conversation so far, with what is offered and what is asked for.
    request: Request,
    limits: TurnLimits,
    /// Exchanges so far.
    exchanges: u32,
    /// Results sent back so far.
    repairs: u32,
    /// What the exchanges so far have used.
    used: Usage,
    /// What they have cost, as far as that is known.
    #[serde(default)]
    spent: Dollars,
    /// What the conversation holds of words that may be anybody's: whose, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    untrusted: Vec<String>,
    state: State,
    #[serde(skip)]
    compiled: calls::Compiled,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The model is to be asked.
    Asking,
    /// These calls are to be made. `refused` are the answers to calls of the same reply that are not made.
    Calling {
        calls: Vec<ToolCall>,
        refused: Vec<CallResult>,
    },
    Done(Value),
    Failed(Failure),
}

impl Turn {
    /// A turn that begins with this request.
    #[must_use]
    pub fn new(opening: Request, limits: TurnLimits) -> Self {
        Self {
            request: opening,
            limits,
            exchanges: 0,
            repairs: 0,
            used: Usage::default(),
            spent: Dollars(0),
            untrusted: Vec::new(),
            state: State::Asking,
            compiled: calls::Compiled::default(),
        }
    }

    /// The same turn, whose opening holds words that may be anybody's.
    #[must_use]
    pub fn having_read(mut self, whose: &str) -> Self {
        self.note_untrusted(whose);
        self
    }

    /// Whose words the conversation holds that may be anybody's, each once. While calls are to be made, it is what their
    /// model had read when it wanted them.
    #[must_use]
    pub fn untrusted(&self) -> &[String] {
        &self.untrusted
    }

    /// Offers one more tool from now on, unless it is offered already.
    pub fn offer(&mut self, tool: ToolSpec) {
        if self.request.tools.iter().all(|offered| offered.name != tool.name) {
            self.request.tools.push(tool);
        }
    }

    /// What is to be done next; the same until an event comes.
    #[must_use]
    pub fn next(&self) -> Action {
        match &self.state {
            State::Asking => match self.spent() {
                Some(failure) => Action::Fail(failure),
                None => Action::CallModel(self.request.clone()),
            },
            State::Calling { calls, .. } => Action::CallTools(calls.clone()),
            State::Done(value) => Action::Done(value.clone()),
            State::Failed(failure) => Action::Fail(failure.clone()),
        }
    }

    /// Takes what the model said.
    ///
    /// # Errors
    /// [`OutOfTurn`] if no reply was asked for; nothing has changed then.
    pub fn on_reply(&mut self, reply: Reply) -> Result<(), OutOfTurn> {
        if !matches!(self.state, State::Asking) {
            return Err(OutOfTurn { waits_for: self.waits_for() });
        }
        self.exchanges += 1;
        self.used = self.used.and(reply.usage);
        self.spent = self.spent.and(reply.cost.unwrap_or_default());
        if reply.calls.is_empty() {
            self.take_answer(reply.text);
        } else {
            self.take_calls(reply);
        }
        Ok(())
    }

    /// Takes what the calls came to. A call without a result is answered with an error; results of calls that were
    /// not asked for are ignored.
    ///
    /// # Errors
    /// [`OutOfTurn`] if no calls were to be made; nothing has changed then.
    pub fn on_results(&mut self, mut results: Vec<CallResult>) -> Result<(), OutOfTurn> {
        let State::Calling { calls, refused } = &mut self.state else {
            return Err(OutOfTurn { waits_for: self.waits_for() });
        };
        let mut answers = std::mem::take(refused);
        for call in std::mem::take(calls) {
            let made = results.iter().position(|result| result.call == call.id);
            answers.push(match made {
                Some(at) => results.swap_remove(at),
                None => CallResult::error(&call.id, "the call was not made"),
            });
        }
        self.answer_calls(answers);
        Ok(())
    }

    /// Takes back a result that somebody does not accept, and tells the model why; `untrusted` says whose words the reasons
    /// are, if these may be anybody's.
    ///
    /// # Errors
    /// [`OutOfTurn`] if there is no result; nothing has changed then.
    pub fn on_objection(&mut self, reasons: &[String], untrusted: Option<&str>) -> Result<(), OutOfTurn> {
        let State::Done(value) = &self.state else {
            return Err(OutOfTurn { waits_for: self.waits_for() });
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.request.messages.push(Message::Assistant { text, calls: Vec::new() });
        self.request.messages.push(Message::User { text: answer::sent_back(reasons, untrusted) });
        if let Some(whose) = untrusted {
            self.note_untrusted(whose);
        }
        self.state = State::Asking;
        Ok(())
    }

    /// The exchanges with the model so far.
    #[must_use]
    pub fn exchanges(&self) -> u32 {
        self.exchanges
    }

    /// A reply that wants calls: those that can be made are to be made, the others are answered with an error.
    fn take_calls(&mut self, reply: Reply) {
        let sorted = calls::sort(reply.calls, &self.request, &mut self.compiled);
        self.request.messages.push(Message::Assistant { text: reply.text, calls: sorted.said });
        if sorted.sound.is_empty() {
            self.answer_calls(sorted.refused);
        } else {
            self.state = State::Calling { calls: sorted.sound, refused: sorted.refused };
        }
    }

    /// Puts the answers into the conversation, in the order in which the calls were said, and asks on.
    fn answer_calls(&mut self, mut answers: Vec<CallResult>) {
        let order: Vec<String> = match self.request.messages.last() {
            Some(Message::Assistant { calls, .. }) => calls.iter().map(|call| call.id.clone()).collect(),
            _ => Vec::new(),
        };
        answers.sort_by_key(|answer| order.iter().position(|id| *id == answer.call));
        for CallResult { call, result, untrusted: whose } in answers {
            let mut result = calls::shortened(result);
            if let Some(whose) = whose {
                result = untrusted::wrap(&whose, &result);
                self.note_untrusted(&whose);
            }
            self.request.messages.push(Message::Tool { call, result });
        }
        self.state = State::Asking;
    }

    fn note_untrusted(&mut self, whose: &str) {
        if self.untrusted.iter().all(|known| known != whose) {
            self.untrusted.push(whose.to_owned());
        }
    }

    /// A reply without calls is the result, if it is what was asked for.
    fn take_answer(&mut self, text: String) {
        match answer::read(&text, self.request.output.as_ref()) {
            Ok(value) => self.state = State::Done(value),
            Err(answer::Unreadable::Schema(failure)) => self.state = State::Failed(failure),
            Err(answer::Unreadable::Answer(wrong)) if self.repairs < self.limits.repairs => {
                self.repairs += 1;
                self.request.messages.push(Message::Assistant { text, calls: Vec::new() });
                self.request
                    .messages
                    .push(Message::User { text: answer::repair(&wrong, self.request.output.as_ref()) });
            }
            Err(answer::Unreadable::Answer(wrong)) => {
                self.state = State::Failed(answer::bad_output(&wrong, self.repairs));
            }
        }
    }

    /// Which limit keeps the model from being asked again, if one does.
    fn spent(&self) -> Option<Failure> {
        let TurnLimits { exchanges, tokens, cost, .. } = self.limits;
        if self.exchanges >= exchanges {
            return Some(self.too_long());
        }
        let used = self.used.tokens();
        if let Some(most) = tokens.filter(|most| used >= *most) {
            return Some(Failure::give_up(
                "too_many_tokens",
                format!(
                    "the agent came to no result with {used} tokens, of {most} that it may use; give the role more `tokens`, \
                     or the step a smaller goal"
                ),
            ));
        }
        let (most, spent) = (cost?, self.spent);
        (spent >= most && spent > Dollars(0)).then(|| {
            Failure::give_up(
                "too_expensive",
                format!(
                    "the agent came to no result for {spent}, of {most} that it may cost; give the role a higher `cost`, or \
                     the step a smaller goal"
                ),
            )
        })
    }

    fn too_long(&self) -> Failure {
        Failure::give_up(
            "too_many_turns",
            format!(
                "the agent came to no result within {} exchanges with its model; give the role more `turns`, or the step \
                 a smaller goal",
                self.limits.exchanges
            ),
        )
    }

    fn waits_for(&self) -> &'static str {
        match self.state {
            State::Asking => "the model's reply",
            State::Calling { .. } => "the results of its calls",
            State::Done(_) | State::Failed(_) => "nothing more",
        }
    }
}

#[cfg(test)]
mod tests;
