//! `callboard memory documents`, `callboard memory rebuild`, `callboard memory notes`, `callboard memory settle`

use clap::Subcommand;

use super::complaint::Complaint;
use super::exit::Exit;
use super::output::Output;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::server::{DocumentView, MOST_NOTES, NoteView, NotesQuery, Rebuilt, Ruled, Ruling};
use crate::store::entries::{EntryId, Settled};

/// Looks after the memory
#[derive(Debug, Subcommand)]
pub(super) enum Memory {
    /// Builds the search index anew from what is stored
    #[command(after_help = "\
Nothing that is remembered gets lost: the database holds it, and the index only finds it.

Examples:
  callboard memory rebuild")]
    Rebuild,
    /// Lists the documents that are remembered
    #[command(after_help = "\
Examples:
  callboard memory documents
  callboard memory documents --format json | jq -r '.[] | select(.version > 1).source'")]
    Documents,
    /// Lists what was noted, those notes too that gave way to others, and why
    #[command(after_help = "\
Notes about the same thing are versions of each other. Of two that say different things the one holds whose author is
clearly surer; else both stand until a role or a person says which.

Examples:
  callboard memory notes --about \"the budget of May\"
  callboard memory notes --format json | jq '.[] | select(.gave_way_to == null)'")]
    Notes {
        /// Only those about this
        #[arg(long, value_name = "KEY")]
        about: Option<String>,
        /// Those of this scope: workspace, workflow:NAME, run:RUN or conversation:ID
        #[arg(long, value_name = "SCOPE", default_value = "workspace")]
        scope: String,
    },
    /// Says which of several notes about the same thing holds
    #[command(after_help = "\
Examples:
  callboard memory notes                                     which notes there are
  callboard memory settle 12 --because \"the minutes of May say so\"")]
    Settle {
        /// The number of the note that holds
        note: u64,
        /// Why
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Who says so
        #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "a person")]
        by: String,
    },
}

impl Memory {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        match self {
            Self::Rebuild => rebuild(context).await,
            Self::Documents => documents(context).await,
            Self::Notes { about, scope } => notes(context, NotesQuery { about, scope: Some(scope) }).await,
            Self::Settle { note, because, by } => {
                settle(context, Ruling { holds: EntryId(note), reason: because, by }).await
            }
        }
    }
}

async fn rebuild(context: &Context) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Work).await?;
    let busy = context.screen.busy("rebuilding the index".to_owned());
    let nothing = serde_json::json!({});
    let rebuilt = context.interrupt.cuts_short(session.post("/api/memory/rebuild", &nothing, Twice::Harmless)).await;
    drop(busy);
    session.close().await;
    let Some(rebuilt) = rebuilt else { return Ok(Exit::Interrupted) };
    let rebuilt: Rebuilt = rebuilt?;
    match context.output.format() {
        Format::Json => context.output.json(&rebuilt),
        Format::Text => context.output.line(format!("the index holds {} entries", rebuilt.entries)),
    }
    Ok(Exit::Done)
}

async fn documents(context: &Context) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let documents: Result<Vec<DocumentView>, Complaint> = session.get("/api/memory/documents").await;
    session.close().await;
    let documents = documents?;
    match context.output.format() {
        Format::Json => context.output.json(&documents),
        Format::Text if documents.is_empty() => {
            context.output.line("no document is remembered; `callboard remember PATH` remembers documents");
        }
        Format::Text => {
            for DocumentView { source, scope, version, entries, at } in &documents {
                context.output.line(format!("{source}  ({scope}, version {version}, {entries} entries, {at})"));
            }
        }
    }
    Ok(Exit::Done)
}

async fn notes(context: &Context, query: NotesQuery) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let notes: Result<Vec<NoteView>, Complaint> = session.get_with("/api/memory/notes", &query).await;
    session.close().await;
    let notes = notes?;
    match context.output.format() {
        Format::Json => context.output.json(&notes),
        Format::Text if notes.is_empty() => context.output.line("nothing is noted"),
        Format::Text => {
            for note in &notes {
                write(&context.output, note);
            }
            if notes.len() == MOST_NOTES {
                context
                    .output
                    .line(format!("these are the first {MOST_NOTES}; `--about KEY` shows those about one thing"));
            }
        }
    }
    Ok(Exit::Done)
}

async fn settle(context: &Context, ruling: Ruling) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let ruled: Result<Ruled, Complaint> = session.post("/api/memory/rulings", &ruling, Twice::Harmless).await;
    session.close().await;
    let ruled = ruled?;
    match context.output.format() {
        Format::Json => context.output.json(&ruled),
        Format::Text => {
            let gave_way: Vec<String> = ruled.gave_way.iter().map(|note| note.0.to_string()).collect();
            context.output.line(match gave_way.as_slice() {
                [] => format!("note {} holds; no other stands against it", ruling.holds.0),
                ids => format!("note {} holds; what gave way: {}", ruling.holds.0, ids.join(", ")),
            });
        }
    }
    Ok(Exit::Done)
}

/// Writes a note: its number, what it is about, who says what, and what became of it.
fn write(output: &Output, note: &NoteView) {
    let about = note.about.as_deref().map(|about| format!("  {about}")).unwrap_or_default();
    let sure = note.confidence.map(|percent| format!(", {percent} % sure")).unwrap_or_default();
    output.line(format!("{}{about}  ({}{sure}, {})", note.id.0, note.author, note.at));
    for line in note.text.lines() {
        output.line(format!("      {line}"));
    }
    if let (Some(holds), Some(settled)) = (note.gave_way_to, &note.settled) {
        let why = match settled {
            Settled::Revised => "its author revised it".to_owned(),
            Settled::Confidence => "that author is clearly surer".to_owned(),
            Settled::Ruling { by, reason } => format!("{by}: {reason}"),
        };
        output.line(format!("      gave way to {}: {why}", holds.0));
    }
}
