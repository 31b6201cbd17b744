"""Facts about VNPAY-QR at the counter."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import qr
from simulator.bank import act
from simulator.banks import vnpayqr
from simulator.banks.vnpayqr import CHECK_REFUSALS, CREATE_REFUSALS, DIALECT, REFUND_REFUSALS, acknowledged, callback
from simulator.dialect import Command, Create, Endpoint, Notice, Query, RefundOrder
from simulator.merchants import default_merchants
from simulator.payment import Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request
from simulator.world import World
from tests.samples.vnpayqr import md5, posted, vnpayqr_check, vnpayqr_create, vnpayqr_refund
from tests.worlds import START, ask, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "vnpayqr" / "checksums.json"
VECTORS = {vector["message"]: vector for vector in json.loads(VECTOR_FILE.read_text())}
MERCHANT = next(each for each in default_merchants() if each.bank == "vnpayqr")
CREATE, CHECK, REFUND = DIALECT.endpoints
PAID_AT = datetime(2026, 8, 1, 8, 35, 12, tzinfo=UTC)
SIGNED = {
    "create": vnpayqr.CREATE_SIGNED,
    "callback": vnpayqr.CALLBACK_SIGNED,
    "check": vnpayqr.CHECK_SIGNED,
}


def merchants(code: str) -> Merchant | None:
    return MERCHANT if code == "0102154778" else None


def fields_of(request: Request) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(request.body)
    return fields


def refused(endpoint: Endpoint, request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        endpoint.decode(request, merchants)
    return caught.value


def answered(endpoint: Endpoint, request: Request, refusal: Refusal) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(endpoint.encode(request, None, refusal).body)
    return fields


def create(**changes: Any) -> Request:
    return vnpayqr_create("HS0001", 18_060, START, **changes)


# --- known answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", sorted(VECTORS))
def test_a_known_message_has_its_known_checksum(message: str) -> None:
    """vnpay-qr-terminal#checksums, Q1 to Q3: upper case, but for check."""
    vector = VECTORS[message]
    found = vnpayqr.checksum(vector["fields"], SIGNED[message], vector["secret"])
    assert (found if message == "check" else found.upper()) == vector["signature"]
    assert md5(vector["string_to_sign"]) == found


def test_the_known_create_request_is_understood() -> None:
    vector = VECTORS["create"]
    command = CREATE.decode(posted(CREATE.path, {**vector["fields"], "checksum": vector["signature"]}), merchants)
    assert isinstance(command, Create)
    assert (command.order.order_ref, command.order.amount_vnd) == ("HS0001", 18_060)
    assert command.order.expires_at == datetime(2026, 8, 1, 8, 43, tzinfo=UTC)
    assert command.warnings == ()


def test_the_known_callback_is_sent_but_for_what_is_known_of_the_payer() -> None:
    vector = VECTORS["callback"]
    fields = told(bank_ref="000000123", issuer_code="NCB")
    assert {**{name: fields[name] for name in vector["fields"]}, "mobile": "0901234567"} == vector["fields"]


def test_a_refund_checksum_begins_with_its_secret_and_has_no_bars() -> None:
    fields = fields_of(vnpayqr_refund("HS1", PAID_AT, "123", 5_000))
    assert vnpayqr.refund_checksum(fields, "QRSECRET-REFUND") == fields["checkSum"]
    assert md5("QRSECRET-REFUND0102154778123HS1115000" + "20260801153512") == fields["checkSum"]


def test_each_kind_of_request_has_a_secret_of_its_own() -> None:
    assert len(set(MERCHANT.secrets.values())) == len(DIALECT.secrets) == 3
    for endpoint, request, name in (
        (CREATE, create(), "create_secret"),
        (CHECK, vnpayqr_check("HS0001", START), "check_secret"),
        (REFUND, vnpayqr_refund("HS0001", START, "1", 1), "refund_secret"),
    ):
        others = msgspec.structs.replace(MERCHANT, secrets={**MERCHANT.secrets, name: "another"})
        with pytest.raises(Refusal, match="bad_signature"):
            endpoint.decode(request, lambda code, others=others: others)
        assert endpoint.decode(request, merchants).merchant is MERCHANT


