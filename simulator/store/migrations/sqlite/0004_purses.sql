-- What the test accounts have paid: one row an account, locked by whoever decides about its money.

CREATE TABLE purse (
    sandbox_id INTEGER NOT NULL,
    account TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (sandbox_id, account)
) STRICT, WITHOUT ROWID;
