"""Facts about MB: the merchant's IPN, the balance synchronisation, and one payment told by several messages."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from simulator.bank import act, notice_of
from simulator.banks.mb import (
    BALANCE,
    DIALECT,
    MMS,
    MMS_CODES,
    REFUND_CODES,
    SYNC_CODES,
    acknowledged,
    callback,
    mms_checksum,
    refund_checksum,
)
from simulator.delivery import Courier
from simulator.dialect import Ack, Notice
from simulator.faults import CALLBACK_KINDS, Fault, FaultKind, shaped
from simulator.merchants import default_merchants, forged
from simulator.outbox import DeliveryState, announce
from simulator.payment import Channel, Event, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.wire import Answer, Request
from simulator.world import World, Worlds
from tests.samples import mb as sample
from tests.samples.mb import answer as sound_answer
from tests.worlds import START, Connector, ask, courier_of, worlds_in

WIRE = Path(__file__).parent.parent / "fixtures" / "wire" / "mb" / "messages.json"
VECTOR, REFUND_VECTOR = json.loads(WIRE.read_text())
MERCHANT = next(each for each in default_merchants() if each.bank == "mb")
PAID_AT = datetime(2024, 1, 1, 1, 0, 0, tzinfo=UTC)
PAYMENT = Payment(
    payment_id="p1",
    bank="mb",
    merchant_code="HCC1",
    order=Order(order_ref="BILL01", order_key="TR0001", amount_vnd=20_000),
    amount_vnd=20_000,
    bank_ref="FT24001029920410",
    created_at=PAID_AT,
    state=State.PAID,
    outcome=Outcome.SUCCESS,
    channel=Channel.QR,
    payer_account="104000000001",
    issuer_code="970415",
    settled_at=PAID_AT,
)
WEEK = timedelta(days=7)
LADDER_S = (0, 60, 360, 1260, 3060, 6660)


def notice(message: str = MMS, merchant: Merchant = MERCHANT, now: datetime = PAID_AT, **changes: Any) -> Notice:
    payment = msgspec.structs.replace(PAYMENT, **changes)
    return Notice(payment=payment, merchant=merchant, now=now, message=message)


def told(message: str = MMS, merchant: Merchant = MERCHANT, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(callback(notice(message, merchant, **changes)).body)
    return body


def with_options(**options: str) -> Merchant:
    return msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, **options})


def said(status: int = 200, **fields: Any) -> Answer:
    return Answer(status, (), json.dumps(fields).encode())


# --- the merchant's IPN --------------------------------------------------------------------------------------


def test_the_ipn_has_the_published_checksum() -> None:
    """mb-vietqr: MD5 of trace, bill number, pay date, debit amount and the access key."""
    fields = VECTOR["fields"]
    assert mms_checksum(*fields.values(), VECTOR["access_key"]) == VECTOR["signature"]
    body = told()
    assert {name: body[name] for name in fields} == fields
    assert body["checkSum"] == VECTOR["signature"]


def test_the_ipn_has_the_published_fields_all_of_them_texts() -> None:
    """mb-vietqr#mms"""
    names = (
        "traceTransfer storeLabel terminalLabel debitAmount realAmount payDate respCode respDesc checkSum rate "
        "billNumber consumerLabelTerm referenceLabelCode userName ftCode endPointUrl"
    )
    assert list(told()) == names.split()
    assert all(isinstance(value, str) for value in told().values())


def test_a_notice_that_names_no_message_is_the_ipn() -> None:
    assert callback(notice("")) == callback(notice(MMS))
    assert acknowledged(said(resCode="00"), notice("")).done
    assert not acknowledged(said(error=False), notice("")).done
    assert DIALECT.messages == (MMS, BALANCE)


@pytest.mark.parametrize("state", State)
def test_the_ipn_tells_collected_money_with_its_ft_number_and_all_else_as_failed(state: State) -> None:
    income = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    body = told(state=state)
    assert (body["respCode"], body["ftCode"]) == (("00", "FT24001029920410") if income else ("99", ""))