# --- requests ----------------------------------------------------------------------------------------------------


def test_a_bill_number_goes_before_the_transactions_number() -> None:
    request = create()
    both = posted(CREATE.path, {**fields_of(request), "billNumber": "B-7"})
    command = CREATE.decode(both, merchants)
    assert isinstance(command, Create)
    assert command.order.order_ref == "B-7"


@pytest.mark.parametrize("word", ["", "null"])
def test_a_null_may_be_signed_as_nothing_or_as_a_word(word: str) -> None:
    fields = {**fields_of(create(txnId=None)), "billNumber": "B-7"}
    signed = "|".join(word if fields[name] is None else str(fields[name]) for name in vnpayqr.CREATE_SIGNED.split("|"))
    command = CREATE.decode(posted(CREATE.path, {**fields, "checksum": md5(f"{signed}|QRSECRET").upper()}), merchants)
    assert isinstance(command, Create)
    assert command.order.order_ref == "B-7"
    assert (command.warnings != ()) == (word == "null")


@pytest.mark.parametrize(
    ("endpoint", "request_", "name"),
    [
        (CREATE, create(), "checksum"),
        (CHECK, vnpayqr_check("HS0001", START), "checkSum"),
        (REFUND, vnpayqr_refund("HS0001", START, "1", 1), "checkSum"),
    ],
    ids=["create", "check", "refund"],
)
def test_a_checksum_in_the_other_case_is_taken_with_a_remark(endpoint: Endpoint, request_: Request, name: str) -> None:
    fields = fields_of(request_)
    assert endpoint.decode(request_, merchants).warnings == ()
    swapped = posted(endpoint.path, {**fields, name: fields[name].swapcase()})
    assert len(endpoint.decode(swapped, merchants).warnings) == 1


@pytest.mark.parametrize("name", vnpayqr.CREATE_SIGNED.split("|"))
def test_changing_any_signed_value_of_a_create_is_noticed(name: str) -> None:
    true = fields_of(create())
    odd = {"amount": "18061", "merchantType": "9398", "expDate": "2708011543", "tipAndFee": "5", "serviceCode": "06"}
    refusal = refused(CREATE, posted(CREATE.path, {**true, name: odd.get(name, f"{true[name]}1")}))
    expected = {"merchantCode": Reason.UNKNOWN_MERCHANT}
    fixed = ("countryCode", "masterMerCode", "payType")
    assert refusal.reason is (Reason.MALFORMED if name in fixed else expected.get(name, Reason.BAD_SIGNATURE))


@pytest.mark.parametrize("name", vnpayqr.CHECK_SIGNED.split("|"))
def test_changing_any_signed_value_of_a_check_is_noticed(name: str) -> None:
    true = fields_of(vnpayqr_check("HS0001", START))
    refusal = refused(CHECK, posted(CHECK.path, {**true, name: f"{true[name]}1"}))
    assert refusal.reason is (Reason.UNKNOWN_MERCHANT if name == "merchantCode" else Reason.BAD_SIGNATURE)


