"""Facts about calls to connectors: what is sent to the byte, and what becomes of every kind of answer."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.calling import Caller, plain
from simulator.calling.plain import HEAD_BYTES_MAX, IDLE_S, PlainCaller, is_plain, written
from simulator.wire import ANSWER_BYTES_MAX, Answer, Outgoing

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """A server that reads one request at a time and does with the connection what the test says."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self.answer: Callable[[asyncio.StreamWriter], Awaitable[None]] = saying(OK)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ipn"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.open[writer] = task
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, found, length = head.lower().partition(b"content-length: ")
                body = await reader.readexactly(int(length.split(b"\r\n")[0])) if found else b""
                self.requests.append(head + body)
                await self.answer(writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        finally:
            writer.transport.abort()


def saying(*parts: bytes, close: bool = False) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def say(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if close:
            writer.close()

    return say


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def listening() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.handle, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in peer.open:
            writer.transport.abort()
        await asyncio.gather(*peer.open.values())
        await server.wait_closed()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listening() as it:
        yield it


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    it = Caller()
    yield it
    await it.close()


async def get(caller: Caller, peer: Peer) -> Answer:
    return await caller.call(Outgoing("GET", peer.url), 5.0)


async def post(caller: Caller, peer: Peer) -> Answer:
    return await caller.call(Outgoing("POST", peer.url, (("Content-Type", "application/json"),), b"{}"), 5.0)


# --- what is sent ------------------------------------------------------------------------------------------------


async def test_a_request_goes_out_to_the_byte(caller: Caller, peer: Peer) -> None:
    await caller.call(Outgoing("GET", f"{peer.url}?a=%7e+b&c=%C3%A9"), 5.0)
    await post(caller, peer)
    host = f"Host: 127.0.0.1:{peer.port}\r\n".encode()
    assert peer.requests == [
        b"GET /ipn?a=%7e+b&c=%C3%A9 HTTP/1.1\r\n" + host + b"\r\n",
        b"POST /ipn HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ]


@pytest.mark.parametrize(
    ("url", "place", "line"),
    [
        ("http://portal.test", ("portal.test", 80), b"GET / HTTP/1.1"),
        ("http://portal.test?a=1", ("portal.test", 80), b"GET /?a=1 HTTP/1.1"),
        ("http://[::1]:8080/ipn", ("::1", 8080), b"GET /ipn HTTP/1.1"),
    ],
)
def test_an_address_names_place_and_path(url: str, place: tuple[str, int], line: bytes) -> None:
    found, request = written(Outgoing("GET", url))
    assert (found, request.split(b"\r\n")[0]) == (place, line)


@pytest.mark.parametrize(
    "url",
    [
        "https://portal.test/ipn",
        "http://user:word@portal.test/ipn",
        "http://portal.test/ipn#part",
        "http://cổng.vn/ipn",
        "http://portal.test/ipn?a=b c",
        "http://portal.test/ipn\r\nX-Forged: 1",
        "http:///ipn",
    ],
)
def test_what_a_request_line_cannot_hold_is_no_plain_address(url: str) -> None:
    assert not is_plain(url)
    with pytest.raises(ValueError, match="no plain http address"):
        written(Outgoing("GET", url))


@given(st.text(max_size=40))
def test_no_address_writes_a_second_line(text: str) -> None:
    url = f"http://portal.test/{text}"
    if is_plain(url):
        assert written(Outgoing("GET", url))[1].count(b"\r\n") == 3


# --- what comes back ---------------------------------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "close", "status", "body"),
    [
        (OK, False, 200, b"{}"),
        (CHUNKED, False, 200, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False, 204, b""),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", False, 302, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, False, 200, b"{}"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", True, 200, b"{}"),
        (b"HTTP/1.0 200 OK\r\nX: 1\r\n\r\n{}", True, 200, b"{}"),
    ],
)
async def test_every_framing_is_read(
    caller: Caller, peer: Peer, answer: bytes, close: bool, status: int, body: bytes
) -> None:
    peer.answer = saying(*(answer[index : index + 1] for index in range(len(answer))), close=close)
    got = await get(caller, peer)
    assert (got.status, got.body, got.error) == (status, body, "")


async def test_headers_come_as_they_were_sent(caller: Caller, peer: Peer) -> None:
    got = await get(caller, peer)
    assert got.headers == (("Content-Type", "application/json"), ("Content-Length", "2"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "the connection was closed without an answer"),
        (OK[:-1], "the connection was closed in the middle of the answer"),
        (OK[:20], "the connection was closed in the middle of the answer"),
        (CHUNKED[:-5], "the connection was closed in the middle of the answer"),
        (b"<html>500</html>\r\n\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", "another protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * HEAD_BYTES_MAX, "bytes of headers"),
    ],
)
async def test_what_is_no_whole_answer_is_said_so(caller: Caller, peer: Peer, answer: bytes, error: str) -> None:
    peer.answer = saying(answer, close=True)
    got = await get(caller, peer)
    assert got.status == 0
    assert error in got.error
    peer.answer = saying(OK)
    assert (await get(caller, peer)).status == 200, "the next call is on a connection of its own"


async def test_a_reset_is_said_so(caller: Caller, peer: Peer) -> None:
    peer.answer = reset
    got = await post(caller, peer)
    assert got.status == 0
    assert "closed" in got.error


async def test_a_huge_answer_is_cut_off_and_its_connection_given_up(caller: Caller, peer: Peer) -> None:
    size = ANSWER_BYTES_MAX * 20
    peer.answer = saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, b"x" * size)
    got = await get(caller, peer)
    assert (got.status, len(got.body)) == (200, ANSWER_BYTES_MAX)
    peer.answer = saying(OK)
    assert (await get(caller, peer)).body == b"{}"
    assert peer.connections == 2


