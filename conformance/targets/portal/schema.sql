-- The portal's books. Every table that must have a thing at most once has it in a column "once" that is UNIQUE.

CREATE TABLE IF NOT EXISTS dossiers (
    dossier_code TEXT PRIMARY KEY,
    bill_code    TEXT NOT NULL UNIQUE,
    province     TEXT NOT NULL,
    service_code TEXT NOT NULL,
    fee_vnd      INTEGER NOT NULL CHECK (fee_vnd > 0),
    applicant    TEXT NOT NULL,
    phone        TEXT NOT NULL,
    email        TEXT NOT NULL,
    declared_at  TEXT NOT NULL,
    cancelled_at TEXT,
    locked_at    TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS attempts (
    bank         TEXT NOT NULL,
    order_ref    TEXT NOT NULL,
    dossier_code TEXT NOT NULL REFERENCES dossiers,
    method       TEXT NOT NULL,
    amount_vnd   INTEGER NOT NULL,
    state        TEXT NOT NULL,
    ordered_at   TEXT NOT NULL,
    expires_at   TEXT NOT NULL,
    client_ip    TEXT NOT NULL,
    url          TEXT NOT NULL,
    code         TEXT NOT NULL,
    asks         INTEGER NOT NULL,
    asked_at     TEXT,
    closed       INTEGER NOT NULL,
    PRIMARY KEY (bank, order_ref)
) STRICT;
CREATE INDEX IF NOT EXISTS attempts_of_dossier ON attempts (dossier_code);
CREATE INDEX IF NOT EXISTS attempts_to_ask ON attempts (closed, state, ordered_at);

-- Money that came in: what settled a dossier, and what is due back to its payer.
CREATE TABLE IF NOT EXISTS credits (
    once         TEXT NOT NULL UNIQUE,
    bank         TEXT NOT NULL,
    money_ref    TEXT NOT NULL,
    order_ref    TEXT NOT NULL,
    dossier_code TEXT NOT NULL REFERENCES dossiers,
    amount_vnd   INTEGER NOT NULL,
    bank_ref     TEXT NOT NULL,
    settles      INTEGER NOT NULL,
    credited_at  TEXT NOT NULL,
    paid_at      TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS credits_of_dossier ON credits (dossier_code);
CREATE INDEX IF NOT EXISTS credits_of_day ON credits (bank, paid_at);
CREATE INDEX IF NOT EXISTS credits_of_money ON credits (bank, money_ref);

CREATE TABLE IF NOT EXISTS refunds (
    once         TEXT NOT NULL UNIQUE,
    request_ref  TEXT NOT NULL UNIQUE,
    credit       TEXT NOT NULL REFERENCES credits (once),
    dossier_code TEXT NOT NULL REFERENCES dossiers,
    amount_vnd   INTEGER NOT NULL CHECK (amount_vnd > 0),
    state        TEXT NOT NULL,
    asked_at     TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS refunds_of_dossier ON refunds (dossier_code);

CREATE TABLE IF NOT EXISTS receipts (
    once         TEXT NOT NULL UNIQUE,
    dossier_code TEXT NOT NULL REFERENCES dossiers,
    template     TEXT NOT NULL,
    symbol       TEXT NOT NULL,
    number       INTEGER NOT NULL,
    amount_vnd   INTEGER NOT NULL,
    issued_at    TEXT NOT NULL,
    UNIQUE (template, symbol, number)
) STRICT;
CREATE INDEX IF NOT EXISTS receipts_of_dossier ON receipts (dossier_code);

-- Receipts of payments that were settled while nobody issued any: to be issued later.
CREATE TABLE IF NOT EXISTS receipts_owed (
    once         TEXT NOT NULL UNIQUE,
    dossier_code TEXT NOT NULL REFERENCES dossiers,
    amount_vnd   INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS notifications (
    once         TEXT NOT NULL UNIQUE,
    dossier_code TEXT NOT NULL REFERENCES dossiers,
    channel      TEXT NOT NULL,
    address      TEXT NOT NULL,
    text         TEXT NOT NULL,
    amount_vnd   INTEGER,
    written_at   TEXT NOT NULL,
    sent         INTEGER NOT NULL DEFAULT 0,
    tries        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS notifications_to_send ON notifications (tries) WHERE sent = 0 AND address <> '';
CREATE INDEX IF NOT EXISTS notifications_of_dossier ON notifications (dossier_code);

-- Callbacks acknowledged and not yet settled.
CREATE TABLE IF NOT EXISTS inbox (
    id          INTEGER PRIMARY KEY,
    word        TEXT NOT NULL,
    received_at TEXT NOT NULL
) STRICT;

-- What a person has to look into.
CREATE TABLE IF NOT EXISTS discrepancies (
    once         TEXT NOT NULL UNIQUE,
    dossier_code TEXT NOT NULL REFERENCES dossiers,
    says         TEXT NOT NULL,
    noted_at     TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS discrepancies_of_dossier ON discrepancies (dossier_code);

-- The banks' files of a business day, with the answer that each was given. A later file of a day takes its place.
CREATE TABLE IF NOT EXISTS day_files (
    bank          TEXT NOT NULL,
    business_date TEXT NOT NULL,
    name          TEXT NOT NULL,
    refused       TEXT NOT NULL,
    rows          INTEGER NOT NULL,
    received_at   TEXT NOT NULL,
    content       BLOB NOT NULL,
    reply_name    TEXT NOT NULL,
    reply         BLOB NOT NULL,
    PRIMARY KEY (bank, business_date)
) STRICT;

-- Where a bank's file and these books do not agree: for a clerk, who alone may change anything.
CREATE TABLE IF NOT EXISTS findings (
    bank          TEXT NOT NULL,
    business_date TEXT NOT NULL,
    kind          TEXT NOT NULL,
    money_ref     TEXT NOT NULL,
    order_ref     TEXT NOT NULL,
    bank_ref      TEXT NOT NULL,
    amount_vnd    INTEGER,
    says          TEXT NOT NULL,
    solved        INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (bank, business_date) REFERENCES day_files (bank, business_date)
) STRICT;
CREATE INDEX IF NOT EXISTS findings_of_day ON findings (bank, business_date);
CREATE INDEX IF NOT EXISTS findings_of_money ON findings (bank, money_ref);