@pytest.mark.parametrize(
    ("option", "real"),
    [("", "20000"), ("5000", "15000"), ("99999", "0"), ("-5", "20000"), ("5k", "20000"), ("٥", "20000")],
)
def test_only_a_promotion_makes_the_real_amount_another(option: str, real: str) -> None:
    merchant = with_options(promotion_vnd=option)
    body = told(merchant=merchant)
    assert (body["debitAmount"], body["realAmount"]) == ("20000", real)
    assert body["checkSum"] == VECTOR["signature"], "the real amount is outside the checksum"
    assert told(BALANCE, merchant)["amount"] == 20_000


def test_a_store_name_travels_without_diacritics() -> None:
    merchant = msgspec.structs.replace(MERCHANT, name="Sở Đất đai\x00 TP")
    assert told(merchant=merchant)["storeLabel"] == "So Dat dai TP"


def test_a_forger_has_another_checksum() -> None:
    assert told(merchant=forged(MERCHANT))["checkSum"] != told()["checkSum"]


def test_a_shifted_field_boundary_signs_alike() -> None:
    """A weakness of joining without a separator."""
    assert mms_checksum("TR1", "1B", "20240101080000", "1", "k") == mms_checksum(
        "TR11", "B", "20240101080000", "1", "k"
    )


# --- the balance synchronisation -----------------------------------------------------------------------------


def test_the_balance_has_the_published_fields_with_numbers_and_milliseconds() -> None:
    """mb-vietqr#sync"""
    body = told(BALANCE)
    assert body.pop("transactionid") != "TR0001"
    assert body == {
        "transactiontime": 1_704_070_800_000,
        "referencenumber": "FT24001029920410",
        "amount": 20_000,
        "content": "BILL01",
        "bankaccount": "100000000422",
        "transType": "C",
        "reciprocalAccount": "104000000001",
        "reciprocalBankCode": "970415",
        "va": "",
        "valueDate": 1_704_042_000_000,
    }


def test_a_fraction_of_a_second_is_kept_in_milliseconds() -> None:
    assert told(BALANCE, settled_at=PAID_AT.replace(microsecond=7_999))["transactiontime"] == 1_704_070_800_007


def test_both_messages_tell_the_same_money_and_only_the_ft_number_joins_them() -> None:
    mms, balance = told(), told(BALANCE)
    assert mms["ftCode"] == balance["referencenumber"]
    assert mms["debitAmount"] == str(balance["amount"])
    assert {*mms.values()} & {value for name, value in balance.items() if name != "content"} == {mms["ftCode"], ""}


@pytest.mark.parametrize(("channel", "va"), [(Channel.QR, ""), (Channel.MOBILE, "HCC000000001")])
def test_a_transfer_names_the_virtual_account_and_a_code_does_not(channel: Channel, va: str) -> None:
    assert told(BALANCE, channel=channel)["va"] == va


@pytest.mark.parametrize("state", State)
def test_the_balance_tells_money_in_only_where_it_was_collected(state: State) -> None:
    income = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    assert told(BALANCE, state=state)["transType"] == ("C" if income else "D")


def test_the_transfer_text_travels_without_diacritics_and_within_200_letters() -> None:
    order = msgspec.structs.replace(PAYMENT.order, order_ref="HS1 Lệ phí", description="Đăng ký " * 50)
    content = told(BALANCE, order=order)["content"]
    assert content.startswith("HS1 Le phi Dang ky ")
    assert len(content) == 200


def test_the_balance_bears_the_merchants_fixed_token_if_there_is_one() -> None:
    without = msgspec.structs.replace(MERCHANT, secrets={"access_key": "demo-secret"})
    assert dict(callback(notice(BALANCE)).headers)["authorization"] == "Bearer demo-sync-token"
    assert "authorization" not in dict(callback(notice(BALANCE, without)).headers)
    assert "authorization" not in dict(callback(notice(MMS)).headers)


def test_without_a_token_nothing_tells_a_forged_balance_from_a_true_one() -> None:
    """A weakness of the protocol: its body has no signature."""
    without = msgspec.structs.replace(MERCHANT, secrets={"access_key": "demo-secret"})
    assert callback(notice(BALANCE, forged(without))) == callback(notice(BALANCE, without))
    assert callback(notice(BALANCE, forged(MERCHANT))) != callback(notice(BALANCE))


