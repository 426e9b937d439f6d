//! `callboard recall TEXT`

use clap::{Args, ValueEnum};

use super::complaint::Complaint;
use super::exit::Exit;
use super::memory::busy;
use super::session::{Purpose, Session};
use super::{Context, Format};
use crate::server::{RecallQuery, Recalled, Recollected};
use crate::store::entries::EntryKind;

/// Searches the memory
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard recall \"how are refunds approved\"
  callboard recall refunds --kind note --since 7d --scope workspace,workflow:weekly_brief
  callboard recall refunds --limit 1 --format json | jq -r '.hits[0].text'")]
pub(super) struct Recall {
    /// What to look for
    #[arg(required = true, value_name = "TEXT")]
    words: Vec<String>,
    /// How many entries at most, up to 100
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,
    /// Where to look: workspace, workflow:NAME, run:RUN or conversation:ID; several with commas
    #[arg(long, value_name = "SCOPE", default_value = "workspace")]
    scope: String,
    /// Only pieces of documents, or only notes
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only what was remembered since then: an instant, a day (2026-11-20) or how long ago (7d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what was remembered until then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// A kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Pieces of documents
    Document,
    /// What agents and people noted
    Note,
}

impl From<Kind> for EntryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Document => Self::Document,
            Kind::Note => Self::Note,
        }
    }
}

/// The lines of an entry that are shown.
const SHOWN_LINES: usize = 6;

impl Recall {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let query = RecallQuery {
            text: self.words.join(" "),
            limit: Some(self.limit.into()),
            scope: Some(self.scope),
            kind: self.kind.map(Into::into),
            since: self.since,
            until: self.until,
        };
        let busy = busy(context, &session, "looking");
        let recalled: Result<Recollected, Complaint> = session.get_with("/api/memory/recall", &query).await;
        drop(busy);
        session.close().await;
        let recalled = recalled?;
        match context.output.format() {
            Format::Json => context.output.json(&recalled),
            Format::Text => {
                if recalled.hits.is_empty() {
                    context.output.line("nothing is remembered of that; `callboard remember PATH` remembers documents");
                }
                recalled.hits.iter().for_each(|entry| write(context, entry));
                context.output.line(format!("(searched by {})", recalled.told));
            }
        }
        Ok(Exit::Done)
    }
}

fn write(context: &Context, entry: &Recalled) {
    let place = |source: &str, lines: Option<(u64, u64)>| match (lines, entry.pages) {
        (Some((first, last)), _) => format!("{source}:{first}-{last}"),
        (None, Some((first, last))) if first == last => format!("{source} p. {first}"),
        (None, Some((first, last))) => format!("{source} pp. {first}-{last}"),
        (None, None) => source.to_owned(),
    };
    let heading = entry.heading.as_deref().map(|heading| format!("  {heading}")).unwrap_or_default();
    context.output.line(format!("{:.2}  {}{heading}", entry.score, place(&entry.source, entry.lines)));
    for line in entry.text.lines().filter(|line| !line.trim().is_empty()).take(SHOWN_LINES) {
        context.output.line(format!("      {line}"));
    }
    let mut found_by = entry.matched.clone();
    found_by.extend(entry.similarity.map(|similarity| format!("its meaning, {similarity:.2}")));
    context.output.line(format!("      (found by: {})", found_by.join(", ")));
    if !entry.also.is_empty() {
        let places: Vec<String> = entry.also.iter().map(|also| place(&also.source, also.lines)).collect();
        context.output.line(format!("      (also in {})", places.join(", ")));
    }
    if entry.conflict.as_ref().is_some_and(|conflict| conflict.holds.is_none()) {
        context.output.line("      (others noted something else about the same: see `callboard memory notes`)");
    }
}
