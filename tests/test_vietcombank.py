"""Facts about Vietcombank's calls to a connector: bill collection and account advice."""

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.banks import vietcombank
from simulator.banks.vietcombank import (
    ADVICE,
    BILL,
    BILLS_MAX,
    PAYMENT_MODES,
    REASONS,
    REMARK_MAX,
    acknowledged,
    advice,
    ask,
    callback,
    read,
    remark,
    signature,
)
from simulator.dialect import Ack, Dialect, Notice, Question
from simulator.merchants import default_merchants, forged
from simulator.payment import COLLECTED, Bill, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Outgoing
from tests.sources import SOURCES

WIRE = Path(__file__).parents[1] / "fixtures" / "wire" / "vietcombank"
SIGNATURES = json.loads((WIRE / "signatures.json").read_text(encoding="utf-8"))
REMARKS = json.loads((WIRE / "remarks.json").read_text(encoding="utf-8"))
SECRET = "demo-secret"
REF, CUSTOMER = "REF0000000001", "H49.12.6-261122-0001"
BY_BANK = {each.bank: each for each in default_merchants()}
URLS = {"callback_url": "https://portal.test/Payment", "inquiry_url": "https://portal.test/Inquiry"}
MERCHANT = msgspec.structs.replace(BY_BANK["vietcombank"], **URLS)
RECEIVER = msgspec.structs.replace(BY_BANK["vietcombank_advice"], **URLS)
ASKED_AT = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
PAID_AT = datetime(2026, 11, 22, 17, 6, 34, tzinfo=UTC)
"""00:06:34 of the next day in Vietnam."""
QUESTION = Question(bill_code=CUSTOMER, trans_ref=REF, channel=Channel.COUNTER, now=ASKED_AT)
PAYMENT = Payment(
    payment_id="p1",
    bank="vietcombank",
    merchant_code="VCBDEMO",
    order=Order(
        order_ref=CUSTOMER,
        order_key=REF,
        amount_vnd=20_000,
        wire={"bills": '[["B1",15000],["B2",5000]]', "payer_name": "Nguyễn Văn A"},
    ),
    amount_vnd=20_000,
    bank_ref="6960980123",
    created_at=ASKED_AT,
    state=State.PAID,
    outcome=Outcome.SUCCESS,
    channel=Channel.INTERNET_BANKING,
    payer_account="100000000001",
    settled_at=PAID_AT,
)


def with_options(merchant: Merchant, **options: str) -> Merchant:
    return msgspec.structs.replace(merchant, options={**merchant.options, **options})


SHA256 = with_options(MERCHANT, signature="sha256")
BOTH = pytest.mark.parametrize("merchant", [MERCHANT, SHA256], ids=["md5", "sha256"])


def notice(merchant: Merchant = MERCHANT, attempt: int = 1, **changes: Any) -> Notice:
    payment = msgspec.structs.replace(PAYMENT, **changes)
    return Notice(payment=payment, merchant=merchant, now=PAID_AT, attempt=attempt)


def told(outgoing: Outgoing) -> dict[str, Any]:
    body = json.loads(outgoing.body)
    assert body.keys() == {"context", "payload", "signature"}
    assert body["context"].keys() == {"channelId", "channelRefNumber", "requestDateTime"}
    return body


