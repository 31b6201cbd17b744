"""Facts about KeyPay 3.0."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from simulator.bank import act
from simulator.banks import keypay3
from simulator.banks.keypay3 import DIALECT, STATUS, check_sum
from simulator.dialect import Ack, Command, Create, Endpoint, Notice, Query, QueryRefund, RefundOrder, Reply
from simulator.merchants import default_merchants
from simulator.payment import COLLECTED, Event, Merchant, Outcome, Payment, Reason, Refund, Refusal, State
from simulator.wire import Answer, Request, Response
from tests.samples.keypay3 import keypay3_create, keypay3_detail, keypay3_refund, keypay3_refund_detail
from tests.worlds import START, ask, connector, courier_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "keypay" / "v3.json"
VECTORS = {vector["message"]: vector for vector in json.loads(VECTOR_FILE.read_text())}
OURS = next(each for each in default_merchants() if each.bank == "keypay3")
DEMO = msgspec.structs.replace(
    OURS, merchant_code="DEMO", secrets={"key1": "key1", "key2": "key2"}, callback_url="http://portal.test/callback"
)
CREATE, DETAIL, REFUND, REFUND_DETAIL = DIALECT.endpoints
NOW = datetime(2025, 1, 2, 8, 4, 5, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"


def merchants(code: str) -> Merchant | None:
    return {"KP3DEMO": OURS, "DEMO": DEMO}.get(code)


def known(**changes: Any) -> Request:
    """The create of the known vector."""
    return keypay3_create("7_abc", 50_000, NOW, key="key1", client_id="DEMO", **changes)


def decoded(endpoint: Endpoint, request: Request) -> Command:
    return endpoint.decode(request, merchants)


def created(request: Request) -> Create:
    command = decoded(CREATE, request)
    assert isinstance(command, Create)
    return command


def refused(endpoint: Endpoint, request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(endpoint, request)
    return caught.value


def altered(request: Request, **changes: object) -> Request:
    """The same request with fields that its check_sum does not know of."""
    fields = {**json.loads(request.body), **changes}
    return msgspec.structs.replace(request, body=json.dumps(fields).encode())


def payment(state: State = State.PAID, **changes: Any) -> Payment:
    made = Payment(
        payment_id="0123abcd",
        bank="keypay3",
        merchant_code="DEMO",
        order=created(known()).order,
        amount_vnd=50_000,
        bank_ref="14226112",
        created_at=NOW,
        state=state,
        outcome=Outcome.SUCCESS,
    )
    return msgspec.structs.replace(made, **changes)


def told(merchant: Merchant = DEMO, **changes: Any) -> dict[str, Any]:
    outgoing = DIALECT.callback(Notice(payment=payment(**changes), merchant=merchant, now=NOW))
    fields: dict[str, Any] = json.loads(outgoing.body)
    return fields


def fields_of(response: Response) -> dict[str, Any]:
    assert response.status == 200
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def replied(endpoint: Endpoint, request: Request, result: Payment | Refusal, **changes: Any) -> dict[str, Any]:
    reply = (
        result
        if isinstance(result, Refusal)
        else Reply(now=NOW, reply_ref="0" * 32, payment=result, page_url="http://bank/pay/1", **changes)
    )
    return fields_of(endpoint.encode(request, decoded(endpoint, request), reply))


def sealed_by(key: str, text: str) -> str:
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", sorted(VECTORS))
def test_a_known_text_has_its_known_check_sum(message: str) -> None:  # keypay3-opencps2#create, #callback, #detail
    vector = VECTORS[message]
    assert sealed_by(vector["secret"], vector["string_to_sign"]) == vector["signature"]


def test_the_known_create_and_detail_are_understood() -> None:
    assert json.loads(known().body)["check_sum"] == VECTORS["create"]["signature"]
    command = created(known())
    assert (command.order.order_ref, command.order.amount_vnd, command.warnings) == ("7_abc", 50_000, ())
    detail = altered(keypay3_detail("7_abc", NOW), client_id="DEMO", check_sum=VECTORS["detail"]["signature"])
    asked = decoded(DETAIL, detail)
    assert isinstance(asked, Query)
    assert asked.order_key == "7_abc"


def test_the_callback_carries_the_known_check_sum_under_the_second_key() -> None:
    fields = told()
    assert fields.pop("check_sum") == VECTORS["callback"]["signature"]
    assert fields == {
        "client_id": "DEMO",
        "transaction_id": "7_abc",
        "transaction_code": "14226112",
        "trans_amount": "50000",
        "payment_fee": "0",
        "addition_fee": "0",
        "command": "PAY",
        "version": "3.0",
        "description": "Nộp lệ phí 7_abc",
        "locale": "vn",
        "country_code": "vi",
        "currency_code": "VND",
        "environment": "1",
        "status": 0,
    }


# --- create --------------------------------------------------------------------------------------------------


def test_the_payer_pays_amount_and_fee_and_the_callback_tells_both() -> None:
    order = created(known(addition_fee="2000")).order
    assert order.amount_vnd == 52_000
    fields = told(order=order, amount_vnd=52_000)
    assert (fields["trans_amount"], fields["addition_fee"]) == ("50000", "2000")


def test_numbers_count_as_their_digits_and_an_amount_may_exceed_32_bits() -> None:
    assert created(known(trans_amount=3_000_000_000, addition_fee=0)).order.amount_vnd == 3_000_000_000


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "1e3", "050000", " 1", "1\n", "٣"])
def test_an_amount_that_is_no_plain_whole_number_is_refused(text: str) -> None:
    assert refused(CREATE, known(trans_amount=text)).reason is Reason.INVALID_AMOUNT
    if text != "0":
        assert refused(CREATE, known(addition_fee=text)).reason is Reason.INVALID_AMOUNT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transaction_id": ""}, Reason.MALFORMED),
        ({"transaction_id": "x" * 21}, Reason.MALFORMED),
        ({"transaction_id": "a\x00"}, Reason.MALFORMED),
        ({"trans_amount": "1" * 16}, Reason.MALFORMED),
        ({"trans_amount": 10**16}, Reason.MALFORMED),
        ({"addition_fee": ""}, Reason.MALFORMED),
        ({"version": ["3.0"]}, Reason.MALFORMED),
        ({"description": {"a": 1}}, Reason.MALFORMED),
        ({"description": "x" * 1001}, Reason.MALFORMED),
        ({"return_url": "javascript:alert(1)"}, Reason.MALFORMED),
        ({"return_url": "http://[portal.test/"}, Reason.MALFORMED),
        ({"return_url": ""}, Reason.MALFORMED),
        ({"bill_info": {"a": "x" * 8000}}, Reason.MALFORMED),
        ({"command": "REFUND"}, Reason.UNKNOWN_COMMAND),
        ({"currency_code": "USD"}, Reason.INVALID_CURRENCY),
    ],
)
def test_what_is_wrong_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    assert refused(CREATE, known(**changes)).reason is reason


@pytest.mark.parametrize("name", keypay3.PAY_SIGNED.split("|"))
def test_changing_any_signed_field_is_noticed(name: str) -> None:
    other = {"client_id": "KP3DEMO", "addition_fee": "1", "trans_amount": "50001"}.get(name, "x")
    assert refused(CREATE, altered(known(), **{name: other})).reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "given_sum",
    ["", None, "0" * 64, VECTORS["create"]["signature"].upper(), VECTORS["create"]["signature"][:32]],
)
def test_a_missing_wrong_upper_case_or_short_check_sum_is_refused(given_sum: str | None) -> None:
    assert refused(CREATE, altered(known(), check_sum=given_sum)).reason is Reason.BAD_SIGNATURE


def test_the_second_key_signs_no_request_and_a_stranger_is_unknown() -> None:
    other = altered(known(), check_sum=VECTORS["callback"]["signature"])
    assert refused(CREATE, other).reason is Reason.BAD_SIGNATURE
    assert refused(CREATE, altered(known(), client_id="NOBODY")).reason is Reason.UNKNOWN_MERCHANT


def test_what_is_unusual_is_remarked_on() -> None:
    assert created(known(version="3.1")).warnings == ("version is not 3.0",)
    assert created(known(country_code="")).warnings == ("country_code is not vi",)


@pytest.mark.parametrize("info", [None, [], "x", 5, {}, {"MaHoSo": ["HS"]}, 10**40])
def test_bill_info_of_any_form_is_kept_for_the_return(info: object) -> None:
    order = created(known(bill_info=info)).order
    query = parse_qs(urlsplit(DIALECT.return_url(payment(order=order), DEMO)).query)
    assert json.loads(query["bill_info"][0]) == (info or {})


# --- answers -------------------------------------------------------------------------------------------------


def test_a_create_is_answered_with_the_payers_page() -> None:
    fields = replied(CREATE, known(), payment(State.PENDING))
    assert (fields["error"], fields["payment_url"]) == ("0", "http://bank/pay/1")
    assert "data" not in fields
    assert fields["check_sum"] == sealed_by("key2", "DEMO|PAY|7_abc")


@pytest.mark.parametrize("flavour", ["qr", "paylater"])
def test_a_create_may_be_answered_with_a_code_to_scan(flavour: str) -> None:  # keypay3-opencps2#paylater
    merchant = msgspec.structs.replace(DEMO, options={"flavour": flavour})
    command = msgspec.structs.replace(created(known()), merchant=merchant)
    reply = Reply(now=NOW, reply_ref="", payment=payment(State.PENDING), page_url="http://bank/pay/1")
    data = fields_of(CREATE.encode(known(), command, reply))["data"]
    kind, _, picture = data["qrcode_pay"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(picture, validate=True).startswith(PNG)
    assert (data["url_pay"], data["transaction_code"], data["total_amount"]) == (
        "http://bank/pay/1",
        "14226112",
        50_000,
    )
    assert data["expired_in"] == 900


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_status(state: State) -> None:
    fields = replied(DETAIL, keypay3_detail("7_abc", NOW), payment(state))
    assert fields["error"] == "0"
    assert (fields["status"] == 0) == (state in COLLECTED)
    assert (fields["status"] == 2) == (state in (State.PENDING, State.SUSPECTED))
    assert fields["status"] == STATUS[state]
    assert (fields["transaction_id"], fields["trans_amount"]) == ("7_abc", "50000")


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    ("endpoint", "request_"),
    [
        (CREATE, keypay3_create("1", 1, NOW)),
        (DETAIL, keypay3_detail("1", NOW)),
        (REFUND, keypay3_refund("1", 1)),
        (REFUND_DETAIL, keypay3_refund_detail("RF1")),
    ],
    ids=lambda value: value.path if isinstance(value, Endpoint) else "",
)
def test_every_refusal_is_minus_1_with_its_reason_and_no_address(
    endpoint: Endpoint, request_: Request, reason: Reason
) -> None:
    fields = replied(endpoint, request_, Refusal(reason))
    assert (fields["error"], fields["msg"]) == ("-1", f"error: {reason}")
    assert "payment_url" not in fields
    assert len(fields["check_sum"]) == 64


def test_who_has_not_proved_himself_gets_no_check_sum() -> None:
    request = altered(known(), check_sum="0" * 64)
    fields = fields_of(CREATE.encode(request, None, refused(CREATE, request)))
    assert (fields["transaction_id"], fields["check_sum"]) == ("7_abc", "")


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b"\xff", b'{"client_id":' + b"9" * 5000 + b"}"])
def test_garbage_is_answered_in_the_banks_form(body: bytes) -> None:
    for endpoint in DIALECT.endpoints:
        request = Request("POST", endpoint.path, body=body)
        assert fields_of(endpoint.encode(request, None, refused(endpoint, request)))["error"] == "-1"


# --- the callback --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
def test_the_status_is_outside_the_check_sum(state: State) -> None:
    """A weakness of the rule: a failed payment's callback becomes a good one by changing one number."""
    fields = told(state=state)
    assert fields["status"] == STATUS[state]
    assert fields["check_sum"] == VECTORS["callback"]["signature"]


