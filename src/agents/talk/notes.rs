//! A note is said to everyone. When it contradicts another about the same, and neither is clearly surer, the role that
//! may settle that is asked at once, and its verdict reaches the author with its reason.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{DEEPEST, Talk, as_failed};
use crate::agents::Role;
use crate::agents::trust::Heard;
use crate::agents::work::{Hands, Told};
use crate::engine::gate::{Call, Gate};
use crate::engine::port::Stop;
use crate::memory::{Conflict, EntryId, Noted};
use crate::run::{Category, EVERYONE, Says};
use crate::tools::{Caller, NOTE, SETTLE};
use crate::workflow::{CallEffect, Effect};

/// A note as its author gives it.
#[derive(Deserialize)]
struct Written {
    text: String,
    key: Option<String>,
    confidence: Option<u8>,
    source: Option<String>,
}

/// What the arbiter says.
#[derive(Deserialize)]
struct Verdict {
    holds: Option<EntryId>,
    reason: String,
}

impl Talk<'_> {
    /// Makes a call of `memory.note`, wanted by a model that had `read` this of others.
    pub(in crate::agents) async fn note(
        &self,
        hands: Hands<'_>,
        arguments: Value,
        read: &[String],
    ) -> Result<Told, Stop> {
        let written: Written = match serde_json::from_value(arguments.clone()) {
            Ok(written) => written,
            Err(error) => return Ok(Told::own(Err(format!("the arguments of {NOTE} are wrong: {error}")))),
        };
        let note = Says::Note { key: written.key.clone(), text: written.text.clone() };
        let gate = &self.assignment.gate;
        let within = gate.within(gate.say(&self.role.name, EVERYONE, note).await?);
        let told = hands.perform(&within, hands.caller, NOTE, arguments, read).await?;
        let Told { result: Ok(mut result), untrusted } = told else { return Ok(told) };
        if let Some(key) = &written.key
            && let Ok(Noted { id, conflict: Some(conflict) }) = serde_json::from_value(result.clone())
            && conflict.holds.is_none()
            && let Some(arbiter) = self.arbiter()
            && let Some(verdict) = self.arbitrate(&within, arbiter, key, id, &written, &conflict).await?
            && let Some(holds) = verdict.holds
        {
            let caller = Caller { agent: Some(arbiter.name.clone()), ..hands.caller.clone() };
            let judged: Vec<EntryId> = conflict
                .others
                .iter()
                .filter(|rival| rival.settled.is_none())
                .map(|rival| rival.id)
                .chain([id])
                .collect();
            let ruling = json!({ "holds": holds, "against": judged, "reason": verdict.reason });
            // It is the role's own plan to settle what it is asked to settle, and contained in the memory as a note is.
            if hands.perform(&within, &caller, SETTLE, ruling, &[]).await?.result.is_ok() {
                result["conflict"]["holds"] = json!(holds);
                result["conflict"]["ruling"] = json!({ "by": arbiter.name, "reason": verdict.reason });
            }
        }
        Ok(Told { result: Ok(result), untrusted })
    }

    /// The role that settles what this one and others noted: the first that lists the tool for it.
    fn arbiter(&self) -> Option<&Role> {
        let settles = |role: &&Role| role.name != self.role.name && role.tools.iter().any(|tool| tool == SETTLE);
        (self.assignment.depth < DEEPEST).then(|| self.company.roles().iter().map(AsRef::as_ref).find(settles))?
    }

    /// Asks the arbiter which of the notes about `key` holds; `None` if it cannot say, and then both stand.
    async fn arbitrate(
        &self,
        gate: &Gate,
        arbiter: &Role,
        key: &str,
        id: EntryId,
        written: &Written,
        conflict: &Conflict,
    ) -> Result<Option<Verdict>, Stop> {
        if self.spend().is_err() {
            return Ok(None);
        }
        let (author, text) = (written.source.as_ref().unwrap_or(&self.role.name), &written.text);
        let mut notes = vec![json!({ "id": id, "author": author, "text": text, "confidence": written.confidence })];
        let standing = conflict.others.iter().filter(|rival| rival.settled.is_none());
        notes.extend(standing.map(|rival| {
            json!({ "id": rival.id, "author": rival.author, "text": rival.text, "confidence": rival.confidence })
        }));
        let ids: Vec<Value> = notes.iter().map(|note| note["id"].clone()).collect();
        let input = json!({ "key": key, "notes": notes });
        let goal = format!("Which of these notes on the same thing holds: {key}?");
        let wanted = Call::new("company.arbitrate", CallEffect::of(Effect::Read), input.clone());
        let verdict = gate
            .call(wanted, |_permit| async {
                let judged = async {
                    let goal_said = Says::Assignment { goal: goal.clone() };
                    let within = gate.within(gate.say(&self.role.name, &arbiter.name, goal_said).await?);
                    let input = input.as_object().cloned().unwrap_or_default();
                    let whose = Some("notes in the memory".to_owned());
                    let judge = self.colleague(&arbiter.name, &within, whose, &Heard::default());
                    let value = self.delegate(judge, goal, input, verdict_schema(&ids)).await?;
                    let accepted = value["holds"] == json!(id);
                    let reasons = value["reason"].as_str().map(str::to_owned).into_iter().collect();
                    within.say(&arbiter.name, &self.role.name, Says::Verdict { accepted, reasons }).await?;
                    Ok(value)
                };
                match judged.await {
                    // What is noted is noted: that nobody could judge it is no failure of the work. It is recorded, so that
                    // an attempt that is taken up again is told the same.
                    Err(Stop::Failed(failure))
                        if failure.category != Category::Cancelled && !failure.is_spent_budget() =>
                    {
                        Ok(json!({ "holds": null, "reason": failure.message }))
                    }
                    judged => judged.map_err(as_failed),
                }
            })
            .await?;
        Ok(serde_json::from_value(verdict).ok())
    }
}

/// What an arbiter's verdict looks like.
fn verdict_schema(ids: &[Value]) -> Value {
    let mut choices = ids.to_vec();
    choices.push(Value::Null);
    json!({
        "type": "object",
        "properties": {
            "holds": {
                "type": ["integer", "null"],
                "enum": choices,
                "description": "The id of the note that holds, or null if what is known does not decide it"
            },
            "reason": { "type": "string", "minLength": 1, "description": "Why, with the sources that bear it out" }
        },
        "required": ["holds", "reason"]
    })
}

#[cfg(test)]
mod tests;
