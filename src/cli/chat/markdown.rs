//! Markdown made readable on a terminal.

use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::diff::Paint;

/// Makes a whole text readable, line by line.
pub(super) fn render(text: &str, paint: Paint) -> Vec<String> {
    let mut page = Page { paint, ..Page::default() };
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        page.take(event);
    }
    page.end_line();
    while page.lines.last().is_some_and(String::is_empty) {
        page.lines.pop();
    }
    page.lines
}

/// Where the last block of a text begins that may still go on: all before it can be shown.
pub(super) fn settled(text: &str) -> usize {
    let (mut at, mut settled, mut in_code) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        at += line.len();
        let bare = line.trim();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            in_code = !in_code;
        }
        if bare.is_empty() && !in_code && line.ends_with('\n') {
            settled = at;
        }
    }
    settled
}

#[derive(Default)]
struct Page {
    paint: Paint,
    lines: Vec<String>,
    line: String,
    /// The number of the next item, for each list around; `None` for a list of points.
    lists: Vec<Option<u64>>,
    styles: Vec<&'static str>,
    quotes: usize,
    in_code: bool,
    table: Option<Table>,
    links: Vec<String>,
}

#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
    cell: String,
    heads: usize,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Text(text) if self.in_code => {
                for line in text.split_inclusive('\n') {
                    self.line.push_str(&self.paint.styled("36", line.trim_end_matches('\n')));
                    if line.ends_with('\n') {
                        self.end_line();
                    }
                }
            }
            Event::Text(text) => self.write(&text, None),
            Event::Code(text) => self.write(&text, Some("36")),
            Event::Html(text) | Event::InlineHtml(text) => self.write(&text, Some("2")),
            Event::SoftBreak => self.write(" ", None),
            Event::HardBreak => self.end_line(),
            Event::Rule => {
                self.end_line();
                self.lines.push(self.paint.styled("2", &"─".repeat(20)));
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.block();
                self.styles.push(if level == HeadingLevel::H1 { "1;4" } else { "1" });
            }
            Tag::Paragraph if self.lists.is_empty() => self.block(),
            Tag::Strong => self.styles.push("1"),
            Tag::Emphasis => self.styles.push("3"),
            Tag::Strikethrough => self.styles.push("9"),
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                } else {
                    self.end_line();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_line();
                let indent = "  ".repeat(self.lists.len().saturating_sub(1));
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "• ".to_owned(),
                };
                self.line = format!("{indent}{mark}");
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.quotes += 1;
            }
            Tag::CodeBlock(kind) => {
                self.block();
                self.in_code = true;
                if let CodeBlockKind::Fenced(language) = kind
                    && !language.is_empty()
                {
                    self.lines.push(self.paint.styled("2", &format!("    {language}")));
                }
            }
            Tag::Table(alignments) => {
                self.block();
                self.table = Some(Table { alignments, ..Table::default() });
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                }
            }
            Tag::Link { dest_url, .. } => self.links.push(dest_url.into_string()),
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd) {
        match end {
            TagEnd::Heading(_) | TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough => {
                self.styles.pop();
                if matches!(end, TagEnd::Heading(_)) {
                    self.end_line();
                }
            }
            TagEnd::Paragraph | TagEnd::Item => self.end_line(),
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.end_line();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::CodeBlock => {
                self.end_line();
                self.in_code = false;
            }
            TagEnd::TableCell => {
                if let Some(table) = &mut self.table {
                    let cell = std::mem::take(&mut table.cell);
                    if let Some(row) = table.rows.last_mut() {
                        row.push(cell);
                    }
                }
            }
            TagEnd::TableHead => {
                if let Some(table) = &mut self.table {
                    table.heads = table.rows.len();
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    self.lines.extend(table.lines(self.paint));
                }
            }
            TagEnd::Link => {
                // Where a link leads is shown: nobody can click on what a terminal shows in other words.
                if let Some(url) = self.links.pop() {
                    self.write(&format!(" ({url})"), Some("2"));
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, text: &str, style: Option<&str>) {
        if let Some(table) = &mut self.table {
            table.cell.push_str(&Paint::Plain.styled("", text));
            return;
        }
        let style = style.or_else(|| self.styles.last().copied());
        let styled = match style {
            Some(style) => self.paint.styled(style, text),
            None => Paint::Plain.styled("", text),
        };
        self.line.push_str(&styled);
    }

    /// Begins a block, with an empty line before it.
    fn block(&mut self) {
        self.end_line();
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        if self.in_code {
            line = format!("    {line}");
        }
        if self.quotes > 0 {
            line = format!("{} {line}", self.paint.styled("2", "│"));
        }
        self.lines.push(line);
    }
}

impl Table {
    fn lines(self, paint: Paint) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut lines = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = widths
                .iter()
                .enumerate()
                .map(|(column, width)| {
                    let cell = row.get(column).map_or("", String::as_str);
                    match self.alignments.get(column) {
                        Some(Alignment::Right) => format!("{cell:>width$}"),
                        Some(Alignment::Center) => format!("{cell:^width$}"),
                        _ => format!("{cell:<width$}"),
                    }
                })
                .collect();
            let line = cells.join("  ").trim_end().to_owned();
            if at < self.heads {
                lines.push(paint.styled("1", &line));
                let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                lines.push(paint.styled("2", &rule.join("  ")));
            } else {
                lines.push(line);
            }
        }
        lines
    }
}

#[cfg(test)]
#[allow(clippy::needless_raw_string_hashes, reason = "`expect-test` writes them")]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn headings_lists_code_and_tables_are_readable() {
        let text = "# Brief\n\nTwo *things* matter:\n\n1. one `step`\n2. two\n   - a\n   - b\n\n```yaml\nname: x\n  y: 1\n```\n\n\
            | step | cost |\n|---|---:|\n| gather | $0.10 |\n| write | $12.00 |\n\n> said\n\nSee [the run](/runs/1).\n";
        expect![[r#"
            Brief

            Two things matter:

            1. one step
            2. two
              • a
              • b

                yaml
                name: x
                  y: 1

            step      cost
            ──────  ──────
            gather   $0.10
            write   $12.00

            │ said

            See the run (/runs/1)."#]]
        .assert_eq(&render(text, Paint::Plain).join("\n"));
    }

    #[test]
    fn colours_are_ours_alone() {
        assert_eq!(render("**bold** \u{1b}[2J", Paint::Ansi), ["\x1b[1mbold\x1b[0m \u{fffd}[2J"]);
    }

    #[test]
    fn a_block_is_settled_once_an_empty_line_ends_it() {
        let text = "one\ntwo\n\n```\na\n\nb\n";
        assert_eq!(&text[..settled(text)], "one\ntwo\n\n");
        assert_eq!(settled("no end"), 0);
        let whole = format!("{text}```\n\nmore");
        assert_eq!(&whole[settled(&whole)..], "more");
    }
}
