"""Facts about VietinBank's wallet API."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from simulator.banks import vietinbank_wallet
from simulator.banks.vietinbank_wallet import (
    DIALECT,
    LENGTHS,
    MESSAGES,
    OUTCOMES,
    REFUSALS,
    TEXTS,
    acknowledged,
    callback,
    number_of,
    string_to_sign,
    token_of,
)
from simulator.dialect import Ack, Ask, Command, Confirm, Create, Endpoint, Notice, Query, RefundOrder, Reply
from simulator.merchants import default_merchants, forged
from simulator.payment import (
    COLLECTED,
    Channel,
    Merchant,
    Order,
    Outcome,
    Payment,
    Reason,
    Refund,
    Refusal,
    State,
    Step,
)
from simulator.signing import rsa_sha1_verify, rsa_sha256_verify
from simulator.wire import Answer, Request, Response
from simulator.world import World
from tests.samples import vietinbank_wallet as partner
from tests.worlds import START, ask, worlds_in

WIRE = Path(__file__).parent.parent / "fixtures" / "wire" / "vietinbank_wallet" / "messages.json"
VECTORS = {vector["key"]: vector for vector in json.loads(WIRE.read_text(encoding="utf-8"))}
MERCHANT = next(each for each in default_merchants() if each.bank == "vietinbank_wallet")
KEY = MERCHANT.secrets["token_key"]
ENDPOINTS = {endpoint.path.removeprefix("/ewallet/"): endpoint for endpoint in DIALECT.endpoints}
KINDS = tuple(ENDPOINTS)
PAYING = ("paymentByToken", "paymentByOTP", "tokenIssuer-payment")
SETTLED_AT = datetime(2026, 11, 22, 3, 5, tzinfo=UTC)
TOKEN = token_of(partner.ACCOUNT, KEY)


def changed(**options: str) -> Merchant:
    return msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, **options})


def request_of(kind: str) -> Request:
    """A well-formed request of that kind."""
    linked = partner.card_fields(START, "L1")
    made = {
        "registerOnlinePay": lambda: partner.wallet("registerOnlinePay", **linked),
        "tokenIssue": lambda: partner.wallet("tokenIssue", **linked),
        "tokenIssuer-payment": lambda: partner.pay_with_card("HS0001", 20_000, START),
        "paymentByToken": lambda: partner.pay_by_token("HS0001", 20_000, START, TOKEN),
        "paymentByOTP": lambda: partner.pay_by_token("HS0001", 20_000, START, TOKEN, "paymentByOTP"),
        "verifyPin": lambda: partner.verify_pin("HS0001", START),
        "transactionInquiry": lambda: partner.inquiry("HS0001", START, "Q1"),
        "refund": lambda: partner.refund("HS0001", 20_000, START, "R1"),
        "tokenRevoke": lambda: partner.about_token("tokenRevoke", "T1", START, TOKEN),
        "tokenReIssue": lambda: partner.about_token("tokenReIssue", "T2", START, TOKEN),
        "withdraw": lambda: partner.withdraw("W1", 20_000, START, TOKEN),
        "providerInquiry": lambda: partner.provider("P1"),
    }
    return made[kind]()


def with_fields(kind: str, **fields: Any) -> Request:
    """The same with some fields changed (None = left out) and signed again."""
    told = {**json.loads(request_of(kind).body), **fields}
    texts = {name: str(value) for name, value in told.items() if value is not None and name != "signature"}
    signature = partner.sealed(kind, texts)["signature"]
    whole = {name: value for name, value in told.items() if value is not None}
    return Request("POST", f"/ewallet/{kind}", body=json.dumps({**whole, "signature": signature}).encode())


def decoded(kind: str, request: Request, merchant: Merchant = MERCHANT) -> Command:
    return ENDPOINTS[kind].decode(request, lambda code: merchant if code == merchant.merchant_code else None)


def refusal(kind: str, request: Request, merchant: Merchant = MERCHANT) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(kind, request, merchant)
    return caught.value


def created(kind: str = "tokenIssuer-payment", **fields: Any) -> Create:
    command = decoded(kind, with_fields(kind, **fields))
    assert isinstance(command, Create)
    return command


def payment(state: State = State.PAID, kind: str = "tokenIssuer-payment", **changes: Any) -> Payment:
    order = created(kind).order
    made = Payment(
        payment_id="0123abcd",
        bank="vietinbank_wallet",
        merchant_code=MERCHANT.merchant_code,
        order=order,
        amount_vnd=order.amount_vnd,
        bank_ref="14226112000001",
        created_at=START,
        state=state,
        outcome=Outcome.SUCCESS if state in COLLECTED else None,
        step=Step.OTP if state is State.PENDING else Step.DONE,
        settled_at=None if state is State.PENDING else SETTLED_AT,
    )
    return msgspec.structs.replace(made, **changes)


def answered(kind: str, result: Payment | Refusal | None, merchant: Merchant = MERCHANT, **more: Any) -> dict[str, Any]:
    """The bank's answer when the use case found that payment, or refused."""
    request = request_of(kind)
    reply = result if isinstance(result, Refusal) else Reply(now=START, reply_ref="0" * 32, payment=result, **more)
    return fields_of(ENDPOINTS[kind].encode(request, decoded(kind, request, merchant), reply))


