//! What a run is: the list of its events, the state that they fold to, and what follows from it.
//!
//! Pure: no async, no clock, no I/O. [`RunState::apply`] folds one event and refuses an illegal one;
//! [`decide`] says what must be recorded, evaluated and performed next. It never evaluates an
//! expression itself: the shell does, and records the result as an event. [`permit`] rules on
//! every call that could touch the world.

pub mod apply;
pub mod decide;
pub mod event;
mod failure;
mod frontier;
mod id;
pub mod message;
pub mod path;
pub mod permit;
pub mod question;
pub mod state;
mod status;
mod value;

pub use apply::Illegal;
pub use decide::{Command, Evaluation, decide, recover};
pub use event::{Hop, Origin, Recorded, RunEvent};
pub use failure::{Category, Failure};
pub use id::{CallKey, RunId};
pub use message::{EVERYONE, Message, MessageId, Says};
pub use path::{ScopePath, StepPath};
pub use permit::{Mode, Permit, Policy, Verdict, rule};
pub use question::{Question, QuestionKind};
pub use state::{Around, RunState, StepResult};
pub use status::RunStatus;
pub use value::{Carried, Output, Payload, ValueRef};
