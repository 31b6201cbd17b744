"""Facts about SePay's payment gateway."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from simulator import qr
from simulator.bank import Served, act
from simulator.banks.sepay_gateway import (
    DIALECT,
    DOCUMENTED,
    ORDER_STATUSES,
    REFUSALS,
    acknowledged,
    callback,
    order_id,
    qr_text,
    return_url,
    settles_at,
    signature,
)
from simulator.delivery import Courier
from simulator.dialect import CancelOrder, Create, Notice, Query, RefundOrder
from simulator.merchants import default_merchants
from simulator.outbox import DeliveryState
from simulator.payment import COLLECTED, Channel, Event, Merchant, Order, Payment, Reason, Refund, Refusal, State
from simulator.wire import Answer, Request, Response
from simulator.world import World
from tests.samples.sepay_gateway import (
    HEADERS,
    MERCHANT_CODE,
    SECRET_KEY,
    gateway_asked,
    gateway_create,
    gateway_detail,
    gateway_fields,
    gateway_form,
    signed,
)
from tests.worlds import START, Connector, ask, connector, courier_of, endpoint_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "sepay_gateway" / "signatures.json"
VECTORS = json.loads(VECTOR_FILE.read_text())
MERCHANT = next(each for each in default_merchants() if each.bank == "sepay_gateway")
VECTOR_MERCHANT = msgspec.structs.replace(MERCHANT, merchant_code="SP-TEST")
PAID_AT = datetime(2025, 8, 28, 8, 43, 41, tzinfo=UTC)
"""15:43:41 on a Thursday in Vietnam."""


def merchants(code: str) -> Merchant | None:
    return {MERCHANT_CODE: MERCHANT, "SP-TEST": VECTOR_MERCHANT}.get(code)


def decoded(request: Request) -> Create | Query | CancelOrder | RefundOrder:
    endpoint, request = endpoint_of(DIALECT, request)
    command = endpoint.decode(request, merchants)
    assert isinstance(command, Create | Query | CancelOrder | RefundOrder)
    return command


def created(fields: dict[str, str]) -> Create:
    command = decoded(gateway_form(fields))
    assert isinstance(command, Create)
    return command


def refused(request: Request) -> Reason:
    endpoint, request = endpoint_of(DIALECT, request)
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, merchants)
    return caught.value.reason


def answered(body: bytes) -> Response | None:
    """The refusal of a form; None if it is understood."""
    endpoint = DIALECT.endpoints[0]
    request = Request("POST", endpoint.path, body=body)
    try:
        endpoint.decode(request, merchants)
    except Refusal as refusal:
        return endpoint.encode(request, None, refusal)
    return None


def form_refused(**changes: str) -> Reason:
    return refused(gateway_create("HS0001", 18_060, START, **changes))


def payment(state: State = State.PAID, channel: Channel = Channel.QR, **changes: Any) -> Payment:
    made = Payment(
        payment_id="68ba83ce637c1" + "0" * 19,
        bank="sepay_gateway",
        merchant_code=MERCHANT_CODE,
        order=Order(
            order_ref="HS0001",
            order_key="HS0001",
            amount_vnd=18_060,
            description="Nop le phi HS0001",
            return_url="https://dvc.vn/ok",
            wire={"error_url": "https://dvc.vn/err", "cancel_url": "https://dvc.vn/cancel"},
        ),
        amount_vnd=18_060,
        bank_ref="68ba94ac80123",
        created_at=PAID_AT - timedelta(minutes=2),
        state=state,
        settled_at=None if state is State.PENDING else PAID_AT,
        channel=channel,
    )
    return msgspec.structs.replace(made, **changes)


def sent(told: Payment, to: Merchant = MERCHANT) -> tuple[dict[str, Any], dict[str, str]]:
    outgoing = callback(Notice(payment=told, merchant=to, now=PAID_AT))
    body: dict[str, Any] = json.loads(outgoing.body)
    return body, dict(outgoing.headers)


# --- the form ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['source']}-{vector['key']}")
def test_a_known_form_has_its_known_signature(vector: dict[str, Any]) -> None:
    """sepay-gateway-form, G1; sepay-clients, G2 and G3."""
    assert signature(vector["fields"], vector["secret_key"]) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["key"]))
def test_a_known_form_is_understood_in_the_order_in_which_it_is_posted(vector: dict[str, Any]) -> None:
    command = created({**vector["fields"], "signature": vector["signature"]})
    assert (command.order.order_ref, command.order.amount_vnd) == ("HS0001", 18_060)
    assert command.order.channel is Channel.QR
    assert command.warnings == ()


@pytest.mark.parametrize("vector", VECTORS[:2], ids=lambda vector: str(vector["key"]))
def test_a_form_signed_in_the_documents_order_may_be_posted_in_another(vector: dict[str, Any]) -> None:
    """sepay-clients: the Python package signs in a fixed order and posts in one of its own."""
    names = sorted(vector["fields"])
    command = created({name: vector["fields"][name] for name in names} | {"signature": vector["signature"]})
    assert command.warnings == ("the signature is in the documents' order, the form is not",)


def test_a_form_in_the_order_of_an_object_is_not_to_be_reordered() -> None:
    vector = VECTORS[2]
    names = sorted(vector["fields"])
    fields = {name: vector["fields"][name] for name in names} | {"signature": vector["signature"]}
    assert refused(gateway_form(fields)) is Reason.BAD_SIGNATURE


def test_only_the_named_fields_are_signed() -> None:
    fields = gateway_fields("HS0001", 18_060)
    command = created({"custom_data": "a=1,b=2", "order_tax_amount": "0", **fields, "new_field": "x"})
    assert command.order.wire["custom_data"] == "a=1,b=2"


@pytest.mark.parametrize("name", [*DOCUMENTED, "env", "order_id", "agreement_type"])
def test_no_signed_field_can_be_changed_or_added(name: str) -> None:
    fields = gateway_fields("HS0001", 18_060, payment_method="CARD", customer_id="C1")
    changes = {"order_amount": "18061", "currency": "USD", "operation": "VERIFY", "merchant": "SP-TEST"}
    changed = {**fields, name: changes.get(name, "https://dvc.vn/other" if name.endswith("_url") else "BANK_TRANSFER")}
    assert refused(gateway_form(changed)) is Reason.BAD_SIGNATURE


def test_the_signature_is_that_of_bytes_and_base64_keeps_its_case() -> None:
    fields = gateway_fields("HS0001", 18_060, order_description="Nộp lệ phí (Đ), a=b")
    assert created(fields).order.description == "Nộp lệ phí (Đ), a=b"
    assert refused(gateway_form({**fields, "signature": fields["signature"].swapcase()})) is Reason.BAD_SIGNATURE
    hexed = base64.b64decode(fields["signature"]).hex()
    assert refused(gateway_form({**fields, "signature": hexed})) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "name",
    [
        *("merchant", "operation", "order_amount", "currency", "order_invoice_number", "order_description"),
        "signature",
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_demanded_must_be_there(name: str, value: str | None) -> None:
    fields: dict[str, str] = {**gateway_fields("HS0001", 18_060)}
    del fields[name]
    assert refused(gateway_form(fields if value is None else {**fields, name: value})) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"merchant": "NOBODY"}, Reason.UNKNOWN_MERCHANT),
        ({"operation": "VERIFY"}, Reason.UNKNOWN_COMMAND),
        ({"operation": "REFUND"}, Reason.MALFORMED),
        ({"currency": "USD"}, Reason.INVALID_CURRENCY),
        ({"order_amount": "0"}, Reason.INVALID_AMOUNT),
        ({"order_amount": "-1"}, Reason.MALFORMED),
        ({"order_amount": "18060.5"}, Reason.MALFORMED),
        ({"order_amount": "1" * 16}, Reason.MALFORMED),
        ({"order_amount": "١٨٠٦٠"}, Reason.MALFORMED),
        ({"payment_method": "CASH"}, Reason.MALFORMED),
        ({"success_url": "javascript:alert(1)"}, Reason.MALFORMED),
        ({"error_url": "//dvc.vn"}, Reason.MALFORMED),
        ({"cancel_url": "https://dvc.vn/\r\nx"}, Reason.MALFORMED),
        ({"order_invoice_number": "HS 1"}, Reason.MALFORMED),
        ({"order_invoice_number": "H" * 101}, Reason.MALFORMED),
        ({"order_description": "a\x00b"}, Reason.MALFORMED),
        ({"order_description": "x" * 501}, Reason.MALFORMED),
        ({"customer_id": "x" * 1001}, Reason.MALFORMED),
        ({"custom_data": "\x00"}, Reason.MALFORMED),
    ],
)
def test_what_no_form_may_say_is_refused(changes: dict[str, str], reason: Reason) -> None:
    assert form_refused(**changes) is reason


@pytest.mark.parametrize("body", [b"merchant=SP-GATEWAY&merchant=SP-TEST", b"merchant=%ff", b"{}", b""])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    assert refused(Request("POST", "/v1/checkout/init", body=body)) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("method", "channel"),
    [("CARD", Channel.CARD), ("BANK_TRANSFER", Channel.QR), ("NAPAS_BANK_TRANSFER", Channel.QR), ("", None)],
)
def test_a_payment_method_is_a_channel(method: str, channel: Channel | None) -> None:
    assert created(gateway_fields("HS0001", 1, payment_method=method)).order.channel is channel


def test_no_address_is_demanded() -> None:
    command = created(gateway_fields("HS0001", 1, success_url="", error_url="", cancel_url=""))
    assert command.order.return_url == ""
    assert return_url(payment(order=command.order), MERCHANT) == ""


@given(
    fields=st.dictionaries(st.sampled_from([*DOCUMENTED, "signature", "x"]), st.text(max_size=40), max_size=14),
    raw=st.binary(max_size=200),
)
def test_any_form_is_understood_or_refused(fields: dict[str, str], raw: bytes) -> None:
    for body in (raw, urlencode(fields).encode("utf-8", "surrogatepass")):
        answer = answered(body)
        assert answer is None or (
            answer.status in {status for status, _ in REFUSALS.values()}
            and list(json.loads(answer.body)) == ["message"]
        )


# --- the API -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Basic " + base64.b64encode(b"SP-GATEWAY:wrong").decode(),
        "Basic " + base64.b64encode(b"SP-GATEWAY").decode(),
        "Basic " + base64.b64encode(b"NOBODY:spsk_test_0123456789").decode(),
        HEADERS["authorization"].replace("Basic", "Bearer"),
        "Basic ỷ",
    ],
)
def test_only_the_merchants_own_credentials_open_the_api(authorization: str) -> None:
    headers = {**HEADERS, "authorization": authorization}
    for request in (gateway_detail("HS0001", START), gateway_asked("cancel", "HS0001")):
        assert refused(msgspec.structs.replace(request, headers=headers)) is Reason.UNKNOWN_MERCHANT


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"order_invoice_number":1}', b'{"order_invoice_number":"HS\\u0000"}', b"[" * 99_999]
)
@pytest.mark.parametrize("what", ["cancel", "voidTransaction"])
def test_an_order_must_be_named(what: str, body: bytes) -> None:
    request = msgspec.structs.replace(gateway_asked(what, "HS0001"), body=body)
    assert refused(request) is Reason.MALFORMED


@pytest.mark.parametrize("path", ["/v1/order/detail/", "/v1/orders/"])
def test_an_order_has_two_names(path: str) -> None:
    """sepay-gateway-api#detail by order_id; sepay-clients by the invoice number."""
    by_invoice = decoded(Request("GET", f"{path}HS0001", headers=HEADERS))
    by_id = decoded(Request("GET", f"{path}SEPAY-68BA83CE637C1", headers=HEADERS))
    assert isinstance(by_invoice, Query)
    assert isinstance(by_id, Query)
    assert (by_invoice.order_key, by_invoice.name) == ("HS0001", "")
    assert (by_id.order_key, by_id.name) == ("", "SEPAY-68BA83CE637C1")
    assert DIALECT.names(payment()) == ("SEPAY-68BA83CE637C1",)


