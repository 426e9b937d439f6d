//! Notes about one thing that say different things: who else noted what, and which of them holds.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Memory, MemoryError};
use crate::clock::Timestamp;
use crate::store::entries::{Entry, EntryId, EntryKind, EntryScope, NewNote, Settled};

/// How many of the other notes are told of.
const MOST_RIVALS: usize = 7;

/// What else was noted about the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The note that holds; `None` while nobody has settled it.
    pub holds: Option<EntryId>,
    /// The other notes, oldest first.
    pub others: Vec<Rival>,
}

/// A note that says something else about the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rival {
    /// Its id.
    pub id: EntryId,
    /// Who noted it.
    pub author: String,
    /// What it says.
    pub text: String,
    /// How sure its author was, in percent.
    pub confidence: Option<u8>,
    /// When it was noted.
    pub at: Timestamp,
    /// Why it gave way; `None` while it stands.
    pub settled: Option<Settled>,
}

/// What noting something came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The note.
    pub id: EntryId,
    /// What else was noted about the same.
    pub conflict: Option<Conflict>,
}

impl Conflict {
    /// Whether somebody ruled that the note with this id holds.
    pub(super) fn is_ruled_for(&self, note: EntryId) -> bool {
        let ruled = |other: &Rival| matches!(other.settled, Some(Settled::Ruling { .. }));
        self.holds == Some(note) && self.others.iter().any(ruled)
    }

    /// The conflict that a note is in, among all notes about the same.
    fn of(note: &Entry, versions: &[Entry]) -> Option<Self> {
        let is_rival =
            |other: &&Entry| other.id != note.id && other.text.split_whitespace().ne(note.text.split_whitespace());
        let rival = |other: &Entry| Rival {
            id: other.id,
            author: other.source.clone(),
            text: other.text.clone(),
            confidence: other.confidence,
            at: other.created_at,
            settled: other.settled.clone(),
        };
        let mut others: Vec<&Entry> = versions.iter().filter(is_rival).collect();
        let open = others.iter().any(|other| other.settled.is_none());
        // Those that stand are told of first, and of each kind the newest.
        others.sort_by_key(|other| (other.settled.is_some(), std::cmp::Reverse(other.id)));
        let mut others: Vec<Rival> = others.into_iter().take(MOST_RIVALS).map(rival).collect();
        others.sort_by_key(|rival| rival.id);
        let holds = match note.superseded_by {
            Some(winner) => Some(winner),
            None if open => None,
            None => Some(note.id),
        };
        (!others.is_empty()).then_some(Self { holds, others })
    }
}

impl Memory {
    /// Notes something. A note with a key that was noted before changes nothing.
    ///
    /// # Errors
    /// [`MemoryError`]. Once SQL holds the note it is remembered, even if the index could not follow at once.
    pub async fn note(&self, note: NewNote) -> Result<Noted, MemoryError> {
        let entries = &self.shared.entries;
        let id = entries.note(note, self.shared.clock.now()).await?;
        self.take_in().await;
        let noted = entries.get(&[id]).await?;
        Ok(Noted { id, conflict: self.conflicts(&noted).await?.remove(&id) })
    }

    /// Rules that the note with the id `holds`, which one of `scopes` remembers (any, if `None`), holds against these
    /// others about the same thing, or against all that stand; returns those that gave way.
    ///
    /// # Errors
    /// [`MemoryError::Store`] if there is no such note that stands, or SQL fails.
    pub async fn settle(
        &self,
        scopes: Option<&[EntryScope]>,
        holds: EntryId,
        against: Option<&[EntryId]>,
        by: &str,
        reason: &str,
    ) -> Result<Vec<EntryId>, MemoryError> {
        let ruling = Settled::Ruling { by: by.to_owned(), reason: reason.to_owned() };
        let gave_way = self.shared.entries.settle(scopes, holds, against, &ruling).await?;
        self.take_in().await;
        Ok(gave_way)
    }

    /// The notes of `scope`, about `about` if that is given, those that gave way too, by what they are about and then by
    /// age.
    ///
    /// # Errors
    /// [`MemoryError::Store`].
    pub async fn notes(
        &self,
        scope: &EntryScope,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>, MemoryError> {
        Ok(self.shared.entries.notes(scope, about, limit).await?)
    }

    /// The conflicts that these entries are in.
    pub(super) async fn conflicts(&self, entries: &[Entry]) -> Result<HashMap<EntryId, Conflict>, MemoryError> {
        let notes = || entries.iter().filter(|entry| entry.kind == EntryKind::Note && entry.heading.is_some());
        let scopes: Vec<&EntryScope> = notes().fold(Vec::new(), |mut scopes, note| {
            if !scopes.contains(&&note.scope) {
                scopes.push(&note.scope);
            }
            scopes
        });
        let mut conflicts = HashMap::new();
        for scope in scopes {
            let ours = || notes().filter(|note| note.scope == *scope);
            let headings: BTreeSet<&str> = ours().filter_map(|note| note.heading.as_deref()).collect();
            let headings: Vec<&str> = headings.into_iter().collect();
            let versions = self.shared.entries.notes_about(scope, &headings).await?;
            for note in ours() {
                let same: Vec<Entry> =
                    versions.iter().filter(|version| version.heading == note.heading).cloned().collect();
                conflicts.extend(Conflict::of(note, &same).map(|conflict| (note.id, conflict)));
            }
        }
        Ok(conflicts)
    }
}
