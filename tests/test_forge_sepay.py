"""The suite's own reading and signing of SePay's webhook, whose proof stands in headers."""

import hmac
import json
from importlib.resources import files

import pytest

from conformance.forge import Forge, Word
from simulator.client import Answer, Message

(KNOWN,) = json.loads(files("fixtures").joinpath("wire", "sepay", "signatures.json").read_text("utf-8"))
FORGE = Forge("sepay", {"webhook_secret": KNOWN["webhook_secret"], "api_key": "k"})
HEADERS = (
    ("content-type", "application/json"),
    ("X-SePay-Signature", KNOWN["header"]),
    ("X-SePay-Timestamp", str(KNOWN["timestamp"])),
)
WEBHOOK = Message("POST", "http://127.0.0.1:9/sepay", HEADERS, KNOWN["body"].encode())


def test_the_known_webhook_is_signed_alike_here() -> None:
    # sepay-webhooks#hmac (S1)
    assert FORGE.signature(WEBHOOK) == FORGE.right_signature(WEBHOOK) == KNOWN["header"]


def test_rewriting_changes_no_byte_of_the_body() -> None:
    assert FORGE.signed(WEBHOOK).body == WEBHOOK.body


def test_an_order_changes_in_both_places_that_name_it() -> None:
    fields = FORGE.fields(FORGE.changed(WEBHOOK, {Word.ORDER_REF: "HS9"}))
    assert (fields["content"], fields["code"]) == ("HS9", "HS9")


def test_a_changed_amount_stays_a_number_under_a_right_signature() -> None:
    changed = FORGE.changed(WEBHOOK, {Word.AMOUNT: 20_000})
    assert json.loads(changed.body)["transferAmount"] == 20_000
    assert FORGE.signature(changed) == FORGE.right_signature(changed) != FORGE.signature(WEBHOOK)


@pytest.mark.parametrize("distort", [FORGE.signed_by_another, FORGE.signed_otherwise, FORGE.shifted])
def test_what_is_distorted_is_no_longer_rightly_signed(distort: object) -> None:
    assert callable(distort)
    false = distort(WEBHOOK)
    assert FORGE.signature(false) != FORGE.right_signature(false)


def test_a_body_written_otherwise_is_signed_as_it_is() -> None:
    spelt = FORGE.respelled(WEBHOOK)
    assert json.loads(spelt.body) == json.loads(WEBHOOK.body)
    assert spelt.body != WEBHOOK.body
    signed = f"{KNOWN['timestamp']}.".encode() + spelt.body
    assert FORGE.signature(spelt) == "sha256=" + hmac.digest(b"whsec_test_abc", signed, "sha256").hex()


def test_a_signature_can_be_left_out() -> None:
    names = [name.lower() for name, _ in FORGE.with_signature(WEBHOOK, None).headers]
    assert names == ["content-type", "x-sepay-timestamp"]


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [
        (200, b'{"success": true}', True),
        (201, b'{"success": true, "message": "x"}', True),
        (200, b'{"success": false}', False),
        (200, b'{"success": "true"}', False),
        (200, b"", False),
        (200, b"OK", False),
        (302, b'{"success": true}', False),
        (500, b'{"success": true}', False),
    ],
)
def test_an_answer_is_read_as_sepay_reads_it(status: int, body: bytes, accepted: bool) -> None:
    said = FORGE.said(Answer(status, (), body), WEBHOOK)
    assert not said.problem
    assert FORGE.accepts(said, WEBHOOK) is accepted


def test_no_answer_is_a_problem() -> None:
    assert FORGE.said(Answer(0, error="timed out"), WEBHOOK).problem == "timed out"
