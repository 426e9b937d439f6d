//! Markdown: from HTML, to HTML that is safe, to plain text.

use html2text::render::TextDecorator;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::memory::html_page;

/// Lines are not wrapped: where they end means something.
const WIDTH: usize = 1_000_000;

/// HTML as Markdown, with links, emphasis and code.
pub(super) fn of_html(document: &str) -> Result<String, String> {
    let config = html2text::config::with_decorator(Marks::default()).no_table_borders().allow_width_overflow();
    let page = html_page(document)?;
    let text = config.dom_to_render_tree(&page).and_then(|tree| config.render_to_string(tree, WIDTH));
    text.map_err(|error| format!("cannot be read as HTML ({error})"))
}

/// Markdown as HTML that can be shown anywhere: HTML within it is shown as text, and links lead to web pages and mail only.
pub(super) fn to_html(text: &str) -> String {
    let events = Parser::new_ext(text, extensions()).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: harmless(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: harmless(dest_url), title, id })
        }
        event => event,
    });
    let mut made = String::new();
    html::push_html(&mut made, events);
    made
}

/// Markdown without its marks.
pub(super) fn to_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut lists: Vec<Option<u64>> = Vec::new();
    for event in Parser::new_ext(text, extensions()) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                plain.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => plain.push('\n'),
            Event::Rule => plain.push_str("\n\n"),
            Event::TaskListMarker(done) => plain.push_str(if done { "[x] " } else { "[ ] " }),
            Event::Start(Tag::List(first)) => {
                new_line(&mut plain);
                lists.push(first);
            }
            Event::Start(Tag::Item) => {
                new_line(&mut plain);
                plain.push_str(&"  ".repeat(lists.len().saturating_sub(1)));
                plain += &lists.last_mut().map_or_else(|| "- ".to_owned(), marker);
            }
            Event::End(TagEnd::List(_)) => {
                lists.pop();
                if lists.is_empty() {
                    new_block(&mut plain);
                }
            }
            Event::End(TagEnd::TableCell) => plain.push('\t'),
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => {
                plain.truncate(plain.trim_end_matches('\t').len());
                plain.push('\n');
            }
            Event::End(TagEnd::Paragraph) if !lists.is_empty() => new_line(&mut plain),
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::BlockQuote(_) | TagEnd::Table,
            ) => {
                new_block(&mut plain);
            }
            Event::Html(_) | Event::InlineHtml(_) | Event::FootnoteReference(_) | Event::Start(_) | Event::End(_) => {}
        }
    }
    plain.truncate(plain.trim_end().len());
    plain.push('\n');
    plain
}

/// What stands before the next item of a list: its number, or a dash.
fn marker(next: &mut Option<u64>) -> String {
    match next {
        Some(number) => {
            *number += 1;
            format!("{}. ", *number - 1)
        }
        None => "- ".to_owned(),
    }
}

fn new_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

fn new_block(text: &mut String) {
    new_line(text);
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
}

fn extensions() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES
}

/// The address if it leads to a page, a mail or a place beside this one; else nowhere.
fn harmless(address: CowStr<'_>) -> CowStr<'_> {
    // What browsers pass over in a scheme, we pass over, too.
    let plain: String = address.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let scheme = plain.split(['/', '?', '#']).next().and_then(|start| start.split_once(':')).map(|(scheme, _)| scheme);
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        None | Some("http" | "https" | "mailto") => address,
        Some(_) => CowStr::Borrowed(""),
    }
}

/// Writes what the text looks like with the marks of Markdown.
#[derive(Clone, Debug, Default)]
struct Marks {
    /// Where the links lead that are open.
    links: Vec<String>,
}

impl TextDecorator for Marks {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        self.links.push(url.to_owned());
        ("[".to_owned(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        format!("]({})", self.links.pop().unwrap_or_default())
    }

    fn decorate_em_start(&self) -> (String, ()) {
        ("*".to_owned(), ())
    }

    fn decorate_em_end(&self) -> String {
        "*".to_owned()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        ("**".to_owned(), ())
    }

    fn decorate_strong_end(&self) -> String {
        "**".to_owned()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        ("~~".to_owned(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        "~~".to_owned()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        ("`".to_owned(), ())
    }

    fn decorate_code_end(&self) -> String {
        "`".to_owned()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, src: &str, title: &str) -> (String, ()) {
        (format!("![{title}]({src})"), ())
    }

    fn header_prefix(&self, level: usize) -> String {
        format!("{} ", "#".repeat(level))
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }

    fn ordered_item_prefix(&self, i: i64) -> String {
        format!("{i}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        Self::default()
    }

    fn decorate_superscript_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_superscript_end(&self) -> String {
        String::new()
    }

    fn finalise(&mut self, _links: Vec<String>) -> Vec<html2text::render::TaggedLine<()>> {
        Vec::new()
    }
}
