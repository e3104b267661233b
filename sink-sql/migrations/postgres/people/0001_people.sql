CREATE TABLE IF NOT EXISTS {table} (
    device_serial text        NOT NULL,
    user_id       text        NOT NULL,
    device_name   text        NOT NULL,
    name          text        NOT NULL, -- empty when the terminal has none any more
    seen_at       timestamptz NOT NULL, -- when the name was first seen
    PRIMARY KEY (device_serial, user_id)
);
