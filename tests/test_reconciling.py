"""A file of a day with very many payments is written page by page; nothing of a page that was written is kept."""

import io
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from simulator import reconciling
from simulator.settlement.day import date_of, parse_cut_off
from simulator.store import Entry, Moment
from simulator.world import World
from tests.test_settlement_files import AT, BILLER, FILES, paid, sale, sheet
from tests.worlds import worlds_in

PAGES = 3


class Counting(io.BytesIO):
    """Knows how many rows came."""

    rows = 0

    def write(self, piece: Any) -> int:
        self.rows += b"HS" in piece
        return super().write(piece)


class Ledger:
    """A store of so many pages, each handed out only when the one before has been written."""

    def __init__(self, into: Counting) -> None:
        self.into = into
        self.asked: list[tuple[datetime, int]] = []

    async def moments(self, sandbox: str, *, since: datetime, after: int, limit: int, **more: Any) -> list[Moment]:
        assert self.into.rows == len(self.asked) * limit
        first = len(self.asked) * limit
        self.asked.append((since, after))
        return [_moment(number) for number in range(first, first + limit)] if len(self.asked) <= PAGES else []


def _moment(number: int) -> Moment:
    payment = paid(f"HS{number}", 50_000)
    entry = Entry(
        payment_id=payment.payment_id,
        entry_id="debit",
        bank="vietinbank",
        merchant_code="9111",
        order_ref=payment.order.order_ref,
        amount_vnd=50_000,
        booked_at=AT,
    )
    return Moment(AT, number, payment, (entry,))


@pytest.mark.parametrize("kind", FILES)
async def test_a_page_is_read_when_the_one_before_is_written(tmp_path: Path, kind: str) -> None:
    into = Counting()
    ledger = Ledger(into)

    async def now() -> datetime:
        return AT + timedelta(days=9)

    world = cast(World, SimpleNamespace(name="ci", store=ledger, now=now))
    form = FILES[kind]
    day = date_of(AT, parse_cut_off(form.cut_off))
    told = await reconciling.write_day(world, form, BILLER, day, into)
    count = PAGES * reconciling.PAGE
    assert (into.rows, told.lines) == (count, ())
    assert ledger.asked == [(told.day.begins_at, -1), *((AT, end * reconciling.PAGE - 1) for end in (1, 2, 3))]
    lines = tuple(sale(f"HS{number}") for number in range(count))
    assert into.getvalue() == form.write(msgspec.structs.replace(sheet(*lines), day=told.day))


async def test_what_is_streamed_is_what_is_made_at_once(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds:
        world = await worlds.create("ci", seed="1", clock_at=AT + timedelta(days=1))
        for form in FILES.values():
            into = io.BytesIO()
            await reconciling.write_day(world, form, BILLER, AT.date() - timedelta(days=2), into)
            made = await reconciling.day_file(world, form, BILLER, AT.date() - timedelta(days=2))
            assert into.getvalue() == made.content
