"""The suite's own signing of Vietcombank's callback for Quảng Ninh, and how it reads the answers."""

import json
from dataclasses import replace

import pytest

from conformance.forge import Asked, Forge, No, Word
from simulator.client import Answer, Message
from tests.samples.vietcombank_qn import signed
from tests.test_portal_vietcombank_qn import KNOWN, KNOWN_ACKNOWLEDGEMENT

FORGE = Forge("vietcombank_qn", {"secret": "demo-secret"})
MESSAGE = Message("POST", "http://127.0.0.1:9/x", (("content-type", "application/json"),), json.dumps(KNOWN).encode())
TEXT = (
    "PAYMENT|6014|1234567890-SUCCESS|22-11-2026 12:05:00|VCBQN|HS0001|1234567890|20000|VND|IB|VIETCOMBANK"
    "|22-11-2026 12:05:00|SUCCESS|0|Lệ phí hồ sơ HS0001"
)


def test_the_text_and_the_signature_are_those_of_openssl() -> None:
    # vcb-qn-design#signatures
    assert FORGE.text_to_sign(MESSAGE) == TEXT
    assert FORGE.right_signature(MESSAGE) == KNOWN["signature"] == FORGE.signature(MESSAGE)


@pytest.mark.parametrize("word", [word for word in Word if FORGE.has(MESSAGE, word)])
def test_every_word_can_be_changed_under_a_right_signature(word: Word) -> None:
    changed = FORGE.changed(MESSAGE, {word: "7"})
    assert FORGE.field(changed, word) == "7"
    assert FORGE.signature(changed) == FORGE.right_signature(changed) != KNOWN["signature"]


def test_an_amount_goes_out_as_text_in_dong() -> None:
    assert json.loads(FORGE.changed(MESSAGE, {Word.AMOUNT: 19_000}).body)["payload"]["amount"] == "19000"


def test_false_signatures_are_false() -> None:
    for false in (FORGE.signed_by_another(MESSAGE), FORGE.signed_otherwise(MESSAGE)):
        assert FORGE.signature(false) != KNOWN["signature"]
    assert FORGE.hexadecimal(MESSAGE)


def test_what_may_be_missing_is_signed_as_empty() -> None:
    bare = FORGE.without_optional(MESSAGE)
    assert "bankCode" not in json.loads(bare.body)["payload"]
    assert FORGE.text_to_sign(bare) == TEXT.replace("IB|VIETCOMBANK", "|")
    assert FORGE.signature(bare) == FORGE.right_signature(bare)


def test_merged_neighbours_read_alike_only_to_whoever_drops_what_is_empty() -> None:
    shifted = FORGE.shifted(MESSAGE)
    fields = json.loads(shifted.body)["payload"]
    assert (fields["bankCode"], fields["transactionTime"]) == ("VIETCOMBANK|22-11-2026 12:05:00", "")
    assert FORGE.text_to_sign(shifted).replace("||", "|") == TEXT
    assert FORGE.signature(shifted) == KNOWN["signature"] != FORGE.right_signature(shifted)


def test_an_unknown_field_leaves_the_signature_right() -> None:
    extended = FORGE.extended(MESSAGE, "Tet")
    assert json.loads(extended.body)["campaign"] == "Tet"
    assert FORGE.signature(extended) == FORGE.right_signature(extended)


def acknowledgement(code: str, status: str = "SUCCESS", secret: str = "demo-secret", **changes: str) -> Answer:
    context = {
        "channelId": "6014",
        "channelRefNumber": "1234567890-SUCCESS",
        "responseMsgId": "000000000000000001",
        "status": status,
        "errorCode": code,
    } | changes
    signature = signed("PAYMENT_ANSWER", *context.values(), secret=secret)
    return answered({"context": context, "payload": {}, "signature": signature})


def answered(fields: object, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(fields).encode())


