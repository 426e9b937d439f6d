//! `callboard forget SOURCE…`

use clap::Args;

use super::complaint::Complaint;
use super::exit::Exit;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::server::{Forget as Wanted, Forgotten};

/// Forgets documents, by where they are from
///
/// A file is named by its path, a folder by its path with a slash at the end, a page by its address, as `callboard memory
/// documents` shows them or as they stand to the current folder. The files themselves stay.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard forget notes.md
  callboard forget docs/                     all that was remembered from the folder
  callboard forget https://example.org/page")]
pub(super) struct Forget {
    /// A file, a folder with a slash at its end, or an address
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// In this scope alone [default: in every scope]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
}

/// How many documents are named.
const NAMED: usize = 10;

impl Forget {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let base = super::remember::current_folder()?;
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Work).await?;
        let wanted = Wanted { sources: self.sources, base, scope: self.scope };
        let forgotten: Result<Vec<Forgotten>, Complaint> =
            session.post("/api/memory/forget", &wanted, Twice::Harmless).await;
        session.close().await;
        let forgotten = forgotten?;
        match context.output.format() {
            Format::Json => context.output.json(&forgotten),
            Format::Text => forgotten.iter().for_each(|forgotten| write(context, forgotten)),
        }
        let nothing = forgotten.iter().all(|forgotten| forgotten.documents.is_empty());
        Ok(if nothing { Exit::Invalid } else { Exit::Done })
    }
}

fn write(context: &Context, forgotten: &Forgotten) {
    let Forgotten { source, documents, entries, near } = forgotten;
    if documents.is_empty() {
        let near = if near.is_empty() {
            "`callboard memory documents` lists what is remembered".to_owned()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        return context.output.line(format!("nothing is remembered from {source}; {near}"));
    }
    context.output.line(format!("forgot {entries} entries of {} documents", documents.len()));
    for document in documents.iter().take(NAMED) {
        context.output.line(format!("  {}  ({})", document.source, document.scope));
    }
    if documents.len() > NAMED {
        context.output.line(format!("  and {} more", documents.len() - NAMED));
    }
}
