"""What an account may pay: balance before limits, days in Vietnam, and when the law wants to see a face."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.payment import Outcome
from simulator.purse import (
    Biometrics,
    Kind,
    Purse,
    Terms,
    changed,
    debited,
    is_account,
    refusal,
    returned,
    standing,
    wants_face,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
"""00:00 of the 23rd in Vietnam."""

EMPTY = Purse(account="100000000001")
SMALL = Terms(balance_vnd=3_000_000, per_transfer_vnd=1_000_000, daily_vnd=2_000_000)


def spent(*amounts: int, kind: Kind = Kind.TRANSFER, at: datetime = NOW, confirmed: bool = False) -> Purse:
    purse = EMPTY
    for amount in amounts:
        purse = debited(purse, kind, amount, at, confirmed=confirmed)
    return purse


@pytest.mark.parametrize(
    ("purse", "amount_vnd", "outcome"),
    [
        (EMPTY, 1_000_000, None),
        (EMPTY, 1_000_001, Outcome.OVER_LIMIT),
        (EMPTY, 3_000_000, Outcome.OVER_LIMIT),
        (EMPTY, 3_000_001, Outcome.INSUFFICIENT_FUNDS),
        (spent(1_500_000), 500_000, None),
        (spent(1_500_000), 500_001, Outcome.OVER_LIMIT),
        (spent(2_500_000, at=NOW - timedelta(days=1)), 500_000, None),
        (spent(2_500_000, at=NOW - timedelta(days=1)), 500_001, Outcome.INSUFFICIENT_FUNDS),
    ],
)
def test_what_is_not_there_is_said_before_what_is_not_allowed(
    purse: Purse, amount_vnd: int, outcome: Outcome | None
) -> None:
    assert refusal(purse, SMALL, Kind.PAYMENT, amount_vnd, NOW) is outcome


def test_exactly_what_is_there_can_be_paid() -> None:
    fifty = Terms(balance_vnd=50_000)
    assert refusal(EMPTY, fifty, Kind.PAYMENT, 50_000, NOW) is None
    assert refusal(spent(1), fifty, Kind.PAYMENT, 50_000, NOW) is Outcome.INSUFFICIENT_FUNDS


def test_a_day_ends_at_midnight_in_vietnam() -> None:
    purse = spent(2_000_000)
    assert refusal(purse, SMALL, Kind.TRANSFER, 1, MIDNIGHT - timedelta(seconds=1)) is Outcome.OVER_LIMIT
    assert refusal(purse, SMALL, Kind.TRANSFER, 1, MIDNIGHT) is None
    assert standing(purse, SMALL, MIDNIGHT).today_vnd == 0
    assert standing(purse, SMALL, MIDNIGHT).balance_vnd == 1_000_000


def test_money_that_comes_back_restores_the_balance_and_not_the_days_limit() -> None:
    stands = standing(returned(spent(2_000_000), 2_000_000), SMALL, NOW)
    assert (stands.balance_vnd, stands.today_vnd, stands.left_today_vnd) == (3_000_000, 2_000_000, 0)


# qd-2345-2023#annex-1


@pytest.mark.parametrize(
    ("before", "amount_vnd", "wanted"),
    [
        ((), 10_000_000, False),
        ((), 10_000_001, True),
        ((10_000_000,), 10_000_000, False),
        ((10_000_000,), 10_000_001, True),
        ((10_000_000, 10_000_000), 1, True),
        ((10_000_000, 9_999_999), 1, False),
    ],
)
def test_a_transfer_above_ten_million_or_a_day_above_twenty_wants_a_face(
    before: tuple[int, ...], amount_vnd: int, wanted: bool
) -> None:
    assert wants_face(spent(*before), Kind.TRANSFER, amount_vnd, NOW) is wanted


@pytest.mark.parametrize(
    ("before", "amount_vnd", "wanted"),
    [((), 100_000_000, False), ((), 100_000_001, True), ((99_999_999,), 1, False), ((99_999_999,), 2, True)],
)
def test_a_payment_to_a_merchant_wants_a_face_above_a_hundred_million_a_day(
    before: tuple[int, ...], amount_vnd: int, wanted: bool
) -> None:
    assert wants_face(spent(*before, kind=Kind.PAYMENT), Kind.PAYMENT, amount_vnd, NOW) is wanted


def test_transfers_and_payments_are_counted_apart() -> None:
    assert not wants_face(spent(20_000_000), Kind.PAYMENT, 100_000_000, NOW)
    assert not wants_face(spent(100_000_000, kind=Kind.PAYMENT), Kind.TRANSFER, 10_000_000, NOW)


def test_after_a_face_was_seen_and_on_the_next_day_the_count_begins_anew() -> None:
    purse = spent(10_000_000, 10_000_000)
    assert wants_face(purse, Kind.TRANSFER, 1, NOW)
    seen = debited(purse, Kind.TRANSFER, 1, NOW, confirmed=True)
    assert not wants_face(seen, Kind.TRANSFER, 10_000_000, NOW)
    assert wants_face(purse, Kind.TRANSFER, 1, MIDNIGHT - timedelta(seconds=1))
    assert not wants_face(purse, Kind.TRANSFER, 1, MIDNIGHT)


def test_before_a_teller_only_the_balance_counts() -> None:
    assert refusal(EMPTY, SMALL, Kind.COUNTER, 3_000_000, NOW) is None
    assert refusal(EMPTY, SMALL, Kind.COUNTER, 3_000_001, NOW) is Outcome.INSUFFICIENT_FUNDS
    assert not wants_face(EMPTY, Kind.COUNTER, 10**12, NOW)
    stands = standing(spent(3_000_000, kind=Kind.COUNTER), SMALL, NOW)
    assert (stands.balance_vnd, stands.today_vnd) == (0, 0)


# what a test sets


def test_a_balance_that_is_set_is_what_the_account_has_from_now_on() -> None:
    purse = changed(spent(700), balance_vnd=50_000)
    assert standing(purse, SMALL, NOW).balance_vnd == 50_000
    assert standing(debited(purse, Kind.PAYMENT, 20_000, NOW, confirmed=False), SMALL, NOW).balance_vnd == 30_000


def test_what_is_not_set_stays_as_it_was() -> None:
    purse = changed(changed(EMPTY, per_transfer_vnd=5, biometrics=Biometrics.NONE), daily_vnd=7)
    stands = standing(purse, SMALL, NOW)
    assert (stands.balance_vnd, stands.per_transfer_vnd, stands.daily_vnd) == (3_000_000, 5, 7)
    assert stands.biometrics is Biometrics.NONE


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2_000_000), st.sampled_from([Kind.TRANSFER, Kind.PAYMENT]), st.integers(0, 60), st.booleans()
        )
    )
)
def test_who_obeys_the_refusals_never_overdraws_nor_passes_a_limit(moves: list[tuple[int, Kind, int, bool]]) -> None:
    purse, now = EMPTY, NOW
    for amount_vnd, kind, hours, comes_back in moves:
        now += timedelta(hours=hours)
        if refusal(purse, SMALL, kind, amount_vnd, now) is None:
            purse = debited(purse, kind, amount_vnd, now, confirmed=False)
            purse = returned(purse, amount_vnd) if comes_back else purse
        stands = standing(purse, SMALL, now)
        assert 0 <= stands.balance_vnd <= SMALL.balance_vnd
        assert stands.today_vnd + stands.left_today_vnd == SMALL.daily_vnd


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("100000000001", True), ("970419*********2198", False), ("", False), ("own", False), ("١", False)],
)
def test_only_digits_are_an_accounts_number(text: str, is_one: bool) -> None:
    assert is_account(text) is is_one
