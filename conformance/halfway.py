"""A bank's message sent over a bare socket, so that it can stop in the middle; rule: every wait ends."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from simulator.client import Answer, Message

PATIENCE_S = 10.0
ANSWER_BYTES_MAX = 1_000_000


@contextmanager
def half_sent(message: Message) -> Iterator[Callable[[], Answer]]:
    """The first half is on its way; what is yielded sends the rest and reads the answer. Raises OSError."""
    raw = _written(message)
    with _connected(message.url) as connection:
        connection.sendall(raw[: len(raw) - len(message.body) // 2 - 3])

        def go_on() -> Answer:
            return _sent(connection, raw[len(raw) - len(message.body) // 2 - 3 :], message.method)

        yield go_on


def send_bare(message: Message) -> Answer:
    """Sends it whole. An answer with an `error` and status 0 where the connector hung up."""
    try:
        with _connected(message.url) as connection:
            return _sent(connection, _written(message), message.method)
    except OSError as error:
        return Answer(0, error=f"{type(error).__name__}: {error}")


def leave_unread(message: Message) -> None:
    """Sends it whole and hangs up without waiting for an answer. Raises OSError."""
    with _connected(message.url) as connection:
        connection.sendall(_written(message))


def _sent(connection: socket.socket, rest: bytes, method: str) -> Answer:
    try:
        _send_all(connection, rest)
        response = HTTPResponse(connection, method=method)
        response.begin()
        return Answer(response.status, tuple(response.getheaders()), response.read(ANSWER_BYTES_MAX))
    except (OSError, HTTPException) as error:
        return Answer(0, error=f"{type(error).__name__}: {error}")


def _send_all(connection: socket.socket, rest: bytes) -> None:
    """Whoever refuses a long message may answer, and hang up, before it was sent to its end."""
    try:
        connection.sendall(rest)
    except (BrokenPipeError, ConnectionResetError):
        return


def _written(message: Message) -> bytes:
    parts = urlsplit(message.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = [(name, value) for name, value in message.headers if name.lower() not in ("host", "content-length")]
    headers = [("host", parts.netloc), *given, ("connection", "close")]
    if message.body:
        headers.append(("content-length", str(len(message.body))))
    lines = [f"{message.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + message.body


@contextmanager
def _connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    address = (parts.hostname or "", parts.port or (443 if secure else 80))
    with socket.create_connection(address, PATIENCE_S) as plain:
        if not secure:
            yield plain
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) as sealed:
            yield sealed
