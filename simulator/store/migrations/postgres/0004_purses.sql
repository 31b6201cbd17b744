-- What the test accounts have paid: one row an account, locked by whoever decides about its money.

CREATE TABLE purse (
    purse_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sandbox_id bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    document bytea NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX purse_by_account ON purse (sandbox_id, account);
