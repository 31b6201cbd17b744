"""Facts about BIDV bill collection: getbill, paybill, their checksums, and the bank's token."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.banks.bidv import (
    CODES,
    DIALECT,
    SETTLED_CODES,
    acknowledged,
    ask,
    callback,
    getbill_checksum,
    paybill_checksum,
    read,
    token,
)
from simulator.dialect import Ack, Notice, Question
from simulator.merchants import default_merchants, forged
from simulator.payment import Bill, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Outgoing

WIRE = Path(__file__).parent.parent / "fixtures" / "wire" / "bidv" / "messages.json"
VECTORS = {vector["key"]: vector for vector in json.loads(WIRE.read_text())}
MD5 = next(each for each in default_merchants() if each.bank == "bidv")
HMAC = msgspec.structs.replace(MD5, options={"checksum": "hmac"})
BOTH = pytest.mark.parametrize("merchant", [MD5, HMAC], ids=["md5", "hmac"])
CUSTOMER = "H4900001"
ASKED_AT = datetime(2024, 2, 1, 7, 5, 0, tzinfo=UTC)
PAID_AT = datetime(2024, 2, 1, 7, 6, 34, tzinfo=UTC)
QUESTION = Question(bill_code=CUSTOMER, trans_ref="T0001", channel=Channel.COUNTER, now=ASKED_AT)
PAYMENT = Payment(
    payment_id="p1",
    bank="bidv",
    merchant_code="SVC001",
    order=Order(order_ref=CUSTOMER, order_key="T0001", amount_vnd=20_000, wire={"bill_id": "BILL01"}),
    amount_vnd=20_000,
    bank_ref="14226112",
    created_at=ASKED_AT,
    state=State.PAID,
    outcome=Outcome.SUCCESS,
    channel=Channel.COUNTER,
    settled_at=PAID_AT,
)


def notice(merchant: Merchant = MD5, now: datetime = PAID_AT, **changes: Any) -> Notice:
    return Notice(payment=msgspec.structs.replace(PAYMENT, **changes), merchant=merchant, now=now)


def told(merchant: Merchant = MD5, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(callback(notice(merchant, **changes)).body)
    return body


def said(status: int = 200, **fields: Any) -> Answer:
    return Answer(status, (), json.dumps(fields, ensure_ascii=False).encode())


def bill(**changes: Any) -> dict[str, Any]:
    return {
        **{"result_code": "000", "result_desc": "success", "service_id": "SVC001", "customer_id": CUSTOMER},
        **{"customer_name": "Nguyễn Văn A", "customer_addr": ""},
        "data": [{"type": 1, "amount": 20_000, "bill_id": "BILL01"}],
        **changes,
    }


def one_bill(**changes: Any) -> dict[str, Any]:
    return bill(data=[{"type": 1, "amount": 20_000, "bill_id": "BILL01", **changes}])


def refusal(answer: Answer) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(answer, QUESTION, MD5)
    assert caught.value.merchant is MD5
    return caught.value


def header(outgoing: Outgoing, name: str) -> str:
    return dict(outgoing.headers)[name]


def part(bearer: str, index: int) -> dict[str, Any]:
    """One of the first two parts of a bearer token."""
    text = bearer.removeprefix("Bearer ").split(".")[index]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return decoded


# --- known answers -------------------------------------------------------------------------------------------


def test_getbill_has_the_published_checksum() -> None:
    """bidv-vietqr: MD5 of the secret, the service and the customer."""
    vector = VECTORS["B1"]
    assert getbill_checksum("demo-secret", "SVC001", CUSTOMER) == vector["signature"]
    body = json.loads(ask(QUESTION, MD5).body)
    assert body == {**vector["fields"], "checksum": vector["signature"]}


@pytest.mark.parametrize(("key", "merchant"), [("B2", MD5), ("B3", HMAC)])
def test_paybill_has_the_published_checksum(key: str, merchant: Merchant) -> None:
    """bidv-vietqr: the same text with MD5 or HMAC-SHA256."""
    vector = VECTORS[key]
    assert paybill_checksum(merchant, "T0001", "BILL01", "20000") == vector["signature"]
    body = told(merchant)
    assert {name: body[name] for name in vector["fields"]} == vector["fields"]
    assert body["checksum"] == vector["signature"]


def test_a_token_is_the_well_known_one() -> None:
    """rfc-7519: the example that its documentation sites show, made and checked by many libraries."""
    claims: dict[str, str | int] = {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}
    assert token(claims, "your-256-bit-secret") == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
        ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
        ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    )


# --- what the bank sends -------------------------------------------------------------------------------------


def test_messages_go_to_the_urls_of_the_contract() -> None:
    merchant = msgspec.structs.replace(MD5, callback_url="http://c/paybill", inquiry_url="http://c/getbill")
    assert (callback(notice(merchant)).url, ask(QUESTION, merchant).url) == ("http://c/paybill", "http://c/getbill")
    assert callback(notice(merchant)).method == ask(QUESTION, merchant).method == "POST"


@BOTH
def test_every_message_bears_a_token_of_its_own_time(merchant: Merchant) -> None:
    later = PAID_AT + timedelta(minutes=10)
    for outgoing, at in ((ask(QUESTION, merchant), ASKED_AT), (callback(notice(merchant, later)), later)):
        bearer = header(outgoing, "authorization")
        assert part(bearer, 0) == {"alg": "HS256", "typ": "JWT"}
        assert part(bearer, 1) == {"iss": "BIDV", "iat": int(at.timestamp()), "exp": int(at.timestamp()) + 300}


def test_a_token_is_signed_with_a_secret_of_its_own_and_a_forger_has_another() -> None:
    def proved(merchant: Merchant) -> bool:
        signed, _, signature = header(callback(notice(merchant)), "authorization")[7:].rpartition(".")
        true = hmac.digest(b"demo-token-secret", signed.encode(), "sha256")
        return base64.urlsafe_b64encode(true).decode().rstrip("=") == signature

    assert proved(MD5)
    assert not proved(forged(MD5))
    assert not proved(msgspec.structs.replace(MD5, secrets={"secret": "demo-secret", "jwt_secret": "demo-secret"}))


@BOTH
def test_a_forger_has_another_checksum(merchant: Merchant) -> None:
    assert told(forged(merchant))["checksum"] != told(merchant)["checksum"]


def test_a_paybill_has_no_other_fields_and_only_texts() -> None:
    assert set(told()) == {*VECTORS["B2"]["fields"], "trans_date", "checksum"}
    assert all(isinstance(value, str) for value in told().values())


def test_a_late_attempt_still_tells_when_the_money_came() -> None:
    late = json.loads(callback(notice(now=PAID_AT + timedelta(hours=1))).body)
    assert late == told()
    assert late["trans_date"] == "20240201140634"


def test_a_payment_without_an_inquiry_names_the_customer_as_its_bill() -> None:
    order = msgspec.structs.replace(PAYMENT.order, wire={})
    assert told(order=order)["bill_id"] == CUSTOMER


@pytest.mark.parametrize("state", State)
def test_paybill_has_no_word_for_a_failure(state: State) -> None:
    assert told(state=state) == told()
    assert not DIALECT.tells_failures
    assert DIALECT.announces == {State.PAID}


@pytest.mark.parametrize("channel", DIALECT.channels)
def test_the_channel_is_not_told(channel: Channel) -> None:
    assert told(channel=channel) == told()


def test_changing_an_unsigned_field_keeps_the_checksum() -> None:
    """A weakness that the source shows: the customer and the date are outside the checksum."""
    other = msgspec.structs.replace(PAYMENT.order, order_ref="H4900002")
    changed = told(order=other, settled_at=PAID_AT + timedelta(days=1))
    assert changed["checksum"] == told()["checksum"]
    assert changed != told()


@BOTH
def test_a_shifted_field_boundary_signs_alike(merchant: Merchant) -> None:
    """A weakness of joining without a separator."""
    assert paybill_checksum(merchant, "T1", "BILL", "20000") == paybill_checksum(merchant, "T1", "BILL2", "0000")


# --- acknowledgements ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_only_done_and_paid_already_end_the_retries(code: str) -> None:
    ack = acknowledged(said(result_code=code, result_desc="x"), notice())
    assert ack == Ack(code in ("000", "023"), f"result_code {code} ({CODES[code][0]})")
    assert {"000", "023"} == SETTLED_CODES


@pytest.mark.parametrize("code", ["", "0", "00", "0000", "042", 0, None, True, "٠٠٠", "000\n", ["000"]])
def test_another_code_ends_nothing(code: object) -> None:
    assert not acknowledged(said(result_code=code), notice()).done


@pytest.mark.parametrize("status", [0, 201, 204, 302, 400, 404, 500, 503])
@pytest.mark.parametrize("code", ["000", "023"])
def test_an_acceptance_needs_http_200(status: int, code: str) -> None:
    assert not acknowledged(said(status, result_code=code), notice()).done


def test_a_refusal_with_http_400_is_read_for_the_journal() -> None:
    ack = acknowledged(said(400, result_code="022"), notice())
    assert ack == Ack(False, "result_code 022 (the amount is not the bill's)")


def test_an_unknown_code_is_named_in_the_journal() -> None:
    assert acknowledged(said(result_code="042"), notice()) == Ack(False, "result_code 042 (unknown)")


def test_why_there_was_no_answer_is_in_the_journal() -> None:
    assert acknowledged(Answer(error="timed out after 30 s"), notice()) == Ack(False, "timed out after 30 s")


# --- bills ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [bill()["data"], bill()["data"][0], [*bill()["data"], {"amount": "rest"}]])
def test_a_bill_is_read_from_a_list_or_an_object(data: object) -> None:
    found = read(said(**bill(data=data)), QUESTION, MD5)
    assert found == Bill(
        bill_code=CUSTOMER,
        amount_vnd=20_000,
        payer_name="Nguyễn Văn A",
        description="BILL01 1",
        wire={"bill_id": "BILL01"},
    )


EXPECTED = {
    **{"001": Reason.MALFORMED, "003": Reason.BAD_SIGNATURE, "004": Reason.BAD_SIGNATURE},
    **{"006": Reason.UNKNOWN_MERCHANT, "011": Reason.UNKNOWN_ORDER, "012": Reason.UNKNOWN_ORDER},
    **{"021": Reason.UNKNOWN_ORDER, "022": Reason.INVALID_AMOUNT, "023": Reason.ALREADY_PAID},
    **{"031": Reason.UNKNOWN, "096": Reason.UNKNOWN},
}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("code", EXPECTED)
def test_a_billers_no_is_understood(code: str, status: int) -> None:
    """bidv-vietqr#codes"""
    refused = refusal(said(status, **bill(result_code=code)))
    assert (refused.reason, refused.detail) == (EXPECTED[code], f"HTTP {status}, result_code {code} ({CODES[code][0]})")
    assert set(EXPECTED) == CODES.keys() - {"000"}


