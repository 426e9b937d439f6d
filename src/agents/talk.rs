//! What agents say to each other: a question or an objection to another role, answered before the asker goes on, and
//! the review of finished work. All of it is journaled, and bounded in depth and number.
//!
//! To a model these are tools like any other, offered by the role's allow-list.

mod notes;

use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::trust::Heard;
use super::work::Told;
use super::{Assignment, Company, Role};
use crate::engine::gate::{Call, CallError, Gate};
use crate::engine::port::Stop;
use crate::model::{ToolCall, ToolSpec};
use crate::run::{Category, Failure, Says};
use crate::workflow::{CallEffect, Effect};

/// Asks another role.
pub const ASK: &str = "company.ask";
/// Objects to what another role brought.
pub const OBJECT: &str = "company.object";
/// The tools by which agents talk.
pub const NAMES: [&str; 2] = [ASK, OBJECT];

/// How deep questions may lead to questions. Each depth has workers of its own, so that no role can wait for itself.
pub const DEEPEST: u8 = 2;

/// The longest question, in characters.
const LONGEST: usize = 4_000;
/// How many reasons are given at most.
const MOST_REASONS: usize = 20;

/// An agent's way to the other roles, for one assignment.
pub(super) struct Talk<'a> {
    company: Company,
    pub(super) role: &'a Role,
    pub(super) assignment: &'a Assignment,
    /// How much was asked so far. Of this assignment alone, so that an attempt that is taken up again counts the same.
    asked: AtomicU32,
}

/// What a review came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Review {
    pub(super) accepted: bool,
    #[serde(default)]
    pub(super) reasons: Vec<String>,
}

#[derive(Deserialize)]
struct Asked {
    role: String,
    question: String,
    #[serde(default)]
    context: Map<String, Value>,
}

#[derive(Deserialize)]
struct Objection {
    role: String,
    about: String,
    reasons: Vec<String>,
    #[serde(default)]
    context: Map<String, Value>,
}

/// True if this tool is one by which agents talk.
pub(super) fn is_talk(tool: &str) -> bool {
    NAMES.contains(&tool)
}

impl<'a> Talk<'a> {
    pub(super) fn new(company: Company, role: &'a Role, assignment: &'a Assignment) -> Self {
        Self { company, role, assignment, asked: AtomicU32::new(0) }
    }

