-- Instants are microseconds since 1970 (UTC). Columns hold what is searched by; the documents hold everything.

CREATE TABLE schema_version (
    application TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;

-- A number is never given twice: what was done for a dropped sandbox can never touch its successor.
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
    state TEXT NOT NULL,
    expires_at INTEGER,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX payment_by_id ON payment (sandbox_id, payment_id);
CREATE UNIQUE INDEX payment_by_order ON payment (sandbox_id, order_key, merchant_code, bank);
CREATE INDEX payment_by_order_ref ON payment (sandbox_id, order_ref);
CREATE INDEX payment_by_number ON payment (sandbox_id);
CREATE INDEX payment_expiring ON payment (sandbox_id, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE ledger (
    entry_no INTEGER PRIMARY KEY,
    sandbox_id INTEGER NOT NULL,
    payment_id TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX ledger_by_id ON ledger (sandbox_id, payment_id, entry_id);
CREATE INDEX ledger_by_number ON ledger (sandbox_id);

CREATE TABLE delivery (
    delivery_no INTEGER PRIMARY KEY,
    sandbox_id INTEGER NOT NULL,
    payment_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    lease TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX delivery_by_id ON delivery (sandbox_id, payment_id, delivery_id);
CREATE INDEX delivery_due ON delivery (sandbox_id, due_at, delivery_id) WHERE state IN ('waiting', 'claimed');

CREATE TABLE exchange (
    exchange_no INTEGER PRIMARY KEY AUTOINCREMENT,
    sandbox_id INTEGER NOT NULL,
    payment_id TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE INDEX exchange_by_payment ON exchange (sandbox_id, payment_id);
CREATE INDEX exchange_by_number ON exchange (sandbox_id);

-- Counters kept beside what they count, because counting a million rows takes half a second.
CREATE TABLE tally (
    sandbox_id INTEGER NOT NULL,
    counter TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (sandbox_id, counter)
) STRICT, WITHOUT ROWID;
