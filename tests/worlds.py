"""Worlds for tests: a store in a temporary file, a clock that stands still, and connectors that answer as told."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from msgspec.structs import replace

from simulator.bank import Served, serve
from simulator.banks import dialects
from simulator.delivery import Courier
from simulator.dialect import Dialect, Endpoint, places_of
from simulator.merchants import default_merchants
from simulator.store.sqlite import SqliteStore
from simulator.wire import Answer, Request
from simulator.world import World, Worlds

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
"""10:00 in Vietnam."""


def endpoint_of(dialect: Dialect, request: Request) -> tuple[Endpoint, Request]:
    """The endpoint that serves the request, and the request with what stands in the places of its path."""
    for each in dialect.endpoints:
        places = places_of(each.path, request.path)
        if each.method == request.method and places is not None:
            return each, replace(request, places=places)
    raise LookupError(f"{dialect.code} has no {request.method} {request.path}")


async def ask(world: World, code: str, request: Request) -> Served:
    """What the bank `code` answers to the request."""
    dialect = dialects()[code]
    return await serve(world, dialect, *endpoint_of(dialect, request))


@asynccontextmanager
async def worlds_in(folder: Path, *, clock: Callable[[], datetime] = lambda: START) -> AsyncIterator[Worlds]:
    store = SqliteStore(folder / "bank.db", clock)
    await store.open()
    try:
        yield Worlds(store, clock, "http://banksim.test", default_merchants())
    finally:
        await store.close()


@asynccontextmanager
async def courier_of(worlds: Worlds) -> AsyncIterator[Courier]:
    courier = Courier(worlds, "test-node")
    await courier.start()
    try:
        yield courier
    finally:
        await courier.stop()


class Connector:
    """A connector on loopback that keeps what it is sent and answers what the test says."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[str, str, bytes], web.Response] = lambda method, path, body: web.json_response(
            {"RspCode": "00", "Message": "Confirm Success"}
        )
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.method, request.path_qs, body))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return self.answer(request.method, request.path_qs, body)


def served(answer: Answer) -> web.Response:
    """The same answer as the connector's web framework sends it."""
    return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)


@asynccontextmanager
async def connector() -> AsyncIterator[Connector]:
    it = Connector()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", it.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield it
    finally:
        await runner.cleanup()
