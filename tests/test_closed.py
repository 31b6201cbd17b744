"""Facts about banks whose books cannot be reached: every one says maintenance in its own words, and goes on after."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from simulator.app import App
from simulator.delivery import Courier
from simulator.faults import Fault
from simulator.maintenance import Window
from simulator.store import Sandbox, StoreError
from simulator.wire import Request
from simulator.world import Worlds
from tests.samples import ORDERED, SAMPLES
from tests.worlds import START, ask

HERE = "http://banksim.test"


async def nowhere(*_: object, **__: object) -> None:
    raise AssertionError("no page and no control call is meant here")


@pytest.fixture
async def app(worlds: Worlds, courier: Courier) -> App:
    await worlds.create("ci", seed="1", clock_at=START)
    return App(worlds, courier, nowhere, "1", manual=True)


async def called(app: App, bank: str, request: Request) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        url = f"{HERE}/s/ci/{bank}{request.path}?{request.query.decode()}".rstrip("?")
        return await client.request(request.method, url, headers=request.headers, content=request.body)


def break_store(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object, **__: object) -> None:
        raise StoreError("gone")

    for verb in ("transact", "payment", "named", "sandbox", "version"):
        monkeypatch.setattr(worlds.store, verb, gone)


def create(code: str, ref: str) -> Request:
    wanted = SAMPLES[code].create
    assert wanted is not None
    return wanted(ref, 20_000, START)


@pytest.mark.parametrize("code", ORDERED)
async def test_a_bank_without_its_books_answers_as_in_maintenance(
    worlds: Worlds, app: App, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await worlds.get("ci")
    await world.store.set_faults("ci", (Fault(fault_id="f", kind="maintenance", times=0),))
    served = await ask(world, code, create(code, "HS0001"))
    assert served.sent is not None
    await world.store.set_faults("ci", ())
    with monkeypatch.context() as broken:
        break_store(worlds, broken)
        answer = await called(app, code, create(code, "HS0001"))
    assert answer.status_code == served.sent.response.status
    assert len(answer.content) == len(served.sent.response.body)
    for name, value in served.sent.response.headers:  # An answer may have a time in it, or a number.
        assert len(answer.headers[name]) == len(value)
    assert await world.store.payments("ci") == []
    assert (await called(app, code, create(code, "HS0001"))).status_code < 400, "afterwards all goes on"
    assert len(await world.store.payments("ci")) == 1


async def test_where_the_sandbox_was_never_seen_nobody_knows_the_words(
    worlds: Worlds, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_store(worlds, monkeypatch)
    answer = await called(App(worlds, courier, nowhere, "1", manual=True), "vnpay", create("vnpay", "HS0001"))
    assert (answer.status_code, answer.text) == (503, "The bank's books cannot be reached; nothing was done.")


async def test_it_is_said_once_and_not_with_every_request(
    worlds: Worlds, app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await worlds.get("ci")
    with monkeypatch.context() as broken:
        break_store(worlds, broken)
        for _ in range(3):
            await called(app, "vnpay", create("vnpay", "HS0001"))
    for _ in range(2):
        await called(app, "vnpay", create("vnpay", "HS0001"))
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "the store cannot be used, the banks are closed for maintenance",
        "the store can be used again",
    ]


# --- several processes over one store ------------------------------------------------------------------------


@pytest.fixture
def others(worlds: Worlds) -> Worlds:
    """Another process's, with the same trust."""
    return Worlds(worlds.store, worlds.clock, worlds.base_url, (), trust_s=0.01)


async def test_what_one_process_has_changed_all_go_by_once_it_is_answered(worlds: Worlds, others: Worlds) -> None:
    here = Worlds(worlds.store, worlds.clock, worlds.base_url, (), trust_s=0.01)
    await here.create("ci", seed="1")
    for number in range(5):
        assert (await others.get("ci")).sandbox.maintenance is None
        changed = await here.update("ci", lambda sandbox, seed=str(number): replace(sandbox, seed=seed))  # type: ignore[misc]
        assert (await others.get("ci")).sandbox.seed == changed.sandbox.seed == str(number)
    await here.drop("ci")
    assert [each.name for each in await others.all()] == []


async def test_changes_of_two_processes_are_both_kept(worlds: Worlds, others: Worlds) -> None:
    here = Worlds(worlds.store, worlds.clock, worlds.base_url, (), trust_s=0.0)
    await here.create("ci", seed="1", clock_at=START)
    reading = worlds.store.sandbox
    with pytest.MonkeyPatch.context() as slow:

        async def read_while_another_writes(name: str) -> Sandbox:
            slow.undo()
            read = await reading(name)
            await others.set_faults_by_amount("ci", True)
            return read

        slow.setattr(worlds.store, "sandbox", read_while_another_writes)
        await here.set_maintenance("ci", Window(1380, 60))
    sandbox = await worlds.store.sandbox("ci")
    assert (sandbox.faults_by_amount, sandbox.maintenance) == (True, Window(1380, 60))
    assert sandbox.clock_at == START


async def test_a_process_alone_reads_its_settings_once(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    await worlds.create("ci", seed="1")
    break_store(worlds, monkeypatch)
    assert (await worlds.get("ci")).sandbox.seed == "1"


async def test_a_moved_clock_does_not_make_settings_old(worlds: Worlds, others: Worlds, tmp_path: Path) -> None:
    await worlds.create("ci", seed="1", clock_at=START)
    before = await others.get("ci")
    await worlds.store.set_clock("ci", START + timedelta(hours=1))
    assert (await others.get("ci")) is before
    assert await before.now() == START + timedelta(hours=1)