def paid(**changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = told(callback(notice(**changes)))["payload"]
    return payload


def advised(merchant: Merchant = RECEIVER, **changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = told(advice(notice(merchant, **changes)))["payload"]
    return payload


def digest(merchant: Merchant, text: str) -> str:
    """Made by code of the tests' own."""
    name = "sha256" if merchant.options.get("signature") == "sha256" else "md5"
    return hashlib.new(name, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def answer(
    payload: object = None,
    *,
    merchant: Merchant = MERCHANT,
    secret: str = SECRET,
    http: int = 200,
    sign: str | None = None,
    **context: object,
) -> Answer:
    """What a connector answers; `context` changes what stands there, `sign` replaces the signature."""
    told_context: dict[str, object] = {
        "channelId": "6014",
        "channelRefNumber": REF,
        "requestDateTime": "22-11-2026 10:00:00",
        "responseMsgId": "MSG0000000001",
        "status": "SUCCESS",
        "errorCode": 0,
        "errorMessage": "",
        **context,
    }
    signed = "|".join(str(told_context[name]) for name in ("channelId", "channelRefNumber", "responseMsgId"))
    given = digest(merchant, f"{signed}|{secret}") if sign is None else sign
    body = {"context": told_context, "payload": payload if payload is not None else {}, "signature": given}
    return Answer(http, (("content-type", "application/json"),), json.dumps(body).encode())


def bill_payload(*bills: dict[str, object], **changes: object) -> dict[str, object]:
    usual = {
        "billId": "B1",
        "amount": "20000",
        "addnlFields": [
            {"fieldId": "CustomerAddress", "fieldValue": "Hạ Long"},
            {"fieldId": "CustomerName", "fieldValue": "Nguyễn Văn A"},
        ],
    }
    return {"customerCode": CUSTOMER, "paymentSequence": 1, "bills": list(bills) or [usual], **changes}


def refusal(given: Answer, merchant: Merchant = MERCHANT) -> Reason:
    with pytest.raises(Refusal) as caught:
        read(given, QUESTION, merchant)
    return caught.value.reason


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", SIGNATURES, ids=lambda vector: vector["key"])
def test_a_signature_is_the_known_one(vector: dict[str, str]) -> None:
    assert vector["source"] in SOURCES
    *values, secret = vector["string_to_sign"].split("|")
    assert secret == vector["secret"]
    merchant = Merchant(
        bank="vietcombank",
        merchant_code="X",
        name="X",
        secrets={"secret": secret},
        options={"signature": vector["digest"]},
    )
    assert signature(merchant, *values) == vector["signature"]


@pytest.mark.parametrize(
    "vector", [each for each in SIGNATURES if each["message"] == "request"], ids=lambda v: v["key"]
)
def test_inquiry_payment_and_advice_carry_the_known_signature(vector: dict[str, str]) -> None:
    merchant = with_options(MERCHANT, signature=vector["digest"])
    for outgoing in (ask(QUESTION, merchant), callback(notice(merchant)), advice(notice(merchant))):
        assert told(outgoing)["signature"] == vector["signature"]


def test_an_answer_with_the_known_signature_is_believed() -> None:
    (vector,) = (each for each in SIGNATURES if each["message"] == "answer")
    assert acknowledged(answer(sign=vector["signature"]), notice()).done
    assert not acknowledged(answer(sign=vector["signature"], responseMsgId="MSG0000000002"), notice()).done


@pytest.mark.parametrize("vector", REMARKS, ids=lambda vector: vector["key"])
def test_a_remark_is_the_known_one(vector: dict[str, Any]) -> None:
    assert vector["source"] in SOURCES
    sender, receiver = vector["sender"], vector["receiver"]
    merchant = with_options(RECEIVER, account=receiver["number"], account_name=receiver["name"])
    order = Order(order_ref=vector["content"], order_key=REF, amount_vnd=1, wire={"payer_name": sender["name"]})
    payment = msgspec.structs.replace(
        PAYMENT,
        order=order,
        bank_ref=vector["bank_ref"],
        channel=Channel(vector["channel"]),
        payer_account=sender["number"],
    )
    assert remark(payment, merchant) == vector["remark"]


# --- what the bank says --------------------------------------------------------------------------------------


def test_messages_go_to_the_urls_of_the_contract_as_they_are() -> None:
    assert (ask(QUESTION, MERCHANT).method, ask(QUESTION, MERCHANT).url) == ("POST", URLS["inquiry_url"])
    for outgoing in (callback(notice()), advice(notice())):
        assert (outgoing.method, outgoing.url) == ("POST", URLS["callback_url"])


def test_an_inquiry_names_the_customer_and_no_amount() -> None:
    body = told(ask(QUESTION, MERCHANT))
    assert body["context"] == {
        "channelId": "6014",
        "channelRefNumber": REF,
        "requestDateTime": "22-11-2026 10:00:00",
    }
    assert body["payload"] == {"providerId": "VCBDEMO", "serviceId": "BILLC2", "customerCode": CUSTOMER}


def test_a_payment_tells_all_that_was_paid_in_texts() -> None:
    assert paid() == {
        "providerId": "VCBDEMO",
        "serviceId": "BILLC2",
        "customerCode": CUSTOMER,
        "totalPaymentAmount": "20000",
        "paymentMode": "A",
        "internalTransactionRefNo": "6960980123",
        "bills": [{"billId": "B1", "amount": "15000"}, {"billId": "B2", "amount": "5000"}],
    }


def test_a_payment_tells_vietnamese_time_when_the_money_moved_however_late_it_is_sent() -> None:
    late = Notice(payment=PAYMENT, merchant=MERCHANT, now=PAID_AT + timedelta(hours=5), attempt=4)
    assert told(callback(late))["context"]["requestDateTime"] == "23-11-2026 00:06:34"
    assert callback(late) == callback(notice())


@pytest.mark.parametrize("channel", Channel)
def test_only_the_counter_takes_cash(channel: Channel) -> None:
    assert paid(channel=channel)["paymentMode"] == ("C" if channel is Channel.COUNTER else "A")
    assert set(PAYMENT_MODES.values()) == {"A", "C"}


@pytest.mark.parametrize(("option", "mode"), [("A", "A"), ("C", "C"), ("D", "D"), ("", "A"), ("X", "A")])
def test_a_contract_may_have_one_payment_mode_for_all(option: str, mode: str) -> None:
    """vcb-bill-university#payment: A, C and D are taken."""
    merchant = msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, "payment_mode": option})
    told_mode = json.loads(callback(notice(merchant)).body)["payload"]["paymentMode"]
    assert told_mode == mode


@pytest.mark.parametrize(
    ("amount_vnd", "split"),
    [(20_000, [15_000, 5_000]), (19_999, [15_000, 4_999]), (10_000, [10_000, 0]), (25_000, [15_000, 10_000])],
)
def test_another_amount_than_owed_is_told_in_total_and_by_bill(amount_vnd: int, split: list[int]) -> None:
    payload = paid(amount_vnd=amount_vnd)
    assert payload["totalPaymentAmount"] == str(amount_vnd)
    assert [int(bill["amount"]) for bill in payload["bills"]] == split


def test_a_bill_paid_without_an_inquiry_has_the_customers_code() -> None:
    order = Order(order_ref="HS0001", order_key=REF, amount_vnd=20_000)
    assert paid(order=order)["bills"] == [{"billId": "HS0001", "amount": "20000"}]


@pytest.mark.parametrize("state", State)
def test_only_collected_money_is_told_as_paid(state: State) -> None:
    expected = "20000" if state in COLLECTED else "0"
    assert paid(state=state)["totalPaymentAmount"] == expected
    assert advised(state=state)["dorc"] == ("C" if state in COLLECTED else "D")


def test_amount_and_customer_are_not_signed() -> None:
    """A documented weakness: a tampered amount still verifies, so the connector must compare."""
    other = Order(order_ref="OTHER", order_key=REF, amount_vnd=1)
    tampered = callback(notice(amount_vnd=1, order=other))
    assert told(tampered)["signature"] == told(callback(notice()))["signature"]
    assert tampered.body != callback(notice()).body
    assert told(advice(notice(amount_vnd=1)))["signature"] == told(advice(notice()))["signature"]


@BOTH
def test_another_secret_signs_otherwise(merchant: Merchant) -> None:
    for make in (callback, advice):
        assert told(make(notice(forged(merchant))))["signature"] != told(make(notice(merchant)))["signature"]


def test_http_basic_is_sent_only_where_the_contract_has_a_user() -> None:
    assert "authorization" not in dict(callback(notice()).headers)
    basic = with_options(SHA256, basic_user="vcb")
    basic = msgspec.structs.replace(basic, secrets={**basic.secrets, "basic_password": "p:ß"})
    for outgoing in (ask(QUESTION, basic), callback(notice(basic)), advice(notice(basic))):
        scheme, _, pair = dict(outgoing.headers)["authorization"].partition(" ")
        assert (scheme, base64.b64decode(pair).decode()) == ("Basic", "vcb:p:ß")


def test_the_service_is_the_contracts() -> None:
    merchant = with_options(MERCHANT, service_id="EDU")
    assert told(ask(QUESTION, merchant))["payload"]["serviceId"] == "EDU"
    assert told(callback(notice(merchant)))["payload"]["serviceId"] == "EDU"


def test_the_banks_own_numbers_have_ten_digits_and_differ() -> None:
    rng = Random(1)
    numbers = {BILL.bank_ref(rng, PAID_AT) for _ in range(1000)}
    assert len(numbers) == 1000
    assert all(re.fullmatch(r"[1-9][0-9]{9}", number) for number in numbers)


# --- bills ---------------------------------------------------------------------------------------------------


@BOTH
def test_a_bill_is_read(merchant: Merchant) -> None:
    bill = read(answer(bill_payload(), merchant=merchant), QUESTION, merchant)
    assert (bill.bill_code, bill.amount_vnd, bill.payer_name) == (CUSTOMER, 20_000, "Nguyễn Văn A")
    assert bill.wire == {"bills": '[["B1",20000]]'}


def test_the_payers_name_has_two_spellings_and_may_be_absent() -> None:
    def named(*fields: object) -> str:
        payload = bill_payload({"billId": "B1", "amount": 1, "addnlFields": list(fields)})
        return read(answer(payload), QUESTION, MERCHANT).payer_name

    assert named({"fieldId": "CustName", "fieldValue": "TRAN THI B"}) == "TRAN THI B"
    assert named({"fieldId": "CustName", "fieldValue": "X" * 500}) == "X" * 200
    assert named({"fieldId": "Class", "fieldValue": "12A"}) == named() == named("CustName") == ""


def test_several_bills_are_owed_together() -> None:
    payload = bill_payload({"billId": "B1", "amount": "15000"}, {"billId": "B2", "amount": 5000})
    bill = read(answer(payload), QUESTION, MERCHANT)
    assert (bill.amount_vnd, bill.wire) == (20_000, {"bills": '[["B1",15000],["B2",5000]]'})


@pytest.mark.parametrize("as_text", [False, True], ids=["number", "text"])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, Reason.ALREADY_PAID),
        (3, Reason.INVALID_AMOUNT),
        (10, Reason.MALFORMED),
        (17, Reason.UNKNOWN_ORDER),
        (18, Reason.BAD_SIGNATURE),
        (20, Reason.MALFORMED),
        (21, Reason.UNKNOWN_MERCHANT),
        (400, Reason.UNKNOWN),
        (42, Reason.UNKNOWN),
    ],
)
def test_a_billers_no_is_understood_as_text_and_as_number(code: int, reason: Reason, as_text: bool) -> None:
    given = answer({}, errorCode=str(code) if as_text else code, status="FAILURE")
    assert refusal(given) is reason