def test_the_amount_and_the_key_are_inside_the_check_sum() -> None:
    assert told(amount_vnd=49_999)["check_sum"] == sealed_by("key2", "0|DEMO|PAY|49999|7_abc|3.0")
    other = msgspec.structs.replace(DEMO, secrets={"key1": "key1", "key2": "other"})
    assert told(other)["check_sum"] == sealed_by("other", "0|DEMO|PAY|50000|7_abc|3.0")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("options", "key"), [({}, "key2"), ({"paylater_key": "key1"}, "key1")])
def test_a_payment_to_be_made_later_is_told_in_a_form(state: State, options: dict[str, str], key: str) -> None:
    merchant = msgspec.structs.replace(DEMO, options={"flavour": "paylater", **options})
    outgoing = DIALECT.callback(Notice(payment=payment(state), merchant=merchant, now=NOW))
    assert dict(outgoing.headers)["content-type"] == "application/x-www-form-urlencoded"
    (body,) = parse_qs(outgoing.body.decode(), strict_parsing=True)["body"]
    fields = json.loads(body)
    assert fields["status"] == ("2" if state in COLLECTED else "1")
    assert fields["check_sum"] == sealed_by(key, "0|DEMO|PAY|50000|7_abc|3.0")


@pytest.mark.parametrize(
    ("answer", "ack"),
    [
        (Answer(200, (), b'{"return_code":0,"return_msg":"success"}'), Ack(True, "return_code 0")),
        (Answer(200, (), b'{"return_code":0}'), Ack(True, "return_code 0")),
        (Answer(200, (), b'{"return_code":-1,"return_msg":"error: check_sum invalid"}'), Ack(False, "return_code -1")),
        (Answer(200, (), b'{"return_code":1}'), Ack(False, "return_code 1")),
        (Answer(200, (), b'{"return_code":"0"}'), Ack(False, "no return_code, or one that is no number")),
        (Answer(200, (), b'{"return_code":false}'), Ack(False, "no return_code, or one that is no number")),
        (Answer(200, (), b'{"return_code":0.0}'), Ack(False, "no return_code, or one that is no number")),
        (Answer(200, (), b"{}"), Ack(False, "no return_code, or one that is no number")),
        (Answer(500, (), b'{"return_code":0}'), Ack(False, "HTTP 500")),
        (Answer(302, (), b'{"return_code":0}'), Ack(False, "HTTP 302")),
        (Answer(error="no answer within 30 s"), Ack(False, "no answer within 30 s")),
    ],
)
def test_only_200_with_the_number_0_ends_the_retries(answer: Answer, ack: Ack) -> None:
    assert DIALECT.acknowledged(answer, Notice(payment=payment(), merchant=DEMO, now=NOW)) == ack


