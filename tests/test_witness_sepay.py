"""PyPI sepay-pg 1.0.0, unmodified, against a running banksim: an understanding of SePay's gateway that is not ours.

What the package is known to do wrong is a test of its own here, so that nobody takes it for the simulator's fault.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
import requests
from sepay_pg import SePayClient

from simulator.client import Banksim, PaymentView, SandboxClient
from tests.samples.sepay_gateway import MERCHANT_CODE, SECRET_KEY

ROOT = Path(__file__).parents[1]
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
"""09:00:00 in Vietnam, the time of every sandbox here."""


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """A running banksim on a store of its own."""
    with tempfile.TemporaryDirectory(prefix="witness-") as folder:
        command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--seed", "witness"]
        command += ["--store", str(Path(folder) / "banksim.db")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            ready = next((line for line in server.stdout if line.startswith("banksim ready at ")), None)
            assert ready is not None, "banksim did not start"
            try:
                yield ready.removeprefix("banksim ready at ").strip()
            finally:
                server.terminate()


@dataclass(frozen=True, slots=True)
class Foreign:
    """A merchant who relies on the package, and the bank that it talks to."""

    sandbox: SandboxClient
    client: SePayClient
    http: httpx.Client

    def posted(self, **changes: str) -> httpx.Response:
        """What the payer's browser is answered to the package's form."""
        asked = {
            "order_amount": 18_060,
            "order_invoice_number": "HS0001",
            "order_description": "Nộp lệ phí HS0001",
            "success_url": "https://portal.test/ok?a=1&b=2",
            "error_url": "https://portal.test/err",
            "cancel_url": "https://portal.test/cancel",
        }
        return self.http.post(self.client.checkout_url, data=self.client.generate_checkout_data(asked | changes))

    def payment(self) -> PaymentView:
        [payment] = self.sandbox.payments(order_ref="HS0001")
        return payment


@pytest.fixture
def foreign(base_url: str) -> Iterator[Foreign]:
    with Banksim(base_url) as bank, httpx.Client(trust_env=False) as http:
        sandbox = bank.create_sandbox(clock_at=START)
        sandbox.set_merchant("sepay_gateway", MERCHANT_CODE, callback_url="http://127.0.0.1:9/ipn")
        client = SePayClient(MERCHANT_CODE, SECRET_KEY, "sandbox")
        client.api_url = f"{sandbox.url}/sepay_gateway"
        client.checkout_url = f"{client.api_url}/v1/checkout/init"
        yield Foreign(sandbox, client, http)
        sandbox.drop()


def test_the_witness_is_the_version_that_was_judged() -> None:
    assert version("sepay-pg") == "1.0.0"


def test_its_form_leads_the_payer_to_the_page(foreign: Foreign) -> None:
    answer = foreign.posted()
    assert (answer.status_code, answer.headers["location"]) == (302, foreign.payment().page_url)
    assert (foreign.payment().amount_vnd, foreign.payment().description) == (18_060, "Nộp lệ phí HS0001")


def test_its_order_of_signing_is_not_its_order_of_posting_and_the_journal_says_so(foreign: Foreign) -> None:
    foreign.posted()
    [note] = [entry.note for entry in foreign.sandbox.journal() if entry.operation == "create"]
    assert "documents' order" in note


@pytest.mark.parametrize("text", ["a=b,c=d", "100% +%20", "日本", "'; DROP TABLE--", "undefined"])
def test_a_hostile_description_is_signed_alike(foreign: Foreign, text: str) -> None:
    assert foreign.posted(order_description=text).status_code == 302
    assert foreign.payment().description == text


def test_a_form_signed_by_another_key_is_refused(foreign: Foreign) -> None:
    foreign.client.secret_key = "another"
    assert foreign.posted().status_code == 401
    assert foreign.sandbox.payments() == ()


def test_it_reads_an_order_by_either_name(foreign: Foreign) -> None:
    foreign.posted()
    waiting = foreign.client.get_order("HS0001")["data"]
    assert (waiting["order_status"], waiting["order_amount"]) == ("AUTHENTICATION_NOT_NEEDED", "18060.00")
    foreign.sandbox.event(foreign.payment().payment_id, "approve")
    paid = foreign.client.get_order(waiting["order_id"])["data"]
    assert (paid["order_status"], len(paid["transactions"])) == ("CAPTURED", 1)


def test_an_unknown_order_and_a_wrong_secret_are_errors(foreign: Foreign) -> None:
    with pytest.raises(requests.HTTPError, match="404"):
        foreign.client.get_order("HS0404")
    foreign.client.secret_key = "another"
    with pytest.raises(requests.HTTPError, match="401"):
        foreign.client.get_order("HS0001")


# --- what the package is known to do -----------------------------------------------------------------------------


def test_quirk_its_list_of_transactions_is_at_no_address_of_the_documents(foreign: Foreign) -> None:
    with pytest.raises(requests.HTTPError, match="404"):
        foreign.client.get_transactions()


def test_quirk_it_does_not_verify_the_webhook_of_a_transfer_that_the_documents_sign(foreign: Foreign) -> None:
    """sepay-clients: it knows neither the time nor the prefix."""
    foreign.sandbox.set_merchant("sepay", "SP-TEST", callback_url="http://127.0.0.1:9/webhook")
    begun = foreign.sandbox.transfer("sepay", "HS0001", 18_060)
    paid = foreign.sandbox.event(begun.payment_id, "approve")
    sent = foreign.sandbox.callback(paid.payment_id)
    headers = {name.lower(): value for name, value in sent.headers}
    webhook_client = SePayClient("SP-TEST", "whsec_test_abc", "sandbox")
    assert headers["x-sepay-signature"].startswith("sha256=")
    assert not webhook_client.verify_webhook_signature(headers["x-sepay-signature"], sent.body)