def test_a_name_of_no_order_is_an_unknown_order() -> None:
    assert refused(gateway_detail("HS%00", START)) is Reason.UNKNOWN_ORDER


@pytest.mark.parametrize(
    ("paid_at", "settles"),
    [
        # sepay-gateway-api#void: Tuesday 15:30 and 17:00, Friday after 16:00; in Vietnam.
        ("2025-09-02T15:30", "2025-09-03T00:00"),
        ("2025-09-02T15:59", "2025-09-03T00:00"),
        ("2025-09-02T16:00", "2025-09-04T00:00"),
        ("2025-09-02T17:00", "2025-09-04T00:00"),
        ("2025-09-05T15:00", "2025-09-08T00:00"),
        ("2025-09-05T17:00", "2025-09-09T00:00"),
        ("2025-09-06T09:00", "2025-09-08T00:00"),
    ],
)
def test_money_is_settled_on_working_days(paid_at: str, settles: str) -> None:
    assert settles_at(datetime.fromisoformat(f"{paid_at}+07:00")) == datetime.fromisoformat(f"{settles}+07:00")


# --- IPN and return ----------------------------------------------------------------------------------------------


def test_an_ipn_has_the_documents_fields() -> None:
    """sepay-gateway-ipn, the example."""
    body, headers = sent(payment(channel=Channel.CARD, payer_account="5123450000000008"))
    assert list(body) == ["timestamp", "notification_type", "order", "transaction", "customer"]
    assert (body["timestamp"], body["notification_type"]) == (int(PAID_AT.timestamp()), "ORDER_PAID")
    assert body["order"] == {
        "id": "68ba83ce-637c-1000-0000-000000000000",
        "order_id": "SEPAY-68BA83CE637C1",
        "order_status": "CAPTURED",
        "order_currency": "VND",
        "order_amount": "18060.00",
        "order_invoice_number": "HS0001",
        "custom_data": [],
        "user_agent": "",
        "ip_address": "",
        "order_description": "Nop le phi HS0001",
    }
    transaction = body["transaction"]
    assert (transaction["payment_method"], transaction["card_number"]) == ("CARD", "512345******0008")
    assert (transaction["card_brand"], transaction["authentication_status"]) == (
        "MASTERCARD",
        "AUTHENTICATION_SUCCESSFUL",
    )
    assert (transaction["transaction_status"], transaction["transaction_amount"]) == ("APPROVED", "18060")
    assert (transaction["transaction_id"], transaction["transaction_date"]) == ("68ba94ac80123", "2025-08-28 15:43:41")
    assert headers["x-secret-key"] == SECRET_KEY


