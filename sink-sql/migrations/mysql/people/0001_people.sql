CREATE TABLE IF NOT EXISTS {table} (
    device_serial varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    user_id       varchar(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    device_name   varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name          varchar(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, -- empty when the terminal has none any more
    seen_at       datetime     NOT NULL, -- in UTC, when the name was first seen
    PRIMARY KEY (device_serial, user_id)
) ENGINE = InnoDB;