    /// The tools as a model is offered them; none that the role may not use, nor where nobody could be asked.
    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        if self.assignment.depth >= DEEPEST {
            return Vec::new();
        }
        let others: Vec<&Role> =
            self.company.roles().iter().map(AsRef::as_ref).filter(|role| role.name != self.role.name).collect();
        let names: Vec<&str> = others.iter().map(|role| role.name.as_str()).collect();
        let who: Vec<String> = others.iter().map(|role| format!("{}: {}", role.name, role.description)).collect();
        let who = who.join(" ");
        let role = json!({ "enum": names, "description": who });
        let context = json!({ "type": "object", "description": "What the other needs besides, such as findings" });
        let ask = ToolSpec {
            name: ASK.to_owned(),
            description: "Asks another role of the company, and returns its answer with what it found.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "role": role,
                    "question": { "type": "string", "minLength": 1, "maxLength": LONGEST },
                    "context": context
                },
                "required": ["role", "question"],
                "additionalProperties": false
            }),
        };
        let object = ToolSpec {
            name: OBJECT.to_owned(),
            description:
                "Tells another role that something it brought cannot be right, and returns what it says to that."
                    .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "role": role,
                    "about": { "type": "string", "minLength": 1, "maxLength": LONGEST },
                    "reasons": {
                        "type": "array", "minItems": 1, "maxItems": MOST_REASONS,
                        "items": { "type": "string", "minLength": 1, "maxLength": LONGEST }
                    },
                    "context": context
                },
                "required": ["role", "about", "reasons"],
                "additionalProperties": false
            }),
        };
        [ask, object].into_iter().filter(|spec| self.role.may_call(&spec.name)).collect()
    }

    /// Makes one of the calls of [`NAMES`], wanted by a model that had `read` this of others.
    pub(super) async fn call(&self, call: &ToolCall, read: &[String]) -> Result<Told, Stop> {
        let (to, says, goal, context) = match parsed(call) {
            Ok(parsed) => parsed,
            Err(why) => return Ok(Told::own(Err(why))),
        };
        if let Err(why) = self.spend() {
            return Ok(Told::own(Err(why)));
        }
        let mut input = context;
        input.insert("asked_by".to_owned(), self.role.name.as_str().into());
        let wanted = Call::new(call.name.clone(), CallEffect::of(Effect::Read), call.arguments.clone());
        let gate = &self.assignment.gate;
        let heard = Heard::default();
        let answer = gate
            .call(wanted, |_permit| async {
                let answered = async {
                    let message = gate.say(&self.role.name, &to, says).await?;
                    let within = gate.within(message);
                    let answerer = self.colleague(&to, &within, self.hearsay(read), &heard);
                    let answer = self.delegate(answerer, goal, input, answer_schema()).await?;
                    let text = answer.get("answer").and_then(Value::as_str).unwrap_or_default().to_owned();
                    within.say(&to, &self.role.name, Says::Answer { text }).await?;
                    Ok(answer)
                };
                match answered.await {
                    // The asker goes on without. It is recorded, so that an attempt that is taken up again is told the same.
                    Err(Stop::Failed(failure))
                        if failure.category != Category::Cancelled && !failure.is_spent_budget() =>
                    {
                        Ok(with_origin(json!({ "error": failure.message }), &heard))
                    }
                    answered => answered.map(|answer| with_origin(answer, &heard)).map_err(as_failed),
                }
            })
            .await;
        let (answer, untrusted) = origin_in(answer?, &to);
        let result = match answer {
            Value::Object(answer) if answer.len() == 1 && answer.contains_key("error") => {
                Err(answer["error"].as_str().unwrap_or_default().to_owned())
            }
            answer => Ok(answer),
        };
        Ok(Told { result, untrusted })
    }

    /// Has finished work reviewed by another role; and whose words the verdict is, if these may be anybody's.
    pub(super) async fn review(
        &self,
        by: &str,
        round: u32,
        work: &Value,
        read: &[String],
    ) -> Result<(Review, Option<String>), Stop> {
        let gate = &self.assignment.gate;
        let goal = format!(
            "Check the work of {} before it goes out: whether it reaches its goal, and whether what it was given bears \
             it out",
            self.role.name
        );
        let mut input = self.assignment.input.clone();
        input.insert("goal_of_the_work".to_owned(), self.assignment.goal.as_str().into());
        input.insert("work".to_owned(), work.clone());
        let wanted = Call::new(
            "company.review",
            CallEffect::of(Effect::Read),
            json!({ "by": by, "round": round, "work": work }),
        );
        let heard = Heard::default();
        let verdict = gate
            .call(wanted, |_permit| async {
                let reviewed = async {
                    let message = gate.say(&self.role.name, by, Says::Assignment { goal: goal.clone() }).await?;
                    let within = gate.within(message);
                    let reviewer = self.colleague(by, &within, self.hearsay(read), &heard);
                    let verdict = self.delegate(reviewer, goal, input, verdict_schema()).await?;
                    let Review { accepted, reasons } = review_in(&verdict);
                    within.say(by, &self.role.name, Says::Verdict { accepted, reasons }).await?;
                    Ok(with_origin(verdict, &heard))
                };
                reviewed.await.map_err(as_failed)
            })
            .await?;
        let (verdict, untrusted) = origin_in(verdict, by);
        Ok((review_in(&verdict), untrusted))
    }

    /// Whose words a colleague is told, if these may be anybody's: those of a role that has `read` such.
    fn hearsay(&self, read: &[String]) -> Option<String> {
        (!read.is_empty()).then(|| self.role.name.clone())
    }

    /// An assignment for a colleague, still without its goal. The plan of the step is not the colleague's.
    fn colleague(&self, to: &str, gate: &Gate, hearsay: Option<String>, heard: &Heard) -> Assignment {
        Assignment {
            role: to.to_owned(),
            gate: gate.clone(),
            depth: self.assignment.depth + 1,
            plan: Vec::new(),
            hearsay,
            heard: heard.clone(),
            ..self.assignment.clone()
        }
    }

    async fn delegate(
        &self,
        colleague: Assignment,
        goal: String,
        input: Map<String, Value>,
        output: Value,
    ) -> Result<Value, Stop> {
        let assignment = Assignment { goal, input, output: Some(output), ..colleague };
        // An assignment that leads to an assignment: the future must have a size.
        Box::pin(self.company.assign(assignment)).await
    }

    /// Counts one more question, if the role's limit allows it.
    fn spend(&self) -> Result<(), String> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < self.role.limits.questions {
            return Ok(());
        }
        Err("enough was asked for this assignment: go on with what you have".to_owned())
    }
}