@pytest.mark.parametrize("name", [each for each in vnpayqr.REFUND_SIGNED.split("|") if each != "typeRefund"])
def test_changing_any_signed_value_of_a_refund_is_noticed(name: str) -> None:
    true = fields_of(vnpayqr_refund("HS0001", START, "1", 1))
    refusal = refused(REFUND, posted(REFUND.path, {**true, name: f"{true[name]}1"}))
    assert refusal.reason is (Reason.UNKNOWN_MERCHANT if name == "merchantCode" else Reason.BAD_SIGNATURE)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "0"}, Reason.INVALID_AMOUNT),
        ({"amount": "-1"}, Reason.INVALID_AMOUNT),
        ({"amount": "1.0"}, Reason.INVALID_AMOUNT),
        ({"amount": "018060"}, Reason.INVALID_AMOUNT),
        ({"amount": "9" * 14}, Reason.INVALID_AMOUNT),
        ({"amount": "٣"}, Reason.INVALID_AMOUNT),
        ({"ccy": "840"}, Reason.INVALID_CURRENCY),
        ({"ccy": "VND"}, Reason.INVALID_CURRENCY),
        ({"amount": 10**15}, Reason.MALFORMED),
        ({"amount": True}, Reason.MALFORMED),
        ({"amount": 1.5}, Reason.MALFORMED),
        ({"txnId": ""}, Reason.MALFORMED),
        ({"txnId": "HS|1"}, Reason.MALFORMED),
        ({"txnId": "x" * 21}, Reason.MALFORMED),
        ({"txnId": "HS\x00"}, Reason.MALFORMED),
        ({"txnId": "hồ sơ"}, Reason.MALFORMED),
        ({"terminalId": "x" * 9}, Reason.MALFORMED),
        ({"terminalId": ""}, Reason.MALFORMED),
        ({"merchantName": "x" * 26}, Reason.MALFORMED),
        ({"merchantType": "MCC"}, Reason.MALFORMED),
        ({"expDate": "2613011543"}, Reason.MALFORMED),
        ({"expDate": "20260801154300"}, Reason.MALFORMED),
        ({"payType": "01"}, Reason.MALFORMED),
        ({"masterMerCode": "A000000727"}, Reason.MALFORMED),
        ({"appId": None}, Reason.MALFORMED),
        ({"productId": ["x"]}, Reason.MALFORMED),
    ],
)
def test_a_create_that_is_signed_but_wrong_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    assert refused(CREATE, create(**changes)).reason is reason


@pytest.mark.parametrize("amount", [18_060, "18060", 9_999_999_999_999])
def test_an_amount_may_be_a_number_or_a_text(amount: object) -> None:
    command = CREATE.decode(create(amount=amount), merchants)
    assert isinstance(command, Create)
    assert command.order.amount_vnd == int(str(amount))


@pytest.mark.parametrize("pay_date", ["20260801", "1/8/2026", "2026-08-01", "", "01/08/26"])
def test_a_day_in_another_form_is_malformed(pay_date: str) -> None:
    assert refused(CHECK, vnpayqr_check("HS0001", START, payDate=pay_date)).reason is Reason.MALFORMED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typeRefund": "3"}, Reason.MALFORMED),
        ({"amount": "0"}, Reason.INVALID_AMOUNT),
        ({"qrTrace": "abc"}, Reason.MALFORMED),
        ({"refundTxnId": ""}, Reason.MALFORMED),
    ],
)
def test_a_refund_that_is_signed_but_wrong_is_refused(changes: dict[str, str], reason: Reason) -> None:
    assert refused(REFUND, vnpayqr_refund("HS0001", START, "1", 1, **changes)).reason is reason


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    ("endpoint", "codes"),
    [(CREATE, CREATE_REFUSALS), (CHECK, CHECK_REFUSALS), (REFUND, REFUND_REFUSALS)],
    ids=["create", "check", "refund"],
)
def test_every_refusal_has_its_code(endpoint: Endpoint, codes: dict[Reason, tuple[str, str]], reason: Reason) -> None:
    fields = answered(endpoint, create(), Refusal(reason))
    assert (fields["code"], fields["message"])[0] == codes.get(reason, ("99", ""))[0]
    assert fields["message"]
    assert not fields.get("data")


def test_a_whole_refund_of_another_sum_has_a_code_of_its_own() -> None:
    for kind, code in (("1", "03"), ("2", "02")):
        refusal = Refusal(Reason.REFUND_ABOVE_PAYMENT, wire={"typeRefund": kind})
        assert answered(REFUND, create(), refusal)["code"] == code


