"""Facts about payOS payment links."""

import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from simulator import qr
from simulator.bank import act, serve
from simulator.banks import payos
from simulator.banks.payos import DIALECT, acknowledged, callback, qr_text, return_url, signature, signed_text
from simulator.calling import Caller
from simulator.dialect import Ask, CancelOrder, Create, Endpoint, GetReceipt, Notice, Query, Reply
from simulator.merchants import default_merchants
from simulator.payment import Channel, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Outgoing, Request
from simulator.world import World
from tests.samples.payos import (
    CHECKSUM_KEY,
    CLIENT_ID,
    HEADERS,
    LINKS,
    payos_cancel,
    payos_confirm_webhook,
    payos_create,
    payos_get,
    payos_invoices,
    sealed,
)
from tests.worlds import START, ask, connector, courier_of, endpoint_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "payos" / "signatures.json"
VECTORS = {vector["message"]: vector for vector in json.loads(VECTOR_FILE.read_text())}
MERCHANT = next(each for each in default_merchants() if each.bank == "payos")
CREATE, GET, CANCEL, CONFIRM, INVOICES, DOWNLOAD = DIALECT.endpoints
PAID_AT = datetime(2023, 2, 4, 11, 25, tzinfo=UTC)
LINK_ID = "124c33293c43417ab7879e14c8d9eb18"


def merchants(code: str) -> Merchant | None:
    return MERCHANT if code == CLIENT_ID else None


def decoded(request: Request) -> Create | Query | CancelOrder | GetReceipt | Ask:
    endpoint, request = endpoint_of(DIALECT, request)
    command = endpoint.decode(request, merchants)
    assert isinstance(command, Create | Query | CancelOrder | GetReceipt | Ask)
    return command


def refused(request: Request) -> Refusal:
    endpoint, request = endpoint_of(DIALECT, request)
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, merchants)
    return caught.value


def create(**changes: Any) -> Request:
    return payos_create("123", 18_060, START, **{"description": "HS0001", **changes})


def changed(request: Request, **changes: Any) -> Request:
    """The request with its signature as it was."""
    body = {**json.loads(request.body), **changes}
    return msgspec.structs.replace(request, body=json.dumps(body).encode())


def order(**changes: Any) -> Order:
    command = decoded(create(**changes))
    assert isinstance(command, Create)
    return command.order


def payment(state: State = State.PAID, **changes: Any) -> Payment:
    made = Payment(
        payment_id=LINK_ID,
        bank="payos",
        merchant_code=CLIENT_ID,
        order=order(amount=3_000, description="VQRIO123"),
        amount_vnd=3_000,
        bank_ref="TF230204212323",
        created_at=PAID_AT - timedelta(minutes=5),
        state=state,
        outcome=Outcome.SUCCESS,
        settled_at=None if state is State.PENDING else PAID_AT,
    )
    return msgspec.structs.replace(made, **changes)


def told(state: State = State.PAID, merchant: Merchant = MERCHANT, **changes: Any) -> dict[str, Any]:
    sent = callback(Notice(payment=payment(state, **changes), merchant=merchant, now=PAID_AT))
    body: dict[str, Any] = json.loads(sent.body)
    return body


def shown(endpoint: Endpoint, request: Request, result: Payment | Refusal) -> dict[str, Any]:
    reply = (
        result if isinstance(result, Refusal) else Reply(now=PAID_AT, reply_ref="0" * 32, payment=result, page_url="p")
    )
    _, placed = endpoint_of(DIALECT, request)
    body: dict[str, Any] = json.loads(endpoint.encode(placed, decoded(request), reply).body)
    return body


def truly_signed(envelope: dict[str, Any]) -> bool:
    """Judged by code of the tests' own; lists as JSON without spaces."""

    def value(each: object) -> str:
        if isinstance(each, list):
            return json.dumps([dict(sorted(one.items())) for one in each], separators=(",", ":"), ensure_ascii=False)
        return "" if each in (None, "null", "undefined") else str(each)

    text = "&".join(f"{name}={value(each)}" for name, each in sorted(envelope["data"].items()))
    return bool(envelope["signature"] == sealed(text))


# --- known answers -----------------------------------------------------------------------------------------------


