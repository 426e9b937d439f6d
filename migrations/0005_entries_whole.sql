-- What is known of an entry besides its text.
ALTER TABLE entries ADD COLUMN author TEXT;       -- the role or the person by whom it came
ALTER TABLE entries ADD COLUMN version INTEGER NOT NULL DEFAULT 1;   -- of its document, or of the notes about one thing
ALTER TABLE entries ADD COLUMN page_start INTEGER;  -- of what has pages and no lines, from 1
ALTER TABLE entries ADD COLUMN page_end INTEGER;
ALTER TABLE entry_sources ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE entry_sources ADD COLUMN etag TEXT;     -- what the page's server tells its versions apart by
ALTER TABLE entry_sources ADD COLUMN modified TEXT;
-- Versions of documents that were superseded stay readable, and are not found.
DROP INDEX entries_by_text;
CREATE INDEX entries_by_text ON entries (workspace_id, substr(text, 1, 64))
    WHERE kind = 'document' AND superseded_by IS NULL;
