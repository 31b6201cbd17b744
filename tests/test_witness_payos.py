"""PyPI payos 1.1.0, unmodified, against a running banksim: an understanding of payOS that is not ours.

What the package is known to do wrong is a test of its own here, so that nobody takes it for the simulator's fault.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from payos import APIError, InvalidSignatureError, PayOS, UnauthorizedError, WebhookError
from payos.types.v1 import PayoutRequest
from payos.types.v2 import CreatePaymentLinkRequest, CreatePaymentLinkResponse, InvoiceRequest
from pydantic import ValidationError

from simulator import qr
from simulator.client import Banksim, PaymentView, SandboxClient
from tests.samples.payos import CHECKSUM_KEY, CLIENT_ID, HEADERS, sealed

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
    """A merchant who relies on the package, and the bank that it talks to. `bank_url` ends with a slash."""

    sandbox: SandboxClient
    bank_url: str
    http: httpx.Client

    def client(self, **changes: Any) -> PayOS:
        settings = {
            "client_id": CLIENT_ID,
            "api_key": HEADERS["x-api-key"],
            "checksum_key": CHECKSUM_KEY,
            "base_url": self.bank_url,
            "http_client": self.http,
        }
        return PayOS(**(settings | changes))

    def create(self, order_code: int = 123, **changes: Any) -> CreatePaymentLinkResponse:
        return self.client().payment_requests.create(asked(order_code, **changes))

    def payment(self, order_code: int = 123) -> PaymentView:
        [payment] = self.sandbox.payments(order_ref=str(order_code))
        return payment

    def paid(self, amount_vnd: int | None = None) -> PaymentView:
        self.create()
        return self.sandbox.event(self.payment().payment_id, "approve", amount_vnd=amount_vnd)

    def webhook(self, payment: PaymentView, **says: Any) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.sandbox.callback(payment.payment_id, **says).body)
        return body

    def creates_seen(self) -> list[int]:
        """The statuses with which creates were answered, in their order; 0 = not at all."""
        return [entry.status for entry in self.sandbox.journal() if entry.operation == "create"]


def asked(order_code: int = 123, **changes: Any) -> CreatePaymentLinkRequest:
    fields = {
        "order_code": order_code,
        "amount": 18_060,
        "description": "Nop le phi HS0001",
        "cancel_url": "https://portal.test/cancel?a=1&b=2",
        "return_url": "https://portal.test/return",
    }
    return CreatePaymentLinkRequest(**(fields | changes))


def signed_anew(webhook: dict[str, Any]) -> dict[str, Any]:
    """The webhook with a right signature over what its data says now."""
    text = "&".join(f"{name}={'' if value is None else value}" for name, value in sorted(webhook["data"].items()))
    return {**webhook, "signature": sealed(text)}


@pytest.fixture
def foreign(base_url: str) -> Iterator[Foreign]:
    with Banksim(base_url) as bank, httpx.Client(trust_env=False) as http:
        sandbox = bank.create_sandbox(clock_at=START)
        sandbox.set_merchant("payos", CLIENT_ID, callback_url="http://127.0.0.1:9/webhook")
        yield Foreign(sandbox, f"{sandbox.url}/payos/", http)
        sandbox.drop()


def test_the_witness_is_the_version_that_was_judged() -> None:
    assert version("payos") == "1.1.0"


# --- links -------------------------------------------------------------------------------------------------------


def test_a_link_is_created_and_its_answer_verified(foreign: Foreign) -> None:
    link = foreign.create()
    payment = foreign.payment()
    assert (link.status, link.amount, link.order_code) == ("PENDING", 18_060, 123)
    assert link.payment_link_id == payment.payment_id
    assert link.checkout_url == payment.page_url
    code = qr.parse(link.qr_code)
    assert (code.bank_bin, code.beneficiary, code.amount_vnd) == (link.bin, link.account_number, 18_060)


@pytest.mark.parametrize("text", ["Nộp lệ phí (Đ)", "a=b&c=d", "100% +%20", "日本", "'; DROP TABLE--", "null"])
def test_a_hostile_description_is_signed_and_read_alike(foreign: Foreign, text: str) -> None:
    assert foreign.create(description=text).description == text
    assert foreign.payment().description == text
    webhook = foreign.webhook(foreign.sandbox.event(foreign.payment().payment_id, "approve"))
    assert foreign.client().webhooks.verify(webhook).description == text


@pytest.mark.parametrize("order_code", [1, 2**31, 2**53 - 1])
def test_an_order_code_of_any_size_is_understood(foreign: Foreign, order_code: int) -> None:
    assert foreign.create(order_code).order_code == order_code
    assert foreign.client().payment_requests.get(order_code).order_code == order_code


def test_a_link_expires_when_it_was_told_to(foreign: Foreign) -> None:
    expired_at = int((START + timedelta(minutes=10)).timestamp())
    assert foreign.create(expired_at=expired_at).expired_at == expired_at
    foreign.sandbox.advance(601)
    assert foreign.client().payment_requests.get(123).status == "EXPIRED"


def test_a_link_is_found_by_either_name(foreign: Foreign) -> None:
    link = foreign.create()
    by_id = foreign.client().payment_requests.get(link.payment_link_id)
    assert by_id == foreign.client().payment_requests.get(123)
    assert (by_id.status, by_id.amount_paid, by_id.amount_remaining) == ("PENDING", 0, 18_060)


@pytest.mark.parametrize(
    ("amount_vnd", "status", "remaining"), [(None, "PAID", 0), (18_000, "UNDERPAID", 60), (20_000, "PAID", 0)]
)
def test_a_link_tells_what_was_paid(foreign: Foreign, amount_vnd: int | None, status: str, remaining: int) -> None:
    payment = foreign.paid(amount_vnd)
    link = foreign.client().payment_requests.get(123)
    assert (link.status, link.amount_remaining) == (status, remaining)
    [transaction] = link.transactions
    assert (transaction.amount, transaction.reference) == (amount_vnd or 18_060, payment.bank_ref)


@pytest.mark.parametrize("reason", [None, "Đổi ý"])
def test_a_link_is_cancelled(foreign: Foreign, reason: str | None) -> None:
    foreign.create()
    cancelled = foreign.client().payment_requests.cancel(123, reason)
    assert (cancelled.status, cancelled.cancellation_reason) == ("CANCELLED", reason)
    assert foreign.client().payment_requests.get(123) == cancelled


class Answering(BaseHTTPRequestHandler):
    """A webhook that verifies what it is sent and answers the status that its path names."""

    verified: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        client = PayOS(client_id=CLIENT_ID, api_key=HEADERS["x-api-key"], checksum_key=CHECKSUM_KEY)
        self.verified.append(client.webhooks.verify(body).order_code)
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def webhook_url() -> Iterator[str]:
    Answering.verified.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_webhook_address_is_confirmed_once_it_answered_a_webhook_of_an_unknown_order(
    foreign: Foreign, webhook_url: str
) -> None:
    confirmed = foreign.client().webhooks.confirm(f"{webhook_url}/204")
    assert confirmed.webhook_url == f"{webhook_url}/204"
    assert Answering.verified == [123]


def test_a_webhook_address_that_refuses_an_unknown_order_is_not_confirmed(foreign: Foreign, webhook_url: str) -> None:
    with pytest.raises(WebhookError, match="Webhook url không hợp lệ"):
        foreign.client().webhooks.confirm(f"{webhook_url}/404")
    assert Answering.verified == [123]


def test_invoices_are_listed_and_downloaded(foreign: Foreign) -> None:
    invoices = foreign.client().payment_requests.invoices
    foreign.create(invoice=InvoiceRequest(tax_percentage=10), buyer_name="Nguyễn Văn A")
    assert invoices.get(123).invoices == []
    paid = foreign.sandbox.event(foreign.payment().payment_id, "approve")
    [invoice] = invoices.get(123).invoices
    assert invoice.transaction_id == paid.bank_ref
    file = invoices.download(invoice.invoice_id, 123)
    assert (file.filename, file.content_type) == (f"invoice-{invoice.invoice_number}.pdf", "application/pdf")
    assert file.data.startswith(b"%PDF-")
    assert invoices.get(paid.payment_id).invoices == [invoice]


def test_without_asking_there_is_no_invoice(foreign: Foreign) -> None:
    foreign.paid()
    assert foreign.client().payment_requests.invoices.get(123).invoices == []


# --- refusals ----------------------------------------------------------------------------------------------------


def test_a_repeated_create_is_an_error_although_http_says_200(foreign: Foreign) -> None:
    foreign.create()
    for _ in range(2):
        with pytest.raises(APIError, match="Đơn thanh toán đã tồn tại") as caught:
            foreign.create()
        assert (caught.value.status_code, caught.value.error_code) == (200, "231")


def test_a_wrong_checksum_key_is_201(foreign: Foreign) -> None:
    with pytest.raises(APIError, match="signature") as caught:
        foreign.client(checksum_key="another").payment_requests.create(asked())
    assert caught.value.error_code == "201"
    assert foreign.sandbox.payments() == ()


@pytest.mark.parametrize("changes", [{"api_key": "wrong"}, {"client_id": "nobody"}])
def test_wrong_headers_are_unauthorized(foreign: Foreign, changes: dict[str, str]) -> None:
    with pytest.raises(UnauthorizedError):
        foreign.client(**changes).payment_requests.create(asked())


def test_an_unknown_link_is_an_error(foreign: Foreign) -> None:
    with pytest.raises(APIError) as caught:
        foreign.client().payment_requests.get(404)
    assert caught.value.error_code == "20"


# --- webhook and return ------------------------------------------------------------------------------------------


def test_a_webhook_is_verified_in_every_form_that_the_package_takes(foreign: Foreign) -> None:
    payment = foreign.paid()
    body = foreign.sandbox.callback(payment.payment_id).body
    for payload in (body, body.decode(), json.loads(body)):
        data = foreign.client().webhooks.verify(payload)
        assert (data.order_code, data.amount, data.code) == (123, 18_060, "00")
        assert (data.reference, data.payment_link_id) == (payment.bank_ref, payment.payment_id)
        assert data.transaction_date_time == "2026-01-05 09:00:00"


@pytest.mark.parametrize("says", [{"forged": True}, {"amount_vnd": 1, "forged": True}])
def test_a_forged_webhook_is_not_verified(foreign: Foreign, says: dict[str, Any]) -> None:
    webhook = foreign.webhook(foreign.paid(), **says)
    with pytest.raises(WebhookError, match="Data not integrity"):
        foreign.client().webhooks.verify(webhook)


def test_a_webhook_changed_on_its_way_is_not_verified(foreign: Foreign) -> None:
    webhook = foreign.webhook(foreign.paid())
    webhook["data"]["amount"] = 1
    with pytest.raises(WebhookError, match="Data not integrity"):
        foreign.client().webhooks.verify(webhook)


def test_an_underpaid_link_has_a_webhook_with_a_right_signature(foreign: Foreign) -> None:
    """The package says nothing of it: whoever does not compare the amount takes it for paid."""
    data = foreign.client().webhooks.verify(foreign.webhook(foreign.paid(1)))
    assert (data.amount, data.code) == (1, "00")


def test_the_browsers_return_has_nothing_that_could_be_verified(foreign: Foreign) -> None:
    payment = foreign.paid()
    found = parse_qs(urlsplit(foreign.sandbox.browser_return(payment.payment_id)).query)
    assert found.keys() == {"code", "id", "cancel", "status", "orderCode"}
    assert (found["status"], found["orderCode"]) == (["PAID"], ["123"])


# --- what the package is known to do -----------------------------------------------------------------------------


def test_quirk_a_500_makes_it_post_the_same_order_code_again(foreign: Foreign) -> None:
    """payos-clients#retries: without any key of idempotency."""
    foreign.sandbox.add_fault("http_500", bank="payos", operation="create")
    assert foreign.create().status == "PENDING"
    assert foreign.creates_seen() == [500, 200]
    assert foreign.payment().state == "pending"