def test_nobody_learns_the_checksum_of_what_he_made_up() -> None:
    """A merchant's server was seen to answer a wrong checksum with the right one."""
    for endpoint, request in (
        (CREATE, create()),
        (CHECK, vnpayqr_check("HS0001", START)),
        (REFUND, vnpayqr_refund("HS0001", START, "1", 1)),
    ):
        name = "checksum" if endpoint is CREATE else "checkSum"
        right = fields_of(request)[name]
        wrong = posted(endpoint.path, {**fields_of(request), name: "0" * 32})
        answer = endpoint.encode(wrong, None, refused(endpoint, wrong)).body.decode()
        assert right.lower() not in answer.lower()
        assert not json.loads(answer).get(name)


# --- orders ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counter:
    world: World

    async def asks(self, request: Request) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads((await ask(self.world, "vnpayqr", request)).response.body)
        return fields

    async def paid(self, amount_vnd: int | None = None) -> Payment:
        await self.asks(create())
        (payment,) = await self.world.store.payments(self.world.name)
        return await act(self.world, payment.payment_id, Event.APPROVE, amount_vnd=amount_vnd)


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with worlds_in(tmp_path) as worlds:
        yield Counter(await worlds.create("ci", seed="1", clock_at=START, merchants=(MERCHANT,)))


async def test_a_code_names_merchant_terminal_number_and_amount(counter: Counter) -> None:
    reply = await counter.asks(create())
    code = qr.parse(reply["data"])
    assert code.scheme is qr.Scheme.VNPAY
    assert (code.beneficiary, code.terminal, code.bill_number) == ("0102154778", "TERM01", "HS0001")
    assert (code.amount_vnd, code.merchant_name) == (18_060, "QUAY THU PHI")
    assert (reply["code"], reply["url"]) == ("00", None)
    assert reply["checksum"] == md5(f"00|Success|{reply['data']}|null|QRSECRET").upper()


async def test_a_number_is_used_once(counter: Counter) -> None:
    first = await counter.asks(create())
    again = await counter.asks(create())
    assert (first["code"], again["code"], again["data"]) == ("00", "04", None)
    assert again["checksum"] == md5("04|Insert data QrCode failed|null|null|QRSECRET").upper()
    assert len(await counter.world.store.payments(counter.world.name)) == 1


async def test_a_paid_code_is_checked_with_a_signed_answer(counter: Counter) -> None:
    payment = await counter.paid()
    reply = await counter.asks(vnpayqr_check("HS0001", START))
    assert (reply["code"], reply["debitAmount"], reply["qrTrace"]) == ("00", "18060", payment.bank_ref)
    assert reply["payDate"] == "22/11/2026 10:00:00"
    signed = "|".join(reply[name] for name in vnpayqr.CHECKED_SIGNED.split("|"))
    assert reply["checkSum"] == md5(f"{signed}|QRSECRET-CHECK").upper()


async def test_a_code_that_nobody_has_paid_is_no_transaction(counter: Counter) -> None:
    await counter.asks(create())
    assert (await counter.asks(vnpayqr_check("HS0001", START)))["code"] == "01"


@pytest.mark.parametrize(
    "changes", [{"payDate": "21/11/2026"}, {"terminalID": "TERM02"}, {"txnId": "HS0002"}, {"txnId": "hs0001"}]
)
async def test_a_check_of_another_day_terminal_or_number_finds_nothing(
    counter: Counter, changes: dict[str, str]
) -> None:
    await counter.paid()
    assert (await counter.asks(vnpayqr_check("HS0001", START, **changes)))["code"] == "01"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Event.APPROVE, "00"),
        (Event.DECLINE, "04"),
        (Event.REVERSE, "04"),
        (Event.SUSPECT, "08"),
        (Event.CANCEL, "01"),
        (Event.EXPIRE, "01"),
    ],
)
async def test_a_check_tells_what_became_of_the_code(counter: Counter, event: Event, code: str) -> None:
    await counter.asks(create())
    (payment,) = await counter.world.store.payments(counter.world.name)
    await act(counter.world, payment.payment_id, event)
    assert (await counter.asks(vnpayqr_check("HS0001", START)))["code"] == code


