"""Facts about the Vietcombank profile for Quảng Ninh, which is this project's own design."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import payer
from simulator.bank import progress
from simulator.banks.vietcombank_qn import (
    DIALECT,
    ERROR_TEXTS,
    REFUSALS,
    RESULT_CODES,
    STATUSES,
    acknowledged,
    callback,
    return_url,
    signature,
)
from simulator.dialect import Ack, Command, Create, Endpoint, Notice, Query, RefundOrder
from simulator.merchants import default_merchants, forged
from simulator.payer import Stage
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request, Response
from simulator.world import World
from tests.samples.vietcombank_qn import SECRET, enveloped, local, pay_fields, pay_request, query, refund, signed
from tests.sources import SOURCES
from tests.worlds import START, ask, worlds_in

MERCHANT = msgspec.structs.replace(
    next(each for each in default_merchants() if each.bank == "vietcombank_qn"),
    callback_url="https://portal.test/callback",
)
PAY, QUERY, REFUND = DIALECT.endpoints
PAID_AT = datetime(2026, 11, 22, 17, 6, 34, tzinfo=UTC)
"""00:06:34 of the next day in Vietnam."""


def merchants(code: str) -> Merchant | None:
    return MERCHANT if code == MERCHANT.merchant_code else None


def fields(**changes: str) -> dict[str, str]:
    return pay_fields("HS0001", 20_000, START) | changes


def pay(**changes: str) -> Create:
    command = PAY.decode(pay_request(fields(**changes)), merchants)
    assert isinstance(command, Create)
    return command


def refused(endpoint: Endpoint, request: Request) -> tuple[Reason, Response]:
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, merchants)
    return caught.value.reason, endpoint.encode(request, None, caught.value)


def error_code(request: Request) -> str:
    """The code on the error page to which the browser is sent."""
    _, response = refused(PAY, request)
    location = dict(response.headers)["location"]
    assert response.status == 302
    assert location.startswith("error?errorCode=")
    return location.removeprefix("error?errorCode=")


def resigned(request: Request, change: Callable[[dict[str, Any]], None]) -> Request:
    """The message with something changed and the signature made anew, as a careless connector would."""
    body = json.loads(request.body)
    change(body)
    kind = request.path.rpartition("/")[2].upper()
    values = [str(value) for value in (*body["context"].values(), *body["payload"].values())]
    return msgspec.structs.replace(request, body=json.dumps(body | {"signature": signed(kind, *values)}).encode())


PAYMENT = Payment(
    payment_id="p1",
    bank="vietcombank_qn",
    merchant_code="VCBQN",
    order=Order(
        order_ref="HS0001",
        order_key="HS0001",
        amount_vnd=20_000,
        description="Nộp lệ phí HS0001",
        return_url="https://portal.test/return?dossier=1#result",
    ),
    amount_vnd=20_000,
    bank_ref="6960980123",
    created_at=START,
    state=State.PAID,
    outcome=Outcome.SUCCESS,
    channel=Channel.INTERNET_BANKING,
    issuer_code="VIETCOMBANK",
    settled_at=PAID_AT,
)


def notice(merchant: Merchant = MERCHANT, attempt: int = 1, **changes: Any) -> Notice:
    payment = msgspec.structs.replace(PAYMENT, **changes)
    return Notice(payment=payment, merchant=merchant, now=PAID_AT + timedelta(minutes=attempt), attempt=attempt)


def told(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(callback(notice(**changes)).body)
    return body


def answer(*, http: int = 200, secret: str = SECRET, sign: str | None = None, **context: object) -> Answer:
    usual = {
        "channelId": "6014",
        "channelRefNumber": "6960980123-SUCCESS",
        "responseMsgId": "MSG1",
        "status": "SUCCESS",
        "errorCode": "0",
        **context,
    }
    given_signature = signed("PAYMENT_ANSWER", *map(str, usual.values()), secret=secret) if sign is None else sign
    body = {"context": usual, "payload": {}, "signature": given_signature}
    return Answer(http, (("content-type", "application/json"),), json.dumps(body).encode())


# --- its identity card ---------------------------------------------------------------------------------------


def test_it_says_that_it_is_our_own_design_everywhere() -> None:
    assert SOURCES["vcb-qn-design"]["confidence"] == "assumption"
    assert all("own design" in each.why for each in DIALECT.assumptions)
    assert DIALECT.sources[0] == "vcb-qn-design"


def test_every_refusal_has_words_in_both_languages_on_the_error_page() -> None:
    assert set(REFUSALS) == set(Reason)
    assert set(REFUSALS.values()) == set(ERROR_TEXTS)
    assert DIALECT.error_page is not None
    assert DIALECT.error_page.texts == ERROR_TEXTS
    assert PAY.path.rpartition("/")[0] + "/error" == DIALECT.error_page.path


def test_every_signature_names_its_kind_so_that_none_passes_for_another() -> None:
    assert signature(SECRET, "QUERY", ["a", "b"]) == signed("QUERY", "a", "b")
    assert len({signature(SECRET, kind, ["a", "b"]) for kind in ("PAY", "RETURN", "QUERY", "QUERY_ANSWER")}) == 4
    assert signature(SECRET, "PAY", ["ab", ""]) != signature(SECRET, "PAY", ["a", "b"])


# --- the order -----------------------------------------------------------------------------------------------


def test_an_order_is_read_in_dong_utc_and_the_houses_words() -> None:
    command = pay(channel="IB", language="en", expireDateTime="22-11-2026 10:15:00")
    assert command.order == Order(
        order_ref="HS0001",
        order_key="HS0001",
        amount_vnd=20_000,
        description="Nộp lệ phí HS0001",
        ordered_at=START,
        expires_at=START + timedelta(minutes=15),
        return_url="http://portal.test/return?dossier=1",
        channel=Channel.INTERNET_BANKING,
        issuer_code="VIETCOMBANK",
        locale="en",
        client_ip="127.0.0.1",
    )


@pytest.mark.parametrize(
    ("name", "channel", "issuer_code"),
    [
        ("", None, ""),
        ("IB", Channel.INTERNET_BANKING, "VIETCOMBANK"),
        ("QR", Channel.QR, ""),
        ("CARD", Channel.CARD, ""),
        ("POS", Channel.POS, ""),
    ],
)
def test_the_order_may_say_where_the_payer_acts(name: str, channel: Channel | None, issuer_code: str) -> None:
    order = pay(channel=name).order
    assert (order.channel, order.issuer_code) == (channel, issuer_code)


@pytest.mark.parametrize("amount_vnd", [1, 5_000, 2**31, 2**32 + 1, 999_999_999_999_999])
def test_amounts_go_through_unharmed(amount_vnd: int) -> None:
    assert pay(amount=str(amount_vnd)).order.amount_vnd == amount_vnd
    assert told(amount_vnd=amount_vnd)["payload"]["amount"] == str(amount_vnd)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        *[({name: ""}, "10") for name in ("providerId", "orderId", "amount", "currency", "description", "returnUrl")],
        ({"requestDateTime": ""}, "10"),
        ({"requestDateTime": "2026-11-22 10:00:00"}, "10"),
        ({"requestDateTime": "31-02-2026 10:00:00"}, "10"),
        ({"requestDateTime": "01-01-0001 00:00:00"}, "10"),
        ({"requestDateTime": "٢٢-11-2026 10:00:00"}, "10"),
        ({"expireDateTime": "soon"}, "10"),
        ({"orderId": "HS 0001"}, "10"),
        ({"orderId": "H" * 51}, "10"),
        ({"description": "a|b"}, "10"),
        ({"description": "a\x00b"}, "10"),
        ({"description": "x" * 201}, "10"),
        ({"amount": "-1"}, "10"),
        ({"amount": "20000.00"}, "10"),
        ({"amount": "1e3"}, "10"),
        ({"amount": "9" * 16}, "10"),
        ({"amount": "٣"}, "10"),
        ({"amount": "0"}, "3"),
        ({"amount": "000"}, "3"),
        ({"currency": "vnd"}, "10"),
        ({"currency": "USD"}, "21"),
        ({"channel": "ATM"}, "10"),
        ({"language": "fr"}, "10"),
        ({"clientIp": "local host"}, "10"),
        ({"returnUrl": "javascript:alert(1)"}, "10"),
        ({"returnUrl": "https://[broken/return"}, "10"),
        ({"returnUrl": "https:///no-host"}, "10"),
        ({"providerId": "NOBODY"}, "21"),
    ],
)
def test_a_field_of_the_wrong_form_leads_to_the_error_page(changes: dict[str, str], code: str) -> None:
    assert error_code(pay_request(fields(**changes))) == code


@pytest.mark.parametrize("name", list(fields()))
def test_every_parameter_is_signed(name: str) -> None:
    good = fields(channel="IB", expireDateTime="22-11-2026 10:15:00")
    others = {
        "amount": "1",
        "currency": "USD",
        "requestDateTime": "22-11-2026 10:00:01",
        "expireDateTime": "22-11-2026 10:15:01",
        "channel": "QR",
        "language": "en",
        "clientIp": "10.0.0.9",
        "returnUrl": "https://evil.test/return",
        "providerId": "NOBODY",
    }
    tampered = good | {name: others.get(name, "other")}
    query_text = urlencode(tampered | {"signature": signed("PAY", *good.values())})
    code = error_code(Request("GET", PAY.path, query_text.encode()))
    assert code == ("21" if name == "providerId" else "18")


@pytest.mark.parametrize("given_signature", ["", "0" * 64, "không phải", signed("QUERY", *fields().values())])
def test_a_wrong_signature_leads_to_the_error_page(given_signature: str) -> None:
    query_text = urlencode(fields() | {"signature": given_signature})
    assert error_code(Request("GET", PAY.path, query_text.encode())) == "18"


def test_an_upper_case_signature_and_unknown_parameters_pass() -> None:
    good = signed("PAY", *fields().values()).upper()
    query_text = urlencode(fields() | {"signature": good, "utm_source": "x"})
    assert isinstance(PAY.decode(Request("GET", PAY.path, query_text.encode()), merchants), Create)


@pytest.mark.parametrize("raw", [b"", b"orderId=1&orderId=2", b"orderId=%FF", b"\xff"])
def test_no_form_at_all_leads_to_the_error_page(raw: bytes) -> None:
    assert error_code(Request("GET", PAY.path, raw)) == "10"


# --- query and refund ----------------------------------------------------------------------------------------


def test_a_query_and_a_refund_are_understood() -> None:
    asked = QUERY.decode(query("HS0001", START, "Q1"), merchants)
    assert isinstance(asked, Query)
    assert (asked.order_key, asked.request_ref) == ("HS0001", "Q1")
    back = REFUND.decode(refund("HS0001", "R1", 5_000, START), merchants)
    assert isinstance(back, RefundOrder)
    assert (back.order_key, back.request_ref, back.amount_vnd, back.full) == ("HS0001", "R1", 5_000, False)


def _without_context(body: dict[str, Any]) -> None:
    body["context"] = {}


def _zero(body: dict[str, Any]) -> None:
    body["payload"]["amount"] = "0"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without_context, Reason.MALFORMED),
        (lambda body: body["payload"].update(orderId=""), Reason.MALFORMED),
        (lambda body: body["payload"].update(orderId=True), Reason.MALFORMED),
        (lambda body: body["payload"].update(amount="1.5"), Reason.MALFORMED),
        (lambda body: body["payload"].update(amount=10**15), Reason.MALFORMED),
        (lambda body: body["payload"].update(description="a|b"), Reason.MALFORMED),
        (lambda body: body["context"].update(requestDateTime="22/11/2026 10:00:00"), Reason.MALFORMED),
        (lambda body: body["context"].update(channelRefNumber="x" * 51), Reason.MALFORMED),
        (lambda body: body["payload"].update(providerId="NOBODY"), Reason.UNKNOWN_MERCHANT),
        (_zero, Reason.INVALID_AMOUNT),
    ],
)
def test_a_refund_of_the_wrong_form_is_refused(change: Callable[[dict[str, Any]], None], reason: Reason) -> None:
    request = resigned(refund("HS0001", "R1", 5_000, START), change)
    found, response = refused(REFUND, request)
    body = json.loads(response.body)
    assert (found, response.status) == (reason, 200)
    assert (body["context"]["status"], body["context"]["errorCode"]) == ("FAILURE", REFUSALS[reason])
    assert bool(body["signature"]) is (reason is Reason.INVALID_AMOUNT), "signed only for who proved to be a merchant"


def test_an_amount_may_be_a_number_where_json_has_one() -> None:
    def as_number(body: dict[str, Any]) -> None:
        body["payload"]["amount"] = 5_000

    back = REFUND.decode(resigned(refund("HS0001", "R1", 5_000, START), as_number), merchants)
    assert isinstance(back, RefundOrder)
    assert back.amount_vnd == 5_000


@pytest.mark.parametrize("name", ["orderId", "refundId", "amount", "description"])
def test_every_value_of_a_refund_is_signed(name: str) -> None:
    body = json.loads(refund("HS0001", "R1", 5_000, START).body)
    body["payload"][name] = "1"
    assert refused(REFUND, Request("POST", REFUND.path, body=json.dumps(body).encode()))[0] is Reason.BAD_SIGNATURE


def test_a_query_does_not_pass_for_a_refund() -> None:
    asked = query("HS0001", START, "Q1")
    payload = json.loads(refund("HS0001", "R1", 5_000, START).body)["payload"]
    request = enveloped("QUERY", payload, "Q1", START)
    assert refused(REFUND, request)[0] is Reason.BAD_SIGNATURE
    assert refused(REFUND, asked)[0] is Reason.MALFORMED


@pytest.mark.parametrize("endpoint", [QUERY, REFUND], ids=["query", "refund"])
@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"[" * 100_000, b'{"context":{"channelId":"\\u0000"}}', b"\xff"])
def test_garbage_is_refused_without_a_signature(endpoint: Endpoint, raw: bytes) -> None:
    reason, response = refused(endpoint, Request("POST", endpoint.path, body=raw))
    body = json.loads(response.body)
    assert (reason, response.status, body["signature"]) == (Reason.MALFORMED, 200, "")
    assert len(body["context"]["responseMsgId"]) == 18


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_tells_its_code_and_words(reason: Reason) -> None:
    asked = QUERY.decode(query("HS0001", START, "Q1"), merchants)
    body = json.loads(QUERY.encode(query("HS0001", START, "Q1"), asked, Refusal(reason)).body)
    context = body["context"]
    assert (context["errorCode"], context["errorMessage"]) == (REFUSALS[reason], ERROR_TEXTS[REFUSALS[reason]][1])
    assert (context["channelId"], context["channelRefNumber"]) == ("PORTAL", "Q1")
    values = [value for name, value in context.items() if name != "errorMessage"]
    assert body["signature"] == signed("QUERY_ANSWER", *values)


# --- what the bank says --------------------------------------------------------------------------------------


def test_a_callback_tells_the_whole_result_and_signs_all_of_it() -> None:
    body = told()
    assert body["context"] == {
        "channelId": "6014",
        "channelRefNumber": "6960980123-SUCCESS",
        "requestDateTime": "23-11-2026 00:06:34",
    }
    assert body["payload"] == {
        "providerId": "VCBQN",
        "orderId": "HS0001",
        "transactionNo": "6960980123",
        "amount": "20000",
        "currency": "VND",
        "channel": "IB",
        "bankCode": "VIETCOMBANK",
        "transactionTime": "23-11-2026 00:06:34",
        "status": "SUCCESS",
        "resultCode": "0",
        "description": "Nộp lệ phí HS0001",
    }
    assert body["signature"] == signed("PAYMENT", *body["context"].values(), *body["payload"].values())
    sent = callback(notice())
    assert (sent.method, sent.url) == ("POST", "https://portal.test/callback")


def test_every_repeat_is_the_same_message_and_a_new_state_another() -> None:
    assert callback(notice(attempt=1)) == callback(notice(attempt=4))
    reversed_ref = told(state=State.REVERSED)["context"]["channelRefNumber"]
    assert reversed_ref != told()["context"]["channelRefNumber"]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_only_collected_money_is_told_as_success(state: State, outcome: Outcome | None) -> None:
    payload = told(state=state, outcome=outcome)["payload"]
    assert (payload["status"] == "SUCCESS") is (payload["resultCode"] == "0") is (state in COLLECTED)
    assert payload["status"] == STATUSES[state]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.NOT_REGISTERED, "128"),
        (Outcome.WRONG_DETAILS, "105"),
        (Outcome.TIMED_OUT, "100"),
        (Outcome.ACCOUNT_LOCKED, "105"),
        (Outcome.WRONG_OTP, "114"),
        (Outcome.CANCELLED, "101"),
        (Outcome.INSUFFICIENT_FUNDS, "106"),
        (Outcome.OVER_LIMIT, "104"),
        (Outcome.MAINTENANCE, "123"),
        (Outcome.WRONG_PASSWORD, "101"),
        (Outcome.SUSPECTED_FRAUD, "101"),
        (Outcome.REVERSED, "101"),
        (Outcome.UNKNOWN, "100"),
        (Outcome.OTHER, "101"),
    ],
)
def test_a_failure_has_the_code_of_its_outcome(outcome: Outcome, code: str) -> None:
    assert told(state=State.FAILED, outcome=outcome)["payload"]["resultCode"] == code == RESULT_CODES[outcome]


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        (Channel.INTERNET_BANKING, "IB"),
        (Channel.QR, "QR"),
        (Channel.CARD, "CARD"),
        (Channel.POS, "POS"),
        (Channel.COUNTER, ""),
        (None, ""),
    ],
)
def test_a_result_names_its_channel(channel: Channel | None, name: str) -> None:
    assert told(channel=channel)["payload"]["channel"] == name


def test_the_return_brings_the_same_result_signed_as_a_return() -> None:
    parts = urlsplit(return_url(PAYMENT, MERCHANT))
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "portal.test", "/return", "result")
    (dossier, *pairs) = parse_qsl(parts.query, keep_blank_values=True)
    values = dict(pairs)
    assert dossier == ("dossier", "1")
    assert values.pop("signature") == signed("RETURN", *values.values())
    assert values == told()["payload"]


def test_another_secret_signs_otherwise() -> None:
    forger = forged(MERCHANT)
    assert json.loads(callback(notice(forger)).body)["signature"] != told()["signature"]
    assert return_url(PAYMENT, forger) != return_url(PAYMENT, MERCHANT)


def test_the_banks_own_numbers_have_ten_digits_and_differ() -> None:
    rng = Random(1)
    numbers = {DIALECT.bank_ref(rng, PAID_AT) for _ in range(1000)}
    assert len(numbers) == 1000
    assert {len(number) for number in numbers} == {10}


# --- acknowledgements ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["0", "1", "3", "10", "17", "18", "20", "21", "100", "121", "400", "", "00"])
def test_only_0_and_1_end_the_retries(code: str) -> None:
    status = "SUCCESS" if code == "0" else "FAILURE"
    assert acknowledged(answer(errorCode=code, status=status), notice()) == Ack(code in ("0", "1"), f"errorCode {code}")


def test_a_code_may_be_a_number() -> None:
    assert acknowledged(answer(errorCode=0), notice()).done


@pytest.mark.parametrize(
    "said",
    [
        answer(status="FAILURE"),
        answer(status=""),
        answer(sign=""),
        answer(sign="0" * 64),
        answer(secret="forged"),
        answer(sign=signed("PAYMENT", "6014", "6960980123-SUCCESS", "MSG1", "SUCCESS", "0")),
        answer(channelRefNumber="6960980124-SUCCESS"),
        answer(channelId="PORTAL"),
        *[answer(http=status) for status in (0, 201, 204, 302, 400, 500)],
        Answer(200, (), b""),
        Answer(200, (), b"{}"),
        Answer(200, (), b'{"context":[],"signature":1}'),
        Answer(200, (), b"[" * 100_000),
    ],
)
def test_no_other_answer_acknowledges(said: Answer) -> None:
    assert acknowledged(answer(), notice()).done
    assert not acknowledged(said, notice()).done


# --- from the order to the refund ----------------------------------------------------------------------------


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with worlds_in(tmp_path) as worlds:
        yield await worlds.create("ci", seed="1", clock_at=START)


async def answered(world: World, request: Request) -> dict[str, Any]:
    """The bank's JSON answer, its signature checked as a connector would."""
    body: dict[str, Any] = json.loads((await ask(world, "vietcombank_qn", request)).response.body)
    kind = request.path.rpartition("/")[2].upper()
    values = [value for name, value in body["context"].items() if name != "errorMessage"]
    assert body["signature"] == signed(f"{kind}_ANSWER", *values, *body["payload"].values())
    return body


