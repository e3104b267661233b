CREATE INDEX {by_user} ON {table} (user_id, local_time);
CREATE INDEX {by_device} ON {table} (device_serial, local_time);
CREATE VIEW {daily} AS
SELECT user_id,
       CAST(local_time AS date) AS day,
       min(local_time) AS first_in,
       CASE WHEN count(*) > 1 THEN max(local_time) END AS last_out,
       count(*) AS punches
FROM {table}
GROUP BY user_id, CAST(local_time AS date);
CREATE VIEW {latest} AS
SELECT user_id, local_time, device_serial, device_name, verify_mode, punch_state, event_id
FROM (SELECT p.*, row_number() OVER (PARTITION BY user_id ORDER BY local_time DESC, event_id) AS nth FROM {table} p) n
WHERE nth = 1;
ALTER TABLE {table}
    COMMENT = 'Punches read from attendance terminals, each once',
    MODIFY event_id       varchar(64)  CHARACTER SET ascii COLLATE ascii_bin     NOT NULL COMMENT 'The event''s id, 32 hex digits',
    MODIFY device_serial  varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'The terminal''s serial number, or name:NAME where it gave none',
    MODIFY device_name    varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'The terminal''s configured name',
    MODIFY user_id        varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'The user id as the terminal has it',
    MODIFY local_time     datetime     NOT NULL COMMENT 'The terminal''s wall clock',
    MODIFY `utc_time`     datetime     COMMENT 'The moment, UTC; null without a zone',
    MODIFY zone           varchar(64)  CHARACTER SET ascii COLLATE ascii_bin COMMENT 'The terminal''s zone, an IANA name; null without one',
    MODIFY verify_mode    smallint     NOT NULL COMMENT 'How the person proved who they are, the terminal''s code: 1 finger, 15 face ...',
    MODIFY punch_state    smallint     NOT NULL COMMENT 'What the person declared, the terminal''s code: 0 in, 1 out ..., 255 not asked',
    MODIFY work_code      bigint       COMMENT 'A job number keyed in; null where the terminal''s layout has none',
    MODIFY source         varchar(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'How it came: pull, live, push',
    MODIFY flags          varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'What is remarkable, comma-separated; empty when nothing is',
    MODIFY clock_drift_ms bigint       COMMENT 'The terminal''s clock less the true time, in milliseconds',
    MODIFY raw            varbinary(255) NOT NULL COMMENT 'The record as the terminal sent it',
    MODIFY stored_at      datetime(3)  NOT NULL DEFAULT (utc_timestamp(3)) COMMENT 'When the row was written, UTC';
