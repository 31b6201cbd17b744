"""Business days and their rows: cut-offs, year ends, and that every dong of the ledger is in one row of one day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import VIETNAM
from simulator.holidays import public_holidays
from simulator.payment import Channel, Merchant, Order, Payment, Refund, State
from simulator.settlement.day import (
    CutOff,
    Day,
    Kind,
    Line,
    date_of,
    day_of,
    lines_at,
    moments_of,
    parse_cut_off,
    previous_date,
    totals_of,
)
from simulator.settlement.fault import Extra, FileFaults, NoSuchRow, faulty
from simulator.slip import PaidWith, TellerSlip
from simulator.store import Entry
from simulator.workday import booking_date

MIDNIGHT, NIGHT, TREASURY = parse_cut_off("00:00"), parse_cut_off("23:00"), parse_cut_off("treasury")
CUT_OFFS = st.sampled_from([MIDNIGHT, NIGHT, TREASURY, parse_cut_off("16:30")])
MERCHANT = Merchant(bank="vietinbank", merchant_code="9111", name="TTHC")
INSTANTS = st.integers(0, 60 * 24 * 3600).map(lambda second: local(12, 1, year=2025) + timedelta(seconds=second))


def local(month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=VIETNAM)


TEN = local(11, 20, 10)


def payment(order_ref: str = "HS1", at: datetime = TEN, **changes: Any) -> Payment:
    made = Payment(
        payment_id=f"id-{order_ref}",
        bank="vietinbank",
        merchant_code="9111",
        order=Order(order_ref=order_ref, order_key=f"T{order_ref}", amount_vnd=50_000),
        amount_vnd=50_000,
        bank_ref=f"B{order_ref}",
        created_at=at,
        settled_at=at,
        state=State.PAID,
    )
    return msgspec.structs.replace(made, **changes)


def entry(paid: Payment, entry_id: str, amount_vnd: int, at: datetime) -> Entry:
    return Entry(
        payment_id=paid.payment_id,
        entry_id=entry_id,
        bank=paid.bank,
        merchant_code=paid.merchant_code,
        order_ref=paid.order.order_ref,
        amount_vnd=amount_vnd,
        booked_at=at,
    )


def rows(day: Day, *told: tuple[Payment, Sequence[Entry]]) -> tuple[Line, ...]:
    """By way of their moments, as the store finds them."""
    found = [
        (moment, line)
        for paid, moves in told
        for moment in moments_of(paid).union(move.booked_at for move in moves)
        if day.has(moment)
        for line in lines_at(moment, paid, moves, day)
    ]
    return tuple(line for _, line in sorted(found, key=lambda each: (each[0], each[1].payment.payment_id)))


def sold(order_ref: str = "HS1", at: datetime = TEN) -> Line:
    paid = payment(order_ref, at)
    return Line(kind=Kind.SALE, payment=paid, amount_vnd=paid.amount_vnd, at=at)


# --- the day ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cut_off", "at", "booked_on"),
    [
        (MIDNIGHT, local(11, 20), date(2026, 11, 20)),  # vnpay-settlement#session: 00:00:00 to 23:59:59
        (MIDNIGHT, local(11, 20, 23, 59, 59), date(2026, 11, 20)),
        (NIGHT, local(11, 20, 22, 59, 59), date(2026, 11, 20)),  # napas-settlement#day
        (NIGHT, local(11, 20, 23), date(2026, 11, 21)),
        (NIGHT, local(12, 31, 23), date(2027, 1, 1)),
        (TREASURY, local(11, 19, 15, 59, 59), date(2026, 11, 19)),  # tt-184-2015#window
        (TREASURY, local(11, 19, 16), date(2026, 11, 20)),
        (TREASURY, local(11, 20, 16), date(2026, 11, 23)),  # Friday's evening is Monday's
        (TREASURY, local(11, 21, 12), date(2026, 11, 23)),
        (TREASURY, local(11, 22, 23, 59), date(2026, 11, 23)),
        (TREASURY, local(12, 31, 16), date(2026, 12, 31)),  # tt-184-2015#year-end
        (TREASURY, local(12, 31, 23, 59, 59), date(2026, 12, 31)),
        (TREASURY, local(1, 1, year=2027), date(2027, 1, 1)),
        (TREASURY, local(12, 29, 20, year=2028), date(2028, 12, 29)),  # The 31st is a Sunday: Friday ends the year.
        (TREASURY, local(12, 30, 9, year=2028), date(2029, 1, 1)),
    ],
)
def test_the_cut_off_decides_the_date(cut_off: CutOff, at: datetime, booked_on: date) -> None:
    assert date_of(at, cut_off) == booked_on
    assert day_of(booked_on, cut_off).has(at)


@given(CUT_OFFS, INSTANTS)
def test_every_instant_is_in_its_day_and_not_in_the_next(cut_off: CutOff, at: datetime) -> None:
    booked_on = date_of(at, cut_off)
    assert day_of(booked_on, cut_off).has(at)
    assert not day_of(previous_date(booked_on, cut_off), cut_off).has(at)


@given(CUT_OFFS, INSTANTS)
def test_days_follow_one_another_without_a_gap(cut_off: CutOff, at: datetime) -> None:
    booked_on = date_of(at, cut_off)
    earlier = previous_date(booked_on, cut_off)
    assert day_of(earlier, cut_off).ends_at == day_of(booked_on, cut_off).begins_at


def test_a_day_off_shows_what_came_in_since_the_last_working_day() -> None:
    """tt-184-2015#window: it runs on days off, too; the next working day has it all again."""
    saturday, monday = (day_of(date(2026, 11, each), TREASURY) for each in (21, 23))
    assert saturday.begins_at == monday.begins_at == local(11, 20, 16)
    assert (saturday.ends_at, monday.ends_at) == (local(11, 21, 16), local(11, 23, 16))


