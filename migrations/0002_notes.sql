-- Notes that contradict each other are kept side by side until it is settled which of them holds.
ALTER TABLE entries ADD COLUMN confidence INTEGER;   -- how sure the author of a note is, in percent
ALTER TABLE entries ADD COLUMN settled TEXT;      -- why `superseded_by` took a note's place, as JSON
CREATE INDEX notes_by_heading ON entries (workspace_id, scope, heading) WHERE kind = 'note';