def test_the_acknowledgement_of_openssl_is_accepted() -> None:
    assert json.loads(acknowledgement("0").body)["signature"] == KNOWN_ACKNOWLEDGEMENT
    assert FORGE.accepts(FORGE.said(acknowledgement("0"), MESSAGE), MESSAGE)


@pytest.mark.parametrize(
    ("code", "status", "accepted"),
    [("0", "SUCCESS", True), ("1", "FAILURE", True), ("1", "SUCCESS", True)]
    + [(code, "FAILURE", False) for code in ("3", "10", "17", "18", "20", "21", "100", "121", "400", "00")],
)
def test_every_signed_code_is_read(code: str, status: str, accepted: bool) -> None:
    said = FORGE.said(acknowledgement(code, status), MESSAGE)
    assert (said.code, said.problem) == (code, "")
    assert FORGE.accepts(said, MESSAGE) is accepted


def test_a_refusal_needs_no_signature_and_an_acknowledgement_does() -> None:
    refusal = answered({"context": {"errorCode": "18"}, "payload": {}, "signature": ""})
    assert FORGE.said(refusal, MESSAGE).problem == ""
    unsigned = json.loads(acknowledgement("0").body) | {"signature": ""}
    assert FORGE.said(answered(unsigned), MESSAGE).problem == "the answer is not signed with the provider's secret"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (acknowledgement("0", secret="another"), "the answer is not signed with the provider's secret"),
        (acknowledgement("0", "FAILURE"), "errorCode is 0 and status 'FAILURE'"),
        (acknowledgement("0", channelId="1"), "channelId is '1' where '6014' was asked"),
        (
            acknowledgement("0", channelRefNumber="X"),
            "channelRefNumber is 'X' where '1234567890-SUCCESS' was asked",
        ),
        (answered({"context": {"errorCode": 0}}), "errorCode is 0, a code as text is wanted"),
        (answered({"context": []}), "errorCode is null, a code as text is wanted"),
        (answered({"context": {"errorCode": 18}}), "errorCode is 18, a code as text is wanted"),
        (answered([]), "the body is no JSON object"),
        (answered({}, 500), "HTTP 500 instead of 200"),
        (Answer(0, error="timed out"), "timed out"),
    ],
)
def test_a_malformed_answer_is_told_and_never_accepted(answer: Answer, problem: str) -> None:
    said = FORGE.said(answer, MESSAGE)
    assert said.problem == problem
    assert not FORGE.accepts(said, MESSAGE)


def test_the_banks_codes_for_a_refusal_are_known() -> None:
    # vcb-qn-design#error-codes
    assert FORGE.refusals(No.BAD_SIGNATURE, MESSAGE) == {"18"}
    assert FORGE.refusals(No.UNKNOWN_ORDER, MESSAGE) == {"17"}
    assert FORGE.refusals(No.WRONG_AMOUNT, MESSAGE) == {"3"}


def test_an_order_is_read_in_the_suites_spelling() -> None:
    order = Message("GET", "/ecommerce/pay?amount=20000&requestDateTime=22-11-2026+12%3A00%3A00&description=a+b")
    assert FORGE.asked("create", order) == {
        Asked.AMOUNT: "20000",
        Asked.TIME: "20261122120000",
        Asked.DESCRIPTION: "a b",
    }
    odd = replace(order, url="/ecommerce/pay?requestDateTime=2026-11-22")
    assert FORGE.asked("create", odd) == {Asked.TIME: "2026-11-22"}


def test_a_query_has_a_number_and_no_time_of_the_order() -> None:
    body = json.dumps({"context": {"channelRefNumber": "n1", "requestDateTime": "22-11-2026 12:00:00"}}).encode()
    assert FORGE.asked("query", replace(MESSAGE, body=body)) == {Asked.NUMBER: "n1"}
    assert not FORGE.asks("query", Asked.TIME)
    assert FORGE.asks("create", Asked.TIME)
