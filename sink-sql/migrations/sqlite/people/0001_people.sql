CREATE TABLE IF NOT EXISTS {table} (
    device_serial TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    device_name   TEXT NOT NULL,
    name          TEXT NOT NULL, -- empty when the terminal has none any more
    seen_at       TEXT NOT NULL, -- YYYY-MM-DDTHH:MM:SSZ, when the name was first seen
    PRIMARY KEY (device_serial, user_id)
);
