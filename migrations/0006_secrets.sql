-- Values by name, sealed with a key that is not in here.
CREATE TABLE secrets (
    workspace_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    key          TEXT NOT NULL,             -- which key it is sealed with
    sealed       BLOB NOT NULL,
    set_at       INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, name)
) STRICT, WITHOUT ROWID;
