"""Facts about MoMo."""

import asyncio
import json
from datetime import timedelta
from hmac import digest
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from simulator.bank import act, returned
from simulator.banks import momo
from simulator.banks.momo import DIALECT, raw_string
from simulator.dialect import CancelOrder, Capture, Command, Create, Notice, Query, QueryRefund, RefundOrder
from simulator.faults import Fault, FaultKind
from simulator.merchants import default_merchants
from simulator.outbox import DeliveryState, Retry
from simulator.payment import COLLECTED, Channel, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request, Response
from simulator.world import World, Worlds
from tests.samples.momo import (
    ACCESS_KEY,
    MOMO_SECRET,
    momo_confirm,
    momo_create,
    momo_pos,
    momo_posted,
    momo_query,
    momo_refund,
    momo_refund_query,
    momo_signed,
    sealed_code,
)
from tests.worlds import START, ask, connector, courier_of, endpoint_of, served

VECTOR_FILE = Path(__file__).parents[1] / "fixtures" / "wire" / "momo" / "signatures.json"
VECTORS = {vector["key"]: vector for vector in json.loads(VECTOR_FILE.read_text("utf-8"))}
MERCHANT = next(each for each in default_merchants() if each.bank == "momo")
CALLED = replace(MERCHANT, callback_url="http://portal.test/callback")


def merchants(code: str) -> Merchant | None:
    return MERCHANT if code == "MOMO" else None


def decoded(request: Request) -> Command:
    endpoint, request = endpoint_of(DIALECT, request)
    return endpoint.decode(request, merchants)


def refused(request: Request) -> tuple[Refusal, Response]:
    endpoint, _ = endpoint_of(DIALECT, request)
    with pytest.raises(Refusal) as caught:
        decoded(request)
    return caught.value, endpoint.encode(request, None, caught.value)


def fields_of(response: Response) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def payment(state: State = State.PAID, outcome: Outcome | None = Outcome.SUCCESS, **changes: Any) -> Payment:
    command = decoded(momo_create("HS0001", 18_060, START))
    assert isinstance(command, Create)
    made = Payment(
        payment_id="0123abcd",
        bank="momo",
        merchant_code="MOMO",
        order=command.order,
        amount_vnd=18_060,
        bank_ref="4088878653",
        created_at=START,
        settled_at=START,
        state=state,
        outcome=outcome,
        channel=Channel.QR,
    )
    return replace(made, **changes)


def told(state: State = State.PAID, outcome: Outcome | None = Outcome.SUCCESS, **changes: Any) -> dict[str, Any]:
    """The notification of such a payment."""
    notice = Notice(payment=payment(state, outcome, **changes), merchant=CALLED, now=START)
    fields: dict[str, Any] = json.loads(DIALECT.callback(notice).body)
    return fields


def truly_signed(fields: dict[str, Any]) -> bool:
    unsigned = {name: value for name, value in fields.items() if name != "signature"}
    named = {"accessKey": ACCESS_KEY, **unsigned}
    raw = "&".join(f"{name}={named[name]}" for name in sorted(named))
    return bool(fields["signature"] == digest(MOMO_SECRET.encode(), raw.encode(), "sha256").hex())


# --- known answers: momo-aio-v2#signature -----------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(VECTORS))
def test_a_known_string_has_its_known_signature(key: str) -> None:
    vector = VECTORS[key]
    fields = dict(pair.split("=", 1) for pair in vector["string_to_sign"].split("&"))
    assert raw_string(vector["message"], fields) == vector["string_to_sign"]
    assert momo.hmac_sha256_hex(vector["secret"], vector["string_to_sign"].encode()) == vector["signature"]


@pytest.mark.parametrize(
    ("key", "path", "command"),
    [("M1", "create", Create), ("M2", "create", Create), ("M4", "query", Query), ("M5", "refund", RefundOrder)],
)
def test_a_known_request_is_understood(key: str, path: str, command: type[Command]) -> None:
    vector = VECTORS[key]
    fields = dict(pair.split("=", 1) for pair in vector["string_to_sign"].split("&"))
    body = json.dumps({**fields, "signature": vector["signature"]}).encode()
    assert type(decoded(Request("POST", f"/v2/gateway/api/{path}", body=body))) is command


def test_the_known_notification_is_written_with_its_known_signature() -> None:
    vector = VECTORS["M3"]
    known = dict(pair.split("=", 1) for pair in vector["string_to_sign"].split("&"))
    order = Order(
        order_ref=known["orderId"],
        order_key=known["orderId"],
        amount_vnd=18_060,
        description=known["orderInfo"],
        wire={"requestId": known["requestId"], "requestType": "captureWallet"},
    )
    settled_at = START.fromtimestamp(int(known["responseTime"]) / 1000, START.tzinfo)
    fields = told(order=order, settled_at=settled_at)
    assert fields["signature"] == vector["signature"]
    assert {name: str(value) for name, value in fields.items()} == {
        **{name: value for name, value in known.items() if name != "accessKey"},
        "signature": vector["signature"],
    }


