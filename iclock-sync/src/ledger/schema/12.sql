-- Version 12: the last calls of terminals that push, and the gaps for whose punches they are asked.
--
-- Serial numbers are those that the terminals give. A terminal has one gap, the last; its command asks for it. The cause
-- is that of `GapCause`.
CREATE TABLE push_calls (
    serial TEXT PRIMARY KEY,
    called_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE push_gaps (
    serial TEXT PRIMARY KEY,
    cause TEXT NOT NULL,
    begins_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    command INTEGER NOT NULL
) WITHOUT ROWID;
