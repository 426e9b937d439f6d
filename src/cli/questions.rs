//! `callboard questions`

use clap::Args;

use super::complaint::Complaint;
use super::exit::Exit;
use super::output::Output;
use super::session::{Purpose, Session};
use super::{Context, Format};
use crate::server::OpenQuestion;

/// Lists what runs wait on a person for, and how to answer
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard questions
  callboard questions --run last --format json | jq -r '.[].question.id'")]
pub(super) struct Questions {
    /// Only those of this run
    #[arg(long)]
    run: Option<String>,
}

impl Questions {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let query = serde_json::json!({ "run": self.run });
        let open: Result<Vec<OpenQuestion>, Complaint> = session.get_with("/api/questions", &query).await;
        session.close().await;
        let open = open?;
        match context.output.format() {
            Format::Json => context.output.json(&open),
            Format::Text if open.is_empty() => context.output.line("no open questions"),
            Format::Text => open.iter().for_each(|open| write(&context.output, open)),
        }
        Ok(Exit::Done)
    }
}

/// Writes a question and how to answer it.
pub(super) fn write(output: &Output, open: &OpenQuestion) {
    let OpenQuestion { run, workflow, question, .. } = open;
    let to = if question.to.is_empty() { String::new() } else { format!(" {}", question.to.join(", ")) };
    output.line(format!("{workflow}, step {}, asks{to}:", question.step));
    for line in question.ask.lines() {
        output.line(format!("  {line}"));
    }
    let choices: Vec<&str> = question.choices.iter().map(crate::workflow::Outcome::as_str).collect();
    let fields: String = question
        .form
        .as_ref()
        .and_then(|form| form.get("properties")?.as_object())
        .into_iter()
        .flat_map(|properties| properties.keys())
        .fold(String::new(), |fields, field| fields + " --form " + field + "=…");
    output.line(format!(
        "  answer with: callboard answer {run} {} {}{fields}",
        quoted(&question.id),
        choices.join("|")
    ));
    if let (Some(deadline), Some(default)) = (question.deadline, &question.default) {
        output.line(format!("  without an answer by {deadline}: {default}"));
    }
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:/".contains(c));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
