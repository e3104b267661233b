-- Version 5: what a person noted about a record, the size of the quarantine, and what saves counting.
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
-- Indexes by time and by person, and counts that save counting.
--
-- The index by person also finds the events with one document of the scheme iclock-sync-v1.
CREATE INDEX events_time ON events (time);
CREATE INDEX events_person ON events (user_id, time);
-- Every held event is outside of this window. One that is within it releases none.
ALTER TABLE sinks ADD COLUMN window TEXT;
-- The exceptions of each sink and state, up to the watermark `delivered` (fresh = 0) and after it (fresh = 1).
CREATE TABLE exception_counts (
    sink INTEGER NOT NULL REFERENCES sinks (id),
    state INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (sink, state, fresh)
) WITHOUT ROWID;
INSERT INTO exception_counts SELECT x.sink, x.state, x.seq > s.delivered, count(*)
    FROM exceptions x JOIN sinks s ON s.id = x.sink GROUP BY 1, 2, 3;
CREATE TRIGGER exceptions_insert AFTER INSERT ON exceptions BEGIN
    INSERT INTO exception_counts
        VALUES (NEW.sink, NEW.state, NEW.seq > (SELECT delivered FROM sinks WHERE id = NEW.sink), 1)
        ON CONFLICT (sink, state, fresh) DO UPDATE SET events = events + 1;
END;
CREATE TRIGGER exceptions_delete AFTER DELETE ON exceptions BEGIN
    UPDATE exception_counts SET events = events - 1 WHERE sink = OLD.sink AND state = OLD.state
        AND fresh = (OLD.seq > (SELECT delivered FROM sinks WHERE id = OLD.sink));
END;
CREATE TRIGGER exceptions_update AFTER UPDATE OF state ON exceptions WHEN OLD.state <> NEW.state BEGIN
    UPDATE exception_counts SET events = events - 1 WHERE sink = OLD.sink AND state = OLD.state
        AND fresh = (OLD.seq > (SELECT delivered FROM sinks WHERE id = OLD.sink));
    INSERT INTO exception_counts
        VALUES (NEW.sink, NEW.state, NEW.seq > (SELECT delivered FROM sinks WHERE id = NEW.sink), 1)
        ON CONFLICT (sink, state, fresh) DO UPDATE SET events = events + 1;
END;
CREATE TRIGGER sinks_delivered AFTER UPDATE OF delivered ON sinks WHEN OLD.delivered <> NEW.delivered BEGIN
    INSERT INTO exception_counts
        SELECT NEW.id, moved.state, side.fresh, moved.events * side.sign * iif(NEW.delivered > OLD.delivered, 1, -1)
        FROM (
            SELECT k.state AS state, (
                SELECT count(*) FROM exceptions x WHERE x.sink = NEW.id AND x.state = k.state
                AND x.seq > min(OLD.delivered, NEW.delivered) AND x.seq <= max(OLD.delivered, NEW.delivered)
            ) AS events FROM (SELECT DISTINCT state FROM exception_counts WHERE sink = NEW.id) k
        ) moved CROSS JOIN (SELECT 0 AS fresh, 1 AS sign UNION ALL SELECT 1, -1) side
        WHERE moved.events <> 0
        ON CONFLICT (sink, state, fresh) DO UPDATE SET events = events + excluded.events;
END;
-- Runs in the order in which they were recorded: a clock may have been wrong.
ALTER TABLE runs ADD COLUMN number INTEGER;
UPDATE runs SET number = (SELECT count(*) FROM runs r WHERE r.id <= runs.id);
CREATE INDEX runs_number ON runs (number);
