//! Conversations and their events. What an event means is told by whoever folds them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use super::StoreError;
use super::column::{self, count, whole};
use super::workflows::LiveMove;
use super::workspace::Workspace;
use crate::clock::Timestamp;

/// A conversation's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(pub Uuid);

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ConversationId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|error| format!("`{text}` is no id of a conversation: {error}"))
    }
}

/// What can be known of a conversation without folding its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationHead {
    /// Its id.
    pub id: ConversationId,
    /// What it is called.
    pub title: String,
    /// The workflow in front of it.
    pub focus: Option<String>,
    /// The number of its last event.
    pub seq: u64,
    /// Whether something of it goes on.
    pub busy: bool,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When its last event happened.
    pub updated_at: Timestamp,
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationEvent {
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The version of the body's schema.
    pub v: u32,
    /// The event as JSON.
    pub body: String,
}

/// An event that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConversationEvent {
    /// The version of the body's schema.
    pub v: u32,
    /// The event as JSON.
    pub body: String,
}

/// Events that are to be stored together, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationAppend<'a> {
    /// The conversation.
    pub id: ConversationId,
    /// The number of the last event that whoever appends knows of; 0 begins a conversation.
    pub expected_seq: u64,
    /// The events.
    pub events: &'a [NewConversationEvent],
    /// What it is called from now on.
    pub title: &'a str,
    /// The workflow in front of it from now on.
    pub focus: Option<&'a str>,
    /// Whether something of it goes on from now on.
    pub busy: bool,
    /// When they happened.
    pub at: Timestamp,
    /// What is live from now on: written with them, or nothing is.
    pub moves: &'a [LiveMove],
}

/// The conversations of one workspace.
#[derive(Clone, Debug)]
pub struct Conversations {
    workspace: Workspace,
}

impl Conversations {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }

    /// Stores events. Durable on return, which tells the number of the last one.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the conversation does not end with the event that is expected, [`StoreError::OtherLive`], or a
    /// failure of the database.
    pub async fn append(&self, append: &ConversationAppend<'_>) -> Result<u64, StoreError> {
        let ConversationAppend { id, expected_seq, events, title, focus, busy, at, moves } = append;
        let workspace = self.workspace.id().as_str();
        let last = expected_seq + events.len() as u64;
        let mut writing = self.workspace.shared.database.writing().await?;
        let mut transaction = writing.connection()?.begin().await?;
        let written = if *expected_seq == 0 {
            sqlx::query(
                "INSERT INTO conversations (id, workspace_id, title, focus, seq, busy, created_at, updated_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT DO NOTHING",
            )
            .bind(id.0.as_bytes().as_slice())
            .bind(workspace)
            .bind(title)
            .bind(focus)
            .bind(whole(last))
            .bind(busy)
            .bind(at)
            .execute(&mut *transaction)
            .await?
        } else {
            sqlx::query(
                "UPDATE conversations SET title = ?3, focus = ?4, seq = ?5, busy = ?6, updated_at = ?7 \
                 WHERE id = ?1 AND workspace_id = ?2 AND seq = ?8",
            )
            .bind(id.0.as_bytes().as_slice())
            .bind(workspace)
            .bind(title)
            .bind(focus)
            .bind(whole(last))
            .bind(busy)
            .bind(at)
            .bind(whole(*expected_seq))
            .execute(&mut *transaction)
            .await?
        };
        if written.rows_affected() == 0 {
            return Err(StoreError::Missing(format!("conversation {id} that ends with event {expected_seq}")));
        }
        for (event, seq) in events.iter().zip(expected_seq + 1..) {
            sqlx::query(
                "INSERT INTO conversation_events (conversation, seq, workspace_id, at, v, body) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(id.0.as_bytes().as_slice())
            .bind(whole(seq))
            .bind(workspace)
            .bind(at)
            .bind(event.v)
            .bind(&event.body)
            .execute(&mut *transaction)
            .await?;
        }
        for live in *moves {
            live.carry_out(&self.workspace, &mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(last)
    }

    /// The events after a number, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn events(
        &self,
        id: ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ConversationEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at, v, body FROM conversation_events \
             WHERE conversation = ? AND workspace_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(id.0.as_bytes().as_slice())
        .bind(self.workspace.id().as_str())
        .bind(whole(after))
        .bind(column::limit(limit))
        .fetch_all(self.workspace.shared.database.reading())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(ConversationEvent {
                    seq: count(row.try_get("seq")?),
                    at: row.try_get("at")?,
                    v: row.try_get("v")?,
                    body: row.try_get("body")?,
                })
            })
            .collect()
    }

    /// A conversation by its id.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn get(&self, id: ConversationId) -> Result<Option<ConversationHead>, StoreError> {
        sqlx::query(
            "SELECT id, title, focus, seq, busy, created_at, updated_at FROM conversations \
             WHERE id = ? AND workspace_id = ?",
        )
        .bind(id.0.as_bytes().as_slice())
        .bind(self.workspace.id().as_str())
        .fetch_optional(self.workspace.shared.database.reading())
        .await?
        .map(|row| head(&row))
        .transpose()
    }

    /// Those in which something was said last, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<ConversationHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, title, focus, seq, busy, created_at, updated_at FROM conversations \
             WHERE workspace_id = ? ORDER BY updated_at DESC, id DESC LIMIT ?",
        )
        .bind(self.workspace.id().as_str())
        .bind(column::limit(limit))
        .fetch_all(self.workspace.shared.database.reading())
        .await?;
        rows.iter().map(head).collect()
    }

    /// Those of which something goes on, as far as is written: what a process that died has left.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub async fn busy(&self) -> Result<Vec<ConversationId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM conversations WHERE workspace_id = ? AND busy = 1 ORDER BY id")
            .bind(self.workspace.id().as_str())
            .fetch_all(self.workspace.shared.database.reading())
            .await?;
        rows.iter().map(id_of).collect()
    }
}

