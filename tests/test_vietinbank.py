"""Facts about VietinBank bill collection, in both wire formats."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.banks import vietinbank
from simulator.banks.vietinbank import DIALECT, acknowledged, ask, callback, read
from simulator.dialect import Ack, Notice, Question
from simulator.merchants import default_merchants, forged, impostor_key
from simulator.payment import Bill, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.signing import rsa_sha256_sign, rsa_sha256_verify
from simulator.wire import Answer

WIRE = Path(__file__).parent.parent / "fixtures" / "wire" / "vietinbank"
VECTORS = {
    vector["key"]: vector for name in ("flat", "records") for vector in json.loads((WIRE / f"{name}.json").read_text())
}
FLAT = next(each for each in default_merchants() if each.bank == "vietinbank")
RECORDS = msgspec.structs.replace(FLAT, options={"format": "records"})
THVQR = next(each for each in default_merchants() if each.bank == "vietinbank_thvqr")
BOTH = pytest.mark.parametrize("merchant", [FLAT, RECORDS], ids=["flat", "records"])
CUST = "2NDVNDV24012358711"
ASKED_AT = datetime(2024, 2, 1, 7, 5, 0, tzinfo=UTC)
PAID_AT = datetime(2024, 2, 1, 7, 6, 34, tzinfo=UTC)
QUESTION = Question(bill_code=CUST, trans_ref="501690869", channel=Channel.COUNTER, now=ASKED_AT)
PAYMENT = Payment(
    payment_id="p1",
    bank="vietinbank",
    merchant_code="9111",
    order=Order(order_ref=CUST, order_key="501690869", amount_vnd=875_800, description="CK"),
    amount_vnd=875_800,
    bank_ref="164T24200GKAJ7BY",
    created_at=ASKED_AT,
    state=State.PAID,
    outcome=Outcome.SUCCESS,
    channel=Channel.INTERNET_BANKING,
    payer_account="104000000001",
    issuer_code="970415",
    settled_at=PAID_AT,
)


def notice(merchant: Merchant = FLAT, attempt: int = 1, **changes: Any) -> Notice:
    payment = msgspec.structs.replace(PAYMENT, **changes)
    return Notice(payment=payment, merchant=merchant, now=PAID_AT, attempt=attempt)


def told(merchant: Merchant = FLAT, attempt: int = 1, **changes: Any) -> dict[str, Any]:
    """The notice's fields; of the record format the record, with the header under "header"."""
    body = json.loads(callback(notice(merchant, attempt, **changes)).body)
    return body if merchant is FLAT else {**body["data"]["records"][0], "header": body["header"]}


def wrapped(merchant: Merchant, fields: dict[str, Any], signature: object) -> dict[str, Any]:
    """A biller's answer in its format."""
    if merchant.options["format"] == "flat":
        return {**fields, "signature": signature}
    record = {name: value for name, value in fields.items() if name not in ("errorCode", "errorDesc", "status.code")}
    record["status"] = {"code": fields.get("status.code", "")}
    header = {"msgType": "1110", "errorCode": fields.get("errorCode", ""), "signature": signature}
    return {"header": header, "data": {"records": [record]}}


def signed(merchant: Merchant, message: str, fields: dict[str, Any], key: str = "") -> Answer:
    """The biller's answer; `key` is another's private key (PEM)."""
    form = vietinbank.RECORDS if merchant.options["format"] == "records" else vietinbank.FLAT
    texts = {name: str(value) for name, value in fields.items()}
    text = vietinbank.string_to_sign(texts, getattr(form, message))
    signature = rsa_sha256_sign(key or merchant.secrets["biller_private_key"], text.encode())
    return Answer(200, (), json.dumps(wrapped(merchant, fields, signature), ensure_ascii=False).encode())


def bill_fields(**changes: Any) -> dict[str, Any]:
    return {
        **{"transId": "501690869", "channelId": "211701", "transTime": "20240201140500"},
        **{"transType": "COLLECTION", "custCode": CUST, "custName": "Nguyễn Văn A", "billId": "B01"},
        **{"billTerm": "202402", "amount": "875800", "errorCode": "00"},
        **changes,
    }