def test_the_balance_goes_to_its_own_address_if_there_is_one() -> None:
    one = msgspec.structs.replace(MERCHANT, callback_url="http://c/mms")
    two = msgspec.structs.replace(with_options(balance_url="http://c/sync"), callback_url="http://c/mms")
    urls = [[callback(notice(message, merchant)).url for message in (MMS, BALANCE)] for merchant in (one, two)]
    assert urls == [["http://c/mms", "http://c/mms"], ["http://c/mms", "http://c/sync"]]
    assert told(MMS, two)["endPointUrl"] == "http://c/mms"


@pytest.mark.parametrize("message", DIALECT.messages)
def test_a_late_attempt_still_tells_when_the_money_came(message: str) -> None:
    assert callback(notice(message, now=PAID_AT + timedelta(days=1))) == callback(notice(message))


# --- acknowledgements ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", MMS_CODES)
def test_only_taken_in_and_taken_in_before_end_the_ipns_retries(code: str) -> None:
    """mb-vietqr#mms-codes"""
    ack = acknowledged(said(resCode=code, resDesc="x"), notice())
    assert ack == Ack(code in ("00", "20"), f"resCode {code} ({MMS_CODES[code]})")


@pytest.mark.parametrize("code", ["", "0", "000", "42", 0, 20, None, True, ["00"], "00 "])
def test_another_code_ends_nothing(code: object) -> None:
    assert not acknowledged(said(resCode=code), notice()).done


@pytest.mark.parametrize("code", SYNC_CODES)
def test_of_the_balances_errors_only_the_duplicate_ends_the_retries(code: str) -> None:
    """mb-vietqr#sync-codes"""
    ack = acknowledged(said(error=True, errorReason=code), notice(BALANCE))
    assert ack == Ack(code == "006", f"errorReason {code} ({SYNC_CODES[code]})")


def test_no_error_ends_the_balances_retries() -> None:
    good = said(error=False, errorReason="000", toastMessage="", object={"reftransactionid": "1"})
    assert acknowledged(good, notice(BALANCE)) == Ack(True, "error false")
    assert acknowledged(said(error=False), notice(BALANCE)).done


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"error": None},
        {"error": "false"},
        {"error": 0},
        {"error": True},
        {"error": True, "errorReason": 6},
        {"error": True, "errorReason": "6"},
        {"error": True, "errorReason": ["006"]},
        {"errorReason": "006"},
        {"resCode": "00"},
    ],
)
def test_anything_else_ends_nothing(fields: dict[str, Any]) -> None:
    assert not acknowledged(said(**fields), notice(BALANCE)).done


@pytest.mark.parametrize("status", [0, 201, 204, 302, 400, 404, 500, 503])
@pytest.mark.parametrize(("message", "fields"), [(MMS, {"resCode": "00"}), (BALANCE, {"error": False})])
def test_an_acceptance_needs_http_200(status: int, message: str, fields: dict[str, Any]) -> None:
    assert not acknowledged(said(status, **fields), notice(message)).done


@pytest.mark.parametrize(
    ("message", "fields"), [(MMS, {"resCode": "20"}), (BALANCE, {"error": True, "errorReason": "006"})]
)
def test_a_duplicate_may_come_with_http_400(message: str, fields: dict[str, Any]) -> None:
    """mb-vietqr#status: one biller in use answers so."""
    done = {status: acknowledged(said(status, **fields), notice(message)).done for status in (200, 400, 302, 404, 500)}
    assert done == {200: True, 400: True, 302: False, 404: False, 500: False}


def test_why_there_was_no_answer_is_in_the_journal() -> None:
    assert acknowledged(Answer(error="timed out after 15 s"), notice()) == Ack(False, "timed out after 15 s")


