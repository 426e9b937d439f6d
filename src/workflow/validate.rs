//! placeholder
mod names;
pub(super) use names::check_names;