# --- requests ---------------------------------------------------------------------------------------------------


def test_a_create_becomes_an_order() -> None:
    command = decoded(momo_create("HS0001", 18_060, START, lang="en", orderInfo="Nộp lệ phí hồ sơ Đ"))
    assert isinstance(command, Create)
    order = command.order
    assert (order.order_ref, order.order_key, order.amount_vnd) == ("HS0001", "HS0001", 18_060)
    assert (order.description, order.locale) == ("Nộp lệ phí hồ sơ Đ", "en")
    assert order.return_url == "http://portal.test/return/momo"
    assert command.warnings == ()


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("captureWallet", Channel.QR),
        ("payWithATM", Channel.CARD),
        ("payWithCC", Channel.CARD),
        ("payWithMethod", None),
    ],
)
def test_the_request_type_says_how_the_payer_pays(kind: str, channel: Channel | None) -> None:
    command = decoded(momo_create("HS0001", 18_060, START, requestType=kind))
    assert isinstance(command, Create)
    assert command.order.channel is channel


def test_an_amount_may_come_as_a_text_and_the_access_key_may_come_along() -> None:
    command = decoded(momo_create("HS0001", 18_060, START, amount="18060", accessKey=ACCESS_KEY))
    assert isinstance(command, Create)
    assert command.order.amount_vnd == 18_060


@pytest.mark.parametrize("name", momo.SIGNED["create"].split())
def test_changing_any_signed_field_of_a_create_is_noticed(name: str) -> None:
    fields = json.loads(momo_create("HS0001", 18_060, START).body)
    changed = {"amount": 18_061, "requestType": "payWithCC", "partnerCode": "MOMO2", "accessKey": "OTHER"}
    body = json.dumps({**fields, name: changed.get(name, f"{fields.get(name, '')}x")}).encode()
    refusal, response = refused(Request("POST", "/v2/gateway/api/create", body=body))
    stranger = name in ("partnerCode", "accessKey")
    assert refusal.reason is (Reason.UNKNOWN_MERCHANT if stranger else Reason.BAD_SIGNATURE)
    assert (fields_of(response)["resultCode"], response.status) == ((13, 200) if stranger else (20, 400))


@pytest.mark.parametrize("signature", ["", "0" * 64, VECTORS["M1"]["signature"].upper(), "ố"])
def test_a_missing_wrong_or_upper_case_signature_is_a_400_with_the_raw_string(signature: str) -> None:
    fields = {**json.loads(momo_create("HS0001", 18_060, START).body), "signature": signature}
    _, response = refused(Request("POST", "/v2/gateway/api/create", body=json.dumps(fields).encode()))
    answer = fields_of(response)
    assert (response.status, answer["resultCode"], answer["requestId"]) == (400, 20, "R-HS0001")
    (error,) = answer["subErrors"]
    assert error["field"] == "signature"
    assert f"accessKey={ACCESS_KEY}&amount=18060&extraData=&ipnUrl=" in error["message"]
    assert MOMO_SECRET not in response.body.decode()
    assert str(momo_signed(fields)["signature"]) not in response.body.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partnerCode", ""),
        ("partnerCode", "M" * 21),
        ("requestId", ""),
        ("requestId", "r" * 51),
        ("orderId", "h" * 51),
        ("orderId", "-HS"),
        ("orderId", "HS_"),
        ("orderId", "HS 1"),
        ("orderId", "a" * 49 + "!"),
        ("orderInfo", "x" * 201),
        ("orderInfo", "a\x00b"),
        ("redirectUrl", "javascript:alert(1)"),
        ("redirectUrl", "http://" + "x" * 200),
        ("ipnUrl", ""),
        ("amount", "18060.0"),
        ("amount", "-18060"),
        ("amount", "9" * 16),
        ("amount", 18060.5),
        ("amount", True),
        ("amount", None),
        ("extraData", "x" * 1001),
        ("requestType", ["captureWallet"]),
    ],
)
def test_what_is_too_long_missing_or_in_another_form_is_named(name: str, value: object) -> None:
    refusal, response = refused(momo_create("HS0001", 18_060, START, **{name: value}))
    assert refusal.reason is Reason.MALFORMED
    assert (response.status, fields_of(response)["subErrors"][0]["field"]) == (400, name)


@pytest.mark.parametrize("order_id", ["1", "a-b_c.d", "a--__..b", "x" * 50])
def test_an_order_number_may_have_marks_inside(order_id: str) -> None:
    command = decoded(momo_create(order_id, 18_060, START, requestId="R1"))
    assert isinstance(command, Create)
    assert command.order.order_ref == order_id