KEYS = st.sampled_from(["resCode", "error", "errorReason", "object"]) | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(status=st.integers(0, 599), message=st.sampled_from([MMS, BALANCE]), fields=st.dictionaries(KEYS, VALUES))
def test_any_json_is_an_acknowledgement_only_in_its_own_words(
    status: int, message: str, fields: dict[str, Any]
) -> None:
    done = acknowledged(said(status, **{**fields}), notice(message)).done
    word = fields.get("resCode") in ("00", "20") if message == MMS else fields.get("error") is False
    assert not done or ((word or fields.get("errorReason") == "006") and status in (200, 400))


def test_an_ft_number_looks_like_the_published_one() -> None:
    """mb-vietqr#refund: FT23149029920410"""
    rng, at = Random(1), datetime(2023, 5, 28, 17, 0, tzinfo=UTC)
    numbers = [DIALECT.bank_ref(rng, at) for _ in range(1000)]
    assert {number[:7] for number in numbers} == {"FT23149"}, "it is the 29th in Vietnam"
    assert {len(number) for number in numbers} == {len("FT23149029920410")}
    assert len(set(numbers)) == 1000


def test_every_assumption_says_what_and_why() -> None:
    assert len({each.key for each in DIALECT.assumptions}) == len(DIALECT.assumptions) > 10
    assert all(each.key and each.value and each.why for each in DIALECT.assumptions)


# --- refunds ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def paid(tmp_path: Path) -> AsyncIterator[tuple[World, Payment]]:
    """20,000 dong came in, and nobody was there to be told."""
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        world = await worlds.create("ci", seed="1", clock_at=START)
        content = ("HS0001", 20_000, Channel.QR)
        yield world, await courier.pay_unasked(world, DIALECT, world.merchants["mb", "HCC1"], *content)


async def answer_to(world: World, request: Request) -> tuple[int, dict[str, Any]]:
    response = (await ask(world, "mb", request)).response
    return response.status, json.loads(response.body)


async def code_of(world: World, request: Request) -> str:
    """The intermediary's code; SUCCESS if it is none."""
    status, said = await answer_to(world, request)
    assert (status, said["status"]) in ((200, "SUCCESS"), (400, "FAILED"))
    return str(said["message"]) if status == 400 else "SUCCESS"


def test_a_refunds_checksum_is_the_known_one() -> None:
    """mb-vietqr#refund."""
    fields = REFUND_VECTOR["fields"]
    signed = (fields["referenceNumber"], fields["amount"], fields["bankAccount"])
    assert refund_checksum(REFUND_VECTOR["refund_secret"], *signed) == REFUND_VECTOR["signature"]
    assert sample.refund("FT23149029920410", "30000", START).body.count(REFUND_VECTOR["signature"].encode()) == 1


@pytest.mark.parametrize("path", ["/api/token_generate", "/oauth2/v1/token"])
async def test_a_token_is_given_for_the_password(paid: tuple[World, Payment], path: str) -> None:
    status, said = await answer_to(paid[0], sample.basic(path))
    assert (status, said["token_type"], said["expires_in"]) == (200, "Bearer", 300)
    assert sample.bearer(START) == {"authorization": f"Bearer {said['access_token']}"}
    for request in (
        sample.basic(path, user="NOBODY"),
        sample.basic(path, password="wrong"),
        Request("POST", path),
        Request("POST", path, headers={"authorization": "Basic ???"}),
    ):
        assert await answer_to(paid[0], request) == (401, {"error": "invalid_client"})


async def test_a_refund_has_an_ft_number_of_its_own(paid: tuple[World, Payment]) -> None:
    """mb-vietqr#refund."""
    world, payment = paid
    status, said = await answer_to(world, sample.refund(payment.bank_ref, "20000", START))
    assert (status, said["status"], said["message"][:7]) == (200, "SUCCESS", "FT26326")
    assert said["message"] != payment.bank_ref
    (after,) = await world.store.payments(world.name)
    assert (after.state, after.refunded_vnd) == (State.REFUNDED, 20_000)
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000, -20_000]


