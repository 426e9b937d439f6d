//! The line at the bottom in which something can be typed. What is drawn is text: whoever shows it writes it to the terminal.

use console::measure_text_width as width;

use crate::cli::output::harmless;

/// The narrowest part of a line that is left for what is typed.
const LEAST_ROOM: usize = 8;

/// The prompt, if one stands in the last line.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    drawn: Option<Drawn>,
}

#[derive(Debug, PartialEq, Eq)]
struct Drawn {
    text: String,
    /// How many columns it takes.
    width: usize,
    /// How many there were.
    columns: usize,
}

impl Prompt {
    /// Draws it: in one line, however long what is typed is. Nothing if it stands there already.
    pub(super) fn draw(
        &mut self,
        mark: &str,
        typed: &str,
        columns: usize,
        styled: impl FnOnce(&str) -> String,
    ) -> Option<String> {
        // The last column stays free: a terminal goes on to the next line after it.
        let most = columns.saturating_sub(1).max(2 * LEAST_ROOM);
        let mark = beginning(&harmless(mark), most - LEAST_ROOM);
        let typed = end(&harmless(typed), most - width(&mark));
        let text = format!("{}{typed}", styled(&mark));
        let drawn = Drawn { width: width(&mark) + width(&typed), columns, text };
        if self.drawn.as_ref() == Some(&drawn) {
            return None;
        }
        let cleared = self.clear(columns).unwrap_or_else(|| "\r\x1b[J".to_owned());
        let all = format!("{cleared}{}", drawn.text);
        self.drawn = Some(drawn);
        Some(all)
    }

    /// Takes it away, on a terminal that may have become narrower since.
    pub(super) fn clear(&mut self, columns: usize) -> Option<String> {
        let Drawn { width, .. } = self.drawn.take()?;
        let above = width.saturating_sub(1) / columns.max(1);
        let up = if above > 0 { format!("\x1b[{above}A") } else { String::new() };
        Some(format!("\r{up}\x1b[J"))
    }
}

/// The beginning of a text, in so many columns.
fn beginning(text: &str, most: usize) -> String {
    console::truncate_str(text, most, "…").into_owned()
}

/// The end of a text, in so many columns.
fn end(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut from = text.len();
    for (at, _) in text.char_indices().rev() {
        if width(&text[at..]) + 1 > most {
            break;
        }
        from = at;
    }
    format!("…{}", &text[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_one_line_and_shows_the_end_of_what_is_typed() {
        let mut prompt = Prompt::default();
        let plain = |mark: &str| mark.to_owned();
        assert_eq!(prompt.draw("› ", "abc", 40, plain).as_deref(), Some("\r\x1b[J› abc"));
        assert_eq!(prompt.draw("› ", "abc", 40, plain), None);
        let long = "0123456789".repeat(5);
        let drawn = prompt.draw("› ", &long, 20, plain).unwrap();
        assert_eq!(drawn, "\r\x1b[J› …4567890123456789");
        assert_eq!(prompt.draw("a mark that is far too long › ", "xyz", 20, plain).unwrap(), "\r\x1b[Ja mark tha…xyz");
        assert_eq!(prompt.draw("› ", "日本語日本語日本語", 20, plain).unwrap(), "\r\x1b[J› …本語日本語日本語");
    }

    #[test]
    fn a_terminal_that_became_narrower_shows_it_in_more_lines_which_are_all_taken_away() {
        let mut prompt = Prompt::default();
        let typed = "x".repeat(50);
        prompt.draw("› ", &typed, 80, str::to_owned);
        assert_eq!(prompt.clear(20).as_deref(), Some("\r\x1b[2A\x1b[J"));
        assert_eq!(prompt.clear(20), None);
    }
}
