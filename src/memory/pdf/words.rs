//! The words of a page, from where its letters stand.

use pdf_extract::{MediaBox, OutputDev, OutputError, Transform};

/// How far a letter stands from the one before for there to be a space, as a share of the size of the font. Less than
/// that is how letters are set that go together.
const SPACE: f64 = 0.18;
/// The same on a page that has spaces of its own.
const WIDE_SPACE: f64 = 0.8;
/// How wide a letter may be that the library takes to have no width: it passes over widths that are given for several
/// letters at once. What they lack shows where letters are placed the next time.
const LOST: f64 = 0.7;
/// How far it stands below or above the one before to be on another line.
const LINE: f64 = 0.5;
/// And how far to be in another paragraph.
const PARAGRAPH: f64 = 1.9;

/// Collects the text of a page.
pub(super) struct Words<'a> {
    text: &'a mut String,
    /// Where the last letter ends, and the height of its line.
    last: Option<(f64, f64)>,
    /// How far a letter stands from the one before for there to be a space.
    space: f64,
    /// How many letters without a width there were since letters were placed.
    lost: u32,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a mut String) -> Self {
        Self { text, last: None, space: SPACE, lost: 0 }
    }
}

/// A letter that stands for several that were set as one.
fn letters(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{fb03}' => "ffi",
        '\u{fb04}' => "ffl",
        '\u{fb05}' | '\u{fb06}' => "st",
        _ => return None,
    })
}

impl OutputDev for Words<'_> {
    fn begin_page(&mut self, _: u32, _: &MediaBox, _: Option<(f64, f64, f64, f64)>) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        at: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        letter: &str,
    ) -> Result<(), OutputError> {
        // The side of a square that is as large as what a square of the font's size becomes.
        let size = (font_size * font_size * ((at.m11 + at.m21) * (at.m12 + at.m22)).abs()).sqrt();
        let (x, y) = (at.m31, at.m32);
        if let Some((end, line)) = self.last {
            let apart = (y - line).abs();
            if apart > size * PARAGRAPH {
                self.text.push_str("\n\n");
            } else if apart > size * LINE {
                self.text.push('\n');
            } else if x > end + size * (self.space + f64::from(self.lost) * LOST)
                && !self.text.ends_with(char::is_whitespace)
            {
                self.text.push(' ');
            }
        }
        if self.last.is_none_or(|(end, line)| (x - end).abs() > f64::EPSILON || (y - line).abs() > f64::EPSILON) {
            self.lost = 0;
        }
        self.lost += u32::from(width <= 0.0);
        if letter.chars().any(char::is_whitespace) {
            self.space = WIDE_SPACE;
        }
        for c in letter.chars() {
            match letters(c) {
                Some(letters) => self.text.push_str(letters),
                None => self.text.push(c),
            }
        }
        self.last = Some((x + width * size, y));
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}
