-- Version 3: the writes that a sink has used up of a day's budget.
CREATE TABLE budgets (
    sink INTEGER PRIMARY KEY REFERENCES sinks (id),
    day TEXT NOT NULL,
    writes INTEGER NOT NULL
);
