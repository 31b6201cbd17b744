"""The money of one test account: what it has paid, in all and today, and what its bank lets it pay still.

Rule: pure. A day is a calendar day in Vietnam. What comes back restores the balance, not the day's limits.
"""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from simulator.clock import VIETNAM
from simulator.payment import Outcome

PLENTY_VND = 10**15
"""A million billion: no test spends that."""

FACE_TRANSFER_VND = 10_000_000
"""qd-2345-2023#annex-1: one transfer above this is confirmed with biometrics."""

FACE_TRANSFERS_A_DAY_VND = 20_000_000
"""qd-2345-2023#annex-1: so is one that brings the day's transfers above this."""

FACE_PAYMENTS_A_DAY_VND = 100_000_000
"""qd-2345-2023#annex-1: payments to known merchants and of bills only above this a day."""


class Kind(StrEnum):
    """What money leaves an account for. The first two have each its own count of the day for biometrics."""

    TRANSFER = "transfer"
    PAYMENT = "payment"
    """To a merchant that the bank knows, or of a bill."""
    COUNTER = "counter"
    """At a branch, before a teller: what limits the others does not limit it."""


class Biometrics(StrEnum):
    """What the bank knows of the payer's face."""

    REGISTERED = "registered"
    MISMATCH = "mismatch"
    """Somebody else's: the camera never finds them alike."""
    NONE = "none"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an account begins with and what its bank allows it."""

    balance_vnd: int = PLENTY_VND
    per_transfer_vnd: int = PLENTY_VND
    daily_vnd: int = PLENTY_VND
    biometrics: Biometrics = Biometrics.REGISTERED


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """What one account has paid, less what came back, and today's part of it; what is not None replaces its terms.

    The `unconfirmed` amounts are those of `day` since biometrics last confirmed a debit of that kind.
    """

    account: str
    spent_vnd: int = 0
    day: date | None = None
    today_vnd: int = 0
    unconfirmed_transfers_vnd: int = 0
    unconfirmed_payments_vnd: int = 0
    opening_vnd: int | None = None
    per_transfer_vnd: int | None = None
    daily_vnd: int | None = None
    biometrics: Biometrics | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an account stands at an instant. `left_today_vnd` is never below zero."""

    balance_vnd: int
    per_transfer_vnd: int
    daily_vnd: int
    today_vnd: int
    left_today_vnd: int
    biometrics: Biometrics


def is_account(payer_account: str) -> bool:
    """Whether that is an account's number: cards are kept masked."""
    return payer_account.isascii() and payer_account.isdigit()


def standing(purse: Purse, terms: Terms, now: datetime) -> Standing:
    opening_vnd = terms.balance_vnd if purse.opening_vnd is None else purse.opening_vnd
    daily_vnd = terms.daily_vnd if purse.daily_vnd is None else purse.daily_vnd
    today_vnd = _on(purse, now).today_vnd
    return Standing(
        balance_vnd=opening_vnd - purse.spent_vnd,
        per_transfer_vnd=terms.per_transfer_vnd if purse.per_transfer_vnd is None else purse.per_transfer_vnd,
        daily_vnd=daily_vnd,
        today_vnd=today_vnd,
        left_today_vnd=max(daily_vnd - today_vnd, 0),
        biometrics=purse.biometrics or terms.biometrics,
    )


def refusal(purse: Purse, terms: Terms, kind: Kind, amount_vnd: int, now: datetime) -> Outcome | None:
    """Why the account cannot pay that much now; None if it can. What is not there matters before what is allowed."""
    stands = standing(purse, terms, now)
    if amount_vnd > stands.balance_vnd:
        return Outcome.INSUFFICIENT_FUNDS
    if kind is Kind.COUNTER:
        return None
    if amount_vnd > stands.per_transfer_vnd or stands.today_vnd + amount_vnd > stands.daily_vnd:
        return Outcome.OVER_LIMIT
    return None


def wants_face(purse: Purse, kind: Kind, amount_vnd: int, now: datetime) -> bool:
    """Whether biometrics must confirm that debit."""
    today = _on(purse, now)
    if kind is Kind.COUNTER:
        return False
    if kind is Kind.PAYMENT:
        return today.unconfirmed_payments_vnd + amount_vnd > FACE_PAYMENTS_A_DAY_VND
    above = today.unconfirmed_transfers_vnd + amount_vnd > FACE_TRANSFERS_A_DAY_VND
    return above or amount_vnd > FACE_TRANSFER_VND


def debited(purse: Purse, kind: Kind, amount_vnd: int, now: datetime, *, confirmed: bool) -> Purse:
    """`confirmed` = biometrics confirmed it; the count of what they did not confirm then begins anew."""
    if kind is Kind.COUNTER:
        return msgspec.structs.replace(purse, spent_vnd=purse.spent_vnd + amount_vnd)
    today = _on(purse, now)
    counter = "unconfirmed_payments_vnd" if kind is Kind.PAYMENT else "unconfirmed_transfers_vnd"
    counted = 0 if confirmed else getattr(today, counter) + amount_vnd
    return msgspec.structs.replace(
        today,
        spent_vnd=purse.spent_vnd + amount_vnd,
        today_vnd=today.today_vnd + amount_vnd,
        **{counter: counted},
    )


def returned(purse: Purse, amount_vnd: int) -> Purse:
    return msgspec.structs.replace(purse, spent_vnd=purse.spent_vnd - amount_vnd)


def changed(
    purse: Purse,
    *,
    balance_vnd: int | None = None,
    per_transfer_vnd: int | None = None,
    daily_vnd: int | None = None,
    biometrics: Biometrics | None = None,
) -> Purse:
    """What is given replaces what the account had; `balance_vnd` is what it has from now on."""
    opening_vnd = purse.opening_vnd if balance_vnd is None else purse.spent_vnd + balance_vnd
    return msgspec.structs.replace(
        purse,
        opening_vnd=opening_vnd,
        per_transfer_vnd=purse.per_transfer_vnd if per_transfer_vnd is None else per_transfer_vnd,
        daily_vnd=purse.daily_vnd if daily_vnd is None else daily_vnd,
        biometrics=biometrics or purse.biometrics,
    )


def _on(purse: Purse, now: datetime) -> Purse:
    """The purse as it is on that day: yesterday's amounts count no more."""
    day = now.astimezone(VIETNAM).date()
    if purse.day == day:
        return purse
    return msgspec.structs.replace(purse, day=day, today_vnd=0, unconfirmed_transfers_vnd=0, unconfirmed_payments_vnd=0)
