-- Proposals that were made outside of conversations: what is proposed, which never changes, and what became of it.
CREATE TABLE proposals (
    id           BLOB NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    workflow     TEXT NOT NULL,             -- as it would be called
    body         TEXT NOT NULL,             -- JSON
    state        TEXT NOT NULL,             -- JSON: open, accepted, rejected, superseded or undone, with what belongs to it
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX proposals_by_age ON proposals (workspace_id, created_at);
