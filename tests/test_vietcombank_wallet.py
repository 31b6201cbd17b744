"""Facts about Vietcombank's wallet link."""

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

from simulator.banks.vietcombank_wallet import (
    DIALECT,
    MESSAGES,
    OUTCOMES,
    REFUSALS,
    TEXTS,
    acknowledged,
    callback,
    decode,
    derived_key,
    encode,
)
from simulator.dialect import Ask, Confirm, Create, Notice, Query, Reply
from simulator.merchants import default_merchants
from simulator.payment import Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State, Step
from simulator.signing import aes_cbc_decrypted, aes_cbc_encrypted, rsa_sha1_verify
from simulator.wire import Answer, Request, Response
from simulator.world import World
from tests.samples import answered
from tests.samples import vietcombank_wallet as partner
from tests.samples.vietinbank_wallet import rsa_signature
from tests.worlds import START, ask, worlds_in

WIRE = Path(__file__).parent.parent / "fixtures" / "wire" / "vietcombank" / "keys.json"
KEYS = json.loads(WIRE.read_text())
MERCHANT = next(each for each in default_merchants() if each.bank == "vietcombank_wallet")


def with_options(**options: str) -> Merchant:
    return msgspec.structs.replace(MERCHANT, options=options)


def opened(response: Response) -> dict[str, Any]:
    """What the bank says, once its signature holds."""
    assert response.status == 200
    told = json.loads(response.body)
    signed = "".join(told[name] for name in ("PartnerId", "RequestId", "MessageType", "Data"))
    assert rsa_sha1_verify(MERCHANT.secrets["bank_public_key"], signed.encode(), told["Signature"])
    return {**partner.decrypted(told["Data"]), "kind": told["MessageType"], "number": told["RequestId"]}


def said(request: Request, payment: Payment | None = None, merchant: Merchant = MERCHANT) -> dict[str, Any]:
    """The bank's answer, the use case having found that payment."""
    try:
        command = decode(request, lambda code: merchant if code == merchant.merchant_code else None)
    except Refusal as refused:
        return opened(encode(request, None, refused))
    return opened(encode(request, command, Reply(now=START, reply_ref="0" * 32, payment=payment)))


def payment(state: State = State.PAID, **changes: Any) -> Payment:
    made = Payment(
        payment_id="p1",
        bank="vietcombank_wallet",
        merchant_code="VCBVI",
        order=Order(order_ref="HS1", order_key="HS1", amount_vnd=20_000),
        amount_vnd=20_000,
        bank_ref="14226112000001",
        created_at=START,
        state=state,
        step=Step.OTP if state is State.PENDING else Step.DONE,
        settled_at=None if state is State.PENDING else datetime(2026, 11, 22, 3, 5, tzinfo=UTC),
    )
    return msgspec.structs.replace(made, **changes)


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", KEYS, ids=[vector["key"] for vector in KEYS])
def test_a_key_is_derived_as_by_a_known_program(vector: dict[str, Any]) -> None:
    """vcb-wallet#secure."""
    assert vector["source"] == "vcb-wallet"
    key = derived_key(vector["pass_phrase"], vector["salt"], vector["hash"], vector["iterations"])
    assert key.hex() == vector["derived"]


def test_the_contracts_key_is_the_known_one() -> None:
    assert partner.KEY.hex() == next(each["derived"] for each in KEYS if each["key"] == "K2")


@given(st.binary(max_size=100))
def test_what_is_encrypted_is_decrypted_and_the_same_as_by_other_code(text: bytes) -> None:
    sealed = aes_cbc_encrypted(partner.KEY, partner.VECTOR, text)
    assert sealed == partner.encrypted(text)
    assert aes_cbc_decrypted(partner.KEY, partner.VECTOR, sealed) == text


@pytest.mark.parametrize("text", ["", "AAAA", "không", "A" * 22 + "==", "****"])
def test_no_ciphertext_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        aes_cbc_decrypted(partner.KEY, partner.VECTOR, text)


# --- messages ------------------------------------------------------------------------------------------------


