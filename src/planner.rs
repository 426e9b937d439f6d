//! Words into workflows: what a person says becomes a proposal, and nothing but a person or a policy applies it.
//!
//! One path for every model: the request, the workflow, the tools that [`retrieve`] finds, recent turns and what is remembered
//! go in as a [`crate::model::edits::Brief`]; what comes back is [`resolve`]d into edits of the closed set, applied to a copy
//! and checked; what is wrong goes back, all of it, a few times. What is said of a change is made of the change
//! ([`changes`], [`reply`]), never of the model's words.
//!
//! - [`offer`]: what there is to choose from
//! - [`propose`]: the rounds; [`arriving`] shows edits as they come
//! - [`resolve`] with [`patch`]: what a model asks for, as edits
//! - [`reach`]: what a proposal may touch; [`placed`]: where a problem is
//! - [`proposal`]: what is proposed; [`accept`]: accepting it in whole and in part, undoing it, bringing it onto what came in between
//! - [`confidence`]: how sure each step is, by named evidence
//! - [`replay`]: what recorded runs would have come to with it
//!
//! Knows nothing of people, channels and files.

mod accept;
mod arriving;
mod changes;
mod confidence;
mod offer;
mod patch;
mod placed;
mod proposal;
mod propose;
mod reach;
pub mod replay;
mod reply;
mod resolve;
pub mod retrieve;

pub use accept::{Accepted, NotAccepted, undo, undoing};
pub use changes::{Change, ChangeKind, Difference};
pub use confidence::{Confidence, Evidence, EvidenceKind, LOW};
pub use offer::{About, Offer};
pub use proposal::{Kept, Proposal, Standing, empty};
pub use propose::{PROMPT, Progress, Proposed, ROUNDS, Wish, propose};
