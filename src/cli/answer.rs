//! `callboard answer RUN QUESTION CHOICE`

use clap::Args;
use serde_json::Value;

use super::carry::Watching;
use super::complaint::Complaint;
use super::exit::Exit;
use super::pairs::{self, Pair};
use super::session::{Session, Twice};
use super::{Context, tell};
use crate::server::{self, OpenQuestion, Told};

/// Answers what a run waits for, and carries it on
///
/// Beside a process that works on the data folder, that process carries the run on, and this one ends at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard questions                                         what there is to answer
  callboard answer last go_on approved
  callboard answer last review changes --form comment=\"Too long\" --form words=200
  callboard answer last review changes --form '{\"comment\": \"Too long\", \"words\": 200}'")]
pub(super) struct Answer {
    /// The run: its id, the beginning of one, or `last`
    run: String,
    /// The question's id; a human step's own id
    question: String,
    /// One of its choices
    choice: String,
    /// A field of its form, or the whole form as one JSON object
    #[arg(long, value_name = "KEY=VALUE|JSON")]
    form: Vec<String>,
    /// Who answers
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: Option<String>,
    #[command(flatten)]
    watching: Watching,
}

impl Answer {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, self.watching.purpose()).await?;
        let Self { run, question, choice, form, by, watching } = self;
        let told = async {
            let form = read_form(&mut session, &run, &question, &form).await?;
            let answer = server::Answer { question, choice, form, by };
            let path = format!("/api/runs/{}/answers", super::client::segment(&run));
            session.post(&path, &answer, Twice::Harmful).await
        };
        let told: Result<Told, Complaint> = told.await;
        tell::told(context, session, told, watching).await
    }
}

/// The form, with its fields read as the question declares them.
async fn read_form(
    session: &mut Session,
    run: &str,
    question: &str,
    form: &[String],
) -> Result<Option<Value>, Complaint> {
    match form {
        [] => Ok(None),
        [whole] if whole.trim_start().starts_with('{') => pairs::json("--form", whole).map(Some),
        fields => {
            let fields: Vec<Pair> = fields
                .iter()
                .map(|field| field.parse())
                .collect::<Result<_, String>>()
                .map_err(|message| Complaint::invalid("usage", format!("--form: {message}")))?;
            let query = serde_json::json!({ "run": run });
            let open: Vec<OpenQuestion> = session.get_with("/api/questions", &query).await?;
            let schema = open.iter().find(|open| *open.question.id == *question).and_then(|o| o.question.form.as_ref());
            let schema_of = |key: &str| schema?.get("properties")?.get(key);
            Ok(Some(Value::Object(pairs::object(&fields, schema_of))))
        }
    }
}
