//! The integration tests, one binary: each module is a part of the program seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test that cannot go on fails; helpers of tests are tests, too"
)]

mod architecture;
mod brief;
mod cli;
mod engine;
mod examples;
mod kill;
mod simulation;
mod workflow;
