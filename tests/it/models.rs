//! The providers of models, against servers of the tests' own that speak their protocols. None is tested against a paid one.

mod dialects;
mod embedders;
mod library;
mod peers;
pub mod protocol;
pub mod server;
mod suite;