@pytest.mark.parametrize("first", [False, None, "true", 1])
async def test_who_did_not_ask_for_several_refunds_has_one(paid: tuple[World, Payment], first: object) -> None:
    """mb-vietqr#multi-times: E157, whatever the second asks for."""
    world, payment = paid
    assert await code_of(world, sample.refund(payment.bank_ref, "5000", START, multiTimes=first)) == "SUCCESS"
    for later in (True, False):
        assert await code_of(world, sample.refund(payment.bank_ref, "1000", START, multiTimes=later)) == "E157"


async def test_who_asked_for_several_has_them_up_to_the_payment(paid: tuple[World, Payment]) -> None:
    world, payment = paid
    ref = payment.bank_ref
    assert await code_of(world, sample.refund(ref, "20001", START, multiTimes=True)) == "E45"
    assert await code_of(world, sample.refund(ref, "15000", START, multiTimes=True)) == "SUCCESS"
    assert await code_of(world, sample.refund(ref, "15000", START, multiTimes=True)) == "E158"
    assert await code_of(world, sample.refund(ref, "5001", START)) == "E45"
    assert await code_of(world, sample.refund(ref, 5_000, START)) == "SUCCESS"
    assert await code_of(world, sample.refund(ref, "1", START)) == "E45"
    (after,) = await world.store.payments(world.name)
    assert after.refunded_vnd == 20_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"referenceNumber": "FT26326000000000"}, "E39"),
        ({"amount": "4999"}, "E39"),
        ({"checkSum": "0" * 32}, "E39"),
        ({"checkSum": None}, "E46"),
        ({"content": None}, "E46"),
        ({"content": ""}, "E46"),
        ({"content": "x" * 201}, "E46"),
        ({"content": "\x00"}, "E46"),
        ({"amount": 5000.5}, "E46"),
        ({"bankAccount": "100000000423"}, "E77"),
        ({"terminalCode": "HCC2"}, "E164"),
        ({"terminalCode": "HCC1"}, "SUCCESS"),
        ({"content": "another"}, "SUCCESS"),
    ],
)
async def test_every_wrong_field_has_its_code(
    paid: tuple[World, Payment], changes: dict[str, object], code: str
) -> None:
    """mb-vietqr#refund-codes."""
    world, payment = paid
    assert await code_of(world, sample.refund(payment.bank_ref, "5000", START, **changes)) == code


@pytest.mark.parametrize("amount", ["0", "-1", "1.0", "1e3", "05000", "9" * 16, " 5000"])
async def test_an_amount_that_is_no_whole_number_is_refused(paid: tuple[World, Payment], amount: str) -> None:
    world, payment = paid
    assert await code_of(world, sample.refund(payment.bank_ref, amount, START)) == "E45"
    _, said = await answer_to(world, sample.own_refund(payment.bank_ref, amount, START))
    assert said["errorCode"] == "4857"


async def test_an_unknown_ft_number_is_refused(paid: tuple[World, Payment]) -> None:
    """mb-vietqr#refund-codes."""
    assert await code_of(paid[0], sample.refund("FT26326000000000", "5000", START)) == "E44"
    _, said = await answer_to(paid[0], sample.own_refund("FT26326000000000", "5000", START))
    assert (said["errorCode"], said["data"]) == ("4863", None)


async def test_a_token_that_is_missing_or_old_is_refused(paid: tuple[World, Payment]) -> None:
    """mb-vietqr#refund-codes: E74."""
    world, payment = paid
    old = START - timedelta(seconds=300)
    assert await code_of(world, sample.refund(payment.bank_ref, "5000", old)) == "E74"
    status, _ = await answer_to(world, sample.own_refund(payment.bank_ref, "5000", old))
    assert status == 401
    good = sample.refund(payment.bank_ref, "5000", START)
    for header in ("", "Bearer", "Bearer xyz", good.headers["authorization"][:-4], "Basic SENDMTp4"):
        request = msgspec.structs.replace(good, headers={"authorization": header})
        assert await code_of(world, request) == "E74"
    last = sample.refund(payment.bank_ref, "5000", old + timedelta(seconds=1))
    assert await code_of(world, last) == "SUCCESS"