def ack_fields(**changes: Any) -> dict[str, Any]:
    return {"transId": "501690869", "errorCode": "00", "errorDesc": "", **changes}


def refusal(answer: Answer, merchant: Merchant = FLAT) -> Reason:
    with pytest.raises(Refusal) as caught:
        read(answer, QUESTION, merchant)
    return caught.value.reason


# --- known answers -------------------------------------------------------------------------------------------


def vector_answer(key: str) -> Answer:
    vector = VECTORS[key]
    merchant = FLAT if key.startswith("F") else RECORDS
    fields = {**vector["fields"], "errorCode": vector["fields"].get("errorCode", "00"), "status.code": "00"}
    return Answer(200, (), json.dumps(wrapped(merchant, fields, vector["signature"])).encode())


@pytest.mark.parametrize("key", sorted(VECTORS))
def test_a_vector_is_signed_by_the_key_it_names(key: str) -> None:
    vector = VECTORS[key]
    keys = {"vietinbank": "bank_public_key", "biller": "biller_public_key"}
    public = FLAT.secrets[keys[vector["signed_by"]]]
    assert rsa_sha256_verify(public, vector["string_to_sign"].encode(), vector["signature"])


@pytest.mark.parametrize(
    ("key", "merchant", "channel"),
    [
        ("F1", FLAT, Channel.INTERNET_BANKING),
        ("F2", FLAT, Channel.COUNTER),
        ("R3", RECORDS, Channel.INTERNET_BANKING),
    ],
)
def test_a_notice_is_the_published_one(key: str, merchant: Merchant, channel: Channel) -> None:
    order = msgspec.structs.replace(PAYMENT.order, wire={"custName": "Nguyễn Văn A"})
    body = told(merchant, channel=channel, order=order)
    vector = VECTORS[key]
    assert {name: body[name] for name in vector["fields"]} == vector["fields"]
    assert (body if merchant is FLAT else body["header"])["signature"] == vector["signature"]


def test_a_flat_notice_has_no_other_fields_than_the_published_ones() -> None:
    assert set(told()) == {*VECTORS["F1"]["fields"], "msgId", "signature"}


@pytest.mark.parametrize(("key", "merchant"), [("F5", FLAT), ("R1", RECORDS)])
def test_an_inquiry_is_signed_as_published(key: str, merchant: Merchant) -> None:
    body = json.loads(ask(QUESTION, merchant).body)
    fields = body if merchant is FLAT else body["data"]["records"][0]
    vector = VECTORS[key]
    assert {name: fields[name] for name in vector["fields"]} == vector["fields"]
    assert (body if merchant is FLAT else body["header"])["signature"] == vector["signature"]


@pytest.mark.parametrize(("key", "merchant"), [("F6", FLAT), ("R2", RECORDS)])
def test_a_bill_is_read(key: str, merchant: Merchant) -> None:
    bill = read(vector_answer(key), QUESTION, merchant)
    assert (bill.bill_code, bill.amount_vnd, bill.payer_name) == (CUST, 875_800, "Nguyễn Văn A")
    assert bill.wire["billId"] == "B01"


def test_a_signed_refusal_of_an_unknown_bill_is_read() -> None:
    assert refusal(vector_answer("F7")) is Reason.UNKNOWN_ORDER


@pytest.mark.parametrize(("key", "merchant"), [("F3", FLAT), ("F4", FLAT), ("R4", RECORDS)])
def test_a_signed_acceptance_ends_the_retries(key: str, merchant: Merchant) -> None:
    assert acknowledged(vector_answer(key), notice(merchant)).done


# --- the notice ----------------------------------------------------------------------------------------------


def test_messages_go_to_the_urls_of_the_contract() -> None:
    merchant = msgspec.structs.replace(FLAT, callback_url="http://c/notice", inquiry_url="http://c/inquiry")
    assert callback(notice(merchant)).url == "http://c/notice"
    assert ask(QUESTION, merchant).url == "http://c/inquiry"
    assert callback(notice(merchant)).method == ask(QUESTION, merchant).method == "POST"