def test_a_payment_of_which_the_bank_is_not_sure_is_in_doubt() -> None:
    request = vnpayqr_check("HS0001", START)
    reply = vnpayqr.Reply(now=PAID_AT, reply_ref="0" * 32, payment=payment(State.PENDING, outcome=Outcome.UNKNOWN))
    assert json.loads(CHECK.encode(request, CHECK.decode(request, merchants), reply).body)["code"] == "08"


async def test_a_payment_is_refunded_in_parts_and_never_above_its_sum(counter: Counter) -> None:
    trace = (await counter.paid()).bank_ref

    async def refunded(request_ref: str, amount_vnd: int, kind: str) -> str:
        reply = await counter.asks(vnpayqr_refund("HS0001", START, trace, amount_vnd, request_ref, kind))
        if reply["code"] == "00":
            signed = "|".join(reply[name] for name in vnpayqr.REFUNDED_SIGNED.split("|"))
            assert reply["checkSum"] == md5(f"{signed}|QRSECRET-REFUND").upper()
        return str(reply["code"])

    assert await refunded("1", 18_061, "2") == "02"
    assert await refunded("2", 18_059, "1") == "03"
    assert await refunded("3", 8_060, "2") == "00"
    assert await refunded("3", 1, "2") == "99"
    assert await refunded("4", 18_060, "1") == "04"
    assert await refunded("5", 10_001, "2") == "02"
    assert await refunded("6", 10_000, "2") == "00"
    assert await refunded("7", 1, "2") == "02"
    booked = [entry.amount_vnd for entry in await counter.world.store.ledger(counter.world.name)]
    assert sum(booked) == 0


async def test_a_refund_names_the_payment_by_trace_and_time_too(counter: Counter) -> None:
    trace = (await counter.paid()).bank_ref
    for request in (
        vnpayqr_refund("HS0001", START, "1234567890", 18_060),
        vnpayqr_refund("HS0001", START + timedelta(seconds=1), trace, 18_060),
        vnpayqr_refund("HS0002", START, trace, 18_060),
    ):
        assert (await counter.asks(request))["code"] == "12"
    assert (await counter.asks(vnpayqr_refund("HS0001", START, trace, 18_060)))["code"] == "00"


async def test_an_unpaid_code_is_not_refunded(counter: Counter) -> None:
    await counter.asks(create())
    (pending,) = await counter.world.store.payments(counter.world.name)
    assert (await counter.asks(vnpayqr_refund("HS0001", START, pending.bank_ref, 18_060)))["code"] == "12"


async def test_an_expired_code_is_refused_at_its_making(counter: Counter) -> None:
    assert (await counter.asks(create(expDate="2611220959")))["code"] == "01"
    assert (await counter.asks(create(expDate="2611221001")))["code"] == "00"


# --- callback ----------------------------------------------------------------------------------------------------


def payment(state: State = State.PAID, **changes: Any) -> Payment:
    wire = {"terminalId": "TERM01", "merchantType": "7399", "serviceCode": "03", "productId": "", "merchantName": "X"}
    made = Payment(
        payment_id="0123abcd",
        bank="vnpayqr",
        merchant_code="0102154778",
        order=Order(order_ref="HS0001", order_key="HS0001", amount_vnd=18_060, wire=wire),
        amount_vnd=18_060,
        bank_ref="1234567890",
        created_at=START,
        state=state,
        settled_at=None if state is State.PENDING else PAID_AT,
    )
    return msgspec.structs.replace(made, **changes)


def told(state: State = State.PAID, merchant: Merchant = MERCHANT, **changes: Any) -> dict[str, Any]:
    sent = callback(Notice(payment=payment(state, **changes), merchant=merchant, now=PAID_AT))
    fields: dict[str, Any] = json.loads(sent.body)
    return fields


