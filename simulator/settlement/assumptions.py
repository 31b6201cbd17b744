"""What no source tells of business days and reconciliation files, so that this project chose it."""

_NONE = "no bank publishes it"
_ONE = "one partner's code is all that was found"

ROWS = (
    ("business-day", "VietinBank and VNPAY 00:00, NAPAS 23:00, the national platform 16:00", _NONE, "business_day"),
    (
        "days-off",
        "weekends and holidays.toml; no day swapped for a Saturday",
        "a year's days are announced",
        "days_off",
    ),
    (
        "treasury-day-off",
        "no file is put of itself; asked for, it shows what came in so far, the next working day's again",
        "law's words",
        "",
    ),
    (
        "treasury-year-end",
        "a year's last working day ends at midnight, the next begins there",
        "to 24:00, says the law",
        "",
    ),
    ("ready", "at 07:00 on the next day, and that is the time written in the file", "THVQR's hour", "files_at"),
    ("held-money", "in no file until it is approved, then in that day's", _NONE, ""),
    ("held-money-reversed", "shown as taken and taken back once it was given back", "nobody is known to list it", ""),
    ("cancelled", "one row within a day, status 99 (VietinBank), 04 (VNPAY), HUY; in TC none", _NONE, ""),
    ("reversal", "of an earlier day's sale: a row of this day, with that status; in TC code 200000", _NONE, ""),
    ("va-separator", "names between commas, values between bars", "so a partner's client reads and writes it", ""),
    ("va-footer", "covers the footer's values; a summary of THVQR says the whole file", _ONE, ""),
    ("va-reply-name", "_OUT.txt", "THVQR says so; one client answers as _IN.txt", ""),
    ("va-late", "a row of type 003 has the time at which it was paid, the day before", "its name alone is known", ""),
    (
        "va-accounts",
        "the bill's code after options.merchant_id; none for cash, cards and terminals",
        _ONE,
        "merchant_id",
    ),
    ("secret", "demo-secret; VNPAY's and the platform's files by the merchant's own", "contracts", "settlement_secret"),
    ("bill-direction", "the partner lists, the bank disputes; the bank also shows its own list", _ONE, ""),
    ("bill-dispute", "the rows as sent, status 00 to 03 as in virtual accounts", "only 'not 00' is read", ""),
    ("bill-fields", "service LEPHI, provider the merchant's code", _ONE, "service_type, provider_code"),
    ("card-refund", "MsgType 1402, its own number, the payment's as RefundId", "the columns' names alone", ""),
    ("card-dispute", "yyyyMMdd_TRANS_DISPUTE_<NAME>.txt, RcReconcile 00 to 03", _ONE, ""),
    ("napas-plain", "not encrypted, so without .pgp", "the keys are the contract's", ""),
    ("napas-fields", "EC_CASHIN, 04, 7399, 08, terminal 00000001, rate 00000001, fees 0", "seen in files and code", ""),
    ("napas-refund", "a row of its own with processing code 200000", "ISO 8583; no refund row was found", ""),
    (
        "napas-trailer",
        "its checksum covers the last line alone",
        "a published file; one client covers all when it writes",
        "",
    ),
    (
        "napas-xl",
        "SL's rows; a claim that NAPAS's books confirm keeps its code, else 0000",
        "only the name is known",
        "",
    ),
    ("napas-member", "971000, alias the merchant's code", "the contract names them", "member_code, member_name"),
    ("vnpay-layout", "all of it", "VNPAY's file is not public", ""),
    ("treasury-layout", "all of it; types 1 and 2 as on the newer platform", "the law says what, not how", ""),
    ("treasury-keys", "agency MaDonVi or TenDonVi, fee LEPHI if the order names none", "bills name no fee group", ""),
    ("folders", "IN, OUT, BACKUP as with VietinBank, ECOM as with NAPAS; our own for the rest", "contracts", ""),
)
