//! Fetching pages that are to be remembered.
//!
//! The address is somebody else's word, and so is each that it leads to: every hop goes through the guard.

use std::time::Duration;

use encoding_rs::Encoding;
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Response, StatusCode};
use url::Url;

use super::documents::LONGEST_FILE;
use super::pieces::Format;
use crate::net::{Guarded, innermost, refused};
use crate::store::entries::Validators;

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 5;
/// How long a page may take, redirects included, unless told otherwise.
const LONGEST: Duration = Duration::from_secs(30);
/// How far into a page it may say what it is encoded in, in bytes.
const DECLARED_WITHIN: usize = 1024;

/// The way to pages.
#[derive(Clone, Debug)]
pub struct Web {
    clients: Guarded,
    limit: u64,
    timeout: Duration,
}

/// A page.
pub(super) struct Page {
    pub(super) content: Vec<u8>,
    pub(super) format: Format,
    /// What it is said to be encoded in.
    pub(super) encoding: Option<&'static Encoding>,
    pub(super) validators: Validators,
}

/// What fetching a page came to.
pub(super) enum Fetched {
    /// It is as it was when its server gave these validators.
    Unchanged,
    /// There is no such page any more.
    Gone(String),
    /// It is this.
    Page(Box<Page>),
}

impl Web {
    /// The way through these clients.
    #[must_use]
    pub fn new(clients: Guarded) -> Self {
        Self { clients, limit: LONGEST_FILE, timeout: LONGEST }
    }

    /// With another limit on the bytes of a page, and on the time that it may take.
    #[must_use]
    pub fn with_limits(self, bytes: u64, timeout: Duration) -> Self {
        Self { limit: bytes.min(LONGEST_FILE), timeout, ..self }
    }

    /// Fetches a page, unless it is as it was.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn fetch(&self, url: &Url, known: &Validators) -> Result<Fetched, String> {
        let fetched = tokio::time::timeout(self.timeout, self.follow(url.clone(), known)).await;
        fetched
            .unwrap_or_else(|_| Err(format!("no complete answer within {}", humantime::format_duration(self.timeout))))
    }

    async fn follow(&self, mut url: Url, known: &Validators) -> Result<Fetched, String> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(&url, known).await?;
            let status = response.status();
            if let (301 | 302 | 303 | 307 | 308, Some(location)) =
                (status.as_u16(), response.headers().get(header::LOCATION))
            {
                let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
                url = url.join(&location).map_err(|error| format!("redirects to what is no address ({error})"))?;
                continue;
            }
            return match status {
                StatusCode::NOT_MODIFIED => Ok(Fetched::Unchanged),
                StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Fetched::Gone(format!("is not there ({status})"))),
                status if status.is_success() => self.read(response, &url).await.map(|page| Fetched::Page(page.into())),
                status => Err(format!("the server answers {status}")),
            };
        }
        Err(format!("redirects more than {MOST_REDIRECTS} times"))
    }

    async fn ask(&self, url: &Url, known: &Validators) -> Result<Response, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("leads to an address of `{}`: only http and https are fetched", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("carries a password in its address, which would be remembered with it".to_owned());
        }
        let client = self.clients.to(url).map_err(|error| error.to_string())?;
        let mut request = client.get(url.clone()).header(
            header::ACCEPT,
            "text/html, text/markdown, text/plain, application/json, text/csv, application/pdf, */*;q=0.1",
        );
        let conditions = [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.modified)];
        for (name, value) in conditions {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.send().await.map_err(|error| match refused(&error) {
            Some(refused) => refused.to_string(),
            None => format!("cannot be fetched ({})", innermost(&error)),
        })
    }

    async fn read(&self, mut response: Response, url: &Url) -> Result<Page, String> {
        let headers = response.headers();
        let (kind, charset) = content_type(headers);
        let format = format(kind.as_deref(), url)?;
        let validators =
            Validators { etag: text(headers, &header::ETAG), modified: text(headers, &header::LAST_MODIFIED) };
        let too_long = || format!("has more than {} bytes, which is the limit", self.limit);
        if response.content_length().is_some_and(|length| length > self.limit) {
            return Err(too_long());
        }
        let mut content = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| format!("breaks off ({})", innermost(&error)))? {
            if (content.len() + part.len()) as u64 > self.limit {
                return Err(too_long());
            }
            content.extend_from_slice(&part);
        }
        let encoding = match charset {
            Some(charset) => Encoding::for_label(charset.as_bytes()),
            None if format == Format::Html => declared(&content),
            None => None,
        };
        Ok(Page { content, format, encoding, validators })
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The media type in small letters, and the character set, if the headers say.
fn content_type(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let Some(value) = text(headers, &header::CONTENT_TYPE) else { return (None, None) };
    let mut parts = value.split(';').map(str::trim);
    let kind = parts.next().map(str::to_ascii_lowercase).filter(|kind| !kind.is_empty());
    let charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, charset)| charset.trim().trim_matches('"').to_owned());
    (kind, charset)
}

/// How a page of this media type is written; without one, and for what says little, by its name.
fn format(kind: Option<&str>, url: &Url) -> Result<Format, String> {
    Ok(match kind {
        Some("text/html" | "application/xhtml+xml") => Format::Html,
        Some("text/markdown" | "text/x-markdown") => Format::Markdown,
        Some("text/csv" | "text/tab-separated-values") => Format::Rows,
        Some("application/json") => Format::Json,
        Some("application/x-ndjson" | "application/jsonl" | "application/x-jsonlines") => Format::JsonLines,
        Some("application/pdf") => Format::Pdf,
        Some(kind) if kind.ends_with("+json") => Format::Json,
        None | Some("text/plain" | "application/octet-stream") => Format::of(url.path()),
        Some(kind) if kind.starts_with("text/") => Format::Text,
        Some(kind) => {
            return Err(format!("is of the type {kind}; text, Markdown, HTML, PDF, CSV and JSON can be remembered"));
        }
    })
}

/// What a page itself says that it is encoded in.
fn declared(page: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&page[..page.len().min(DECLARED_WITHIN)]).to_ascii_lowercase();
    let (_, after) = start.split_once("charset=")?;
    let label: String = after
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
        .collect();
    Encoding::for_label(label.as_bytes())
}
