CREATE INDEX {by_user} ON {table} (user_id, local_time);
CREATE INDEX {by_device} ON {table} (device_serial, local_time);
CREATE VIEW {daily} AS
SELECT user_id,
       local_time::date AS day,
       min(local_time) AS first_in,
       CASE WHEN count(*) > 1 THEN max(local_time) END AS last_out,
       count(*) AS punches
FROM {table}
GROUP BY user_id, local_time::date;
CREATE VIEW {latest} AS
SELECT DISTINCT ON (user_id) user_id, local_time, device_serial, device_name, verify_mode, punch_state, event_id
FROM {table}
ORDER BY user_id, local_time DESC, event_id;
COMMENT ON TABLE {table} IS 'Punches read from attendance terminals, each once';
COMMENT ON COLUMN {table}.event_id IS 'The event''s id, 32 hex digits';
COMMENT ON COLUMN {table}.device_serial IS 'The terminal''s serial number, or name:NAME where it gave none';
COMMENT ON COLUMN {table}.device_name IS 'The terminal''s configured name';
COMMENT ON COLUMN {table}.user_id IS 'The user id as the terminal has it';
COMMENT ON COLUMN {table}.local_time IS 'The terminal''s wall clock';
COMMENT ON COLUMN {table}.utc_time IS 'The moment; null without a zone';
COMMENT ON COLUMN {table}.zone IS 'The terminal''s zone, an IANA name; null without one';
COMMENT ON COLUMN {table}.verify_mode IS 'How the person proved who they are, the terminal''s code: 1 finger, 15 face ...';
COMMENT ON COLUMN {table}.punch_state IS 'What the person declared, the terminal''s code: 0 in, 1 out ..., 255 not asked';
COMMENT ON COLUMN {table}.work_code IS 'A job number keyed in; null where the terminal''s layout has none';
COMMENT ON COLUMN {table}.source IS 'How it came: pull, live, push';
COMMENT ON COLUMN {table}.flags IS 'What is remarkable, comma-separated; empty when nothing is';
COMMENT ON COLUMN {table}.clock_drift_ms IS 'The terminal''s clock less the true time, in milliseconds';
COMMENT ON COLUMN {table}.raw IS 'The record as the terminal sent it';
COMMENT ON COLUMN {table}.stored_at IS 'When the row was written';
COMMENT ON VIEW {daily} IS 'First and last punch of each person and day; last_out is null while there is one punch';
COMMENT ON VIEW {latest} IS 'The latest punch of each person';