def fields_of(response: Response) -> dict[str, Any]:
    assert response.status == 200
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def truly_signed(answer: dict[str, Any]) -> bool:
    text = answer["requestId"] + answer["providerId"] + answer["merchantId"] + answer["status"]["code"]
    return rsa_sha1_verify(MERCHANT.secrets["bank_public_key"], text.encode(), answer["signature"])


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(VECTORS))
def test_a_vector_is_signed_by_the_key_it_names(key: str) -> None:
    vector = VECTORS[key]
    assert vector["source"] == "vietinbank-ewallet"
    verify = rsa_sha256_verify if vector["digest"] == "sha256" else rsa_sha1_verify
    public = MERCHANT.secrets[f"{vector['signed_by']}_public_key"]
    assert verify(public, vector["string_to_sign"].encode(), vector["signature"])


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("W1", {}),
        ("W2", {}),
        ("W3", {"absent": "null"}),
        ("W4", {"digest": "sha256"}),
        ("W5", {}),
        ("W6", {}),
        ("W7", {}),
        ("W10", {}),
        ("W11", {}),
        ("W12", {}),
    ],
)
def test_a_known_request_is_understood_and_by_no_other_rule(key: str, options: dict[str, str]) -> None:
    """vietinbank-ewallet#signature."""
    vector = VECTORS[key]
    kind = vector["message"]
    merchant = changed(**options)
    body = json.dumps({**vector["fields"], "signature": vector["signature"]}).encode()
    assert string_to_sign(vector["fields"], MESSAGES[kind].signed, merchant).decode() == vector["string_to_sign"]
    request = Request("POST", f"/ewallet/{kind}", body=body)
    assert decoded(kind, request, merchant).wire["requestId"] == vector["fields"]["requestId"]
    other = changed(**({"digest": "sha256"} if options.get("digest") != "sha256" else {}))
    assert refusal(kind, request, other).reason is Reason.BAD_SIGNATURE


def test_an_answer_is_the_known_one() -> None:
    """vietinbank-ewallet#response."""
    answer = answered("tokenIssuer-payment", payment(State.PENDING), changed(otp_answer="20"))
    assert (answer["signature"], answer["status"]["code"]) == (VECTORS["W8"]["signature"], "20")


def test_a_known_acknowledgement_ends_the_retries() -> None:
    vector = VECTORS["W9"]
    fields = {**vector["fields"], "status": {"code": vector["fields"]["code"]}, "signature": vector["signature"]}
    assert acknowledged(Answer(200, (), json.dumps(fields).encode()), notice()) == Ack(True, "status.code 00")


# --- requests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("registerOnlinePay", Ask),
        ("tokenIssue", Ask),
        ("tokenIssuer-payment", Create),
        ("paymentByToken", Create),
        ("paymentByOTP", Create),
        ("verifyPin", Confirm),
        ("transactionInquiry", Query),
        ("refund", RefundOrder),
        ("tokenRevoke", Ask),
        ("tokenReIssue", Ask),
        ("withdraw", Ask),
        ("providerInquiry", Ask),
    ],
)
def test_every_message_has_its_command(kind: str, command: type[Command]) -> None:
    understood = decoded(kind, request_of(kind))
    assert type(understood) is command
    assert understood.warnings == ()


def test_a_card_payment_becomes_an_order_with_its_card() -> None:
    command = created(language="en")
    order = command.order
    assert command.pays_with == partner.CARD
    assert (order.order_ref, order.order_key, order.amount_vnd) == ("HS0001", "HS0001", 20_000)
    assert (order.channel, order.locale, order.ordered_at) == (Channel.CARD, "en", START)
    assert partner.CARD not in json.dumps(order.wire)


@pytest.mark.parametrize("kind", ["paymentByToken", "paymentByOTP"])
def test_a_token_pays_with_the_number_it_stands_for(kind: str) -> None:
    command = created(kind)
    assert command.pays_with == partner.ACCOUNT
    assert (command.order.channel, command.order.issuer_code) == (Channel.INTERNET_BANKING, "VIETINBANK")
    assert command.order.description == "Nop le phi"


def test_an_otp_is_for_the_payment_whose_request_it_names() -> None:
    command = decoded("verifyPin", request_of("verifyPin"))
    assert isinstance(command, Confirm)
    assert (command.order_key, command.otp) == ("HS0001", "123456")


def test_an_inquiry_and_a_refund_carry_their_own_number() -> None:
    query, back = (decoded(kind, request_of(kind)) for kind in ("transactionInquiry", "refund"))
    assert isinstance(query, Query)
    assert (query.name, query.request_ref) == ("HS0001", "Q1")
    assert isinstance(back, RefundOrder)
    assert (back.order_key, back.request_ref, back.amount_vnd, back.full) == ("HS0001", "R1", 20_000, False)


