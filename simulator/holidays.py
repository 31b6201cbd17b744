"""The days besides weekends on which offices are closed: Vietnam's public holidays, and a merchant's own days off.

Rule: a table, not a calculation; which days a year has is announced for each year.
"""

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files

from simulator.payment import Merchant

DAYS_OFF = "days_off"
"""The merchant's option: further days, "2027-02-12,2027-11-24"."""

DAYS_MAX = 400


def days_off_of(merchant: Merchant | None) -> frozenset[date]:
    """The public holidays and the merchant's own. Raises ValueError for an option in another form."""
    return public_holidays() | parse_days_off(merchant.options.get(DAYS_OFF, "") if merchant else "")


@cache
def public_holidays() -> frozenset[date]:
    """labour-code-2019#holidays: those of fixtures/holidays.toml."""
    table = tomllib.loads(files("fixtures").joinpath("holidays.toml").read_text("utf-8"))
    return frozenset(day for year in table["year"] for day in year["days_off"])


def parse_days_off(text: str) -> frozenset[date]:
    """ "2027-02-12,2027-11-24" -> two days, "" -> none. Raises ValueError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) > DAYS_MAX:
        raise ValueError(f"{DAYS_OFF} has more than {DAYS_MAX} days")
    return frozenset(date.fromisoformat(word) for word in words)
