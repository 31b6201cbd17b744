-- Instants are microseconds since 1970 (UTC). Columns hold what is searched by; the documents hold everything.
-- Ids of payments are random, so only one index holds them: all else refers to the payment's number, which grows.
-- What belongs together then lies together, and a commit writes few pages.

CREATE TABLE schema_version (
    application TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;

-- AUTOINCREMENT: a number is never given twice, so nothing begun for a dropped sandbox touches its successor.
CREATE TABLE sandbox (
    sandbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    clock_at INTEGER,
    faults BLOB NOT NULL,
    settings BLOB NOT NULL
) STRICT;

CREATE TABLE payment (
    payment_no INTEGER PRIMARY KEY,
    sandbox_id INTEGER NOT NULL,
    payment_id TEXT NOT NULL,
    bank TEXT NOT NULL,
    merchant_code TEXT NOT NULL,
    order_key TEXT NOT NULL,
    order_ref TEXT NOT NULL,
    expires_at INTEGER,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX payment_by_id ON payment (sandbox_id, payment_id);
CREATE UNIQUE INDEX payment_by_order ON payment (sandbox_id, order_key, merchant_code, bank);
CREATE INDEX payment_by_order_ref ON payment (sandbox_id, order_ref);
CREATE INDEX payment_by_sandbox ON payment (sandbox_id);
CREATE INDEX payment_expiring ON payment (sandbox_id, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE ledger (
    entry_no INTEGER PRIMARY KEY,
    sandbox_id INTEGER NOT NULL,
    payment_no INTEGER NOT NULL,
    entry_id TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX ledger_by_id ON ledger (payment_no, entry_id);
CREATE INDEX ledger_by_sandbox ON ledger (sandbox_id);

CREATE TABLE delivery (
    delivery_no INTEGER PRIMARY KEY,
    sandbox_id INTEGER NOT NULL,
    payment_no INTEGER NOT NULL,
    delivery_id TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    lease TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX delivery_by_id ON delivery (payment_no, delivery_id);
CREATE INDEX delivery_by_sandbox ON delivery (sandbox_id);
CREATE INDEX delivery_due ON delivery (sandbox_id, due_at, delivery_id) WHERE state IN ('waiting', 'claimed');

-- AUTOINCREMENT: who reads on from the last number sees what comes after a sandbox was cleared.
CREATE TABLE exchange (
    exchange_no INTEGER PRIMARY KEY AUTOINCREMENT,
    sandbox_id INTEGER NOT NULL,
    payment_no INTEGER,
    document BLOB NOT NULL
) STRICT;
CREATE INDEX exchange_by_payment ON exchange (payment_no) WHERE payment_no IS NOT NULL;
CREATE INDEX exchange_by_sandbox ON exchange (sandbox_id);

-- Counters kept beside what they count, because counting a million rows takes half a second.
CREATE TABLE tally (
    sandbox_id INTEGER NOT NULL,
    counter TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (sandbox_id, counter)
) STRICT, WITHOUT ROWID;
