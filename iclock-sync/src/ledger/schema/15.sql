-- Version 15: terminals that push and have spoken TLS.
--
-- 0: never, 1: it does, 2: it did, and calls over plain HTTP now.
ALTER TABLE push_terminals ADD COLUMN tls INTEGER NOT NULL DEFAULT 0;
