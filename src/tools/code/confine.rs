//! What a worker gives up before it looks at the code.
//!
//! The engine has no I/O at all; this is for the day on which somebody finds a hole in it. No descriptor can be opened any more,
//! and so no file and no connection; no file can grow; memory and processor time end.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::exchange::Limits;

/// Room beside the code's own heap: the input, the value and the log on their way, the threads' stacks. In bytes.
const BESIDE: u64 = 256 * 1024 * 1024;
/// Processor time beside the code's own, in seconds.
const START: u64 = 2;

pub(super) fn confine(limits: Limits) -> io::Result<()> {
    limit(Resource::Cpu, limits.time.as_secs().saturating_add(1 + START))?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nproc, 0)?;
    #[cfg(target_os = "linux")]
    limit(Resource::As, address_space()?.saturating_add(limits.memory as u64).saturating_add(BESIDE))?;
    // The last, since what was read above needed one.
    limit(Resource::Nofile, 0)
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    Ok(())
}

/// What the program takes by itself, most of it reserved and never used, in bytes.
#[cfg(target_os = "linux")]
fn address_space() -> io::Result<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm")?;
    let pages: Option<u64> = sizes.split(' ').next().and_then(|pages| pages.parse().ok());
    let pages = pages.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/statm says no size"))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}