@pytest.mark.parametrize("kind", KINDS)
def test_changing_any_signed_field_is_noticed(kind: str) -> None:
    true = json.loads(request_of(kind).body)
    for name in MESSAGES[kind].signed.split("+"):
        value = "20261122100001" if name == "transTime" else f"{true.get(name, '')}1"[-LENGTHS[name] :]
        given = Request("POST", f"/ewallet/{kind}", body=json.dumps({**true, name: value}).encode())
        expected = Reason.UNKNOWN_MERCHANT if name in ("providerId", "merchantId") else Reason.BAD_SIGNATURE
        assert refusal(kind, given).reason is expected, name


@pytest.mark.parametrize(
    "kind", ["paymentByToken", "paymentByOTP", "transactionInquiry", "refund", "registerOnlinePay"]
)
def test_the_request_number_is_not_signed(kind: str) -> None:
    """A weakness in vietinbank-ewallet#signature: who overhears a payment can repeat it under another number."""
    told = {**json.loads(request_of(kind).body), "requestId": "OTHER"}
    command = decoded(kind, Request("POST", f"/ewallet/{kind}", body=json.dumps(told).encode()))
    assert command.wire["requestId"] == "OTHER"


def test_a_shifted_field_boundary_signs_alike() -> None:
    """A weakness of joining without a separator."""
    true = json.loads(request_of("transactionInquiry").body)
    shifted = {**true, "queryTransactionId": "HS0001P", "queryType": "AY"}
    body = json.dumps(shifted).encode()
    command = decoded("transactionInquiry", Request("POST", "/ewallet/transactionInquiry", body=body))
    assert isinstance(command, Query)
    assert command.name == "HS0001P"


@pytest.mark.parametrize("kind", KINDS)
def test_every_length_has_its_limit(kind: str) -> None:
    for name in MESSAGES[kind].signed.split("+"):
        if name in ("transTime", "amount", "currencyCode", "providerId", "merchantId", "cardNumber", "token"):
            continue
        assert decoded(kind, with_fields(kind, **{name: "x" * LENGTHS[name]}))
        assert refusal(kind, with_fields(kind, **{name: "x" * (LENGTHS[name] + 1)})).reason is Reason.MALFORMED, name


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        *(("requestId", 12), ("channel", 15), ("language", 3), ("mac", 30), ("transTime", 14), ("clientIP", 16)),
        *(("cardNumber", 20), ("cardIssueDate", 6), ("cardHolderName", 50), ("providerCustId", 30), ("custIDNo", 30)),
        *(("custPhoneNo", 30), ("token", 20), ("tokenIssueDate", 6), ("amount", 30), ("currencyCode", 30)),
        *(("payMethod", 30), ("goodsType", 30), ("billNo", 30), ("remark", 100), ("refundTransactionId", 12)),
        *(("queryTransactionId", 20), ("queryType", 6)),
    ],
)
def test_the_lengths_are_the_known_ones(name: str, longest: int) -> None:
    """vietinbank-ewallet#lengths."""
    assert LENGTHS[name] == longest


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_not_be_empty_is_refused_empty_or_absent(kind: str) -> None:
    """vietinbank-ewallet#messages."""
    for name in MESSAGES[kind].needed:
        for value in ("", None):
            assert refusal(kind, with_fields(kind, **{name: value})).reason is Reason.MALFORMED, name


@pytest.mark.parametrize("text", ["0", "-1", "+1", "1.0", "1e3", " 1", "020000", "1,000", "٣", "9" * 16])
@pytest.mark.parametrize("kind", [*PAYING, "refund", "withdraw"])
def test_an_amount_that_is_no_plain_whole_number_is_refused(kind: str, text: str) -> None:
    assert refusal(kind, with_fields(kind, amount=text)).reason is Reason.INVALID_AMOUNT


@pytest.mark.parametrize("amount", [1, 20_000, 999_999_999_999_999])
def test_an_amount_may_be_a_number(amount: int) -> None:
    assert created(amount=amount).order.amount_vnd == amount


@pytest.mark.parametrize("value", [10**15, -1, 1.5, True, [], {}, "a\x00", "2026-11-22"])
def test_a_value_of_another_kind_is_malformed(value: object) -> None:
    assert (
        refusal("tokenIssuer-payment", with_fields("tokenIssuer-payment", transTime=value)).reason is Reason.MALFORMED
    )


def test_only_vnd_is_taken() -> None:
    assert refusal("refund", with_fields("refund", currencyCode="USD")).reason is Reason.INVALID_CURRENCY
    assert decoded("refund", with_fields("refund", currencyCode=None))


@pytest.mark.parametrize("value", ["9" * 20, "97041985261914321X", "không"])
def test_a_card_number_must_be_a_number(value: str) -> None:
    for kind in ("tokenIssue", "registerOnlinePay", "tokenIssuer-payment"):
        assert refusal(kind, with_fields(kind, cardNumber=value)).reason is Reason.WRONG_PAYER


def test_another_channel_or_version_is_noted() -> None:
    command = decoded("refund", with_fields("refund", channel="FAX", version="2.0"))
    assert command.warnings == ("channel is none of DESKTOP, MOBILE, POS, WEB", "version is not 1.0")


