-- Under which instants a day's file finds a payment: when its money moved, or counted. What an earlier schema kept is
-- entered by the program, for an instant stands in a document there.

CREATE TABLE moment (
    sandbox_id INTEGER NOT NULL,
    bank TEXT NOT NULL,
    at INTEGER NOT NULL,
    payment_no INTEGER NOT NULL,
    PRIMARY KEY (sandbox_id, bank, at, payment_no)
) STRICT, WITHOUT ROWID;
