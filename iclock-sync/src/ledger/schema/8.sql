-- Version 8: old events, once each sink has been given them, shrink to what they are known by.
--
-- The digest is the first bytes of the SHA-256 of the masked record; a source of NULL is a pull. `seq` was the number of the
-- event, which nothing has any more: below the watermark of each sink, numbers may have gaps.
CREATE TABLE shrunk (
    time INTEGER NOT NULL,
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    key BLOB NOT NULL,
    seq INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    uid INTEGER,
    verify_mode INTEGER NOT NULL,
    punch_state INTEGER NOT NULL,
    source TEXT,
    digest BLOB NOT NULL,
    PRIMARY KEY (time, terminal, key)
) WITHOUT ROWID;
-- The events that had shrunk up to this number when the sink was met first were never sent to it.
ALTER TABLE sinks ADD COLUMN begins INTEGER NOT NULL DEFAULT 0;