def test_quirk_it_gives_up_after_the_third_500(foreign: Foreign) -> None:
    foreign.sandbox.add_fault("http_500", bank="payos", operation="create", times=3)
    with pytest.raises(APIError) as caught:
        foreign.create()
    assert caught.value.status_code == 500
    assert foreign.creates_seen() == [500, 500, 500]
    assert foreign.sandbox.payments() == ()


def test_quirk_a_create_whose_answer_is_lost_is_not_repeated_and_the_next_is_231(foreign: Foreign) -> None:
    """It repeats refused connections and late answers, but not one that breaks off: the link is there all the same."""
    foreign.sandbox.add_fault("answer_lost", bank="payos", operation="create")
    with pytest.raises(httpx.RemoteProtocolError):
        foreign.create()
    with pytest.raises(APIError) as caught:
        foreign.create()
    assert caught.value.error_code == "231"
    assert foreign.client().payment_requests.get(123).status == "PENDING"


def test_quirk_an_unsigned_answer_is_refused(foreign: Foreign) -> None:
    foreign.create()

    def unsigned(request: httpx.Request) -> httpx.Response:
        true = foreign.http.request(request.method, request.url, headers=request.headers).json()
        return httpx.Response(200, json={**true, "signature": None})

    with httpx.Client(transport=httpx.MockTransport(unsigned)) as http:
        with pytest.raises(InvalidSignatureError, match="Response signature missing"):
            foreign.client(http_client=http).payment_requests.get(123)


