CREATE TABLE IF NOT EXISTS {table} (
    event_id       TEXT    NOT NULL PRIMARY KEY,
    device_serial  TEXT    NOT NULL,
    device_name    TEXT    NOT NULL,
    user_id        TEXT    NOT NULL,
    local_time     TEXT    NOT NULL, -- YYYY-MM-DD HH:MM:SS, the terminal's wall clock
    utc_time       TEXT,             -- YYYY-MM-DDTHH:MM:SSZ, null without a zone
    zone           TEXT,             -- IANA name
    verify_mode    INTEGER NOT NULL,
    punch_state    INTEGER NOT NULL,
    work_code      INTEGER,
    source         TEXT    NOT NULL, -- pull, live, push
    flags          TEXT    NOT NULL, -- comma-separated, empty when none
    clock_drift_ms INTEGER,
    raw            BLOB    NOT NULL,
    stored_at      TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);
