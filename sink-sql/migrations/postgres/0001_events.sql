CREATE TABLE IF NOT EXISTS {table} (
    event_id       text        NOT NULL PRIMARY KEY,
    device_serial  text        NOT NULL,
    device_name    text        NOT NULL,
    user_id        text        NOT NULL,
    local_time     timestamp   NOT NULL, -- the terminal's wall clock
    utc_time       timestamptz,          -- null without a zone
    zone           text,                 -- IANA name
    verify_mode    smallint    NOT NULL,
    punch_state    smallint    NOT NULL,
    work_code      bigint,
    source         text        NOT NULL, -- pull, live, push
    flags          text        NOT NULL, -- comma-separated, empty when none
    clock_drift_ms bigint,
    raw            bytea       NOT NULL,
    stored_at      timestamptz NOT NULL DEFAULT now()
);
