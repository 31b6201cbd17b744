"""The suite's own reading and signing of BIDV's messages, whose checksums run bare values together."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest

from conformance.forge import Forge, No, Word
from simulator.client import Answer, Message

KNOWN = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", "bidv", "messages.json").read_text("utf-8"))
}
FORGE = Forge("bidv", {"secret": "demo-secret", "jwt_secret": "demo-token-secret"})
HEADERS = (("content-type", "application/json"), ("authorization", "Bearer x.y.z"))


def posted(key: str) -> Message:
    fields = KNOWN[key]["fields"] | {"checksum": KNOWN[key]["signature"]}
    return Message("POST", "http://127.0.0.1:9/bidv", HEADERS, json.dumps(fields).encode())


PAID = posted("B2")
ASKED = posted("B1")
every_message = pytest.mark.parametrize("key", KNOWN)


@every_message
def test_what_is_known_is_signed_alike_here(key: str) -> None:
    # bidv-vietqr (B1, B2, B3)
    message = posted(key)
    assert FORGE.signature(message) == FORGE.right_signature(message) == KNOWN[key]["signature"]
    assert "demo-secret" + FORGE.text_to_sign(message) == KNOWN[key]["string_to_sign"]


@every_message
def test_rewriting_changes_neither_fields_nor_token(key: str) -> None:
    again = FORGE.signed(posted(key))
    assert FORGE.fields(again) == FORGE.fields(posted(key))
    assert again.headers == HEADERS


@every_message
@pytest.mark.parametrize("distort", [FORGE.signed_by_another, FORGE.signed_otherwise])
def test_what_is_distorted_is_no_longer_rightly_signed(key: str, distort: Any) -> None:
    false = distort(posted(key))
    assert FORGE.signature(false) != FORGE.signature(posted(key))


@every_message
def test_what_is_moved_over_a_boundary_is_still_rightly_signed(key: str) -> None:
    moved = FORGE.shifted(posted(key))
    assert FORGE.fields(moved) != FORGE.fields(posted(key))
    assert FORGE.signature(moved) == FORGE.right_signature(moved)


def test_an_order_changes_in_both_places_that_name_it() -> None:
    fields = FORGE.fields(FORGE.changed(PAID, {Word.ORDER_REF: "H9"}))
    assert (fields["customer_id"], fields["bill_id"]) == ("H9", "H9")


def test_a_changed_amount_is_text_under_a_right_checksum() -> None:
    changed = FORGE.changed(PAID, {Word.AMOUNT: 30_000})
    assert FORGE.field(changed, Word.AMOUNT) == "30000"
    assert FORGE.signature(changed) == FORGE.right_signature(changed) != FORGE.signature(PAID)


def test_an_unknown_field_is_outside_the_checksum() -> None:
    assert FORGE.signature(FORGE.extended(PAID, "x")) == FORGE.signature(PAID)


def answered(status: int = 200, **fields: Any) -> Answer:
    return Answer(status, (), json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("answer", "accepted", "problem"),
    [
        (answered(result_code="000"), True, False),
        (answered(result_code="023"), True, False),
        (answered(400, result_code="004"), False, False),
        (answered(200, result_code="031"), False, False),
        (answered(400, result_code="000"), False, True),
        (answered(500, result_code="000"), False, True),
        (answered(401, result_code="003"), False, True),
        (answered(result_code=0), False, True),
        (answered(result_code="00"), False, True),
        (answered(result_desc="success"), False, True),
        (Answer(200, (), b"OK"), False, True),
        (Answer(200, (), b"[]"), False, True),
        (Answer(0, error="timed out"), False, True),
    ],
)
def test_an_answer_is_read_as_the_bank_reads_it(answer: Answer, accepted: bool, problem: bool) -> None:
    # bidv-vietqr#status
    said = FORGE.said(answer, PAID)
    assert (FORGE.accepts(said, PAID), bool(said.problem)) == (accepted, problem)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, False),
        ({"data": {"amount": "20000", "bill_id": "B"}}, False),
        ({"data": []}, True),
        ({"data": [{"amount": "20.000"}]}, True),
        ({"customer_id": "H4900002"}, True),
    ],
)
def test_a_bill_is_of_the_customer_that_was_asked_and_has_an_amount(changes: dict[str, Any], problem: bool) -> None:
    bill = {"result_code": "000", "customer_id": "H4900001", "data": [{"type": 1, "amount": 20_000, "bill_id": "B"}]}
    assert bool(FORGE.said(answered(**(bill | changes)), ASKED).problem) is problem


@pytest.mark.parametrize(
    ("reason", "code"), [(No.BAD_SIGNATURE, "004"), (No.UNKNOWN_ORDER, "021"), (No.WRONG_AMOUNT, "022")]
)
def test_refusals_have_the_banks_own_codes(reason: No, code: str) -> None:
    assert code in FORGE.refusals(reason, PAID)


def test_false_tokens_leave_the_message_as_it_is_but_for_its_proof() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    bearer = replace(PAID, headers=(("content-type", "application/json"), ("authorization", f"Bearer {head}.e30.c2ln")))
    false = FORGE.false_tokens(bearer)
    assert len({each.headers for each in false.values()}) == len(false) >= 5
    assert all(each.body == PAID.body and each.headers[0] == bearer.headers[0] for each in false.values())
    assert bearer.headers not in {each.headers for each in false.values()}
    assert false["no token"].headers == bearer.headers[:1]
    chosen = dict(false["a token that chooses no algorithm"].headers)["authorization"].split(" ")[1].split(".")
    assert json.loads(base64.urlsafe_b64decode(chosen[0] + "=" * (-len(chosen[0]) % 4)))["alg"] == "none"
    assert chosen[1:] == ["e30", "c2ln"]


def test_a_message_is_introduced_by_a_token_of_five_minutes() -> None:
    now = datetime(2026, 1, 5, 8, 15, tzinfo=UTC)
    bearer = dict(FORGE.introduced(PAID, now).headers)["authorization"].removeprefix("Bearer ")
    signed, _, signature = bearer.rpartition(".")
    expected = hmac.digest(b"demo-token-secret", signed.encode(), "sha256")
    assert base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)) == expected
    part = signed.partition(".")[2]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert (claims["iat"], claims["exp"] - claims["iat"]) == (int(now.timestamp()), 300)
