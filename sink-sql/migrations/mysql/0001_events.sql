CREATE TABLE IF NOT EXISTS {table} (
    event_id       varchar(64)  CHARACTER SET ascii COLLATE ascii_bin     NOT NULL PRIMARY KEY,
    device_serial  varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    device_name    varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    user_id        varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    local_time     datetime     NOT NULL, -- the terminal's wall clock
    `utc_time`     datetime,              -- null without a zone
    zone           varchar(64)  CHARACTER SET ascii COLLATE ascii_bin,
    verify_mode    smallint     NOT NULL,
    punch_state    smallint     NOT NULL,
    work_code      bigint,
    source         varchar(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- pull, live, push
    flags          varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- comma-separated, empty when none
    clock_drift_ms bigint,
    raw            varbinary(255) NOT NULL,
    stored_at      datetime(3)  NOT NULL DEFAULT (utc_timestamp(3))
) ENGINE = InnoDB;
