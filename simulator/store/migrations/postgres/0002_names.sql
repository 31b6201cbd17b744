-- Further names of a payment, by which a connector may ask for it: the bank's own number, a refund's number.

CREATE TABLE name (
    sandbox_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    merchant_code text COLLATE "C" NOT NULL,
    bank text COLLATE "C" NOT NULL,
    payment_no bigint NOT NULL,
    PRIMARY KEY (sandbox_id, name, merchant_code, bank)
);
