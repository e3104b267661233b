CREATE INDEX IF NOT EXISTS {by_user} ON {table} (user_id, local_time);
CREATE INDEX IF NOT EXISTS {by_device} ON {table} (device_serial, local_time);
CREATE VIEW {daily} AS
SELECT user_id,
       date(local_time) AS day,
       min(local_time) AS first_in,
       CASE WHEN count(*) > 1 THEN max(local_time) END AS last_out, -- null while there is one punch
       count(*) AS punches
FROM {table}
GROUP BY user_id, date(local_time);
CREATE VIEW {latest} AS
SELECT user_id, local_time, device_serial, device_name, verify_mode, punch_state, event_id
FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY local_time DESC, event_id) AS nth FROM {table})
WHERE nth = 1;