def test_another_request_type_is_refused() -> None:
    refusal, response = refused(momo_create("HS0001", 18_060, START, requestType="captureMoMoWallet"))
    assert refusal.reason is Reason.UNKNOWN_COMMAND
    assert fields_of(response)["subErrors"][0]["field"] == "requestType"


@pytest.mark.parametrize("amount_vnd", [0, 999, 50_000_001, 999_999_999_999_999])
def test_an_amount_out_of_range_is_22(amount_vnd: int) -> None:
    for request in (momo_create("HS0001", amount_vnd, START), momo_refund("RF1", "4088878653", amount_vnd)):
        refusal, response = refused(request)
        assert refusal.reason is Reason.INVALID_AMOUNT
        assert (fields_of(response)["resultCode"], response.status) == (22, 200)


@pytest.mark.parametrize("amount_vnd", [1_000, 50_000_000])
def test_the_limits_themselves_are_taken(amount_vnd: int) -> None:
    assert isinstance(decoded(momo_create("HS0001", amount_vnd, START)), Create)


@pytest.mark.parametrize(("changes", "remark"), [({"extraData": "no base64!"}, "extraData"), ({"lang": "fr"}, "lang")])
def test_what_should_not_be_sent_is_noted_and_not_refused(changes: dict[str, object], remark: str) -> None:
    (warning,) = decoded(momo_create("HS0001", 18_060, START, **changes)).warnings
    assert warning.startswith(remark)


def test_a_notification_address_that_a_sandbox_overrules_is_noted() -> None:
    endpoint, request = endpoint_of(DIALECT, momo_create("HS0001", 18_060, START))
    (warning,) = endpoint.decode(request, lambda code: CALLED).warnings
    assert warning.startswith("ipnUrl")


def test_refunds_are_of_a_transaction_and_are_asked_for_by_their_own_number() -> None:
    refund = decoded(momo_refund("RF0001", "4088878653", 18_060))
    assert isinstance(refund, RefundOrder)
    assert (refund.name, refund.request_ref, refund.amount_vnd) == ("trans:4088878653", "RF0001", 18_060)
    question = decoded(momo_refund_query("RF0001"))
    assert isinstance(question, QueryRefund)
    assert (question.name, question.request_ref) == ("order:RF0001", "RF0001")


def test_confirm_cancels_or_captures() -> None:
    assert type(decoded(momo_confirm("HS0001", 18_060, "cancel"))) is CancelOrder
    assert type(decoded(momo_confirm("HS0001", 18_060, "capture"))) is Capture
    refusal, _ = refused(momo_confirm("HS0001", 18_060, "captureWallet"))
    assert refusal.reason is Reason.UNKNOWN_COMMAND


# --- codes: momo-aio-v2#result-codes ----------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", DIALECT.endpoints, ids=lambda endpoint: str(endpoint.path))
@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_its_code_and_words(endpoint: Any, reason: Reason) -> None:
    response = endpoint.encode(Request("POST", endpoint.path), None, Refusal(reason, "amount: why"))
    answer = fields_of(response)
    confirm = endpoint.path.endswith("confirm") and reason is Reason.INVALID_AMOUNT
    assert answer["resultCode"] == (21 if confirm else momo.REFUSALS[reason])
    assert answer["message"] == momo.MESSAGES[answer["resultCode"]]
    assert (response.status == 400) == (answer["resultCode"] == 20) == ("subErrors" in answer)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.INSUFFICIENT_FUNDS, 1001),
        (Outcome.OVER_LIMIT, 1004),
        (Outcome.TIMED_OUT, 1005),
        (Outcome.CANCELLED, 1006),
        (Outcome.NOT_REGISTERED, 1007),
        (Outcome.ACCOUNT_LOCKED, 4001),
        (Outcome.WRONG_OTP, 4100),
        (Outcome.WRONG_PASSWORD, 4100),
        (Outcome.WRONG_DETAILS, 1002),
        (Outcome.SUSPECTED_FRAUD, 1002),
        (Outcome.MAINTENANCE, 10),
        (Outcome.OTHER, 99),
        (None, 99),
    ],
)
def test_a_failure_is_told_with_its_cause(outcome: Outcome | None, code: int) -> None:
    fields = told(State.FAILED, outcome)
    assert (fields["resultCode"], fields["message"]) == (code, momo.MESSAGES[code])
    assert truly_signed(fields)


@pytest.mark.parametrize("outcome", [None, *Outcome])
@pytest.mark.parametrize("state", State)
def test_only_collected_money_is_told_with_0_and_9000_only_of_what_the_payer_agreed_to(
    state: State, outcome: Outcome | None
) -> None:
    fields = told(state, outcome)
    assert (fields["resultCode"] == 0) == (state in COLLECTED)
    assert (fields["resultCode"] == 9000) == (state is State.SUSPECTED and outcome is Outcome.SUCCESS)
    assert truly_signed(fields)