def test_quirk_a_forged_answer_is_refused(foreign: Foreign) -> None:
    foreign.create()
    foreign.sandbox.add_fault("forged_signature", bank="payos", operation="query")
    with pytest.raises(InvalidSignatureError, match="Response signature verification failed"):
        foreign.client().payment_requests.get(123)
    assert foreign.client().payment_requests.get(123).status == "PENDING"


def test_quirk_a_webhook_with_a_new_field_is_refused_although_its_signature_is_right(foreign: Foreign) -> None:
    webhook = foreign.webhook(foreign.paid())
    webhook["data"]["newField"] = "x"
    with pytest.raises(WebhookError, match="schema validation failed"):
        foreign.client().webhooks.verify(signed_anew(webhook))


@pytest.mark.parametrize("name", ["counterAccountName", "virtualAccountNumber"])
def test_quirk_a_webhook_without_an_optional_field_is_refused_although_its_signature_is_right(
    foreign: Foreign, name: str
) -> None:
    webhook = foreign.webhook(foreign.paid())
    assert foreign.client().webhooks.verify(signed_anew(webhook))
    del webhook["data"][name]
    with pytest.raises(WebhookError, match="Data not integrity"):
        foreign.client().webhooks.verify(signed_anew(webhook))


def test_quirk_a_base_url_without_a_slash_at_its_end_loses_its_last_part(foreign: Foreign) -> None:
    with pytest.raises(APIError) as caught:
        foreign.client(base_url=foreign.bank_url.rstrip("/")).payment_requests.get(123)
    assert caught.value.status_code == 404
    assert foreign.sandbox.journal() == ()


