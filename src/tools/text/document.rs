//! The text of a document, whatever its format.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;

use super::markdown;
use crate::memory::{decode, text_of_html};
use crate::tools::ToolError;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    Text,
    Markdown,
    Html,
    Pdf,
}

/// What its text is to look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Style {
    /// Words and lines; headings and lists as Markdown has them.
    #[default]
    Text,
    /// With links, emphasis and code.
    Markdown,
}

impl Format {
    /// What a document is, by its name and its first bytes.
    pub(super) fn of(name: Option<&str>, content: &[u8]) -> Self {
        let extension =
            name.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("html" | "htm" | "xhtml") => return Self::Html,
            Some("md" | "markdown") => return Self::Markdown,
            Some("pdf") => return Self::Pdf,
            _ => {}
        }
        let beginning = String::from_utf8_lossy(&content[..content.len().min(200)]).trim_start().to_ascii_lowercase();
        if beginning.starts_with("%pdf-") {
            Self::Pdf
        } else if beginning.starts_with("<!doctype html") || beginning.starts_with("<html") {
            Self::Html
        } else {
            Self::Text
        }
    }

    /// The text of a document.
    pub(super) fn text(self, content: &[u8], style: Style) -> Result<String, ToolError> {
        // The libraries that take documents apart take for granted what documents do not always hold to.
        let text = catch_unwind(AssertUnwindSafe(|| self.read(content, style)))
            .unwrap_or_else(|_| Err("cannot be taken apart: it is not built as it should be".to_owned()));
        text.map_err(|reason| ToolError::give_up("bad_document", format!("the document {reason}")))
    }

    fn read(self, content: &[u8], style: Style) -> Result<String, String> {
        if self == Self::Pdf {
            return pdf(content);
        }
        let text = decode(content, None)?;
        match (self, style) {
            (Self::Html, Style::Text) => text_of_html(&text),
            (Self::Html, Style::Markdown) => markdown::of_html(&text),
            (Self::Markdown, Style::Text) => Ok(markdown::to_text(&text)),
            _ => Ok(text.into_owned()),
        }
    }
}

/// The words of a PDF. One that is pictures has none.
fn pdf(content: &[u8]) -> Result<String, String> {
    let text =
        pdf_extract::extract_text_from_mem(content).map_err(|error| format!("cannot be read as PDF ({error})"))?;
    if text.trim().is_empty() {
        return Err("holds no text; it may be scanned pictures of pages".to_owned());
    }
    Ok(text.trim_start_matches('\n').to_owned())
}
