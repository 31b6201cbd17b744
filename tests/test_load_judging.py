"""Facts about the audit's judgement of one dossier: every fate, and what tells it from its neighbours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.judging import RIGHT, Books, Fate, fate

FEE = 50_000
SETTLED = {"fee_vnd": FEE, "debits": 1, "debited_vnd": FEE, "booked_vnd": FEE, "paid": True, "receipts": 1}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Fate.SETTLED_ONCE),
        ({"telling": True}, Fate.SETTLED_ONCE),
        ({"debits": 2, "debited_vnd": 2 * FEE, "due_vnd": FEE}, Fate.REFUND_DUE),
        ({"debits": 2, "debited_vnd": 2 * FEE}, Fate.WRONG_AMOUNT),
        ({"debits": 2, "debited_vnd": 2 * FEE, "telling": True}, Fate.STUCK),
        ({"booked_vnd": 0, "paid": False, "receipts": 0}, Fate.LOST),
        ({"booked_vnd": 0, "paid": False, "receipts": 0, "telling": True}, Fate.STUCK),
        ({"receipts": 0}, Fate.STUCK),
        ({"receipts": 2}, Fate.DOUBLED),
        ({"booked_vnd": 2 * FEE}, Fate.DOUBLED),
        ({"due_vnd": FEE}, Fate.DOUBLED),
        ({"booked_vnd": FEE - 1}, Fate.WRONG_AMOUNT),
        ({"debited_vnd": FEE - 1, "booked_vnd": FEE - 1}, Fate.WRONG_AMOUNT),
        ({"debits": 0, "debited_vnd": 0}, Fate.PHANTOM),
        ({"debits": 0, "debited_vnd": 0, "paid": False, "receipts": 0}, Fate.PHANTOM),
        ({"debits": 0, "debited_vnd": 0, "booked_vnd": 0, "paid": False, "receipts": 0}, Fate.NOT_PAID),
        ({"returned_vnd": FEE, "refunded_vnd": FEE}, Fate.SETTLED_ONCE),
        ({"returned_vnd": FEE, "refunded_vnd": 0}, Fate.REFUND_TWICE),
        ({"returned_vnd": 2 * FEE}, Fate.REFUND_TWICE),
        ({"returned_vnd": FEE}, Fate.SETTLED_ONCE),
        ({"returned_vnd": 100, "refunded_vnd": 100}, Fate.SETTLED_ONCE),
        ({"returned_vnd": 200, "refunded_vnd": 100}, Fate.REFUND_TWICE),
        ({"returned_vnd": 100, "refunded_vnd": 200}, Fate.WRONG_AMOUNT),
        ({"returned_vnd": 0, "refunded_vnd": FEE}, Fate.WRONG_AMOUNT),
        ({"debits": 2, "debited_vnd": 2 * FEE, "returned_vnd": FEE, "refunded_vnd": 0}, Fate.SETTLED_ONCE),
        ({"debits": 2, "debited_vnd": 2 * FEE, "returned_vnd": FEE}, Fate.SETTLED_ONCE),
        ({"debits": 2, "debited_vnd": 2 * FEE, "returned_vnd": 2 * FEE, "refunded_vnd": 0}, Fate.REFUND_TWICE),
        (
            {"debits": 2, "debited_vnd": 2 * FEE, "due_vnd": FEE, "returned_vnd": FEE, "refunded_vnd": 0},
            Fate.REFUND_TWICE,
        ),
        (
            {"debits": 2, "debited_vnd": 2 * FEE, "due_vnd": FEE, "returned_vnd": FEE, "refunded_vnd": FEE},
            Fate.REFUND_DUE,
        ),
        ({"returned_vnd": FEE, "booked_vnd": 0, "paid": False, "receipts": 0, "refunded_vnd": 0}, Fate.NOT_PAID),
    ],
)
def test_each_fate(changed: dict[str, object], expected: Fate) -> None:
    assert fate(Books(**(SETTLED | changed))) is expected  # type: ignore[arg-type]


amounts = st.integers(0, 3).map(lambda times: times * FEE)


@given(amounts, amounts, amounts, st.booleans(), st.integers(0, 2), st.booleans())
def test_whatever_is_right_has_every_dong_in_both_books(
    debited: int, booked: int, due: int, paid: bool, receipts: int, telling: bool
) -> None:
    books = Books(
        fee_vnd=FEE,
        debits=debited // FEE,
        debited_vnd=debited,
        booked_vnd=booked,
        due_vnd=due,
        paid=paid,
        receipts=receipts,
        telling=telling,
    )
    if fate(books) in RIGHT:
        assert debited == booked + due or debited == booked == 0


@given(amounts, amounts, amounts, amounts, amounts)
def test_whatever_is_right_is_still_held_by_both_after_refunds(
    debited: int, booked: int, due: int, returned: int, refunded: int
) -> None:
    books = Books(
        fee_vnd=FEE,
        debits=debited // FEE,
        debited_vnd=debited,
        returned_vnd=returned,
        booked_vnd=booked,
        due_vnd=due,
        refunded_vnd=refunded,
        paid=booked > 0,
        receipts=1,
    )
    if fate(books) in RIGHT and (booked or due):
        assert debited - returned == booked + due - refunded
