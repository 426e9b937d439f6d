//! The log: to standard error, as text or JSON.
//!
//! What is logged says what happened to which run and step. Values of inputs, arguments, results and
//! secrets are never logged: they are in the run's events, where access is ruled on.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};

/// Starts logging to `writer`, for the rest of the process. A second call changes nothing.
///
/// # Errors
/// If the level is neither a level nor a list of directives.
pub fn start<W>(log: &Log, writer: W) -> Result<(), ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(directives(&log.level))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // Fails only if logging was started before, which is what is wanted.
    let _ = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// A level alone is ours; libraries tell of their errors only. Directives are taken as they are.
///
/// async-openai tells nothing: what it cannot read it would log whole, and `model` says that it could not be read.
fn directives(level: &str) -> String {
    if level.contains(['=', ',']) { level.to_owned() } else { format!("error,async_openai=off,callboard={level}") }
}
