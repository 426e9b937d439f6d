//! `memory.search`: what fits a query best.

use std::ops::Range;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Reach;
use crate::memory::index::Filter;
use crate::memory::{Hit, Memory, Recollection};
use crate::run::Permit;
use crate::store::entries::{EntryKind, Place};
use crate::tools::{Caller, Origin, Tool, ToolError};
use crate::workflow::{CallEffect, Effect};

/// How many passages are returned if the call does not say.
const DEFAULT_LIMIT: usize = 8;
/// How many passages are returned at most.
const MOST: usize = 50;

/// `memory.search`: the passages that fit a query best, each with its source, its lines and the words that it was found by.
#[derive(Clone, Debug)]
pub struct MemorySearch {
    memory: Memory,
}

#[derive(Deserialize)]
struct Arguments {
    query: String,
    limit: Option<usize>,
    scope: Option<Vec<Reach>>,
    kind: Option<EntryKind>,
    since: Option<String>,
    until: Option<String>,
}

impl MemorySearch {
    /// Searches `memory`.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self { memory }
    }
}

#[async_trait]
impl Tool for MemorySearch {
    fn name(&self) -> &'static str {
        "memory.search"
    }

    fn description(&self) -> &'static str {
        "Searches documents and notes that the company remembers, and returns passages with their sources and lines."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "query": { "type": "string", "minLength": 1, "description": "Words that a passage would use" },
                "limit": {
                    "type": "integer", "minimum": 1, "maximum": MOST,
                    "description": "How many passages at most; default 8"
                },
                "scope": {
                    "type": "array", "minItems": 1, "items": { "enum": ["workspace", "workflow", "run"] },
                    "description": "Only what all runs remember, those of this workflow, or this run alone; all three unless given"
                },
                "kind": { "enum": ["document", "note"], "description": "Only passages of documents, or only notes" },
                "since": {
                    "type": "string",
                    "description": "Only what was remembered since then: an instant, a day such as 2026-11-20, or how long ago, such as 7d"
                },
                "until": { "type": "string", "description": "Only what was remembered until then" }
            },
            "required": ["query"],
            "additionalProperties": false
        })
    }

    fn worst(&self) -> Effect {
        Effect::Read
    }

    fn effect(&self, _arguments: &Value) -> CallEffect {
        CallEffect::of(Effect::Read)
    }

    fn origin(&self) -> Origin {
        Origin::Untrusted
    }

    async fn call(&self, arguments: Value, _permit: Permit, caller: &Caller) -> Result<Value, ToolError> {
        let Arguments { query, limit, scope, kind, since, until } = crate::tools::arguments(arguments)?;
        let scopes = super::scopes(&self.memory, caller, scope.as_deref()).await?;
        let filter = Filter { scopes, kinds: kind.into_iter().collect(), ..Filter::default() };
        let filter = filter
            .remembered(since.as_deref(), until.as_deref(), self.memory.now())
            .map_err(|reason| ToolError::give_up("bad_arguments", reason))?;
        let found = self.memory.recollect(&query, &filter, limit.unwrap_or(DEFAULT_LIMIT)).await;
        let Recollection { hits, by } = found.map_err(|error| super::failed(&error))?;
        let hits: Vec<Value> = hits.iter().map(told).collect();
        Ok(json!({ "hits": hits, "searched_by": by.to_string() }))
    }
}

/// A hit as a model is told of it: `lines` are the first and the last.
fn told(hit: &Hit) -> Value {
    let mut told = json!({
        "id": hit.id,
        "text": hit.text,
        "source": hit.source,
        "lines": hit.lines.as_ref().map(first_and_last),
        "heading": hit.heading,
        "scope": hit.scope,
        "version": hit.version,
        "score": (f64::from(hit.score) * 1000.0).round() / 1000.0,
        "matched": hit.matched,
        "note": hit.note,
    });
    if let (Some(similarity), Some(fields)) = (hit.similarity, told.as_object_mut()) {
        fields.insert("similarity".to_owned(), json!((f64::from(similarity) * 1000.0).round() / 1000.0));
    }
    if let (false, Some(fields)) = (hit.also.is_empty(), told.as_object_mut()) {
        let place =
            |place: &Place| json!({ "source": place.source, "lines": place.lines.as_ref().map(first_and_last) });
        fields.insert("also".to_owned(), hit.also.iter().map(place).collect());
    }
    let known = [
        ("pages", hit.pages.as_ref().map(first_and_last).map(|pages| json!(pages))),
        ("author", hit.author.as_ref().map(|author| json!(author))),
        ("confidence", hit.confidence.map(|confidence| json!(confidence))),
    ];
    if let Some(fields) = told.as_object_mut() {
        fields.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    if let (Some(conflict), Some(fields)) = (&hit.conflict, told.as_object_mut()) {
        fields.insert("conflict".to_owned(), json!(conflict));
    }
    told
}

fn first_and_last(lines: &Range<u64>) -> [u64; 2] {
    [lines.start, lines.end.saturating_sub(1).max(lines.start)]
}