def test_the_known_data_has_its_known_signature() -> None:
    """payos-webhook-signature, P1: the documents' own example."""
    vector = VECTORS["data"]
    assert signed_text(vector["fields"]) == vector["string_to_sign"]
    assert signature(vector["fields"], vector["checksum_key"]) == vector["signature"]


def test_the_known_create_request_is_understood() -> None:
    """payos-clients#create, P2."""
    vector = VECTORS["create"]
    body = json.dumps({**vector["fields"], "signature": vector["signature"]}).encode()
    command = decoded(Request("POST", LINKS, headers=HEADERS, body=body))
    assert isinstance(command, Create)
    assert (command.order.order_ref, command.order.amount_vnd) == ("123", 18_060)
    assert command.order.return_url == "https://dvc.vn/return"
    assert hmac.digest(CHECKSUM_KEY.encode(), vector["string_to_sign"].encode(), "sha256").hex() == vector["signature"]


def test_our_webhook_has_the_known_ones_data() -> None:
    known = VECTORS["data"]["fields"]
    ours = told(merchant=msgspec.structs.replace(MERCHANT, options={"account": "12345678"}))
    assert ours["data"] == known
    assert ours["signature"] == VECTORS["data"]["signature"]
    assert (ours["code"], ours["success"]) == ("00", True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"b": 1, "a": "x"}, "a=x&b=1"),
        ({"a": None, "b": "null", "c": "undefined", "d": ""}, "a=&b=&c=&d="),
        ({"a": True, "b": False}, "a=true&b=false"),
        ({"a": [{"z": 1, "b": None}, {"y": "Đ"}]}, 'a=[{"b":null,"z":1},{"y":"Đ"}]'),
        ({"a": []}, "a=[]"),
        ({"a": "x&b=2", "b": "1"}, "a=x&b=2&b=1"),
        ({"A": 1, "a": 2}, "A=1&a=2"),
        ({"a": "Lệ phí +%20"}, "a=Lệ phí +%20"),
    ],
)
def test_values_are_signed_raw_and_in_the_order_of_their_names(data: dict[str, Any], text: str) -> None:
    assert signed_text(data) == text


# --- who asks ----------------------------------------------------------------------------------------------------

REQUESTS = [
    *(create(), payos_get("123", START), payos_cancel("123"), payos_confirm_webhook("https://portal.test/w")),
    *(payos_invoices("123"), payos_invoices("123", "0" * 32)),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=["create", "get", "cancel", "confirm", "invoices", "download"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"x-client-id": "nobody"}, {"x-api-key": "wrong"}, {"x-api-key": ""}, {"x-client-id": CLIENT_ID[:-1]}],
)
def test_wrong_headers_are_401(request_: Request, headers: dict[str, str]) -> None:
    given_headers = {**HEADERS, **headers} if headers else {}
    refusal = refused(msgspec.structs.replace(request_, headers=given_headers))
    assert refusal.reason is Reason.UNKNOWN_MERCHANT
    response = CREATE.encode(request_, None, refusal)
    assert (response.status, json.loads(response.body)["code"]) == (401, "401")


def test_a_partner_code_is_let_pass() -> None:
    assert decoded(msgspec.structs.replace(create(), headers={**HEADERS, "x-partner-code": "P"}))


# --- create ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", payos.CREATE_SIGNED)
def test_changing_any_signed_value_is_noticed(name: str) -> None:
    true = json.loads(create().body)
    other = true[name] + 1 if isinstance(true[name], int) else f"{true[name]}x"
    assert refused(changed(create(), **{name: other})).reason is Reason.BAD_SIGNATURE


def test_what_is_not_signed_may_be_anything() -> None:
    assert isinstance(decoded(create(items=[{"name": "x"}], buyerName=None, new={"a": [1]})), Create)


@pytest.mark.parametrize("given_signature", ["0" * 64, "", None, 5, CHECKSUM_KEY])
def test_a_missing_or_wrong_signature_is_refused(given_signature: object) -> None:
    refusal = refused(changed(create(), signature=given_signature))
    assert refusal.reason in (Reason.BAD_SIGNATURE, Reason.MALFORMED)


