//! Code of a workflow or an agent, in a process that can do nothing else.
//!
//! `code.run` starts this very program as `callboard code-worker`, with an emptied environment and an empty folder, and
//! speaks with it through two pipes: one [`exchange::Request`], one [`exchange::Reply`]. Before the worker looks at the code it
//! gives up what a process may do ([`confine`]); then it evaluates the code in an engine that has no way out to begin with
//! ([`script`]).
//!
//! The worker ends when it has replied, when its time is over, and when whoever started it is gone: its standard input closes
//! then. So nothing is left of it, whichever of the two dies.

mod confine;
mod exchange;
mod run;
mod script;
mod worker;

pub use run::CodeRun;
pub use worker::work as code_worker;

/// The command under which the program becomes a worker.
pub const CODE_WORKER: &str = "code-worker";
