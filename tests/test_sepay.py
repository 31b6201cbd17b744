"""Facts about SePay's webhook of bank transfers."""

import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from simulator import qr
from simulator.bank import act
from simulator.banks.sepay import DIALECT, acknowledged, callback, payment_code, qr_text, signature
from simulator.delivery import Courier
from simulator.dialect import Notice
from simulator.merchants import default_merchants
from simulator.outbox import DeliveryState
from simulator.payment import Channel, Event, Merchant, Order, Outcome, Payment, State
from simulator.wire import Answer
from simulator.world import World, Worlds
from tests.worlds import START, Connector, connector, courier_of, worlds_in

VECTOR_FILE = Path(__file__).parent.parent / "fixtures" / "wire" / "sepay" / "signatures.json"
(VECTOR,) = json.loads(VECTOR_FILE.read_text())
MERCHANT = next(each for each in default_merchants() if each.bank == "sepay")
PAID_AT = datetime(2023, 3, 25, 7, 2, 37, tzinfo=UTC)
SENT_AT = datetime.fromtimestamp(VECTOR["timestamp"], UTC)
MINUTES = (1, 1, 2, 3, 5, 8, 13)


def merchant(**options: str) -> Merchant:
    return msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, **options})


def payment(state: State = State.PAID, content: str = "HS0001 nop le phi", **changes: Any) -> Payment:
    made = Payment(
        payment_id="0123abcd",
        bank="sepay",
        merchant_code="SP-TEST",
        order=Order(order_ref=content, order_key="1", amount_vnd=18_060),
        amount_vnd=18_060,
        bank_ref="MBVCB.3278907687",
        created_at=PAID_AT,
        state=state,
        settled_at=None if state is State.PENDING else PAID_AT,
    )
    return msgspec.structs.replace(made, **changes)


def notice(told: Payment | None = None, to: Merchant = MERCHANT, now: datetime = SENT_AT) -> Notice:
    return Notice(payment=told or payment(), merchant=to, now=now)


def said(told: Payment | None = None, to: Merchant = MERCHANT) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(callback(notice(told, to)).body)
    return fields


def headers(**changes: Any) -> dict[str, str]:
    return dict(callback(notice(**changes)).headers)


# --- what is sent ------------------------------------------------------------------------------------------------


def test_the_known_webhook_has_its_known_signature() -> None:
    """sepay-webhooks#hmac, S1."""
    body = VECTOR["body"].encode()
    assert signature(VECTOR["webhook_secret"], VECTOR["timestamp"], body) == VECTOR["header"]


def test_a_webhook_has_the_known_ones_fields_in_their_order_and_of_their_types() -> None:
    known, ours = json.loads(VECTOR["body"]), said(to=merchant(account="0123499999"))
    assert list(ours) == list(known)
    counted = ("id", "accumulated")
    assert {name: value for name, value in ours.items() if name not in counted} == {
        name: value for name, value in known.items() if name not in counted
    }
    assert all(isinstance(ours[name], int) for name in counted)


def test_its_signature_covers_the_very_bytes_and_the_time_of_sending() -> None:
    sent = callback(notice())
    message = b"1700000000." + sent.body
    told = dict(sent.headers)
    assert told["x-sepay-timestamp"] == "1700000000"
    assert told["x-sepay-signature"] == "sha256=" + hmac.digest(b"whsec_test_abc", message, "sha256").hex()
    assert "authorization" not in told


def test_a_later_attempt_is_signed_anew_and_tells_the_same() -> None:
    first, later = callback(notice()), callback(notice(now=SENT_AT + timedelta(minutes=33)))
    assert first.body == later.body
    assert dict(later.headers)["x-sepay-timestamp"] == str(VECTOR["timestamp"] + 33 * 60)
    assert dict(first.headers)["x-sepay-signature"] != dict(later.headers)["x-sepay-signature"]


