"""Where each request of this process goes while the banks are in it: respx hands it over, this says to whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import respx
from respx.mocks import HTTPCoreMocker
from respx.models import AllMockedAssertionError

from simulator.app import App
from simulator.control.guard import is_loopback
from simulator.inprocess.connector import Local
from simulator.inprocess.hosts import Host, stand_in
from simulator.inprocess.memory import MemoryServer
from simulator.inprocess.threads import LoopThread, elsewhere
from simulator.world import DEFAULT

BANKSIM_URL = "http://banksim.test"
"""What no bank has of its own: payers' pages, the control API. Nobody can own a name that ends in .test."""

BLOCKING = "banksim.blocking"
"""The request extension that marks a synchronous client's."""


class Switchboard(httpx.BaseTransport):
    """Answers every request that concerns banks or connector; also a transport for clients that respx does not see."""

    def __init__(
        self,
        app: App,
        server: MemoryServer,
        thread: LoopThread,
        connector: Local,
        connector_url: str,
        hosts: tuple[Host, ...],
    ) -> None:
        self._app = app
        self._server = server
        self._thread = thread
        self._connector = connector
        self._own = {urlsplit(connector_url).netloc}
        self._hosts = hosts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if self.is_for_connector(request):
            return self.connector_answer(request)
        return self._server.send(request, self.target(request))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """The same for an asynchronous client; the body of the request was read."""
        if self.is_for_connector(request):
            return await elsewhere(self._connector.respond(request), self._thread.loop)
        return await self._server.asend(request, self.target(request))

    def connector_answer(self, request: httpx.Request) -> httpx.Response:
        """The connector's answer, wherever the request says that it is."""
        return self._thread.run(self._connector.respond(request))

    def is_for_connector(self, request: httpx.Request) -> bool:
        return request.url.netloc.decode("ascii") in self._own

    def target(self, request: httpx.Request) -> bytes:
        """The simulator's path for the request. Raises AllMockedAssertionError where no bank is known."""
        raw_path = request.url.raw_path
        if f"{request.url.scheme}://{request.url.host}" == BANKSIM_URL:
            return raw_path
        found = stand_in(
            self._hosts,
            request.method,
            f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{raw_path.decode('ascii')}",
            self._merchants_in(request),
        )
        if found is None:
            raise AllMockedAssertionError(
                f"{request.method} {request.url}: no bank is known at {request.url.host}. Say which it is with"
                f' banksim_inprocess(hosts={{"https://{request.url.host}": "vnpay"}}); `banksim banks` lists them'
            )
        return found.encode("ascii")

    def _merchants_in(self, request: httpx.Request) -> dict[str, list[str]]:
        """The merchant codes that stand in the request, by bank."""
        text = request.url.raw_path + request.content
        found: dict[str, list[str]] = {}
        for bank, code in self._thread.run(self._app.worlds.get(DEFAULT)).merchants:
            if code.encode() in text:
                found.setdefault(bank, []).append(code)
        return found


class AlreadyInProcess(RuntimeError):
    """The banks are in this process already: a host name can lead to one simulator only."""


class _Router(respx.MockRouter):
    """Tells synchronous requests from asynchronous ones, which respx hands to one and the same route."""

    def handler(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, BLOCKING: True}
        return super().handler(request)


@contextmanager
def routed(board: Switchboard) -> Iterator[None]:
    """While it lasts, httpx's own transports hand their requests to `board`; this machine's servers stay reachable.

    Raises AlreadyInProcess.
    """
    if any(isinstance(each, _Router) for each in HTTPCoreMocker.routers):
        raise AlreadyInProcess("banksim_inprocess is in use: leave the other one first, a fixture's perhaps")

    def answered(request: httpx.Request) -> Any:
        if is_loopback(request.url.host):
            return request  # respx lets it pass
        return board.handle_request(request) if BLOCKING in request.extensions else board.answer(request)

    router = _Router(assert_all_called=False, using=HTTPCoreMocker.name)
    router.route().mock(side_effect=answered)
    with router:
        yield
