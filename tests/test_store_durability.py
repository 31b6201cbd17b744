"""What was answered outlives the process: accepting processes are killed at moments of chance, and all is there."""

import asyncio
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.store import Sandbox, Store
from simulator.store.opening import open_store
from tests.accepting import AMOUNT_VND, SANDBOX
from tests.postgres import postgres_server

ROOT = Path(__file__).resolve().parent.parent
KILLS = 4
PROCESSES = 2


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url, lambda: datetime(2026, 11, 22, tzinfo=UTC))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


class Accepting:
    """One accepting process, killed once it has answered `answers_max` payments; it then has more under way."""

    def __init__(self, url: str, name: str) -> None:
        command = [sys.executable, "-m", "tests.accepting", url, name]
        self._child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def kill_after(self, answers_max: int) -> list[str]:
        """The ids of all payments that it named before it died."""
        assert self._child.stdout is not None
        named = [self._child.stdout.readline() for _ in range(answers_max)]
        self._child.kill()
        rest, _ = self._child.communicate()
        named.extend(rest.splitlines(keepends=True))
        return [line.strip() for line in named if line.endswith("\n")]


async def kill_processes(url: str, turn: int, chance: random.Random) -> list[str]:
    """Starts processes that share the store, and kills each; the ids that they had named."""
    processes = [Accepting(url, f"{turn}-{number}") for number in range(PROCESSES)]
    answers = [chance.randrange(1, 300) for _ in processes]
    named = await asyncio.gather(
        *(asyncio.to_thread(each.kill_after, count) for each, count in zip(processes, answers, strict=True))
    )
    assert all(len(ids) >= count for ids, count in zip(named, answers, strict=True)), "it died by itself"
    return [payment_id for ids in named for payment_id in ids]


async def assert_accounted_for(store: Store, named: list[str]) -> None:
    """Every payment that was named is paid; books, payments, callbacks and counters agree to the dong."""
    payments = await store.payments(SANDBOX, limit=100_000)
    paid = {each.payment_id for each in payments if each.state == "paid"}
    assert not set(named) - paid, "answered, and then forgotten"
    booked = Counter(each.payment_id for each in await store.ledger(SANDBOX, limit=100_000))
    assert booked == dict.fromkeys(paid, 1)
    assert Counter(each.payment_id for each in await store.deliveries(SANDBOX, limit=100_000)) == booked
    totals = await store.totals(SANDBOX)
    assert totals.payments_by_state == Counter(each.state for each in payments)
    assert totals.debited_vnd == AMOUNT_VND * len(paid)
    assert totals.deliveries_by_state == {"waiting": len(paid)}


async def survive(url: str) -> None:
    chance = random.Random(20261122)
    async with opened(url) as store:
        await store.put_sandbox(Sandbox(name=SANDBOX, seed="7"))
    named: list[str] = []
    for turn in range(KILLS):
        named += await kill_processes(url, turn, chance)
        async with opened(url) as store:
            await assert_accounted_for(store, named)


async def test_what_sqlite_answered_outlives_kill_9(tmp_path: Path) -> None:
    await survive(str(tmp_path / "bank.db"))


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
async def test_what_postgres_answered_outlives_kill_9() -> None:
    with postgres_server() as dsn:
        await survive(dsn)