@BOTH
def test_cash_has_neither_a_bank_number_nor_a_sender(merchant: Merchant) -> None:
    shown = msgspec.structs.replace(merchant, options={**merchant.options, "sender": "shown"})
    body = json.loads(callback(notice(shown, channel=Channel.COUNTER)).body)
    fields = body if merchant is FLAT else body["data"]["records"][0]
    assert not any(fields.get(name) for name in ("bankTransId", "sendBankId", "sendAcctId", "sendAcctName"))


@BOTH
def test_the_sender_is_told_only_where_the_contract_says_so(merchant: Merchant) -> None:
    assert not told(merchant).get("sendAcctId")
    shown = msgspec.structs.replace(merchant, options={**merchant.options, "sender": "shown"})
    assert '"sendAcctId":"104000000001"' in callback(notice(shown)).body.decode()


@BOTH
def test_a_late_attempt_still_tells_when_the_money_came(merchant: Merchant) -> None:
    late = Notice(payment=PAYMENT, merchant=merchant, now=PAID_AT + timedelta(hours=1), attempt=3)
    assert '"transTime":"20240201140634"' in callback(late).body.decode()


@BOTH
def test_a_repeated_notice_keeps_its_trans_id_and_has_a_fresh_message_id(merchant: Merchant) -> None:
    first, second = told(merchant, attempt=1), told(merchant, attempt=2)
    assert first["transId"] == second["transId"] == "501690869"
    assert (first if merchant is FLAT else first["header"])["msgId"] != (
        second if merchant is FLAT else second["header"]
    )["msgId"]


def test_records_have_the_documented_message_types() -> None:
    assert told(RECORDS)["header"]["msgType"] == "1200"
    assert json.loads(ask(QUESTION, RECORDS).body)["header"]["msgType"] == "1100"


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_told_and_only_collected_money_as_income(state: State) -> None:
    income = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    assert (told(state=state)["transType"] != "D") is income
    assert (told(RECORDS, state=state)["status"]["code"] == "00") is income


@pytest.mark.parametrize("outcome", Outcome)
def test_the_outcome_of_a_paid_bill_changes_nothing(outcome: Outcome) -> None:
    assert told(outcome=outcome) == told()


@pytest.mark.parametrize("channel", Channel)
def test_every_channel_has_its_trans_type(channel: Channel) -> None:
    expected = {Channel.QR: "2", Channel.COUNTER: "COLLECTION", Channel.POS: "1", Channel.CARD: "1"}
    assert told(channel=channel)["transType"] == expected.get(channel, "3")


def test_a_remark_travels_without_diacritics_and_within_200_letters() -> None:
    order = msgspec.structs.replace(PAYMENT.order, description="Lệ phí Đăng ký <&> " + "dài " * 100)
    remark = told(order=order)["remark"]
    assert remark.startswith("CT DEN:164T24200GKAJ7BY Le phi Dang ky  ")
    assert len(remark) <= 200


def test_changing_an_unsigned_field_keeps_the_signature() -> None:
    """A documented weakness: transType and currency are outside the signature."""
    assert told(channel=Channel.POS)["signature"] == told(channel=Channel.MOBILE)["signature"]


def test_a_shifted_field_boundary_signs_alike() -> None:
    """A documented weakness of joining without a separator."""
    left, right = {"transId": "1", "transTime": "23"}, {"transId": "12", "transTime": "3"}
    signed_fields = vietinbank.FLAT.notice
    assert vietinbank.string_to_sign(left, signed_fields) == vietinbank.string_to_sign(right, signed_fields)


# --- acknowledgements ----------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("code", "done"),
    [("00", True), ("05", True), *((code, False) for code in ("01", "02", "03", "06", "99", "", "0", "000", "07"))],
)
def test_only_00_and_05_end_the_retries(merchant: Merchant, code: str, done: bool) -> None:
    answer = signed(merchant, "acknowledgement", ack_fields(errorCode=code))
    assert acknowledged(answer, notice(merchant)) == Ack(done, f"errorCode {code}")


