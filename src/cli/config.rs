//! `callboard config`

use clap::Args;

use super::exit::Exit;
use super::output::{Output, value_text};
use super::{Context, Format};
use crate::config::{Config, Effective};

/// Shows every setting with its value and where it was set
#[derive(Debug, Args)]
#[command(after_help = "\
Settings come from, later ones winning: defaults, callboard.toml (or --config FILE), config.toml in the data folder,
the environment (CALLBOARD_TOOLS__HTTP__TIMEOUT=5s sets tools.http.timeout; lists with commas), flags.

Examples:
  callboard config                                 what holds, and why
  callboard config --example > callboard.toml      a file with every setting to begin with")]
pub(super) struct ShowConfig {
    /// Print a configuration file with every setting commented out
    #[arg(long)]
    example: bool,
}

impl ShowConfig {
    /// True if no configuration needs to be read.
    pub(super) fn wants_example(&self) -> bool {
        self.example
    }

    /// Prints the example.
    pub(super) fn example(output: Output) -> Output {
        match output.format() {
            Format::Text => output.line(Config::example().trim_end()),
            Format::Json => output.json(&serde_json::json!({ "example": Config::example() })),
        }
        output
    }

    pub(super) fn carry_out(context: &Context) -> Exit {
        let effective: Vec<Effective> = context.config.effective().collect();
        match context.output.format() {
            Format::Json => context.output.json(&effective),
            Format::Text => {
                let rows: Vec<_> = effective
                    .iter()
                    .map(|Effective { key, value, origin, .. }| {
                        let value = match value {
                            serde_json::Value::Array(items) if items.is_empty() => "[]".to_owned(),
                            serde_json::Value::Array(items) => {
                                items.iter().map(value_text).collect::<Vec<_>>().join(",")
                            }
                            other => value_text(other),
                        };
                        [key.clone(), value, origin.to_string()]
                    })
                    .collect();
                context.output.table(["SETTING", "VALUE", "ORIGIN"], &rows);
            }
        }
        Exit::Done
    }
}
