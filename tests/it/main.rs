//! The integration tests, one binary: each module is a part of the program seen from outside.

mod architecture;
mod engine;
mod examples;
mod simulation;
mod workflow;
