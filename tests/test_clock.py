"""Facts about the times on the wire."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import compact, parse_compact


def test_a_compact_time_is_read_in_vietnam_and_kept_in_utc() -> None:
    assert parse_compact("20250102150405") == datetime(2025, 1, 2, 8, 4, 5, tzinfo=UTC)


@given(st.integers(min_value=-2_000_000_000, max_value=30_000_000_000))
def test_a_compact_time_survives_the_way_there_and_back(seconds: int) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert parse_compact(compact(instant)) == instant


@pytest.mark.parametrize(
    "text", ["", "2025010215040", "20250102250405", "20251302150405", "２０２５０１０２１５０４０５", "00010101000000"]
)
def test_another_form_or_an_impossible_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_compact(text)
