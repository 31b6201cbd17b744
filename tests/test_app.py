"""Facts about the HTTP edge, seen over real sockets: raw bytes in, a bank's bytes out, and connections that break."""

import http.client
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from simulator.app import BODY_BYTES_MAX, split_path
from simulator.client import Banksim, SandboxClient
from simulator.wire import Request
from tests.samples import ORDERED, SAMPLES
from tests.samples.vnpay import vnpay_pay


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = tmp_path_factory.mktemp("app") / "bank.db"
    command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--store", str(store), "--seed", "1"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        ready = next(found for line in child.stdout if (found := re.match(r"banksim ready at (\S+)", line)))
        yield ready[1]
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()


@pytest.fixture
def sandbox(server: str) -> Iterator[SandboxClient]:
    with Banksim(server) as banksim:
        made = banksim.create_sandbox(seed="1", manual=True)
        yield made
        made.drop()


def now_of(sandbox: SandboxClient) -> datetime:
    return sandbox.clock().now


def raw(url: str, request: Request, code: str, sandbox: str = "") -> bytes:
    """The request as bytes on the wire."""
    prefix = f"/s/{sandbox}" if sandbox else ""
    query = b"?" + request.query if request.query else b""
    head = f"{request.method} {prefix}/{code}{request.path}".encode() + query + b" HTTP/1.1\r\nhost: banks\r\n"
    kind = b"content-type: application/json\r\n" if request.body else b""
    own = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items() if name != "content-type").encode()
    return head + kind + own + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(request.body) + request.body