@pytest.mark.parametrize("body", [b"OK", b"[" * 100_000, b'{"return_code":' + b"[" * 100_000])
def test_an_answer_that_is_no_object_acknowledges_nothing(body: bytes) -> None:
    assert not DIALECT.acknowledged(Answer(200, (), body), Notice(payment=payment(), merchant=DEMO, now=NOW)).done


@pytest.mark.parametrize("state", State)
def test_the_browser_brings_an_unsigned_status(state: State) -> None:  # keypay3-opencps-front#return
    url = DIALECT.return_url(payment(state), DEMO)
    assert url.startswith("http://portal.test/return/keypay3?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert json.loads(query.pop("bill_info"))["MaHoSo"] == "7_abc"
    assert query == {"command": "PAY", "version": "3.0", "status": str(STATUS[state]), "transaction_id": "7_abc"}


# --- in a world ----------------------------------------------------------------------------------------------


async def test_a_payment_is_paid_told_refunded_in_parts_and_never_beyond_itself(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, connector() as portal, courier_of(worlds) as courier:
        portal.answer = lambda method, path, body: web.json_response({"return_code": 0, "return_msg": "success"})
        merchant = msgspec.structs.replace(OURS, callback_url=f"{portal.url}/callback")
        world = await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))

        async def says(request: Request) -> dict[str, Any]:
            return fields_of((await ask(world, "keypay3", request)).response)

        assert (await says(keypay3_create("1", 50_000, START)))["error"] == "0"
        assert (await says(keypay3_create("1", 50_000, START)))["msg"] == "error: duplicate_order"
        assert (await says(keypay3_refund("1", 1_000)))["msg"] == "error: not_paid"
        assert (await says(keypay3_detail("1", START)))["status"] == 2
        (made,) = await world.store.payments(world.name)
        await act(world, made.payment_id, Event.APPROVE)
        assert await courier.advance(world, START + timedelta(days=1)) == 1
        ((_, _, body),) = portal.requests
        assert json.loads(body)["status"] == 0

        assert (await says(keypay3_refund("1", 50_001)))["msg"] == "error: refund_above_payment"
        first = await says(keypay3_refund("1", 20_000))
        assert (first["error"], first["amount"], first["status"]) == ("0", "20000", 0)
        assert (await says(keypay3_refund("1", 20_000)))["msg"] == "error: too_soon"
        assert (await says(keypay3_refund("1", 40_000)))["msg"] == "error: refunds_above_payment"
        assert (await says(keypay3_refund("1", 30_000, "Phần còn lại")))["error"] == "0"
        found = await says(keypay3_refund_detail(first["transaction_refund_code"]))
        assert (found["error"], found["amount"], found["transaction_id"]) == ("0", "20000", "1")
        assert (await says(keypay3_refund_detail("RF0")))["msg"] == "error: unknown_order"
        assert (await says(keypay3_detail("2", START)))["msg"] == "error: unknown_order"
        booked = [entry.amount_vnd for entry in await world.store.ledger(world.name)]
        assert sorted(booked) == [-30_000, -20_000, 50_000]


