"""The hours of the night in which banks let nobody log in.

Rule: pure. The window is Vietnam's time, may pass midnight.
"""

import re
from datetime import datetime, timedelta

import msgspec

from simulator.clock import VIETNAM

USUAL = "23:00-01:00"
"""Assumption: no bank publishes its hours; gateways speak of the late evening."""

_FORM = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY = 24 * 60


class Window(msgspec.Struct, frozen=True):
    """From the minute of the day when it begins to the one when it is over, the latter not included."""

    begins: int
    ends: int

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.begins, self.ends))


def parse_window(text: str) -> Window | None:
    """ "23:00-01:00"; "" = none. Raises ValueError."""
    if not text:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:20]!r} is no window of time: HH:MM-HH:MM in Vietnam's time, such as {USUAL}")
    hour, minute, last_hour, last_minute = map(int, found.groups())
    window = Window(60 * hour + minute, 60 * last_hour + last_minute)
    if window.begins == window.ends:
        raise ValueError(f"{text} begins when it ends: give an empty text for no maintenance")
    return window


def ends_at(window: Window | None, now: datetime) -> datetime | None:
    """When the maintenance that goes on is over; None while there is none."""
    if window is None:
        return None
    local = now.astimezone(VIETNAM)
    minute = 60 * local.hour + local.minute
    lasts = (window.ends - window.begins) % _DAY
    if (minute - window.begins) % _DAY >= lasts:
        return None
    left = timedelta(minutes=(window.ends - minute) % _DAY)
    return (local.replace(second=0, microsecond=0) + left).astimezone(now.tzinfo)
