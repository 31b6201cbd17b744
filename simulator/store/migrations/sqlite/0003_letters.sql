-- Text messages and e-mails that portals sent to the inbox.

CREATE TABLE letter (
    letter_no INTEGER PRIMARY KEY AUTOINCREMENT,
    sandbox_id INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE INDEX letter_by_recipient ON letter (sandbox_id, recipient);
