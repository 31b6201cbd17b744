"""A business day by its cut-off, and the rows of it: what money moved, as payments and the ledger tell it.

Rule: pure. Every movement of the ledger is in exactly one row of exactly one day, but money that is only held, which
is in none until it is approved.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from simulator.clock import VIETNAM
from simulator.payment import COLLECTED, Payment, Refund, State
from simulator.slip import TellerSlip

ONE_DAY = timedelta(days=1)
SATURDAY = 5
READY_AT = time(7)
"""vietinbank-thvqr-1-0#files: about 7 o'clock on the next day, days off too."""

TREASURY = "treasury"
NOON = time(12)


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """When a business day ends, in Vietnam's time; 00:00 = with the calendar's day.

    `working_days` = the Treasury's rule: a day begins where the last working day ended, and a year's last working day
    ends at midnight. `days_off` are days without work besides the weekends. `ready` is when the next day the file is
    there.
    """

    at: time
    working_days: bool = False
    days_off: frozenset[date] = frozenset()
    ready: time = READY_AT

    def skips(self, day: date) -> bool:
        """Whether that day is part of the next working day."""
        return self.working_days and (day.weekday() >= SATURDAY or day in self.days_off)


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """From `begins_at` up to, but without, `ends_at`. `after` is the last business date before it.

    `by_slip` = where a teller wrote a booking date on his slip, that date goes before the clock.
    """

    business_date: date
    after: date
    begins_at: datetime
    ends_at: datetime
    by_slip: bool = False
    ready: time = READY_AT

    @property
    def ready_at(self) -> datetime:
        """When its file is there: T+1."""
        return datetime.combine(self.business_date + ONE_DAY, self.ready, VIETNAM)

    def has(self, instant: datetime) -> bool:
        return self.begins_at <= instant < self.ends_at


class Kind(StrEnum):
    SALE = "sale"
    REFUND = "refund"
    CANCELLED = "cancelled"
    """Taken and given back within the day: no money stays moved."""
    REVERSAL = "reversal"
    """Given back in this day, taken in an earlier one."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `amount_vnd` is never negative; `at` is when the money moved, as the merchant was told.

    `refund` only with a refund. `carried` = it belongs to the day before, and was not in that day's file.
    """

    kind: Kind
    payment: Payment
    amount_vnd: int
    at: datetime
    refund: Refund | None = None
    carried: bool = False

    @property
    def order_ref(self) -> str:
        return self.payment.order.order_ref

    @property
    def net_vnd(self) -> int:
        """What it adds to the merchant's money."""
        return {Kind.SALE: self.amount_vnd, Kind.CANCELLED: 0}.get(self.kind, -self.amount_vnd)

    @property
    def taken_back(self) -> bool:
        return self.kind in (Kind.CANCELLED, Kind.REVERSAL)


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    count: int = 0
    amount_vnd: int = 0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Of all rows, by what they are. `net_vnd` is what the day added to the merchant's money."""

    count: int
    net_vnd: int
    sales: Sum
    refunds: Sum
    cancelled: Sum
    reversals: Sum


class Move(Protocol):
    """A movement of money, as the ledger has it: from the payer (+) or back to him (-)."""

    @property
    def payment_id(self) -> str: ...

    @property
    def entry_id(self) -> str: ...

    @property
    def amount_vnd(self) -> int: ...

    @property
    def booked_at(self) -> datetime: ...


def parse_cut_off(text: str) -> CutOff:
    """ "00:00", "23:00" or "treasury". Raises ValueError."""
    if text == TREASURY:
        return CutOff(at=time(16), working_days=True)  # tt-184-2015#window
    return CutOff(at=parse_time(text, f" nor {TREASURY!r}"))


def parse_time(text: str, other: str = "") -> time:
    """ "07:00" -> 7:00. Raises ValueError, which also names the `other` that it may be."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text, re.ASCII):
        raise ValueError(f"{text[:20]!r} is {'neither' if other else 'not'} HH:MM{other}")
    return time(int(text[:2]), int(text[3:]))


def day_of(business_date: date, cut_off: CutOff, since: date | None = None) -> Day:
    """That business day; with `since`, all from that day's beginning on, as after an outage."""
    after = previous_date(since or business_date, cut_off)
    return Day(
        business_date=business_date,
        after=after,
        begins_at=_end(after, cut_off),
        ends_at=_end(business_date, cut_off),
        by_slip=cut_off.working_days,
        ready=cut_off.ready,
    )