async def code_of(world: World, request: Request) -> str:
    code: str = (await answered(world, request))["context"]["errorCode"]
    return code


async def ordered(world: World, **changes: str) -> Payment:
    response = (await ask(world, "vietcombank_qn", pay_request(fields(**changes)))).response
    (payment,) = await world.store.payments(world.name)
    assert dict(response.headers)["location"] == world.page_url(payment.payment_id)
    return payment


async def paid(world: World) -> Payment:
    """Internet B@nking: log-in and OTP."""
    payment = await ordered(world, channel="IB")
    assert payer.stage(payment, START) is Stage.LOGIN
    payment = await progress(world, payment.payment_id, payer.log_in("nguyenvana", "banksim"))
    assert payer.stage(payment, START) is Stage.OTP
    return await progress(world, payment.payment_id, payer.give_otp("123456"))


@pytest.mark.parametrize(
    ("channel", "stage"), [("", Stage.CHOOSE), ("QR", Stage.QR), ("CARD", Stage.CARD), ("POS", Stage.CONFIRM)]
)
async def test_each_channel_begins_with_its_own_page(world: World, channel: str, stage: Stage) -> None:
    assert payer.stage(await ordered(world, channel=channel), START) is stage


async def test_a_log_in_and_an_otp_pay_and_the_query_says_so(world: World) -> None:
    payment = await paid(world)
    assert payment.state is State.PAID
    body = await answered(world, query("HS0001", START, "Q1"))
    expected = json.loads(callback(notice_of(payment)).body)["payload"] | {"refundedAmount": "0"}
    assert body["payload"] == expected
    assert body["context"]["status"] == "SUCCESS"