async def test_silence_ends_with_the_banks_time_out(caller: Caller, peer: Peer) -> None:
    peer.answer = saying(OK[:30])
    got = await caller.call(Outgoing("GET", peer.url), 0.05)
    assert (got.status, got.error) == (0, "no answer within 0.05 s")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.0.0.1:99999/", f"http://{'a' * 70}.test/"])
async def test_where_nobody_listens_is_said_so(caller: Caller, url: str) -> None:
    got = await caller.call(Outgoing("GET", url), 5.0)
    assert got.status == 0
    assert got.error.startswith("Cannot connect to ")


@given(noise=st.binary(max_size=60), at=st.integers(0, len(OK)))
def test_no_bytes_are_an_exception_of_ours(noise: bytes, at: int) -> None:
    async def exchanged() -> Answer:
        async with listening() as peer:
            peer.answer = saying(OK[:at] + noise + OK[at:], close=True)
            caller = Caller()
            try:
                return await get(caller, peer)
            finally:
                await caller.close()

    got = asyncio.run(exchanged())
    assert bool(got.status) != bool(got.error)


# --- connections -------------------------------------------------------------------------------------------------


async def test_a_connection_is_used_again(caller: Caller, peer: Peer) -> None:
    for _ in range(3):
        assert (await post(caller, peer)).status == 200
    assert peer.connections == 1


async def test_two_calls_at_once_have_two_connections(caller: Caller, peer: Peer) -> None:
    await asyncio.gather(get(caller, peer), get(caller, peer))
    assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    ],
)
async def test_a_connection_that_cannot_be_trusted_is_not_used_again(caller: Caller, peer: Peer, answer: bytes) -> None:
    peer.answer = saying(answer)
    for _ in range(2):
        assert (await get(caller, peer)).body == b"{}"
    assert peer.connections == 2


async def test_what_comes_unasked_is_no_answer_to_the_next_call(caller: Caller, peer: Peer) -> None:
    taken = asyncio.Event()

    async def twice(writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await taken.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    peer.answer = twice
    await get(caller, peer)
    taken.set()
    await asyncio.wait_for(*peer.open.values(), 5.0)  # The caller hangs up.
    assert (await get(caller, peer)).body == b"{}"
    assert peer.connections == 2


async def test_an_old_connection_is_not_used_again(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert IDLE_S <= 1.0, "servers that close after two seconds are common"
    monkeypatch.setattr(plain, "IDLE_S", 0.0)
    caller = PlainCaller()
    for _ in range(2):
        await caller.call(Outgoing("POST", peer.url), 5.0)
    assert peer.connections == 2
    caller.close()


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 0)])
async def test_only_a_call_that_changes_nothing_is_sent_again_when_a_kept_connection_was_closed(
    caller: Caller, peer: Peer, method: str, status: int
) -> None:
    await get(caller, peer)
    turns = iter((saying(b"", close=True), saying(OK)))

    async def next_turn(writer: asyncio.StreamWriter) -> None:
        await next(turns)(writer)

    peer.answer = next_turn
    got = await caller.call(Outgoing(method, peer.url), 5.0)
    assert got.status == status
    assert len(peer.requests) == (3 if status else 2)


# --- what the small client leaves to the other -------------------------------------------------------------------


async def test_unusual_addresses_are_called_too(caller: Caller, peer: Peer) -> None:
    got = await caller.call(Outgoing("GET", f"http://user:word@127.0.0.1:{peer.port}/ipn#part"), 5.0)
    assert got.status == 200
    assert b"Authorization: Basic dXNlcjp3b3Jk" in peer.requests[0]


async def test_a_call_over_tls_to_a_plain_server_is_said_so(caller: Caller) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        got = await caller.call(Outgoing("GET", f"https://127.0.0.1:{port}/ipn"), 5.0)
    assert got.status == 0
    assert "SSL" in got.error