def test_quirk_the_base_url_may_stand_in_the_environment(foreign: Foreign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYOS_BASE_URL", foreign.bank_url)
    assert foreign.client(base_url=None).payment_requests.create(asked()).status == "PENDING"


def test_quirk_an_answer_with_a_new_field_is_refused_although_its_signature_is_right(foreign: Foreign) -> None:
    """payos-clients: its models forbid what they do not know."""
    foreign.create()

    def later_version(request: httpx.Request) -> httpx.Response:
        true = foreign.http.request(request.method, request.url, headers=request.headers).json()
        true["data"]["newField"] = "x"
        data = {**true, "data": {name: value for name, value in true["data"].items() if name != "transactions"}}
        data["data"]["transactions"] = []
        text = "&".join(
            f"{name}={'' if value is None else '[]' if value == [] else value}"
            for name, value in sorted(data["data"].items())
        )
        return httpx.Response(200, json={**data, "signature": sealed(text)})

    with httpx.Client(transport=httpx.MockTransport(later_version)) as http:
        with pytest.raises(ValidationError, match="newField"):
            foreign.client(http_client=http).payment_requests.get(123)


@pytest.mark.parametrize(
    ("status", "times"), [(400, 1), (401, 1), (403, 1), (404, 1), (408, 3), (429, 3), (500, 3), (503, 3)]
)
def test_quirk_it_repeats_408_429_and_5xx_twice_and_nothing_else(foreign: Foreign, status: int, times: int) -> None:
    seen: list[str] = []

    def refusing(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        return httpx.Response(status, headers={"retry-after": "0.01"}, json={"code": "20", "desc": "no"})

    with httpx.Client(transport=httpx.MockTransport(refusing)) as http:
        with pytest.raises(APIError) as caught:
            foreign.client(http_client=http).payment_requests.get(123)
    assert (caught.value.status_code, len(seen)) == (status, times)


def test_quirk_it_waits_a_minute_and_repeats_twice_unless_told(foreign: Foreign) -> None:
    client = foreign.client()
    assert (client.timeout, client.max_retries) == (60, 2)


def test_quirk_a_payout_is_signed_with_its_brackets_escaped_as_javascript_never_does(foreign: Foreign) -> None:
    """payos-clients#payout: of one and the same payout the two packages make two signatures."""
    sent: list[str] = []

    def keeping(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["x-signature"])
        return httpx.Response(400, json={"code": "20", "desc": "no"})

    payout = {"reference_id": "R1", "amount": 18_060, "description": "Hoàn phí (1)"}
    asked_for = PayoutRequest(**payout, to_bin="970436", to_account_number="0123499999")
    with httpx.Client(transport=httpx.MockTransport(keeping)) as http:
        with pytest.raises(APIError):
            foreign.client(http_client=http).payouts.create(asked_for)
    text = "amount=18060&{}description=Ho%C3%A0n%20ph%C3%AD%20{}&referenceId=R1&toAccountNumber=0123499999&toBin=970436"
    assert sent == [sealed(text.format("category=&", "%281%29"))]
    assert sent != [sealed(text.format("category=&", "(1)"))]
