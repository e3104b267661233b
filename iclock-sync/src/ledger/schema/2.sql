-- Version 2: an index that finds which of many equal records a poll has met.
CREATE INDEX quarantine_met ON quarantine (terminal, masked, reading, occurrence);
