//! Tools of MCP servers: a client of the Model Context Protocol, over a child's standard input and output or over
//! streamable HTTP.
//!
//! A server is known from the configuration alone: what a workflow, a role or a model says can name a tool of it, and
//! nothing else. What a server says about its tools is kept in the data folder, so that looking at them starts nothing;
//! the server is started by the first call, or when its tools are wanted and not known yet.
//!
//! Architecture invariant: everything that a server says is bounded before it is kept, and what it returns passes as
//! text of others (`Origin::Untrusted`) unless the configuration says otherwise.

mod child;
mod connection;
mod effects;
mod failure;
mod http;
mod lines;
mod listing;
mod names;
mod restarts;
mod results;
mod server;
mod servers;
mod settings;
mod tool;

pub use listing::{LeftOut, Listing};
pub use server::Standing;
pub use servers::{NotKnown, ServerView, Servers};
pub use settings::{Believed, Reach, ServerSettings};

#[cfg(test)]
mod tests;
