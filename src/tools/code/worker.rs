//! The process that evaluates code: one request, one reply, and it is gone.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::thread;

use super::confine::confine;
use super::exchange::{Failed, Outcome, Reply, Request, Why};
use super::script;

/// The longest request that is read, in bytes; whoever sends one holds the code and the input to less.
const LONGEST_REQUEST: u64 = 64 * 1024 * 1024;

/// Evaluates the one request on standard input and writes the reply to standard output. To be called by a process that does
/// nothing else, and ends then.
///
/// # Errors
/// There was no request, or nobody took the reply.
pub fn work() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().take(LONGEST_REQUEST).read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    drop(line);
    // Whoever asked keeps the other end of standard input; once that is gone there is nobody to reply to.
    thread::Builder::new().spawn(|| {
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        std::process::abort();
    })?;
    let reply = match confine(request.limits) {
        Ok(()) => script::evaluate(&request),
        Err(error) => {
            let failed = Failed::new(Why::Worker, format!("the limits of its process could not be set ({error})"));
            Reply { outcome: Outcome::Failed(failed), log: Vec::new() }
        }
    };
    let mut written = serde_json::to_vec(&reply)?;
    written.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&written)?;
    output.flush()
}