def test_a_partner_without_a_key_proves_nothing() -> None:
    keyless = msgspec.structs.replace(MERCHANT, secrets={**MERCHANT.secrets, "partner_public_key": "no key"})
    assert refusal("refund", request_of("refund"), keyless).reason is Reason.BAD_SIGNATURE


# --- tokens --------------------------------------------------------------------------------------------------


@given(st.from_regex(r"[0-9]{1,19}", fullmatch=True), st.text(max_size=10), st.sampled_from([1, 2]))
def test_a_token_stands_for_its_number_and_only_with_its_key(number: str, key: str, issue: int) -> None:
    token = token_of(number, key, issue)
    assert len(token) == 20
    assert number_of(token, key) == number
    assert number_of(token, f"{key}x") != number


@given(st.text(max_size=25) | st.from_regex(r"[0-9]{20}", fullmatch=True))
def test_no_text_breaks_the_reading_of_tokens(text: str) -> None:
    assert number_of(text, KEY) == "" or number_of(text, KEY).isdigit()


# --- answers -------------------------------------------------------------------------------------------------


def test_a_linked_card_has_a_token_with_dates_and_a_mask() -> None:
    answer = answered("tokenIssue", None)
    assert answer["token"] == token_of(partner.CARD, KEY)
    assert (answer["tokenIssueDate"], answer["tokenExpireDate"]) == ("261122", "291121")
    assert answer["cardMask"] == "970419*********2198"
    assert truly_signed(answer)


def test_a_registration_says_only_that_it_worked() -> None:
    answer = answered("registerOnlinePay", None)
    assert set(answer) == {"signature", "requestId", "providerId", "merchantId", "status"}
    assert answer["status"] == {"code": "00", "message": "Giao dịch thành công"}


@pytest.mark.parametrize("kind", PAYING)
def test_a_payment_waits_for_an_otp(kind: str) -> None:
    """vietinbank-ewallet#codes: 20, where the contract has it of every message."""
    answer = answered(kind, payment(State.PENDING), changed(otp_answer="20"))
    assert (answer["status"]["code"], answer["bankTransactionId"]) == ("20", "14226112000001")
    assert truly_signed(answer)


def test_20_comes_from_paying_by_token_alone_and_00_does_not_mean_paid() -> None:
    """vietinbank-ewallet#otp."""
    bare = msgspec.structs.replace(MERCHANT, options={"provider_id": "DVC"})
    for merchant in (MERCHANT, bare, changed(otp_answer="00")):
        codes = {kind: answered(kind, payment(State.PENDING), merchant)["status"]["code"] for kind in PAYING}
        assert codes == {"paymentByToken": "20", "paymentByOTP": "00", "tokenIssuer-payment": "00"}


@pytest.mark.parametrize("kind", PAYING)
def test_a_payment_that_ended_at_once_is_told_so(kind: str) -> None:
    assert answered(kind, payment())["status"]["code"] == "00"
    locked = payment(State.FAILED, outcome=Outcome.ACCOUNT_LOCKED)
    assert answered(kind, locked)["status"]["code"] == "62"


def test_a_right_otp_pays_and_a_wrong_one_may_be_tried_again() -> None:
    assert answered("verifyPin", payment())["status"]["code"] == "00"
    assert answered("verifyPin", payment(State.PENDING, otp_tries=1))["status"]["code"] == "55"
    assert answered("verifyPin", payment(State.FAILED, outcome=Outcome.WRONG_OTP))["status"]["code"] == "75"
    unknown = payment(State.PENDING, step=Step.DONE, outcome=Outcome.UNKNOWN)
    assert answered("verifyPin", unknown)["status"]["code"] == "68"


def test_only_card_and_payment_in_one_gives_a_token_and_only_once_paid() -> None:
    assert answered("verifyPin", payment())["token"] == token_of(partner.CARD, KEY)
    assert "token" not in answered("verifyPin", payment(State.PENDING))
    assert "token" not in answered("verifyPin", payment(kind="paymentByToken"))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_only_collected_money_is_00(state: State, outcome: Outcome | None) -> None:
    for step in (Step.OTP, Step.DONE):
        code = answered("transactionInquiry", payment(state, outcome=outcome, step=step))["status"]["code"]
        assert (code == "00") is (state in COLLECTED)
        assert code in TEXTS


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.TIMED_OUT, "05"),
        (Outcome.CANCELLED, "05"),
        (Outcome.REVERSED, "05"),
        (Outcome.OTHER, "05"),
        (Outcome.SUSPECTED_FRAUD, "05"),
        (Outcome.NOT_REGISTERED, "57"),
        (Outcome.WRONG_DETAILS, "14"),
        (Outcome.ACCOUNT_LOCKED, "62"),
        (Outcome.WRONG_OTP, "75"),
        (Outcome.WRONG_PASSWORD, "75"),
        (Outcome.INSUFFICIENT_FUNDS, "51"),
        (Outcome.OVER_LIMIT, "61"),
        (Outcome.MAINTENANCE, "91"),
        (Outcome.UNKNOWN, "99"),
    ],
)
def test_every_failure_has_its_code(outcome: Outcome, code: str) -> None:
    assert answered("transactionInquiry", payment(State.FAILED, outcome=outcome))["status"]["code"] == code