def previous_date(business_date: date, cut_off: CutOff) -> date:
    day = business_date - ONE_DAY
    while cut_off.skips(day):
        day -= ONE_DAY
    return day


def date_of(instant: datetime, cut_off: CutOff) -> date:
    """The business date on which money of that instant is reported."""
    day = instant.astimezone(VIETNAM).date()
    while instant >= _end(day, cut_off) or cut_off.skips(day):
        day += ONE_DAY
    return day


def _end(business_date: date, cut_off: CutOff) -> datetime:
    midnight = datetime.combine(business_date + ONE_DAY, time(0), VIETNAM)
    # tt-184-2015#year-end: what comes in after the cut-off of the year's last working day is that day's still.
    if cut_off.at == time(0) or (cut_off.working_days and _is_last_of_year(business_date, cut_off)):
        return midnight
    return datetime.combine(business_date, cut_off.at, VIETNAM)


def _is_last_of_year(day: date, cut_off: CutOff) -> bool:
    following = day + ONE_DAY
    while cut_off.skips(following):
        following += ONE_DAY
    return not cut_off.skips(day) and following.year != day.year


def moments_of(payment: Payment) -> frozenset[datetime]:
    """Under which a day's file has to look for the payment, besides the moments of its moves.

    Held money counts from its approval on, and a teller's slip from the day that is written on it.
    """
    moments = {payment.settled_at} if payment.state in COLLECTED and payment.settled_at else set()
    if isinstance(payment.slip, TellerSlip):
        moments.add(_noon(payment.slip))
    return frozenset(moments)


def _noon(slip: TellerSlip) -> datetime:
    """In the middle of the day that is written on it, before every cut-off that looks at slips."""
    return datetime.combine(slip.booked_on, NOON, VIETNAM).astimezone(UTC)


def lines_at(moment: datetime, payment: Payment, moves: Iterable[Move], day: Day) -> list[Line]:
    """The payment's rows of that day that are found under that moment. Each row is found under exactly one.

    `moves` are all moves of the payment, in the order in which they were booked.
    """
    return [line for line in _lines(payment, moves, day) if _moment(line, day) == moment]


def _moment(line: Line, day: Day) -> datetime:
    slip = line.payment.slip
    of_sale = line.kind in (Kind.SALE, Kind.CANCELLED)
    return _noon(slip) if of_sale and day.by_slip and isinstance(slip, TellerSlip) else line.at


def _lines(payment: Payment, moves: Iterable[Move], day: Day) -> list[Line]:
    if payment.state is State.SUSPECTED:
        return []
    lines = []
    sale: Line | None = None
    for move in moves:
        if move.amount_vnd > 0:
            at = payment.settled_at if payment.state in COLLECTED and payment.settled_at else move.booked_at
            sale = Line(kind=Kind.SALE, payment=payment, amount_vnd=move.amount_vnd, at=at)
        elif move.entry_id == "reversal":
            lines.append(Line(kind=Kind.REVERSAL, payment=payment, amount_vnd=-move.amount_vnd, at=move.booked_at))
        else:
            refund = next((each for each in payment.refunds if move.entry_id == f"refund:{each.bank_ref}"), None)
            lines.append(
                Line(kind=Kind.REFUND, payment=payment, amount_vnd=-move.amount_vnd, at=move.booked_at, refund=refund)
            )
    lines = [line for line in lines if day.has(line.at)]
    if sale is None or not _sold(sale, day):
        return lines
    if any(line.kind is Kind.REVERSAL for line in lines):
        return [msgspec.structs.replace(sale, kind=Kind.CANCELLED)]
    return [sale, *lines]


def _sold(sale: Line, day: Day) -> bool:
    slip = sale.payment.slip
    if not day.by_slip or not isinstance(slip, TellerSlip):
        return day.has(sale.at)
    return day.after < slip.booked_on <= day.business_date


def totals_of(lines: Iterable[Line]) -> Totals:
    rows = tuple(lines)
    sums = {
        kind: Sum(count=len(own), amount_vnd=sum(line.amount_vnd for line in own))
        for kind in Kind
        for own in [[line for line in rows if line.kind is kind]]
    }
    return Totals(
        count=len(rows),
        net_vnd=sum(line.net_vnd for line in rows),
        sales=sums[Kind.SALE],
        refunds=sums[Kind.REFUND],
        cancelled=sums[Kind.CANCELLED],
        reversals=sums[Kind.REVERSAL],
    )