@BOTH
def test_a_wrong_or_missing_signature_acknowledges_nothing(merchant: Merchant) -> None:
    impostor = signed(merchant, "acknowledgement", ack_fields(), key=impostor_key())
    assert not acknowledged(impostor, notice(merchant)).done
    for signature in ("", None, 7, "AAAA", "không phải base64"):
        body = json.dumps(wrapped(merchant, ack_fields(), signature)).encode()
        assert not acknowledged(Answer(200, (), body), notice(merchant)).done


@BOTH
def test_an_answer_to_another_notice_acknowledges_nothing(merchant: Merchant) -> None:
    other = signed(merchant, "acknowledgement", ack_fields(transId="501690870"))
    assert not acknowledged(other, notice(merchant)).done


@BOTH
def test_an_acceptance_needs_http_200(merchant: Merchant) -> None:
    good = signed(merchant, "acknowledgement", ack_fields())
    for status in (0, 201, 302, 404, 500, 503):
        assert not acknowledged(Answer(status, (), good.body), notice(merchant)).done


@pytest.mark.parametrize("count", [0, 2])
def test_an_answer_in_records_has_the_one_record_that_was_asked_for(count: int) -> None:
    good = json.loads(signed(RECORDS, "acknowledgement", ack_fields()).body)
    good["data"]["records"] *= count
    assert not acknowledged(Answer(200, (), json.dumps(good).encode()), notice(RECORDS)).done


def test_a_refusal_in_records_needs_no_record() -> None:
    fields = {"errorCode": "02"}
    answer = json.loads(signed(RECORDS, "bill", fields).body)
    answer["data"]["records"] = []
    assert refusal(Answer(200, (), json.dumps(answer).encode()), RECORDS) is Reason.UNKNOWN_ORDER


def test_a_forged_notice_reads_its_answer_without_breaking() -> None:
    """A forger has no true key of the biller either: its secrets may be any text."""
    forger = msgspec.structs.replace(
        FLAT,
        secrets={"bank_private_key": impostor_key(), "biller_public_key": "no key at all"},
    )
    sent = callback(notice(forger))
    assert json.loads(sent.body)["signature"] != VECTORS["F1"]["signature"]
    assert not acknowledged(vector_answer("F3"), notice(forger)).done


def test_a_forged_notice_is_signed_by_an_impostor_and_its_answer_judged_by_the_true_key() -> None:
    forger = forged(FLAT)
    assert forger.secrets["bank_private_key"] == impostor_key()
    assert forger.secrets["biller_public_key"] == FLAT.secrets["biller_public_key"]
    refused = signed(FLAT, "acknowledgement", ack_fields(errorCode="01"))
    assert acknowledged(refused, notice(forger)) == Ack(False, "errorCode 01")


# --- bills ---------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("01", Reason.BAD_SIGNATURE),
        ("02", Reason.UNKNOWN_ORDER),
        ("03", Reason.ALREADY_PAID),
        ("05", Reason.DUPLICATE_ORDER),
        ("06", Reason.UNKNOWN_ORDER),
        ("99", Reason.UNKNOWN),
        ("42", Reason.UNKNOWN),
        ("", Reason.UNKNOWN),
    ],
)
def test_a_billers_no_is_understood(merchant: Merchant, code: str, reason: Reason) -> None:
    assert refusal(signed(merchant, "bill", bill_fields(errorCode=code)), merchant) is reason


@BOTH
@pytest.mark.parametrize(
    "amount", ["", "0", "-5", "875800.00", "1e3", "٣", "abc", "9" * 16, 875_800.5, "0875800", " 1", "1\n"]
)
def test_an_amount_that_is_no_whole_positive_number_is_refused(merchant: Merchant, amount: object) -> None:
    assert refusal(signed(merchant, "bill", bill_fields(amount=amount)), merchant) is Reason.INVALID_AMOUNT


@BOTH
@pytest.mark.parametrize("amount", [875_800, "3000000000", 999_999_999_999_999])
def test_an_amount_may_be_a_text_or_a_number_and_beyond_32_bits(merchant: Merchant, amount: object) -> None:
    assert read(signed(merchant, "bill", bill_fields(amount=amount)), QUESTION, merchant).amount_vnd == int(str(amount))