def test_with_an_api_key_there_is_no_signature() -> None:
    told = headers(to=merchant(auth="apikey"))
    assert told["authorization"] == "Apikey sepay-test-api-key-0123456789"
    assert not [name for name in told if name.startswith("x-sepay")]


def test_without_proof_there_is_only_the_body() -> None:
    assert list(headers(to=merchant(auth="none"))) == ["content-type"]


@pytest.mark.parametrize("auth", ["", "oauth2", "HMAC"])
def test_an_unknown_way_of_proof_is_hmac(auth: str) -> None:
    assert "x-sepay-signature" in headers(to=merchant(auth=auth))


@pytest.mark.parametrize("state", State)
def test_only_money_that_came_in_is_in(state: State) -> None:
    came = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    assert said(payment(state))["transferType"] == ("in" if came else "out")


def test_what_goes_out_again_is_another_transaction() -> None:
    came, went = said(payment(State.PAID)), said(payment(State.REVERSED))
    assert came["id"] != went["id"]
    assert came["transferAmount"] == went["transferAmount"] == 18_060
    assert said(payment(State.PAID))["id"] == came["id"]


def test_another_payment_has_another_id() -> None:
    ids = {said(payment(payment_id=f"{number:032x}"))["id"] for number in range(2000)}
    assert len(ids) == 2000
    assert 0 <= min(ids) <= max(ids) < 2**53


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("HS0001 nop le phi", "HS0001"),
        ("nop le phi hs0001", "HS0001"),
        ("CT DEN:0123 HS26A9.FT1", "HS26A9"),
        ("HS HS7", "HS7"),
        ("XHS0001", None),
        ("HSX", None),
        ("nop le phi", None),
        ("", None),
        ("HS٣", None),
    ],
)
def test_the_payment_code_is_found_in_the_transfers_text(content: str, code: str | None) -> None:
    assert payment_code(content, "HS") == code


def test_without_a_prefix_there_is_no_code() -> None:
    assert said(to=merchant(code_prefix=""))["code"] is None


def test_a_prefix_is_no_pattern() -> None:
    assert payment_code("HS1", ".*") is None
    assert payment_code("A.B1", "a.b") == "A.B1"


def test_a_sub_account_is_told_where_there_is_one() -> None:
    assert said()["subAccount"] is None
    assert said(to=merchant(sub_account="VA01"))["subAccount"] == "VA01"


def test_a_merchant_without_options_is_served() -> None:
    bare = msgspec.structs.replace(MERCHANT, options={})
    assert said(to=bare)["accountNumber"] == "0123499990"
    assert qr.parse(qr_text(payment(), bare)).bank_bin == "970436"


@pytest.mark.parametrize(
    ("amount_vnd", "named"), [(18_060, 18_060), (499_999_999, 499_999_999), (500_000_000, None), (0, None)]
)
def test_the_code_to_be_scanned_names_what_an_instant_transfer_carries(amount_vnd: int, named: int | None) -> None:
    code = qr.parse(qr_text(payment(amount_vnd=amount_vnd, content="Nộp lệ phí HS0001"), MERCHANT))
    assert (code.beneficiary, code.amount_vnd, code.purpose) == ("0123499990", named, "Nop le phi HS0001")


# --- what is answered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "done"),
    [
        (200, b'{"success": true}', True),
        (201, b'{"success":true,"more":[1]}', True),
        (202, b'{"success": true}', False),
        (204, b"", False),
        (200, b"", False),
        (200, b'{"success": false}', False),
        (200, b'{"success": "true"}', False),
        (200, b'{"success": 1}', False),
        (200, b'{"ok": true}', False),
        (200, b"[true]", False),
        (200, b"OK", False),
        (200, b"[" * 100_000, False),
        (302, b'{"success": true}', False),
        (500, b'{"success": true}', False),
        (0, b"", False),
    ],
)
def test_only_200_or_201_and_success_true_acknowledge(status: int, body: bytes, done: bool) -> None:
    """sepay-webhooks#acknowledgement."""
    assert acknowledged(Answer(status, (), body), notice()).done is done


