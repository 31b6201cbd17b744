-- Further names of a payment, by which a connector may ask for it: the bank's own number, a refund's number.

CREATE TABLE name (
    sandbox_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    merchant_code TEXT NOT NULL,
    bank TEXT NOT NULL,
    payment_no INTEGER NOT NULL,
    PRIMARY KEY (sandbox_id, name, merchant_code, bank)
) STRICT, WITHOUT ROWID;