@pytest.mark.parametrize(("state", "step", "code"), [
    (State.PENDING, Step.OTP, "20"),
    (State.PENDING, Step.DONE, "68"),
    (State.SUSPECTED, Step.DONE, "68"),
])  # fmt: skip
def test_an_open_end_has_codes_of_its_own(state: State, step: Step, code: str) -> None:
    assert answered("transactionInquiry", payment(state, step=step))["status"]["code"] == code
    assert code not in {*OUTCOMES.values()}


def test_an_inquiry_by_a_refunds_number_tells_the_refund() -> None:
    back = Refund(request_ref="HS0001", amount_vnd=5_000, refunded_at=START, bank_ref="99")
    answer = answered("transactionInquiry", payment(State.PARTLY_REFUNDED, refunds=(back,)))
    assert (answer["status"]["code"], answer["bankTransactionId"]) == ("00", "99")
    assert answer["description"] == "refund of 5000 VND"


def test_a_payment_is_known_by_its_numbers_and_those_of_its_refunds() -> None:
    back = Refund(request_ref="R1", amount_vnd=5_000, refunded_at=START, bank_ref="99")
    assert DIALECT.names(payment(refunds=(back,))) == ("HS0001", "14226112000001", "R1", "99")


def test_a_refund_is_answered_with_its_own_number() -> None:
    back = Refund(request_ref="R1", amount_vnd=20_000, refunded_at=START, bank_ref="99")
    answer = answered("refund", payment(State.REFUNDED), refund=back)
    assert (answer["status"]["code"], answer["bankTransactionId"]) == ("00", "99")


EXPECTED = {
    "01": (Reason.BAD_SIGNATURE,),
    "02": (Reason.UNKNOWN_MERCHANT, Reason.UNKNOWN_ORDER),
    "05": (Reason.EXPIRED, Reason.REFUND_REFUSED),
    "07": (Reason.DUPLICATE_ORDER, Reason.TOO_SOON),
    "12": (Reason.UNKNOWN_COMMAND, Reason.INVALID_CURRENCY, Reason.NOT_PAID, Reason.ALREADY_PAID),
    "13": (
        *(Reason.INVALID_AMOUNT, Reason.FULL_REFUND_AFTER_PART, Reason.ONLY_PART_REFUND),
        *(Reason.REFUND_ABOVE_PAYMENT, Reason.REFUNDS_ABOVE_PAYMENT),
    ),
    "14": (Reason.WRONG_PAYER,),
    "30": (Reason.MALFORMED,),
    "68": (Reason.TIMED_OUT,),
    "91": (Reason.MAINTENANCE,),
    "99": (Reason.UNKNOWN, Reason.RETURN_URL_NOT_REGISTERED),
}


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_its_code_and_is_signed(reason: Reason) -> None:
    (code,) = (code for code, reasons in EXPECTED.items() if reason in reasons)
    answer = answered("tokenIssuer-payment", Refusal(reason))
    assert answer["status"] == {"code": code, "message": TEXTS[code]}
    assert truly_signed(answer)
    assert REFUSALS.get(reason, "99") == code


def test_an_empty_master_account_refunds_nothing() -> None:
    """vietinbank-ewallet#codes: 27."""
    request = request_of("refund")
    refused = refusal("refund", request, changed(master_account="empty"))
    answer = fields_of(ENDPOINTS["refund"].encode(request, None, refused))
    assert answer["status"] == {"code": "27", "message": "Tài khoản chính của đối tác không đủ số dư"}
    assert truly_signed(answer)
    assert answered("verifyPin", Refusal(Reason.MAINTENANCE))["status"]["code"] == "91"


def test_who_has_not_proved_himself_gets_no_signature() -> None:
    told = {**json.loads(request_of("refund").body), "signature": "AAAA"}
    request = Request("POST", "/ewallet/refund", body=json.dumps(told).encode())
    answer = fields_of(ENDPOINTS["refund"].encode(request, None, refusal("refund", request)))
    assert (answer["status"]["code"], answer["signature"], answer["requestId"]) == ("01", "", "R1")


def test_who_has_proved_himself_gets_one_even_for_a_refused_amount() -> None:
    request = with_fields("refund", amount="0")
    answer = fields_of(ENDPOINTS["refund"].encode(request, None, refusal("refund", request)))
    assert answer["status"]["code"] == "13"
    assert truly_signed(answer)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[" * 100_000, b"\xff", b'{"merchantId":7}', b'{"amount":' + b"9" * 5000]
)
def test_garbage_is_answered_in_the_banks_form(body: bytes) -> None:
    endpoint: Endpoint = ENDPOINTS["paymentByToken"]
    refused = refusal("paymentByToken", Request("POST", endpoint.path, body=body))
    answer = fields_of(endpoint.encode(Request("POST", endpoint.path, body=body), None, refused))
    assert (answer["status"]["code"], answer["signature"]) == ("30", "")


# --- tokens taken back, cash-out, the master account ------------------------------------------------------