def test_a_pending_payment_waits_for_the_user_or_for_the_provider() -> None:
    assert told(State.PENDING, None)["resultCode"] == 1000
    assert told(State.PENDING, Outcome.UNKNOWN)["resultCode"] == 7002
    assert told(State.SUSPECTED, Outcome.SUSPECTED_FRAUD)["resultCode"] == 7000


@pytest.mark.parametrize(
    ("kind", "channel", "pay_type"),
    [
        ("captureWallet", Channel.QR, "qr"),
        ("captureWallet", Channel.MOBILE, "app"),
        ("payWithATM", Channel.CARD, "napas"),
        ("payWithCC", Channel.CARD, "credit"),
        ("payWithMethod", Channel.INTERNET_BANKING, "napas"),
        ("payWithMethod", None, ""),
    ],
)
def test_the_way_of_paying_is_told(kind: str, channel: Channel | None, pay_type: str) -> None:
    order = replace(payment().order, wire={"requestType": kind})
    assert told(order=order, channel=channel)["payType"] == pay_type


# --- callbacks and returns --------------------------------------------------------------------------------------


def test_the_order_says_where_it_is_told_unless_the_sandbox_does() -> None:
    at_order = DIALECT.callback(Notice(payment=payment(), merchant=MERCHANT, now=START))
    assert (at_order.method, at_order.url) == ("POST", "http://portal.test/callback/momo")
    at_sandbox = DIALECT.callback(Notice(payment=payment(), merchant=CALLED, now=START))
    assert at_sandbox.url == "http://portal.test/callback"
    assert at_order.body == at_sandbox.body


@pytest.mark.parametrize("status", [0, 200, 201, 202, 302, 400, 500])
def test_only_204_acknowledges(status: int) -> None:
    notice = Notice(payment=payment(), merchant=CALLED, now=START)
    assert not DIALECT.acknowledged(Answer(status), notice).done
    assert not DIALECT.acknowledged(Answer(status, body=b'{"resultCode":0}'), notice).done
    assert DIALECT.acknowledged(Answer(204), notice).done
    assert not DIALECT.acknowledged(Answer(204, body=b"ok"), notice).done


@pytest.mark.parametrize("state", [State.PAID, State.CANCELLED, State.PENDING])
def test_the_return_carries_the_fields_of_the_notification(state: State) -> None:
    url = urlsplit(DIALECT.return_url(payment(state, None), MERCHANT))
    assert url.geturl().startswith("http://portal.test/return/momo?")
    fields = dict(parse_qsl(url.query, keep_blank_values=True))
    assert fields == {name: str(value) for name, value in told(state, None).items()}
    assert truly_signed(fields)


# --- in a sandbox -----------------------------------------------------------------------------------------------


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await worlds.create("ci", seed="1", clock_at=START, merchants=(MERCHANT,))


async def said(world: World, request: Request) -> dict[str, Any]:
    return fields_of((await ask(world, "momo", request)).response)


async def code_of(world: World, request: Request) -> int:
    return int((await said(world, request))["resultCode"])


async def paid(world: World, ref: str = "HS0001", amount_vnd: int = 20_000, **changes: object) -> Payment:
    assert await code_of(world, momo_create(ref, amount_vnd, START, **changes)) == 0
    made = (await world.store.payments(world.name, bank="momo", order_ref=ref))[0]
    return await act(world, made.payment_id, Event.APPROVE)


async def test_a_create_is_answered_with_the_payers_page(world: World) -> None:
    answer = await said(world, momo_create("HS0001", 20_000, START))
    assert (answer["resultCode"], answer["partnerCode"], answer["requestId"]) == (0, "MOMO", "R-HS0001")
    assert (answer["orderId"], answer["amount"]) == ("HS0001", 20_000)
    assert answer["payUrl"].startswith("http://banksim.test/s/ci/pay/")
    assert {"deeplink", "qrCodeUrl"} <= answer.keys()
    assert answer["responseTime"] == int(START.timestamp() * 1000)
    by_card = await said(world, momo_create("HS0002", 20_000, START, requestType="payWithATM"))
    assert "deeplink" not in by_card


async def test_the_same_request_again_is_40_and_another_for_the_same_order_41(world: World) -> None:
    assert await code_of(world, momo_create("HS0001", 20_000, START)) == 0
    assert await code_of(world, momo_create("HS0001", 20_000, START)) == 40
    assert await code_of(world, momo_create("HS0001", 20_000, START, requestId="R2")) == 41
    assert len(await world.store.payments(world.name)) == 1


