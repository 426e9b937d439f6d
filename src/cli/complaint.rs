//! What is said when something goes wrong: what, in which line of which file, and what to do about it.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use super::Format;
use super::exit::Exit;
use crate::app::AppError;
use crate::config::{ConfigError, Origin};
use crate::server::{ApiError, ErrorBody, ErrorDocument, PlacedProblem};

/// Why a command ended without having done what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// How the process ends.
    pub(super) exit: Exit,
    /// What is said.
    pub(super) error: ErrorBody,
}

/// A line of a file is shown with at most this many characters around the place.
const SHOWN_WIDTH: usize = 100;

/// No line of a file larger than this is shown.
const LARGEST_SHOWN: u64 = 16 << 20;

impl Complaint {
    /// What was asked for makes no sense.
    pub(super) fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Invalid, error: ErrorBody::new(code, message) }
    }

    /// Something around the program failed.
    pub(super) fn environment(code: &str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Environment, error: ErrorBody::new(code, message) }
    }

    /// The same, with what to do about it.
    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.error = self.error.suggest(suggestion);
        self
    }

    /// The same, with each thing that is wrong.
    pub(super) fn with(mut self, problems: Vec<PlacedProblem>) -> Self {
        self.error = self.error.with(problems);
        self
    }

    /// Says it on standard error.
    pub(super) fn show(&self, format: Format) {
        let mut stderr = std::io::stderr().lock();
        let text = match format {
            Format::Json => {
                serde_json::to_string(&ErrorDocument { error: self.error.clone() }).unwrap_or_default() + "\n"
            }
            Format::Text => render(&self.error, &source_line, Paint::for_stderr(&stderr)),
        };
        // There is nobody left to tell if standard error is closed.
        let _ = stderr.write_all(text.as_bytes());
    }
}

impl From<AppError> for Complaint {
    fn from(error: AppError) -> Self {
        let ApiError { status, body } = error.into();
        let exit = if status.is_client_error() { Exit::Invalid } else { Exit::Environment };
        Self { exit, error: body }
    }
}

impl From<ConfigError> for Complaint {
    fn from(error: ConfigError) -> Self {
        let problems = error.0.into_iter().map(|problem| {
            let (file, line, path) = match problem.origin {
                Origin::File { path, line } => (Some(path.display().to_string()), Some(line), String::new()),
                other => (None, None, other.to_string()),
            };
            PlacedProblem {
                file,
                line,
                column: problem.column,
                path,
                code: "bad_setting".to_owned(),
                message: problem.message,
                suggestion: problem.suggestion,
            }
        });
        Self::invalid("bad_configuration", "the configuration cannot be used")
            .suggest("`callboard config --example` prints every setting with its default")
            .with(problems.collect())
    }
}

/// Whether colours are used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paint {
    Plain,
    Ansi,
}

impl Paint {
    fn for_stderr(stderr: &std::io::StderrLock<'_>) -> Self {
        if stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none() { Self::Ansi } else { Self::Plain }
    }

