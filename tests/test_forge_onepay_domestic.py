"""The suite's own reading and signing of OnePay's callback, by query and by form."""

import json
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from conformance.forge import Asked, Forge, Word
from simulator.client import Answer, Message

KNOWN = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", "onepay", "signatures.json").read_text("utf-8"))
}
FORGE = Forge("onepay_domestic", {"secret": KNOWN["O1"]["secret"], "password": "op123456"})
ENCODED = urlencode(dict(parse_qsl(KNOWN["O1"]["string_to_sign"])) | {"vpc_SecureHash": KNOWN["O1"]["signature"]})
BY_QUERY = Message("GET", f"http://127.0.0.1:9/onepay?{ENCODED}", (), b"")
BY_FORM = Message("POST", "http://127.0.0.1:9/onepay", (), ENCODED.encode())
both = pytest.mark.parametrize("message", [BY_QUERY, BY_FORM], ids=["query", "form"])


@both
def test_the_known_callback_is_signed_alike_here(message: Message) -> None:
    # onepay-clients (O1)
    assert FORGE.text_to_sign(message) == KNOWN["O1"]["string_to_sign"]
    assert FORGE.signature(message) == FORGE.right_signature(message) == KNOWN["O1"]["signature"]


@both
def test_rewriting_changes_nothing(message: Message) -> None:
    assert FORGE.signed(message) == message


@both
def test_a_changed_amount_is_in_hundredths_under_a_right_signature(message: Message) -> None:
    changed = FORGE.changed(message, {Word.AMOUNT: 20_000})
    assert FORGE.field(changed, Word.AMOUNT) == "2000000"
    assert FORGE.signature(changed) == FORGE.right_signature(changed) != FORGE.signature(message)


@both
@pytest.mark.parametrize("distort", [FORGE.signed_by_another, FORGE.signed_otherwise])
def test_what_is_distorted_is_no_longer_rightly_signed(message: Message, distort: Any) -> None:
    false = distort(message)
    assert FORGE.signature(false) != FORGE.right_signature(false)


@both
def test_a_field_in_its_neighbour_is_still_rightly_signed(message: Message) -> None:
    moved = FORGE.shifted(message)
    assert "vpc_TransactionNo" not in FORGE.fields(moved)
    assert FORGE.signature(moved) == FORGE.right_signature(moved) == FORGE.signature(message)


@both
def test_what_is_added_is_signed_and_what_is_optional_can_be_missing(message: Message) -> None:
    assert "vpc_Campaign=Tet" in FORGE.text_to_sign(FORGE.extended(message, "Tet"))
    less = FORGE.without_optional(message)
    assert "vpc_AdditionData" not in FORGE.fields(less)
    assert FORGE.signature(less) == FORGE.right_signature(less)


@pytest.mark.parametrize(
    ("status", "body", "accepted", "problem"),
    [
        (200, b"responsecode=1&desc=confirm-success", True, False),
        (200, b"responsecode=1&desc=confirm-success\n", True, False),
        (200, b"responsecode=0&desc=confirm-fail", False, False),
        (200, b"responsecode=1", False, True),
        (200, b"responsecode=1&desc=ok", False, True),
        (200, b"", False, True),
        (200, b'{"responsecode": 1}', False, True),
        (500, b"responsecode=1&desc=confirm-success", False, True),
        (302, b"responsecode=1&desc=confirm-success", False, True),
    ],
)
def test_an_answer_is_read_as_onepay_reads_it(status: int, body: bytes, accepted: bool, problem: bool) -> None:
    # onepay-guide#ipn
    said = FORGE.said(Answer(status, (), body), BY_QUERY)
    assert (FORGE.accepts(said, BY_QUERY), bool(said.problem)) == (accepted, problem)


def test_no_answer_is_a_problem() -> None:
    assert FORGE.said(Answer(0, error="timed out"), BY_QUERY).problem == "timed out"


def test_an_order_tells_amount_and_text_and_no_time() -> None:
    # onepay-clients (O2)
    url = f"http://127.0.0.1:9/pay?{urlencode(dict(parse_qsl(KNOWN['O2']['string_to_sign'])))}"
    assert urlsplit(url).query
    assert FORGE.asked("create", Message("GET", url, (), b"")) == {Asked.AMOUNT: "18060", Asked.DESCRIPTION: "HS-0001"}
    assert not FORGE.asks("create", Asked.TIME)


def test_only_the_password_is_sent_to_the_bank() -> None:
    assert FORGE.sent_secrets == {"password"}
