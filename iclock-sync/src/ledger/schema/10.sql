-- Version 10: terminals that push.
--
-- A stamp says how far a terminal has sent a table, in its own words; it is given back as it came. The state of a serial
-- number is that of `PushState`: pending, approved or denied.
CREATE TABLE push_stamps (
    serial TEXT NOT NULL,
    log TEXT NOT NULL,
    stamp BLOB NOT NULL,
    PRIMARY KEY (serial, log)
) WITHOUT ROWID;
CREATE TABLE push_terminals (
    serial TEXT PRIMARY KEY,
    dialect TEXT,
    registered INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE push_admissions (
    serial TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    name TEXT,
    address TEXT,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    decided_at INTEGER
) WITHOUT ROWID;
CREATE INDEX push_pending ON push_admissions (state, last_seen);