async def test_a_query_follows_the_payment_and_may_be_repeated(world: World) -> None:
    query = momo_query("HS0001", START, "Q1")
    assert await code_of(world, query) == 42
    assert await code_of(world, momo_create("HS0001", 20_000, START)) == 0
    assert [await code_of(world, query) for _ in range(2)] == [1000, 1000]
    (made,) = await world.store.payments(world.name)
    await act(world, made.payment_id, Event.APPROVE)
    answer = await said(world, query)
    assert (answer["resultCode"], answer["amount"], answer["refundTrans"]) == (0, 20_000, [])
    assert str(answer["transId"]) == made.bank_ref
    assert len(made.bank_ref) == 10


async def test_refunds_never_exceed_the_payment(world: World) -> None:
    payment = await paid(world)
    ref = payment.bank_ref
    assert await code_of(world, momo_refund("RF0", ref, 20_001)) == 22
    first = await said(world, momo_refund("RF1", ref, 12_000))
    assert (first["resultCode"], first["amount"], first["orderId"]) == (0, 12_000, "RF1")
    assert str(first["transId"]) != ref
    assert await code_of(world, momo_refund("RF2", ref, 8_001)) == 1081
    assert await code_of(world, momo_refund("RF2", ref, 8_000)) == 0
    assert await code_of(world, momo_refund("RF3", ref, 1_000)) == 1081
    answer = await said(world, momo_query("HS0001", START, "Q1"))
    assert [(each["orderId"], each["amount"]) for each in answer["refundTrans"]] == [("RF1", 12_000), ("RF2", 8_000)]
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 0


async def test_a_refund_needs_a_number_of_its_own(world: World) -> None:
    payment = await paid(world)
    assert await code_of(world, momo_refund("HS0001", payment.bank_ref, 10_000)) == 41
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 10_000)) == 0
    first = await said(world, momo_refund("RF1", payment.bank_ref, 10_000))
    assert await said(world, momo_refund("RF1", payment.bank_ref, 10_000)) == first
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 9_000)) == 40
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 10_000, requestId="R9")) == 41
    (after,) = await world.store.payments(world.name)
    assert after.refunded_vnd == 10_000


async def test_only_what_was_paid_is_refunded_and_only_what_is_known(world: World) -> None:
    assert await code_of(world, momo_create("HS0001", 20_000, START)) == 0
    (made,) = await world.store.payments(world.name)
    assert await code_of(world, momo_refund("RF1", made.bank_ref, 10_000)) == 1088
    assert await code_of(world, momo_refund("RF1", "1", 10_000)) == 42


async def test_less_than_10000_is_not_refunded_to_a_domestic_card(world: World) -> None:
    payment = await paid(world, requestType="payWithATM")
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 9_999)) == 22
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 10_000)) == 0
    wallet = await paid(world, "HS0002")
    assert await code_of(world, momo_refund("RF2", wallet.bank_ref, 1_000)) == 0


async def test_a_refund_is_found_by_its_own_number(world: World) -> None:
    payment = await paid(world)
    assert await code_of(world, momo_refund_query("RF1")) == 42
    await said(world, momo_refund("RF1", payment.bank_ref, 12_000))
    answer = await said(world, momo_refund_query("RF1"))
    assert (answer["resultCode"], answer["orderId"], answer["amount"]) == (0, "RF1", 12_000)
    (line,) = answer["refundTrans"]
    assert (line["orderId"], line["amount"], line["transId"]) == ("RF1", 12_000, answer["transId"])
    assert await code_of(world, momo_refund_query("HS0001")) == 42


async def test_an_unpaid_order_can_be_cancelled_and_a_paid_one_not(world: World) -> None:
    assert await code_of(world, momo_confirm("HS0001", 20_000, "cancel")) == 42
    assert await code_of(world, momo_create("HS0001", 20_000, START)) == 0
    assert await code_of(world, momo_confirm("HS0001", 19_999, "cancel")) == 21
    cancelled = await said(world, momo_confirm("HS0001", 20_000, "cancel"))
    assert (cancelled["resultCode"], cancelled["requestType"]) == (0, "cancel")
    assert await code_of(world, momo_query("HS0001", START, "Q1")) == 1017
    assert await code_of(world, momo_confirm("HS0001", 20_000, "cancel")) == 1005
    await paid(world, "HS0002")
    assert await code_of(world, momo_confirm("HS0002", 20_000, "cancel")) == 43


async def test_capture_of_what_is_not_held_tells_the_state(world: World) -> None:
    assert await code_of(world, momo_create("HS0001", 20_000, START)) == 0
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 1000
    assert await code_of(world, momo_confirm("HS0001", 1, "capture")) == 21
    (made,) = await world.store.payments(world.name)
    assert made.state is State.PENDING
    await act(world, made.payment_id, Event.APPROVE)
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 0


# --- numbers that are used: momo-aio-v2#idempotency -------------------------------------------------------------


