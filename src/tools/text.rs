//! Texts: what is in a document, the same in another format, what changed.

mod convert;
mod diff;
mod document;
mod extract;
mod markdown;
pub(super) mod pattern;

pub use convert::TextConvert;
pub use diff::TextDiff;
pub use extract::TextExtract;

use std::sync::Arc;

use super::Tool;
use super::files::Folder;

/// Every tool that works on texts; files are read from `folder`.
#[must_use]
pub fn all(folder: &Folder) -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(TextConvert), Arc::new(TextDiff), Arc::new(TextExtract::new(folder.clone()))]
}

#[cfg(test)]
mod tests;
