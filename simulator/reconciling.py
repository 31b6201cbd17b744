"""The use cases of a business day: make a bank's file of it from the books, and read what a merchant answers.

Rule: nothing is kept: a file follows from payments and ledger, and the same request gives the same bytes.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from typing import IO

import msgspec

from simulator.dialect import Dialect, assumed
from simulator.holidays import DAYS_OFF, days_off_of
from simulator.payment import Merchant
from simulator.settlement.assumptions import ROWS
from simulator.settlement.day import (
    CutOff,
    Day,
    Line,
    Totals,
    day_of,
    lines_at,
    parse_cut_off,
    parse_time,
    previous_date,
    totals_of,
)
from simulator.settlement.fault import FileFaults, faulty
from simulator.settlement.sheet import DayFile, Reply, Sheet
from simulator.world import World

SETTLEMENT = "settlement"
"""Stands where a bank's code stands in lists of assumptions."""

ASSUMPTIONS = assumed(SETTLEMENT, ROWS)

BUSINESS_DAY = "business_day"
"""The merchant's option: "00:00", "23:00" (the day ends then), "treasury"."""

FILES_AT = "files_at"
"""The merchant's option: when on the next day its files are there, "07:00"."""

FILES_LATE_S = "files_late_s"
"""The merchant's option: so many seconds after their time they come, "3600" = an hour. It changes nothing in them."""

LATE_MAX_S = 31 * 24 * 3600
PAGE = 500
"""So many payments are in memory at once while a file is written."""

NO_FAULTS = FileFaults()


class NotOver(Exception):
    """The business day is not over yet; the message says until when it lasts."""


class WrongOption(Exception):
    """The merchant's option of the business day cannot be read."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is sent. `totals` are those of its rows."""

    name: str
    content: bytes
    sheet: Sheet
    totals: Totals


def cut_off_of(form: DayFile, merchant: Merchant) -> CutOff:
    """The merchant's own, else the file's usual one, with the days off. Raises WrongOption."""
    try:
        cut_off = parse_cut_off(merchant.options.get(BUSINESS_DAY) or form.cut_off)
        at = merchant.options.get(FILES_AT)
        ready = parse_time(at) if at else cut_off.ready
        return msgspec.structs.replace(cut_off, days_off=days_off_of(merchant), ready=ready)
    except ValueError as error:
        options = f"the options {BUSINESS_DAY}, {DAYS_OFF} and {FILES_AT}"
        raise WrongOption(f"{options} of {merchant.bank} {merchant.merchant_code}: {error}") from error


def empty_sheet(form: DayFile, merchant: Merchant, business_date: date) -> Sheet:
    """What names the day's files without looking into the books. Raises WrongOption."""
    return Sheet(merchant=merchant, day=day_of(business_date, cut_off_of(form, merchant)), lines=())


def ready_at(sheet: Sheet) -> datetime:
    """When the sheet's file is there: at its time, or as late as the merchant's option says. Raises WrongOption."""
    return sheet.day.ready_at + timedelta(seconds=late_s_of(sheet.merchant))


def late_s_of(merchant: Merchant) -> int:
    """Raises WrongOption."""
    text = merchant.options.get(FILES_LATE_S) or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= LATE_MAX_S):
        raise WrongOption(f"the option {FILES_LATE_S} is {text[:20]!r}, not seconds from 0 to {LATE_MAX_S}")
    return int(text)


async def day_file(
    world: World,
    form: DayFile,
    merchant: Merchant,
    business_date: date,
    faults: FileFaults = NO_FAULTS,
    since: date | None = None,
) -> Written:
    """The bank's file of that day; with `since`, of all days from that one on, as it is sent after an outage.

    Raises NotOver, WrongOption, NoSuchRow (of a fault) or DoesNotFit.
    """
    sheet = await _sheet(world, form, merchant, business_date, faults, since)
    return Written(name=form.name(sheet), content=form.write(sheet), sheet=sheet, totals=totals_of(sheet.lines))


async def write_day(
    world: World,
    form: DayFile,
    merchant: Merchant,
    business_date: date,
    into: IO[bytes],
    since: date | None = None,
    *,
    early: bool = False,
) -> Sheet:
    """The same file without faults, into `into`, a page of payments after another: a day may have a million.

    `early` = the rows so far, where the day still lasts. The sheet is without its lines. Raises NotOver, WrongOption
    or DoesNotFit.
    """
    sheet = Sheet(merchant=merchant, day=day_of(business_date, cut_off_of(form, merchant), since), lines=())
    if not early:
        _demand_over(sheet.day, await world.now())
    lines = _pulled(_pages(world, form, merchant, sheet.day), asyncio.get_running_loop())
    await asyncio.to_thread(_put_all, form.pieces(sheet, lines), into)
    return sheet


def _pulled(pages: AsyncIterator[list[Line]], loop: asyncio.AbstractEventLoop) -> Iterator[Line]:
    """The lines one by one, for another thread than the loop's."""

    async def following() -> list[Line] | None:
        return await anext(pages, None)

    while (page := asyncio.run_coroutine_threadsafe(following(), loop).result()) is not None:
        yield from page


def _put_all(pieces: Iterator[bytes], into: IO[bytes]) -> None:
    for piece in pieces:
        into.write(piece)


async def reply_to(
    world: World,
    form: DayFile,
    merchant: Merchant,
    business_date: date,
    content: bytes,
    faults: FileFaults = NO_FAULTS,
    since: date | None = None,
) -> Reply:
    """What a merchant's file says to the one that the same arguments make. Raises as `day_file` does."""
    assert form.read is not None, "only a file that is answered has a reply"
    return form.read(content, await _sheet(world, form, merchant, business_date, faults, since))


async def _sheet(
    world: World, form: DayFile, merchant: Merchant, business_date: date, faults: FileFaults, since: date | None
) -> Sheet:
    cut_off = cut_off_of(form, merchant)
    day, now = day_of(business_date, cut_off, since), await world.now()
    _demand_over(day, now)
    lines = await _lines(world, form, merchant, day)
    earlier: tuple[Line, ...] = ()
    if faults.late:
        earlier = await _lines(world, form, merchant, day_of(previous_date(business_date, cut_off), cut_off))
    rows = tuple(line for line in faulty(lines, earlier, faults, merchant, day) if form.takes(line))
    return Sheet(merchant=merchant, day=day, lines=rows, spoilt=faults.spoilt)


def _demand_over(day: Day, now: datetime) -> None:
    if now < day.ends_at:
        raise NotOver(
            f"The business day {day.business_date} lasts until {day.ends_at.isoformat()}; it is {now.isoformat()}"
        )


async def _lines(world: World, form: DayFile, merchant: Merchant, day: Day) -> tuple[Line, ...]:
    return tuple([line async for page in _pages(world, form, merchant, day) for line in page])


async def _pages(world: World, form: DayFile, merchant: Merchant, day: Day) -> AsyncIterator[list[Line]]:
    """The day's rows and no others, in the order of their moments."""
    since, after = day.begins_at, -1
    while page := await world.store.moments(
        world.name,
        bank=merchant.bank,
        merchant_code=merchant.merchant_code,
        since=since,
        until=day.ends_at,
        after=after,
        limit=PAGE,
    ):
        since, after = page[-1].at, page[-1].number
        lines = (line for each in page for line in lines_at(each.at, each.payment, each.entries, day))
        yield [line for line in lines if form.takes(line)]


def file_of(dialect: Dialect, kind: str) -> DayFile | None:
    """The bank's file of that kind, or its first one if none is named."""
    return next((form for form in dialect.settlement if kind in ("", form.kind)), None)
