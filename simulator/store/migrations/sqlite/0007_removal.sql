-- What belongs to a payment is found by it, so that old payments can be removed whole. The counters of payments are
-- from now on kept by bank ("payments:vnpay:paid"); those of an earlier schema are counted anew by the program.

CREATE INDEX name_by_payment ON name (payment_no);
CREATE INDEX moment_by_payment ON moment (payment_no);
CREATE INDEX letter_by_sandbox ON letter (sandbox_id);