def test_a_transfer_has_no_card() -> None:
    transaction = sent(payment(payer_account="9704360000000000"))[0]["transaction"]
    assert transaction["payment_method"] == "BANK_TRANSFER"
    assert {transaction[name] for name in transaction if name.startswith(("card_", "authentication"))} == {None}


def test_the_key_is_in_the_header_only_if_the_merchant_wants_it() -> None:
    none = msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, "auth": "none"})
    assert "x-secret-key" not in sent(payment(), none)[1]


def test_a_customer_and_custom_data_come_back() -> None:
    order = created(gateway_fields("HS0001", 18_060, customer_id="C1", custom_data='{"a":1}')).order
    body = sent(payment(order=order))[0]
    assert body["customer"]["customer_id"] == "C1"
    assert body["order"]["custom_data"] == '{"a":1}'
    assert sent(payment())[0]["customer"] is None


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_kind_and_statuses(state: State) -> None:
    body = sent(payment(state))[0]
    voided = state in (State.REFUNDED, State.REVERSED)
    kind = "TRANSACTION_VOID" if voided else "ORDER_PAID" if state in COLLECTED else "ORDER_FAILED"
    assert body["notification_type"] == kind
    assert body["order"]["order_status"] == ORDER_STATUSES[state]
    approved = "VOIDED" if voided else "APPROVED" if state in COLLECTED else "DECLINED"
    assert body["transaction"]["transaction_status"] == approved


