//! `callboard memory documents`, `callboard memory rebuild`, `callboard memory notes`, `callboard memory settle`

use clap::Subcommand;

use super::complaint::Complaint;
use super::exit::Exit;
use super::live::Busy;
use super::output::Output;
use super::remember::current_folder;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::server::{
    DocumentVersionView, DocumentView, MOST_NOTES, MemoryStatus, NoteView, NotesQuery, Rebuilt, Ruled, Ruling,
    VersionsQuery,
};
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
    /// Tells how much is remembered, how it is searched, and what is being done with the index
    #[command(after_help = "\
Examples:
  callboard memory status
  callboard memory status --format json | jq .waiting")]
    Status,
    /// Lists the versions of a document that are kept, those too that were superseded
    #[command(after_help = "\
Examples:
  callboard memory versions handbook.md
  callboard memory versions docs/                  those of all documents in the folder")]
    Versions {
        /// A file, a folder with a slash at its end, or an address
        source: String,
    },
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
            Self::Status => status(context).await,
            Self::Versions { source } => versions(context, source).await,
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
    let busy = busy(context, &session, "rebuilding the index");
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

/// Shows that something goes on, and how far the index is if this process does it.
pub(super) fn busy(context: &Context, session: &Session, what: &str) -> Busy {
    let busy = context.screen.busy(what.to_owned());
    match session.app() {
        Some(app) => busy.following(app.memory()),
        None => busy,
    }
}

async fn status(context: &Context) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let status: Result<MemoryStatus, Complaint> = session.get("/api/memory").await;
    session.close().await;
    let status = status?;
    match context.output.format() {
        Format::Json => context.output.json(&status),
        Format::Text => {
            let MemoryStatus { documents, pieces, notes, embedder, waiting, work } = &status;
            context.output.line(format!("{documents} documents in {pieces} pieces, and {notes} notes"));
            context.output.line(match embedder {
                None => "searched by words only; `memory.embedder` in the configuration adds meaning".to_owned(),
                Some(name) if *waiting == 0 => format!("searched by words and by meaning ({name})"),
                Some(name) => format!(
                    "searched by words and by meaning ({name}); {waiting} entries wait for their vectors, and are found by their words"
                ),
            });
            if let Some(work) = work {
                context.output.line(work);
            }
        }
    }
    Ok(Exit::Done)
}

async fn versions(context: &Context, source: String) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let query = VersionsQuery { source, base: current_folder()? };
    let versions: Result<Vec<DocumentVersionView>, Complaint> = session.get_with("/api/memory/versions", &query).await;
    session.close().await;
    let versions = versions?;
    match context.output.format() {
        Format::Json => context.output.json(&versions),
        Format::Text => {
            for DocumentVersionView { source, scope, version, entries, author, at, superseded_by } in &versions {
                let by = author.as_ref().map(|author| format!(", by {author}")).unwrap_or_default();
                let stands =
                    superseded_by.map_or_else(|| "holds".to_owned(), |by| format!("superseded by entry {}", by.0));
                context
                    .output
                    .line(format!("{source}  version {version}: {stands}  ({scope}, {entries} entries, {at}{by})"));
            }
        }
    }
    if versions.is_empty() {
        let message = format!("nothing is remembered from {}", query.source);
        return Err(Complaint::invalid("no_such_document", message)
            .suggest("`callboard memory documents` lists what is remembered"));
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