def test_an_upper_case_signature_is_refused() -> None:
    assert refused(changed(create(), signature=json.loads(create().body)["signature"].upper())).reason is (
        Reason.BAD_SIGNATURE
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"orderCode": 0},
        {"orderCode": -1},
        {"orderCode": 2**53},
        {"orderCode": "123"},
        {"orderCode": 1.0},
        {"orderCode": True},
        {"orderCode": None},
        {"orderCode": 10**400},
        {"amount": 0},
        {"amount": -5},
        {"amount": "18060"},
        {"amount": 18060.5},
        {"amount": 10**15},
        {"description": ""},
        {"description": "x" * 26},
        {"description": "a\x00b"},
        {"description": 7},
        {"cancelUrl": ""},
        {"cancelUrl": "javascript:alert(1)"},
        {"returnUrl": "https://dvc.vn/a b"},
        {"returnUrl": "https://" + "x" * 1001},
        {"returnUrl": None},
        {"expiredAt": 0},
        {"expiredAt": "1700000000"},
        {"expiredAt": 10**12},
        {"expiredAt": True},
    ],
    ids=str,
)
def test_what_is_missing_too_long_or_of_another_type_is_20(changes: dict[str, Any]) -> None:
    refusal = refused(create(**changes))
    assert refusal.reason is Reason.MALFORMED
    body = json.loads(CREATE.encode(create(), None, refusal).body)
    assert (body["code"], body["data"], body["signature"]) == ("20", None, None)
    assert next(iter(changes)) in body["desc"]


def test_the_largest_order_code_that_javascript_can_hold_is_taken() -> None:
    assert order(orderCode=2**53 - 1).order_ref == "9007199254740991"


@pytest.mark.parametrize(("amount", "taken"), [(1, True), (499_999_999, True), (500_000_000, False)])
def test_an_instant_transfer_has_a_limit(amount: int, taken: bool) -> None:
    if taken:
        assert order(amount=amount).amount_vnd == amount
    else:
        assert refused(create(amount=amount)).reason is Reason.INVALID_AMOUNT


def test_a_description_may_have_diacritics_and_the_code_has_none() -> None:
    made = payment(State.PENDING, order=order(description="Nộp lệ phí (Đ) & 1=1"))
    assert made.order.description == "Nộp lệ phí (Đ) & 1=1"
    assert qr.parse(qr_text(made, MERCHANT)).purpose == "Nop le phi (D) & 1=1"


def test_a_link_may_expire() -> None:
    assert order().expires_at is None
    assert order(expiredAt=1_800_000_000).expires_at == datetime.fromtimestamp(1_800_000_000, UTC)


# --- the other requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "order_key", "id_"),
    [
        ("123", "123", ""),
        ("0123", "123", ""),
        (LINK_ID, "", LINK_ID),
        ("1" * 32, "", "1" * 32),
    ],
)
def test_a_link_is_named_by_id_or_order_code(name: str, order_key: str, id_: str) -> None:
    for request in (Request("GET", f"{LINKS}/{name}", headers=HEADERS), payos_cancel(name)):
        command = decoded(request)
        assert isinstance(command, Query | CancelOrder)
        assert (command.order_key, command.name) == (order_key, id_)


@pytest.mark.parametrize("name", ["x" * 65, "a.b", "a\x00b", "١٢٣", "%31"])
def test_what_can_be_no_links_name_is_an_unknown_link(name: str) -> None:
    assert refused(Request("GET", f"{LINKS}/{name}", headers=HEADERS)).reason is Reason.UNKNOWN_ORDER


@pytest.mark.parametrize("body", [b"", b"{}", b'{"cancellationReason":null}'])
def test_a_cancel_needs_no_reason(body: bytes) -> None:
    command = decoded(msgspec.structs.replace(payos_cancel("123"), body=body))
    assert isinstance(command, CancelOrder)
    assert command.reason == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signature": "0" * 64}, Reason.BAD_SIGNATURE),
        ({"cancellationReason": "another"}, Reason.BAD_SIGNATURE),
        ({"cancellationReason": "x" * 256}, Reason.MALFORMED),
        ({"cancellationReason": 5}, Reason.MALFORMED),
        ({"signature": 5}, Reason.MALFORMED),
    ],
)
def test_a_cancel_with_a_wrong_reason_or_signature_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    assert refused(changed(payos_cancel("123", "Doi y"), **changes)).reason is reason