def test_what_ends_a_transaction_is_known_of_every_code() -> None:
    ends = {0, 98, 99, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1017, 1026, 4100}
    assert ends == momo.FINAL
    goes_on = {10, 11, 12, 13, 20, 21, 22, 40, 41, 42, 43, 45, 47, 1000, 1080, 1081, 1088, 2019, 4001, 4002}
    assert momo.MESSAGES.keys() == ends | goes_on | {7000, 7002, 8000, 9000}


async def test_a_refunds_number_is_refused_for_another_payment(world: World) -> None:
    first, second = await paid(world, "HS0001"), await paid(world, "HS0002")
    assert await code_of(world, momo_refund("RF1", first.bank_ref, 10_000)) == 0
    assert await code_of(world, momo_refund("RF1", second.bank_ref, 10_000, requestId="R9")) == 41
    assert await code_of(world, momo_refund("HS0001", second.bank_ref, 10_000, requestId="R8")) == 41
    assert await code_of(world, momo_refund("RF2", second.bank_ref, 10_000, requestId="R-RF1")) == 40
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000, 20_000, -10_000]
    assert (await said(world, momo_refund_query("RF1")))["amount"] == 10_000


async def test_of_two_refunds_of_one_number_at_once_one_is_refused(world: World) -> None:
    payments = [await paid(world, f"HS000{n}") for n in range(8)]
    requests = [momo_refund("RF1", made.bank_ref, 10_000) for made in payments]
    codes = sorted(await asyncio.gather(*(code_of(world, request) for request in requests)))
    assert codes == [0, *[40] * 7]
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)].count(-10_000) == 1


async def test_a_refused_refund_uses_up_no_number(world: World) -> None:
    first, second = await paid(world, "HS0001"), await paid(world, "HS0002")
    assert await code_of(world, momo_refund("RF1", first.bank_ref, 20_001)) == 22
    assert await code_of(world, momo_refund("RF1", second.bank_ref, 20_000)) == 0


async def test_an_order_takes_no_number_of_a_refund_and_no_request_of_another_order(world: World) -> None:
    payment = await paid(world)
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 10_000)) == 0
    assert await code_of(world, momo_create("RF1", 20_000, START, requestId="R9")) == 41
    assert await code_of(world, momo_create("HS0002", 20_000, START, requestId="R-HS0001")) == 40
    assert await code_of(world, momo_pos("HS0003", 20_000, requestId="R-HS0001")) == 40
    assert len(await world.store.payments(world.name)) == 1


async def test_the_same_create_has_the_same_answer_once_its_payment_has_ended(world: World) -> None:
    create = momo_create("HS0001", 20_000, START)
    first = await said(world, create)
    assert await code_of(world, create) == 40
    (made,) = await world.store.payments(world.name)
    await act(world, made.payment_id, Event.APPROVE)
    assert await said(world, create) == first
    assert await code_of(world, momo_create("HS0001", 30_000, START)) == 41
    assert len(await world.store.payments(world.name)) == 1


# --- two steps: momo-aio-v2#confirm -----------------------------------------------------------------------------


async def authorised(world: World, ref: str = "HS0001", **changes: object) -> Payment:
    return await paid(world, ref, autoCapture=False, **changes)


@pytest.mark.parametrize(
    ("kind", "held"),
    [("captureWallet", True), ("payWithCC", True), ("payWithATM", False), ("payWithMethod", False)],
)
async def test_only_wallets_and_international_cards_have_two_steps(world: World, kind: str, held: bool) -> None:
    payment = await authorised(world, requestType=kind)
    assert payment.state is (State.SUSPECTED if held else State.PAID)
    assert await code_of(world, momo_query("HS0001", START, "Q1")) == (9000 if held else 0)
    warnings = decoded(momo_create("A", 20_000, START, requestType=kind, autoCapture=False)).warnings
    assert (warnings == ()) == held


async def test_what_is_held_is_captured_once_and_only_whole(world: World) -> None:
    payment = await authorised(world)
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 20_000)) == 1088
    assert await code_of(world, momo_confirm("HS0001", 19_999, "capture")) == 21
    answer = await said(world, momo_confirm("HS0001", 20_000, "capture"))
    assert (answer["resultCode"], answer["requestType"], str(answer["transId"])) == (0, "capture", payment.bank_ref)
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 0
    assert await code_of(world, momo_confirm("HS0001", 20_000, "cancel")) == 43
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000]
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 20_000)) == 0


async def test_what_is_held_goes_back_when_the_merchant_cancels(world: World) -> None:
    await authorised(world)
    assert await code_of(world, momo_confirm("HS0001", 20_000, "cancel")) == 0
    assert await code_of(world, momo_query("HS0001", START, "Q1")) == 1017
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 1017
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000, -20_000]