async def test_the_bank_itself_refunds_parts_one_after_another(paid: tuple[World, Payment]) -> None:
    world, payment = paid
    ref = payment.bank_ref
    status, said = await answer_to(world, sample.own_refund(ref, "15000", START, "T1"))
    assert (status, said["errorCode"], said["clientMessageId"]) == (200, "000", "M1")
    assert said["data"]["ft"].startswith("FT26326")
    codes = [
        (await answer_to(world, sample.own_refund(ref, amount, START, number)))[1]["errorCode"]
        for amount, number in (("5000", "T1"), ("5001", "T2"), ("5000", "T3"), ("1", "T4"))
    ]
    assert codes == ["999", "4857", "000", "4857"]


async def test_the_bank_itself_needs_its_headers_and_the_terminal(paid: tuple[World, Payment]) -> None:
    world, payment = paid
    good = sample.own_refund(payment.bank_ref, "5000", START)
    for name, value in (("transactionid", ""), ("transactionid", "x" * 51), ("clientmessageid", "")):
        request = msgspec.structs.replace(good, headers={**good.headers, name: value})
        assert (await answer_to(world, request))[1]["errorCode"] == "999"
    _, said = await answer_to(world, sample.own_refund(payment.bank_ref, "5000", START, terminalID="HCC2"))
    assert said["errorCode"] == "4877"
    assert (await world.store.payments(world.name))[0].refunds == ()


async def test_what_has_not_come_in_is_not_refunded(paid: tuple[World, Payment]) -> None:
    world, payment = paid
    await act(world, payment.payment_id, Event.REVERSE)
    assert await code_of(world, sample.refund(payment.bank_ref, "5000", START)) == "E44"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_code_on_both_sides(reason: Reason) -> None:
    codes = []
    for endpoint in DIALECT.endpoints[2:]:
        response = endpoint.encode(Request("POST", endpoint.path), None, Refusal(reason))
        codes.append(json.loads(response.body))
    assert codes[0]["message"] == REFUND_CODES.get(reason, ("E43", ""))[0]
    assert codes[1]["errorCode"] == (REFUND_CODES.get(reason, ("", ""))[1] or "999")


# --- several messages of one announcement --------------------------------------------------------------------

TWO = ("first", "second")


def test_without_messages_an_announcement_is_one_unnamed_delivery() -> None:
    assert [each.message for each in announce(PAYMENT, PAID_AT)] == [""]


def test_every_message_is_a_delivery_of_its_own_in_the_order_given() -> None:
    deliveries = announce(PAYMENT, PAID_AT, messages=TWO)
    assert [(each.message, each.delivery_id) for each in deliveries] == [("first", "p1.0"), ("second", "p1.1")]
    assert {(each.due_at, each.state, each.says_amount_vnd) for each in deliveries} == {
        (PAID_AT, DeliveryState.WAITING, 20_000)
    }


@given(st.lists(st.sampled_from(sorted(CALLBACK_KINDS)), max_size=4), st.integers(2, 9), st.integers(0, 9))
def test_faults_shape_every_message_alike(kinds: list[FaultKind], copies: int, already_told: int) -> None:
    faults = tuple(Fault(fault_id=str(index), kind=kind, copies=copies) for index, kind in enumerate(kinds))
    payment = msgspec.structs.replace(PAYMENT, told=already_told)
    deliveries = announce(payment, PAID_AT, shaped(faults), (FaultKind.HTTP_500, None), TWO)
    shapes = {
        message: [
            msgspec.structs.replace(each, delivery_id="", message="") for each in deliveries if each.message == message
        ]
        for message in TWO
    }
    assert shapes["first"] == shapes["second"] != []
    assert [each.delivery_id for each in deliveries] == [f"p1.{already_told + n}" for n in range(len(deliveries))]


@pytest.fixture
async def world(worlds: Worlds, portal: Connector) -> World:
    merchant = msgspec.structs.replace(MERCHANT, callback_url=f"{portal.url}/callback")
    return await worlds.create("ci", seed="1", clock_at=START, merchants=(merchant,))


def kind_of(body: bytes) -> str:
    return MMS if b'"checkSum"' in body else BALANCE


