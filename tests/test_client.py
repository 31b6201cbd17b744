"""The control API's client, against recorded answers: what it sends, what it reads, and how it says no."""

from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from simulator.client import Answer, Banksim, ControlError, JournalEntry, Message, WayBack

PAYMENT = {
    "payment_id": "p1",
    "bank": "vnpay",
    "merchant_code": "DEMOV210",
    "order_ref": "A/1",
    "order_key": "A/1",
    "amount_vnd": 50_000,
    "order_amount_vnd": 50_000,
    "description": "",
    "state": "pending",
    "outcome": None,
    "channel": None,
    "issuer_code": "",
    "bank_ref": "14",
    "created_at": "2026-01-05T02:00:00Z",
    "settled_at": None,
    "expires_at": "2026-01-05T02:15:00Z",
    "refunded_vnd": 0,
    "page_url": "http://127.0.0.1:8080/pay/p1",
    "return_url": "",
}


class Recorder:
    """Answers every request alike and keeps the requests."""

    def __init__(self, answer: object, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        content = self._answer if isinstance(self._answer, bytes) else msgspec.json.encode(self._answer)
        return httpx.Response(self._status, content=content)

    def banksim(self, token: str | None = None) -> Banksim:
        return Banksim("http://127.0.0.1:8080/", token, transport=httpx.MockTransport(self))

    @property
    def sent(self) -> object:
        return msgspec.json.decode(self.requests[-1].content)


def test_a_payment_is_read_with_aware_instants() -> None:
    recorder = Recorder(PAYMENT)
    with recorder.banksim() as banksim:
        payment = banksim.sandbox("ci").payment("p1")
    assert payment.created_at == datetime(2026, 1, 5, 2, tzinfo=UTC)
    assert payment.settled_at is None
    assert payment.amount_vnd == 50_000
    assert str(recorder.requests[0].url) == "http://127.0.0.1:8080/_control/sandboxes/ci/payments/p1"


def test_the_way_back_is_an_address_and_what_a_form_posts_there() -> None:
    recorder = Recorder({"url": "http://portal.test/return", "fields": {"napasResult": "{}"}})
    with recorder.banksim() as banksim:
        back = banksim.sandbox("ci").go_back("p1")
        assert banksim.sandbox("ci").browser_return("p1") == back.url
    assert back == WayBack(url="http://portal.test/return", fields={"napasResult": "{}"})
    assert {(each.method, each.url.path) for each in recorder.requests} == {
        ("POST", "/_control/sandboxes/ci/payments/p1/return")
    }


def test_only_what_is_given_is_sent() -> None:
    recorder = Recorder(PAYMENT)
    with recorder.banksim() as banksim:
        banksim.sandbox().event("p1", "decline", outcome="wrong_otp")
    assert recorder.sent == {"event": "decline", "outcome": "wrong_otp"}


def test_an_id_cannot_leave_its_place_in_the_address() -> None:
    recorder = Recorder(PAYMENT)
    with recorder.banksim() as banksim:
        banksim.sandbox("a/b").payment("../x?y")
    assert recorder.requests[0].url.raw_path == b"/_control/sandboxes/a%2Fb/payments/..%2Fx%3Fy"


def test_the_token_goes_with_every_call() -> None:
    recorder = Recorder([])
    with recorder.banksim("t0ken") as banksim:
        banksim.sandboxes()
    assert recorder.requests[0].headers["authorization"] == "Bearer t0ken"


def test_a_refused_bill_carries_its_reason() -> None:
    recorder = Recorder({"detail": "the connector says: already paid", "reason": "already_paid"}, 422)
    with recorder.banksim() as banksim, pytest.raises(ControlError) as raised:
        banksim.sandbox().inquire_bill("vietinbank", "HS1")
    assert (raised.value.status, raised.value.reason) == (422, "already_paid")


def test_an_error_page_of_something_else_still_says_what_was_asked() -> None:
    recorder = Recorder(b"<html>bad gateway</html>", 502)
    with recorder.banksim() as banksim, pytest.raises(ControlError) as raised:
        banksim.sandbox().totals()
    assert "GET http://127.0.0.1:8080/_control/sandboxes/default/totals answered 502" in raised.value.detail


def test_another_program_at_that_address_is_named_as_the_trouble() -> None:
    recorder = Recorder(b"hello")
    with recorder.banksim() as banksim, pytest.raises(ControlError, match="is not banksim"):
        banksim.sandboxes()


def test_no_server_is_said_in_a_sentence() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    transport = httpx.MockTransport(refuse)
    with Banksim("http://127.0.0.1:1", transport=transport) as banksim:
        with pytest.raises(ControlError, match="is `banksim serve` running") as raised:
            banksim.sandboxes()
    assert raised.value.status == 0


def test_any_bytes_survive_the_way_through_send() -> None:
    recorder = Recorder({"status": 200, "headers": [["x", "1"]], "body_base64": "/wA=", "error": ""})
    message = Message("POST", "http://127.0.0.1:9/ipn", (("a", "b"),), b"\xff\x00")
    with recorder.banksim() as banksim:
        answer = banksim.sandbox().send(message, note="forged")
    assert recorder.sent == {
        "method": "POST",
        "url": "http://127.0.0.1:9/ipn",
        "headers": [["a", "b"]],
        "body_base64": "/wA=",
        "bank": "",
        "payment_id": "",
        "note": "forged",
    }
    assert answer == Answer(200, (("x", "1"),), b"\xff\x00")


def test_a_journal_entry_gives_back_the_bytes_of_text_and_of_anything_else() -> None:
    entry = JournalEntry(
        id=1,
        direction="out",
        at=datetime(2026, 1, 5, tzinfo=UTC),
        bank="vnpay",
        operation="callback",
        payment_id="p1",
        order_ref="A1",
        method="GET",
        url="http://127.0.0.1:9/ipn",
        request_headers=(),
        request_body="phí",
        request_body_base64="",
        status=200,
        response_headers=(),
        response_body="\ufffd",
        response_body_base64="/w==",
        note="",
    )
    assert entry.request_bytes == "phí".encode()
    assert entry.response_bytes == b"\xff"