@pytest.mark.parametrize("status", [0, 200, 201, 204, 302, 400, 500])
@pytest.mark.parametrize("body", [b"", b'{"success":false}', b"OK"])
def test_status_200_alone_acknowledges(status: int, body: bytes) -> None:
    """sepay-gateway-ipn."""
    assert acknowledged(Answer(status, (), body), Notice(payment=payment(), merchant=MERCHANT, now=PAID_AT)).done is (
        status == 200
    )


@pytest.mark.parametrize("state", State)
def test_each_end_has_its_own_address(state: State) -> None:
    """sepay-gateway-form: success, error, cancel."""
    end = "ok" if state in COLLECTED else "cancel" if state is State.CANCELLED else "err"
    assert return_url(payment(state), MERCHANT) == f"https://dvc.vn/{end}"


@pytest.mark.parametrize(("amount_vnd", "named"), [(18_060, 18_060), (500_000_000, None)])
def test_the_code_to_be_scanned_names_the_order(amount_vnd: int, named: int | None) -> None:
    code = qr.parse(qr_text(payment(amount_vnd=amount_vnd), MERCHANT))
    assert (code.bank_bin, code.beneficiary, code.amount_vnd) == ("970415", "0123499991", named)
    assert code.purpose == "SEPAY-68BA83CE637C1"


