"""Plain HTTP/1.1, one call at a time on a kept connection: all that most callbacks need, at a tenth of the usual cost.

Rule: what the other side does is told in `Answer.error`, a sentence for the journal, and is no exception here.
"""

import asyncio
import re
from typing import cast

import httptools

from simulator.wire import ANSWER_BYTES_MAX, Answer, Outgoing

IDLE_S = 1.0
"""A connection idle for longer is not used again: servers close theirs after a few seconds, and a request that
crosses with the closing would look like a fault of the connector."""

HEAD_BYTES_MAX = 64 * 1024
REPEATABLE = frozenset({"GET", "HEAD"})
"""A request of these may be sent again on a new connection if a kept one turns out to be closed (RFC 9110, 9.2.2)."""

# Whatever a request line may not hold ("#", blanks, letters beyond ASCII) makes an address no plain one.
_ADDRESS = re.compile(r"http://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:[/?][!-\"$-~]*)?)")

Place = tuple[str, int]
"""(host, port)."""


def is_plain(url: str) -> bool:
    """Whether `PlainCaller` can call it: http, without user name or fragment, and in ASCII."""
    return _ADDRESS.fullmatch(url) is not None


class PlainCaller:
    """Use it inside one event loop; `close` it there."""

    def __init__(self) -> None:
        self._kept: dict[Place, list[_Connection]] = {}

    async def call(self, outgoing: Outgoing, timeout_s: float) -> Answer:
        """The answer, or one with an `error` and status 0. `outgoing.url` is one that `is_plain`."""
        place, request = written(outgoing)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(place, request, is_repeatable=outgoing.method in REPEATABLE)
        except TimeoutError:
            return Answer(error=f"no answer within {timeout_s:g} s")
        except BrokenExchange as error:
            return Answer(error=str(error))

    def close(self) -> None:
        for connections in self._kept.values():
            for connection in connections:
                connection.transport.abort()
        self._kept.clear()

    async def _exchange(self, place: Place, request: bytes, is_repeatable: bool) -> Answer:
        kept = self._take(place)
        if kept is not None:
            try:
                return await self._exchange_on(kept, place, request)
            except SilentClose:
                if not is_repeatable:
                    raise
        return await self._exchange_on(await _connected(place), place, request)

    async def _exchange_on(self, connection: "_Connection", place: Place, request: bytes) -> Answer:
        try:
            return await connection.exchange(request)
        finally:
            if connection.may_be_kept:
                self._kept.setdefault(place, []).append(connection)
            else:
                connection.transport.abort()

    def _take(self, place: Place) -> "_Connection | None":
        """The connection used last: those that are not needed grow old."""
        connections = self._kept.get(place, [])
        while connections:
            connection = connections.pop()
            if connection.is_fresh():
                return connection
            connection.transport.abort()
        return None


class BrokenExchange(Exception):
    """There is no whole answer; the message says what came instead."""


class SilentClose(BrokenExchange):
    """The connection was closed before the first byte of an answer."""


def written(outgoing: Outgoing) -> tuple[Place, bytes]:
    """Where the request goes, and its bytes. Raises ValueError for an address that is not plain."""
    found = _ADDRESS.fullmatch(outgoing.url)
    if found is None:
        raise ValueError(f"{outgoing.url!r} is no plain http address")
    host, port, path = found.groups()
    authority = f"{host}:{port}" if port else host
    lines = [
        f"{outgoing.method} {path if path.startswith('/') else f'/{path}'} HTTP/1.1",
        f"Host: {authority}",
        *(f"{name}: {value}" for name, value in outgoing.headers),
    ]
    if outgoing.body or outgoing.method not in REPEATABLE:
        lines.append(f"Content-Length: {len(outgoing.body)}")
    return (host.strip("[]"), int(port or 80)), "\r\n".join([*lines, "", ""]).encode("latin-1") + outgoing.body


async def _connected(place: Place) -> "_Connection":
    """Raises BrokenExchange: nobody listens there, or there is no such host."""
    try:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, *place)
    except (OSError, OverflowError, UnicodeError) as error:
        raise BrokenExchange(f"Cannot connect to {place[0]} port {place[1]}: {error}") from error
    return connection


class _Connection(asyncio.Protocol):
    """One connection. The transport calls it with bytes, httptools calls the `on_...` methods with what they mean."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[Answer] | None = None
        self._idle_since = 0.0
        self.may_be_kept = False

    def is_fresh(self) -> bool:
        return not self.transport.is_closing() and self._loop.time() - self._idle_since < IDLE_S

    async def exchange(self, request: bytes) -> Answer:
        """Raises BrokenExchange. Afterwards `may_be_kept` says whether the connection can carry another."""
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._is_in_body = self._is_sized = self.may_be_kept = False
        self._body = bytearray()
        self._waiting = self._loop.create_future()
        self.transport.write(request)
        return await self._waiting

    # --- what the transport tells ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.transport.abort()  # Nobody asked: it must not be taken for the answer to the next request.
            return
        if not self._is_in_body:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._break("the answer changes to another protocol")
        except httptools.HttpParserError as error:
            self._break(f"the answer is not HTTP: {error}")
        if not self._is_in_body and self._head_bytes > HEAD_BYTES_MAX:
            self._break(f"the answer has more than {HEAD_BYTES_MAX} bytes of headers")

    def connection_lost(self, exc: Exception | None) -> None:
        self.may_be_kept = False
        if self._waiting is None or self._waiting.done():
            return
        how = f"the connection was closed ({exc})" if exc else "the connection was closed"
        if not self._head_bytes:
            self._waiting.set_exception(SilentClose(f"{how} without an answer"))
        elif self._is_in_body and not self._is_sized and exc is None:
            self._finish()
        else:
            self._break(f"{how} in the middle of the answer")

    # --- what httptools tells --------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._waiting is None or self._waiting.done():
            self.may_be_kept = False  # Something follows the answer, and nobody asked for it.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))
        self._is_sized = self._is_sized or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self._is_in_body = True

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > ANSWER_BYTES_MAX:
            self._finish()

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # "100 Continue": the answer is still to come.
            self._headers, self._is_in_body, self._is_sized = [], False, False
            return
        if self._waiting is not None and not self._waiting.done():
            self.may_be_kept = self._parser.should_keep_alive()
            self._finish()

    def _finish(self) -> None:
        self._idle_since = self._loop.time()
        if self._waiting is not None and not self._waiting.done():
            body = bytes(self._body[:ANSWER_BYTES_MAX])
            self._waiting.set_result(Answer(self._parser.get_status_code(), tuple(self._headers), body))

    def _break(self, why: str) -> None:
        self.may_be_kept = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(BrokenExchange(why))
