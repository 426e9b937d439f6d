-- The heads of conversations: what can be known of one without folding its events. Written in the transaction that stores
-- the events.
CREATE TABLE conversations (
    id           BLOB NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    title        TEXT NOT NULL,
    focus        TEXT,                      -- the workflow in front of it, by name
    seq          INTEGER NOT NULL,          -- number of the last event
    busy         INTEGER NOT NULL,          -- 1 while a turn is open, a message waits, or a run of it goes on
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_by_age ON conversations (workspace_id, updated_at);
CREATE INDEX conversations_busy ON conversations (workspace_id) WHERE busy = 1;

-- The truth of conversations.
CREATE TABLE conversation_events (
    conversation BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    workspace_id TEXT NOT NULL,
    at           INTEGER NOT NULL,
    v            INTEGER NOT NULL,          -- version of the body's schema
    body         TEXT NOT NULL,             -- the event as JSON
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