def test_every_code_of_the_table_is_tried() -> None:
    assert REASONS.keys() == {"1", "3", "10", "17", "18", "20", "21", "400"}


@pytest.mark.parametrize("code", ["", None, "00", "0 ", True, [], -0.0])
def test_no_other_code_is_a_yes(code: object) -> None:
    assert refusal(answer(bill_payload(), errorCode=code)) is Reason.UNKNOWN


def test_a_yes_that_says_failure_is_a_no() -> None:
    assert refusal(answer(bill_payload(), status="FAILURE")) is Reason.UNKNOWN
    assert read(answer(bill_payload(), status="Truy vấn thành công"), QUESTION, MERCHANT).amount_vnd == 20_000


@pytest.mark.parametrize(
    "amount", ["", "0", 0, "-5", -5, "20000.00", 20_000.0, "1e3", "٣", "abc", "9" * 16, 10**15, None, True, " 1", "1\n"]
)
def test_an_amount_that_is_no_whole_positive_number_is_refused(amount: object) -> None:
    assert refusal(answer(bill_payload({"billId": "B1", "amount": amount}))) is Reason.INVALID_AMOUNT


@pytest.mark.parametrize("amount", [1, 2**31, 2**32 + 1, 999_999_999_999_999])
def test_an_amount_may_be_a_text_or_a_number_and_beyond_32_bits(amount: int) -> None:
    for form in (amount, str(amount)):
        assert read(answer(bill_payload({"billId": "B", "amount": form})), QUESTION, MERCHANT).amount_vnd == amount