def answering(**by_kind: dict[str, Any] | None) -> Any:
    """A connector's answers: the given one to a kind of message (None = HTTP 500), a sound one to the others."""

    def answer(method: str, path: str, body: bytes) -> web.Response:
        given_answer = by_kind.get(kind_of(body), sound_answer(method, path, body))
        return web.json_response(given_answer) if given_answer is not None else web.Response(status=500)

    return answer


async def transferred(world: World, courier: Courier, *faults: Fault, channel: Channel = Channel.QR) -> Payment:
    """A payment of 20,000 dong that arrived under these faults, before anything was sent."""
    await world.store.set_faults(world.name, faults)
    merchant = world.merchants["mb", "HCC1"]
    pending = await courier.transfer(world, DIALECT, merchant, "HS0001", 20_000, channel)
    return await act(world, pending.payment_id, Event.APPROVE)


async def tries(world: World) -> dict[str, list[int]]:
    """When each kind of message was attempted, in seconds after the payment."""
    sent = [exchange for _, exchange in await world.store.exchanges(world.name) if exchange.direction == "out"]
    at: dict[str, list[int]] = {MMS: [], BALANCE: []}
    for exchange in sorted(sent, key=lambda each: each.at):
        at[kind_of(exchange.request_body)].append(int((exchange.at - START).total_seconds()))
    return at


async def states(world: World) -> dict[str, DeliveryState]:
    return {each.message: each.state for each in await world.store.deliveries(world.name)}


async def test_one_payment_is_told_twice_and_booked_once(world: World, portal: Connector, courier: Courier) -> None:
    portal.answer = answering()
    payment = await transferred(world, courier)
    assert payment.told == 2
    assert await courier.advance(world, START + WEEK) == 2
    mms, balance = (json.loads(body) for _, _, body in portal.requests)
    assert mms["ftCode"] == balance["referencenumber"] == payment.bank_ref
    assert (mms["billNumber"], balance["content"]) == ("HS0001", "HS0001")
    assert await states(world) == {MMS: DeliveryState.ACKNOWLEDGED, BALANCE: DeliveryState.ACKNOWLEDGED}
    assert [entry.amount_vnd for entry in await world.store.ledger(world.name)] == [20_000]


async def test_only_the_balance_bears_the_token_on_the_wire(world: World, portal: Connector, courier: Courier) -> None:
    portal.answer = answering()
    await transferred(world, courier)
    await courier.advance(world, START)
    assert [headers.get("authorization") for headers in portal.headers] == [None, "Bearer demo-sync-token"]


@pytest.mark.parametrize(
    ("answers", "exhausted"),
    [
        ({BALANCE: {"error": True, "errorReason": "005"}}, BALANCE),
        ({BALANCE: {"resCode": "00"}}, BALANCE),
        ({BALANCE: None}, BALANCE),
        ({MMS: {"resCode": "12"}}, MMS),
        ({MMS: {"error": False}}, MMS),
        ({MMS: None}, MMS),
    ],
)
async def test_each_message_has_its_own_ladder_and_its_own_words(
    world: World,
    portal: Connector,
    courier: Courier,
    answers: dict[str, dict[str, Any] | None],
    exhausted: str,
) -> None:
    portal.answer = answering(**answers)
    await transferred(world, courier)
    await courier.advance(world, START + WEEK)
    (content,) = {MMS, BALANCE} - {exhausted}
    assert await tries(world) == {exhausted: list(LADDER_S), content: [0]}
    assert await states(world) == {exhausted: DeliveryState.EXHAUSTED, content: DeliveryState.ACKNOWLEDGED}


async def test_each_ladder_ends_where_its_own_message_is_taken_in(
    world: World, portal: Connector, courier: Courier
) -> None:
    seen: Counter[str] = Counter()

    def answer(method: str, path: str, body: bytes) -> web.Response:
        kind = kind_of(body)
        seen[kind] += 1
        enough = seen[kind] >= {MMS: 2, BALANCE: 4}[kind]
        return web.json_response(sound_answer(method, path, body) if enough else {})

    portal.answer = answer
    await transferred(world, courier)
    await courier.advance(world, START + WEEK)
    assert await tries(world) == {MMS: [0, 60], BALANCE: [0, 60, 360, 1260]}


