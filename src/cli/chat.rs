//! `callboard chat`

mod diff;
mod input;
mod list;
mod markdown;
mod show;
mod talk;

use std::path::Path;

use clap::{Args, Subcommand};

use super::client::segment;
use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session, Twice};
use super::{Context, source};
use crate::server::{ConversationView, NewConversation};
use talk::file::InFront;
use talk::{Answers, Talk};

/// Talks: say what you want, see what is proposed, decide, and watch it being carried out
///
/// On a terminal, what you type while something goes on is said next; a line that begins with `!` is said at once. Every line of a
/// pipe is a message. A conversation is durable: whatever ends the process, `callboard chat` goes on with it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  callboard chat                                      a new conversation
  callboard chat --conversation last                  go on with the last one
  callboard chat --workflow brief.yaml \"ask Maria before the mail goes out\"
  printf 'mail me the open issues\\nyes\\nrun it\\n' | callboard chat
  callboard chat --conversation last \"why did it fail?\"

While it goes on:
  y, n, e      at a proposal: accept it, reject it, or say what is to be different
  !TEXT        say it at once: the turn that goes on is ended for it
  /stop        end the turn; so does Ctrl-C, and once more leaves
  /edit N TEXT say message N otherwise, which begins a branch
  /help        what else there is

Exit codes: 0 all was answered; 1 a turn failed; 2 invalid usage or files; 5 the environment failed; 130 interrupted."
)]
pub(super) struct Chat {
    #[command(subcommand)]
    what: Option<What>,
    /// A message: the answer is shown, and the command ends
    message: Option<String>,
    /// Begin a new conversation, which is what happens unless --conversation is given
    #[arg(long, conflicts_with = "conversation")]
    new: bool,
    /// Go on with this conversation: its id, or `last`
    #[arg(long, short, value_name = "ID")]
    conversation: Option<String>,
    /// The workflow that it is about: a file, which is changed when a proposal is accepted, or the name of a saved one
    #[arg(long, short, value_name = "NAME|FILE")]
    workflow: Option<String>,
    /// The model that is asked, by its alias [default: what `chat.model` says]
    #[arg(long, value_name = "ALIAS", conflicts_with = "conversation")]
    model: Option<String>,
    /// Accept whatever is proposed
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::List),
    Show(show::Show),
}

impl Chat {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        match &self.what {
            Some(What::List(list)) => return list.carry_out(context).await,
            Some(What::Show(show)) => return show.carry_out(context).await,
            None => {}
        }
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::CarryOn).await?;
        let talked = self.talk(context, &mut session).await;
        session.close().await;
        talked
    }

    async fn talk(&self, context: &Context, session: &mut Session) -> Result<Exit, Complaint> {
        let (conversation, file) = self.conversation(session).await?;
        let answers = if self.yes { Answers::Yes } else { Answers::Asked };
        let talk = Talk::new(context, session, conversation, file, answers).await?;
        match &self.message {
            Some(message) => talk.once(message).await,
            None => talk.converse().await,
        }
    }

    /// The conversation that is gone on with or begun, and the file that it is about.
    async fn conversation(&self, session: &mut Session) -> Result<(ConversationView, Option<InFront>), Complaint> {
        let file = self.workflow.as_deref().map(Path::new).filter(|path| path.exists());
        let files = file.map(source::gather).transpose()?.unwrap_or_default();
        let in_front = file.zip(files.first()).and_then(|(path, first)| InFront::read(path, &first.text));
        let workflow = self.workflow.clone().filter(|_| file.is_none());
        if workflow.as_deref().is_some_and(|name| name.contains(['/', '.'])) {
            let message = format!("there is no file {}", workflow.unwrap_or_default());
            return Err(Complaint::invalid("unreadable_file", message)
                .suggest("give the path of a workflow file, or the name of a saved workflow"));
        }
        if let Some(id) = &self.conversation {
            let path = format!("/api/conversations/{}", segment(id));
            let view: crate::server::ConversationState = session.get(&path).await?;
            if self.workflow.is_some() {
                let focus = crate::server::GoOnWith { workflow: saved(session, workflow, files).await?, head: None };
                let _: serde_json::Value =
                    session.post(&format!("/api/conversations/{}/go-on", view.id), &focus, Twice::Harmless).await?;
            }
            let views: Vec<ConversationView> = session.get("/api/conversations?limit=1000").await?;
            let found = views.into_iter().find(|one| one.id == view.id);
            let missing = || Complaint::invalid("no_such_conversation", format!("there is no conversation {id}"));
            return Ok((found.ok_or_else(missing)?, in_front));
        }
        let wanted = NewConversation { workflow, files, model: self.model.clone() };
        let view = session.post("/api/conversations", &wanted, Twice::Harmful).await?;
        Ok((view, in_front))
    }
}

/// The name of a saved workflow; files are saved first.
async fn saved(
    session: &mut Session,
    workflow: Option<String>,
    files: Vec<crate::server::WorkflowText>,
) -> Result<Option<String>, Complaint> {
    if files.is_empty() {
        return Ok(workflow);
    }
    let wanted = crate::server::NewWorkflows { files };
    let saved: Vec<crate::server::SavedWorkflow> = session.post("/api/workflows", &wanted, Twice::Harmless).await?;
    Ok(saved.into_iter().next().map(|saved| saved.name))
}
