//! `callboard code-worker`: the process that runs the code of `code.run`.

use clap::Args;

use super::exit::Exit;

/// Runs code that it reads from standard input, and can do nothing else. Callboard starts it itself
#[derive(Debug, Args)]
#[command(hide = true, after_help = "Started by `callboard` for each call of code.run.")]
pub(super) struct CodeWorker {}

impl CodeWorker {
    /// The whole process: neither configuration nor log nor threads are of use to it.
    pub(super) fn carry_out() -> Exit {
        // Nobody listens to what it has to say but whoever reads its reply.
        crate::tools::code_worker().map_or(Exit::Environment, |()| Exit::Done)
    }
}
