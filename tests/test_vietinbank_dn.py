"""Facts about the city's gateway at VietinBank, which is this project's own design."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bank import act, progress, returned
from simulator.banks import vietinbank_dn
from simulator.banks.vietinbank_dn import (
    CREATE_SIGNED,
    DIALECT,
    LENGTHS,
    REFUSALS,
    TEXTS,
    acknowledged,
    callback,
    return_url,
    string_to_sign,
)
from simulator.dialect import Ack, Command, Create, Endpoint, Notice, Query, RefundOrder, Reply
from simulator.merchants import default_merchants, forged, impostor_key
from simulator.payer import choose, give_card, give_otp, log_in, scan, take_money
from simulator.payment import COLLECTED, Channel, Event, Merchant, Outcome, Payment, Reason, Refund, Refusal, State
from simulator.signing import rsa_sha256_sign, rsa_sha256_verify
from simulator.slip import PaidWith, TellerSlip
from simulator.sources import sources
from simulator.wire import Answer, Request, Response
from simulator.world import World
from tests.samples import vietinbank_dn as portal
from tests.worlds import START, ask, worlds_in

WIRE = Path(__file__).parent.parent / "fixtures" / "wire" / "vietinbank_dn" / "messages.json"
VECTORS = {vector["key"]: vector for vector in json.loads(WIRE.read_text(encoding="utf-8"))}
MERCHANT = next(each for each in default_merchants() if each.bank == "vietinbank_dn")
ENDPOINTS = {endpoint.operation: endpoint for endpoint in DIALECT.endpoints}
OPERATIONS = ("create", "query", "refund")
SETTLED_AT = datetime(2026, 11, 22, 3, 5, tzinfo=UTC)


def request_of(operation: str) -> Request:
    made = {
        "create": lambda: portal.create("HS0001", 20_000, START),
        "query": lambda: portal.query("HS0001", START, "Q1"),
        "refund": lambda: portal.refund("HS0001", 5_000, START, "R1"),
    }
    return made[operation]()


def with_fields(operation: str, **fields: Any) -> Request:
    """A well-formed request with some fields changed (None = left out) and signed again."""
    told = {
        name: value for name, value in {**json.loads(request_of(operation).body), **fields}.items() if value is not None
    }
    texts = {name: str(value) for name, value in told.items() if name != "signature"}
    body = json.dumps({**told, "signature": portal.sealed(operation, texts)["signature"]})
    return Request("POST", f"/payment/{operation}", body=body.encode())


def decoded(operation: str, request: Request, merchant: Merchant = MERCHANT) -> Command:
    return ENDPOINTS[operation].decode(request, lambda code: merchant if code == merchant.merchant_code else None)


def refusal(operation: str, request: Request, merchant: Merchant = MERCHANT) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(operation, request, merchant)
    return caught.value


def created(**fields: Any) -> Create:
    command = decoded("create", with_fields("create", **fields))
    assert isinstance(command, Create)
    return command


def payment(state: State = State.PAID, asked: str = "", **changes: Any) -> Payment:
    order = created(payMethod=asked).order
    made = Payment(
        payment_id="0123abcd",
        bank="vietinbank_dn",
        merchant_code=MERCHANT.merchant_code,
        order=order,
        amount_vnd=order.amount_vnd,
        bank_ref="14226112",
        created_at=START,
        state=state,
        outcome=Outcome.SUCCESS if state in COLLECTED else None,
        channel=order.channel or Channel.INTERNET_BANKING,
        settled_at=None if state is State.PENDING else SETTLED_AT,
    )
    return msgspec.structs.replace(made, **changes)


def fields_of(response: Response) -> dict[str, Any]:
    assert response.status == 200
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def answered(operation: str, result: Payment | Refusal, **more: Any) -> dict[str, Any]:
    request = request_of(operation)
    url = "http://banksim.test/pay/1"
    reply = (
        result if isinstance(result, Refusal) else Reply(now=START, reply_ref="", payment=result, page_url=url, **more)
    )
    return fields_of(ENDPOINTS[operation].encode(request, decoded(operation, request), reply))


def truly_signed(fields: dict[str, Any]) -> bool:
    text = "".join(value for name, value in fields.items() if name != "signature")
    return rsa_sha256_verify(MERCHANT.secrets["bank_public_key"], text.encode(), fields["signature"])


def notice(merchant: Merchant = MERCHANT, attempt: int = 1, **changes: Any) -> Notice:
    return Notice(payment=payment(**changes), merchant=merchant, now=SETTLED_AT, attempt=attempt)


def told(merchant: Merchant = MERCHANT, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(callback(notice(merchant, **changes)).body)
    return fields


# --- the design says that it is one --------------------------------------------------------------------------


def test_everything_about_it_is_said_to_be_our_own_design() -> None:
    assert "own design" in (vietinbank_dn.__doc__ or "")
    assert all(each.why.startswith("own design, no source: ") for each in DIALECT.assumptions)
    assert {sources()[key].confidence for key in DIALECT.sources} == {"assumption"}


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(VECTORS))
def test_a_vector_is_signed_by_the_key_it_names(key: str) -> None:
    vector = VECTORS[key]
    assert vector["source"] == "vietinbank-dn-design"
    public = MERCHANT.secrets[f"{vector['signed_by']}_public_key"]
    assert rsa_sha256_verify(public, vector["string_to_sign"].encode(), vector["signature"])


@pytest.mark.parametrize(("key", "command"), [("D1", Create), ("D2", Query), ("D3", RefundOrder)])
def test_a_known_request_is_understood(key: str, command: type[Command]) -> None:
    vector = VECTORS[key]
    body = json.dumps({**vector["fields"], "signature": vector["signature"]}).encode()
    request = Request("POST", f"/payment/{vector['message']}", body=body)
    assert type(decoded(vector["message"], request)) is command
    assert string_to_sign(vector["fields"], portal.SIGNED[vector["message"]]).decode() == vector["string_to_sign"]


def test_a_notice_is_the_known_one() -> None:
    vector = VECTORS["D4"]
    merchant = msgspec.structs.replace(MERCHANT, callback_url="http://portal.test/notice")
    sent = callback(notice(merchant))
    assert (sent.method, sent.url) == ("POST", "http://portal.test/notice")
    assert json.loads(sent.body) == {**vector["fields"], "signature": vector["signature"]}


# --- requests ------------------------------------------------------------------------------------------------


def test_a_create_becomes_an_order() -> None:
    order = created(language="EN").order
    assert (order.order_ref, order.order_key, order.amount_vnd) == ("HS0001", "HS0001", 20_000)
    assert (order.description, order.return_url) == ("Nop le phi HS0001", "http://portal.test/return")
    assert (order.locale, order.ordered_at, order.client_ip) == ("en", START, "127.0.0.1")
    assert (order.channel, order.expires_at) == (None, None)
    assert created(remark=None).order.description == "000.00.00.H17-261122-0001"


@pytest.mark.parametrize(
    ("method", "channel", "issuer"),
    [
        ("", None, ""),
        ("ACCOUNT", Channel.INTERNET_BANKING, "VIETINBANK"),
        ("ATM", Channel.CARD, ""),
        ("CREDIT", Channel.CARD, ""),
        ("QR", Channel.QR, ""),
        ("CASH", Channel.COUNTER, ""),
    ],
)
def test_every_pay_method_has_its_channel(method: str, channel: Channel | None, issuer: str) -> None:
    order = created(payMethod=method).order
    assert (order.channel, order.issuer_code) == (channel, issuer)


def test_an_unknown_pay_method_is_malformed() -> None:
    for method in ("cash", "MOMO", "ACCOUNT "):
        assert refusal("create", with_fields("create", payMethod=method)).reason is Reason.MALFORMED


def test_cash_may_be_brought_for_three_days_unless_the_order_says_else() -> None:
    assert created(payMethod="CASH").order.expires_at == START + timedelta(days=3)
    assert created(payMethod="CASH", expireTime="20261122110000").order.expires_at == START + timedelta(hours=1)
    assert created(payMethod="CASH", transTime="99991231235959").order.expires_at is None


@pytest.mark.parametrize("expire", ["20261122100000", "20261122095959"])
def test_an_order_cannot_expire_before_it_was_made(expire: str) -> None:
    assert refusal("create", with_fields("create", expireTime=expire)).reason is Reason.EXPIRED


def test_queries_and_refunds_carry_their_own_number() -> None:
    query, back = decoded("query", request_of("query")), decoded("refund", request_of("refund"))
    assert isinstance(query, Query)
    assert (query.order_key, query.request_ref) == ("HS0001", "Q1")
    assert isinstance(back, RefundOrder)
    assert (back.order_key, back.request_ref, back.amount_vnd, back.full) == ("HS0001", "R1", 5_000, False)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_changing_any_field_is_noticed(operation: str) -> None:
    true = json.loads(request_of(operation).body)
    fitting = {"transTime": "20261122100001", "expireTime": "20261122110000", "payMethod": "QR", "amount": "20001"}
    for name in portal.SIGNED[operation].split("+"):
        value = fitting.get(name, f"{true.get(name, '')}1"[-LENGTHS[name] :])
        request = Request("POST", "/", body=json.dumps({**true, name: value}).encode())
        expected = Reason.UNKNOWN_MERCHANT if name == "merchantId" else Reason.BAD_SIGNATURE
        assert refusal(operation, request).reason is expected, name


def test_another_key_or_no_signature_proves_nothing() -> None:
    true = json.loads(request_of("query").body)
    text = string_to_sign(true, portal.SIGNED["query"])
    for signature in (rsa_sha256_sign(impostor_key(), text), "", "AAAA", "không phải base64", None):
        body = json.dumps({**true, "signature": signature}).encode()
        assert refusal("query", Request("POST", "/", body=body)).reason is Reason.BAD_SIGNATURE
    keyless = msgspec.structs.replace(MERCHANT, secrets={**MERCHANT.secrets, "portal_public_key": "no key"})
    assert refusal("query", request_of("query"), keyless).reason is Reason.BAD_SIGNATURE


def test_one_message_cannot_pass_for_another() -> None:
    for sent, at in (("query", "refund"), ("refund", "query"), ("create", "query")):
        request = Request("POST", "/", body=request_of(sent).body)
        assert refusal(at, request).reason in (Reason.BAD_SIGNATURE, Reason.INVALID_AMOUNT)


def test_every_length_has_its_limit() -> None:
    for name in CREATE_SIGNED.split("+"):
        if name in ("merchantId", "amount", "currencyCode", "payMethod", "transTime", "expireTime"):
            continue
        opening = "http://" if name == "returnUrl" else ""
        longest = opening + "x" * (LENGTHS[name] - len(opening))
        assert created(**{name: longest})
        assert refusal("create", with_fields("create", **{name: f"{longest}x"})).reason is Reason.MALFORMED, name


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", ["requestId", "merchantId", "orderId", "transTime"])
def test_what_may_not_be_empty_is_refused_empty_or_absent(operation: str, name: str) -> None:
    for value in ("", None):
        assert refusal(operation, with_fields(operation, **{name: value})).reason is Reason.MALFORMED


@pytest.mark.parametrize("text", ["", "0", "-1", "+1", "1.0", "1e3", " 1", "020000", "1,000", "٣"])
@pytest.mark.parametrize("operation", ["create", "refund"])
def test_an_amount_that_is_no_plain_whole_number_is_refused(operation: str, text: str) -> None:
    assert refusal(operation, with_fields(operation, amount=text)).reason is Reason.INVALID_AMOUNT


@pytest.mark.parametrize("amount", [1, "2147483648", 999_999_999_999_999])
def test_an_amount_may_be_a_number_and_beyond_32_bits(amount: object) -> None:
    assert created(amount=amount).order.amount_vnd == int(str(amount))


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 10**15},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": True},
        {"amount": ["1"]},
        {"remark": {}},
        {"remark": "a\x00b"},
        {"transTime": "2026-11-22"},
        {"expireTime": "20261322000000"},
        {"returnUrl": "javascript:alert(1)"},
        {"returnUrl": "http://portal.test/ß"},
        {"returnUrl": "http://portal.test/\r\nX: 1"},
    ],
)
def test_a_value_of_another_kind_is_malformed(fields: dict[str, Any]) -> None:
    assert refusal("create", with_fields("create", **fields)).reason is Reason.MALFORMED


def test_only_vnd_is_taken() -> None:
    assert refusal("create", with_fields("create", currencyCode="USD")).reason is Reason.INVALID_CURRENCY
    assert created(currencyCode=None)


# --- answers -------------------------------------------------------------------------------------------------


def test_a_create_is_answered_with_the_payers_page() -> None:
    answer = answered("create", payment(State.PENDING))
    assert (answer["errorCode"], answer["payUrl"]) == ("00", "http://banksim.test/pay/1")
    assert (answer["requestId"], answer["orderId"]) == ("C-HS0001", "HS0001")
    assert "payCode" not in answer
    assert truly_signed(answer)


def test_a_payer_with_cash_is_given_a_code_for_the_teller() -> None:
    answer = answered("create", payment(State.PENDING, "CASH"))
    assert (answer["payCode"], answer["expireTime"]) == ("14226112", "20261125100000")


@pytest.mark.parametrize(
    ("state", "status", "response"),
    [
        (State.PAID, "00", "00"),
        (State.PENDING, "01", None),
        (State.FAILED, "02", "99"),
        (State.CANCELLED, "03", "99"),
        (State.EXPIRED, "04", "99"),
        (State.REVERSED, "05", "99"),
        (State.PARTLY_REFUNDED, "06", "00"),
        (State.REFUNDED, "07", "00"),
        (State.SUSPECTED, "08", "99"),
    ],
)
def test_every_state_has_its_status(state: State, status: str, response: str | None) -> None:
    answer = answered("query", payment(state))
    assert (answer["errorCode"], answer["transStatus"], answer.get("responseCode")) == ("00", status, response)
    assert truly_signed(answer)


OUTCOME_CODES = {
    Outcome.WRONG_DETAILS: "14",
    Outcome.CANCELLED: "24",
    Outcome.INSUFFICIENT_FUNDS: "51",
    Outcome.WRONG_PASSWORD: "55",
    Outcome.NOT_REGISTERED: "57",
    Outcome.SUSPECTED_FRAUD: "59",
    Outcome.OVER_LIMIT: "61",
    Outcome.ACCOUNT_LOCKED: "62",
    Outcome.TIMED_OUT: "68",
    Outcome.WRONG_OTP: "75",
    Outcome.MAINTENANCE: "91",
}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_failure_has_its_code_and_none_is_00(outcome: Outcome) -> None:
    answer = answered("query", payment(State.FAILED, outcome=outcome))
    assert answer["responseCode"] == OUTCOME_CODES.get(outcome, "99")


@pytest.mark.parametrize(
    ("changes", "method"),
    [
        ({"channel": Channel.INTERNET_BANKING}, "ACCOUNT"),
        ({"channel": Channel.QR}, "QR"),
        ({"channel": Channel.COUNTER}, "CASH"),
        ({"channel": Channel.CARD}, "ATM"),
        ({"channel": Channel.CARD, "payer_account": "970419*********2198"}, "ATM"),
        ({"channel": Channel.CARD, "payer_account": "445653******1096"}, "CREDIT"),
        ({"channel": Channel.CARD, "asked": "CREDIT"}, "CREDIT"),
        ({"channel": None}, None),
        ({"channel": None, "asked": "QR"}, "QR"),
    ],
)
def test_how_it_was_paid_is_told(changes: dict[str, Any], method: str | None) -> None:
    assert answered("query", payment(**changes)).get("payMethod") == method


def test_cash_has_no_number_at_the_bank_and_an_open_payment_neither() -> None:
    assert "bankTransId" not in answered("query", payment(channel=Channel.COUNTER))
    assert "bankTransId" not in answered("query", payment(State.PENDING))
    assert answered("query", payment())["bankTransId"] == "14226112"


def test_a_refund_is_told_with_its_number_and_the_sum_so_far() -> None:
    back = Refund(request_ref="R1", amount_vnd=5_000, refunded_at=START, bank_ref="99")
    answer = answered("refund", payment(State.PARTLY_REFUNDED, refunds=(back,)), refund=back)
    assert (answer["errorCode"], answer["refundTransId"], answer["refundAmount"]) == ("00", "99", "5000")
    assert (answer["refundedAmount"], answer["transStatus"]) == ("5000", "06")
    assert truly_signed(answer)


EXPECTED = {
    Reason.MALFORMED: "09",
    Reason.UNKNOWN_COMMAND: "09",
    Reason.UNKNOWN_MERCHANT: "02",
    Reason.BAD_SIGNATURE: "01",
    Reason.RETURN_URL_NOT_REGISTERED: "11",
    Reason.INVALID_AMOUNT: "04",
    Reason.INVALID_CURRENCY: "04",
    Reason.MAINTENANCE: "08",
    Reason.EXPIRED: "10",
    Reason.DUPLICATE_ORDER: "05",
    Reason.UNKNOWN_ORDER: "02",
    Reason.TOO_SOON: "07",
    Reason.NOT_PAID: "03",
    Reason.FULL_REFUND_AFTER_PART: "03",
    Reason.ONLY_PART_REFUND: "03",
    Reason.REFUND_ABOVE_PAYMENT: "12",
    Reason.REFUNDS_ABOVE_PAYMENT: "12",
    Reason.ALREADY_PAID: "03",
    Reason.REFUND_REFUSED: "13",
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_its_code_and_is_signed(operation: str, reason: Reason) -> None:
    answer = answered(operation, Refusal(reason))
    code = EXPECTED.get(reason, "99")
    assert (answer["errorCode"], answer["errorDesc"]) == (code, TEXTS[code])
    assert truly_signed(answer)
    assert REFUSALS.keys() == EXPECTED.keys()


def test_who_has_not_proved_himself_gets_no_signature() -> None:
    body = json.dumps({**json.loads(request_of("query").body), "signature": "AAAA"}).encode()
    request = Request("POST", "/payment/query", body=body)
    answer = fields_of(ENDPOINTS["query"].encode(request, None, refusal("query", request)))
    assert (answer["errorCode"], answer["signature"], answer["orderId"]) == ("01", "", "HS0001")


def test_who_has_proved_himself_gets_one_even_for_a_refused_amount() -> None:
    request = with_fields("refund", amount="0")
    answer = fields_of(ENDPOINTS["refund"].encode(request, None, refusal("refund", request)))
    assert answer["errorCode"] == "04"
    assert truly_signed(answer)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[" * 100_000, b"\xff", b'{"merchantId":[]}', b'{"amount":' + b"9" * 5000]
)
def test_garbage_is_answered_in_the_gateways_form(body: bytes) -> None:
    endpoint: Endpoint = ENDPOINTS["create"]
    request = Request("POST", endpoint.path, body=body)
    answer = fields_of(endpoint.encode(request, None, refusal("create", request)))
    assert (answer["errorCode"], answer["signature"]) == ("09", "")


# --- notices and their acknowledgements ----------------------------------------------------------------------


def test_a_notice_keeps_its_number_over_attempts_and_changes_it_with_the_state() -> None:
    assert callback(notice(attempt=1)) == callback(notice(attempt=3))
    assert told()["transId"] != told(state=State.REVERSED)["transId"]


@pytest.mark.parametrize("state", State)
def test_a_notice_of_every_state_is_signed_and_only_collected_money_is_paid(state: State) -> None:
    fields = told(state=state)
    assert truly_signed(fields)
    assert all(isinstance(value, str) and value for value in fields.values())
    assert (fields.get("responseCode") == "00") is (state in COLLECTED)


def acknowledgement(code: str = "00", private_key: str = "", **changes: object) -> Answer:
    fields = {"transId": told()["transId"], "errorCode": code, "errorDesc": "Đã nhận"}
    signature = rsa_sha256_sign(
        private_key or MERCHANT.secrets["portal_private_key"], "".join(fields.values()).encode()
    )
    return Answer(200, (), json.dumps({**fields, "signature": signature, **changes}).encode())


@pytest.mark.parametrize(
    ("code", "done"),
    [("00", True), ("05", True), *((code, False) for code in ("", "0", "000", "01", "02", "03", "06", "07", "99"))],
)
def test_only_00_and_05_end_the_retries(code: str, done: bool) -> None:
    assert acknowledged(acknowledgement(code), notice()) == Ack(done, f"errorCode {code}")


@pytest.mark.parametrize(
    "changes",
    [
        {"transId": "1"},
        {"transId": None},
        {"errorCode": "05"},
        {"errorCode": 0},
        {"errorDesc": "x"},
        {"errorDesc": ["x"]},
        {"signature": ""},
        {"signature": "không"},
        {"signature": {}},
    ],
)
def test_a_changed_answer_acknowledges_nothing(changes: dict[str, object]) -> None:
    assert not acknowledged(acknowledgement(**changes), notice()).done  # type: ignore[arg-type]


def test_an_impostor_or_another_http_status_acknowledges_nothing() -> None:
    assert not acknowledged(acknowledgement(private_key=impostor_key()), notice()).done
    for status in (0, 201, 204, 302, 404, 500):
        assert not acknowledged(Answer(status, (), acknowledgement().body), notice()).done
    assert acknowledged(Answer(error="timed out"), notice()) == Ack(False, "timed out")


def test_a_forged_notice_is_judged_by_the_true_key() -> None:
    assert acknowledged(acknowledgement(), notice(forged(MERCHANT))).done
    assert told(forged(MERCHANT))["signature"] != told()["signature"]


# --- the payer's return --------------------------------------------------------------------------------------


def test_a_return_tells_the_query_signed() -> None:
    parts = urlsplit(return_url(payment(), MERCHANT))
    fields = dict(parse_qsl(parts.query))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "http://portal.test/return"
    assert (fields["orderId"], fields["transStatus"], fields["amount"]) == ("HS0001", "00", "20000")
    assert truly_signed(fields)


def test_a_return_goes_to_the_merchants_own_page_if_the_order_has_none() -> None:
    homeless = msgspec.structs.replace(payment(), order=created(returnUrl=None).order)
    assert return_url(homeless, MERCHANT) == ""
    at_home = msgspec.structs.replace(MERCHANT, options={"return_url": "http://portal.test/own?a=1#end"})
    url = return_url(homeless, at_home)
    assert url.startswith("http://portal.test/own?a=1&merchantId=DANANG01&")
    assert url.endswith("#end")


# --- hostile bytes -------------------------------------------------------------------------------------------


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(OPERATIONS), st.dictionaries(st.sampled_from(sorted(LENGTHS)), HOSTILE, max_size=6))
def test_hostile_fields_are_refused_or_understood(operation: str, fields: dict[str, object]) -> None:
    whole = {**json.loads(request_of(operation).body), **fields}
    request = Request("POST", "/", body=json.dumps(whole).encode("utf-8", "surrogatepass"))
    try:
        assert decoded(operation, request).merchant == MERCHANT
    except Refusal as refused:
        fields_of(ENDPOINTS[operation].encode(request, None, refused))


@given(st.dictionaries(st.sampled_from(["transId", "errorCode", "errorDesc", "signature"]), HOSTILE))
def test_no_unsigned_answer_acknowledges(fields: dict[str, object]) -> None:
    body = json.dumps(fields).encode("utf-8", "surrogatepass")
    assert not acknowledged(Answer(200, (), body), notice()).done


# --- whole payments ------------------------------------------------------------------------------------------


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with worlds_in(tmp_path) as worlds:
        yield await worlds.create("ci", seed="1", clock_at=START)


async def said(world: World, request: Request) -> dict[str, Any]:
    return fields_of((await ask(world, "vietinbank_dn", request)).response)


async def code_of(world: World, request: Request) -> str:
    code: str = (await said(world, request))["errorCode"]
    return code


async def opened(world: World, **changes: str) -> Payment:
    assert await code_of(world, portal.create("HS1", 20_000, START, **changes)) == "00"
    (made,) = await world.store.payments(world.name)
    return made


AT_THE_COUNTER = TellerSlip(
    branch="0001",
    teller_id="GDV01",
    sequence=1,
    paid_with=PaidWith.CASH,
    taken_at=START,
    booked_on=START.date(),
)


@pytest.mark.parametrize(
    ("method", "steps"),
    [
        ("ACCOUNT", (log_in("nguyenvana", "banksim"), give_otp("123456"))),
        ("ATM", (give_card("9704198526191432198", "NGUYEN VAN A", "07/15"), give_otp("123456"))),
        ("QR", (scan(),)),
        ("CASH", (take_money(AT_THE_COUNTER),)),
    ],
)
async def test_every_way_to_pay_ends_in_a_paid_order(world: World, method: str, steps: tuple[Any, ...]) -> None:
    made = await opened(world, payMethod=method)
    if method == "QR":
        made = await progress(world, made.payment_id, choose(Channel.QR, ""))
    for step in steps:
        made = await progress(world, made.payment_id, step)
    assert made.state is State.PAID
    answer = await said(world, portal.query("HS1", START, "Q1"))
    assert (answer["transStatus"], answer["payMethod"]) == ("00", method)


async def test_a_payer_may_choose_the_counter_himself(world: World) -> None:
    made = await opened(world)
    await progress(world, made.payment_id, choose(Channel.COUNTER, ""))
    paid = await progress(world, made.payment_id, take_money(AT_THE_COUNTER))
    assert (paid.state, paid.channel) == (State.PAID, Channel.COUNTER)
    assert (await said(world, portal.query("HS1", START, "Q1")))["payMethod"] == "CASH"
    assert "transStatus=00" in await returned(world, made.payment_id)


async def test_numbers_are_used_once(world: World) -> None:
    await opened(world)
    assert await code_of(world, portal.create("HS1", 20_000, START)) == "05"
    assert await code_of(world, portal.query("HS1", START, "Q1")) == "00"
    assert await code_of(world, portal.query("HS1", START, "Q1")) == "07"
    assert await code_of(world, portal.query("NOPE", START, "Q1")) == "02"


async def test_an_order_that_has_expired_is_refused(world: World) -> None:
    late = START - timedelta(hours=2)
    assert await code_of(world, portal.create("HS1", 20_000, late, expireTime="20261122090000")) == "10"


async def test_refunds_never_exceed_the_payment(world: World) -> None:
    made = await opened(world)
    assert await code_of(world, portal.refund("HS1", 20_000, START, "R0")) == "03"
    await act(world, made.payment_id, Event.APPROVE)
    assert await code_of(world, portal.refund("HS1", 20_001, START, "R1")) == "12"
    assert await code_of(world, portal.refund("HS1", 15_000, START, "R2")) == "00"
    assert await code_of(world, portal.refund("HS1", 5_000, START, "R2")) == "07"
    assert await code_of(world, portal.refund("HS1", 5_001, START, "R3")) == "12"
    last = await said(world, portal.refund("HS1", 5_000, START, "R4"))
    assert (last["transStatus"], last["refundedAmount"]) == ("07", "20000")
    assert await code_of(world, portal.refund("HS1", 1, START, "R5")) == "12"
    (refunded,) = await world.store.payments(world.name)
    assert refunded.refunded_vnd == 20_000
