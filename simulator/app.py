"""The HTTP edge: the banks' own paths served raw (what is signed stays as it came), all else by the control app.

Rule: pure ASGI in front of FastAPI; no middleware and no parsing in the banks' way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from simulator import bank
from simulator.banks import dialects
from simulator.control.asked import HEADER, asked
from simulator.control.problems import Refused
from simulator.delivery import Courier, reset
from simulator.dialect import Dialect, Endpoint, places_of
from simulator.faults import Ending, Sent
from simulator.protocol import CONNECTION
from simulator.store import StoreError, UnknownSandbox
from simulator.wire import Request, Response, json_response, text_response
from simulator.world import DEFAULT, Worlds

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
SendMessage = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, SendMessage], Awaitable[None]]

BODY_BYTES_MAX = 1024 * 1024

HOLD_MAX_S = 600.0
"""No fault holds a connection longer than that."""

MANUAL_HOLD_MAX_S = 2.0
"""Where a manual clock stands still, real time is the tester's own: faults there wait no longer than that."""

FLUSH_TRIES = 100
FILLER = b" " * 65536


class BodyTooLarge(Exception):
    """The request's body is above BODY_BYTES_MAX."""


class App:
    """The ASGI application. `rest` serves what is no bank's endpoint: control API, docs, pages."""

    def __init__(
        self,
        worlds: Worlds,
        courier: Courier,
        rest: ASGIApp,
        seed: str,
        manual: bool = False,
        hold_s: float = MANUAL_HOLD_MAX_S,
    ) -> None:
        """`hold_s` is how long in real seconds a fault waits at most in sandboxes on a manual clock."""
        self.worlds = worlds
        self.courier = courier
        self._rest = rest
        self._seed = seed
        self._manual = manual
        self._hold_s = hold_s
        self._is_open = True
        self._endpoints = _endpoints()

    async def start(self) -> None:
        """Opens the store and the default sandbox, and starts the courier. Raises StoreError."""
        await self.open()
        await self.courier.start()

    async def open(self) -> None:
        """Opens the store and the default sandbox; nobody sends what is due. Raises StoreError."""
        await self.worlds.store.open()
        clock_at = self.worlds.clock() if self._manual else None
        await self.worlds.ensure(DEFAULT, seed=self._seed, clock_at=clock_at)

    async def stop(self) -> None:
        await self.courier.stop()
        await self.worlds.store.close()

    async def __call__(self, scope: Scope, receive: Receive, send: SendMessage) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        sandbox, code, path = split_path(scope["path"])
        found = self._endpoints.get((code, scope["method"], path)) or _with_places(code, scope["method"], path)
        if found is None:
            await self._rest(scope, receive, send)
            return
        dialect, endpoint, places = found
        try:
            request = await _request(scope, receive, path, places)
            served = await self._serve(sandbox, dialect, endpoint, request)
            self._say_open(True)
        except BodyTooLarge as error:
            served = bank.Served(text_response(str(error), 413))
        except Refused as refused:
            served = bank.Served(json_response({"detail": refused.detail, "reason": ""}, refused.status))
        except UnknownSandbox:
            served = bank.Served(text_response(f"There is no sandbox {sandbox!r} on this server.", 404))
        except StoreError as error:
            self._say_open(False, error)
            known = self.worlds.known(sandbox)
            served = bank.closed(known, dialect, endpoint, request) if known else _nobody_knows()
        if served.sent is None:
            await send_response(send, served.response)
        else:
            known = self.worlds.known(sandbox)
            longest_s = self._hold_s if known is not None and known.manual else HOLD_MAX_S
            await _send_faulty(scope, receive, send, served.sent, longest_s)

    def _say_open(self, is_open: bool, why: StoreError | None = None) -> None:
        """Once, and not with every request."""
        if is_open is self._is_open:
            return
        self._is_open = is_open
        if is_open:
            log.warning("the store can be used again: the banks are open")
        else:
            log.error("the store cannot be used, the banks are closed for maintenance: %s", why)

    async def _serve(self, sandbox: str, dialect: Dialect, endpoint: Endpoint, request: Request) -> bank.Served:
        world = await self.worlds.get(sandbox)
        text = request.headers.get(HEADER)
        wishes = () if text is None else await asked(text, world, dialect)
        served = await bank.serve(world, dialect, endpoint, request, self.courier.send, wishes)
        if served.rushed:
            await self.courier.run_due(world)
        return served


