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
        ("counter", "before a teller only the balance limits an account", "the law is about online payments", ""),
    ),
)
