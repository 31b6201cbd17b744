"""The suite's own reading and signing of payOS's webhook, of which `data` alone is signed."""

import json
from importlib.resources import files
from typing import Any

import pytest

from conformance.forge import Asked, Forge, Word
from simulator.client import Answer, Message

KNOWN = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", "payos", "signatures.json").read_text("utf-8"))
}
FORGE = Forge("payos", {"checksum_key": KNOWN["P1"]["checksum_key"], "api_key": "k"})


def posted(data: dict[str, Any], signature: str = "") -> Message:
    body = {"code": "00", "desc": "success", "success": True, "data": data, "signature": signature}
    return Message("POST", "http://127.0.0.1:9/payos", (), json.dumps(body).encode())


WEBHOOK = posted(KNOWN["P1"]["fields"], KNOWN["P1"]["signature"])


def test_the_known_webhook_is_signed_alike_here() -> None:
    # payos-webhook-signature (P1)
    assert FORGE.text_to_sign(WEBHOOK) == KNOWN["P1"]["string_to_sign"]
    assert FORGE.signature(WEBHOOK) == FORGE.right_signature(WEBHOOK) == KNOWN["P1"]["signature"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("null", ""),
        ("undefined", ""),
        (True, "true"),
        (5, "5"),
        ([{"b": 1, "a": None}], '[{"a":null,"b":1}]'),
    ],
)
def test_values_are_signed_as_the_documents_say(value: object, text: str) -> None:
    # payos-webhook-signature
    assert FORGE.text_to_sign(posted({"b": value, "a": "x"})) == f"a=x&b={text}"


def test_rewriting_changes_no_field() -> None:
    assert FORGE.fields(FORGE.signed(WEBHOOK)) == FORGE.fields(WEBHOOK)


def test_a_changed_amount_stays_a_number_under_a_right_signature() -> None:
    changed = FORGE.changed(WEBHOOK, {Word.AMOUNT: 20_000})
    assert json.loads(changed.body)["data"]["amount"] == 20_000
    assert FORGE.signature(changed) == FORGE.right_signature(changed) != FORGE.signature(WEBHOOK)


def test_another_order_code_stays_a_number_as_payos_writes_it() -> None:
    changed = json.loads(FORGE.changed(WEBHOOK, {Word.ORDER_REF: "123"}).body)["data"]
    assert changed["orderCode"] == 123
    assert json.loads(FORGE.changed(WEBHOOK, {Word.ORDER_REF: "HS-1"}).body)["data"]["orderCode"] == "HS-1"


def test_a_result_changes_inside_and_outside_of_what_is_signed() -> None:
    fields = FORGE.fields(FORGE.changed(WEBHOOK, {Word.RESULT: "88"}))
    assert (fields["code"], fields["data"]["code"]) == ("88", "88")


@pytest.mark.parametrize("distort", [FORGE.signed_by_another, FORGE.signed_otherwise])
def test_what_is_distorted_is_no_longer_rightly_signed(distort: Any) -> None:
    false = distort(WEBHOOK)
    assert FORGE.signature(false) != FORGE.right_signature(false)


def test_a_field_in_its_neighbour_is_still_rightly_signed() -> None:
    moved = FORGE.shifted(WEBHOOK)
    assert "description" not in FORGE.fields(moved)["data"]
    assert FORGE.signature(moved) == FORGE.right_signature(moved) == FORGE.signature(WEBHOOK)


def test_a_new_field_is_among_those_that_are_signed() -> None:
    more = FORGE.extended(WEBHOOK, "Tet")
    assert FORGE.fields(more)["data"]["campaign"] == "Tet"
    assert FORGE.signature(more) == FORGE.right_signature(more) != FORGE.signature(WEBHOOK)


def test_the_payers_account_can_be_missing() -> None:
    less = FORGE.without_optional(WEBHOOK)
    assert not [name for name in FORGE.fields(less)["data"] if name.startswith(("counter", "virtual"))]
    assert FORGE.signature(less) == FORGE.right_signature(less)


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [
        (200, b"", True),
        (204, b"", True),
        (200, b'{"success": false}', True),
        (302, b"", False),
        (401, b'{"success": true}', False),
        (500, b"", False),
    ],
)
def test_an_answer_is_read_by_its_status_alone(status: int, body: bytes, accepted: bool) -> None:
    # payos-clients#webhook
    said = FORGE.said(Answer(status, (), body), WEBHOOK)
    assert not said.problem
    assert FORGE.accepts(said, WEBHOOK) is accepted


def test_no_answer_is_a_problem() -> None:
    assert FORGE.said(Answer(0, error="timed out"), WEBHOOK).problem == "timed out"


@pytest.mark.parametrize(("expired_at", "told"), [(1_795_323_900, "20261122120500"), ("tomorrow", "tomorrow")])
def test_an_order_tells_amount_text_and_when_it_ends_in_gmt_7(expired_at: object, told: str) -> None:
    request = Message("POST", "http://x/", (), json.dumps(KNOWN["P2"]["fields"] | {"expiredAt": expired_at}).encode())
    assert FORGE.asked("create", request) == {
        Asked.AMOUNT: "18060",
        Asked.DESCRIPTION: "HS0001",
        Asked.EXPIRY: told,
    }