@pytest.mark.parametrize("state", State)
def test_only_collected_money_is_told_with_00(state: State) -> None:
    fields = told(state)
    collected = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    assert fields["code"] == ("00" if collected else "01")
    signed = "|".join(fields[name] for name in vnpayqr.CALLBACK_SIGNED.split("|"))
    assert fields["checksum"] == md5(f"{signed}|QRSECRET").upper()


def test_a_callback_tells_terminal_and_sum_as_texts() -> None:
    fields = told(amount_vnd=18_000)
    assert (fields["amount"], fields["payDate"], fields["terminalId"]) == ("18000", "20260801153512", "TERM01")
    (bought,) = fields["addData"]
    assert (bought["amount"], bought["terminalId"], bought["ccy"]) == ("18000", "TERM01", "704")
    assert "secretKey" not in fields


def test_a_callback_may_have_a_secret_of_its_own() -> None:
    secrets = {**MERCHANT.secrets, "callback_secret": "another"}
    fields = told(merchant=msgspec.structs.replace(MERCHANT, secrets=secrets))
    signed = "|".join(fields[name] for name in vnpayqr.CALLBACK_SIGNED.split("|"))
    assert fields["checksum"] == md5(f"{signed}|another").upper()


@pytest.mark.parametrize(
    ("status", "body", "done"),
    [
        (200, b'{"code":"00","message":"ok","data":{"txnId":"HS0001"}}', True),
        (200, b'{"code":"05"}', True),
        (200, b'{"code":"03"}', False),
        (200, b'{"code":"06"}', False),
        (200, b'{"code":"07"}', False),
        (200, b'{"code":"01"}', False),
        (200, b'{"code":"99"}', False),
        (200, b'{"code":0}', False),
        (200, b'{"Code":"00"}', False),
        (200, b"00", False),
        (200, b"", False),
        (201, b'{"code":"00"}', False),
        (500, b'{"code":"00"}', False),
        (0, b"", False),
    ],
)
def test_00_and_05_acknowledge(status: int, body: bytes, done: bool) -> None:
    """vnpay-qr-terminal#reply."""
    answer = Answer(status, (), body)
    assert acknowledged(answer, Notice(payment=payment(), merchant=MERCHANT, now=PAID_AT)).done is done


# --- whatever comes ----------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*vnpayqr.CREATE_SIGNED.split("|"), "billNumber", "desc", "checksum"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(changes=st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=2), max_size=5))
def test_any_value_of_any_type_is_understood_or_refused_even_when_signed(changes: dict[str, Any]) -> None:
    fields = {**fields_of(create()), **{name: each for name, each in changes.items() if name != "checksum"}}
    signed = "|".join("" if fields[name] is None else str(fields[name]) for name in vnpayqr.CREATE_SIGNED.split("|"))
    try:
        digest = md5(f"{signed}|QRSECRET").upper()
        request = posted(CREATE.path, {**fields, "checksum": digest, **changes})
    except UnicodeEncodeError:
        return
    command: Command | Refusal
    try:
        command = CREATE.decode(request, merchants)
    except Refusal as refusal:
        command = refusal
    if isinstance(command, Refusal):
        assert answered(CREATE, request, command)["code"] in {code for code, _ in CREATE_REFUSALS.values()} | {"99"}
    else:
        assert isinstance(command, Create)
        assert 0 < command.order.amount_vnd < 10**13
        made = payment(order=command.order)
        assert qr.parse(vnpayqr.qr_text(made, MERCHANT)).amount_vnd == command.order.amount_vnd


def test_requests_become_the_commands_that_they_are() -> None:
    assert isinstance(CHECK.decode(vnpayqr_check("HS1", START), merchants), Query)
    refund = REFUND.decode(vnpayqr_refund("HS1", START, "1", 5, kind="2"), merchants)
    assert isinstance(refund, RefundOrder)
    assert (refund.order_key, refund.amount_vnd, refund.full) == ("HS1", 5, False)
