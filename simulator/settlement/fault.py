"""What goes wrong with a file: a value that changes its rows, or what is written of them.

Rule: pure. It is asked for with the file, and kept nowhere.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

import msgspec

from simulator.payment import Merchant, Order, Outcome, Payment, State
from simulator.settlement.day import Day, Kind, Line
from simulator.settlement.sheet import Spoilt


class NoSuchRow(Exception):
    """A fault names an order that has no row to be changed."""


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a payment that never was."""

    order_ref: str
    amount_vnd: int


class FileFaults(msgspec.Struct, frozen=True, kw_only=True):
    """Rows are named by their orders.

    `late` = left out of the day's own file, and in the next day's as a late row: give it for both. `cancelled` = the
    bank says that it took the sale back. `changed` adds so many dong.
    """

    missing: tuple[str, ...] = ()
    extra: tuple[Extra, ...] = ()
    duplicated: tuple[str, ...] = ()
    changed: Mapping[str, int] = {}
    cancelled: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    wrong_row_checksum: tuple[str, ...] = ()
    wrong_footer_checksum: bool = False
    count_delta: int = 0

    @property
    def spoilt(self) -> Spoilt:
        return Spoilt(rows=self.wrong_row_checksum, footer=self.wrong_footer_checksum, count_delta=self.count_delta)


def faulty(
    lines: tuple[Line, ...], earlier: tuple[Line, ...], faults: FileFaults, merchant: Merchant, day: Day
) -> tuple[Line, ...]:
    """The rows as they will be written. `earlier` are those of the day before. Raises NoSuchRow."""
    rows = list(lines)
    for order_ref, delta_vnd in faults.changed.items():
        rows = _each(rows, order_ref, "changed", partial(_dearer, delta_vnd))
    for order_ref in faults.cancelled:
        rows = _each(rows, order_ref, "cancelled", _cancelled)
    for order_ref in faults.duplicated:
        rows = _each(rows, order_ref, "duplicated", lambda line: (line, line))
    for order_ref in faults.missing:
        rows = _each(rows, order_ref, "missing", lambda line: ())
    for order_ref in faults.late:
        rows = _late(rows, [line for line in earlier if line.order_ref == order_ref], order_ref)
    rows.extend(_invented(extra, merchant, day) for extra in faults.extra)
    for order_ref in faults.wrong_row_checksum:
        _each(rows, order_ref, "wrong_row_checksum", lambda line: (line,))
    return tuple(rows)


def _each(rows: list[Line], order_ref: str, fault: str, change: Callable[[Line], tuple[Line, ...]]) -> list[Line]:
    if not any(line.order_ref == order_ref for line in rows):
        raise NoSuchRow(f"{fault}: the file has no row of the order {order_ref[:100]!r}")
    return [new for line in rows for new in (change(line) if line.order_ref == order_ref else (line,))]


def _dearer(delta_vnd: int, line: Line) -> tuple[Line, ...]:
    amount_vnd = line.amount_vnd + delta_vnd
    if amount_vnd < 0:
        raise NoSuchRow(f"changed: {line.order_ref[:100]!r} has {line.amount_vnd} dong, {delta_vnd} more is below 0")
    return (msgspec.structs.replace(line, amount_vnd=amount_vnd),)


def _cancelled(line: Line) -> tuple[Line, ...]:
    return (msgspec.structs.replace(line, kind=Kind.CANCELLED) if line.kind is Kind.SALE else line,)


def _late(rows: list[Line], earlier: list[Line], order_ref: str) -> list[Line]:
    if any(line.order_ref == order_ref for line in rows):
        return [line for line in rows if line.order_ref != order_ref]
    if not earlier:
        raise NoSuchRow(f"late: neither this day nor the day before has a row of the order {order_ref[:100]!r}")
    return [*rows, *(msgspec.structs.replace(line, carried=True) for line in earlier)]


def _invented(extra: Extra, merchant: Merchant, day: Day) -> Line:
    at = day.ends_at - timedelta(hours=1)
    order = Order(order_ref=extra.order_ref, order_key=extra.order_ref, amount_vnd=extra.amount_vnd)
    payment = Payment(
        payment_id=extra.order_ref,
        bank=merchant.bank,
        merchant_code=merchant.merchant_code,
        order=order,
        amount_vnd=extra.amount_vnd,
        bank_ref=f"X{extra.order_ref}",
        created_at=at,
        settled_at=at,
        state=State.PAID,
        outcome=Outcome.SUCCESS,
    )
    return Line(kind=Kind.SALE, payment=payment, amount_vnd=extra.amount_vnd, at=at)