fn head(row: &SqliteRow) -> Result<ConversationHead, StoreError> {
    Ok(ConversationHead {
        id: id_of(row)?,
        title: row.try_get("title")?,
        focus: row.try_get("focus")?,
        seq: count(row.try_get("seq")?),
        busy: row.try_get("busy")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn id_of(row: &SqliteRow) -> Result<ConversationId, StoreError> {
    let bytes: &[u8] = row.try_get("id")?;
    Uuid::from_slice(bytes)
        .map(ConversationId)
        .map_err(|error| StoreError::Corrupt { what: "the id of a conversation".to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures::fixture;

    #[tokio::test]
    async fn events_are_appended_in_order_or_not_at_all() {
        let fixture = fixture().await;
        let conversations = fixture.workspace.conversations();
        let id = ConversationId(Uuid::from_u64_pair(1, 1));
        let events: Vec<NewConversationEvent> =
            (1..=3).map(|n| NewConversationEvent { v: 1, body: format!("{{\"n\":{n}}}") }).collect();
        let append = |expected_seq: u64, events: &[NewConversationEvent], busy: bool| {
            let (events, conversations) = (events.to_vec(), conversations.clone());
            async move {
                let at = Timestamp(i64::try_from(expected_seq).unwrap());
                let (title, focus) = ("hello", Some("brief"));
                let append =
                    ConversationAppend { id, expected_seq, events: &events, title, focus, busy, at, moves: &[] };
                conversations.append(&append).await
            }
        };
        assert_eq!(append(0, &events[..2], true).await.unwrap(), 2);
        for wrong in [0, 1, 3] {
            assert!(append(wrong, &events, false).await.is_err(), "{wrong}");
        }
        assert_eq!(conversations.busy().await.unwrap(), [id]);
        assert_eq!(append(2, &events[2..], false).await.unwrap(), 3);
        let read = conversations.events(id, 1, 10).await.unwrap();
        assert_eq!(
            read.iter().map(|event| (event.seq, event.body.as_str())).collect::<Vec<_>>(),
            [(2, "{\"n\":2}"), (3, "{\"n\":3}")]
        );
        assert!(conversations.busy().await.unwrap().is_empty());
        let head = conversations.get(id).await.unwrap().unwrap();
        assert_eq!(
            (head.seq, head.title.as_str(), head.created_at, head.updated_at),
            (3, "hello", Timestamp(0), Timestamp(2))
        );
        assert_eq!(conversations.list(10).await.unwrap(), [head]);

        // Another workspace sees none of it, and cannot write to it.
        let other = fixture.store.workspace("other".parse().unwrap()).conversations();
        assert!(other.get(id).await.unwrap().is_none() && other.events(id, 0, 10).await.unwrap().is_empty());
        let foreign = ConversationAppend {
            id,
            expected_seq: 3,
            events: &events,
            title: "",
            focus: None,
            busy: true,
            at: Timestamp(9),
            moves: &[],
        };
        assert!(other.append(&foreign).await.is_err());
        let foreign = ConversationAppend { expected_seq: 0, ..foreign };
        assert!(other.append(&foreign).await.is_err());
        assert_eq!(conversations.events(id, 0, 10).await.unwrap().len(), 3);
    }
}
