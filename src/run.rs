//! What a run is: the list of its events, the state that they fold to, and what follows from it.
//!
//! Pure: no async, no clock, no I/O. [`RunState::apply`] folds one event and refuses an illegal one;
//! [`decide`] says what must be recorded, evaluated and performed next. It never evaluates an
//! expression itself: the shell does, and records the result as an event. [`permit`] rules on
//! every call that could touch the world.

pub mod apply;
pub mod decide;
pub mod event;
mod frontier;
pub mod message;
pub mod path;
pub mod permit;
pub mod state;

pub use apply::Illegal;
pub use decide::{Command, Evaluation, decide, recover};
pub use event::{
    CallKey, Carried, Category, Failure, Hop, Origin, Output, Payload, Question, QuestionKind, Recorded, RunEvent,
    RunId, RunStatus, ValueRef,
};
pub use message::{EVERYONE, Message, MessageId, Says};
pub use path::{ScopePath, StepPath};
pub use permit::{Mode, Permit, Policy, Verdict, rule};
pub use state::{Around, RunState, StepResult};
