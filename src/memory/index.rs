//! What an index has to do. It holds nothing that SQL does not hold, and can be made again at any time.

use std::fmt::{self, Write as _};

use async_trait::async_trait;

use super::bm25::Sparse;
use crate::clock::Timestamp;
use crate::store::entries::{EntryId, EntryKind, EntryScope, Revision};

/// The name of the vectors that hold words.
pub(super) const WORDS: &str = "words";
/// What the names of vectors that hold meanings begin with.
const MEANING: &str = "meaning-";

/// An entry as an index holds it: not its text, only by what it is found. What it means is told later
/// ([`Index::give_meaning`]), so that it is found by its words at once.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The entry.
    pub id: EntryId,
    /// Who remembers it.
    pub scope: EntryScope,
    /// Where it comes from.
    pub kind: EntryKind,
    /// When it was remembered.
    pub at: Timestamp,
    /// Its words.
    pub words: Sparse,
}

/// What may be found, in the workspace that the index is of. The default is what every run of the workspace remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Who must remember it: one of these.
    pub scopes: Vec<EntryScope>,
    /// Only entries of one of these kinds; of all kinds if empty.
    pub kinds: Vec<EntryKind>,
    /// Only what was remembered then or later.
    pub since: Option<Timestamp>,
    /// Only what was remembered before then.
    pub before: Option<Timestamp>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { scopes: vec![EntryScope::Workspace], kinds: Vec::new(), since: None, before: None }
    }
}

impl Filter {
    /// Also what `scope` remembers.
    #[must_use]
    pub fn also(mut self, scope: EntryScope) -> Self {
        self.scopes.push(scope);
        self
    }

    /// The kinds that may be found.
    #[must_use]
    pub fn wanted_kinds(&self) -> &[EntryKind] {
        if self.kinds.is_empty() { &EntryKind::ALL } else { &self.kinds }
    }
}

/// Why an index failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexError {
    /// What it holds cannot be used: make it again.
    Broken(String),
    /// It may work next time: no room, no connection.
    Unavailable(String),
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(reason) => {
                write!(f, "the memory's index is broken ({reason}); `callboard memory rebuild` makes it again")
            }
            Self::Unavailable(reason) => write!(f, "the memory's index cannot be reached ({reason})"),
        }
    }
}

impl std::error::Error for IndexError {}

/// A kind of vector that holds what entries mean. One embedder's vectors cannot be compared with another's, so each
/// has its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Meaning {
    /// The embedder, `PROVIDER/MODEL`.
    pub embedder: String,
    /// How many numbers its vectors have.
    pub dimensions: usize,
}

impl Meaning {
    /// The name of its vectors: names files and travels to servers, so that only letters, digits and `-_.~` are in it.
    #[must_use]
    pub fn vector_name(&self) -> String {
        let mut name = String::from(MEANING);
        for byte in self.embedder.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => name.push(char::from(byte)),
                _ => {
                    let _ = write!(name, "~{byte:02x}");
                }
            }
        }
        format!("{name}~~{}", self.dimensions)
    }

    /// What vectors of this name hold; `None` if they hold something else.
    #[must_use]
    pub fn of_vector_name(name: &str) -> Option<Self> {
        let (escaped, dimensions) = name.strip_prefix(MEANING)?.rsplit_once("~~")?;
        let mut bytes = Vec::new();
        let mut rest = escaped.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'~' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                byte => byte,
            });
        }
        Some(Self { embedder: String::from_utf8(bytes).ok()?, dimensions: dimensions.parse().ok()? })
    }
}

/// What an index holds when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Everything up to this change.
    pub revision: Revision,
    /// Whether later changes were cut short: whoever applies them again looks whether all is there after.
    pub interrupted: bool,
}

/// By what entries are searched.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// By words: scored by BM25, the sum over the words of weight times idf.
    Words(Sparse),
    /// By meaning: scored by the cosine of the angle between the vectors, from -1 to 1.
    Meaning(Meaning, Vec<f32>),
}

/// Where the entries of one workspace are found by their words, and by what they mean.
///
/// Changes are made by one caller at a time: `apply` as often as needed, then `commit`, after which all of it is
/// on the disk. What was applied and not committed may be lost, or half there, if the process stops; since all of it is
/// applied again from the last commit on, that does no harm. Searches may be made at any time.
#[async_trait]
pub trait Index: Send + Sync + 'static {
    /// Up to which change of the entries it holds everything; `None` if it is empty, or nobody knows. The
    /// index is opened when this is first asked.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn held(&self) -> Result<Option<Held>, IndexError>;

    /// Adds entries, replacing those of the same id, and removes others.
    ///
    /// # Errors
    /// [`IndexError`]; what was applied of it is unknown.
    async fn apply(&self, added: Vec<Indexed>, gone: Vec<EntryId>) -> Result<(), IndexError>;

    /// Makes all that was applied durable: the index now holds everything up to `revision`.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn commit(&self, revision: Revision) -> Result<(), IndexError>;

    /// Makes searching and changing fast again after many changes, if that is due. It may take long; searches and
    /// changes go on meanwhile.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn tidy(&self) -> Result<(), IndexError> {
        Ok(())
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn clear(&self) -> Result<(), IndexError>;

    /// The entries that fit the query best, with their scores, best first. Nothing fits a meaning that the index was
    /// not told of.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn search(&self, query: Query, filter: &Filter, limit: usize) -> Result<Vec<(EntryId, f32)>, IndexError>;

    /// How many entries it holds; only those that lack a meaning, if one is named.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn count(&self, lacking: Option<&Meaning>) -> Result<u64, IndexError>;

    /// The entries that it holds, by id, after the last of the page before; only those that lack a meaning, if one is
    /// named.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn page(
        &self,
        lacking: Option<&Meaning>,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>, IndexError>;

    /// The meanings that it has room for.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn meanings(&self) -> Result<Vec<Meaning>, IndexError>;

    /// Makes room for a meaning; nothing if it is there.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn add_meaning(&self, meaning: &Meaning) -> Result<(), IndexError>;

    /// Forgets all vectors of a meaning; nothing if there are none.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn drop_meaning(&self, meaning: &Meaning) -> Result<(), IndexError>;

    /// Tells what entries mean; those that it does not hold are passed over. A change, like `apply`.
    ///
    /// # Errors
    /// [`IndexError`].
    async fn give_meaning(&self, meaning: &Meaning, vectors: Vec<(EntryId, Vec<f32>)>) -> Result<(), IndexError>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_name_of_a_meanings_vectors_says_whose_they_are(embedder in "\\PC{0,30}", dimensions in 1_usize..100_000) {
            let meaning = Meaning { embedder, dimensions };
            let name = meaning.vector_name();
            prop_assert!(name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.~".contains(&c)), "{name}");
            prop_assert_eq!(Meaning::of_vector_name(&name), Some(meaning));
        }
    }

    #[test]
    fn other_vectors_hold_no_meaning() {
        for name in
            ["words", "", "meaning-", "meaning-a", "meaning-a~~", "meaning-a~~x", "meaning-~z1~~3", "meaning-~4~~3"]
        {
            assert_eq!(Meaning::of_vector_name(name), None, "{name}");
        }
    }
}