def test_every_message_type_has_its_command() -> None:
    """vcb-wallet#messages."""
    requests = [partner.cash_in("HS1", 20_000, START), partner.cash_in_otp("1"), partner.status_of("HS1", START, "")]
    commands = [decode(each, lambda code: MERCHANT) for each in (*requests, *partner.linking())]
    assert [type(each) for each in commands] == [Create, Confirm, Query, *[Ask] * 7]
    assert {each.wire["kind"] for each in commands} == set(MESSAGES)


def test_a_cash_in_becomes_an_order() -> None:
    command = decode(partner.cash_in("HS1", 20_000, START, lang="en"), lambda code: MERCHANT)
    assert isinstance(command, Create)
    order = command.order
    assert (order.order_ref, order.amount_vnd, order.ordered_at, order.locale) == ("HS1", 20_000, START, "en")
    assert (command.pays_with, order.channel) == (partner.USER, Channel.INTERNET_BANKING)


@pytest.mark.parametrize("request_", partner.linking(), ids=lambda each: "")
def test_what_needs_no_payment_is_answered_under_its_own_number(request_: Request) -> None:
    told = json.loads(request_.body)
    answer = said(request_)
    assert (answer["kind"], answer["number"]) == (told["MessageType"], told["RequestId"])
    assert answer["code"] == (10 if answer["kind"] == "active_customer" else 0)
    assert said(request_) == answer, "the same question has the same answer"


def test_a_link_has_a_number_once_its_password_is_right() -> None:
    who = {"userId": partner.USER, "vcbTransId": "1"}
    right = said(partner.wallet("active_customer_otp", "L1", **who, otp="123456"))
    assert len(right["data"]["vcb_id"]) == 20
    wrong = said(partner.wallet("active_customer_otp", "L1", **who, otp="000000"))
    assert (wrong["code"], wrong["data"]) == (111, {"transStatus": "F"})
    other = with_options(otp="000000")
    assert said(partner.wallet("active_customer_otp", "L1", **who, otp="000000"), merchant=other)["code"] == 0


@pytest.mark.parametrize("code", ["125", "126", "127"])
def test_an_identity_can_be_in_doubt(code: str) -> None:
    """vcb-app-codes."""
    answers = {
        each["kind"]: each["code"] for each in (said(r, None, with_options(identity=code)) for r in partner.linking())
    }
    assert answers["active_customer"] == answers["check_customer_profile"] == int(code)
    assert answers["cash_out"] == 0


def test_the_master_account_is_told() -> None:
    answer = said(partner.wallet("get_partner_acc_balance", "B1"), merchant=with_options(balance_vnd="12345"))
    assert answer["data"]["partnerAccBalance"] == "12345"


@pytest.mark.parametrize(
    ("amount", "code"),
    [("20000", 10), ("20000.00", 10), (20_000, 10), ("0", 109), ("-1", 109), ("20000.50", 109), ("1e3", 109),
     ("٣", 109), ("9" * 16, 109), ("999", 109), ("1000", 10), ("50000", 10), ("50001", 103), (1.5, 101), (None, 101)],
)  # fmt: skip
def test_an_amount_is_whole_and_within_the_limits(amount: object, code: int) -> None:
    """vcb-app-codes: 103, 109."""
    merchant = with_options(min_vnd="1000", max_vnd="50000")
    request = partner.cash_in("HS1", 0, START, txnAmount=amount)
    assert said(request, payment(State.PENDING), merchant)["code"] == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"txnCurrency": "USD"}, 101), ({"partnerId": "OTHER"}, 101), ({"userId": ""}, 101), ({"userId": None}, 101),
     ({"userId": "x" * 201}, 101), ({"userId": "\x00"}, 101), ({"userId": []}, 101), ({"txnTime": "yesterday"}, 10)],
)  # fmt: skip
def test_a_wrong_field_is_refused(changes: dict[str, object], code: int) -> None:
    request = partner.wallet("cash_in", "HS1", **{"userId": partner.USER, "txnAmount": "20000", **changes})
    assert said(request, payment(State.PENDING))["code"] == code


@pytest.mark.parametrize("message", ["cash_back", "", "x" * 100])
def test_an_unknown_message_type_is_refused(message: str) -> None:
    assert said(partner.wallet(message, "HS1"))["code"] == 101


