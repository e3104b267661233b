-- Version 5: what a person noted about a record, and the size of the quarantine.
ALTER TABLE quarantine ADD COLUMN note TEXT;
-- `waiting` counts the rows that wait; `counted_only` the records above the cap, as the poll `reading` and those after it
-- met them. A full read begins to count again.
CREATE TABLE quarantine_sizes (
    terminal INTEGER NOT NULL REFERENCES terminals (id),
    reason TEXT NOT NULL,
    waiting INTEGER NOT NULL DEFAULT 0,
    counted_only INTEGER NOT NULL DEFAULT 0,
    reading INTEGER,
    PRIMARY KEY (terminal, reason)
) WITHOUT ROWID;
INSERT INTO quarantine_sizes (terminal, reason, waiting)
    SELECT terminal, reason, count(*) FROM quarantine WHERE resolved_at IS NULL GROUP BY terminal, reason;
CREATE TRIGGER quarantine_enters AFTER INSERT ON quarantine WHEN NEW.resolved_at IS NULL BEGIN
    INSERT INTO quarantine_sizes (terminal, reason, waiting) VALUES (NEW.terminal, NEW.reason, 1)
        ON CONFLICT (terminal, reason) DO UPDATE SET waiting = waiting + 1;
END;
CREATE TRIGGER quarantine_changes AFTER UPDATE OF reason, resolved_at ON quarantine
    WHEN OLD.reason <> NEW.reason OR (OLD.resolved_at IS NULL) <> (NEW.resolved_at IS NULL) BEGIN
    UPDATE quarantine_sizes SET waiting = waiting - 1
        WHERE OLD.resolved_at IS NULL AND terminal = OLD.terminal AND reason = OLD.reason;
    INSERT INTO quarantine_sizes (terminal, reason, waiting) SELECT NEW.terminal, NEW.reason, 1 WHERE NEW.resolved_at IS NULL
        ON CONFLICT (terminal, reason) DO UPDATE SET waiting = waiting + 1;
END;
CREATE TRIGGER quarantine_leaves AFTER DELETE ON quarantine WHEN OLD.resolved_at IS NULL BEGIN
    UPDATE quarantine_sizes SET waiting = waiting - 1 WHERE terminal = OLD.terminal AND reason = OLD.reason;
END;