def test_bills_that_are_too_much_together_are_refused() -> None:
    half = {"billId": "B", "amount": "9" * 15}
    assert refusal(answer(bill_payload(half, half))) is Reason.INVALID_AMOUNT


@pytest.mark.parametrize(
    "bills",
    [
        [],
        None,
        "B1",
        {"billId": "B1", "amount": 1},
        [None],
        [{"amount": 1}],
        [{"billId": "", "amount": 1}],
        [{"billId": "B" * 101, "amount": 1}],
        [{"billId": "B\x00", "amount": 1}],
        [{"billId": 10**15, "amount": 1}],
        [{"billId": "B", "amount": 1}] * (BILLS_MAX + 1),
    ],
)
def test_bills_in_another_form_are_refused(bills: object) -> None:
    assert refusal(answer(bill_payload(bills=bills))) is Reason.MALFORMED


@pytest.mark.parametrize("code", ["OTHER", "", None])
def test_a_bill_of_another_customer_is_refused(code: object) -> None:
    assert refusal(answer(bill_payload(customerCode=code))) is Reason.MALFORMED


@pytest.mark.parametrize("changes", [{"channelRefNumber": "REF0000000002"}, {"channelId": "6015"}])
def test_a_signed_bill_for_another_question_is_refused(changes: dict[str, str]) -> None:
    assert refusal(answer(bill_payload(), **changes)) is Reason.MALFORMED


