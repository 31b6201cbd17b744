"""kill -9 of a real server at random moments under load: nothing accepted is missing, nothing is doubled."""

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web

from simulator.client import Banksim
from simulator.clock import system_clock
from simulator.wire import Request
from tests.postgres import postgres_server
from tests.samples.vnpay import vnpay_pay
from tests.worlds import Connector, connector

T = TypeVar("T")

KILLS = 3
LEASE_S = 2.0
SETTLED_WITHIN_S = 60


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "bank.db")
        return
    with postgres_server() as dsn:
        yield dsn


@asynccontextmanager
async def server(store_url: str) -> AsyncIterator[tuple[str, subprocess.Popen[str]]]:
    """A real `banksim serve`; it is killed, not stopped, at the end."""
    command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--seed", "kill"]
    child = subprocess.Popen(
        [*command, "--store", store_url, "--lease-s", str(LEASE_S)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        ready = "banksim ready at "
        lines = iter(child.stdout.readline, "")
        url = await asyncio.to_thread(lambda: next(line for line in lines if line.startswith(ready)))
        yield url.removeprefix(ready).strip(), child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


class Payers:
    """Payers who keep paying until the server dies; they remember only what was answered."""

    def __init__(self) -> None:
        self.accepted: dict[str, str] = {}
        self.approved: set[str] = set()

    async def pay(self, url: str, number: int) -> None:
        async with aiohttp.ClientSession() as session:
            for turn in range(100_000):
                ref = f"K{number}T{turn}R{len(self.accepted)}"
                try:
                    await self._one(session, url, ref)
                except aiohttp.ClientError:
                    return

    async def _one(self, session: aiohttp.ClientSession, url: str, ref: str) -> None:
        request: Request = vnpay_pay(ref, 20_000, system_clock())
        target = f"{url}/vnpay{request.path}?{request.query.decode()}"
        async with session.get(target, allow_redirects=False) as answer:
            assert answer.status == 302
            payment_id = answer.headers["location"].rsplit("/", 1)[1]
        self.accepted[ref] = payment_id
        events = f"{url}/_control/sandboxes/default/payments/{payment_id}/events"
        async with session.post(events, json={"event": "approve"}) as answer:
            assert answer.status == 200, await answer.text()
        self.approved.add(ref)


def told(portal: Connector) -> set[str]:
    return {parse_qs(urlsplit(path).query)["vnp_TxnRef"][0] for _, path, _ in portal.requests}


async def test_nothing_is_lost_and_nothing_is_counted_twice(store_url: str) -> None:
    moments = random.Random(2026)
    payers = Payers()
    async with connector() as portal:
        for _ in range(KILLS):
            async with server(store_url) as (url, child):
                await asyncio.to_thread(_call_back_at, url, portal.url)
                some_more = len(portal.requests) + moments.randrange(20, 120)
                crowd = [asyncio.create_task(payers.pay(url, number)) for number in range(12)]
                await _told_until(portal, lambda wanted=some_more: len(portal.requests) >= wanted)
                child.send_signal(signal.SIGKILL)
                await asyncio.gather(*crowd)
        async with server(store_url) as (url, _):
            await _told_until(portal, lambda: told(portal) >= payers.approved)
            await asyncio.to_thread(_check_books, url, payers)
    assert len(payers.approved) > KILLS * 20


def _call_back_at(url: str, portal_url: str) -> None:
    with Banksim(url) as banksim:
        banksim.sandbox().set_merchant("vnpay", "DEMOV210", callback_url=f"{portal_url}/ipn")


async def _told_until(portal: Connector, holds: Callable[[], bool]) -> None:
    """Answers callbacks until that holds."""
    enough = asyncio.Event()

    def answer(method: str, path: str, body: bytes) -> web.Response:
        if holds():
            enough.set()
        return web.json_response({"RspCode": "00"})

    portal.answer = answer
    if not holds():
        await asyncio.wait_for(enough.wait(), SETTLED_WITHIN_S)


def _pages(read: Callable[..., Sequence[T]]) -> Iterator[Sequence[T]]:
    for offset in count(0, 500):
        page = read(limit=500, offset=offset)
        if not page:
            return
        yield page


def _check_books(url: str, payers: Payers) -> None:
    with Banksim(url) as banksim:
        sandbox = banksim.sandbox()
        totals = sandbox.totals()
        entries = [entry for page in _pages(sandbox.ledger) for entry in page]
        kept = {payment.payment_id for page in _pages(sandbox.payments) for payment in page}
    booked = Counter(entry.order_ref for entry in entries)
    assert kept >= set(payers.accepted.values()), "an accepted payment is missing"
    assert set(booked) >= payers.approved, "an approved payment is missing in the ledger"
    assert not [ref for ref, times in booked.items() if times > 1], "a payment is counted twice"
    assert totals.debited_vnd == 20_000 * len(booked)
