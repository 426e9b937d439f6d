//! How a model is shown what people ask of a workflow, and how it says what is to change.
//!
//! A [`Brief`] holds what it is shown, as sections of one message; [`Said`] is what comes back, in the one [`schema`] that
//! every provider is given. What a model writes are not yet [`crate::workflow::edit::Edit`]s: it names a step's place by what
//! comes before and after it, and a change by the values that it sets, so that it never repeats what stays as it is. The
//! planner makes edits of them.
//!
//! Here, and not in the planner, since the offline model reads the same sections and writes the same form.

mod another_way;
mod brief;
mod lines;
mod said;
mod schema;
mod shorten;
mod write;

pub use another_way::AnotherWay;
pub use brief::{Brief, Detail, Known};
pub use lines::{card_line, read_card};
pub use said::{Asked, Case, Choice, Doubt, Pair, Question, Said, Tested, WaitFor, Work};
pub use schema::schema;
pub use shorten::Shortened;
pub use write::asked_of;

#[cfg(test)]
mod tests;
