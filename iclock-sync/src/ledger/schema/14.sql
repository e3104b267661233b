-- Version 14: controllers that need their commands wrapped, and the addresses at which terminals presented the shared key.
--
-- A terminal presents the key when it shakes hands, which some do only when they start. `digest` is that of the key and
-- the serial number.
ALTER TABLE push_terminals ADD COLUMN wraps INTEGER NOT NULL DEFAULT 0;
CREATE TABLE push_keys (
    serial TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    address TEXT NOT NULL
) WITHOUT ROWID;