@BOTH
@pytest.mark.parametrize("changes", [{"transId": "501690870"}, {"custCode": "OTHER"}, {"transId": ""}])
def test_a_signed_bill_for_another_question_is_refused(merchant: Merchant, changes: dict[str, str]) -> None:
    assert refusal(signed(merchant, "bill", bill_fields(**changes)), merchant) is Reason.MALFORMED


@BOTH
def test_a_bill_in_another_currency_is_refused(merchant: Merchant) -> None:
    answer = signed(merchant, "bill", bill_fields(currencyCode="USD"))
    assert refusal(answer, merchant) is Reason.INVALID_CURRENCY


@BOTH
def test_a_bill_signed_by_another_is_refused(merchant: Merchant) -> None:
    answer = signed(merchant, "bill", bill_fields(), key=impostor_key())
    assert refusal(answer, merchant) is Reason.BAD_SIGNATURE


@BOTH
@pytest.mark.parametrize("name", ["transId", "transTime", "custCode", "custName", "billId", "amount"])
def test_changing_a_signed_field_of_a_bill_is_noticed(merchant: Merchant, name: str) -> None:
    answer = signed(merchant, "bill", bill_fields())
    old, new = (f'"{name}": "{value}"'.encode() for value in (bill_fields()[name], "1"))
    assert old in answer.body
    tampered = Answer(200, (), answer.body.replace(old, new))
    assert refusal(tampered, merchant) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(error="timed out"), Reason.TIMED_OUT),
        (Answer(503), Reason.MAINTENANCE),
        (Answer(500), Reason.UNKNOWN),
        (Answer(302), Reason.UNKNOWN),
        (Answer(200, (), b"<html>"), Reason.MALFORMED),
        (Answer(200, (), b"[" * 100_000), Reason.MALFORMED),
        (Answer(200, (), b'{"a":' * 3_000 + b"1" + b"}" * 3_000), Reason.MALFORMED),
        (Answer(200, (), b'{"custName":"\\u0000"}'), Reason.MALFORMED),
        (Answer(200, (), b"{}"), Reason.BAD_SIGNATURE),
    ],
)
def test_no_answer_and_garbage_are_refusals(answer: Answer, reason: Reason) -> None:
    assert refusal(answer) is reason


