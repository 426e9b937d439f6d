//! The text of a workflow before and after, line by line.

use similar::{ChangeTag, TextDiff};

use crate::cli::output::harmless;

/// How many unchanged lines are shown around what changes.
const AROUND: usize = 2;

/// How many lines are shown.
const MOST_LINES: usize = 200;

/// Whether colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paint {
    #[default]
    Plain,
    Ansi,
}

impl Paint {
    /// The text in this style, without anything of its own that would move the cursor.
    pub(super) fn styled(self, code: &str, text: &str) -> String {
        let text = harmless(text);
        if self == Self::Ansi { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }
}

/// What differs between two texts.
pub(super) fn diff(before: &str, after: &str, paint: Paint) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            lines.push(paint.styled("2", "  …"));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let text = change.value().trim_end_matches('\n');
            lines.push(match change.tag() {
                ChangeTag::Delete => paint.styled("31", &format!("- {text}")),
                ChangeTag::Insert => paint.styled("32", &format!("+ {text}")),
                ChangeTag::Equal => paint.styled("2", &format!("  {text}")),
            });
        }
    }
    if lines.len() > MOST_LINES {
        let more = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(paint.styled("2", &format!("  … {more} more lines")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_marked_and_what_is_far_from_it_is_left_out() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let after = "a\nb\nc\nd\nE\nf\ng\nh\ni\n";
        let shown = diff(before, after, Paint::Plain);
        assert_eq!(shown, ["  c", "  d", "- e", "+ E", "  f", "  g", "  h", "+ i"]);
        assert_eq!(diff("x\n", "y\u{1b}[2J\n", Paint::Ansi), ["\x1b[31m- x\x1b[0m", "\x1b[32m+ y\u{fffd}[2J\x1b[0m"]);
        assert!(diff(before, before, Paint::Plain).is_empty());
    }
}