async def test_a_fraud_check_is_no_authorisation(world: World) -> None:
    assert await code_of(world, momo_create("HS0001", 20_000, START, autoCapture=False)) == 0
    (made,) = await world.store.payments(world.name)
    await act(world, made.payment_id, Event.SUSPECT)
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 7000
    assert await code_of(world, momo_confirm("HS0001", 20_000, "cancel")) == 1005
    assert (await world.store.payments(world.name))[0].state is State.SUSPECTED


@pytest.mark.parametrize(("last", "codes"), [("capture", [9000, 0]), ("cancel", [9000, 1017])])
async def test_both_steps_are_notified(worlds: Worlds, last: str, codes: list[int]) -> None:
    async with courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: served(Answer(204))
        world = await worlds.create("two", seed="1", clock_at=START, merchants=(MERCHANT,))
        payment = await authorised(world, ipnUrl=f"{portal.url}/ipn")
        await courier.advance(world, START + timedelta(minutes=1))
        back = dict(parse_qsl(urlsplit(await returned(world, payment.payment_id)).query))
        assert back["resultCode"] == "9000"
        await said(world, momo_confirm("HS0001", 20_000, last))
        await courier.advance(world, START + timedelta(minutes=2))
        told = [json.loads(body) for _, _, body in portal.requests]
        assert [fields["resultCode"] for fields in told] == codes
        assert all(truly_signed(fields) for fields in told)


# --- at a till: momo-aio-v2#pos, momo-clients#pos ---------------------------------------------------------------


def test_the_payment_code_is_signed_as_it_is_sealed() -> None:
    fields = json.loads(momo_pos("HS0001", 20_000).body)
    raw = raw_string("pos", {**{name: str(value) for name, value in fields.items()}, "accessKey": ACCESS_KEY})
    assert raw == (
        f"accessKey={ACCESS_KEY}&amount=20000&extraData=&orderId=HS0001&orderInfo=Nộp lệ phí HS0001"
        f"&partnerCode=MOMO&paymentCode={sealed_code('MM123456100000000001')}&requestId=R-HS0001"
    )
    assert fields["signature"] == digest(MOMO_SECRET.encode(), raw.encode(), "sha256").hex()


@pytest.mark.parametrize("code", ["MM123456100000000001", "mm000000100000000001", "123456100000000001"])
async def test_a_code_at_a_till_pays_at_once(world: World, code: str) -> None:
    answer = await said(world, momo_pos("HS0001", 20_000, code))
    assert (answer["resultCode"], answer["amount"], answer["payType"]) == (0, 20_000, "qr")
    (made,) = await world.store.payments(world.name)
    assert (made.state, str(answer["transId"])) == (State.PAID, made.bank_ref)
    assert await said(world, momo_pos("HS0001", 20_000, code)) == answer
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000]
    assert await code_of(world, momo_refund("RF1", made.bank_ref, 20_000)) == 0


@pytest.mark.parametrize(
    ("account", "code", "state"),
    [
        ("100000000051", 1001, State.FAILED),
        ("100000000065", 1004, State.FAILED),
        ("100000000007", 7000, State.SUSPECTED),
        ("999999999999", 1007, None),
    ],
)
async def test_the_payers_account_decides_at_a_till(world: World, account: str, code: int, state: State | None) -> None:
    assert await code_of(world, momo_pos("HS0001", 20_000, f"MM123456{account}")) == code
    assert [made.state for made in await world.store.payments(world.name)] == ([state] if state else [])


async def test_a_till_may_pay_in_two_steps(world: World) -> None:
    assert await code_of(world, momo_pos("HS0001", 20_000, autoCapture=False)) == 9000
    assert await code_of(world, momo_pos("HS0001", 20_000, autoCapture=False)) == 40
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 0
    assert await code_of(world, momo_pos("HS0001", 20_000, autoCapture=False)) == 0


async def test_a_till_may_be_notified_before_it_is_answered(worlds: Worlds) -> None:
    world = await worlds.create("rush", seed="1", clock_at=START, merchants=(MERCHANT,))
    await world.store.set_faults(world.name, (Fault(fault_id="f", kind=FaultKind.CALLBACK_BEFORE_ANSWER),))
    served_first = await ask(world, "momo", momo_pos("HS0001", 20_000, ipnUrl="http://portal.test/till"))
    assert (served_first.rushed, fields_of(served_first.response)["resultCode"]) == (True, 0)