KEYS = st.sampled_from(["header", "data", "records", "status", "code", "amount", "errorCode", "signature"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
BODIES = st.binary(max_size=300) | st.builds(
    lambda value: json.dumps(value).encode(), JSON | st.dictionaries(KEYS, JSON, max_size=5)
)
ANSWERS = st.builds(Answer, st.sampled_from([0, 200, 200, 200, 404, 503]), st.just(()), BODIES, st.text())


@given(answer=ANSWERS, records=st.booleans())
def test_any_answer_is_a_bill_or_a_refusal_and_an_acknowledgement_or_not(answer: Answer, records: bool) -> None:
    merchant = RECORDS if records else FLAT
    assert not acknowledged(answer, notice(merchant)).done
    with pytest.raises(Refusal):
        read(answer, QUESTION, merchant)


FIELD = st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    changes=st.dictionaries(st.sampled_from([*bill_fields(), "remark", "currencyCode"]), FIELD), records=st.booleans()
)
def test_any_fields_that_the_biller_signed_are_a_bill_or_a_refusal(changes: dict[str, Any], records: bool) -> None:
    merchant = RECORDS if records else FLAT
    answer = signed(merchant, "bill", bill_fields(**changes))
    try:
        bill = read(answer, QUESTION, merchant)
    except Refusal:
        return
    assert isinstance(bill, Bill)
    assert bill.amount_vnd > 0


# --- as a biller's program has it: codes and bills beside the records ---------------------------------------


def in_details(code: str, **changes: Any) -> Answer:
    """onefin-bank#answer: what that biller answers to message type 1100."""
    detail = {
        **{"transId": "501690869", "transTime": "20240201140500", "custCode": CUST, "custName": "NGUYEN VAN A"},
        **{"billId": "B01", "amount": "875800", "amountMin": "875800", "currencyCode": "VND"},
        **changes,
    }
    text = vietinbank.string_to_sign({**detail, "channelId": "211701", "errorCode": code}, vietinbank.RECORDS.bill)
    signature = rsa_sha256_sign(RECORDS.secrets["biller_private_key"], text.encode())
    header = {"msgType": "1110", "channelId": "211701", "signature": signature}
    errors = {"errorCode": code, "errorDesc": "..."}
    data = {"records": [], "details": detail, "errors": errors}
    return Answer(200, (), json.dumps({"header": header, "data": data}).encode())


@pytest.mark.parametrize(("option", "kind"), [("bill", "1100"), ("customer", "1300"), ("other", "1100")])
def test_an_inquiry_stands_beside_the_records_and_in_them(option: str, kind: str) -> None:
    """onefin-bank#inquiry, onefin-bank#message-types."""
    merchant = msgspec.structs.replace(RECORDS, options={"format": "records", "inquiry": option})
    body = json.loads(ask(QUESTION, merchant).body)
    assert body["header"]["msgType"] == kind
    asked = {"transId": "501690869", "transTime": "20240201140500", "custCode": CUST}
    assert {name: body["data"][name] for name in asked} == asked
    assert {name: body["data"]["records"][0][name] for name in asked} == asked
    text = "".join(asked.values())
    assert rsa_sha256_verify(RECORDS.secrets["bank_public_key"], text.encode(), body["header"]["signature"])


def test_a_notice_has_nothing_beside_its_records() -> None:
    assert set(json.loads(callback(notice(RECORDS)).body)["data"]) == {"records"}


@pytest.mark.parametrize("channel", Channel)
def test_a_transfer_names_the_virtual_account_and_cash_none(channel: Channel) -> None:
    """onefin-bank#notice."""
    by_transfer = channel in (Channel.INTERNET_BANKING, Channel.MOBILE, Channel.QR)
    assert told(RECORDS, channel=channel)["recvVirtualAcctId"] == (CUST if by_transfer else "")


def test_a_bill_in_details_is_read() -> None:
    bill = read(in_details("00"), QUESTION, RECORDS)
    assert (bill.amount_vnd, bill.payer_name, bill.wire["amountMin"]) == (875_800, "NGUYEN VAN A", "875800")


@pytest.mark.parametrize(
    ("code", "reason"),
    [("01", Reason.BAD_SIGNATURE), ("02", Reason.UNKNOWN_ORDER), ("03", Reason.ALREADY_PAID), ("99", Reason.UNKNOWN)],
)
def test_a_code_in_errors_is_read(code: str, reason: Reason) -> None:
    assert refusal(in_details(code), RECORDS) is reason


def test_a_changed_code_in_errors_is_noticed() -> None:
    body = in_details("02").body.replace(b'"errorCode": "02"', b'"errorCode": "00"')
    assert refusal(Answer(200, (), body), RECORDS) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(("code", "done"), [("00", True), ("05", True), ("01", False), ("99", False)])
def test_an_acknowledgement_may_have_its_code_in_errors(code: str, done: bool) -> None:
    good = json.loads(signed(RECORDS, "acknowledgement", ack_fields(errorCode=code)).body)
    del good["header"]["errorCode"]
    good["data"]["errors"] = {"errorCode": code, "errorDesc": "..."}
    ack = acknowledged(Answer(200, (), json.dumps(good).encode()), notice(RECORDS))
    assert ack == Ack(done, f"errorCode {code}")


@pytest.mark.parametrize("part", ["errors", "details"])
def test_errors_and_details_that_are_no_objects_are_malformed(part: str) -> None:
    good = json.loads(in_details("00").body)
    good["data"][part] = [1]
    assert refusal(Answer(200, (), json.dumps(good).encode()), RECORDS) is Reason.MALFORMED


# --- THVQR ---------------------------------------------------------------------------------------------------


def of_periods(listed: object, **changes: Any) -> Answer:
    body = json.loads(signed(FLAT, "bill", bill_fields(**changes)).body)
    return Answer(200, (), json.dumps({**body, "billInfo1": listed}).encode())


@pytest.mark.parametrize("amounts", [("875800",), ("875000", "800"), ("875799", 1), ("875800", "")])
def test_a_bill_may_be_of_several_periods(amounts: tuple[object, ...]) -> None:
    """vietinbank-thvqr-1-0#bill-info."""
    listed = [{"billId": "B", "billTerm": f"20240{term}", "amount": each} for term, each in enumerate(amounts, 1)]
    bill = read(of_periods(listed), QUESTION, THVQR)
    assert bill.amount_vnd == 875_800
    assert bill.wire["periods"].split() == [f"20240{term}={each or 0}" for term, each in enumerate(amounts, 1)]
    assert bill.description == f"B01 {bill.wire['periods']}"


def test_a_bill_of_one_period_needs_no_list() -> None:
    for listed in (None, []):
        bill = read(of_periods(listed), QUESTION, THVQR)
        assert (bill.amount_vnd, bill.description) == (875_800, "B01 202402")
        assert "periods" not in bill.wire


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ([{"billTerm": "202401", "amount": "875799"}], Reason.INVALID_AMOUNT),
        ([{"billTerm": "202401"}], Reason.INVALID_AMOUNT),
        ([{"amount": "-1"}, {"amount": "875801"}], Reason.MALFORMED),
        ([{"amount": "875800.00"}], Reason.MALFORMED),
        ([{"amount": "9" * 15}], Reason.MALFORMED),
        ([{"amount": "\x00"}], Reason.MALFORMED),
        ([7], Reason.MALFORMED),
        ("202401", Reason.MALFORMED),
        ({"amount": "875800"}, Reason.MALFORMED),
        ([{"amount": "1"}] * 61, Reason.MALFORMED),
    ],
)
def test_periods_that_do_not_add_up_are_refused(listed: object, reason: Reason) -> None:
    assert refusal(of_periods(listed), THVQR) is reason