@pytest.mark.parametrize("url", ["", "ftp://portal.test", "portal.test", None, 5, "https://a\nb"])
def test_a_webhook_address_that_is_none_is_refused(url: Any) -> None:
    assert refused(payos_confirm_webhook(url)).reason is Reason.MALFORMED


def test_a_confirmed_webhook_is_answered_with_the_account() -> None:
    body = shown(CONFIRM, payos_confirm_webhook("https://portal.test/w"), payment())
    assert body["data"]["webhookUrl"] == "https://portal.test/w"
    assert body["data"]["accountNumber"] == "0123499999"


def test_the_probe_is_a_rightly_signed_webhook_of_an_unknown_order() -> None:
    """payos-webhook-signature, P1: the documents' example, to our own account and at the present time."""
    command = decoded(payos_confirm_webhook("https://portal.test/w"))
    sent = payos.probe_request(command, PAID_AT)
    body = json.loads(sent.body)
    assert (sent.method, sent.url, body["code"], body["success"]) == ("POST", "https://portal.test/w", "00", True)
    own = {"accountNumber": "0123499999", "transactionDateTime": "2023-02-04 18:25:00"}
    assert body["data"] == VECTORS["data"]["fields"] | own
    assert truly_signed(body)


@pytest.mark.parametrize("status", [0, 199, 200, 204, 299, 302, 404, 500])
def test_a_probe_wants_2xx(status: int) -> None:
    """payos-clients#webhook."""
    command = decoded(payos_confirm_webhook("https://portal.test/w"))
    if 200 <= status < 300:
        payos.probed(Answer(status), command)
        return
    with pytest.raises(Refusal) as caught:
        payos.probed(Answer(status), command)
    response = CONFIRM.encode(payos_confirm_webhook("https://portal.test/w"), None, caught.value)
    assert (response.status, json.loads(response.body)["code"]) == (400, "20")


@pytest.mark.parametrize("invoice", [5, "yes", [], {"taxPercentage": 7}, {"taxPercentage": "10"}])
def test_an_invoice_in_another_form_is_refused(invoice: object) -> None:
    """payos-clients#invoice."""
    assert refused(create(invoice=invoice)).reason is Reason.MALFORMED


@pytest.mark.parametrize("tax", [None, -2, -1, 0, 5, 10])
def test_an_invoice_is_wanted_for_a_buyer(tax: int | None) -> None:
    wanted = order(invoice={"taxPercentage": tax, "buyerNotGetInvoice": False}, buyerName="Nguyễn Văn A")
    assert (wanted.wire["invoice"], wanted.wire["buyer"]) == ("wanted", "Nguyễn Văn A")
    assert order(invoice={}, buyerName="A", buyerCompanyName="Công ty B").wire["buyer"] == "Công ty B"
    assert "invoice" not in order().wire


@pytest.mark.parametrize("state", State)
def test_only_a_paid_link_that_wanted_an_invoice_has_one(state: State) -> None:
    wanting = payment(state, order=order(invoice={}))
    listed = shown(INVOICES, payos_invoices("123"), wanting)
    assert truly_signed(listed)
    collected = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    assert len(listed["data"]["invoices"]) == (1 if collected else 0)
    assert shown(INVOICES, payos_invoices("123"), payment(state))["data"] == {"invoices": []}


# --- answers -----------------------------------------------------------------------------------------------------

EXPECTED_STATUSES = {
    **{State.PENDING: "PENDING", State.PAID: "PAID", State.PARTLY_REFUNDED: "PAID", State.REFUNDED: "PAID"},
    **{State.FAILED: "FAILED", State.REVERSED: "FAILED", State.SUSPECTED: "PROCESSING"},
    **{State.CANCELLED: "CANCELLED", State.EXPIRED: "EXPIRED"},
}


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_status_and_a_signed_envelope(state: State) -> None:
    for endpoint, request in ((CREATE, create()), (GET, payos_get("123", START)), (CANCEL, payos_cancel("123"))):
        envelope = shown(endpoint, request, payment(state))
        assert envelope["data"]["status"] == EXPECTED_STATUSES[state]
        assert truly_signed(envelope)


