"""Business days as each bank counts them: where a day begins and ends, in Vietnam's time.

Rule: pure. Money belongs to the day that its own time falls into, whenever it was heard of.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from tomllib import loads

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.moments import VIETNAM

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5
_MIDNIGHT = time(0)


@dataclass(frozen=True, slots=True)
class Calendar:
    """`cut_off` 00:00 = a day ends with the day. `days_off` is None where every day of the calendar is a business day;
    else these and all weekends belong to the next working day."""

    cut_off: time = _MIDNIGHT
    days_off: frozenset[date] | None = None

    def span(self, day: date, flaws: frozenset[Flaw]) -> tuple[datetime, datetime]:
        """From the first instant of the business day to the first one after it."""
        if Flaw.DAY_WITHOUT_CUT_OFF in flaws:
            return Calendar().span(day, flaws - {Flaw.DAY_WITHOUT_CUT_OFF})
        before = day - _ONE_DAY
        while self._is_off(before):
            before -= _ONE_DAY
        return self._end(before, flaws), self._end(day, flaws)

    def _end(self, day: date, flaws: frozenset[Flaw]) -> datetime:
        # tt-184-2015#year-end: what comes in late on the year's last working day is that day's still.
        last = self.days_off is not None and self._is_years_last(day) and Flaw.DAY_YEAR_END_FORGOTTEN not in flaws
        if self.cut_off == _MIDNIGHT or last:
            return datetime.combine(day + _ONE_DAY, _MIDNIGHT, VIETNAM)
        return datetime.combine(day, self.cut_off, VIETNAM)

    def _is_off(self, day: date) -> bool:
        return self.days_off is not None and (day.weekday() >= _SATURDAY or day in self.days_off)

    def _is_years_last(self, day: date) -> bool:
        following = day + _ONE_DAY
        while self._is_off(following):
            following += _ONE_DAY
        return not self._is_off(day) and following.year != day.year


EVERY_DAY = Calendar()


@cache
def treasury() -> Calendar:
    """tt-184-2015#window: from 16:00 of a working day to 16:00 of the next."""
    return Calendar(time(16), frozenset(_public_holidays()))


def _public_holidays() -> Iterable[date]:
    table = loads(files("fixtures").joinpath("holidays.toml").read_text(encoding="utf-8"))
    for year in table["year"]:
        yield from year["days_off"]
