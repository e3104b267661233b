-- Version 13: commands that change something at a terminal. They are sent once: nobody knows if one without an answer was
-- carried out.
ALTER TABLE push_commands ADD COLUMN once INTEGER NOT NULL DEFAULT 0;
