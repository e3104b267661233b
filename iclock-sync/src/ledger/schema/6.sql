-- Version 6: people's names as the terminals have them.
--
-- A name stays when its person is removed from the terminal: the punches stay, too.
CREATE TABLE people (
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    department INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (terminal, user_id)
) WITHOUT ROWID;
-- The last reading of each terminal's user table, and the number of users then.
CREATE TABLE people_readings (
    terminal INTEGER PRIMARY KEY REFERENCES terminals (id),
    read_at INTEGER NOT NULL,
    users INTEGER
);
