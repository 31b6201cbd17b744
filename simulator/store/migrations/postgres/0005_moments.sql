-- Under which instants a day's file finds a payment: when its money moved, or counted. What an earlier schema kept is
-- entered by the program, for an instant stands in a document there.

CREATE TABLE moment (
    sandbox_id bigint NOT NULL,
    bank text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    payment_no bigint NOT NULL,
    PRIMARY KEY (sandbox_id, bank, at, payment_no)
);
