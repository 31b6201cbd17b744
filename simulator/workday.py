"""The business date on which money taken at a counter is booked.

Rule: pure. What is taken after the merchant's cut-off, or on a day off, is booked on the next working day.
"""

import re
from datetime import date, datetime, time, timedelta

from simulator.clock import VIETNAM
from simulator.payment import Merchant

CUT_OFF = "cut_off"
"""The merchant's option: "16:00" in Vietnam's time."""

USUAL_CUT_OFF = "16:00"
"""tt-184-2015#window: the Treasury's day runs from 16:00 to 16:00; that a bank's counter keeps it is an assumption."""

SATURDAY = 5
"""Saturdays and Sundays are off, and the public holidays that a caller gives."""

NO_HOLIDAYS: frozenset[date] = frozenset()


def cut_off_of(merchant: Merchant | None) -> time:
    """The merchant's own, else the usual one. Raises ValueError for an option in another form."""
    return parse_cut_off(merchant.options.get(CUT_OFF, USUAL_CUT_OFF) if merchant else USUAL_CUT_OFF)


def parse_cut_off(text: str) -> time:
    """ "16:00" -> 16:00. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{2}:[0-9]{2}", text, re.ASCII):
        raise ValueError(f"cut_off {text[:20]!r} is not HH:MM")
    return time(int(text[:2]), int(text[3:]))


def booking_date(taken_at: datetime, cut_off: time, days_off: frozenset[date] = NO_HOLIDAYS) -> date:
    """The day itself up to and with the minute of the cut-off, else the next working day.

    A year's last working day has no cut-off. `days_off` are those besides the weekends.
    """
    local = taken_at.astimezone(VIETNAM)
    today = _working_day(local.date(), days_off)
    following = _working_day(today + timedelta(days=1), days_off)
    late = today == local.date() and local.time().replace(second=0, microsecond=0) > cut_off
    # tt-184-2015#year-end: what comes in late on that day reaches the Treasury on the same day.
    return following if late and following.year == today.year else today


def _working_day(day: date, days_off: frozenset[date]) -> date:
    """That day, or the first working day after it."""
    while day.weekday() >= SATURDAY or day in days_off:
        day += timedelta(days=1)
    return day
