"""HTTP without a network: uvicorn's protocol at one end of a line in memory, httpcore's at the other.

Rule: bytes go through both as they would over a socket, so a faulty bank's resets, silences and broken messages show
as the very httpx exceptions that a network would bring.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx
import uvicorn
from uvicorn.server import ServerState

from simulator.inprocess.threads import LoopThread, elsewhere

ADDRESS = ("127.0.0.1", 0)


class MemoryServer:
    """Answers requests with an application, in the loop of `thread`."""

    def __init__(self, config: uvicorn.Config, thread: LoopThread) -> None:
        config.load()
        self._config = config
        self._state = ServerState()
        self._thread = thread

    def send(self, request: httpx.Request, target: bytes) -> httpx.Response:
        """Asks for `target` instead of the request's own path. The body of the request was read before."""
        return _response(request, self._thread.run(self._exchange(request, target)), self._thread)

    async def asend(self, request: httpx.Request, target: bytes) -> httpx.Response:
        """The same, from another event loop."""
        return _response(request, await elsewhere(self._exchange(request, target), self._thread.loop), self._thread)

    async def _exchange(self, request: httpx.Request, target: bytes) -> "_Exchange":
        url = request.url
        origin = httpcore.Origin(url.raw_scheme, url.raw_host, url.port or 80)
        connection = httpcore.AsyncHTTP11Connection(origin, self._connected())
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port or 80, target=target),
            headers=request.headers.raw,
            content=request.content,
            extensions=request.extensions,
        )
        try:
            with _in_httpx_words():
                return _Exchange(await connection.handle_async_request(asked), connection)
        except BaseException:
            await connection.aclose()
            raise

    def _connected(self) -> "_Line":
        protocol: Any = self._config.http_protocol_class
        line = _Line(protocol(config=self._config, server_state=self._state, app_state={}))
        line.protocol.connection_made(_ServerEnd(line))
        return line


class _Line(httpcore.AsyncNetworkStream):
    """The client's end. None in `_came` = the server closed its end, an exception = it broke it."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol
        self.is_closed = False
        self._came: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._rest = b""

    def arrive(self, message: bytes | Exception | None) -> None:
        """What the server sent, or did to the connection."""
        self._came.put_nowait(message)

    def end(self, why: Exception | None = None) -> None:
        """Tells the server's end, once, that the connection is over."""
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, why)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore names it
        if not self._rest:
            try:
                async with asyncio.timeout(timeout):
                    came = await self._came.get()
            except TimeoutError as error:
                raise httpcore.ReadTimeout("the bank did not answer in time") from error
            if came is None or isinstance(came, Exception):
                self._came.put_nowait(came)  # Whoever reads again finds the same end.
                if came is not None:
                    raise httpcore.ReadError(str(came)) from came
                return b""
            self._rest = came
        part, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return part

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if self.is_closed:
            raise httpcore.WriteError("the bank has closed the connection")
        self.protocol.data_received(buffer)

    async def aclose(self) -> None:
        self.end()

    async def start_tls(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class _ServerEnd(asyncio.Transport):
    """What uvicorn, and a bank that breaks its connections, take for a socket's transport."""

    def __init__(self, line: _Line) -> None:
        super().__init__({"peername": ADDRESS, "sockname": ADDRESS})
        self._line = line

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._line.is_closed and data:
            self._line.arrive(bytes(data))

    def is_closing(self) -> bool:
        return self._line.is_closed

    def close(self) -> None:
        if not self._line.is_closed:
            self._line.arrive(None)
            self._line.end()

    def abort(self) -> None:
        if not self._line.is_closed:
            reset = ConnectionResetError("connection reset by the bank")
            self._line.arrive(reset)
            self._line.end(reset)

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """What was sent is there already."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


class _Exchange:
    """An answer whose head has come, in the bank's loop."""

    def __init__(self, response: httpcore.Response, connection: httpcore.AsyncHTTP11Connection) -> None:
        self.response = response
        self._connection = connection
        self._parts = response.aiter_stream()

    async def part(self) -> bytes:
        """The next part of the body; b"" at its end."""
        with _in_httpx_words():
            return await anext(self._parts, b"")

    async def close(self) -> None:
        await self.response.aclose()
        await self._connection.aclose()


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An answer's body, fetched part by part from the bank's loop."""

    def __init__(self, exchange: _Exchange, thread: LoopThread) -> None:
        self._exchange = exchange
        self._thread = thread

    def __iter__(self) -> Iterator[bytes]:
        while part := self._thread.run(self._exchange.part()):
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await elsewhere(self._exchange.part(), self._thread.loop):
            yield part

    def close(self) -> None:
        self._thread.run(self._exchange.close())

    async def aclose(self) -> None:
        await elsewhere(self._exchange.close(), self._thread.loop)


def _response(request: httpx.Request, exchange: _Exchange, thread: LoopThread) -> httpx.Response:
    answer = exchange.response
    return httpx.Response(answer.status, headers=answer.headers, stream=_Body(exchange, thread), request=request)


@contextmanager
def _in_httpx_words() -> Iterator[None]:
    """Raises httpx's exception of the same name for one of httpcore's, as httpx itself does."""
    names = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol)
    try:
        yield
    except names as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error
