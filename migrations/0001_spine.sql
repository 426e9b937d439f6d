-- Every table carries workspace_id, and no query runs without one.
-- Times are milliseconds since 1970 (UTC); ids of runs are the 16 bytes of a UUID.

CREATE TABLE workflows (
    workspace_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    live         TEXT,                      -- hash of the live version
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, name)
) STRICT, WITHOUT ROWID;

-- A version is the text as it was written, so that hashes and comments hold. Never changed, never deleted.
CREATE TABLE workflow_versions (
    workspace_id TEXT NOT NULL,
    workflow     TEXT NOT NULL,
    hash         TEXT NOT NULL,
    number       INTEGER NOT NULL,          -- from 1, in the order of saving
    text         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, workflow, hash),
    UNIQUE (workspace_id, workflow, number),
    FOREIGN KEY (workspace_id, workflow) REFERENCES workflows (workspace_id, name)
) STRICT;

-- What a run pins besides its workflow: agents and prompts, as they were.
CREATE TABLE definitions (
    workspace_id TEXT NOT NULL,
    kind         TEXT NOT NULL,             -- agent, prompt
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    text         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, kind, name, hash)
) STRICT;

-- The heads of the runs: what can be known of a run without folding its events. Written by the journal only, in
-- the transaction that stores the events.
CREATE TABLE runs (
    id           BLOB NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    workflow     TEXT NOT NULL,
    version      TEXT NOT NULL,
    status       TEXT NOT NULL,
    seq          INTEGER NOT NULL,          -- number of the last event
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    wake_at      INTEGER,                   -- when the next timer is due
    depth        INTEGER NOT NULL,
    parent_run   BLOB,                      -- the run whose `workflow` step started this one
    parent_step  TEXT,
    retry_of     BLOB                       -- the run that this one retries
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_age ON runs (workspace_id, created_at);
CREATE INDEX runs_by_status ON runs (workspace_id, status, created_at);
CREATE INDEX runs_due ON runs (workspace_id, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_of_parent ON runs (parent_run) WHERE parent_run IS NOT NULL;

-- The truth. The journal writes an event together with its run's head, so there is no foreign key to check.
CREATE TABLE events (
    run          BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    workspace_id TEXT NOT NULL,
    at           INTEGER NOT NULL,
    v            INTEGER NOT NULL,          -- version of the body's schema
    kind         TEXT NOT NULL,
    step         TEXT,
    body         TEXT NOT NULL,             -- the event as JSON
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
-- How the bodies of one for_each are collected without reading the rest of the run.
CREATE INDEX events_of_bodies ON events (run, step, seq) WHERE kind = 'body_ended';

-- Runs that wait for the end of another, from ChildStarted to ChildEnded: what recovery must look at, since the
-- child may never have been created, or may have ended unheard.
CREATE TABLE child_waits (
    parent       BLOB NOT NULL,
    child        BLOB NOT NULL,
    workspace_id TEXT NOT NULL,
    PRIMARY KEY (parent, child)
) STRICT, WITHOUT ROWID;

-- For listing questions over all runs. What is asked is in the event `seq` of the run.
CREATE TABLE questions (
    run          BLOB NOT NULL,
    id           TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    asked_at     INTEGER NOT NULL,
    deadline     INTEGER,
    answered_at  INTEGER,
    choice       TEXT,
    answered_by  TEXT,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX questions_open ON questions (workspace_id, asked_at) WHERE answered_at IS NULL;

-- What the company remembers. The vector index is built from this, and can be rebuilt from it at any time.
CREATE TABLE entries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id  TEXT NOT NULL,
    scope         TEXT NOT NULL,            -- workspace, or run:ID
    kind          TEXT NOT NULL,            -- document, note
    source        TEXT NOT NULL,            -- a document's path or address, or the author's role
    source_hash   TEXT,
    byte_start    INTEGER,
    byte_end      INTEGER,
    line_start    INTEGER,
    line_end      INTEGER,
    heading       TEXT,
    text          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    run           BLOB,
    step          TEXT,
    superseded_by INTEGER,
    note_key      TEXT                      -- a note that is made again with the same key is the note that there is
) STRICT;
CREATE INDEX entries_by_source ON entries (workspace_id, scope, kind, source);
CREATE UNIQUE INDEX entries_by_note_key ON entries (workspace_id, note_key) WHERE note_key IS NOT NULL;

-- The documents that the entries of kind `document` were cut from, as they were then.
CREATE TABLE entry_sources (
    workspace_id TEXT NOT NULL,
    scope        TEXT NOT NULL,
    source       TEXT NOT NULL,
    hash         TEXT NOT NULL,
    entries      INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, scope, source)
) STRICT, WITHOUT ROWID;

-- What has changed since the index was last known to be complete; shortened whenever it is.
CREATE TABLE entry_changes (
    revision     INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id TEXT NOT NULL,
    entry        INTEGER NOT NULL,
    gone         INTEGER NOT NULL           -- 1 if the entry was removed or superseded
) STRICT;

CREATE TABLE entry_watermarks (
    workspace_id TEXT NOT NULL PRIMARY KEY,
    revision     INTEGER NOT NULL           -- the index holds all changes up to this one
) STRICT, WITHOUT ROWID;
