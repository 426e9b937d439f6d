//! Callboard: workflows carried out durably by a company of supervised agents.
//!
//! The modules, in reading order. Each may import only what its row in ARCHITECTURE.md's
//! layer table allows; `tests/it/architecture.rs` holds the table against the code.

pub mod clock;
pub mod crash;

pub mod run;
pub mod workflow;

pub mod net;

pub mod store;

pub mod secrets;

pub mod model;

pub mod memory;

pub mod tools;

pub mod engine;

pub mod agents;
pub mod executor;

pub mod planner;

pub mod chat;

pub mod app;

pub mod server;

pub mod config;
pub mod telemetry;

pub mod cli;
