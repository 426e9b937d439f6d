//! What was guessed in order to read on after a problem of form.

use std::collections::{BTreeSet, HashMap};

use crate::workflow::problem::Path;

/// What the reader took for granted where the text was wrong. Each guess comes with a problem that was reported, so
/// nothing more is to be said about what was guessed, nor about what only follows from it.
#[derive(Clone, Debug, Default)]
pub(in crate::workflow) struct Guesses {
    /// Paths of values that are missing or of the wrong form: something else stands in for them.
    values: BTreeSet<String>,
    /// By the path of a key that does not exist, the key that was probably meant.
    keys: HashMap<String, String>,
    /// True if there may be steps whose ids are not known.
    steps: bool,
}

impl Guesses {
    /// Something stands in for the value at `path`.
    pub(super) fn value(&mut self, path: &Path<'_>) {
        self.values.insert(path.to_string());
    }

    /// As [`Self::value`], of steps whose ids nobody knows.
    pub(super) fn steps(&mut self, path: &Path<'_>) {
        self.steps = true;
        self.value(path);
    }

    /// The key `meant` is read where `written` stands.
    pub(super) fn key(&mut self, object: &Path<'_>, written: &str, meant: &str) {
        self.keys.insert(object.key(written).to_string(), meant.to_owned());
    }

    /// The key that is read where `written` stands, if that is another.
    pub(super) fn meant(&self, object: &str, written: &str) -> Option<&str> {
        if self.keys.is_empty() {
            return None;
        }
        let path = if object.is_empty() { written.to_owned() } else { format!("{object}.{written}") };
        self.keys.get(&path).map(String::as_str)
    }

    /// True if the value at `path`, or one around it, was guessed.
    pub(in crate::workflow) fn covers(&self, path: &str) -> bool {
        !self.values.is_empty()
            && (self.values.contains(path)
                || path.match_indices(['.', '[']).any(|(end, _)| self.values.contains(&path[..end])))
    }

    /// True if the value at `path`, or one around or inside it, was guessed.
    pub(in crate::workflow) fn touch(&self, path: &Path<'_>) -> bool {
        if self.values.is_empty() {
            return false;
        }
        let path = path.to_string();
        let inside = |guess: &String| {
            guess.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.covers(&path) || self.values.range(path.clone()..).take_while(|guess| guess.starts_with(&path)).any(inside)
    }

    /// True if there may be steps whose ids are not known.
    pub(in crate::workflow) fn may_miss_steps(&self) -> bool {
        self.steps
    }
}
