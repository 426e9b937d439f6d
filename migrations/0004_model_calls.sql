-- What models were asked, and what that cost, in billionths of a US dollar.
CREATE TABLE model_calls (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id  TEXT NOT NULL,
    at            INTEGER NOT NULL,         -- when it was begun
    day           INTEGER NOT NULL,         -- the day of that, counted from 1970 (UTC)
    run           BLOB,                     -- NULL: for no run
    root          BLOB,                     -- the run at the top, on whose budget it goes
    step          TEXT,
    call          TEXT,                     -- the same when the call is made again
    alias         TEXT NOT NULL,
    model         TEXT NOT NULL,
    state         TEXT NOT NULL,            -- open: it can still cost that; lost: nobody knows what it cost, at most that; done
    cost          INTEGER,                  -- NULL: its price is not known
    input_tokens  INTEGER,
    output_tokens INTEGER
) STRICT;
CREATE INDEX model_calls_by_day ON model_calls (workspace_id, day, cost);
CREATE INDEX model_calls_by_root ON model_calls (root, cost) WHERE root IS NOT NULL;
CREATE INDEX model_calls_by_run ON model_calls (run) WHERE run IS NOT NULL;
CREATE INDEX model_calls_unsettled ON model_calls (workspace_id, state, call) WHERE state <> 'done';

-- How much more may be spent than the configuration says, because a person said so.
CREATE TABLE budget_raises (
    workspace_id TEXT NOT NULL,
    scope        TEXT NOT NULL,             -- run:ID, day:NUMBER or workspace
    question     TEXT NOT NULL,             -- the run and the question that was answered: an answer counts once
    amount       INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, scope, question)
) STRICT, WITHOUT ROWID;