@BOTH
def test_a_bill_signed_by_another_or_by_another_digest_is_refused(merchant: Merchant) -> None:
    other = SHA256 if merchant is MERCHANT else MERCHANT
    for said in (
        answer(bill_payload(), merchant=merchant, secret="forged"),
        answer(bill_payload(), merchant=other),
        answer(bill_payload(), merchant=merchant, sign=""),
        answer(bill_payload(), merchant=merchant, sign="không phải"),
        answer(bill_payload(), merchant=merchant, sign=told(ask(QUESTION, merchant))["signature"]),
    ):
        assert refusal(said, merchant) is Reason.BAD_SIGNATURE


def test_a_contract_may_let_echoed_signatures_pass() -> None:
    lax = with_options(MERCHANT, answer_signature="unchecked")
    echoed = answer(bill_payload(), sign=told(ask(QUESTION, MERCHANT))["signature"])
    assert read(echoed, QUESTION, lax).amount_vnd == 20_000
    assert acknowledged(answer(sign=""), notice(lax)).done
    assert not acknowledged(answer(sign="", channelRefNumber="OTHER"), notice(lax)).done


def test_an_upper_case_signature_is_the_same_one() -> None:
    """One known biller compares without regard to case."""
    upper = digest(MERCHANT, f"6014|{REF}|MSG0000000001|{SECRET}").upper()
    assert read(answer(bill_payload(), sign=upper), QUESTION, MERCHANT).amount_vnd == 20_000


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Answer(error="timed out"), Reason.TIMED_OUT),
        (Answer(401), Reason.UNKNOWN_MERCHANT),
        (Answer(503), Reason.MAINTENANCE),
        (Answer(504), Reason.TIMED_OUT),
        (Answer(500), Reason.UNKNOWN),
        (Answer(302), Reason.UNKNOWN),
        (answer(bill_payload(), http=201), Reason.UNKNOWN),
        (Answer(200, (), b"<html>"), Reason.MALFORMED),
        (Answer(200, (), b"[" * 100_000), Reason.MALFORMED),
        (Answer(200, (), b"[]"), Reason.MALFORMED),
        (Answer(200, (), b'{"context":{"errorCode":' + b"9" * 5_000 + b"}}"), Reason.MALFORMED),
        (answer(bill_payload(), errorCode=10**15, sign=""), Reason.BAD_SIGNATURE),
        (Answer(200, (), b"{}"), Reason.BAD_SIGNATURE),
        (Answer(200, (), b'{"context":[],"payload":[],"signature":{}}'), Reason.BAD_SIGNATURE),
    ],
)
def test_no_answer_and_garbage_are_refusals(given: Answer, reason: Reason) -> None:
    assert refusal(given) is reason


# --- acknowledgements ----------------------------------------------------------------------------------------

PRODUCTS = pytest.mark.parametrize("dialect", [BILL, ADVICE], ids=lambda dialect: dialect.code)


