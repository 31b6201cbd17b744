"""Facts about what a run leaves: windows of times, and the money that was on its way."""

import sqlite3
from pathlib import Path

import pytest

from loadtests.record import Journey, Record, make_record, window_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_record(tmp_path / "record.db")
    return tmp_path / "record.db"


def journey(number: int, amount_vnd: int, paid: float, seen_paid: float) -> Journey:
    return Journey(
        dossier_code=f"HS{number}",
        bank="vnpay",
        method="redirect",
        amount_vnd=amount_vnd,
        began=1000.0,
        paid=paid,
        seen_paid=seen_paid,
    )


def test_money_is_in_flight_from_the_payment_until_the_dossier_is_seen_paid(path: Path) -> None:
    with Record(path) as record:
        record.add_journeys(
            [
                journey(1, 50_000, 1000.5, 1003.0),
                journey(2, 20_000, 1001.9, 0.0),
                journey(3, 7_000, 1004.1, 1004.9),
                journey(4, 9_000, 0.0, 0.0),
            ]
        )
        assert record.in_flight(1000.0, 2.0) == [(2.0, 70_000), (4.0, 20_000), (6.0, 20_000)]


def test_a_window_counts_what_was_fresh() -> None:
    window = window_of(5.0, "open", {10: 90, 200: 9, 3_000: 1}, 2)
    assert (window.requests, window.failures, window.p50_ms, window.p95_ms, window.max_ms) == (100, 2, 10, 200, 3_000)
    assert window_of(5.0, "open", {}, 0).max_ms == 0


def test_a_later_count_of_times_takes_the_place_of_the_earlier(path: Path) -> None:
    with Record(path) as record:
        record.add_times("callback", {4: 1})
        record.add_times("callback", {4: 3, 5: 1})
        assert record.times("callback") == {4: 3, 5: 1}
        assert record.names() == ["callback"]


def test_a_record_is_made_before_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Record(tmp_path / "nobody-made-it.db")
