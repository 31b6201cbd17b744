"""The pieces of work that are measured, each once for every server that can do it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bench.measuring import Work
from tests.bench.peers import CALL
from tests.bench.wire import Acknowledger, Connection, pay_request, payment_id, post, query_request

EVENTS = "/_control/sandboxes/default/payments/{}/events"
TOLD_S = 60.0


@asynccontextmanager
async def merchant() -> AsyncIterator[str]:
    """Where the connector listens to callbacks, without a query."""
    server = await asyncio.get_running_loop().create_server(Acknowledger, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ipn"
    finally:
        server.close()


async def create(line: Connection, ref: str) -> None:
    """An order is made."""
    status, body = await line.ask(pay_request(f"C{ref}"))
    assert status == 302, body


def called(path: str = CALL) -> Work:
    """An order is made by one request, and called back."""

    async def work(line: Connection, ref: str) -> None:
        told = _told(f"D{ref}")
        status, body = await line.ask(pay_request(f"D{ref}", path))
        assert status == 302, body
        await asyncio.wait_for(told, TOLD_S)

    return work


async def settle(line: Connection, ref: str) -> None:
    """An order is made and paid, and its signed callback is delivered: a request more than `called`."""
    status, body = await line.ask(pay_request(f"S{ref}"))
    assert status == 302, body
    told = _told(f"S{ref}")
    status, body = await line.ask(post(EVENTS.format(payment_id(f"S{ref}")), {"event": "approve"}))
    assert status == 200, body
    await asyncio.wait_for(told, TOLD_S)


async def whole(line: Connection, ref: str) -> None:
    """And the connector asks for its status."""
    await settle(line, f"W{ref}")
    status, body = await line.ask(query_request(f"SW{ref}"))
    assert status == 200, status
    assert b'"vnp_TransactionStatus":"00"' in body, body


def _told(ref: str) -> "asyncio.Future[None]":
    """Done once the merchant is called about that order."""
    told = Acknowledger.waiting[ref.encode()] = asyncio.get_running_loop().create_future()
    return told
