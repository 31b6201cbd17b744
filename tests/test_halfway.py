"""Messages over a bare socket: half of one arrives and waits, a whole one is answered, a refusal is no exception."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.halfway import half_sent, leave_unread, send_bare
from simulator.client import Message

ANSWER = b"HTTP/1.1 202 Accepted\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"
BODY = b'{"orderCode": 1}'


class Listener:
    """Reads until it has a whole request of that length, then answers; `seen` is all that came."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.seen = b""
        self.came = threading.Condition()
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            while not self._is_whole():
                piece = connection.recv(65536)
                with self.came:
                    self.seen += piece
                    self.came.notify_all()
                if not piece:
                    return
            connection.sendall(self._answer)

    def _is_whole(self) -> bool:
        head, end, body = self.seen.partition(b"\r\n\r\n")
        return bool(end) and (b"content-length" not in head or len(body) >= len(BODY))

    def wait_for(self, text: bytes) -> None:
        with self.came:
            assert self.came.wait_for(lambda: text in self.seen, 5)

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join()
        self._socket.close()


@contextmanager
def listening(answer: bytes = ANSWER) -> Iterator[Listener]:
    with Listener(answer) as listener:
        yield listener


def message(port: int, method: str = "POST", body: bytes = BODY) -> Message:
    headers = (("content-type", "application/json"), ("Content-Length", "999"))
    return Message(method, f"http://127.0.0.1:{port}/callbacks/x?a=1", headers, body)


def test_the_rest_of_a_message_comes_when_it_is_told_to() -> None:
    with listening() as listener, half_sent(message(listener.port)) as go_on:
        listener.wait_for(b"\r\n\r\n")
        assert BODY not in listener.seen
        answer = go_on()
    assert (answer.status, answer.body, answer.error) == (202, b"ok", "")
    assert BODY in listener.seen


def test_a_message_without_a_body_stops_in_its_head() -> None:
    with listening() as listener, half_sent(message(listener.port, "GET", b"")) as go_on:
        listener.wait_for(b"GET /callbacks/x?a=1 HTTP/1.1\r\n")
        assert b"\r\n\r\n" not in listener.seen
        assert go_on().status == 202


def test_a_whole_message_tells_its_true_length() -> None:
    with listening() as listener:
        assert send_bare(message(listener.port)).status == 202
    assert b"content-length: %d\r\n" % len(BODY) in listener.seen
    assert b"999" not in listener.seen


def test_whoever_hangs_up_is_told_as_an_error() -> None:
    with listening(b"") as listener:
        answer = send_bare(message(listener.port))
    assert answer.status == 0
    assert answer.error


def test_who_does_not_wait_has_sent_everything() -> None:
    with listening() as listener:
        leave_unread(message(listener.port))
        listener.wait_for(BODY)


def test_nobody_there_is_told_as_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert send_bare(message(port)).status == 0
    with pytest.raises(ConnectionRefusedError), half_sent(message(port)):
        pytest.fail("nobody listens")