def test_other_contracts_read_no_periods() -> None:
    assert read(of_periods([{"amount": "1"}]), QUESTION, FLAT).amount_vnd == 875_800


@pytest.mark.parametrize(
    ("channel", "kind"), [(Channel.QR, "2"), (Channel.MOBILE, "3"), (Channel.INTERNET_BANKING, "3")]
)
def test_a_scanned_code_is_dynamic_and_other_transfers_go_to_the_virtual_account(channel: Channel, kind: str) -> None:
    """vietinbank-thvqr-1-0#trans-types."""
    body = json.loads(callback(notice(THVQR, channel=channel)).body)
    assert (body["transType"], body["providerId"], body["custCode"]) == (kind, "9112", CUST)
    assert channel in vietinbank.THVQR.channels


def test_an_inquiry_of_thvqr_signs_what_its_document_names() -> None:
    """vietinbank-thvqr-1-0#inq-bill."""
    body = json.loads(ask(msgspec.structs.replace(QUESTION, channel=Channel.QR), THVQR).body)
    assert (body["channelId"], body["productId"], body["transType"]) == ("211701", "900000", "2")
    text = f"50169086921170120240201140500{body['transType']}{CUST}"
    assert rsa_sha256_verify(THVQR.secrets["bank_public_key"], text.encode(), body["signature"])


# --- the rest ------------------------------------------------------------------------------------------------


def test_the_banks_own_numbers_look_like_the_published_one_and_differ() -> None:
    rng = Random(1)
    numbers = [DIALECT.bank_ref(rng, PAID_AT + timedelta(seconds=index)) for index in range(1000)]
    assert len(set(numbers)) == 1000
    assert {len(number) for number in numbers} == {len("164T24200GKAJ7BY")}
    assert all(number[3:6] == "T24" for number in numbers)


def test_every_assumption_says_what_and_why() -> None:
    assert len({each.key for each in DIALECT.assumptions}) == len(DIALECT.assumptions) > 10
    assert all(each.key and each.value and each.why for each in DIALECT.assumptions)