def test_public_holidays_are_part_of_the_next_working_day() -> None:
    """tt-184-2015#window, labour-code-2019#holidays: Friday the 13th of February to Monday the 23rd."""
    rule = msgspec.structs.replace(TREASURY, days_off=public_holidays())
    assert date_of(local(2, 13, 16), rule) == date_of(local(2, 18, 9), rule) == date(2026, 2, 23)
    after = day_of(date(2026, 2, 23), rule)
    assert (after.begins_at, after.ends_at) == (local(2, 13, 16), local(2, 23, 16))
    assert day_of(date(2027, 1, 4), rule).begins_at == local(1, 1, year=2027)
    assert date_of(local(1, 1, 9), msgspec.structs.replace(MIDNIGHT, days_off=public_holidays())) == date(2026, 1, 1)


def test_a_day_off_at_the_end_of_the_year_has_its_cut_off() -> None:
    """tt-184-2015#year-end: only the last working day, here Friday the 29th, ends at midnight."""
    day = day_of(date(2028, 12, 30), TREASURY)
    assert (day.begins_at, day.ends_at) == (local(12, 30, year=2028), local(12, 30, 16, year=2028))


def test_the_file_is_there_at_seven_on_the_next_day_days_off_too() -> None:
    """vietinbank-thvqr-1-0#files"""
    assert day_of(date(2026, 11, 20), MIDNIGHT).ready_at == local(11, 21, 7)
    assert day_of(date(2026, 12, 31), NIGHT).ready_at == local(1, 1, 7, year=2027)