def notice_of(payment: Payment) -> Notice:
    return Notice(payment=payment, merchant=MERCHANT, now=START)


async def test_a_query_of_a_pending_and_of_an_unknown_order(world: World) -> None:
    await ordered(world)
    body = await answered(world, query("HS0001", START, "Q1"))
    assert (body["payload"]["status"], body["payload"]["resultCode"]) == ("PENDING", "100")
    assert await code_of(world, query("HS0002", START, "Q2")) == "17"
    assert await code_of(world, query("HS0001", START, "Q1")) == "121", "a number is used once"


async def test_refunds_in_parts_never_exceed_the_payment(world: World) -> None:
    await paid(world)
    first = await answered(world, refund("HS0001", "R1", 15_000, START))
    assert first["payload"] == {
        "providerId": "VCBQN",
        "orderId": "HS0001",
        "refundId": "R1",
        "refundNo": first["payload"]["refundNo"],
        "amount": "15000",
        "refundedAmount": "15000",
    }
    assert await code_of(world, refund("HS0001", "R1", 5_000, START)) == "121"
    assert await code_of(world, refund("HS0001", "R2", 5_001, START)) == "3"
    assert await code_of(world, refund("HS0001", "R3", 20_001, START)) == "3"
    assert await code_of(world, refund("HS0001", "R4", 5_000, START)) == "0"
    assert await code_of(world, refund("HS0001", "R5", 1, START)) == "3"
    body = await answered(world, query("HS0001", START, "Q9"))
    assert (body["payload"]["status"], body["payload"]["refundedAmount"]) == ("SUCCESS", "20000")
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 0