    fn red(self, text: &str) -> String {
        self.paint("31;1", text)
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self == Self::Ansi { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The error as text; `source_line` yields a line of a file.
fn render(error: &ErrorBody, source_line: &dyn Fn(&str, u32) -> Option<String>, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.red("error:"), error.message);
    for problem in &error.problems {
        text.push('\n');
        render_problem(&mut text, problem, source_line, paint);
    }
    if let Some(suggestion) = &error.suggestion {
        if !error.problems.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{} {suggestion}", paint.bold("help:"));
    }
    text
}

fn render_problem(
    text: &mut String,
    problem: &PlacedProblem,
    source_line: &dyn Fn(&str, u32) -> Option<String>,
    paint: Paint,
) {
    let mut place = String::new();
    if let Some(file) = &problem.file {
        place.push_str(file);
        for number in [problem.line, problem.column].into_iter().flatten() {
            let _ = write!(place, ":{number}");
        }
        place.push_str(": ");
    }
    if !problem.path.is_empty() {
        let _ = write!(place, "{}: ", problem.path);
    }
    let _ = writeln!(text, "{}{}", paint.bold(&place), problem.message);

    let gutter = problem.line.map_or(2, |line| line.to_string().len().max(2)) + 2;
    if let (Some(file), Some(line)) = (&problem.file, problem.line)
        && let Some(source) = source_line(file, line)
    {
        let (shown, before) = window(&source, problem.column.unwrap_or(1));
        let _ = writeln!(text, "{line:>gutter$} | {shown}");
        if problem.column.is_some() {
            let _ = writeln!(text, "{:>gutter$} | {before}{}", "", paint.red("^"));
        }
    }
    if let Some(suggestion) = &problem.suggestion {
        let _ = writeln!(text, "{:>gutter$} = {} {suggestion}", "", paint.bold("help:"));
    }
}

/// The part of a line around a column (from 1), and as many blanks as stand before the column in it.
fn window(line: &str, column: u32) -> (String, String) {
    let column = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    // Control characters would move the cursor; a binary file is full of them.
    let visible = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let start = if column < SHOWN_WIDTH { 0 } else { column - SHOWN_WIDTH / 2 };
    let shown: String = line.chars().skip(start).take(SHOWN_WIDTH).map(visible).collect();
    let before = shown.chars().take(column - start).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    (shown.trim_end().to_owned(), before)
}

/// A line, from 1, of a file.
fn source_line(file: &str, line: u32) -> Option<String> {
    if std::fs::metadata(file).ok()?.len() > LARGEST_SHOWN {
        return None;
    }
    let bytes = std::fs::read(file).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    Some(String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
#[allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(problem: PlacedProblem, line: &str, expected: &Expect) {
        let error = ErrorBody::new("invalid_workflow", "brief.yaml cannot be used").with(vec![problem]);
        expected.assert_eq(&render(&error, &|_, _| Some(line.to_owned()), Paint::Plain));
    }

    fn problem(line: u32, column: u32) -> PlacedProblem {
        PlacedProblem {
            file: Some("brief.yaml".to_owned()),
            line: Some(line),
            column: Some(column),
            path: "steps[1].needs[0]".to_owned(),
            code: "unknown_step".to_owned(),
            message: "no step is called `gathr`".to_owned(),
            suggestion: Some("did you mean `gather`?".to_owned()),
        }
    }

    #[test]
    fn a_problem_points_at_its_place() {
        check(
            problem(12, 13),
            "    needs: [gathr]",
            &expect![[r#"
                error: brief.yaml cannot be used

                brief.yaml:12:13: steps[1].needs[0]: no step is called `gathr`
                  12 |     needs: [gathr]
                     |             ^
                     = help: did you mean `gather`?
            "#]],
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_place_and_control_characters_are_hidden() {
        let line = format!("{}\u{1b}[2JX{}", "a".repeat(300), "b".repeat(300));
        let (shown, before) = window(&line, 305);
        assert_eq!(shown.chars().count(), SHOWN_WIDTH);
        assert!(!shown.contains('\u{1b}'));
        assert_eq!(shown.chars().nth(before.len()), Some('X'));
    }

    #[test]
    fn tabs_before_the_place_stay_tabs() {
        assert_eq!(window("\tneeds: x", 2), ("\tneeds: x".to_owned(), "\t".to_owned()));
    }

    #[test]
    fn an_error_without_a_place_is_one_line_and_its_help() {
        let error = ErrorBody::new("no_such_run", "no run begins with `12`").suggest("`callboard runs` lists them");
        let expected = expect![[r#"
            error: no run begins with `12`
            help: `callboard runs` lists them
        "#]];
        expected.assert_eq(&render(&error, &|_, _| None, Paint::Plain));
    }
}