@pytest.mark.parametrize(
    ("paid", "status", "remaining"), [(2_999, "UNDERPAID", 1), (3_000, "PAID", 0), (3_001, "PAID", 0)]
)
def test_what_was_paid_is_told_beside_what_was_asked(paid: int, status: str, remaining: int) -> None:
    data = shown(GET, payos_get("123", START), payment(amount_vnd=paid))["data"]
    assert (data["amount"], data["amountPaid"], data["amountRemaining"]) == (3_000, paid, remaining)
    assert data["status"] == status
    (transaction,) = data["transactions"]
    assert (transaction["amount"], transaction["reference"]) == (paid, "TF230204212323")
    assert told(amount_vnd=paid)["data"]["amount"] == paid


def test_nothing_is_paid_before_it_is() -> None:
    data = shown(GET, payos_get("123", START), payment(State.PENDING))["data"]
    assert (data["amountPaid"], data["amountRemaining"], data["transactions"]) == (0, 3_000, [])


def test_a_payment_of_which_the_bank_is_not_sure_is_processing() -> None:
    data = shown(GET, payos_get("123", START), payment(State.PENDING, outcome=Outcome.UNKNOWN))["data"]
    assert data["status"] == "PROCESSING"


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_a_code_and_no_signature(reason: Reason) -> None:
    body = shown(CREATE, create(), Refusal(reason, "why"))
    codes = {Reason.UNKNOWN_MERCHANT: "401", Reason.BAD_SIGNATURE: "201", Reason.DUPLICATE_ORDER: "231"}
    assert body["code"] == codes.get(reason, "20")
    assert body["desc"]
    assert (body["data"], body["signature"]) == (None, None)


@pytest.mark.parametrize("state", State)
def test_only_collected_money_is_a_success(state: State) -> None:
    body = told(state)
    assert body["success"] == (EXPECTED_STATUSES[state] == "PAID")
    assert body["code"] == body["data"]["code"] == ("00" if body["success"] else "01")
    assert truly_signed(body)


# --- return ------------------------------------------------------------------------------------------------------


def test_a_paid_browser_goes_to_the_return_url_unsigned() -> None:
    url = urlsplit(return_url(payment(), MERCHANT))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "http://portal.test/return"
    assert dict(parse_qsl(url.query)) == {
        "code": "00",
        "id": LINK_ID,
        "cancel": "false",
        "status": "PAID",
        "orderCode": "123",
    }


def test_a_payer_who_gave_up_goes_to_the_cancel_url() -> None:
    url = urlsplit(return_url(payment(State.CANCELLED), MERCHANT))
    assert url.path == "/cancel"
    found = parse_qs(url.query)
    assert (found["a"], found["cancel"], found["status"]) == (["1"], ["true"], ["CANCELLED"])


@pytest.mark.parametrize("state", [each for each in State if each is not State.CANCELLED])
def test_all_others_go_to_the_return_url(state: State) -> None:
    url = urlsplit(return_url(payment(state), MERCHANT))
    assert url.path == "/return"
    assert parse_qs(url.query)["status"] == [EXPECTED_STATUSES[state]]


# --- acknowledgement ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "done"), [(200, True), (201, True), (204, True), (299, True), (0, False), (199, False), (300, False)]
    + [(each, False) for each in (302, 400, 401, 404, 500, 503)],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"OK", b'{"success":false}', b"\xff"])
def test_any_2xx_acknowledges_whatever_its_body(status: int, done: bool, body: bytes) -> None:
    answer = Answer(status, (), body, "" if status else "timed out")
    assert acknowledged(answer, Notice(payment=payment(), merchant=MERCHANT, now=PAID_AT)).done is done


