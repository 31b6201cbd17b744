"""Facts about MoMo."""

import json
from collections.abc import AsyncIterator
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
from simulator.dialect import CancelOrder, Command, Create, Notice, Query, QueryRefund, RefundOrder
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
    momo_posted,
    momo_query,
    momo_refund,
    momo_refund_query,
    momo_signed,
)
from tests.worlds import START, ask, connector, courier_of, endpoint_of, served, worlds_in

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
    assert (question.name, question.request_ref) == ("refund:RF0001", "RF0001")


def test_confirm_cancels_or_only_asks() -> None:
    assert type(decoded(momo_confirm("HS0001", 18_060, "cancel"))) is CancelOrder
    assert type(decoded(momo_confirm("HS0001", 18_060, "capture"))) is Query
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
def test_only_collected_money_is_told_with_0_and_9000_never(state: State, outcome: Outcome | None) -> None:
    fields = told(state, outcome)
    assert (fields["resultCode"] == 0) == (state in COLLECTED)
    assert fields["resultCode"] != 9000
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
async def worlds(tmp_path: Path) -> AsyncIterator[Worlds]:
    async with worlds_in(tmp_path) as opened:
        yield opened


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
    assert await code_of(world, momo_refund("RF1", payment.bank_ref, 10_000)) == 41
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
    assert await code_of(world, momo_query("HS0001", START, "Q1")) == 1006
    assert await code_of(world, momo_confirm("HS0001", 20_000, "cancel")) == 1005
    await paid(world, "HS0002")
    assert await code_of(world, momo_confirm("HS0002", 20_000, "cancel")) == 43


async def test_capture_changes_nothing_and_tells_the_state(world: World) -> None:
    assert await code_of(world, momo_create("HS0001", 20_000, START)) == 0
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 1000
    assert await code_of(world, momo_confirm("HS0001", 1, "capture")) == 21
    (made,) = await world.store.payments(world.name)
    assert made.state is State.PENDING
    await act(world, made.payment_id, Event.APPROVE)
    assert await code_of(world, momo_confirm("HS0001", 20_000, "capture")) == 0


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


@given(path=st.sampled_from(["create", "query", "refund", "refund/query", "confirm"]), body=st.binary(max_size=200))
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
