-- Text messages and e-mails that portals sent to the inbox.

CREATE TABLE letter (
    letter_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sandbox_id bigint NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    document bytea NOT NULL
);
CREATE INDEX letter_by_recipient ON letter (sandbox_id, recipient, letter_no);
