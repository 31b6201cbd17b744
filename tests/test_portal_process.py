"""The portal as a process of its own: how it starts, and what survives when it is killed."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.portals import FEE_VND, vnpay_fields, vnpay_query

MODULE = "conformance.targets.portal"


@contextmanager
def portal(folder: Path, *words: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A client of a real portal, which is killed at the end."""
    command = [sys.executable, "-W", "error", "-m", MODULE, "--port", "0", "--bank-url", "http://127.0.0.1:1/s/x"]
    child = subprocess.Popen(
        [*command, "--database", str(folder / "portal.db"), *words], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        match = re.fullmatch(r"portal ready at (http://127\.0\.0\.1:\d+)\n", child.stdout.readline())
        assert match
        with httpx.Client(base_url=match[1], trust_env=False) as client:
            yield client, child
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def open_payment(client: httpx.Client) -> str:
    body = {"dossier_code": "HS-1", "fee_vnd": FEE_VND, "applicant": "A"}
    assert client.post("/api/dossiers", json=body).is_success
    opened = client.post("/api/dossiers/HS-1/payments", json={"bank": "vnpay", "method": "redirect"}).json()
    url = urlsplit(opened["url"])
    assert url.geturl().startswith("http://127.0.0.1:1/s/x/vnpay/paymentv2/vpcpay.html?")
    assert parse_qs(url.query)["vnp_ReturnUrl"] == [f"{str(client.base_url).rstrip('/')}/return/vnpay"]
    return str(opened["order_ref"])


def call_back(client: httpx.Client, order_ref: str) -> str:
    return str(client.get(f"/callbacks/vnpay?{vnpay_query(vnpay_fields(order_ref))}").json()["RspCode"])


@pytest.mark.parametrize("style", ["listens", "acks_first"])
def test_killed_after_its_acknowledgement_it_has_lost_nothing(tmp_path: Path, style: str) -> None:
    with portal(tmp_path, "--style", style) as (client, child):
        assert client.get("/healthz").json() == {"status": "ok", "style": style}
        order_ref = open_payment(client)
        assert call_back(client, order_ref) == "00"
        child.send_signal(signal.SIGKILL)
    with portal(tmp_path, "--style", style) as (client, _):
        assert client.post("/api/jobs/run").is_success
        assert call_back(client, order_ref) == "02"
        status = client.get("/api/dossiers/HS-1").json()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("paid", FEE_VND, 1)


def test_a_callback_from_before_the_restart_is_a_repetition_by_default_and_not_with_the_defect(tmp_path: Path) -> None:
    with portal(tmp_path, "--defect", "duplicate_known_in_memory") as (client, child):
        order_ref = open_payment(client)
        assert call_back(client, order_ref) == "00"
        assert call_back(client, order_ref) == "02"
        child.send_signal(signal.SIGKILL)
    with portal(tmp_path, "--defect", "duplicate_known_in_memory") as (client, _):
        assert call_back(client, order_ref) == "00"
        assert client.get("/api/dossiers/HS-1").json()["receipts"] == 2


def test_it_ends_cleanly_when_asked_to(tmp_path: Path) -> None:
    with portal(tmp_path, "--style", "acks_first") as (_, child):
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) in (0, -signal.SIGTERM)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", MODULE, *words], capture_output=True, text=True, check=False)


def test_an_unknown_defect_is_refused_in_a_sentence(tmp_path: Path) -> None:
    refused = run("--database", str(tmp_path / "portal.db"), "--defect", "nonsense")
    assert refused.returncode == 1
    assert refused.stderr.startswith("portal: no defect is called nonsense; choose from ")


@pytest.mark.parametrize("contract", ["vnpay.colour=red", "nobank.secret=x", "vnpay", "vnpay.secret"])
def test_a_contract_that_is_none_is_refused_in_a_sentence(tmp_path: Path, contract: str) -> None:
    refused = run("--database", str(tmp_path / "p.db"), "--contract", contract)
    assert refused.returncode == 1
    assert refused.stderr.startswith("portal: --contract ")


def test_a_missing_key_is_refused_in_a_sentence(tmp_path: Path) -> None:
    contract = f"vietinbank.private_key_pem=@{tmp_path}/none.pem"
    refused = run("--database", str(tmp_path / "p.db"), "--contract", contract)
    assert refused.returncode == 1
    assert refused.stderr.startswith("portal: ")
    assert "none.pem" in refused.stderr


def test_defects_can_be_listed() -> None:
    listed = run("--list-defects").stdout.splitlines()
    assert len(listed) >= 20
    assert any(line.startswith("either_code ") and "gateways D50" in line for line in listed)
