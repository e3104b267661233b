-- Version 16: the address from which each terminal that pushes called last, and what it told of itself.
--
-- `moved_from` and `moved_at` are of the last change of its address. The names of facts are those of the protocol.
ALTER TABLE push_calls ADD COLUMN address TEXT;
ALTER TABLE push_calls ADD COLUMN moved_from TEXT;
ALTER TABLE push_calls ADD COLUMN moved_at INTEGER;
CREATE TABLE push_facts (
    serial TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (serial, name)
) WITHOUT ROWID;