def test_a_token_is_taken_back_and_issued_again() -> None:
    """vietinbank-ewallet#messages."""
    assert partner.TOKEN == TOKEN
    assert set(answered("tokenRevoke", None)) == {"signature", "requestId", "providerId", "merchantId", "status"}
    again = answered("tokenReIssue", None)
    assert again["token"] not in (TOKEN, "")
    assert number_of(again["token"], KEY) == partner.ACCOUNT
    assert again["cardMask"] == "100000**0001"
    back = partner.about_token("tokenReIssue", "T3", START, again["token"])
    reply = Reply(now=START, reply_ref="0" * 32)
    answer = fields_of(ENDPOINTS["tokenReIssue"].encode(back, decoded("tokenReIssue", back), reply))
    assert answer["token"] == TOKEN


@pytest.mark.parametrize("kind", ["tokenRevoke", "tokenReIssue", "withdraw", "paymentByToken", "paymentByOTP"])
def test_a_token_that_was_taken_back_is_no_token(kind: str) -> None:
    merchant = changed(revoked_tokens=f"{'1' * 20} {TOKEN}")
    refused = refusal(kind, with_fields(kind, token=TOKEN), merchant)
    assert refused.reason is Reason.WRONG_PAYER
    answer = fields_of(ENDPOINTS[kind].encode(request_of(kind), None, refused))
    assert answer["status"]["code"] == "14"
    assert truly_signed(answer)


@pytest.mark.parametrize("kind", ["tokenRevoke", "tokenReIssue", "withdraw"])
@pytest.mark.parametrize("token", ["0" * 20, "1" * 20, "12345", "không"])
def test_a_token_of_nobody_is_refused(kind: str, token: str) -> None:
    assert refusal(kind, with_fields(kind, token=token)).reason is Reason.WRONG_PAYER


def test_a_cash_out_has_one_number_however_often_it_is_asked_for() -> None:
    first, again = answered("withdraw", None), answered("withdraw", None)
    assert first == again
    assert first["status"]["code"] == "00"
    assert len(first["bankTransactionId"]) == 14
    other = partner.withdraw("W2", 20_000, START, TOKEN)
    reply = Reply(now=START, reply_ref="0" * 32)
    said = fields_of(ENDPOINTS["withdraw"].encode(other, decoded("withdraw", other), reply))
    assert said["bankTransactionId"] != first["bankTransactionId"]


@pytest.mark.parametrize(("kind", "amount"), [("withdraw", 20_000), ("refund", 20_000)])
@pytest.mark.parametrize(
    ("options", "short"),
    [
        ({"master_balance_vnd": "20000"}, False),
        ({"master_balance_vnd": "19999"}, True),
        ({"master_balance_vnd": "1e9"}, False),
        ({"master_balance_vnd": "9" * 16}, False),
        ({"master_account": "empty"}, True),
    ],
)
def test_no_more_leaves_the_master_account_than_is_on_it(
    kind: str, amount: int, options: dict[str, str], short: bool
) -> None:
    """vietinbank-ewallet#codes: 27."""
    request = with_fields(kind, amount=str(amount))
    if not short:
        assert decoded(kind, request, changed(**options))
        return
    refused = refusal(kind, request, changed(**options))
    assert fields_of(ENDPOINTS[kind].encode(request, None, refused))["status"]["code"] == "27"


def test_the_master_account_is_told() -> None:
    merchant = changed(master_balance_vnd="12345", master_account_id="110000000001")
    answer = answered("providerInquiry", None, merchant)
    assert answer["balances"] == {"acctId": "110000000001", "amount": "12345", "currencyCode": "VND"}
    assert answer["status"]["code"] == "00"
    assert truly_signed(answer)
    assert answered("providerInquiry", None)["balances"]["acctId"] == "DVCWALLET"


# --- the confirmation ----------------------------------------------------------------------------------------


def notice(merchant: Merchant = MERCHANT, attempt: int = 1, **changes: Any) -> Notice:
    return Notice(payment=payment(**changes), merchant=merchant, now=SETTLED_AT, attempt=attempt)