def test_every_message_needs_what_it_cannot_do_without() -> None:
    for kind, needed in MESSAGES.items():
        whole = dict.fromkeys(needed.split(), "20000")
        for name in set(whole) - {"txnId"}:
            assert said(partner.wallet(kind, "N1", **{**whole, name: ""}))["code"] == 101, (kind, name)


# --- proof ---------------------------------------------------------------------------------------------------


def unproved(body: object) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("POST", partner.PATH, body=raw)
    with pytest.raises(Refusal) as caught:
        decode(request, lambda code: MERCHANT if code == "VCBVI" else None)
    response = encode(request, None, caught.value)
    assert response.status == 400
    told: dict[str, Any] = json.loads(response.body)
    return told


def test_who_has_not_proved_himself_gets_nothing_signed() -> None:
    good = json.loads(partner.cash_in("HS1", 20_000, START).body)
    data = partner.encrypted(b'{"userId":"1"}')
    for body in (
        {**good, "Signature": ""},
        {**good, "Signature": "không"},
        {**good, "RequestId": "HS2"},
        {**good, "MessageType": "cash_out"},
        {**good, "PartnerId": "OTHER"},
        {**good, "Data": data},
        {**good, "Data": None},
        partner.envelope("cash_in", "HS1", data, key="bank_private_key"),
        partner.envelope("cash_in", "HS1", "AAAA"),
        partner.envelope("cash_in", "HS1", partner.encrypted(b"[]")),
        b"{}",
        b"\xff",
        b"[" * 100_000,
    ):
        assert unproved(body)["code"] == 101


def test_the_signature_is_of_the_envelope_without_separators() -> None:
    """A weakness: where one field ends and the next begins is not signed."""
    data = partner.encrypted(b'{"userId":"1","txnAmount":"20000"}')
    signature = rsa_signature(f"VCBVIHS1cash_in{data}", "partner_private_key", hashes.SHA1(), "vietcombank_wallet")
    body = {"PartnerId": "VCBVI", "RequestId": "HS1c", "MessageType": "ash_in", "Data": data, "Signature": signature}
    assert said(Request("POST", partner.PATH, body=json.dumps(body).encode()))["code"] == 101


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["userId", "txnAmount", "txnId", "txnTime", "otp", "vcbTransId", "lang", "partnerId"])


@given(kind=st.sampled_from(sorted(MESSAGES)), fields=st.dictionaries(FIELDS, HOSTILE, max_size=5))
def test_whatever_is_signed_is_refused_or_understood(kind: str, fields: dict[str, Any]) -> None:
    assert said(partner.wallet(kind, "H1", **fields), payment(State.PENDING))["code"] in TEXTS


# --- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "changes", "code", "letter"),
    [
        (State.PAID, {}, 0, "A"),
        (State.PARTLY_REFUNDED, {}, 0, "A"),
        (State.PENDING, {}, 10, "P"),
        (State.PENDING, {"step": Step.DONE}, 100, "T"),
        (State.SUSPECTED, {}, 100, "T"),
        (State.REVERSED, {}, 101, "F"),
        (State.EXPIRED, {"outcome": Outcome.TIMED_OUT}, 113, "F"),
    ],
)
def test_every_state_has_its_code_and_letter(state: State, changes: dict[str, Any], code: int, letter: str) -> None:
    """vcb-wallet#codes."""
    answer = said(partner.status_of("HS1", START, ""), payment(state, **changes))
    assert (answer["code"], answer["data"]["transStatus"], answer["message"]) == (code, letter, TEXTS[code])
    assert (answer["data"]["transID"], answer["data"]["transAmount"]) == ("14226112000001", 20_000)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_failure_has_its_code(outcome: Outcome) -> None:
    """vcb-app-codes."""
    expected = {
        **{"not_registered": 128, "wrong_details": 105, "account_locked": 105, "timed_out": 113, "wrong_otp": 114},
        **{"wrong_password": 114, "insufficient_funds": 106, "over_limit": 104, "maintenance": 123},
    }
    answer = said(partner.status_of("HS1", START, ""), payment(State.FAILED, outcome=outcome))
    assert answer["code"] == expected.get(outcome, 101)


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_its_code_and_is_signed(reason: Reason) -> None:
    expected = {
        **{Reason.INVALID_AMOUNT: 109, Reason.EXPIRED: 113, Reason.DUPLICATE_ORDER: 121, Reason.WRONG_PAYER: 105},
        **{Reason.MAINTENANCE: 123, Reason.TIMED_OUT: 100},
    }
    request = partner.cash_in("HS1", 20_000, START)
    answer = opened(encode(request, decode(request, lambda code: MERCHANT), Refusal(reason)))
    assert answer["code"] == expected.get(reason, 101)
    assert answer["data"]["transStatus"] == ("T" if reason is Reason.TIMED_OUT else "F")


