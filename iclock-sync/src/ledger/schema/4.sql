-- Version 4: what a record needs to be judged again, the habits of a terminal, and what became of an unproven log.
ALTER TABLE terminals ADD COLUMN alias TEXT;
ALTER TABLE terminals ADD COLUMN learned TEXT;
ALTER TABLE readings ADD COLUMN layout TEXT;
-- The terminal's clock less UTC, in seconds. Earlier readings measured it against the host's local time.
ALTER TABLE readings ADD COLUMN clock_offset INTEGER;
UPDATE readings SET clock_offset = CAST(strftime('%s', read_at, 'unixepoch', 'localtime') AS INTEGER) - read_at
    + coalesce(drift_ms, 0) / 1000 WHERE zone IS NULL;
ALTER TABLE quarantine ADD COLUMN layout TEXT;
ALTER TABLE quarantine ADD COLUMN uid INTEGER;
ALTER TABLE quarantine ADD COLUMN work_code INTEGER;
ALTER TABLE quarantine ADD COLUMN doubtful INTEGER;
ALTER TABLE quarantine ADD COLUMN resolved_at INTEGER;
ALTER TABLE quarantine ADD COLUMN resolution TEXT;
ALTER TABLE sinks ADD COLUMN ids TEXT;
ALTER TABLE unproven ADD COLUMN kind TEXT NOT NULL DEFAULT 'attendance';
ALTER TABLE unproven ADD COLUMN evidence TEXT;
ALTER TABLE unproven ADD COLUMN accepted_at INTEGER;
ALTER TABLE unproven ADD COLUMN digest TEXT;
ALTER TABLE unproven ADD COLUMN last_seen INTEGER;
ALTER TABLE unproven ADD COLUMN times_seen INTEGER NOT NULL DEFAULT 1;
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