async def test_what_was_never_paid_is_not_refunded(world: World) -> None:
    await ordered(world)
    assert await code_of(world, refund("HS0001", "R1", 1, START)) == "101"
    assert await code_of(world, refund("HS0002", "R1", 1, START)) == "17"


async def test_an_order_is_made_once_and_a_reload_shows_it_again(world: World) -> None:
    payment = await ordered(world)
    assert (await ordered(world)).payment_id == payment.payment_id
    again = await ask(world, "vietcombank_qn", pay_request(fields(amount="19999")))
    assert dict(again.response.headers)["location"] == "error?errorCode=121"


async def test_an_order_that_is_already_over_is_not_made(world: World) -> None:
    request = pay_request(fields(expireDateTime=local(START)))
    assert dict((await ask(world, "vietcombank_qn", request)).response.headers)["location"] == "error?errorCode=20"


# --- any garbage ---------------------------------------------------------------------------------------------

TEXT = st.text(max_size=30)
MEMBERS = st.dictionaries(
    st.sampled_from(["channelId", "channelRefNumber", "requestDateTime", "providerId", "orderId", "amount"]),
    TEXT | st.integers() | st.none() | st.floats(allow_nan=False) | st.lists(TEXT, max_size=2),
)


@given(context=MEMBERS, payload=MEMBERS, given_signature=TEXT | st.integers())
def test_any_json_is_refused_in_the_protocols_words(context: object, payload: object, given_signature: object) -> None:
    body = json.dumps({"context": context, "payload": payload, "signature": given_signature}).encode()
    for endpoint in (QUERY, REFUND):
        reason, response = refused(endpoint, Request("POST", endpoint.path, body=body))
        assert response.status == 200
        assert reason in (Reason.MALFORMED, Reason.UNKNOWN_MERCHANT, Reason.BAD_SIGNATURE)


@given(changes=st.dictionaries(st.sampled_from(list(fields())), TEXT.filter(str.isprintable)))
def test_any_signed_order_is_taken_or_refused(changes: dict[str, str]) -> None:
    request = pay_request(fields(**changes))
    command, response = understood(request)
    if response is not None:
        assert response.status == 302
    else:
        assert isinstance(command, Create)
        assert 0 < command.order.amount_vnd < 10**15


def understood(request: Request) -> tuple[Command | None, Response | None]:
    try:
        return PAY.decode(request, merchants), None
    except Refusal as refusal:
        return None, PAY.encode(request, None, refusal)
