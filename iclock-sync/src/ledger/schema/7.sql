-- Version 7: the people whose data were removed.
--
-- A person is known by a digest alone, under a key that the settings have. Punches up to the time `until`, by the terminals'
-- clocks, do not enter again. Events of theirs leave gaps in the numbers.
CREATE TABLE forgotten (
    digest BLOB PRIMARY KEY,
    until INTEGER NOT NULL,
    forgotten_at INTEGER NOT NULL
) WITHOUT ROWID;
