"""Numbers that the portal gives out: dossiers, bills, orders and requests. Rule: none repeats, and none is guessed.

An order's number is drawn at random: a counter or a time would give the same one twice after a new start, or
within one second.
"""

import re
import secrets
from datetime import datetime

from conformance.targets.portal.moments import VIETNAM, compact

# Digits and letters that nobody confuses when reading a bill code aloud at a counter.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

# tt-01-2018#dieu-19 and qd-20-2020#dieu-4: unit code, reception date, serial number of the day.
DOSSIER_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""What the portal takes as a dossier code: the official forms, and any other plain word."""


def order_ref(now: datetime) -> str:
    """18 characters: the day in GMT+7 ("261122") and 60 random bits."""
    return f"{_day(now)}{_drawn(12)}"


def bill_code(province: str, now: datetime) -> str:
    """17 characters, for banks whose fields are too short for a dossier code: "H49261122" and 8 drawn ones."""
    return f"{province}{_day(now)}{_drawn(8)}"


def request_number() -> str:
    """32 hex digits, fresh for every request to a bank."""
    return secrets.token_hex(16)


def dossier_code(unit: str, now: datetime, serial: int) -> str:
    """ "H49.12.6-261122-0001": the unit, the reception date in GMT+7, the serial number of the day."""
    return f"{unit}-{_day(now)}-{serial:04d}"


def by_second(now: datetime) -> str:
    """A time as a number: what the defect of that name uses for an order."""
    return compact(now)


def in_12_hours(now: datetime) -> str:
    """The order's number as it should be, but for a time on the 12-hour clock in it: what that defect uses."""
    return f"{now.astimezone(VIETNAM):%y%m%d%I%M%S}{_drawn(6)}"


def _day(now: datetime) -> str:
    return now.astimezone(VIETNAM).strftime("%y%m%d")


def _drawn(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