@pytest.mark.parametrize("code", [0, 1, 3, 10, 17, 18, 20, 21, 400, 2, 99])
@PRODUCTS
def test_what_ends_the_retries(dialect: Dialect, code: int) -> None:
    done = {"vietcombank": (0, 1), "vietcombank_advice": (0,)}[dialect.code]
    for form in (code, str(code)):
        given = answer(errorCode=form, status="SUCCESS" if code == 0 else "FAILURE")
        assert dialect.acknowledged(given, notice()) == Ack(code in done, f"errorCode {code}")


@PRODUCTS
def test_a_yes_that_says_failure_acknowledges_nothing(dialect: Dialect) -> None:
    assert not dialect.acknowledged(answer(status="Failure"), notice()).done
    assert dialect.acknowledged(answer(status="Truy vấn, thanh toán thành công"), notice()).done


@pytest.mark.parametrize(("code", "done"), [("0", True), (0, True), ("1", False), (1, False), ("", False)])
def test_a_bill_left_out_is_no_acknowledgement(code: object, done: bool) -> None:
    good = {"billId": "B1", "amount": "15000", "billErrCode": "0", "billErrDesc": ""}
    payload = {"bills": [good, {"billId": "B2", "amount": "5000", "billErrCode": code}]}
    assert acknowledged(answer(payload), notice()).done is done
    assert acknowledged(answer({"bills": [{"billId": "B1"}]}), notice()).done


@PRODUCTS
@BOTH
def test_a_wrong_or_missing_signature_acknowledges_nothing(dialect: Dialect, merchant: Merchant) -> None:
    assert dialect.acknowledged(answer(merchant=merchant), notice(merchant)).done
    for said in (answer(merchant=merchant, secret="forged"), answer(sign=""), answer(sign="a" * 32)):
        ack = dialect.acknowledged(said, notice(merchant))
        assert not ack.done
        assert "signature" in ack.text


@PRODUCTS
def test_an_answer_to_another_message_or_without_http_200_acknowledges_nothing(dialect: Dialect) -> None:
    assert not dialect.acknowledged(answer(channelRefNumber="REF0000000002"), notice()).done
    assert not dialect.acknowledged(answer(channelId="1"), notice()).done
    for status in (0, 201, 204, 302, 400, 401, 500, 504):
        assert not dialect.acknowledged(answer(http=status), notice()).done


@PRODUCTS
def test_a_forged_message_is_not_acknowledged_by_the_true_connector(dialect: Dialect) -> None:
    """The bank judges the answer by the forger's secret; the journal still tells the connector's code."""
    ack = dialect.acknowledged(answer(errorCode=18, status="FAILURE"), notice(forged(MERCHANT)))
    assert not ack.done
    assert "18" in ack.text


# --- advice --------------------------------------------------------------------------------------------------


def test_an_advice_has_every_known_field_in_texts() -> None:
    payload = advised(channel=Channel.COUNTER)
    host = payload.pop("hostInfo")
    assert payload == {
        "providerId": "VCBBAOCO",
        "serviceId": "BILLC2",
        "account": "0011000000001",
        "amount": "20000",
        "currency": "VND",
        "currentBal": "20000",
        "availBal": "20000",
        "holdAmount": "0",
        "dorc": "C",
        "transactionTime": "23-11-2026 00:06:34",
        "remark": "NGUYEN VAN A;H49.12.6-261122-0001;",
    }
    assert host == {"tellerId": "001101", "seqNo": "980123", "branch": "0011"}
    assert advised(channel=Channel.MOBILE)["hostInfo"]["tellerId"] == "0000"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("broken", "MBVCB.6960980123.N O P P H I HS0001.CT tu 1001 NGUYEN VAN A toi 0011 K H O B A C QUANG NINH"),
        ("framed", "MBVCB.6960980123.NOP PHI HS0001.CT tu 1001 NGUYEN VAN A toi 0011 KHO BAC QUANG NINH"),
        ("cut", "MBVCB.6960980123.NOP PHI HS0001.CT  tu 1001 NGUYEN VAN A toi 0011 KHO B AC QUANG NINH"),
        ("bare", "NOP PHI HS0001"),
    ],
)
def test_a_contract_chooses_how_its_remarks_are_mangled(style: str, expected: str) -> None:
    order = msgspec.structs.replace(PAYMENT.order, order_ref="NOP PHÍ HS0001")
    merchant = with_options(RECEIVER, remark=style, account="0011")
    assert advised(merchant, order=order, payer_account="1001", channel=Channel.MOBILE)["remark"] == expected


