"""The hours of the night in Vietnam's time, across midnight and back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import VIETNAM
from simulator.maintenance import USUAL, ends_at, parse_window


def vietnam(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 11, 22, hour, minute, second, tzinfo=VIETNAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        (USUAL, vietnam(22, 59, 59), None),
        (USUAL, vietnam(23, 0), vietnam(1, 0) + timedelta(days=1)),
        (USUAL, vietnam(0, 59, 59), vietnam(1, 0)),
        (USUAL, vietnam(1, 0), None),
        ("02:00-04:30", vietnam(4, 29), vietnam(4, 30)),
        ("02:00-04:30", vietnam(4, 30), None),
        ("00:00-23:59", vietnam(23, 59), None),
        ("", vietnam(23, 30), None),
    ],
)
def test_maintenance_goes_on_from_its_first_minute_to_the_one_that_it_names(
    window: str, now: datetime, until: datetime | None
) -> None:
    assert ends_at(parse_window(window), now) == until


@pytest.mark.parametrize(
    "text", ["23:00", "23:00-24:00", "23-01", "2300-0100", "01:00-01:00", "x" * 500, "२३:००-०१:००"]
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|begins"):
        parse_window(text)


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 10**8))
def test_a_window_is_written_as_it_is_read_and_ends_within_a_day(begins: int, ends: int, second: int) -> None:
    text = f"{begins // 60:02}:{begins % 60:02}-{ends // 60:02}:{ends % 60:02}"
    if begins == ends:
        return
    window = parse_window(text)
    assert str(window) == text
    now = vietnam(0, 0) + timedelta(seconds=second)
    until = ends_at(window, now)
    assert until is None or timedelta() < until - now < timedelta(days=1)
    assert until is None or ends_at(window, until) is None
