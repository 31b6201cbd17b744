"""Files that come by themselves: at their time, each once, whole, late if asked, and after a restart."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from simulator.banks import dialects
from simulator.client import Banksim
from simulator.clock import VIETNAM
from simulator.day_files import MEMORY, DayFiles
from simulator.delivery import Courier
from simulator.payment import Channel, Merchant
from simulator.reconciling import day_file, file_of
from simulator.store.sqlite import SqliteStore
from simulator.world import World, Worlds
from tests.test_cli import serving
from tests.test_settlement import FRIDAY, SATURDAY, TEN
from tests.worlds import worlds_in

VA = "VIETINBANK_IN/{:%Y%m%d}_9111_THUHOTKAO_IN.txt"
EVERY = sum(len(dialect.settlement) for dialect in dialects().values())


def local(day: int, hour: int = 7, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=VIETNAM)


class Night:
    """A sandbox on a manual clock whose files come by themselves."""

    def __init__(self, folder: Path, worlds: Worlds, world: World) -> None:
        self.folder = folder / "sftp"
        self.worlds = worlds
        self.world = world
        self.started()

    def started(self) -> None:
        """As a process that has just begun."""
        self.files = DayFiles(self.folder)
        self.courier = Courier(self.worlds, "test", files=self.files)

    async def at(self, instant: datetime) -> None:
        await self.courier.advance(self.world, instant)

    async def options(self, **options: str) -> None:
        def change(each: Merchant) -> Merchant:
            return msgspec.structs.replace(each, options={**each.options, **options})

        self.world = await self.worlds.update(
            "default",
            lambda sandbox: msgspec.structs.replace(sandbox, merchants=tuple(map(change, sandbox.merchants))),
        )

    def there(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()} - {MEMORY}

    def has(self, day: date) -> bool:
        return VA.format(day) in self.there()


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    async with worlds_in(tmp_path) as worlds:
        yield Night(tmp_path, worlds, await worlds.create("default", seed="1", clock_at=TEN))


async def pay(night: Night, code: str) -> None:
    merchant = night.world.merchants["vietinbank", "9111"]
    await night.courier.pay_unasked(
        night.world, dialects()["vietinbank"], merchant, code, 50_000, Channel.INTERNET_BANKING
    )


async def test_each_bank_puts_its_file_at_seven_on_the_next_day(night: Night) -> None:
    await pay(night, "A")
    await night.at(local(21, 6, 59, 59))
    assert night.there() == set()
    await night.at(local(21))
    assert len(night.there()) == EVERY
    form = file_of(dialects()["vietinbank"], "va")
    assert form is not None
    made = await day_file(night.world, form, night.world.merchants["vietinbank", "9111"], FRIDAY)
    assert (night.folder / VA.format(FRIDAY)).read_bytes() == made.content
    assert made.totals.count == 1


async def test_a_clock_moved_by_days_puts_each_day_once(night: Night) -> None:
    await night.at(local(25, 6))
    assert [day for day in range(18, 27) if night.has(date(2026, 11, day))] == [20, 21, 22, 23]
    treasury = sorted(name for name in night.there() if "_DOISOAT_1" in name)
    assert [name.split("/")[1][:8] for name in treasury] == ["20261120", "20261123"]  # Not on days off.


async def test_what_was_fetched_away_does_not_come_again(night: Night) -> None:
    await night.at(local(21))
    (night.folder / VA.format(FRIDAY)).unlink()
    await night.at(local(21, 12))
    night.started()
    assert await night.files.put_due(night.world) == 0
    await night.at(local(22))
    assert (night.has(FRIDAY), night.has(SATURDAY)) == (False, True)


async def test_days_that_were_missed_are_put_once_when_the_server_is_back(night: Night) -> None:
    await night.at(local(21))
    await pay(night, "A")
    await Courier(night.worlds, "another, which puts no files").advance(night.world, local(24))
    assert not night.has(SATURDAY)
    night.started()
    expected = EVERY * 3 - 2  # The platform's has none of Saturday and Sunday.
    assert await night.files.put_due(night.world) == expected
    assert all(night.has(date(2026, 11, day)) for day in (21, 22, 23))
    assert b"|A|" in (night.folder / VA.format(SATURDAY)).read_bytes()
    assert await night.files.put_due(night.world) == 0


async def test_a_process_killed_between_file_and_memory_puts_the_same_bytes_again(night: Night) -> None:
    await pay(night, "A")
    await night.at(local(20, 23))
    memory = (night.folder / MEMORY).read_bytes()
    await night.at(local(21))
    content = (night.folder / VA.format(FRIDAY)).read_bytes()
    (night.folder / MEMORY).write_bytes(memory)
    (night.folder / VA.format(FRIDAY)).with_name(".half.part").write_bytes(content[:9])
    night.started()
    assert await night.files.put_due(night.world) == EVERY
    assert (night.folder / VA.format(FRIDAY)).read_bytes() == content


async def test_a_file_comes_late_or_at_another_hour_if_its_merchant_says_so(night: Night) -> None:
    await night.options(files_at="08:30")
    await night.at(local(21, 8, 29, 59))
    assert night.there() == set()
    await night.at(local(21, 8, 30))
    assert b"20261121083000" in (night.folder / VA.format(FRIDAY)).read_bytes()
    await night.options(files_late_s="5400")
    await night.at(local(22, 9, 59, 59))
    assert not night.has(SATURDAY)
    await night.at(local(22, 10))
    assert b"20261122083000" in (night.folder / VA.format(SATURDAY)).read_bytes()


async def test_nothing_half_written_bears_a_files_name(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*given: object) -> None:
        given[-1].write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as breaking:
        breaking.setattr("simulator.day_files.write_day", broken)
        await night.at(local(21))
        assert (await night.world.now(), night.there()) == (local(21), set())
    await night.at(local(21, 7, 1))
    assert len(night.there()) == EVERY


async def test_a_memory_that_cannot_be_read_begins_anew(night: Night) -> None:
    await night.at(local(21))
    for content in ("{", "[]", '{"x": 1}', '{"x": "yesterday"}'):
        (night.folder / MEMORY).write_text(content)
        assert await night.files.put_due(night.world) == 0


async def test_a_clock_put_back_begins_anew(night: Night) -> None:
    await night.at(local(25))
    night.world = await night.worlds.reset("default", clock_at=TEN)
    await pay(night, "B")
    await night.at(local(21))
    assert b"|B|" in (night.folder / VA.format(FRIDAY)).read_bytes()


async def test_other_sandboxes_have_a_folder_of_their_own(night: Night) -> None:
    other = await night.worlds.create("ci", seed="2", clock_at=TEN)
    await night.courier.advance(other, local(21))
    assert (night.folder / "s" / "ci" / VA.format(FRIDAY)).is_file()
    assert not night.has(FRIDAY)


async def test_a_merchants_code_leads_nowhere_else(night: Night) -> None:
    bad = Merchant(bank="vietinbank", merchant_code="../../x", name="x")
    night.world = await night.worlds.update(
        "default", lambda sandbox: msgspec.structs.replace(sandbox, merchants=(bad,))
    )
    await night.at(local(21))
    assert {name.split("/")[0] for name in night.there()} == {"VIETINBANK_IN", "VIETINBANK_BACKUP"}


@asynccontextmanager
async def on_the_machines_clock(folder: Path, now: list[datetime]) -> AsyncIterator[World]:
    store = SqliteStore(folder / "bank.db", lambda: now[0])
    await store.open()
    worlds = Worlds(store, lambda: now[0], "http://banksim.test", ())
    merchants = (Merchant(bank="vnpay", merchant_code="V", name="V", secrets={"secret": "S"}),)
    world = await worlds.create("default", seed="1", merchants=merchants)
    courier = Courier(worlds, "test", files=DayFiles(folder / "sftp"))
    await courier.start()
    yield world
    await courier.stop()
    await store.close()


async def until(path: Path) -> None:
    async with asyncio.timeout(20):
        while not path.is_file():  # noqa: ASYNC110, ASYNC240 - a folder tells nobody
            await asyncio.sleep(0.01)


async def test_on_the_machines_clock_they_come_by_themselves_also_after_a_restart(tmp_path: Path) -> None:
    now, place = [TEN.astimezone(UTC)], tmp_path / "sftp" / "VNPAY_OUT"
    async with on_the_machines_clock(tmp_path, now):
        await until(tmp_path / "sftp" / MEMORY)
        now[0] = local(21)
        await until(place / "20261120_V_DOISOAT.txt")
    now[0] = local(23)
    async with on_the_machines_clock(tmp_path, now):
        await until(place / "20261122_V_DOISOAT.txt")
        assert len(list(place.iterdir())) == 3


def test_a_server_killed_before_the_files_were_put_puts_them_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "sftp"
    words = ("--settlement-folder", str(folder), "--manual-clock")
    with serving(tmp_path, *words) as served, Banksim(served.url) as there:
        sandbox = there.sandbox()
        sandbox.pay_unasked("vietinbank", "A", 50_000)
        now = sandbox.clock().now.astimezone(VIETNAM)
        day = now.date()
        sandbox.advance_to(datetime(now.year, now.month, now.day, 7, tzinfo=VIETNAM) + timedelta(days=1))
        assert b"|A|" in (folder / VA.format(day)).read_bytes()
        served.child.kill()
    memory = json.loads((folder / MEMORY).read_text())
    memory["vietinbank/va/9111"] = (day - timedelta(days=1)).isoformat()
    (folder / MEMORY).write_text(json.dumps(memory))
    content = (folder / VA.format(day)).read_bytes()
    (folder / VA.format(day)).unlink()
    with serving(tmp_path, *words) as served, Banksim(served.url) as there:
        there.sandbox().advance(0)
        assert (folder / VA.format(day)).read_bytes() == content
