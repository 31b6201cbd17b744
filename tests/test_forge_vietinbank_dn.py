"""The suite's own signing of the notice of Đà Nẵng's gateway at VietinBank, and how it reads the answers."""

import base64
import json
from importlib.resources import files
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from conformance.forge import Asked, Forge, No, Word
from simulator.client import Answer, Message
from tests.portals import joined, key_text, private_key, rsa_signature

VECTORS = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", "vietinbank_dn", "messages.json").read_text("utf-8"))
}
NOTICE = VECTORS["D4"]
FORGE = Forge(
    "vietinbank_dn",
    {"bank_private_key": key_text("vietinbank_private.pem"), "portal_public_key": key_text("biller_public.pem")},
)
NUMBER = NOTICE["fields"]["transId"]


def posted(fields: dict[str, Any]) -> Message:
    return Message("POST", "http://127.0.0.1:9/x", (("content-type", "application/json"),), json.dumps(fields).encode())


MESSAGE = posted(NOTICE["fields"] | {"signature": NOTICE["signature"]})


def test_the_text_and_the_signature_are_those_of_openssl() -> None:
    # vietinbank-dn-design
    assert FORGE.text_to_sign(MESSAGE) == NOTICE["string_to_sign"]
    assert FORGE.right_signature(MESSAGE) == NOTICE["signature"]


@pytest.mark.parametrize("word", [word for word in Word if FORGE.has(MESSAGE, word)])
def test_every_word_can_be_changed_under_a_right_signature(word: Word) -> None:
    changed = FORGE.changed(MESSAGE, {word: "7"})
    assert FORGE.field(changed, word) == "7"
    assert FORGE.signature(changed) == FORGE.right_signature(changed) != NOTICE["signature"]


def test_an_amount_goes_out_as_text_in_dong() -> None:
    assert json.loads(FORGE.changed(MESSAGE, {Word.AMOUNT: 19_000}).body)["amount"] == "19000"


def test_false_signatures_are_false_and_one_is_of_the_older_algorithm() -> None:
    by_another, otherwise = FORGE.signed_by_another(MESSAGE), FORGE.signed_otherwise(MESSAGE)
    assert len({FORGE.signature(each) for each in (MESSAGE, by_another, otherwise)}) == 3
    bank = private_key("vietinbank_private.pem").public_key()
    signature = base64.b64decode(FORGE.signature(otherwise))
    bank.verify(signature, NOTICE["string_to_sign"].encode(), padding.PKCS1v15(), hashes.SHA1())
    assert not FORGE.hexadecimal(MESSAGE)


def test_what_may_be_missing_leaves_no_trace() -> None:
    bare = FORGE.without_optional(MESSAGE)
    fields = json.loads(bare.body)
    assert not {"billCode", "bankTransId"} & fields.keys()
    assert FORGE.text_to_sign(bare) == f"{NUMBER}DANANG01HS000120000VNDACCOUNT000020261122100500"
    assert FORGE.signature(bare) == FORGE.right_signature(bare)


def test_where_nothing_separates_values_a_shifted_amount_stays_validly_signed() -> None:
    shifted = FORGE.shifted(MESSAGE)
    assert (FORGE.field(shifted, Word.AMOUNT), FORGE.field(shifted, Word.CURRENCY)) == ("2000", "0VND")
    assert FORGE.signature(shifted) == FORGE.right_signature(shifted) == NOTICE["signature"]


def test_an_unknown_field_leaves_the_signature_right() -> None:
    extended = FORGE.extended(MESSAGE, "Tet")
    assert json.loads(extended.body)["campaignCode"] == "Tet"
    assert FORGE.signature(extended) == FORGE.right_signature(extended)


def acknowledgement(code: str, number: str = NUMBER, key_name: str = "biller_private.pem") -> Answer:
    fields = {"transId": number, "errorCode": code, "errorDesc": "Thành công"}
    signature = rsa_signature(joined(fields, "transId errorCode errorDesc"), key_name)
    return answered(fields | {"signature": signature})


def answered(fields: object, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("code", "accepted"),
    [("00", True), ("05", True), *((code, False) for code in ("01", "02", "03", "04", "07", "08", "09", "12", "99"))],
)
def test_every_signed_code_is_read(code: str, accepted: bool) -> None:
    said = FORGE.said(acknowledgement(code), MESSAGE)
    assert (said.code, said.problem) == (code, "")
    assert FORGE.accepts(said, MESSAGE) is accepted


def test_a_refusal_needs_no_signature_and_an_acknowledgement_does() -> None:
    assert FORGE.said(answered({"errorCode": "01"}), MESSAGE).problem == ""
    unsigned = {"transId": NUMBER, "errorCode": "00", "errorDesc": "x", "signature": ""}
    assert FORGE.said(answered(unsigned), MESSAGE).problem == "the answer is not signed with the portal's key"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (acknowledgement("00", key_name="impostor_private.pem"), "the answer is not signed with the portal's key"),
        (acknowledgement("00", "7"), f"transId is '7' where '{NUMBER}' was asked"),
        (answered({"errorCode": 0}), "errorCode is 0, a code as text is wanted"),
        (answered({}), "errorCode is null, a code as text is wanted"),
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
    # vietinbank-dn-design#codes
    assert FORGE.refusals(No.BAD_SIGNATURE, MESSAGE) == {"01"}
    assert FORGE.refusals(No.UNKNOWN_ORDER, MESSAGE) == {"02"}
    assert FORGE.refusals(No.WRONG_AMOUNT, MESSAGE) == {"04"}


def test_a_connectors_requests_are_read_in_the_banks_words() -> None:
    assert FORGE.asked("create", posted(VECTORS["D1"]["fields"])) == {
        Asked.AMOUNT: "20000",
        Asked.TIME: "20261122100000",
        Asked.DESCRIPTION: "Nộp lệ phí",
        Asked.NUMBER: "C-HS0001",
    }
    assert FORGE.asked("query", posted(VECTORS["D2"]["fields"])) == {Asked.NUMBER: "Q1"}
    assert FORGE.asked("refund", posted(VECTORS["D3"]["fields"])) == {Asked.NUMBER: "R1", Asked.AMOUNT: "5000"}
