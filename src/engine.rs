//! Durable runs. The kernel decides, this acts: load, fold, decide, append, then perform.
//!
//! Knows nothing of models, tools and agents: whoever performs a step is behind [`port::Executor`].

pub mod gate;
pub mod port;