def test_the_banks_number_looks_as_documented() -> None:
    number = DIALECT.bank_ref(Random(1), PAID_AT)
    assert len(number) == 13
    assert int(number, 16)


# --- orders ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    courier: Courier
    portal: Connector

    async def said(self, request: Request) -> tuple[int, dict[str, Any]]:
        served: Served = await ask(self.world, "sepay_gateway", request)
        return served.response.status, json.loads(served.response.body)

    async def order(self, ref: str = "HS0001", **changes: str) -> Payment:
        served = await ask(self.world, "sepay_gateway", gateway_create(ref, 18_060, START, **changes))
        assert served.response.status == 302
        (made,) = await self.world.store.payments(self.world.name, order_ref=ref)
        assert dict(served.response.headers)["location"] == self.world.page_url(made.payment_id)
        return made

    async def paid(self, method: str) -> Payment:
        made = await self.order(payment_method=method)
        return await act(self.world, made.payment_id, Event.APPROVE)

    async def told(self) -> list[dict[str, Any]]:
        await self.courier.run_due(self.world)
        return [json.loads(body) for _, _, body in self.portal.requests]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: web.Response(status=200)
        told = msgspec.structs.replace(MERCHANT, callback_url=f"{portal.url}/ipn")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(told,))
        yield Stage(world, courier, portal)


async def test_a_reloaded_form_leads_to_the_same_page(stage: Stage) -> None:
    assert await stage.order() == await stage.order()


async def test_another_form_of_the_same_invoice_is_refused(stage: Stage) -> None:
    await stage.order()
    assert await stage.said(gateway_create("HS0001", 1, START)) == (409, {"message": "Mã hóa đơn đã tồn tại"})


async def test_a_waiting_order_and_a_paid_one_in_detail(stage: Stage) -> None:
    made = await stage.order(payment_method="BANK_TRANSFER")
    status, waiting = await stage.said(gateway_detail("HS0001", START))
    assert (status, list(waiting)) == (200, ["data"])
    assert (waiting["data"]["order_status"], waiting["data"]["transactions"]) == ("AUTHENTICATION_NOT_NEEDED", [])
    await act(stage.world, made.payment_id, Event.APPROVE)
    _, paid = await stage.said(gateway_detail(order_id(made), START))
    assert (paid["data"]["order_status"], paid["data"]["order_amount"]) == ("CAPTURED", "18060.00")
    (transaction,) = paid["data"]["transactions"]
    assert (transaction["transaction_status"], transaction["transaction_amount"]) == ("APPROVED", "18060")
    assert await stage.said(gateway_detail("HS0002", START)) == (404, {"message": "Không tìm thấy đơn hàng"})