def test_an_unknown_code_is_no_bill() -> None:
    assert refusal(said(**bill(result_code="042"))).reason is Reason.UNKNOWN


def test_a_bill_with_http_400_is_no_bill() -> None:
    assert refusal(said(400, **bill())).reason is Reason.UNKNOWN


@pytest.mark.parametrize(
    "amount",
    ["", "0", 0, -5, "20000.00", 20_000.0, "1e3", "٣", "abc", "9" * 16, 10**15, "020000", " 1", "1\n", None, True, [1]],
)
def test_an_amount_that_is_no_whole_positive_number_is_refused(amount: object) -> None:
    assert refusal(said(**one_bill(amount=amount))).reason is Reason.INVALID_AMOUNT


@pytest.mark.parametrize("amount", [20_000, "3000000000", 999_999_999_999_999])
def test_an_amount_may_be_a_text_or_a_number_and_beyond_32_bits(amount: object) -> None:
    assert read(said(**one_bill(amount=amount)), QUESTION, MD5).amount_vnd == int(str(amount))


@pytest.mark.parametrize(
    "fields",
    [
        bill(customer_id="H4900002"),
        bill(customer_id=7),
        bill(customer_name={"a": 1}),
        bill(customer_name="a\x00b"),
        bill(data=[]),
        bill(data=None),
        bill(data="BILL01"),
        bill(data=["BILL01"]),
        bill(data=bill()["data"] * 101),
        one_bill(bill_id=""),
        one_bill(bill_id=None),
        one_bill(bill_id=True),
        one_bill(bill_id="B" * 51),
        one_bill(bill_id="B\x00"),
        one_bill(type=[1]),
    ],
)
def test_what_is_no_bill_of_that_customer_is_refused(fields: dict[str, Any]) -> None:
    assert refusal(said(**fields)).reason is Reason.MALFORMED


