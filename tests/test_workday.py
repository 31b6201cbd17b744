"""On which day money is booked."""

import tomllib
from datetime import UTC, date, datetime, time
from importlib.resources import files

import pytest

from simulator.clock import VIETNAM
from simulator.holidays import days_off_of, parse_days_off, public_holidays
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


@pytest.mark.parametrize(
    ("taken_at", "booked_on"),
    [
        (datetime(2026, 2, 13, 15, tzinfo=VIETNAM), date(2026, 2, 13)),
        (datetime(2026, 2, 13, 17, tzinfo=VIETNAM), date(2026, 2, 23)),
        (datetime(2026, 2, 18, 9, tzinfo=VIETNAM), date(2026, 2, 23)),
        (datetime(2026, 4, 26, 9, tzinfo=VIETNAM), date(2026, 4, 28)),
        (datetime(2026, 12, 31, 20, tzinfo=VIETNAM), date(2026, 12, 31)),
        (datetime(2027, 1, 1, 9, tzinfo=VIETNAM), date(2027, 1, 4)),
    ],
)
def test_nothing_is_booked_on_a_public_holiday(taken_at: datetime, booked_on: date) -> None:
    """labour-code-2019#holidays: the lunar New Year, the day for the Hung Kings' Sunday, 1 January."""
    assert booking_date(taken_at, FOUR, public_holidays()) == booked_on


def test_a_merchant_may_have_further_days_off() -> None:
    merchant = Merchant(bank="b", merchant_code="m", name="n", options={"days_off": "2026-11-24, 2026-11-25"})
    own = days_off_of(merchant)
    assert booking_date(datetime(2026, 11, 24, 9, tzinfo=VIETNAM), FOUR, own) == date(2026, 11, 26)
    assert own - public_holidays() == {date(2026, 11, 24), date(2026, 11, 25)}
    assert days_off_of(None) == public_holidays()


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "2026-11-24;2026-11-25", ",".join(["2026-11-24"] * 401)])
def test_what_is_no_list_of_days_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"days_off|isoformat|day is out of range"):
        parse_days_off(text)


def test_no_holiday_of_the_table_is_a_weekend_or_of_another_year() -> None:
    table = tomllib.loads(files("fixtures").joinpath("holidays.toml").read_text("utf-8"))
    for year in table["year"]:
        days = year["days_off"]
        assert days == sorted(set(days))
        assert {day.year for day in days} == {year["year"]}
        assert all(day.weekday() < 5 for day in days)
        assert len(days) in (10, 11)


def test_the_merchant_has_a_cut_off_of_its_own() -> None:
    merchant = Merchant(bank="b", merchant_code="m", name="n", options={"cut_off": "11:30"})
    assert cut_off_of(merchant) == time(11, 30)
    assert cut_off_of(None) == cut_off_of(Merchant(bank="b", merchant_code="m", name="n")) == FOUR


@pytest.mark.parametrize("text", ["", "16", "16:0", "24:00", "12:60", "١٦:00", "16:00:00", " 16:00"])
def test_what_is_no_time_of_the_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cut_off|must be in"):
        parse_cut_off(text)
