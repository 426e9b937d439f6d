-- A note that is made again with the same key is the note that there is.
ALTER TABLE entries ADD COLUMN note_key TEXT;
CREATE UNIQUE INDEX entries_by_note_key ON entries (workspace_id, note_key) WHERE note_key IS NOT NULL;