def exchanged(url: str, message: bytes) -> bytes:
    """All that the server sends until it closes; ConnectionResetError if it resets."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port), 10) as connection:
        connection.sendall(message)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("code", ORDERED)
def test_a_request_is_answered_in_the_sandbox_that_its_path_names(
    server: str, sandbox: SandboxClient, code: str
) -> None:
    request = SAMPLES[code].create("APP1", 20_000, now_of(sandbox))
    answer = exchanged(server, raw(server, request, code, sandbox.name))
    assert status_of(answer) in (200, 302)
    (payment,) = sandbox.payments()
    assert payment.bank == code
    assert payment.order_ref.endswith(SAMPLES[code].named("APP1"))
    assert payment.page_url.startswith(f"{server}/s/{sandbox.name}/pay/")


@pytest.mark.parametrize("code", ORDERED)
def test_an_internal_error_is_an_http_500_and_does_nothing(server: str, sandbox: SandboxClient, code: str) -> None:
    sandbox.add_fault("http_500", bank=code)
    request = SAMPLES[code].create("APP2", 20_000, now_of(sandbox))
    assert status_of(exchanged(server, raw(server, request, code, sandbox.name))) == 500
    assert sandbox.payments() == ()


@pytest.mark.parametrize("code", ORDERED)
def test_a_reset_is_a_reset(server: str, sandbox: SandboxClient, code: str) -> None:
    sandbox.add_fault("connection_reset", bank=code)
    request = SAMPLES[code].create("APP3", 20_000, now_of(sandbox))
    with pytest.raises(ConnectionResetError):
        exchanged(server, raw(server, request, code, sandbox.name))
    assert sandbox.payments() == ()
    assert status_of(exchanged(server, raw(server, request, code, sandbox.name))) in (200, 302)


@pytest.mark.parametrize("code", ORDERED)
def test_a_lost_answer_is_silence_after_the_deed(server: str, sandbox: SandboxClient, code: str) -> None:
    sandbox.add_fault("answer_lost", bank=code)
    request = SAMPLES[code].create("APP4", 20_000, now_of(sandbox))
    assert exchanged(server, raw(server, request, code, sandbox.name)) == b""
    (payment,) = sandbox.payments()
    assert payment.order_ref.endswith(SAMPLES[code].named("APP4"))


def test_a_sandbox_that_does_not_exist_is_said_so(server: str, sandbox: SandboxClient) -> None:
    request = vnpay_pay("APP5", 20_000, now_of(sandbox))
    answer = exchanged(server, raw(server, request, "vnpay", "nobody"))
    assert status_of(answer) == 404
    assert b"There is no sandbox 'nobody'" in answer


def test_a_body_beyond_all_reason_is_refused(server: str) -> None:
    request = Request("POST", "/payment/init", body=b"x" * (BODY_BYTES_MAX + 1))
    assert status_of(exchanged(server, raw(server, request, "dvcqg"))) == 413


def test_a_body_that_is_cut_off_harms_nobody_else(server: str, sandbox: SandboxClient) -> None:
    request = SAMPLES["dvcqg"].create("APP6", 20_000, now_of(sandbox))
    message = raw(server, request, "dvcqg", sandbox.name)
    parts = urlsplit(server)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port), 10) as connection:
        connection.sendall(message[: len(message) // 2])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert status_of(exchanged(server, message)) == 200
    assert len(sandbox.payments()) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS"])
def test_a_method_that_the_bank_does_not_serve_is_no_server_error(server: str, method: str) -> None:
    parts = urlsplit(server)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request(method, "/vnpay/paymentv2/vpcpay.html")
    assert connection.getresponse().status in (404, 405)
    connection.close()


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("/vnpay/paymentv2/vpcpay.html", ("default", "vnpay", "/paymentv2/vpcpay.html")),
        ("/s/ci-1/dvcqg/payment/init", ("ci-1", "dvcqg", "/payment/init")),
        ("/", ("default", "", "/")),
        ("/s/", ("", "", "/")),
        ("/s/ci", ("ci", "", "/")),
        ("/vnpay", ("default", "vnpay", "/")),
    ],
)
def test_a_path_names_sandbox_bank_and_address(path: str, split: tuple[str, str, str]) -> None:
    assert split_path(path) == split


def test_a_server_whose_connections_broke_is_well(server: str) -> None:
    """The control room still answers after all of the above."""
    parts = urlsplit(server)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()


# --- answers that go wrong on a real wire ------------------------------------------------------------------------


def test_a_reset_in_the_middle_of_an_answer_is_a_reset(server: str, sandbox: SandboxClient) -> None:
    sandbox.add_fault("reset_during", bank="dvcqg")
    request = SAMPLES["dvcqg"].create("APP11", 20_000, now_of(sandbox))
    with pytest.raises(ConnectionResetError):
        exchanged(server, raw(server, request, "dvcqg", sandbox.name))
    assert len(sandbox.payments()) == 1


def test_a_truncated_answer_is_incomplete_to_its_reader(server: str, sandbox: SandboxClient) -> None:
    sandbox.add_fault("truncated_body", bank="dvcqg")
    request = SAMPLES["dvcqg"].create("APP12", 20_000, now_of(sandbox))
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=10)
    path = f"/s/{sandbox.name}/dvcqg{request.path}"
    connection.request(request.method, path, request.body, dict(request.headers))
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()
    assert len(sandbox.payments()) == 1


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_silent_bank_is_silent_until_the_connector_leaves(
    server: str, sandbox: SandboxClient, kind: str, made: int
) -> None:
    sandbox.add_fault(kind, bank="dvcqg")
    request = SAMPLES["dvcqg"].create("APP13", 20_000, now_of(sandbox))
    parts = urlsplit(server)
    with socket.create_connection((str(parts.hostname), parts.port), 10) as connection:
        connection.sendall(raw(server, request, "dvcqg", sandbox.name))
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert len(sandbox.payments()) == made


def test_a_huge_answer_comes_whole(server: str, sandbox: SandboxClient) -> None:
    sandbox.add_fault("huge_body", bank="dvcqg", size_bytes=3_000_000)
    request = SAMPLES["dvcqg"].create("APP14", 20_000, now_of(sandbox))
    answer = exchanged(server, raw(server, request, "dvcqg", sandbox.name))
    assert status_of(answer) == 200
    assert answer.endswith(b" " * 3_000_000)


def test_a_connectors_header_asks_for_a_fault(server: str, sandbox: SandboxClient) -> None:
    request = SAMPLES["dvcqg"].create("APP15", 20_000, now_of(sandbox))
    wishing = replace(request, headers={**request.headers, "x-banksim-fault": "gateway_error; status=504"})
    assert status_of(exchanged(server, raw(server, wishing, "dvcqg", sandbox.name))) == 504
    answer = exchanged(server, raw(server, wishing, "dvcqg"))
    assert status_of(answer) == 400
    assert b"sandbox of your own" in answer