/// Who is told what, and the goal and input of whoever answers.
fn parsed(call: &ToolCall) -> Result<(String, Says, String, Map<String, Value>), String> {
    let wrong = |error: serde_json::Error| format!("the arguments of {} are wrong: {error}", call.name);
    if call.name == ASK {
        let Asked { role, question, context } = serde_json::from_value(call.arguments.clone()).map_err(wrong)?;
        return Ok((role, Says::Question { text: question.clone() }, question, context));
    }
    let Objection { role, about, reasons, mut context } =
        serde_json::from_value(call.arguments.clone()).map_err(wrong)?;
    let goal = format!("Does this hold, and since when: {about}?\n{}", reasons.join("\n"));
    context.insert("objection".to_owned(), json!({ "about": about, "reasons": reasons }));
    Ok((role, Says::Objection { about, reasons }, goal, context))
}

/// The field that says in the records of what a colleague said that it had read what others wrote.
const UNTRUSTED: &str = "untrusted";

/// What a colleague said, as it is recorded. Whatever it said of itself does not count.
fn with_origin(mut said: Value, heard: &Heard) -> Value {
    if let Some(fields) = said.as_object_mut() {
        fields.remove(UNTRUSTED);
        if heard.anything() {
            fields.insert(UNTRUSTED.to_owned(), true.into());
        }
    }
    said
}

/// What a colleague said, and whose words that is, if these may be anybody's.
fn origin_in(mut said: Value, whose: &str) -> (Value, Option<String>) {
    let untrusted = said.as_object_mut().and_then(|fields| fields.remove(UNTRUSTED));
    (said, untrusted.map(|_| whose.to_owned()))
}

/// What an answer looks like.
fn answer_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "answer": { "type": "string", "minLength": 1, "description": "The answer in one or two sentences, or that there is none" },
            "findings": {
                "type": "array",
                "description": "What bears the answer out",
                "items": {
                    "type": "object",
                    "properties": {
                        "id": { "type": "string" },
                        "claim": { "type": "string" },
                        "quote": { "type": "string" },
                        "source": { "type": "string" },
                        "line": { "type": "integer" }
                    },
                    "required": ["claim", "quote", "source"]
                }
            }
        },
        "required": ["answer"]
    })
}

/// What a verdict looks like.
fn verdict_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "accepted": { "type": "boolean" },
            "reasons": { "type": "array", "items": { "type": "string" }, "maxItems": MOST_REASONS }
        },
        "required": ["accepted", "reasons"]
    })
}

fn review_in(verdict: &Value) -> Review {
    serde_json::from_value(verdict.clone()).unwrap_or(Review { accepted: false, reasons: Vec::new() })
}

/// Why nobody answered, as the gate takes it. If the step is parked, the gate says so itself.
fn as_failed(stop: Stop) -> CallError {
    CallError::Failed(match stop {
        Stop::Failed(failure) => failure,
        Stop::Parked => Failure::retry("parked", "the answer waits on a person"),
    })
}

#[cfg(test)]
mod tests;
