//! What a server returns, as a step or a model is given it.
//!
//! A tool that declares the form of its results returns that. Any other returns `{text}`, and with it what there is of
//! `structured`, `files`, `resources` and `links`. What is no text is written to a file, since nobody can read it here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Map, Value, json};

use super::failure::clipped;
use crate::tools::ToolError;

/// Padding or not: servers do either.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What kinds of files are called.
const EXTENSIONS: &[(&str, &str)] = &[
    ("application/gzip", "gz"),
    ("application/json", "json"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("image/gif", "gif"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/webp", "webp"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/plain", "txt"),
];

/// A file that came with a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Its name's end: `png`.
    pub(super) extension: &'static str,
    pub(super) mime: String,
    pub(super) bytes: Vec<u8>,
}

/// A result, with the files that are to be kept for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Taken {
    value: Map<String, Value>,
    /// The result as its tool declares it.
    declared: Option<Value>,
    pub(super) files: Vec<File>,
}

/// Reads a result.
///
/// # Errors
/// The server says that the call failed, or the result cannot be read. `place` names the server and its tool.
pub(super) fn take(place: &str, result: CallToolResult, has_form: bool) -> Result<Taken, ToolError> {
    let mut texts = Vec::new();
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut files = Vec::new();
    let failed = result.is_error == Some(true);
    for block in result.content {
        match block {
            ContentBlock::Text(text) => texts.push(text.text),
            ContentBlock::Image(image) => files.push(file(place, &image.data, &image.mime_type)?),
            ContentBlock::Audio(audio) => files.push(file(place, &audio.data, &audio.mime_type)?),
            ContentBlock::ResourceLink(link) => {
                let link = json!({ "uri": link.uri, "name": link.name, "mime": link.mime_type });
                lists.entry("links").or_default().push(link);
            }
            ContentBlock::Resource(embedded) => match embedded.resource {
                ResourceContents::TextResourceContents { uri, mime_type, text, .. } => {
                    lists.entry("resources").or_default().push(json!({ "uri": uri, "mime": mime_type, "text": text }));
                }
                ResourceContents::BlobResourceContents { mime_type, blob, .. } => {
                    files.push(file(place, &blob, mime_type.as_deref().unwrap_or("application/octet-stream"))?);
                }
                _ => return Err(unknown_kind(place)),
            },
            _ => return Err(unknown_kind(place)),
        }
    }
    let text = texts.join("\n");
    if failed {
        let said = if text.trim().is_empty() { "it says no more".to_owned() } else { clipped(&text) };
        return Err(ToolError::retry("tool_failed", format!("{place}: the tool failed: {said}")));
    }
    let (declared, structured) = match result.structured_content {
        structured @ Some(_) if has_form => (structured, None),
        structured => (None, structured),
    };
    let mut value = Map::from_iter([("text".to_owned(), text.into())]);
    value.extend(structured.map(|structured| ("structured".to_owned(), structured)));
    value.extend(lists.into_iter().map(|(name, list)| (name.to_owned(), list.into())));
    Ok(Taken { value, declared, files })
}

impl Taken {
    /// The result, with where its files are kept, in order.
    pub(super) fn with_files(mut self, paths: Vec<String>) -> Value {
        if let Some(declared) = self.declared {
            return declared;
        }
        let files: Vec<Value> = paths
            .into_iter()
            .zip(&self.files)
            .map(|(path, file)| json!({ "path": path, "mime": file.mime, "bytes": file.bytes.len() }))
            .collect();
        if !files.is_empty() {
            self.value.insert("files".to_owned(), files.into());
        }
        Value::Object(self.value)
    }
}

fn unknown_kind(place: &str) -> ToolError {
    ToolError::unknown("bad_result", format!("{place}: the server returns what this version does not know"))
}

fn file(place: &str, data: &str, mime: &str) -> Result<File, ToolError> {
    let bytes = BASE64.decode(data.trim()).or_else(|_| STANDARD.decode(data.replace(['\n', '\r', ' '], "")));
    let bytes = bytes.map_err(|error| {
        ToolError::unknown("bad_result", format!("{place}: the server returns a file that is not in base64 ({error})"))
    })?;
    let kind = mime.split(';').next().unwrap_or(mime).trim().to_ascii_lowercase();
    let extension = EXTENSIONS.iter().find(|(known, _)| *known == kind).map_or("bin", |(_, extension)| extension);
    Ok(File { extension, mime: clipped(&kind), bytes })
}
