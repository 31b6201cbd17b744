"""The connector's side: its own application, called where it stands instead of over a network."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import httpx

from simulator.inprocess.threads import elsewhere
from simulator.wire import ANSWER_BYTES_MAX, Answer, Outgoing

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]
Asking = Callable[[httpx.Request], Awaitable[httpx.Response]]

Connector = httpx.BaseTransport | httpx.AsyncBaseTransport | Callable[..., Any]
"""An ASGI application, a WSGI application, a function from httpx.Request to httpx.Response (async or not), or an httpx
transport."""


class UnknownConnector(TypeError):
    """What was given as the connector is none of the four."""


class LifespanFailed(RuntimeError):
    """The connector's application says that it cannot start."""


class Local:
    """Brings the banks' messages to a connector in this process; what is async of it runs in `loop`.

    What a connector raises is a 500 to the bank, as behind any server, and is logged.
    """

    def __init__(self, connector: Connector | None, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lifespan = _Lifespan(connector) if _wants(connector) == ASGI else None
        self._ask = _asking(connector, self._lifespan, loop)

    async def start(self) -> None:
        """Raises LifespanFailed where an ASGI application says that it cannot start."""
        if self._lifespan is not None:
            await elsewhere(self._lifespan.start(), self._loop)

    async def stop(self) -> None:
        if self._lifespan is not None:
            await elsewhere(self._lifespan.stop(), self._loop)

    async def call(self, outgoing: Outgoing, timeout_s: float) -> Answer:
        """As a caller over the network has it: nothing that the other side does is an exception here."""
        request = httpx.Request(outgoing.method, outgoing.url, headers=outgoing.headers, content=outgoing.body)
        try:
            async with asyncio.timeout(timeout_s):
                response = await self.respond(request)
        except TimeoutError:
            return Answer(error=f"no answer within {timeout_s:g} s")
        except httpx.TransportError as error:
            return Answer(error=str(error))
        headers = tuple(response.headers.multi_items())
        return Answer(response.status_code, headers, response.content[:ANSWER_BYTES_MAX])

    async def close(self) -> None:
        """There is no connection to give up."""

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """The connector's answer, whole. Raises httpx.TransportError."""
        [answer] = await asyncio.gather(self._ask(request), return_exceptions=True)
        if isinstance(answer, httpx.Response):
            return answer
        if isinstance(answer, httpx.TransportError) or not isinstance(answer, Exception):
            raise answer
        log.error("the connector failed at %s %s", request.method, request.url, exc_info=answer)
        return httpx.Response(500, text="Internal Server Error", request=request)


ASGI, WSGI, FUNCTION = 3, 2, 1
"""How many arguments each is called with."""


def _wants(connector: object) -> int:
    """How many arguments it must be called with; 0 for what is a transport, or nothing to be called."""
    if not callable(connector) or isinstance(connector, httpx.BaseTransport | httpx.AsyncBaseTransport):
        return 0
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(connector).parameters.values()
    return sum(each.kind in places and each.default is inspect.Parameter.empty for each in parameters)


def _asking(connector: Connector | None, lifespan: "_Lifespan | None", loop: asyncio.AbstractEventLoop) -> Asking:
    """How one request is asked of it. Raises UnknownConnector."""
    if connector is None:
        return _ask_nobody
    if lifespan is not None:
        return partial(_ask_async, httpx.ASGITransport(lifespan.serve, raise_app_exceptions=False), loop)
    if isinstance(connector, httpx.BaseTransport):
        return partial(_ask_sync, connector)
    if isinstance(connector, httpx.AsyncBaseTransport):
        return partial(_ask_async, connector, loop)
    wanted = _wants(connector)
    if wanted == WSGI:
        return partial(_ask_sync, httpx.WSGITransport(connector))
    if wanted == FUNCTION:
        transport = httpx.MockTransport(connector)
        is_async = inspect.iscoroutinefunction(connector)
        return partial(_ask_async, transport, loop) if is_async else partial(_ask_sync, transport)
    raise UnknownConnector(
        f"{connector!r} is no ASGI application, no WSGI application, no function of an httpx.Request and no transport"
    )


async def _ask_nobody(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no connector was given to banksim_inprocess: there is nobody to call")


async def _ask_sync(transport: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    def ask() -> httpx.Response:
        response = transport.handle_request(request)
        response.request = request
        response.read()
        return response

    return await asyncio.to_thread(ask)


async def _ask_async(
    transport: httpx.AsyncBaseTransport, loop: asyncio.AbstractEventLoop, request: httpx.Request
) -> httpx.Response:
    async def ask() -> httpx.Response:
        response = await transport.handle_async_request(request)
        response.request = request
        await response.aread()
        return response

    return await elsewhere(ask(), loop)


class _Lifespan:
    """An ASGI application's life from start to stop, for those that have one; `serve` is the application in it."""

    def __init__(self, app: Any) -> None:
        self._app: ASGIApp = app
        self._state: dict[str, Any] = {}
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._told: asyncio.Queue[Message | None] = asyncio.Queue()
        self._life: asyncio.Task[None] | None = None

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            await self._app({**scope, "state": dict(self._state)}, receive, send)
        except BaseException:
            log.exception("the connector failed at %s %s", scope.get("method"), scope.get("path"))
            raise

    async def start(self) -> None:
        self._life = asyncio.create_task(self._live(), name="connector's lifespan")
        told = await self._tell("lifespan.startup")
        if told is not None and told["type"] == "lifespan.startup.failed":
            raise LifespanFailed(f"the connector cannot start: {told.get('message', '')}")

    async def stop(self) -> None:
        assert self._life is not None, "it was started"
        if not self._life.done():
            await self._tell("lifespan.shutdown")
        await self._life

    async def _tell(self, event: str) -> Message | None:
        """What the application says to it; None = it has no lifespan, or ended."""
        self._asked.put_nowait({"type": event})
        return await self._told.get()

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        [ended] = await asyncio.gather(self._app(scope, self._asked.get, self._told.put), return_exceptions=True)
        if isinstance(ended, BaseException) and not isinstance(ended, Exception):
            raise ended
        self._told.put_nowait(None)
