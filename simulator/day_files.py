"""The banks' files, put into a folder by themselves: each once, at its time of day on its sandbox's clock.

Rule: a file appears under its name whole or not at all. What was put is remembered beside the files, for whoever
fetches them may take them away; days that were missed meanwhile are put when the server is back.
"""

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO

from simulator.banks import dialects
from simulator.payment import Merchant
from simulator.reconciling import WrongOption, cut_off_of, empty_sheet, ready_at, write_day
from simulator.settlement.day import ONE_DAY
from simulator.settlement.sheet import DayFile, DoesNotFit
from simulator.world import DEFAULT, World

log = logging.getLogger(__name__)

MEMORY = ".written.json"
DAYS_MAX = 366
"""Of a longer absence, or a clock that was moved by years, only the last days are put."""

UNSAFE = str.maketrans(dict.fromkeys("/\\\x00", "_"))
"""A merchant's code stands in the name, and may hold what leads out of the folder."""

Put = dict[str, date]
"""The last business date that was put, or was over when the folder was first used, of each file."""


class DayFiles:
    """Puts them below `folder`: the default sandbox's there, those of others below s/NAME."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turns: dict[str, asyncio.Lock] = {}

    async def next_due(self, world: World) -> datetime | None:
        """When the next one is to be put."""
        put = self._remembered(world, await world.now())
        return min((_due(form, merchant, put[key]) for key, form, merchant in _files(world)), default=None)

    async def put_due(self, world: World) -> int:
        """How many were due, and are there now."""
        async with self._turns.setdefault(world.name, asyncio.Lock()):
            now, count = await world.now(), 0
            put = self._remembered(world, now)
            for key, form, merchant in _files(world):
                while _due(form, merchant, put[key]) <= now:
                    day = _following(form, merchant, put[key])
                    await self._put(world, form, merchant, day)
                    put[key] = day
                    await asyncio.to_thread(_replace, self._place(world) / MEMORY, _told(put))
                    count += 1
            return count

    async def _put(self, world: World, form: DayFile, merchant: Merchant, day: date) -> None:
        name = form.name(empty_sheet(form, merchant, day)).translate(UNSAFE)
        path = self._place(world) / form.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _part(path)
        try:
            with part.open("wb") as content:
                await write_day(world, form, merchant, day, content)
                await asyncio.to_thread(_keep, content, path)
        except DoesNotFit:
            log.exception("%s: the file cannot be written, and is left out", path)
        finally:
            part.unlink(missing_ok=True)

    def _place(self, world: World) -> Path:
        return self._folder if world.name == DEFAULT else self._folder / "s" / world.name

    def _remembered(self, world: World, now: datetime) -> Put:
        """What was put. Of a file that is new, and where a clock was put back, it begins with the present day."""
        path = self._place(world) / MEMORY
        kept = _read(path)
        put = {}
        for key, form, merchant in _files(world):
            over = _last_over(form, merchant, now)
            put[key] = max(min(kept.get(key, over), over), over - DAYS_MAX * ONE_DAY)
        if put != kept:
            _replace(path, _told(put))
        return put


def _files(world: World) -> Iterator[tuple[str, DayFile, Merchant]]:
    for (code, merchant_code), merchant in world.merchants.items():
        for form in dialects()[code].settlement if code in dialects() else ():
            try:
                cut_off_of(form, merchant)
                ready_at(empty_sheet(form, merchant, date(2026, 1, 5)))
            except WrongOption as error:
                log.error("no file: %s", error)
                continue
            yield f"{code}/{form.kind}/{merchant_code}", form, merchant


def _due(form: DayFile, merchant: Merchant, last: date) -> datetime:
    return ready_at(empty_sheet(form, merchant, _following(form, merchant, last)))


def _following(form: DayFile, merchant: Merchant, last: date) -> date:
    """The next business date. A day off that belongs to the next working day has no file of its own."""
    cut_off, day = cut_off_of(form, merchant), last + ONE_DAY
    while cut_off.skips(day):
        day += ONE_DAY
    return day


def _last_over(form: DayFile, merchant: Merchant, now: datetime) -> date:
    """The last business date whose file has been due."""
    day = now.date() + timedelta(days=2)
    while ready_at(empty_sheet(form, merchant, day)) > now:
        day -= ONE_DAY
    return day


def _read(path: Path) -> Put:
    try:
        return {key: date.fromisoformat(day) for key, day in json.loads(path.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        log.error("%s cannot be read: the files begin anew with the present day", path)
        return {}


def _told(put: Put) -> bytes:
    return json.dumps({key: day.isoformat() for key, day in sorted(put.items())}, indent=1).encode()


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _part(path).open("wb") as part:
        part.write(content)
        _keep(part, path)


def _keep(part: IO[bytes], path: Path) -> None:
    """Under its name once it is on the disk, and then its name too."""
    part.flush()
    os.fsync(part.fileno())
    os.replace(_part(path), path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