@pytest.mark.parametrize("text", ["", "24:00", "7:00", "16:60", "16:00:00", "Treasury", "١٦:00", " 16:00"])
def test_another_text_is_no_cut_off(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        parse_cut_off(text)


def test_after_an_outage_all_days_are_told_again() -> None:
    """tt-184-2015#outage"""
    day = day_of(date(2026, 11, 24), TREASURY, since=date(2026, 11, 20))
    assert (day.begins_at, day.ends_at) == (local(11, 19, 16), local(11, 24, 16))


# --- the rows --------------------------------------------------------------------------------------------------------


def test_a_sale_and_its_refund_are_two_rows_each_in_its_own_day() -> None:
    refund = Refund(request_ref="R1", amount_vnd=20_000, refunded_at=local(11, 21, 9), bank_ref="F1")
    paid = payment(state=State.PARTLY_REFUNDED, refunds=(refund,))
    moves = [
        entry(paid, "debit", 50_000, local(11, 20, 10)),
        entry(paid, "refund:F1", -20_000, local(11, 21, 9)),
    ]
    [sale] = rows(day_of(date(2026, 11, 20), MIDNIGHT), (paid, moves))
    [back] = rows(day_of(date(2026, 11, 21), MIDNIGHT), (paid, moves))
    assert (sale.kind, sale.amount_vnd, sale.net_vnd) == (Kind.SALE, 50_000, 50_000)
    assert (back.kind, back.amount_vnd, back.net_vnd, back.refund) == (Kind.REFUND, 20_000, -20_000, refund)


def test_what_is_taken_back_within_the_day_is_one_cancelled_row() -> None:
    paid = payment(state=State.REVERSED, settled_at=local(11, 20, 11))
    moves = [entry(paid, "debit", 50_000, local(11, 20, 10)), entry(paid, "reversal", -50_000, local(11, 20, 11))]
    [row] = rows(day_of(date(2026, 11, 20), MIDNIGHT), (paid, moves))
    assert (row.kind, row.at, row.amount_vnd, row.net_vnd) == (Kind.CANCELLED, local(11, 20, 10), 50_000, 0)


def test_what_is_taken_back_later_stays_a_sale_of_its_day() -> None:
    paid = payment(state=State.REVERSED, settled_at=local(11, 21, 0))
    moves = [entry(paid, "debit", 50_000, local(11, 20, 10)), entry(paid, "reversal", -50_000, local(11, 21, 0))]
    [sale] = rows(day_of(date(2026, 11, 20), MIDNIGHT), (paid, moves))
    [back] = rows(day_of(date(2026, 11, 21), MIDNIGHT), (paid, moves))
    assert (sale.kind, sale.at) == (Kind.SALE, local(11, 20, 10))
    assert (back.kind, back.net_vnd) == (Kind.REVERSAL, -50_000)


def test_held_money_is_in_the_day_on_which_it_is_approved() -> None:
    held = payment(state=State.SUSPECTED)
    moves = [entry(held, "debit", 50_000, local(11, 20, 10))]
    assert rows(day_of(date(2026, 11, 20), MIDNIGHT), (held, moves)) == ()
    approved = msgspec.structs.replace(held, state=State.PAID, settled_at=local(11, 22, 8))
    assert rows(day_of(date(2026, 11, 20), MIDNIGHT), (approved, moves)) == ()
    [row] = rows(day_of(date(2026, 11, 22), MIDNIGHT), (approved, moves))
    assert row.at == local(11, 22, 8)


@pytest.mark.parametrize(
    ("taken_at", "booked_on"),
    [
        (local(11, 20, 16, 0, 30), date(2026, 11, 20)),
        (local(11, 20, 16, 1), date(2026, 11, 23)),
        (local(12, 31, 20), date(2026, 12, 31)),
        (local(1, 1, 9), date(2026, 1, 1)),
    ],
)
def test_what_a_teller_took_is_in_the_treasurys_day_that_his_slip_names(taken_at: datetime, booked_on: date) -> None:
    assert booking_date(taken_at, time(16)) == booked_on
    slip = TellerSlip(
        branch="0001",
        teller_id="GDV01",
        sequence=1,
        paid_with=PaidWith.CASH,
        taken_at=taken_at,
        booked_on=booked_on,
    )
    paid = payment(at=taken_at, slip=slip, channel=Channel.COUNTER)
    moves = [entry(paid, "debit", 50_000, taken_at)]
    found = {
        day: len(rows(day_of(day, TREASURY), (paid, moves)))
        for shift in range(-4, 6)
        for day in [booked_on + timedelta(days=shift)]
        if day.weekday() < 5
    }
    assert {day for day, count in found.items() if count} == {booked_on}
    assert len(rows(day_of(taken_at.date(), MIDNIGHT), (paid, moves))) == 1


@st.composite
def stories(draw: st.DrawFn) -> tuple[Payment, list[Entry]]:
    """A payment and its entries as settling books them."""
    number = draw(st.integers(0, 10**9))
    at, later = draw(INSTANTS), timedelta(hours=draw(st.integers(1, 60)))
    state = draw(st.sampled_from([State.PAID, State.SUSPECTED, State.REVERSED, State.PARTLY_REFUNDED, State.REFUNDED]))
    amount_vnd = draw(st.integers(2, 10**12))
    paid = payment(f"HS{number}", at, amount_vnd=amount_vnd, state=state)
    moves = [entry(paid, "debit", amount_vnd, at)]
    if state is State.REVERSED:
        paid = msgspec.structs.replace(paid, settled_at=at + later)
        moves.append(entry(paid, "reversal", -amount_vnd, at + later))
    if state in (State.PARTLY_REFUNDED, State.REFUNDED):
        back = amount_vnd if state is State.REFUNDED else amount_vnd // 2
        refund = Refund(request_ref="R", amount_vnd=back, refunded_at=at + later, bank_ref=f"F{number}")
        paid = msgspec.structs.replace(paid, refunds=(refund,))
        moves.append(entry(paid, f"refund:F{number}", -back, at + later))
    return paid, moves


@given(CUT_OFFS, st.lists(stories(), max_size=8, unique_by=lambda story: story[0].payment_id))
def test_the_days_together_are_the_ledger_without_held_money(
    cut_off: CutOff, told: list[tuple[Payment, list[Entry]]]
) -> None:
    dates = [date(2025, 11, 28) + timedelta(days=each) for each in range(80)]
    days = [day_of(each, cut_off) for each in dates if not cut_off.working_days or each.weekday() < 5]
    net_vnd = count = 0
    for day in days:
        totals = totals_of(rows(day, *told))
        parts = (totals.sales, totals.refunds, totals.cancelled, totals.reversals)
        assert totals.count == sum(part.count for part in parts)
        assert totals.net_vnd == totals.sales.amount_vnd - totals.refunds.amount_vnd - totals.reversals.amount_vnd
        net_vnd += totals.net_vnd
        count += totals.count + totals.cancelled.count  # A cancelled row stands for two entries.
    free = [move for paid, moves in told if paid.state is not State.SUSPECTED for move in moves]
    assert (net_vnd, count) == (sum(move.amount_vnd for move in free), len(free))


# --- faults ----------------------------------------------------------------------------------------------------------

DAY = day_of(date(2026, 11, 20), MIDNIGHT)
A, B, EARLIER = sold("A"), sold("B"), sold("Y", local(11, 19, 10))


def changed(**faults: Any) -> tuple[Line, ...]:
    return faulty((A, B), (EARLIER,), FileFaults(**faults), MERCHANT, DAY)


def test_no_fault_changes_nothing() -> None:
    assert changed() == (A, B)


def test_rows_are_missing_duplicated_changed_cancelled_or_late() -> None:
    assert changed(missing=("A",)) == (B,)
    assert changed(duplicated=("A",)) == (A, A, B)
    assert [row.amount_vnd for row in changed(changed={"B": -1})] == [50_000, 49_999]
    assert [row.kind for row in changed(cancelled=("A",))] == [Kind.CANCELLED, Kind.SALE]
    assert changed(late=("A",)) == (B,)


def test_a_late_row_comes_with_the_next_days_file() -> None:
    *own, late = changed(late=("Y",))
    assert own == [A, B]
    assert (late.order_ref, late.carried, late.at) == ("Y", True, EARLIER.at)


def test_an_extra_row_is_of_the_day_and_of_no_payment() -> None:
    extra = changed(extra=(Extra(order_ref="NOBODY", amount_vnd=7),))[-1]
    assert DAY.has(extra.at)
    assert (extra.order_ref, extra.amount_vnd, extra.kind) == ("NOBODY", 7, Kind.SALE)


@pytest.mark.parametrize(
    "faults",
    [
        {"missing": ("C",)},
        {"duplicated": ("Y",)},
        {"changed": {"C": 1}},
        {"changed": {"A": -50_001}},
        {"cancelled": ("C",)},
        {"late": ("C",)},
        {"wrong_row_checksum": ("C",)},
        {"missing": ("A",), "wrong_row_checksum": ("A",)},
    ],
)
def test_a_fault_of_a_row_that_is_not_there_is_said(faults: dict[str, Any]) -> None:
    with pytest.raises(NoSuchRow):
        changed(**faults)


def test_instants_are_the_same_in_utc() -> None:
    assert date_of(datetime(2026, 11, 20, 17, tzinfo=UTC), MIDNIGHT) == date(2026, 11, 21)
