-- Version 9: the names that each sink with names was given.
--
-- A name is due if the sink was given none of the person, or an older one.
CREATE TABLE people_sent (
    sink INTEGER NOT NULL REFERENCES sinks (id),
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    user_id TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (sink, terminal, user_id)
) WITHOUT ROWID;
