//! The SQL truth, and the files beside it: one file an aggregate.
//!
//! Everything durable goes through here, and nothing is acknowledged before it is on the disk.

pub mod journal;

pub use journal::{Append, Head, Journal, JournalError};
