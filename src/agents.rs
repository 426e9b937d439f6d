//! The company: a tree of supervised actors that play roles, and the loop by which an agent works.
//!
//! [`turn`] is the agent's loop as a machine without I/O, and [`assignment`] is what it is given to do.
//!
//! Knows nothing of runs beyond the one attempt in hand: what was done before is in the gate's records.

pub mod assignment;
mod role_file;
pub mod roles;
pub mod turn;

pub use assignment::Assignment;
pub use role_file::{Restart, RoleLimits};
pub use roles::{Role, RoleFolders, Roles, RolesError};
pub use turn::{Action, Turn, TurnLimits};