async def test_a_till_is_notified_where_it_says(worlds: Worlds) -> None:
    async with courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: served(Answer(204))
        world = await worlds.create("till", seed="1", clock_at=START, merchants=(MERCHANT,))
        assert await code_of(world, momo_pos("HS0001", 20_000, ipnUrl=f"{portal.url}/till")) == 0
        await courier.advance(world, START + timedelta(minutes=1))
        ((_, path, body),) = portal.requests
        assert (path, json.loads(body)["resultCode"]) == ("/till", 0)


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "MM123456100000000001",
        "A" * 344,
        "A" * 343 + "=",
        sealed_code("MM12345610000000001"),
        sealed_code("XX123456100000000001"),
        sealed_code("MM12345610000000000１"),
    ],
)
def test_a_code_that_is_none_or_sealed_otherwise_is_refused(sealed: str) -> None:
    refusal, response = refused(momo_pos("HS0001", 20_000, paymentCode=sealed))
    assert refusal.reason is Reason.MALFORMED
    assert (response.status, fields_of(response)["subErrors"][0]["field"]) == (400, "paymentCode")


def test_a_partner_without_a_key_for_tills_has_none() -> None:
    bare = replace(MERCHANT, secrets={"secret_key": MOMO_SECRET})
    endpoint, request = endpoint_of(DIALECT, momo_pos("HS0001", 20_000))
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, lambda code: bare)
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize(("amount_vnd", "taken"), [(999, False), (1_000, True), (5_000_000, True), (5_000_001, False)])
def test_a_till_takes_up_to_5_million(amount_vnd: int, taken: bool) -> None:
    request = momo_pos("HS0001", amount_vnd)
    if taken:
        assert isinstance(decoded(request), Create)
    else:
        assert fields_of(refused(request)[1])["resultCode"] == 22


@pytest.mark.parametrize("name", momo.SIGNED["pos"].split())
def test_changing_any_signed_field_at_a_till_is_noticed(name: str) -> None:
    fields = json.loads(momo_pos("HS0001", 18_060).body)
    changed = {"amount": 18_061, "partnerCode": "MOMO2", "accessKey": "OTHER", "paymentCode": sealed_code("another")}
    body = json.dumps({**fields, name: changed.get(name, f"{fields.get(name, '')}x")}).encode()
    refusal, _ = refused(Request("POST", "/v2/gateway/api/pos", body=body))
    stranger = name in ("partnerCode", "accessKey")
    assert refusal.reason is (Reason.UNKNOWN_MERCHANT if stranger else Reason.BAD_SIGNATURE)


async def test_a_notification_is_sent_once_unless_the_sandbox_says_otherwise(worlds: Worlds) -> None:
    async with courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: served(Answer(200, body=b"ok"))
        merchant = replace(MERCHANT, callback_url=f"{portal.url}/callback")
        world = await worlds.create("once", seed="1", clock_at=START, merchants=(merchant,))
        await paid(world)
        assert await courier.advance(world, START + timedelta(days=1)) == 1
        (delivery,) = await world.store.deliveries(world.name)
        assert (delivery.state, delivery.last_answer) == (DeliveryState.EXHAUSTED, "HTTP 200")
        assert (DIALECT.retry, DIALECT.retry.attempts_max) == (Retry(delays_s=(), timeout_s=15), 1)


async def test_a_204_ends_it_and_the_payer_goes_back_signed(worlds: Worlds) -> None:
    async with courier_of(worlds) as courier, connector() as portal:
        portal.answer = lambda method, path, body: served(Answer(204))
        world = await worlds.create("ok", seed="1", clock_at=START, merchants=(MERCHANT,))
        payment = await paid(world, ipnUrl=f"{portal.url}/ipn?a=1")
        await courier.advance(world, START + timedelta(minutes=1))
        (delivery,) = await world.store.deliveries(world.name)
        assert delivery.state is DeliveryState.ACKNOWLEDGED
        ((method, path, body),) = portal.requests
        assert (method, path) == ("POST", "/ipn?a=1")
        assert truly_signed(json.loads(body))
        fields = dict(parse_qsl(urlsplit(await returned(world, payment.payment_id)).query, keep_blank_values=True))
        assert truly_signed(fields)


# --- whatever comes ---------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*momo.FORMS, "signature", "lang"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(
    path=st.sampled_from(["create", "pos", "query", "refund", "refund/query", "confirm"]), body=st.binary(max_size=200)
)
def test_any_body_is_refused_with_a_400(path: str, body: bytes) -> None:
    _, response = refused(Request("POST", f"/v2/gateway/api/{path}", body=body))
    assert (response.status, fields_of(response)["resultCode"]) == (400, 20)


@given(changes=st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_field_of_any_type_is_understood_or_refused_even_when_signed(changes: dict[str, object]) -> None:
    fields = json.loads(momo_create("HS0001", 18_060, START).body) | changes
    endpoint, request = endpoint_of(DIALECT, momo_posted("create", fields))
    try:
        command = endpoint.decode(request, merchants)
    except Refusal as refusal:
        answer = fields_of(endpoint.encode(request, None, refusal))
        assert answer["resultCode"] in (13, 20, 22)
    else:
        assert isinstance(command, Create)
        assert 1_000 <= command.order.amount_vnd <= 50_000_000
