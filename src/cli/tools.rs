//! `callboard tools`

use clap::{Args, Subcommand};

use super::client::segment;
use super::complaint::Complaint;
use super::exit::Exit;
use super::output::{Output, clipped};
use super::session::{Purpose, Session, Twice};
use super::{Context, Format};
use crate::server::{McpServerView, ToolList, ToolView};
use crate::workflow::Effect;

/// Lists the tools that steps and agents can call, or asks an MCP server what it offers
#[derive(Debug, Args)]
#[command(after_help = "\
A tool is built in, or of an MCP server that the configuration names. Listing starts no server: what one offers is what it
said when it was last asked, by its first use or by `callboard tools check`.

Examples:
  callboard tools
  callboard tools --format json | jq '.tools[] | select(.effect != \"read\") | .name'
  callboard tools check files_server")]
pub(super) struct Tools {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Connects to an MCP server, and shows what it offers
    ///
    /// What it says is kept until it is asked again. A server that was left alone because it died too often is tried anew.
    #[command(after_help = "\
Examples:
  callboard tools check files_server")]
    Check {
        /// The server's name in the configuration
        server: String,
    },
}

/// How much of a description is shown.
const SHOWN: usize = 80;

impl Tools {
    pub(super) async fn carry_out(self, context: &Context) -> Result<Exit, Complaint> {
        let mut session = Session::open(&context.config, &context.interrupt, Purpose::Look).await?;
        let list: Result<ToolList, Complaint> = match &self.what {
            None => session.get("/api/tools").await,
            Some(What::Check { server }) => {
                let path = format!("/api/tools/servers/{}/check", segment(server));
                session.post(&path, &(), Twice::Harmless).await
            }
        };
        session.close().await;
        let list = list?;
        match context.output.format() {
            Format::Json => context.output.json(&list),
            Format::Text => write(&context.output, &list),
        }
        Ok(Exit::Done)
    }
}

fn write(output: &Output, list: &ToolList) {
    let rows: Vec<_> = list.tools.iter().map(row).collect();
    if !rows.is_empty() {
        output.table(["TOOL", "AT WORST", "FROM", "WHAT IT DOES"], &rows);
    }
    if list.servers.is_empty() {
        return;
    }
    output.line("");
    let rows: Vec<_> = list.servers.iter().map(server_row).collect();
    output.table(["SERVER", "STATE", "TOOLS", "ASKED", "IS"], &rows);
    for McpServerView { name, trouble, not_allowed, left_out, state, .. } in &list.servers {
        if let Some(trouble) = trouble {
            output.line(format!("{name}: {trouble}"));
        }
        if state == "unknown" {
            output.line(format!("{name}: it was never asked what it offers; `callboard tools check {name}` asks it"));
        }
        if *not_allowed > 0 {
            output.line(format!("{name}: {not_allowed} more that `mcp.{name}.tools` does not allow"));
        }
        for left_out in left_out {
            output.line(format!("{name}: `{}` cannot be used: {}", left_out.tool, left_out.reason));
        }
    }
}

fn row(tool: &ToolView) -> [String; 4] {
    let effect = match tool.effect {
        Effect::Pure => "computes",
        Effect::Read => "reads",
        Effect::Write => "writes",
        Effect::Irreversible => "irreversible",
    };
    let effect = match tool {
        ToolView { denied: Some(_), .. } => format!("{effect}; denied"),
        ToolView { asks: true, .. } => format!("{effect}; asks first"),
        _ => effect.to_owned(),
    };
    let from = tool.server.clone().unwrap_or_else(|| "built in".to_owned());
    [tool.name.clone(), effect, from, clipped(&tool.description, SHOWN)]
}

fn server_row(server: &McpServerView) -> [String; 5] {
    let asked = server.asked.map(|at| at.to_string()).unwrap_or_default();
    let is = [server.calls_itself.as_str(), &server.reach].into_iter().filter(|text| !text.is_empty());
    let is = is.collect::<Vec<_>>().join(", ");
    [server.name.clone(), server.state.clone(), server.tools.to_string(), asked, clipped(&is, SHOWN)]
}
