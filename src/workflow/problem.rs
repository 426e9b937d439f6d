//! What is wrong with a workflow, where, and what to do about it.

use std::fmt;

use serde::Serialize;

/// A place in a workflow file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Where in the document, as keys and indices: `steps[2].needs[0]`. Empty for the whole.
    pub path: String,
    /// Line from 1; `None` if the workflow was not read from text.
    pub line: Option<u32>,
    /// Column from 1, in characters.
    pub column: Option<u32>,
}

/// One thing that is wrong. All that are found are reported together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name for this kind of problem, for programs: `unknown_step`, `cycle`, `bad_expression`, …
    pub code: &'static str,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it, if that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.place.line, self.place.column) {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.place.path.is_empty() {
            write!(f, "{}: ", self.place.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, " ({suggestion})")?;
        }
        Ok(())
    }
}

impl Problem {
    /// A problem of the whole, until it is said where it is.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, place: Place::default(), message: message.into(), suggestion: None }
    }

    /// The same, at `path`.
    pub(crate) fn at(mut self, path: &Path<'_>) -> Self {
        self.place.path = path.to_string();
        self
    }

    /// The same, with what to do about it.
    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The same, with what to do about it if that is known.
    pub(crate) fn maybe_suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

/// The way to a value in a document: cheap to extend, and written out only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The document itself.
    Root,
    /// A value of an object.
    Key(&'a Path<'a>, &'a str),
    /// An item of a list.
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    /// The value under `key`.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    /// The item at `index`.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Path::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// How many problems are reported at most: nobody reads more, and looking for suggestions takes time.
const MOST_PROBLEMS: usize = 100;

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Problem>,
    left_out: usize,
}

impl Problems {
    /// Takes up what `describe` returns, if anything; once there are enough, only counts it.
    pub(crate) fn add<P: Into<Option<Problem>>>(&mut self, describe: impl FnOnce() -> P) {
        if self.are_enough() {
            self.left_out += 1;
        } else {
            self.found.extend(describe().into());
        }
    }

    /// True once further problems are only counted.
    pub(crate) fn are_enough(&self) -> bool {
        self.found.len() >= MOST_PROBLEMS
    }

    /// True if nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The problems in the order of the file, and how many more there are.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| (problem.place.line.unwrap_or(u32::MAX), problem.place.column));
        if self.left_out > 0 {
            let message = format!("{} more problems are not shown", self.left_out);
            self.found.push(Problem::new("more_problems", message).suggest("mend these first"));
        }
        self.found
    }
}

/// The candidate that `name` was probably meant to be.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this two words have little to do with each other.
    const ALIKE: f64 = 0.8;
    /// More are not looked at: a suggestion is not worth the time.
    const MOST: usize = 1_000;
    candidates
        .into_iter()
        .take(MOST)
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// What to say of a name that does not exist: the nearest that does, else all if they are few.
pub(crate) fn suggest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// More than this is no help.
    const FEW: usize = 12;
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(name, candidates.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() || candidates.len() > FEW => None,
        None => Some(format!("one of {}", list_of(&candidates))),
    }
}

/// `` `a`, `b`, `c` ``
pub(crate) fn list_of(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Several problems as one message.
pub(crate) fn in_words(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
