-- Version 1.
--
-- Events are numbered in the order in which they entered (`seq`, without gaps). Their identity is indexed with terminal and
-- time in front: a log is read in the order of time, so that inserts stay together in the index, where keys would scatter.
--
-- For a sink's events up to `windowed` it is decided whether the window held them. Events up to `admitted` may go out, and
-- events up to `delivered` went out. `exceptions` has the few events for which that is not so.
--
-- A reading is one poll of one terminal that brought records.
CREATE TABLE terminals (
    id INTEGER PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,
    records INTEGER NOT NULL DEFAULT 0,
    overlap BLOB NOT NULL DEFAULT x'',
    layout TEXT,
    count INTEGER,
    verified_at INTEGER,
    count_unreliable INTEGER NOT NULL DEFAULT 0,
    offsets_refused_at INTEGER,
    bad_checksums INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE readings (
    id INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    device_name TEXT NOT NULL,
    zone TEXT,
    drift_ms INTEGER,
    source TEXT NOT NULL,
    read_at INTEGER NOT NULL
);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    reading INTEGER NOT NULL REFERENCES readings (id),
    time INTEGER NOT NULL,
    key BLOB NOT NULL,
    user_id TEXT NOT NULL,
    uid INTEGER,
    verify_mode INTEGER NOT NULL,
    punch_state INTEGER NOT NULL,
    work_code INTEGER,
    utc INTEGER,
    flags TEXT,
    raw BLOB NOT NULL
);
CREATE UNIQUE INDEX events_identity ON events (terminal, time, key);
CREATE TABLE sinks (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    windowed INTEGER NOT NULL DEFAULT 0,
    admitted INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE exceptions (
    sink INTEGER NOT NULL REFERENCES sinks (id),
    seq INTEGER NOT NULL REFERENCES events (seq),
    state INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (sink, seq)
) WITHOUT ROWID;
CREATE INDEX exceptions_state ON exceptions (sink, state);
CREATE TABLE imported (
    sink INTEGER NOT NULL REFERENCES sinks (id),
    id BLOB NOT NULL,
    PRIMARY KEY (sink, id)
) WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    masked BLOB NOT NULL,
    occurrence INTEGER NOT NULL,
    raw BLOB NOT NULL,
    reason TEXT NOT NULL,
    user_id TEXT NOT NULL,
    time TEXT NOT NULL,
    verify_mode INTEGER NOT NULL,
    punch_state INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    times_seen INTEGER NOT NULL DEFAULT 1,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    reading INTEGER NOT NULL,
    UNIQUE (terminal, masked, occurrence)
);
CREATE TABLE unproven (
    id INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    seen_at INTEGER NOT NULL
);
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    exit_code INTEGER NOT NULL,
    new INTEGER NOT NULL,
    stored INTEGER NOT NULL
) WITHOUT ROWID;
