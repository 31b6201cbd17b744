"""On which day money is booked."""

from datetime import UTC, date, datetime, time

import pytest

from simulator.clock import VIETNAM
from simulator.payment import Merchant
from simulator.workday import booking_date, cut_off_of, parse_cut_off

FOUR = time(16)


def local(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """In January 2026 in Vietnam: the 5th is a Monday."""
    return datetime(2026, 1, day, hour, minute, second, tzinfo=VIETNAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("taken_at", "booked_on"),
    [
        (local(5, 0), 5),
        (local(5, 15, 59, 59), 5),
        (local(5, 16), 5),
        (local(5, 16, 0, 59), 5),
        (local(5, 16, 1), 6),
        (local(5, 23, 59), 6),
        (local(9, 16), 9),
        (local(9, 16, 1), 12),
        (local(10, 9), 12),
        (local(11, 23), 12),
    ],
)
def test_what_is_taken_after_the_cut_off_is_booked_on_the_next_working_day(taken_at: datetime, booked_on: int) -> None:
    """tt-184-2015#window"""
    assert booking_date(taken_at, FOUR) == date(2026, 1, booked_on)


@pytest.mark.parametrize(
    ("taken_at", "booked_on"),
    [
        (datetime(2026, 12, 31, 23, 59, tzinfo=VIETNAM), date(2026, 12, 31)),
        (datetime(2028, 12, 29, 20, tzinfo=VIETNAM), date(2028, 12, 29)),
        (datetime(2028, 12, 30, 9, tzinfo=VIETNAM), date(2029, 1, 1)),
        (datetime(2026, 12, 30, 20, tzinfo=VIETNAM), date(2026, 12, 31)),
    ],
)
def test_a_years_last_working_day_has_no_cut_off(taken_at: datetime, booked_on: date) -> None:
    """tt-184-2015#year-end: the 31st of December 2028 is a Sunday."""
    assert booking_date(taken_at, FOUR) == booked_on


def test_the_merchant_has_a_cut_off_of_its_own() -> None:
    merchant = Merchant(bank="b", merchant_code="m", name="n", options={"cut_off": "11:30"})
    assert cut_off_of(merchant) == time(11, 30)
    assert cut_off_of(None) == cut_off_of(Merchant(bank="b", merchant_code="m", name="n")) == FOUR


@pytest.mark.parametrize("text", ["", "16", "16:0", "24:00", "12:60", "١٦:00", "16:00:00", " 16:00"])
def test_what_is_no_time_of_the_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cut_off|must be in"):
        parse_cut_off(text)
