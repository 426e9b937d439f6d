//! The versions of a role: `versions`, `compare`, `revert`.

use serde_json::json;
use similar::TextDiff;

use crate::cli::client::segment;
use crate::cli::complaint::Complaint;
use crate::cli::exit::Exit;
use crate::cli::session::{Purpose, Session, Twice};
use crate::cli::{Context, Format};
use crate::server::{AgentVersion, Revert, Reverted};

/// How much of a hash is shown.
const SHOWN: usize = 12;

pub(super) async fn list(context: &Context, role: &str) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let versions: Result<Vec<AgentVersion>, Complaint> =
        session.get(&format!("/api/agents/{}/versions", segment(role))).await;
    session.close().await;
    let versions = versions?;
    match context.output.format() {
        Format::Json => context.output.json(&versions),
        Format::Text => {
            let rows: Vec<_> = versions
                .into_iter()
                .map(|version| {
                    let now = if version.current { "now" } else { "" };
                    [short(&version.hash).to_owned(), file(&version), version.at.to_string(), now.to_owned()]
                })
                .collect();
            context.output.table(["VERSION", "FILE", "FIRST SEEN", ""], &rows);
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn compare(context: &Context, role: &str, from: &str, to: Option<&str>) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let both = both(&mut session, role, from, to).await;
    session.close().await;
    let (from, to) = both?;
    let text = |version: &AgentVersion| version.text.clone().unwrap_or_default();
    let name = |version: &AgentVersion| format!("{} {}", file(version), short(&version.hash));
    let (old, new) = (text(&from), text(&to));
    let diff = TextDiff::from_lines(&old, &new).unified_diff().header(&name(&from), &name(&to)).to_string();
    match context.output.format() {
        Format::Json => context.output.json(&json!({ "from": from, "to": to, "diff": diff })),
        Format::Text if diff.is_empty() => context.output.line("the two are the same"),
        Format::Text => context.output.line(diff.trim_end()),
    }
    Ok(Exit::Done)
}

/// The two versions that are to be compared, with their texts.
async fn both(
    session: &mut Session,
    role: &str,
    from: &str,
    to: Option<&str>,
) -> Result<(AgentVersion, AgentVersion), Complaint> {
    let path = |hash: &str| format!("/api/agents/{}/versions/{}", segment(role), segment(hash));
    let from: AgentVersion = session.get(&path(from)).await?;
    let to = if let Some(to) = to {
        to.to_owned()
    } else {
        let all: Vec<AgentVersion> = session.get(&format!("/api/agents/{}/versions", segment(role))).await?;
        let current = all.into_iter().find(|version| version.current && version.kind == from.kind);
        current.map_or_else(|| from.hash.clone(), |version| version.hash)
    };
    let to = session.get(&path(&to)).await?;
    Ok((from, to))
}

pub(super) async fn revert(context: &Context, role: &str, hash: String) -> Result<Exit, Complaint> {
    let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
    let path = format!("/api/agents/{}/revert", segment(role));
    let reverted: Result<Reverted, Complaint> = session.post(&path, &Revert { hash }, Twice::Harmless).await;
    session.close().await;
    let reverted = reverted?;
    match context.output.format() {
        Format::Json => context.output.json(&reverted),
        Format::Text => context.output.line(format!(
            "{} is version {} again, from the next start on",
            reverted.path.display(),
            short(&reverted.version.hash)
        )),
    }
    Ok(Exit::Done)
}

/// The file of a version.
fn file(version: &AgentVersion) -> String {
    let extension = if version.kind == "agent" { "yaml" } else { "md" };
    format!("{}.{extension}", version.name)
}

fn short(hash: &str) -> &str {
    hash.get(..SHOWN).unwrap_or(hash)
}
