"""What ended long ago goes by itself, a little at a time; what is young, pending or still told stays."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from simulator import bank
from simulator.__main__ import _parser
from simulator.client import Banksim, SandboxClient
from simulator.clock import system_clock
from simulator.inbox import receive
from simulator.letter import LetterKind
from simulator.outbox import Delivery, DeliveryState
from simulator.payment import Event
from simulator.retention import Retention
from simulator.serving import kept
from simulator.store import Size, StoreError
from simulator.world import World, Worlds
from tests.samples.vnpay import vnpay_pay
from tests.test_cli import serving
from tests.worlds import ask, worlds_in

WITHIN_S = 60.0
KEEP = timedelta(hours=1)
START = datetime.fromisoformat("2026-11-22T03:00:00+00:00")


class Hands:
    """A clock that is moved by the test, as the machine's is by itself."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


async def paid(world: World, ref: str) -> None:
    """No merchant has a callback's address, so its callback is tried, and given up at once."""
    await ask(world, "vnpay", vnpay_pay(ref, 50_000, START))
    [payment] = await world.store.payments(world.name, order_ref=ref)
    await bank.act(world, payment.payment_id, Event.APPROVE)
    for claimed in await world.store.claim(await world.now(), 10, 1, "n", world.name):
        await world.store.finish(claimed, _given_up(claimed.delivery), ())


def _given_up(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, state=DeliveryState.EXHAUSTED)


async def refs(worlds: Worlds, sandbox: str) -> set[str]:
    return {each.order.order_ref for each in await worlds.store.payments(sandbox, limit=1000)}


async def test_old_payments_of_every_sandbox_on_the_system_clock_are_removed_over_many_rounds(tmp_path: Path) -> None:
    clock = Hands()
    async with worlds_in(tmp_path, clock=clock) as worlds:
        default, other = await worlds.create("default", seed="1"), await worlds.create("other", seed="1")
        manual = await worlds.create("manual", seed="1", clock_at=START)
        for number in range(120):  # More than one round.
            await paid(default, f"A{number}")
        await paid(other, "B")
        await paid(manual, "C")
        await receive(default, LetterKind.SMS, {"to": "0912345678", "text": "hello"})
        clock.now = START + timedelta(minutes=50)
        await paid(default, "young")
        clock.now = START + timedelta(minutes=61)
        await Retention(worlds, KEEP).sweep()
        assert await refs(worlds, "default") == {"young"}
        assert await refs(worlds, "other") == set()
        assert await refs(worlds, "manual") == {"C"}
        assert await worlds.store.letters("default") == []
        totals = await worlds.store.totals("default")
        assert (totals.payments, totals.payments_removed, totals.letters_removed) == (121, 120, 1)
        assert (await worlds.store.size()).free_bytes == 0, "given back"


async def test_the_journal_of_what_is_no_payment_is_removed_too(tmp_path: Path) -> None:
    clock = Hands()
    async with worlds_in(tmp_path, clock=clock) as worlds:
        world = await worlds.create("default", seed="1")
        for number in range(3):
            clock.now = START + number * timedelta(minutes=30)
            await ask(world, "vnpay", vnpay_pay(f"A{number}", 50_000, START, vnp_TmnCode="NOBODY"))
        clock.now = START + timedelta(minutes=100)
        await Retention(worlds, KEEP).sweep()
        assert [each.at for _, each in await world.store.exchanges("default")] == [START + timedelta(minutes=60)]


async def test_others_are_served_between_two_rounds(tmp_path: Path) -> None:
    """However much there is to remove, a payment waits for one round of it at most."""
    clock = Hands()
    async with worlds_in(tmp_path, clock=clock) as worlds:
        world = await worlds.create("default", seed="1")
        for number in range(350):
            await paid(world, f"A{number}")
        clock.now = START + timedelta(hours=2)
        left: list[int] = []

        async def payer() -> None:
            for number in range(3):
                await ask(world, "vnpay", vnpay_pay(f"B{number}", 50_000, clock.now))
                left.append(len(await refs(worlds, "default")))

        removing = asyncio.create_task(Retention(worlds, KEEP).sweep())
        while len(await refs(worlds, "default")) == 350:
            continue
        await payer()
        assert left[0] > 100, "it was served while there was still much to do"
        await removing
        assert await refs(worlds, "default") == {"B0", "B1", "B2"}


async def test_a_store_that_cannot_be_used_for_a_while_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with worlds_in(tmp_path) as worlds:
        await worlds.create("default", seed="1")
        monkeypatch.setattr("simulator.retention.STORE_RETRY_S", 0.001)
        tries, thrice = 0, asyncio.Event()

        async def gone() -> list[object]:
            nonlocal tries
            tries += 1
            if tries == 3:
                thrice.set()
            raise StoreError("gone")

        monkeypatch.setattr(worlds.store, "sandboxes", gone)
        task = asyncio.create_task(Retention(worlds, KEEP).run())
        await thrice.wait()
        task.cancel()
        assert "what is old stays for now: gone" in caplog.text


# --- a whole server ------------------------------------------------------------------------------------------


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


def _paid(sandbox: SandboxClient, url: str, ref: str) -> None:
    request = vnpay_pay(ref, 50_000, system_clock())
    with httpx.Client(trust_env=False) as http:
        assert http.get(f"{url}/vnpay{request.path}?{request.query.decode()}").status_code == 302
    [payment] = sandbox.payments(order_ref=ref)
    sandbox.event(payment.payment_id, "approve")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_removes_what_is_older_than_it_was_told(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, "--keep", "1s", "--lease-s", "1", "--workers", str(workers)) as served:
        assert "payments that ended at most 1 s ago" in served.printed
        with Banksim(served.url) as banksim:
            sandbox = banksim.sandbox()
            sandbox.set_retries("vnpay", [])
            for number in range(3):
                _paid(sandbox, served.url, f"HS-{number}")
            _until(lambda: sandbox.totals().payments_removed == 2)
            totals = sandbox.totals()
            assert (totals.payments, totals.debited_vnd) == (3, 150_000)
            assert [each.order_ref for each in sandbox.payments()] == ["HS-2"], "the youngest keeps its number"


def test_without_a_word_everything_is_kept(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert "everything, for ever" in served.printed
        assert "MB on the disk" in served.printed


@pytest.mark.parametrize(("text", "age"), [("90s", 90), ("5m", 300), ("12h", 43_200), ("7d", 604_800)])
def test_an_age_is_a_number_and_a_unit(text: str, age: int) -> None:
    assert _parser(["serve"]).parse_args(["serve", "--keep", text]).keep == timedelta(seconds=age)


@pytest.mark.parametrize("text", ["", "7", "d", "7w", "-1d", "0s", "1.5h", "99999999d", "٧d", "7d "])
def test_any_other_age_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser(["serve"]).parse_args(["serve", f"--keep={text}"])
    assert "such as 7d" in capsys.readouterr().err


def test_what_becomes_of_the_room_is_said() -> None:
    assert "given back to the disk" in kept(timedelta(days=7), Size(1, 0, True))
    assert "gets no smaller" in kept(timedelta(days=7), Size(1, 0, False))
    assert "at most 36 h ago" in kept(timedelta(hours=36), Size(1, 0, True))