def told(merchant: Merchant = MERCHANT, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(callback(notice(merchant, **changes)).body)
    return fields


def test_a_confirmation_has_the_known_fields_within_their_lengths() -> None:
    """vietinbank-qr-confirm."""
    limits = {
        **{"requestId": 12, "merchantId": 15, "merchantName": 50, "terminalId": 20, "bankTransactionId": 50},
        **{"amount": 30, "orderId": 12, "productId": 12, "statusCode": 2, "statusMessage": 50},
        **{"transactionDate": 14, "signature": 999},
    }
    long_names = msgspec.structs.replace(MERCHANT, name="Trung tâm " * 20, merchant_code="M" * 40)
    long_order = msgspec.structs.replace(
        payment().order, order_ref="H" * 40, wire={"terminal": "T" * 40, "goods": "g" * 40}
    )
    for state in State:
        fields = told(state=state)
        assert list(fields) == list(limits)
        longest = told(long_names, state=state, order=long_order, bank_ref="9" * 60)
        for each in (fields, longest):
            assert all(isinstance(each[name], str) and len(each[name]) <= limits[name] for name in limits)


def test_a_confirmation_says_what_was_paid() -> None:
    merchant = msgspec.structs.replace(MERCHANT, callback_url="http://partner.test/confirm")
    sent = callback(notice(merchant, kind="paymentByToken"))
    assert (sent.method, sent.url) == ("POST", "http://partner.test/confirm")
    fields = json.loads(sent.body)
    assert (fields["orderId"], fields["amount"], fields["statusCode"]) == ("HS0001", "20000", "00")
    assert (fields["transactionDate"], fields["terminalId"], fields["productId"]) == ("20261122100500", "WEB", "LEPHI")


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_confirmation_signs_all_its_values_in_order(digest: str) -> None:
    fields = told(changed(digest=digest))
    signature = fields.pop("signature")
    verify = rsa_sha256_verify if digest == "sha256" else rsa_sha1_verify
    assert verify(MERCHANT.secrets["bank_public_key"], "".join(fields.values()).encode(), signature)


def test_a_confirmation_keeps_its_number_over_attempts_and_changes_it_with_the_state() -> None:
    assert callback(notice(attempt=1)) == callback(notice(attempt=3))
    assert told()["requestId"] != told(state=State.REVERSED)["requestId"]


def acknowledgement(code: object = "00", key: str = "partner_private_key", **changes: object) -> Answer:
    ids = {"requestId": told()["requestId"], "providerId": "DVC", "merchantId": "DVCWALLET"}
    signature = partner.rsa_signature("".join((*ids.values(), str(code))), key, hashes.SHA1())
    body = {**ids, "status": {"code": code, "message": ""}, "signature": signature, **changes}
    return Answer(200, (), json.dumps(body).encode())


@pytest.mark.parametrize(
    ("code", "done"),
    [("00", True), ("07", True), *((code, False) for code in ("", "0", "000", "01", "02", "05", "20", "99"))],
)
def test_only_00_and_07_end_the_retries(code: str, done: bool) -> None:
    assert acknowledged(acknowledgement(code), notice()) == Ack(done, f"status.code {code}")


@pytest.mark.parametrize(
    "changes",
    [
        {"requestId": "OTHER"},
        {"requestId": None},
        {"requestId": 5},
        {"status": "00"},
        {"status": None},
        {"status": {}},
        {"status": {"code": 0}},
        {"signature": ""},
        {"signature": None},
        {"signature": ["x"]},
        {"signature": "không phải base64"},
        {"signature": "x" * 1000},
        {"merchantId": "OTHER"},
    ],
)
def test_an_answer_in_another_form_acknowledges_nothing(changes: dict[str, object]) -> None:
    assert not acknowledged(acknowledgement(**changes), notice()).done


def test_an_impostor_or_another_http_status_acknowledges_nothing() -> None:
    assert not acknowledged(acknowledgement(key="bank_private_key"), notice()).done
    good = acknowledgement()
    for status in (0, 201, 204, 302, 404, 500):
        assert not acknowledged(Answer(status, (), good.body), notice()).done
    assert acknowledged(Answer(error="timed out"), notice()) == Ack(False, "timed out")


def test_a_forged_confirmation_is_judged_by_the_true_key() -> None:
    assert acknowledged(acknowledgement(), notice(forged(MERCHANT))).done
    assert told(forged(MERCHANT))["signature"] != told()["signature"]


# --- hostile bytes -------------------------------------------------------------------------------------------


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=120),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(sorted(LENGTHS)), HOSTILE, max_size=6),
)
def test_hostile_fields_are_refused_or_understood(kind: str, fields: dict[str, object]) -> None:
    whole = {**json.loads(request_of(kind).body), **fields}
    request = Request("POST", f"/ewallet/{kind}", body=json.dumps(whole).encode("utf-8", "surrogatepass"))
    try:
        assert decoded(kind, request).merchant == MERCHANT
    except Refusal as refused:
        fields_of(ENDPOINTS[kind].encode(request, None, refused))


# --- whole payments ------------------------------------------------------------------------------------------


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with worlds_in(tmp_path) as worlds:
        yield await worlds.create("ci", seed="1", clock_at=START)


async def said(world: World, request: Request) -> dict[str, Any]:
    return fields_of((await ask(world, "vietinbank_wallet", request)).response)


async def code_of(world: World, request: Request) -> str:
    code: str = (await said(world, request))["status"]["code"]
    return code


async def test_a_linked_card_pays_with_its_token_and_an_otp(world: World) -> None:
    assert await code_of(world, request_of("registerOnlinePay")) == "00"
    token = (await said(world, request_of("tokenIssue")))["token"]
    assert await code_of(world, partner.pay_by_token("HS1", 20_000, START, token)) == "20"
    assert await code_of(world, partner.inquiry("HS1", START, "Q1")) == "20"
    assert await code_of(world, partner.verify_pin("HS1", START, "000000")) == "55"
    assert await code_of(world, partner.verify_pin("HS1", START)) == "00"
    assert await code_of(world, partner.inquiry("HS1", START, "Q2")) == "00"
    (paid,) = await world.store.payments(world.name)
    assert (paid.state, paid.amount_vnd, paid.payer_account) == (State.PAID, 20_000, "970419*********2198")


