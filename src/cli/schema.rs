//! `callboard schema`

use clap::Args;

use super::Context;
use super::exit::Exit;
use crate::workflow::schema::SCHEMA;

/// Prints the JSON Schema of the workflow file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  callboard schema > workflow.schema.json
  # yaml-language-server: $schema=workflow.schema.json      as the first line of a workflow, for editors")]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn carry_out(context: &Context) -> Exit {
        // The schema is JSON in either format.
        context.output.line(SCHEMA.trim_end());
        Exit::Done
    }
}
