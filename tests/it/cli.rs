//! The program from its command line: what it prints, how it ends, and what survives it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]
#![allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]

mod agents;
mod beside;
mod config;
mod files;
mod help;
mod memory;
mod questions;
mod runs;
pub(crate) mod secrets;
mod serve;
pub(crate) mod stage;
mod storage;
