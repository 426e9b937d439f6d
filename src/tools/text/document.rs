//! The text of a document, whatever its format.

use serde::Deserialize;

use super::markdown;
use crate::memory::{decode, take_apart, text_of_html, text_of_pdf};
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

    /// The text of a document. It blocks.
    pub(super) fn text(self, content: &[u8], style: Style) -> Result<String, ToolError> {
        let content = content.to_vec();
        take_apart(move || self.read(&content, style))
            .map_err(|reason| ToolError::give_up("bad_document", format!("the document {reason}")))
    }

    fn read(self, content: &[u8], style: Style) -> Result<String, String> {
        if self == Self::Pdf {
            return text_of_pdf(content);
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