@given(status=st.sampled_from([0, 200, 201, 500]), body=st.binary(max_size=200) | st.text().map(str.encode))
def test_any_answer_is_read_as_an_acknowledgement_or_not(status: int, body: bytes) -> None:
    assert not acknowledged(Answer(status, (), body), notice()).done


@given(content=st.text(max_size=120), outcome=st.sampled_from(Outcome))
def test_any_text_of_a_transfer_is_told_and_drawn(content: str, outcome: Outcome) -> None:
    told = payment(content=content, outcome=outcome)
    if not any("\ud800" <= letter <= "\udfff" for letter in content):
        assert said(told)["content"] == content
    assert qr.parse(qr_text(told, MERCHANT)).amount_vnd == 18_060


# --- transfers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    courier: Courier
    portal: Connector

    async def received(self, content: str, amount_vnd: int) -> Payment:
        """Somebody transfers money."""
        begun = await self.courier.transfer(
            self.world, DIALECT, self.world.merchants["sepay", "SP-TEST"], content, amount_vnd, Channel.QR
        )
        return await act(self.world, begun.payment_id, Event.APPROVE)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.portal.requests]


async def staged(worlds: Worlds, courier: Courier, portal: Connector, answer: dict[str, object]) -> Stage:
    portal.answer = lambda method, path, body: web.json_response(answer)
    told = msgspec.structs.replace(MERCHANT, callback_url=f"{portal.url}/webhook")
    world = await worlds.create("ci", seed="1", clock_at=START, merchants=(told,))
    return Stage(world, courier, portal)


async def test_two_transfers_with_the_same_text_are_two_transactions(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True})
        for amount_vnd in (5_000, 13_060):
            await stage.received("HS0001", amount_vnd)
        await courier.run_due(stage.world)
        first, second = sorted(stage.told(), key=lambda each: each["transferAmount"])
        assert (first["code"], first["transferAmount"]) == ("HS0001", 5_000)
        assert (second["code"], second["transferAmount"]) == ("HS0001", 13_060)
        assert first["id"] != second["id"]
        assert first["referenceCode"] != second["referenceCode"]


async def test_a_webhook_is_tried_eight_times_over_33_minutes(tmp_path: Path) -> None:
    """sepay-webhooks#retries."""
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": False})
        await stage.received("HS0001", 5_000)
        await courier.advance(stage.world, START + timedelta(hours=6))
        sent = [int(each["x-sepay-timestamp"]) - int(START.timestamp()) for each in portal.headers]
        assert sent == [60 * sum(MINUTES[:attempt]) for attempt in range(8)]
        assert len({json.dumps(each) for each in stage.told()}) == 1
        (delivery,) = await stage.world.store.deliveries(stage.world.name)
        assert delivery.state is DeliveryState.EXHAUSTED


async def test_money_that_goes_back_is_a_second_webhook_out(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True})
        paid = await stage.received("HS0001", 5_000)
        await courier.run_due(stage.world)
        await act(stage.world, paid.payment_id, Event.REVERSE)
        await courier.run_due(stage.world)
        assert [each["transferType"] for each in stage.told()] == ["in", "out"]


async def test_a_transfer_that_fails_is_told_to_nobody(tmp_path: Path) -> None:
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier, connector() as portal:
        stage = await staged(worlds, courier, portal, {"success": True})
        begun = await courier.transfer(
            stage.world, DIALECT, stage.world.merchants["sepay", "SP-TEST"], "HS1", 1, Channel.MOBILE
        )
        await act(stage.world, begun.payment_id, Event.DECLINE)
        await courier.advance(stage.world, START + timedelta(days=1))
        assert stage.told() == []


def test_the_ladder_waits_as_documented() -> None:
    assert DIALECT.retry.delays_s == tuple(60 * minutes for minutes in MINUTES)
    assert DIALECT.retry.timeout_s == 30
