-- Version 11: commands for terminals that push.
--
-- A command that was sent and has no answer is sent again after a while, until it expires. Its number is never given twice.
CREATE TABLE push_commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    serial TEXT NOT NULL,
    command TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    sent_at INTEGER,
    sends INTEGER NOT NULL DEFAULT 0,
    answered_at INTEGER,
    code INTEGER,
    details TEXT
);
CREATE INDEX push_commands_open ON push_commands (serial, id) WHERE answered_at IS NULL;
