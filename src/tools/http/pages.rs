//! A list that a server gives out in pages, as one list.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::exchange::{Exchange, Sending};
use crate::tools::ToolError;

/// How many pages are asked for if the call does not say.
const USUAL: usize = 10;
/// How many pages are asked for at most.
const MOST: usize = 100;

/// How a list in pages is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    next: Next,
    #[serde(default)]
    items: String,
    max: Option<usize>,
}

/// Where the next page is.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Next {
    /// Where the header `Link` says, with `rel="next"`.
    Link(LinkWord),
    /// Where the body says: a pointer to a URL.
    Url { url: String },
    /// At the same address, with what the body says in the query: a pointer to it, and the parameter.
    Cursor { cursor: String, param: String },
    /// At the same address, with the page's number in the query.
    Number { page: String, first: Option<u64> },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LinkWord {
    Link,
}

impl Pages {
    /// JSON Schema of it.
    pub(super) fn schema() -> Value {
        let pointer = |about: &str| json!({ "type": "string", "pattern": "^(/.*)?$", "description": about });
        let object = |properties: Value, required: &[&str]| {
            json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false
            })
        };
        json!({
            "type": "object",
            "description": "For a list in pages: returns the items of all pages as `items`. With GET only",
            "properties": {
                "next": {
                    "oneOf": [
                        { "const": "link", "description": "The header Link says where the next page is" },
                        object(json!({ "url": pointer("JSON pointer to the next page's URL in the body") }), &["url"]),
                        object(
                            json!({
                                "cursor": pointer("JSON pointer to the cursor in the body"),
                                "param": { "type": "string", "minLength": 1, "description": "The query parameter it goes into" }
                            }),
                            &["cursor", "param"]
                        ),
                        object(
                            json!({
                                "page": { "type": "string", "minLength": 1, "description": "The query parameter that holds the page's number" },
                                "first": { "type": "integer", "minimum": 0, "description": "The first page's number; default: 1" }
                            }),
                            &["page"]
                        )
                    ]
                },
                "items": pointer("JSON pointer to the list in the body; default: the whole body"),
                "max": { "type": "integer", "minimum": 1, "maximum": MOST, "description": "Default: 10" }
            },
            "required": ["next"],
            "additionalProperties": false
        })
    }

    /// Asks for one page after the other, until there is none, or `max` of them or `limit` bytes are there. What was
    /// left out is said by `complete`.
    pub(super) async fn all(&self, exchange: &mut Exchange, sending: &Sending<'_>) -> Result<Value, ToolError> {
        if let Next::Number { page, first } = &self.next {
            exchange.go_to(with_query(exchange.url(), page, &first.unwrap_or(1).to_string()));
        }
        let start = exchange.url().clone();
        let (mut items, mut left, mut pages, mut status) = (Vec::new(), sending.limit, 0, Value::Null);
        let complete = loop {
            let (mut answer, bytes) = match exchange.run(&Sending { limit: left, ..*sending }).await {
                Err(error) if pages > 0 && error.code() == "too_large" => break false,
                answer => answer?,
            };
            pages += 1;
            left = left.saturating_sub(bytes);
            let found = self.take_items(&mut answer)?;
            let numbers_end = found.is_empty() && matches!(self.next, Next::Number { .. });
            items.extend(found);
            let next = self.next(&start, exchange.url(), &answer, pages)?;
            status = answer.remove("status").unwrap_or_default();
            match next {
                Some(next) if !numbers_end => {
                    if pages >= self.max.unwrap_or(USUAL).min(MOST) || left == 0 {
                        break false;
                    }
                    exchange.go_to(next);
                }
                _ => break true,
            }
        };
        Ok(json!({ "status": status, "items": items, "pages": pages, "complete": complete }))
    }

    fn take_items(&self, answer: &mut Map<String, Value>) -> Result<Vec<Value>, ToolError> {
        let found = answer.get_mut("body").and_then(|body| body.pointer_mut(&self.items)).map(Value::take);
        match found {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(ToolError::give_up(
                "no_items",
                format!("there is no list at `{}` in the answer; `pages.items` is a JSON pointer to it", self.items),
            )),
        }
    }

    /// Where the next page is, if there is one.
    fn next(
        &self,
        start: &Url,
        here: &Url,
        answer: &Map<String, Value>,
        pages: usize,
    ) -> Result<Option<Url>, ToolError> {
        let at = |pointer: &str| {
            let found = answer.get("body").and_then(|body| body.pointer(pointer))?;
            match found {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            }
        };
        let link = match &self.next {
            Next::Link(_) => {
                let header = answer.get("headers").and_then(|headers| headers.get("link")).and_then(Value::as_str);
                header.and_then(next_link)
            }
            Next::Url { url } => at(url),
            Next::Cursor { cursor, param } => return Ok(at(cursor).map(|cursor| with_query(start, param, &cursor))),
            Next::Number { page, first } => {
                let number = first.unwrap_or(1).saturating_add(pages as u64);
                return Ok(Some(with_query(start, page, &number.to_string())));
            }
        };
        let Some(link) = link else { return Ok(None) };
        let bad = |why: &str| ToolError::give_up("bad_page", format!("the next page's address {why}"));
        let next = here.join(&link).map_err(|_| bad("is no URL"))?;
        // What the request carries is for this server only.
        if next.origin() == start.origin() { Ok(Some(next)) } else { Err(bad("leads to another server")) }
    }
}

/// The URL with this parameter, in place of what it had of that name.
fn with_query(url: &Url, name: &str, value: &str) -> Url {
    let others: Vec<(String, String)> =
        url.query_pairs().filter(|(other, _)| other != name).map(|(a, b)| (a.into_owned(), b.into_owned())).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    url
}

/// The target with `rel="next"` in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let after = &rest[start + 1..];
        let end = after.find('>')?;
        let (target, tail) = (&after[..end], &after[end + 1..]);
        // A comma in a quoted parameter is rare, and the next `<` is what counts.
        let until = tail.find(",<").or_else(|| tail.find(", <")).unwrap_or(tail.len());
        let is_next = tail[..until].split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let relations = value.trim().trim_end_matches(',').trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = &tail[until..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, next) in [
            (r#"<https://x/?page=2>; rel="next", <https://x/?page=9>; rel="last""#, Some("https://x/?page=2")),
            (r#"<https://x/?page=1>; rel="prev", </?page=3>; title="a"; rel="next last""#, Some("/?page=3")),
            ("<a>;rel=next", Some("a")),
            ("<a>; REL=\"Next\"", Some("a")),
            (r#"<https://x/?q=a,b>; rel="next""#, Some("https://x/?q=a,b")),
            (r#"<a>; rel="prev""#, None),
            ("<a", None),
            ("", None),
        ] {
            assert_eq!(next_link(header).as_deref(), next, "{header}");
        }
    }
}