async def test_a_waiting_transfer_is_cancelled_once(stage: Stage) -> None:
    """sepay-gateway-api#cancel."""
    await stage.order(payment_method="BANK_TRANSFER")
    assert await stage.said(gateway_asked("cancel", "HS0001")) == (200, {"message": "Đã hủy đơn hàng thành công"})
    assert (await stage.said(gateway_asked("cancel", "HS0001")))[0] == 400
    assert (await stage.said(gateway_detail("HS0001", START)))[1]["data"]["order_status"] == "CANCELLED"
    assert await stage.told() == []


@pytest.mark.parametrize("method", ["CARD", "BANK_TRANSFER"])
async def test_neither_a_card_order_nor_a_paid_one_is_cancelled(stage: Stage, method: str) -> None:
    made = await stage.order(payment_method=method)
    if method != "CARD":
        await act(stage.world, made.payment_id, Event.APPROVE)
    assert (await stage.said(gateway_asked("cancel", "HS0001")))[0] == 400


async def test_a_card_payment_is_voided_before_settlement(stage: Stage) -> None:
    """sepay-gateway-api#void."""
    await stage.paid("CARD")
    done = await stage.said(gateway_asked("voidTransaction", "HS0001"))
    assert done == (200, {"message": "Đã hủy giao dịch thành công"})
    assert [each["notification_type"] for each in await stage.told()] == ["ORDER_PAID", "TRANSACTION_VOID"]
    assert sum(entry.amount_vnd for entry in await stage.world.store.ledger(stage.world.name)) == 0
    again = await stage.said(gateway_asked("voidTransaction", "HS0001"))
    assert again[0] == 400
    assert sum(entry.amount_vnd for entry in await stage.world.store.ledger(stage.world.name)) == 0


async def test_a_settled_card_payment_is_not_voided(stage: Stage) -> None:
    paid = await stage.paid("CARD")
    await stage.courier.advance(stage.world, settles_at(paid.settled_at or START))
    assert await stage.said(gateway_asked("voidTransaction", "HS0001")) == (
        400,
        {"message": "Giao dịch đã quá thời điểm quyết toán"},
    )


@pytest.mark.parametrize("pays", [True, False])
async def test_neither_a_transfer_nor_an_unpaid_order_is_voided(stage: Stage, pays: bool) -> None:
    await (stage.paid("BANK_TRANSFER") if pays else stage.order(payment_method="CARD"))
    assert (await stage.said(gateway_asked("voidTransaction", "HS0001")))[0] == 400


async def test_an_ipn_is_tried_eight_times_and_is_the_same_each_time(stage: Stage) -> None:
    stage.portal.answer = lambda method, path, body: web.Response(status=500)
    await stage.paid("BANK_TRANSFER")
    await stage.courier.advance(stage.world, START + timedelta(hours=1))
    assert len(stage.portal.requests) == 8
    assert len({body for _, _, body in stage.portal.requests}) == 1
    (delivery,) = await stage.world.store.deliveries(stage.world.name)
    assert delivery.state is DeliveryState.EXHAUSTED


async def test_a_failed_order_is_told_to_nobody(stage: Stage) -> None:
    made = await stage.order()
    await act(stage.world, made.payment_id, Event.DECLINE)
    assert await stage.told() == []


def test_a_partly_refunded_order_stays_captured() -> None:
    refund = Refund(request_ref="1", amount_vnd=1, refunded_at=PAID_AT, bank_ref="1")
    assert sent(payment(State.PARTLY_REFUNDED, refunds=(refund,)))[0]["order"]["order_status"] == "CAPTURED"


def test_the_tests_own_signature_is_hmac_sha256() -> None:
    digest = hmac.digest(SECRET_KEY.encode(), b"a=1,b=", "sha256")
    assert (
        signed({"a": "1", "b": ""}) == base64.b64encode(digest).decode() == signature({"a": "1", "b": ""}, SECRET_KEY)
    )
