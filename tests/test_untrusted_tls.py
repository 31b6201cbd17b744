"""Facts about the banks behind a certificate that nobody vouches for."""

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from cryptography import x509

from simulator.client import Banksim
from simulator.untrusted_tls import untrusted_pem

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Banksim, str]]:
    """A running server and what it printed at its start."""
    folder = tmp_path_factory.mktemp("untrusted")
    words = ["--port", "0", "--tls-untrusted-port", "0", "--tls-refused-port", "0", "--store", str(folder / "bank.db")]
    child = subprocess.Popen([sys.executable, "-m", "simulator", "serve", *words], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        printed = ""
        while not (ready := re.search(r"^banksim ready at (\S+)", printed, re.MULTILINE)):
            line = child.stdout.readline()
            assert line, printed
            printed += line
        with Banksim(ready[1]) as banksim:
            yield banksim, printed
    finally:
        child.terminate()
        assert child.wait(10) == 0
        child.stdout.close()


def test_the_server_tells_both_addresses_at_its_start_and_ever_after(server: tuple[Banksim, str]) -> None:
    banksim, printed = server
    told = banksim.listeners()
    assert re.search(rf"^  TLS untrusted +{re.escape(told.tls_untrusted_url)} ", printed, re.MULTILINE)
    assert re.search(rf"^  TLS refused +{re.escape(told.tls_refused_url)} ", printed, re.MULTILINE)
    assert told.tls_untrusted_url.startswith("https://127.0.0.1:")
    assert len({banksim.url[-5:], told.tls_untrusted_url[-5:], told.tls_refused_url[-5:]}) == 3


def test_a_client_that_checks_sends_nothing_and_objects_to_the_issuer_alone(server: tuple[Banksim, str]) -> None:
    banksim, _ = server
    sandbox = banksim.create_sandbox()
    address = f"{sandbox.url_at(banksim.listeners().tls_untrusted_url)}/vnpay/merchant_webapi/api/transaction"
    with httpx.Client(trust_env=False) as checks, pytest.raises(httpx.ConnectError, match="self-signed certificate"):
        checks.post(address, json={"vnp_Command": "querydr"})
    assert sandbox.journal() == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_does_not_check_speaks_with_the_very_same_bank(server: tuple[Banksim, str], host: str) -> None:
    banksim, _ = server
    sandbox = banksim.create_sandbox()
    port = httpx.URL(banksim.listeners().tls_untrusted_url).port
    path = "/vnpay/merchant_webapi/api/transaction"
    with httpx.Client(trust_env=False, verify=False) as believes:
        answers = [
            believes.post(f"{sandbox.url_at(server)}{path}", json={"vnp_Command": "querydr"})
            for server in (f"https://{host}:{port}", banksim.url)
        ]
    assert answers[0].status_code == answers[1].status_code == 200
    assert answers[0].json() == answers[1].json()
    assert [entry.bank for entry in sandbox.journal()] == ["vnpay", "vnpay"]


def test_the_other_address_refuses_every_handshake(server: tuple[Banksim, str]) -> None:
    banksim, _ = server
    with httpx.Client(trust_env=False, verify=False) as believes, pytest.raises(httpx.ConnectError, match=r"(?i)alert"):
        believes.get(banksim.listeners().tls_refused_url)


def test_a_port_that_is_taken_is_said_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--tls-untrusted-port", port]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in ended.stderr
    assert "choose another --tls-untrusted-port" in ended.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_is_told_to_trust_the_certificate_finds_nothing_else_wrong_with_it(
    server: tuple[Banksim, str], host: str
) -> None:
    port = httpx.URL(server[0].listeners().tls_untrusted_url).port
    assert port is not None
    trusting = ssl.create_default_context(cadata=ssl.get_server_certificate(("127.0.0.1", port)))
    with httpx.Client(trust_env=False, verify=trusting) as http:
        assert http.get(f"https://{host}:{port}/_control/banks").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "banks.test"])
def test_the_certificate_names_this_machine_and_the_host_that_is_listened_at(host: str) -> None:
    shown = x509.load_pem_x509_certificate(untrusted_pem(host, NOW))
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    told = {str(each.value) for each in names}
    assert told == {"localhost", "127.0.0.1", "::1", host}
    assert shown.not_valid_before_utc < NOW < shown.not_valid_after_utc
