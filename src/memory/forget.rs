//! Forgetting documents, by where they are from.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use url::Url;

use super::{Memory, MemoryError};
use crate::store::entries::{Document, DocumentVersion, EntryScope, Sources};

/// How many names that may have been meant are told.
const MOST_NEAR: usize = 5;
/// How alike two names are that may be meant for each other.
const ALIKE: f64 = 0.85;

/// What forgetting came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgetting {
    /// The documents that are forgotten, with the scope of each.
    pub documents: Vec<(String, EntryScope)>,
    /// How many entries they had, those of superseded versions too.
    pub entries: u64,
    /// If there was no such document: those of which the name is like it.
    pub near: Vec<String>,
}

impl Memory {
    /// The documents that are remembered, by source.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub async fn documents(&self) -> Result<Vec<Document>, MemoryError> {
        Ok(self.shared.entries.documents().await?)
    }

    /// The versions of a source's documents that are kept, the newest first. The source is meant as in
    /// [`Memory::forget`].
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub async fn versions(&self, source: &str, base: &Path) -> Result<Vec<DocumentVersion>, MemoryError> {
        for sources in meant(source, base) {
            let versions = self.shared.entries.versions(&sources).await?;
            if !versions.is_empty() {
                return Ok(versions);
            }
        }
        Ok(Vec::new())
    }

    /// Forgets the documents of a source, in `scope` or, without one, in every scope: a file's path, a folder's with a
    /// slash at its end, or the address of a page. A path is meant as the memory has it, else as it stands to `base`.
    /// Of what is forgotten nothing is left in SQL or the index. What is not there is forgotten already.
    ///
    /// # Errors
    /// [`MemoryError`]. If the index fails, SQL has forgotten, and nothing is found any more; the index follows later.
    pub async fn forget(
        &self,
        source: &str,
        base: &Path,
        scope: Option<&EntryScope>,
    ) -> Result<Forgetting, MemoryError> {
        let documents = self.shared.entries.documents().await?;
        let is_there = |sources: &Sources| {
            let ours = |wanted: &EntryScope| scope.is_none_or(|scope| scope == wanted);
            documents.iter().any(|document| ours(&document.scope) && sources.mean(&document.source))
        };
        let Some(sources) = meant(source, base).into_iter().find(is_there) else {
            let known: Vec<&str> = documents.iter().map(|document| document.source.as_str()).collect();
            return Ok(Forgetting { near: near(source, &known), ..Forgetting::default() });
        };
        let forgotten = self.shared.entries.forget_all(&sources, scope).await?;
        self.catch_up().await?;
        let entries = forgotten.entries.len() as u64;
        Ok(Forgetting { documents: forgotten.documents, entries, near: Vec::new() })
    }
}

/// What a source that somebody names may mean, in the order in which it is looked for. Never everything.
fn meant(source: &str, base: &Path) -> Vec<Sources> {
    if let Some(url) = address(source) {
        return vec![Sources::One(url)];
    }
    let clean = tidied(&base.join(source));
    let base = tidied(base);
    let from_base = clean.strip_prefix(&base).unwrap_or(&clean).to_string_lossy().into_owned();
    let names = [source.to_owned(), from_base, clean.to_string_lossy().into_owned()];
    let is_folder = source.ends_with('/');
    let sources = |name: &String| {
        let name = name.trim_end_matches('/');
        let is_all = name.is_empty() || name == ".";
        (!is_all).then(|| if is_folder { Sources::Below(format!("{name}/")) } else { Sources::One(name.to_owned()) })
    };
    names.iter().filter_map(sources).collect()
}

/// How the memory calls a page: its address without the part that is for the browser; `None` if it is no address.
pub(super) fn address(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.set_fragment(None);
    Some(url.into())
}

/// A path without `.` and `..`. It need not be there any more.
fn tidied(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

/// The sources that are most like a name: the folder that it is, those that end or begin as it does, or that are spelt
/// like it.
fn near(name: &str, known: &[&str]) -> Vec<String> {
    let bare = name.trim_start_matches("./").trim_end_matches('/');
    let folder = format!("{bare}/");
    let mut near: Vec<String> = Vec::new();
    if known.iter().any(|source| source.starts_with(&folder)) && !name.ends_with('/') {
        near.push(folder);
    }
    let file = |source: &str| source.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase();
    let likeness = |source: &str| {
        let whole = strsim::jaro_winkler(&source.to_lowercase(), &bare.to_lowercase());
        if file(source) == file(bare) { 1.0 } else { whole.max(strsim::jaro_winkler(&file(source), &file(bare))) }
    };
    let mut alike: Vec<(f64, &str)> =
        known.iter().map(|source| (likeness(source), *source)).filter(|(likeness, _)| *likeness >= ALIKE).collect();
    alike.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    for (_, source) in alike {
        if near.len() < MOST_NEAR && !near.iter().any(|known| known == source) {
            near.push(source.to_owned());
        }
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_meant_as_it_is_written_and_as_it_stands_to_the_folder() {
        let meant = |source: &str| -> Vec<String> {
            let name = |sources: Sources| match sources {
                Sources::One(name) => name,
                Sources::Below(folder) => format!("{folder}*"),
            };
            meant(source, Path::new("/home/ann")).into_iter().map(name).collect()
        };
        assert_eq!(meant("docs/a.md"), ["docs/a.md", "docs/a.md", "/home/ann/docs/a.md"]);
        assert_eq!(meant("./docs/../b.md")[1], "b.md");
        assert_eq!(meant("/home/ann/docs/"), ["/home/ann/docs/*", "docs/*", "/home/ann/docs/*"]);
        assert_eq!(meant("https://example.org/a#part"), ["https://example.org/a"]);
        assert_eq!(meant("./"), ["/home/ann/*"], "never everything");
        assert_eq!(meant("/"), [""; 0]);
    }

    #[test]
    fn names_that_are_like_it_are_told() {
        let known = ["docs/refunds.md", "docs/travel.md", "https://example.org/", "notes.txt"];
        assert_eq!(near("docs", &known)[0], "docs/");
        assert_eq!(near("refunds.md", &known), ["docs/refunds.md"]);
        assert_eq!(near("docs/refund.md", &known)[0], "docs/refunds.md");
        assert_eq!(near("zeppelin", &known), [""; 0]);
    }
}