# --- links -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Desk:
    world: World

    async def asks(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((await ask(self.world, "payos", request)).response.body)
        return body

    async def link(self) -> dict[str, Any]:
        return dict((await self.asks(create()))["data"])

    async def happens(self, event: Event, amount_vnd: int | None = None) -> None:
        (payment,) = await self.world.store.payments(self.world.name)
        await act(self.world, payment.payment_id, event, amount_vnd=amount_vnd)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with worlds_in(tmp_path) as worlds:
        yield Desk(await worlds.create("ci", seed="1", clock_at=START, merchants=(MERCHANT,)))


async def test_a_link_has_a_page_and_a_code_to_scan(desk: Desk) -> None:
    data = await desk.link()
    assert data["checkoutUrl"] == f"http://banksim.test/s/ci/pay/{data['paymentLinkId']}"
    code = qr.parse(data["qrCode"])
    assert (code.bank_bin, code.beneficiary, code.service) == ("970436", "0123499999", qr.TO_ACCOUNT)
    assert (code.amount_vnd, code.purpose, code.reference) == (18_060, "HS0001", "123")
    assert (data["amount"], data["status"], data["expiredAt"]) == (18_060, "PENDING", None)


async def test_a_link_is_found_by_its_id_and_by_its_order_code(desk: Desk) -> None:
    link = await desk.link()
    by_code = await desk.asks(payos_get("123", START))
    by_id = await desk.asks(Request("GET", f"{LINKS}/{link['paymentLinkId']}", headers=HEADERS))
    assert by_code["data"] == by_id["data"]
    assert by_id["data"]["createdAt"] == "2026-11-22T10:00:00+07:00"


async def test_an_unknown_link_is_refused(desk: Desk) -> None:
    await desk.link()
    for request in (payos_get("124", START), Request("GET", f"{LINKS}/{'0' * 32}", headers=HEADERS)):
        assert (await desk.asks(request))["code"] == "20"
        assert (await desk.asks(payos_cancel(request.path.rpartition("/")[2])))["code"] == "20"


async def test_a_repeated_create_is_231_every_time_and_changes_nothing(desk: Desk) -> None:
    link = await desk.link()
    for _ in range(3):
        again = await desk.asks(create())
        assert (again["code"], again["desc"]) == ("231", "Đơn thanh toán đã tồn tại")
    (kept,) = await desk.world.store.payments(desk.world.name)
    assert kept.payment_id == link["paymentLinkId"]


async def test_a_cancelled_link_keeps_its_reason_and_cannot_be_cancelled_again(desk: Desk) -> None:
    await desk.link()
    cancelled = await desk.asks(payos_cancel("123", "Đổi ý"))
    assert cancelled["data"]["status"] == "CANCELLED"
    found = (await desk.asks(payos_get("123", START)))["data"]
    assert (found["cancellationReason"], found["canceledAt"]) == ("Đổi ý", "2026-11-22T10:00:00+07:00")
    assert (await desk.asks(payos_cancel("123")))["code"] == "20"


async def test_a_paid_link_cannot_be_cancelled(desk: Desk) -> None:
    await desk.link()
    await desk.happens(Event.APPROVE)
    assert (await desk.asks(payos_cancel("123")))["desc"] == "Đơn thanh toán đã được thanh toán"
    assert (await desk.asks(payos_get("123", START)))["data"]["status"] == "PAID"


async def test_money_after_the_end_of_a_link_still_counts(desk: Desk) -> None:
    await desk.link()
    await desk.happens(Event.EXPIRE)
    assert (await desk.asks(payos_get("123", START)))["data"]["status"] == "EXPIRED"
    await desk.happens(Event.APPROVE_LATE, 18_000)
    found = (await desk.asks(payos_get("123", START)))["data"]
    assert (found["status"], found["amountRemaining"]) == ("UNDERPAID", 60)


async def test_a_link_that_had_already_expired_is_not_made(desk: Desk) -> None:
    assert (await desk.asks(create(expiredAt=int(START.timestamp()))))["code"] == "20"
    later = int(START.timestamp()) + 60
    assert (await desk.asks(create(expiredAt=later)))["data"]["expiredAt"] == later


async def test_only_a_paid_link_is_told_and_until_it_is_acknowledged(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        statuses = iter([500, 404, 204])
        portal.answer = lambda method, path, body: web.Response(status=next(statuses))
        merchant = msgspec.structs.replace(MERCHANT, callback_url=f"{portal.url}/webhook")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))
        for code, event in (("1", Event.DECLINE), ("2", Event.CANCEL), ("3", Event.EXPIRE), ("4", Event.APPROVE)):
            await ask(world, "payos", payos_create(code, 18_060, START))
            (made,) = await world.store.payments(world.name, order_ref=code)
            await act(world, made.payment_id, event)
        await courier.advance(world, START + timedelta(days=1))
        bodies = [json.loads(body) for _, _, body in portal.requests]
        assert [each["data"]["orderCode"] for each in bodies] == [4, 4, 4]
        assert bodies[0] == bodies[1] == bodies[2]