def test_a_cut_remark_breaks_a_long_dossier_code() -> None:
    text = advised(with_options(RECEIVER, remark="cut"), channel=Channel.QR)["remark"]
    assert CUSTOMER not in text
    assert CUSTOMER in text.replace(" ", "")


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("style", ["broken", "framed", "cut", "bare"])
def test_a_remark_is_plain_short_and_still_names_the_dossier(channel: Channel, style: str) -> None:
    text = advised(with_options(RECEIVER, remark=style), channel=channel)["remark"]
    assert CUSTOMER in text.replace(" ", "")
    long = msgspec.structs.replace(PAYMENT.order, order_ref="Đóng lệ phí <&> " * 40)
    text = advised(with_options(RECEIVER, remark=style), channel=channel, order=long)["remark"]
    assert len(text) <= REMARK_MAX
    assert re.fullmatch(r"[A-Za-z0-9 .;-]+", text)


def test_a_transfer_from_nobody_known_names_only_the_receiver() -> None:
    text = advised(payer_account="", channel=Channel.QR)["remark"]
    assert text.startswith(f"MBVCB.6960980123.{CUSTOMER}.CT toi 0011000000001 ")
    nobody = msgspec.structs.replace(PAYMENT.order, wire={})
    assert advised(order=nobody, channel=Channel.COUNTER)["remark"] == f"KHACH HANG;{CUSTOMER};"


def test_an_advice_without_an_account_in_the_contract_can_still_be_sent() -> None:
    bare = msgspec.structs.replace(RECEIVER, options={})
    assert advised(bare)["account"] == ""


# --- any garbage ---------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["context", "payload", "signature", "errorCode", "bills", "billId", "amount"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
BODIES = st.binary(max_size=300) | st.dictionaries(KEYS, JSON, max_size=5).map(lambda value: json.dumps(value).encode())


@given(status=st.sampled_from([0, 200, 200, 404, 503]), body=BODIES)
def test_any_answer_is_a_refusal_and_no_acknowledgement(status: int, body: bytes) -> None:
    given_answer = Answer(status, (), body)
    assert not acknowledged(given_answer, notice()).done
    assert not ADVICE.acknowledged(given_answer, notice()).done
    with pytest.raises(Refusal):
        read(given_answer, QUESTION, MERCHANT)


@given(payload=JSON | st.dictionaries(st.sampled_from(["customerCode", "bills"]), JSON), code=JSON)
def test_anything_that_the_biller_signed_is_a_bill_or_a_refusal(payload: object, code: object) -> None:
    for given_answer in (answer(payload), answer(payload, errorCode=code), answer(bill_payload(bills=payload))):
        acknowledged(given_answer, notice())
        try:
            bill = read(given_answer, QUESTION, MERCHANT)
        except Refusal:
            continue
        assert isinstance(bill, Bill)
        assert 0 < bill.amount_vnd < 10**15


@given(content=st.text(max_size=200), name=st.text(max_size=50), channel=st.sampled_from(Channel))
def test_any_content_makes_a_plain_remark(content: str, name: str, channel: Channel) -> None:
    order = Order(order_ref=content, order_key=REF, amount_vnd=1, wire={"payer_name": name})
    text = remark(msgspec.structs.replace(PAYMENT, order=order, channel=channel), RECEIVER)
    assert len(text) <= REMARK_MAX
    assert re.fullmatch(r"[A-Za-z0-9 .;-]*", text)


@given(amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=5), paid_vnd=st.integers(0, 10**10))
def test_the_bills_of_a_payment_add_up_to_it(amounts: list[int], paid_vnd: int) -> None:
    owed = [[f"B{place}", amount] for place, amount in enumerate(amounts)]
    order = msgspec.structs.replace(PAYMENT.order, wire={"bills": json.dumps(owed)})
    payload = paid(order=order, amount_vnd=paid_vnd)
    assert sum(int(bill["amount"]) for bill in payload["bills"]) == int(payload["totalPaymentAmount"]) == paid_vnd


def test_the_module_has_both_products() -> None:
    assert vietcombank.DIALECTS == (BILL, ADVICE)