def test_every_code_but_110_is_said() -> None:
    told = {0, 10, 100, 101, 103, 111, 125, 126, 127, *REFUSALS.values(), *OUTCOMES.values()}
    assert set(TEXTS) - told == {110}


# --- the bank's own message ----------------------------------------------------------------------------------


def test_a_forced_topup_is_acknowledged_by_code_0() -> None:
    notice = Notice(payment=payment(), merchant=MERCHANT, now=START)
    sent = callback(notice)
    told = json.loads(sent.body)
    assert partner.decrypted(told["Data"]) == {
        **{"vcb_trans": "14226112000001", "customerID": "HS1"},
        **{"trans_datetime": "20261122T100500", "money": 20_000},
    }
    assert acknowledged(answered("vietcombank_wallet", "POST", "", sent.body), notice).done
    for data, number in ((b'{"code":1}', "14226112000001"), (b'{"code":"0"}', "14226112000001"), (b'{"code":0}', "1")):
        body = json.dumps(partner.envelope("topup", number, partner.encrypted(data))).encode()
        assert not acknowledged(Answer(200, (), body), notice).done
    assert DIALECT.announces == frozenset()


# --- whole payments ------------------------------------------------------------------------------------------


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with worlds_in(tmp_path) as worlds:
        yield await worlds.create("ci", seed="1", clock_at=START)


async def answer_of(world: World, request: Request) -> dict[str, Any]:
    return opened((await ask(world, "vietcombank_wallet", request)).response)


async def test_money_is_taken_with_a_password_and_its_end_is_asked_for(world: World) -> None:
    first = await answer_of(world, partner.cash_in("HS1", 20_000, START))
    assert (first["code"], first["data"]["transStatus"]) == (10, "P")
    number = first["data"]["transID"]
    assert (await answer_of(world, partner.cash_in("HS1", 20_000, START)))["code"] == 121
    assert (await answer_of(world, partner.cash_in_otp(number, "000000")))["code"] == 111
    assert (await answer_of(world, partner.status_of("HS1", START, "")))["code"] == 10
    assert (await answer_of(world, partner.cash_in_otp(number)))["code"] == 0
    for _ in range(2):
        assert (await answer_of(world, partner.status_of("HS1", START, "")))["data"]["transStatus"] == "A"
    (paid,) = await world.store.payments(world.name)
    assert (paid.state, paid.order.expires_at) == (State.PAID, START + timedelta(minutes=5))
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000]


async def test_three_wrong_passwords_end_it(world: World) -> None:
    number = (await answer_of(world, partner.cash_in("HS1", 20_000, START)))["data"]["transID"]
    codes = [(await answer_of(world, partner.cash_in_otp(number, "000000")))["code"] for _ in range(3)]
    assert codes == [111, 111, 114]
    assert (await answer_of(world, partner.cash_in_otp(number)))["code"] == 113


@pytest.mark.parametrize(
    ("user", "codes"), [("100000000065", (10, 104)), ("100000000007", (10, 100)), ("1", (105, 101))]
)
async def test_a_test_payer_has_its_end(world: World, user: str, codes: tuple[int, int]) -> None:
    first = await answer_of(world, partner.cash_in("HS1", 20_000, START, user))
    second = await answer_of(world, partner.cash_in_otp(str(first["data"].get("transID", "0"))))
    assert (first["code"], second["code"]) == codes


async def test_what_nobody_made_is_unknown(world: World) -> None:
    assert (await answer_of(world, partner.status_of("NOPE", START, "")))["code"] == 101
    assert await world.store.payments(world.name) == []