async def test_card_and_payment_in_one_gives_the_token_with_the_otp(world: World) -> None:
    assert await code_of(world, partner.pay_with_card("HS1", 20_000, START)) == "00"
    answer = await said(world, partner.verify_pin("HS1", START))
    assert await code_of(world, partner.pay_by_token("HS2", 20_000, START, answer["token"], "paymentByOTP")) == "00"


@pytest.mark.parametrize(
    ("number", "at_once", "after_otp"),
    [
        ("9704195798459170488", "00", "51"),
        ("100000000065", "00", "61"),
        ("100000000007", "00", "68"),
        ("100000000068", "00", "68"),
        ("100000000004", "00", "05"),
        ("9704193370791314", "62", "05"),
        ("9704192181368742", "57", "05"),
        ("100000000075", "91", "05"),
        ("4456530000001005", "00", "12"),
    ],
)
async def test_a_test_payer_has_its_end(world: World, number: str, at_once: str, after_otp: str) -> None:
    assert await code_of(world, partner.pay_with_card("HS1", 20_000, START, number)) == at_once
    assert await code_of(world, partner.verify_pin("HS1", START)) == after_otp


async def test_an_unknown_card_is_refused_and_leaves_nothing(world: World) -> None:
    assert await code_of(world, partner.pay_with_card("HS1", 20_000, START, "9704198526191432199")) == "14"
    assert await code_of(world, partner.pay_by_token("HS1", 20_000, START, "0" * 20)) == "14"
    assert await world.store.payments(world.name) == []


async def test_three_wrong_passwords_end_a_payment(world: World) -> None:
    await said(world, partner.pay_with_card("HS1", 20_000, START))
    tried = [await code_of(world, partner.verify_pin("HS1", START, "000000", f"V{turn}")) for turn in range(3)]
    assert tried == ["55", "55", "75"]
    assert await code_of(world, partner.verify_pin("HS1", START)) == "05"


async def test_a_request_number_is_used_once(world: World) -> None:
    """vietinbank-ewallet#codes: 07."""
    assert await code_of(world, partner.pay_with_card("HS1", 20_000, START)) == "00"
    assert await code_of(world, partner.pay_with_card("HS1", 20_000, START)) == "07"
    assert await code_of(world, partner.inquiry("HS1", START, "Q1")) == "20"
    assert await code_of(world, partner.inquiry("HS1", START, "Q1")) == "07"


async def test_what_nobody_made_is_unknown(world: World) -> None:
    for request in (
        partner.verify_pin("NOPE", START),
        partner.inquiry("NOPE", START, "Q1"),
        partner.refund("NOPE", 1, START, "R1"),
    ):
        assert await code_of(world, request) == "02"


async def paid_payment(world: World) -> Payment:
    await said(world, partner.pay_with_card("HS1", 20_000, START))
    await said(world, partner.verify_pin("HS1", START))
    (paid,) = await world.store.payments(world.name)
    return paid


async def test_refunds_never_exceed_the_payment(world: World) -> None:
    await said(world, partner.pay_with_card("HS1", 20_000, START))
    assert await code_of(world, partner.refund("HS1", 20_000, START, "R0")) == "12"
    await said(world, partner.verify_pin("HS1", START))
    assert await code_of(world, partner.refund("HS1", 20_001, START, "R1")) == "13"
    assert await code_of(world, partner.refund("HS1", 15_000, START, "R2")) == "00"
    assert await code_of(world, partner.refund("HS1", 5_000, START, "R2")) == "07"
    assert await code_of(world, partner.refund("HS1", 5_001, START, "R3")) == "13"
    assert await code_of(world, partner.refund("HS1", 5_000, START, "R4")) == "00"
    assert await code_of(world, partner.refund("HS1", 1, START, "R5")) == "13"
    (refunded,) = await world.store.payments(world.name)
    assert (refunded.state, refunded.refunded_vnd) == (State.REFUNDED, 20_000)


async def test_a_transaction_is_found_by_any_of_its_numbers(world: World) -> None:
    paid = await paid_payment(world)
    assert (await said(world, partner.inquiry(paid.bank_ref, START, "Q1")))["description"] == "paid: 20000 VND"
    back = await said(world, partner.refund("HS1", 5_000, START, "R1"))
    for turn, number in enumerate(("R1", back["bankTransactionId"])):
        told_back = await said(world, partner.inquiry(number, START, f"QR{turn}"))
        assert told_back["description"] == "refund of 5000 VND"
    assert len(paid.bank_ref) <= LENGTHS["queryTransactionId"]


async def test_an_otp_lives_five_minutes(world: World) -> None:
    await said(world, partner.pay_with_card("HS1", 20_000, START))
    (made,) = await world.store.payments(world.name)
    assert made.order.expires_at == START + timedelta(minutes=5)


async def test_every_assumption_is_about_this_bank() -> None:
    settings = {each.setting for each in DIALECT.assumptions if each.setting}
    assert settings == {
        "retries",
        *(f"options.{name}" for name in ("digest", "absent", "otp_answer", "revoked_tokens")),
        *(f"options.master_{name}" for name in ("account", "account_id", "balance_vnd")),
    }
    assert vietinbank_wallet.DIALECT.return_url(payment(), MERCHANT) == ""
    assert isinstance(created().order, Order)
