//! How the process ends.

use std::process::ExitCode;

/// How the process ends; scripts can rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// What was asked for is done; the run completed.
    Done = 0,
    /// The run failed.
    RunFailed = 1,
    /// What was asked for makes no sense: usage, an invalid workflow, no such run.
    Invalid = 2,
    /// The run is parked: it waits for a person.
    Parked = 3,
    /// The run was cancelled.
    Cancelled = 4,
    /// Something around the program failed: the disk, the data folder, another process.
    Environment = 5,
    /// Stopped by Ctrl-C or SIGTERM; nothing is lost.
    Interrupted = 130,
}

/// What `--help` says of them.
pub(super) const HELP: &str = "\
Exit codes:
  0    done; the run completed
  1    the run failed
  2    invalid usage, input or workflow file; no such run
  3    the run is parked: a person must answer a question
  4    the run was cancelled
  5    the environment failed: disk, data folder, another process
  130  interrupted by Ctrl-C or SIGTERM; `callboard resume` goes on";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