@pytest.mark.parametrize("customer_id", [None, ""])
def test_an_answer_need_not_repeat_the_customer(customer_id: object) -> None:
    assert read(said(**bill(customer_id=customer_id)), QUESTION, MD5).bill_code == CUSTOMER


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(error="timed out"), Reason.TIMED_OUT),
        (Answer(503), Reason.MAINTENANCE),
        (Answer(500), Reason.UNKNOWN),
        (Answer(302), Reason.UNKNOWN),
        (Answer(200, (), b""), Reason.MALFORMED),
        (Answer(200, (), b"<html>"), Reason.MALFORMED),
        (Answer(400, (), b"<html>"), Reason.MALFORMED),
        (Answer(200, (), b"[" * 100_000), Reason.MALFORMED),
        (Answer(200, (), b'{"result_code":0}'), Reason.MALFORMED),
    ],
)
def test_no_answer_and_garbage_are_refusals(answer: Answer, reason: Reason) -> None:
    assert refusal(answer).reason is reason


KEYS = st.sampled_from(["result_code", "customer_id", "customer_name", "data", "amount", "bill_id", "type"]) | st.text()
CODE_TEXTS = st.sampled_from(["000", "023"]) | st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | CODE_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@given(status=st.sampled_from([0, 200, 200, 400, 503]), changes=st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_answer_is_a_bill_or_a_refusal(status: int, changes: dict[str, Any]) -> None:
    answer = said(status, **{**bill(), **changes})
    try:
        found = read(answer, QUESTION, MD5)
    except Refusal:
        return
    assert (found.amount_vnd > 0, len(found.wire["bill_id"]) <= 50, status) == (True, True, 200)


@pytest.mark.parametrize(("option", "shown"), [("", False), ("hidden", False), ("shown", True)])
def test_additional_data_is_told_only_by_the_contract_and_outside_the_checksum(option: str, shown: bool) -> None:
    """bidv-vietqr#paybill."""
    merchant = msgspec.structs.replace(MD5, options={**MD5.options, "additional_data": option})
    order = msgspec.structs.replace(PAYMENT.order, description="BILL01 phi")
    fields = told(merchant, order=order)
    names = ("additionalData1", "additionalData2", "additionalData")
    expected = ["counter", PAYMENT.bank_ref, "BILL01 phi"] if shown else [None] * 3
    channel = Channel.COUNTER
    assert [told(merchant, order=order, channel=channel).get(name) for name in names] == expected
    assert fields["checksum"] == told(order=order)["checksum"]


def test_every_assumption_says_what_and_why() -> None:
    assert len({each.key for each in DIALECT.assumptions}) == len(DIALECT.assumptions) > 10
    assert all(each.key and each.value and each.why for each in DIALECT.assumptions)
