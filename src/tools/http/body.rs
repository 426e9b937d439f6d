//! What a request carries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::multipart;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::tools::{Folder, ToolError};

/// What a request carries. It can be sent again, where a redirect says so.
#[derive(Clone, Debug)]
pub(in crate::tools) enum Body {
    /// Nothing.
    None,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Several parts.
    Parts(Vec<Part>),
}

/// One part of several, with its bytes.
#[derive(Clone, Debug)]
pub(in crate::tools) struct Part {
    name: String,
    bytes: Vec<u8>,
    filename: Option<String>,
    content_type: Option<String>,
}

impl Part {
    fn sent(&self) -> multipart::Part {
        let plain = || multipart::Part::bytes(self.bytes.clone());
        // That it is a content type was checked when the part was read.
        let sent = self.content_type.as_ref().and_then(|kind| plain().mime_str(kind).ok()).unwrap_or_else(plain);
        match &self.filename {
            Some(filename) => sent.file_name(filename.clone()),
            None => sent,
        }
    }
}

/// One part as arguments have it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPart {
    name: String,
    text: Option<String>,
    base64: Option<String>,
    file: Option<String>,
    filename: Option<String>,
    content_type: Option<String>,
}

impl NewPart {
    /// JSON Schema of it.
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "minLength": 1 },
                "text": { "type": "string" },
                "base64": { "type": "string", "description": "Bytes in Base64" },
                "file": { "type": "string", "minLength": 1, "description": "Path of a file in the workspace's folder" },
                "filename": { "type": "string", "description": "What the server is told the file is called" },
                "content_type": { "type": "string" }
            },
            "required": ["name"],
            "oneOf": [{ "required": ["text"] }, { "required": ["base64"] }, { "required": ["file"] }],
            "additionalProperties": false
        })
    }

    /// Reads what it names. Blocks.
    fn read(self, folder: Option<&Folder>) -> Result<Part, ToolError> {
        let Self { name, text, base64, file, filename, content_type } = self;
        let bad = |why: String| ToolError::give_up("bad_arguments", format!("argument `multipart`: `{name}` {why}"));
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let (bytes, usual) = match (text, base64, file) {
            (Some(text), None, None) => (text.into_bytes(), None),
            (None, Some(base64), None) => {
                (STANDARD.decode(base64).map_err(|error| bad(format!("is no Base64: {error}")))?, None)
            }
            (None, None, Some(path)) => {
                let folder = folder.ok_or_else(|| bad("names a file, and there is no folder of files here".into()))?;
                (folder.read(&path)?, last(&path))
            }
            _ => return Err(bad("needs one of `text`, `base64` and `file`".into())),
        };
        if let Some(kind) = &content_type {
            multipart::Part::bytes(Vec::new()).mime_str(kind).map_err(|_| bad("has no usable content type".into()))?;
        }
        Ok(Part { name, bytes, filename: filename.or(usual), content_type })
    }
}

impl Body {
    /// Text as it is, anything else as JSON.
    pub(super) fn of(body: Value, headers: &mut HeaderMap) -> Self {
        let (kind, bytes) = match body {
            Value::String(text) => ("text/plain; charset=utf-8", text.into_bytes()),
            value => ("application/json", value.to_string().into_bytes()),
        };
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        Self::Bytes(bytes)
    }

    /// As a form on a page would send it.
    pub(super) fn form(fields: &Map<String, Value>, headers: &mut HeaderMap) -> Result<Self, ToolError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            let several = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
            for value in several {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(_) | Value::Bool(_) => value.to_string(),
                    _ => {
                        let message = format!("argument `form`: `{name}` is neither text, a number, true or false");
                        return Err(ToolError::give_up("bad_arguments", message));
                    }
                };
                form.append_pair(name, &text);
            }
        }
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.entry(header::CONTENT_TYPE).or_insert(kind);
        Ok(Self::Bytes(form.finish().into_bytes()))
    }

    /// Several parts, with the files that they name.
    pub(super) async fn multipart(parts: Vec<NewPart>, folder: Option<Folder>) -> Result<Self, ToolError> {
        let read = move || parts.into_iter().map(|part| part.read(folder.as_ref())).collect();
        crate::tools::blocking(read).await.map(Self::Parts)
    }

    /// The request with this body.
    pub(super) fn put(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self {
            Self::None => request,
            Self::Bytes(bytes) => request.body(bytes.clone()),
            Self::Parts(parts) => {
                let form =
                    parts.iter().fold(multipart::Form::new(), |form, part| form.part(part.name.clone(), part.sent()));
                request.multipart(form)
            }
        }
    }
}