def split_path(path: str) -> tuple[str, str, str]:
    """("/s/ci/vnpay/pay") -> ("ci", "vnpay", "/pay"); without "/s/..." the sandbox is the default one."""
    sandbox = DEFAULT
    if path.startswith("/s/"):
        sandbox, _, path = path[3:].partition("/")
        path = f"/{path}"
    code, _, below = path[1:].partition("/")
    return sandbox, code, f"/{below}"


Found = tuple[Dialect, Endpoint, dict[str, str]]
"""A bank's address, and what stands in its places."""


def _endpoints() -> dict[tuple[str, str, str], Found]:
    """Those without places, by (bank, method, path)."""
    return {
        (dialect.code, endpoint.method, endpoint.path): (dialect, endpoint, {})
        for dialect in dialects().values()
        for endpoint in dialect.endpoints
    }


def _with_places(code: str, method: str, path: str) -> Found | None:
    dialect = dialects().get(code)
    for endpoint in dialect.endpoints if dialect else ():
        places = places_of(endpoint.path, path) if endpoint.method == method else None
        if dialect is not None and places:
            return dialect, endpoint, places
    return None


async def _request(scope: Scope, receive: Receive, path: str, places: dict[str, str]) -> Request:
    """Raises BodyTooLarge."""
    return Request(
        method=scope["method"],
        path=path,
        query=scope["query_string"],
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=await _body(receive) if scope["method"] != "GET" else b"",
        client_ip=(scope.get("client") or ("127.0.0.1", 0))[0],
        places=places,
    )


def _nobody_knows() -> bank.Served:
    """Nor can the bank's words be looked up: the sandbox was never seen while there was a store."""
    return bank.Served(text_response("The bank's books cannot be reached; nothing was done.", 503))


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge(f"The request is larger than {BODY_BYTES_MAX} bytes.")
    return body


async def _send_faulty(scope: Scope, receive: Receive, send: SendMessage, sent: Sent, longest_s: float) -> None:
    """Carries out what faults have made of an answer.

    Where there is no connection to break (the application is called in the same process), it raises what a client
    would meet: TimeoutError for silence, ConnectionResetError for all else that never comes to its end.
    """
    connection = scope.get("extensions", {}).get(CONNECTION)
    if connection is None and sent.ending is Ending.SILENCE:
        raise TimeoutError("fault: the bank does not answer")
    if sent.wait_s and await _leaves(receive, min(sent.wait_s, longest_s)):
        return
    if sent.starts:
        await _send_pieces(receive, send, sent, longest_s)
    if sent.ending is not Ending.WHOLE:
        await _break(connection, receive, sent.ending)


async def _send_pieces(receive: Receive, send: SendMessage, sent: Sent, longest_s: float) -> None:
    response = sent.response
    length = len(response.body) + sent.filler_bytes
    await send({"type": "http.response.start", "status": response.status, "headers": _headers(response, length)})
    body = sent.body
    size = max(1, -(-len(body) // sent.pieces))
    pause_s = min(sent.drip_s, longest_s) / sent.pieces
    for start in range(0, len(body), size):
        if pause_s and await _leaves(receive, pause_s):
            return
        await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
    for start in range(0, sent.filler_bytes, len(FILLER)):
        piece = FILLER[: sent.filler_bytes - start]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if sent.ending is Ending.WHOLE:
        await send({"type": "http.response.body", "body": b""})


async def _leaves(receive: Receive, seconds: float) -> bool:
    """Waits so long, or until the client is gone; whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await _gone(receive)
    except TimeoutError:
        return False
    return True


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _break(connection: asyncio.Transport | None, receive: Receive, ending: Ending) -> None:
    if connection is None:
        raise ConnectionResetError(f"fault: the connection ends with a {ending}")
    if ending is Ending.RESET:
        await _flushed(connection)
        reset(connection)
    else:
        connection.close()
    await _gone(receive)


async def _flushed(connection: asyncio.Transport) -> None:
    """Until what was written has left this process, for a little while: a reset throws the rest away."""
    for _ in range(FLUSH_TRIES):
        await asyncio.sleep(0)
        if connection.get_write_buffer_size() == 0:
            return


async def send_response(send: SendMessage, response: Response) -> None:
    headers = _headers(response, len(response.body))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _headers(response: Response, length: int) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    return [*headers, (b"content-length", str(length).encode())]
