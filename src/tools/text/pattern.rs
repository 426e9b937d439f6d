//! Regular expressions of workflows and models, which may be anything and take bounded time all the same.
//!
//! One search takes time in proportion to the text and to the size of what the expression compiles to, which is bounded. All
//! matches together may take more, so that the time is looked at between them.

use std::time::{Duration, Instant};

use regex::{Captures, Regex, RegexBuilder};

/// The longest expression, in bytes.
pub(in crate::tools) const LONGEST: usize = 2000;
/// The most memory that an expression compiles to, in bytes.
const SIZE: usize = 1024 * 1024;
/// How long all matches together may take.
const TIME: Duration = Duration::from_secs(10);

/// Compiles an expression.
///
/// # Errors
/// What is wrong with it.
pub(in crate::tools) fn compile(expression: &str) -> Result<Regex, String> {
    if expression.len() > LONGEST {
        return Err(format!("the regular expression is longer than {LONGEST} bytes"));
    }
    let built = RegexBuilder::new(expression).size_limit(SIZE).dfa_size_limit(2 * SIZE).nest_limit(50).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the regular expression is too large once its repetitions are written out; repeat less".to_owned()
        }
        error => format!("{error}; look-around and back-references are not supported, since they have no bounded time"),
    })
}

/// The first matches, `limit` at most, and whether they are all.
///
/// # Errors
/// That it takes too long.
pub(super) fn matches<'text>(
    expression: &Regex,
    text: &'text str,
    limit: usize,
) -> Result<(Vec<Captures<'text>>, bool), String> {
    let ends = Instant::now() + TIME;
    let mut found = Vec::new();
    for captures in expression.captures_iter(text) {
        if found.len() == limit {
            return Ok((found, false));
        }
        if Instant::now() > ends {
            return Err(format!("the search had not ended after {TIME:?}; search less text, or for something simpler"));
        }
        found.push(captures);
    }
    Ok((found, true))
}
