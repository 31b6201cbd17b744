-- Instants are microseconds since 1970 (UTC). Columns hold what is searched by; the documents hold everything.
-- Ids of payments are random, so only one index holds them: all else refers to the payment's number, which grows.
-- Collation "C": the same order as in SQLite, and faster.

CREATE TABLE schema_version (
    application text NOT NULL,
    version integer NOT NULL
);

CREATE TABLE sandbox (
    sandbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    clock_at bigint,
    faults bytea NOT NULL,
    settings bytea NOT NULL
);

-- No indexed column of a payment ever changes, and its page has room for its next state: an update touches no index.
CREATE TABLE payment (
    payment_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sandbox_id bigint NOT NULL,
    payment_id text COLLATE "C" NOT NULL,
    bank text COLLATE "C" NOT NULL,
    merchant_code text COLLATE "C" NOT NULL,
    order_key text COLLATE "C" NOT NULL,
    order_ref text COLLATE "C" NOT NULL,
    document bytea NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX payment_by_id ON payment (sandbox_id, payment_id);
CREATE UNIQUE INDEX payment_by_order ON payment (sandbox_id, order_key, merchant_code, bank);
CREATE INDEX payment_by_order_ref ON payment (sandbox_id, order_ref);
CREATE INDEX payment_by_sandbox ON payment (sandbox_id, payment_no);

-- The pending payments that expire.
CREATE TABLE expiry (
    sandbox_id bigint NOT NULL,
    expires_at bigint NOT NULL,
    payment_no bigint NOT NULL,
    PRIMARY KEY (sandbox_id, expires_at, payment_no)
);

CREATE TABLE ledger (
    entry_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sandbox_id bigint NOT NULL,
    payment_no bigint NOT NULL,
    entry_id text COLLATE "C" NOT NULL,
    document bytea NOT NULL
);
CREATE UNIQUE INDEX ledger_by_id ON ledger (payment_no, entry_id);
CREATE INDEX ledger_by_sandbox ON ledger (sandbox_id, entry_no);

CREATE TABLE delivery (
    payment_no bigint NOT NULL,
    delivery_id text COLLATE "C" NOT NULL,
    sandbox_id bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    due_at bigint NOT NULL,
    lease text COLLATE "C" NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (payment_no, delivery_id)
);
CREATE INDEX delivery_by_sandbox ON delivery (sandbox_id);
CREATE INDEX delivery_due ON delivery (sandbox_id, due_at, delivery_id) WHERE state IN ('waiting', 'claimed');

CREATE TABLE exchange (
    exchange_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sandbox_id bigint NOT NULL,
    payment_no bigint,
    document bytea NOT NULL
);
CREATE INDEX exchange_by_payment ON exchange (payment_no, exchange_no) WHERE payment_no IS NOT NULL;
CREATE INDEX exchange_by_sandbox ON exchange (sandbox_id, exchange_no);

-- Counters kept beside what they count, because counting a million rows takes half a second.
CREATE TABLE tally (
    sandbox_id bigint NOT NULL,
    counter text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (sandbox_id, counter)
);
