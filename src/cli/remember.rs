//! `callboard remember PATH…`

use std::path::{Path, PathBuf};

use clap::Args;

use super::complaint::Complaint;
use super::exit::Exit;
use super::memory::busy;
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::server::{Remember as Wanted, Remembered};

/// Remembers documents: files, folders with all that is in them, or web pages
///
/// Text, Markdown, HTML, PDF, CSV, JSON and JSON Lines are read; text in UTF-8, in UTF-16 with a byte order mark, or in an
/// older encoding such as Latin-1, which is told by what the bytes look like. Lines are those of the text. What is
/// remembered already is left alone; what has changed since supersedes it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard remember docs/ notes.md
  callboard remember https://example.org/handbook
  callboard remember prices.csv --scope workflow:weekly_brief
  callboard recall \"how are refunds approved\"")]
pub(super) struct Remember {
    /// Files, folders, or addresses of pages
    #[arg(required = true, value_name = "PATH|URL")]
    sources: Vec<String>,
    /// Who remembers it: workspace, workflow:NAME, run:RUN or conversation:ID
    #[arg(long, value_name = "SCOPE", default_value = "workspace")]
    scope: String,
    /// How far it is to be trusted, in percent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    confidence: Option<u8>,
    /// Who has it remembered
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: Option<String>,
}

impl Remember {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let base = current_folder()?;
        let is_url = |source: &String| source.contains("://");
        let (urls, paths): (Vec<String>, Vec<String>) = self.sources.into_iter().partition(is_url);
        for path in &paths {
            if let Err(error) = std::fs::metadata(path) {
                let message = format!("{} cannot be read: {error}", Path::new(path).display());
                return Err(Complaint::invalid("unreadable_file", message));
            }
        }
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Work).await?;
        let busy = busy(context, &session, "remembering");
        let wanted = Wanted {
            paths: paths.into_iter().map(PathBuf::from).collect(),
            urls,
            base,
            scope: Some(self.scope),
            author: self.by,
            confidence: self.confidence,
        };
        let remembered = session.post("/api/memory/entries", &wanted, Twice::Harmless);
        let remembered = context.interrupt.cuts_short(remembered).await;
        drop(busy);
        session.close().await;
        let Some(remembered) = remembered else { return Ok(Exit::Interrupted) };
        let remembered: Remembered = remembered?;
        match context.output.format() {
            Format::Json => context.output.json(&remembered),
            Format::Text => {
                let Remembered { added, changed, unchanged, forgotten, entries, skipped, .. } = &remembered;
                context.output.line(format!(
                    "{added} documents added, {changed} changed, {forgotten} forgotten, {unchanged} as they were; {entries} new entries"
                ));
                for skipped in skipped {
                    context.output.line(format!("  left out {}: {}", skipped.path.display(), skipped.reason));
                }
            }
        }
        let nothing = remembered.added + remembered.changed + remembered.unchanged + remembered.forgotten == 0;
        Ok(if nothing { Exit::Invalid } else { Exit::Done })
    }
}

/// The folder that relative paths start from.
pub(super) fn current_folder() -> Result<PathBuf, Complaint> {
    std::env::current_dir()
        .map_err(|error| Complaint::environment("no_folder", format!("the current folder cannot be found: {error}")))
}
