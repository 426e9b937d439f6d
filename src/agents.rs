//! The company: a tree of supervised actors that play roles, and the loop by which an agent works.
//!
//! [`roles`] reads what a role is from `agents/` and `prompts/`; [`turn`] is the agent's loop as a machine without
//! I/O; [`work`] drives it through a model, tools and the engine's gate; [`trust`] says before which of its calls a person is
//! asked; [`talk`] is what agents say to each other;
//! [`company`] owns the tree: one supervisor for
//! each role, with its workers. Actors hold messages, counters and handlers; what they do is in plain modules.
//!
//! Knows nothing of runs beyond the one attempt in hand: what was done before is in the gate's records.

pub mod assignment;
pub mod company;
mod intensity;
pub mod output;
mod pool;
mod role;
mod role_file;
pub mod roles;
mod stats;
mod stops;
pub mod talk;
#[cfg(test)]
pub(crate) mod testing;
pub mod trust;
pub mod turn;
pub mod work;
mod worker;

pub use assignment::Assignment;
pub use company::{Company, StartError};
pub use role_file::{MOST_WORKERS, Restart, Review, RoleLimits};
pub(crate) use roles::hash;
pub use roles::{Role, RoleFolders, Roles, RolesError};
pub use stats::RoleStats;
pub use turn::{Action, Turn, TurnLimits};