@pytest.mark.parametrize(
    ("fault", "at"),
    [
        ({"kind": FaultKind.DELAY, "delay_s": 90}, [90]),
        ({"kind": FaultKind.LOST}, []),
        ({"kind": FaultKind.DUPLICATE, "copies": 3}, [0, 1, 2]),
        ({"kind": FaultKind.DUPLICATE, "copies": 3, "at_once": True}, [0, 0, 0]),
        ({"kind": FaultKind.FORGED_SIGNATURE}, [0, 1]),
        ({"kind": FaultKind.WRONG_AMOUNT}, [0]),
        ({"kind": FaultKind.SUCCESS_THEN_FAILURE, "delay_s": 5}, [0, 5]),
        ({"kind": FaultKind.FAILURE_THEN_SUCCESS, "delay_s": 5}, [0, 5]),
        ({"kind": FaultKind.CALLBACK_AFTER_RETURN}, [900]),
        ({"kind": FaultKind.HTTP_500}, [0, 60]),
        ({"kind": FaultKind.CONNECTION_RESET}, [0, 60]),
        ({"kind": FaultKind.ANSWER_LOST}, [0, 60]),
    ],
    ids=lambda value: str(value["kind"]) if isinstance(value, dict) else str(value),
)
async def test_a_fault_strikes_every_message(
    world: World, portal: Connector, courier: Courier, fault: dict[str, object], at: list[int]
) -> None:
    portal.answer = answering()
    await transferred(world, courier, msgspec.convert({"fault_id": "f", **fault}, Fault))
    await courier.advance(world, START + WEEK)
    assert await tries(world) == {MMS: at, BALANCE: at}
    assert (await world.store.sandbox(world.name)).faults == (), "it is spent once, not once a message"


async def test_a_wrong_amount_is_told_by_both_in_the_same_way(
    world: World, portal: Connector, courier: Courier
) -> None:
    portal.answer = answering()
    await transferred(world, courier, Fault(fault_id="f", kind=FaultKind.WRONG_AMOUNT, amount_delta_vnd=-1))
    await courier.advance(world, START)
    mms, balance = (json.loads(body) for _, _, body in portal.requests)
    assert (mms["debitAmount"], balance["amount"]) == ("19999", 19_999)


async def test_both_forgeries_are_proved_false(world: World, portal: Connector, courier: Courier) -> None:
    portal.answer = answering()
    await transferred(world, courier, Fault(fault_id="f", kind=FaultKind.FORGED_SIGNATURE))
    await courier.advance(world, START + WEEK)
    checksums = [json.loads(body)["checkSum"] for _, _, body in portal.requests if kind_of(body) == MMS]
    tokens = [headers["authorization"] for headers in portal.headers if "authorization" in headers]
    true = json.loads(portal.requests[-1][2])
    assert len(set(checksums)) == len(checksums) == 2
    assert tokens[0] != tokens[1] == "Bearer demo-sync-token"
    assert true["transType"] == "C"


async def test_a_notice_is_of_the_first_message_unless_it_is_said_which(world: World, courier: Courier) -> None:
    payment = await transferred(world, courier)
    unnamed = notice_of(world, DIALECT, payment, START)
    named = notice_of(world, DIALECT, payment, START, message=BALANCE)
    assert (unnamed.message, named.message) == (MMS, BALANCE)


async def test_a_transfer_to_the_virtual_account_names_it(world: World, portal: Connector, courier: Courier) -> None:
    portal.answer = answering()
    await transferred(world, courier, channel=Channel.INTERNET_BANKING)
    await courier.advance(world, START)
    assert json.loads(portal.requests[1][2])["va"] == "HCC000000001"


async def test_an_unpaid_transfer_is_never_told(world: World, portal: Connector, courier: Courier) -> None:
    await courier.transfer(world, DIALECT, world.merchants["mb", "HCC1"], "HS0001", 20_000, Channel.QR)
    assert await courier.advance(world, START + WEEK) == 0
    assert portal.requests == []
    assert [each.state for each in await world.store.payments(world.name)] == [State.EXPIRED]