@pytest.mark.parametrize("text", ["", "-1", "x", "1.5"])
def test_a_refund_of_no_plain_amount_is_refused(text: str) -> None:
    request = keypay3_refund("1", 1)
    fields = {**json.loads(request.body), "amount": text}
    names = sorted(name for name in fields if name != "check_sum")
    fields["check_sum"] = sealed_by(OURS.secrets["key1"], "|".join(fields[name] for name in names))
    refusal = refused(REFUND, msgspec.structs.replace(request, body=json.dumps(fields).encode()))
    assert refusal.reason is (Reason.INVALID_AMOUNT if text else Reason.MALFORMED)


def test_a_refund_is_answered_with_its_amount_and_signed_as_it_was_asked_for() -> None:
    made = Refund(request_ref="RF1", amount_vnd=1_000, refunded_at=NOW, bank_ref="2")
    fields = replied(REFUND, keypay3_refund("7_abc", 1_000), payment(), refund=made)
    assert (fields["transaction_refund_code"], fields["amount"], fields["reason"]) == ("RF1", "1000", "Hoan phi")
    assert fields["check_sum"] == sealed_by(OURS.secrets["key2"], "1000|KP3DEMO|REFUND|Hoan phi|7_abc")


def test_a_refund_and_its_question_are_understood() -> None:
    command = decoded(REFUND, keypay3_refund("1", 1_000))
    assert isinstance(command, RefundOrder)
    assert (command.order_key, command.amount_vnd, command.full) == ("1", 1_000, False)
    asked = decoded(REFUND_DETAIL, keypay3_refund_detail("RF1"))
    assert isinstance(asked, QueryRefund)
    assert (asked.name, asked.request_ref) == ("RF1", "RF1")


# --- whatever comes ------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from([*keypay3.PAY_SIGNED.split("|"), *keypay3.EXTRAS, "bill_info", "check_sum"])


def understood(request: Request) -> Command | Refusal:
    try:
        return decoded(CREATE, request)
    except Refusal as refusal:
        return refusal


@given(changes=st.dictionaries(NAMES, JSON, max_size=5))
def test_any_field_of_any_type_is_understood_or_refused_even_when_signed(changes: dict[str, Any]) -> None:
    fields = {**json.loads(known().body), **changes, "client_id": "DEMO"}
    fields["check_sum"] = check_sum(fields, keypay3.PAY_SIGNED, "key1")
    request = Request("POST", CREATE.path, body=json.dumps(fields).encode())
    command = understood(request)
    if isinstance(command, Refusal):
        assert fields_of(CREATE.encode(request, None, command))["error"] == "-1"
    else:
        assert isinstance(command, Create)
        assert command.order.amount_vnd > 0
        assert DIALECT.return_url(payment(order=command.order), DEMO).startswith("http")
