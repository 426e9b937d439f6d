//! Standard output: text for people, or JSON for programs.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::Format;

/// Standard output, in the format that was asked for.
#[derive(Debug)]
pub(super) struct Output {
    format: Format,
    /// The first write that failed; nothing is written after it.
    failure: Mutex<Option<io::Error>>,
}

impl Output {
    pub(super) fn new(format: Format) -> Self {
        Self { format, failure: Mutex::new(None) }
    }

    /// The format that was asked for.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// True if a person is looking, and wants text.
    pub(super) fn is_live(&self) -> bool {
        self.format == Format::Text && io::stdout().is_terminal()
    }

    /// Writes a line, or a text of several. To a terminal no control characters are written: what documents and models
    /// say must not move the cursor.
    pub(super) fn line(&self, line: impl Display) {
        let line = format!("{line}\n");
        self.write(&if self.is_live() { harmless(&line) } else { line });
    }

    /// Writes a line in a colour (a code of ANSI), if a person is looking who wants colours.
    pub(super) fn coloured(&self, colour: &str, line: &str) {
        if self.is_live() && std::env::var_os("NO_COLOR").is_none() {
            self.write(&format!("\x1b[{colour}m{}\x1b[0m\n", harmless(line)));
        } else {
            self.line(line);
        }
    }

    /// Writes a part of a line.
    pub(super) fn part(&self, text: &str) {
        self.write(&if self.is_live() { harmless(text) } else { text.to_owned() });
    }

    /// Writes what is ours as it is, control characters too.
    pub(super) fn raw(&self, text: &str) {
        self.write(text);
    }

    /// Writes a line with styles of our own in it. What is from elsewhere must have gone through [`harmless`].
    pub(super) fn styled(&self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    /// Writes a value as one JSON document: in one line, unless a person is looking.
    pub(super) fn json<T: Serialize + ?Sized>(&self, value: &T) {
        let text =
            if io::stdout().is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        match text {
            Ok(text) => self.line(text),
            Err(error) => self.fail(error.into()),
        }
    }

    /// Writes a value as one JSON document in one line.
    pub(super) fn json_line<T: Serialize + ?Sized>(&self, value: &T) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(text),
            Err(error) => self.fail(error.into()),
        }
    }

    /// Writes rows in columns, under their headings.
    pub(super) fn table<const N: usize>(&self, headings: [&str; N], rows: &[[String; N]]) {
        let mut widths = headings.map(|heading| heading.chars().count());
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: [&str; N]| {
            let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            padded.join("  ").trim_end().to_owned()
        };
        self.line(line(headings));
        for row in rows {
            self.line(line(row.each_ref().map(String::as_str)));
        }
    }

    /// True if nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What kept something from being written; a reader that has gone away is no failure.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn write(&self, text: &str) {
        if self.is_closed() {
            return;
        }
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            self.fail(error);
        }
    }

    fn fail(&self, error: io::Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The text without control characters but for line ends and tabs.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// A time span for people: `850 ms`, `3.2 s`, `4m 5s`.
pub(super) fn span(span: std::time::Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => humantime::format_duration(std::time::Duration::from_secs(span.as_secs())).to_string(),
    }
}

/// A value for people: text as it is, anything else as JSON.
pub(super) fn value_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// The beginning of a text, in one line of at most `width` characters.
pub(super) fn clipped(text: &str, width: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn spans_are_short() {
        for (millis, expected) in
            [(0, "0 ms"), (999, "999 ms"), (1_000, "1.0 s"), (3_290, "3.2 s"), (59_999, "59.9 s"), (245_000, "4m 5s")]
        {
            assert_eq!(span(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn a_terminal_is_not_told_to_do_anything() {
        assert_eq!(harmless("a\x1b[2Jb\tc\n"), "a\u{fffd}[2Jb\tc\n");
    }

    #[test]
    fn clipped_text_is_one_line() {
        assert_eq!(clipped("a\nb", 10), "a b");
        assert_eq!(clipped("abcdef", 4), "abc…");
    }
}
