//! Words into workflows.

pub mod retrieve;
