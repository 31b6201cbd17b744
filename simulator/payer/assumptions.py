"""What no document says of payers' banks, so that this project chose it; the same whichever gateway sends the payer."""

from simulator.dialect import assumed

PAYER = "payer"
"""Stands where a bank's code stands in lists of assumptions."""

_LAW = "Decision 2345 as public pages tell it; its annex was not at hand"
_NONE = "no bank publishes it"

ASSUMPTIONS = assumed(
    PAYER,
    (
        ("tries", "three wrong passwords and one-time passwords together", "gateways speak of three", ""),
        ("session", "ten idle minutes; longer than a one-time password lives, so that its end is seen", _NONE, ""),
        ("maintenance", "off; usual hours 23:00-01:00; payments stay pending", _NONE, "PUT .../maintenance"),
        ("biometrics-bounds", "above 10,000,000 at once and 20,000,000 a day: exactly that much is free", _LAW, ""),
        ("biometrics-fees", "payments to merchants and of bills: above 100,000,000 a day", _LAW, "fees_as = transfer"),
        ("biometrics-count", "transfers and payments apart; anew at midnight and after each face seen", _LAW, ""),
        ("biometrics-order", "after the one-time password, before the debit", "the debit knows the day's total", ""),
        ("biometrics-mismatch", "declined as over_limit at once: the payer is sent to a branch", _LAW, ""),
        ("biometrics-connector", "where a connector passes the password on there is no camera: declined", _NONE, ""),
        ("daily-limit", "money that comes back does not restore it", _NONE, ""),
        ("cards-unproved", "a card whose issuer says N, R or U is not tried", "a gateway may try it all the same", ""),
        ("cards-outcomes", "cards and passwords of our own for each outcome", "few are published", "/cards lists them"),
        ("cards-luhn", "a domestic number needs a right check digit", "all published ones have it", "luhn = off"),
        ("terminal-codes", "which DE39 an outcome of the house has", "ISO 8583 knows codes, not our outcomes", "host"),
        ("terminal-reversal", "three reversals at once: 0400, then 0401 twice", "each acquirer has its own timing", ""),
        ("terminal-batch", "closed by hand; at most 500 sales; 920000 and 960000 as codes", "acquirers differ", ""),
        ("counter-cut-off", "16:00; later money is the next working day's, but at the year's end", _NONE, "cut_off"),
        ("counter-days-off", "weekends and the holidays of holidays.toml", "a year's days are announced", "days_off"),
        ("counter-correction", "the wrong code is reversed, the right one paid with what it owes", _NONE, ""),
        ("counter", "before a teller only the balance limits an account", "the law is about online payments", ""),
    ),
)
