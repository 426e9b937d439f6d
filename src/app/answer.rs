//! Whether an answer fits its question.

use serde_json::{Value, json};

use crate::engine::EngineError;
use crate::run::Question;
use crate::workflow::Outcome;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// One of the question's choices.
    pub choice: String,
    /// What was filled in, if it has a form.
    pub form: Option<Value>,
    /// Who answers.
    pub by: Option<String>,
}

/// Checks what was filled in against the question's form. Whoever rejects need not fill anything in.
pub(super) fn check_form(question: &Question, choice: &str, form: Option<&Value>) -> Result<(), EngineError> {
    let Some(schema) = &question.form else {
        return match form {
            None => Ok(()),
            Some(_) => Err(EngineError::BadAnswer(format!("question {} has no form; leave it out", question.id))),
        };
    };
    if form.is_none() && choice == Outcome::REJECTED {
        return Ok(());
    }
    let Ok(validator) = jsonschema::validator_for(schema) else { return Ok(()) };
    let nothing = json!({});
    let wrong: Vec<String> = validator
        .iter_errors(form.unwrap_or(&nothing))
        .map(|error| match error.instance_path().to_string() {
            path if path.is_empty() => error.to_string(),
            path => format!("{}: {error}", path.trim_start_matches('/')),
        })
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(EngineError::BadAnswer(format!("the form of question {} does not fit: {}", question.id, wrong.join("; "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{QuestionKind, StepPath};

    fn question(form: Option<Value>) -> Question {
        Question {
            id: "q".into(),
            step: StepPath::from("q"),
            kind: QuestionKind::Human,
            ask: "?".to_owned(),
            choices: vec!["approved".into(), "rejected".into()],
            form,
            to: Vec::new(),
            deadline: None,
            default: None,
        }
    }

    #[test]
    fn a_form_must_be_what_the_question_asks_for() {
        let form = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
        let asks = question(Some(form));
        assert!(check_form(&asks, "approved", Some(&json!({ "n": 1 }))).is_ok());
        assert!(check_form(&asks, "rejected", None).is_ok());
        for form in [None, Some(json!({})), Some(json!({ "n": "x" }))] {
            assert!(check_form(&asks, "approved", form.as_ref()).is_err(), "{form:?}");
        }
        assert!(check_form(&question(None), "approved", None).is_ok());
        assert!(check_form(&question(None), "approved", Some(&json!({}))).is_err());
    }
}
