//! The integration tests, one binary: each module is a part of the program seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    clippy::match_wild_err_arm,
    clippy::unchecked_time_subtraction,
    unreachable_pub,
    reason = "a test that cannot go on fails; helpers of tests are tests, too"
)]

mod architecture;
mod brief;
mod chains;
mod chat;
mod cli;
mod company;
mod data;
mod engine;
mod examples;
mod kill;
mod mcp;
mod models;
mod outside;
mod planner;
mod planner_evals;
mod simulation;
mod trust;
mod workflow;
