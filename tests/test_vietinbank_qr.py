"""Facts about VietinBank's confirmation of a QR payment to a merchant."""

import json
from typing import Any

import pytest

from simulator.banks.vietinbank_qr import DIALECT
from simulator.banks.vietinbank_wallet import CONFIRM_LENGTHS, CONFIRM_SIGNED
from simulator.dialect import Notice
from simulator.merchants import default_merchants
from simulator.payment import Channel, Order, Outcome, Payment, State
from simulator.signing import rsa_sha1_verify
from tests.samples import answered
from tests.worlds import START

MERCHANT = next(each for each in default_merchants() if each.bank == "vietinbank_qr")


def notice(order_ref: str = "HS0001", state: State = State.PAID) -> Notice:
    payment = Payment(
        payment_id="0123abcd",
        bank="vietinbank_qr",
        merchant_code="DVCQR",
        order=Order(order_ref=order_ref, order_key="1", amount_vnd=20_000),
        amount_vnd=20_000,
        bank_ref="14226112000001",
        created_at=START,
        state=state,
        outcome=Outcome.SUCCESS if state is State.PAID else None,
        channel=Channel.QR,
        settled_at=START,
    )
    return Notice(payment=payment, merchant=MERCHANT, now=START)


def told(**changes: Any) -> dict[str, str]:
    fields: dict[str, str] = json.loads(DIALECT.callback(notice(**changes)).body)
    return fields


def test_what_a_code_does_not_say_comes_from_the_contract() -> None:
    """vietinbank-qr-confirm."""
    fields = told()
    assert (fields["terminalId"], fields["productId"], fields["merchantId"]) == ("QUAY01", "LEPHI", "DVCQR")
    assert (fields["orderId"], fields["amount"], fields["statusCode"]) == ("HS0001", "20000", "00")


@pytest.mark.parametrize("state", State)
def test_every_field_is_there_within_its_length(state: State) -> None:
    """vietinbank-qr-confirm."""
    fields = told(state=state, order_ref="H17.12.6-261122-0001")
    assert list(fields) == [*CONFIRM_LENGTHS, "signature"]
    assert all(len(fields[name]) <= longest for name, longest in CONFIRM_LENGTHS.items())
    assert fields["orderId"] == "H17.12.6-261"


def test_it_is_signed_by_the_bank_over_all_of_its_values() -> None:
    fields = told()
    text = "".join(fields[name] for name in CONFIRM_SIGNED.split("+"))
    assert rsa_sha1_verify(MERCHANT.secrets["bank_public_key"], text.encode(), fields["signature"])


def test_a_signed_answer_ends_the_retries_and_one_to_another_message_does_not() -> None:
    sent = DIALECT.callback(notice())
    good = answered("vietinbank_qr", sent.method, sent.url, sent.body)
    assert DIALECT.acknowledged(good, notice()).done
    assert not DIALECT.acknowledged(good, notice(state=State.FAILED)).done


def test_only_money_that_came_in_is_announced() -> None:
    assert DIALECT.announces == frozenset({State.PAID})
    assert (told()["statusCode"], told(state=State.FAILED)["statusCode"]) == ("00", "05")