async def test_an_invoice_is_a_file_of_its_own_link_alone(desk: Desk) -> None:
    await desk.asks(create(invoice={}, buyerName="Nguyễn Văn A"))
    assert (await desk.asks(payos_invoices("123")))["data"] == {"invoices": []}
    assert (await desk.asks(payos_invoices("123", "0" * 32)))["code"] == "20"
    await desk.happens(Event.APPROVE)
    [invoice] = (await desk.asks(payos_invoices("123")))["data"]["invoices"]
    assert list(invoice) == [
        *("invoiceId", "invoiceNumber", "issuedTimestamp", "issuedDatetime", "transactionId", "reservationCode"),
        "codeOfTax",
    ]
    assert (invoice["issuedTimestamp"], invoice["issuedDatetime"]) == (1795316400, "2026-11-22T10:00:00+07:00")
    response = (await ask(desk.world, "payos", payos_invoices("123", invoice["invoiceId"]))).response
    assert (response.status, dict(response.headers)["content-type"]) == (200, "application/pdf")
    assert response.body.startswith(b"%PDF-")
    assert f"invoice-{invoice['invoiceNumber']}.pdf" in dict(response.headers)["content-disposition"]
    assert (await desk.asks(payos_invoices("123", "0" * 32)))["code"] == "20"
    assert (await desk.asks(payos_invoices("124", invoice["invoiceId"])))["code"] == "20"


@pytest.mark.parametrize(("status", "code"), [(204, "00"), (404, "20")])
async def test_a_webhook_address_is_called_before_it_is_confirmed(desk: Desk, status: int, code: str) -> None:
    async with connector() as portal:
        portal.answer = lambda method, path, body: web.Response(status=status)
        request = payos_confirm_webhook(f"{portal.url}/hook")

        async def send(outgoing: Outgoing, timeout_s: float) -> Answer:
            assert timeout_s == 30
            return await caller.call(outgoing, timeout_s)

        caller = Caller()
        served = await serve(desk.world, DIALECT, *endpoint_of(DIALECT, request), send)
        await caller.close()
        assert json.loads(served.response.body)["code"] == code
        [(method, path, body)] = portal.requests
        assert (method, path, json.loads(body)["data"]["orderCode"]) == ("POST", "/hook", 123)
        kept = [each for _, each in await desk.world.store.exchanges(desk.world.name) if each.operation == "probe"]
        assert [(each.direction, each.status) for each in kept] == [("out", status)]


# --- whatever comes ----------------------------------------------------------------------------------------------


def understood(request: Request) -> Create | Refusal:
    try:
        command = CREATE.decode(request, merchants)
    except Refusal as refusal:
        return refusal
    assert isinstance(command, Create)
    return command


NAMES = st.sampled_from([*payos.CREATE_SIGNED, "expiredAt", "items", "signature"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(changes=st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=2), max_size=4))
def test_any_value_of_any_type_is_understood_or_refused_even_when_signed(changes: dict[str, Any]) -> None:
    try:
        request = create(**changes)
    except UnicodeEncodeError:
        return
    command = understood(request)
    if isinstance(command, Refusal):
        assert json.loads(CREATE.encode(request, None, command).body)["code"] in ("20", "201")
        return
    made = payment(State.PENDING, order=command.order, amount_vnd=command.order.amount_vnd)
    assert truly_signed(shown(CREATE, request, made))


@given(description=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=25))
def test_any_description_that_is_taken_is_drawn_and_told(description: str) -> None:
    command = understood(create(description=description))
    if isinstance(command, Refusal):
        assert command.reason is Reason.MALFORMED
        assert not description.isprintable()
        return
    made = payment(order=command.order)
    assert qr.parse(qr_text(made, MERCHANT)).reference == "123"
    assert truly_signed(told(order=command.order))
    assert made.order.channel is Channel.QR
