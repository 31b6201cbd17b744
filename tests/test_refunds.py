"""Facts about refunds that wait or are refused, at every bank that refunds: state, money, and the bank's own words."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from simulator.bank import act, decide_refund
from simulator.banks import sepay
from simulator.delivery import Courier
from simulator.faults import Fault, FaultKind
from simulator.payment import (
    Event,
    NoSuchPendingRefund,
    Payment,
    Refund,
    RefundState,
    State,
    with_refund,
)
from simulator.payment import (
    decide_refund as decided,
)
from simulator.store import ById
from simulator.wire import Response
from simulator.world import World, Worlds
from tests import samples
from tests.test_every_bank import ONLY_THE_WHOLE, REFUNDS, a_world, opened, settled
from tests.worlds import START, Connector, ask

PAID_VND = 20_000
PART_VND = 5_000
LATER = START + timedelta(minutes=10)
HOUR_S = 3600
DECIDED = LATER + timedelta(seconds=HOUR_S)

every_refunder = pytest.mark.parametrize("code", REFUNDS)


def body(response: Response) -> Any:
    return json.loads(response.body)


SAYS: dict[str, tuple[Callable[[Response], object], object, object, object]] = {
    "keypay3": (lambda each: body(each)["status"], 0, 2, 1),
    "mb": (lambda each: (body(each)["status"], body(each)["message"][:3]), None, ("FAILED", "E21"), ("FAILED", "E43")),
    "momo": (lambda each: body(each)["resultCode"], 0, 7002, 1080),  # momo-aio-v2#result-codes
    "napas": (lambda each: body(each)["result"], "SUCCESS", "PENDING", "FAILURE"),
    "sepay": (
        lambda each: body(each).get("data", {}).get("status") or body(each)["code"],
        "Success",
        "Processing",
        "refund_failed",
    ),
    "sepay_gateway": (lambda each: each.status, 200, 202, 400),
    "vietcombank_qn": (lambda each: body(each)["context"]["errorCode"], "0", "100", "101"),
    "vietinbank_dn": (lambda each: body(each)["errorCode"], "00", "06", "13"),
    "vietinbank_wallet": (lambda each: body(each)["status"]["code"], "00", "68", "05"),
    "vietqr_vn": (
        lambda each: (body(each)["status"], body(each)["message"]),
        None,
        ("FAILED", "E05"),
        ("FAILED", "E43"),
    ),
    "viettelpay": (lambda each: body(each)["error_code"], "00", "03", "01"),
    "vnpay": (lambda each: body(each)["vnp_TransactionStatus"], "00", "05", "09"),  # vnpay-pay-2-1-0#transaction-status
    "vnpayqr": (lambda each: body(each)["code"], "00", "08", "99"),
    "zalopay": (lambda each: body(each)["return_code"], 3, 3, 2),  # zalopay-v2#refund
}
"""What a bank's answer says of a refund: where it stands, and the words for made, pending and refused (None = more)."""


class Stage:
    """A paid payment at one bank, and the ways to ask that bank for money back."""

    def __init__(self, world: World, courier: Courier, code: str, paid: Payment) -> None:
        self.world = world
        self.courier = courier
        self.code = code
        self.paid = paid
        self.amount_vnd = PAID_VND if code in ONLY_THE_WHOLE else PART_VND

    async def rule(self, kind: FaultKind, **how: Any) -> None:
        fault = Fault(fault_id="f1", kind=kind, operation="refund", **how)
        await self.world.store.set_faults(self.world.name, (fault,))

    async def refund(self, ref: str, amount_vnd: int | None = None, at: datetime = LATER) -> Response:
        await self.courier.advance(self.world, at)
        request = REFUNDS[self.code](self.paid, amount_vnd or self.amount_vnd, ref, at)
        return (await ask(self.world, self.code, request)).response

    async def payment(self) -> Payment:
        found = await self.world.store.payment(self.world.name, ById(self.paid.payment_id))
        assert found is not None
        return found

    async def given_back(self) -> tuple[int, int]:
        """By the ledger, and by the payment."""
        entries = await self.world.store.ledger(self.world.name, payment_id=self.paid.payment_id)
        return -sum(each.amount_vnd for each in entries if each.amount_vnd < 0), (await self.payment()).refunded_vnd


async def staged(worlds: Worlds, courier: Courier, portal: Connector, code: str) -> Stage:
    world = await a_world(worlds, portal, code)
    if code in ONLY_THE_WHOLE:
        await ask(world, code, samples.sepay_gateway.gateway_create("HS0001", PAID_VND, START, payment_method="CARD"))
    payment = await opened(world, courier, code)
    paid = await act(world, payment.payment_id, Event.APPROVE)
    await courier.run_due(world)
    return Stage(world, courier, code, paid)


def test_the_table_of_words_has_every_bank_that_refunds() -> None:
    assert set(SAYS) == set(REFUNDS)


@every_refunder
async def test_a_pending_refund_is_told_and_moves_money_when_its_time_comes(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.rule(FaultKind.REFUND_PENDING, delay_s=HOUR_S)
    where, _, pending, _ = SAYS[code]
    assert where(await stage.refund("R1")) == pending
    before = await stage.payment()
    assert (before.state, before.refunding_vnd, await stage.given_back()) == (State.PAID, stage.amount_vnd, (0, 0))
    assert await stage.world.store.next_expiry(stage.world.name, LATER) == DECIDED
    await courier.advance(stage.world, DECIDED - timedelta(seconds=1))
    assert (await stage.payment()).state is State.PAID
    await courier.advance(stage.world, DECIDED)
    after = await stage.payment()
    assert await stage.given_back() == (stage.amount_vnd, stage.amount_vnd)
    assert after.state is (State.REFUNDED if code in ONLY_THE_WHOLE else State.PARTLY_REFUNDED)
    assert (after.unmade_refunds, after.refunds[0].refunded_at) == ((), DECIDED)
    assert await stage.world.store.next_expiry(stage.world.name, LATER) is None


@every_refunder
async def test_a_refused_refund_is_told_and_leaves_all_there_to_be_asked_again(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.rule(FaultKind.REFUND_REFUSED)
    where, made, _, refused = SAYS[code]
    assert where(await stage.refund("R1")) == refused
    assert ((await stage.payment()).state, await stage.given_back()) == (State.PAID, (0, 0))
    answer = where(await stage.refund("R2", at=LATER + timedelta(minutes=10)))
    assert made is None or answer == made
    assert await stage.given_back() == (stage.amount_vnd, stage.amount_vnd)


@every_refunder
async def test_a_refund_refused_late_frees_its_money(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.rule(FaultKind.REFUND_REFUSED_LATE, delay_s=HOUR_S)
    await stage.refund("R1", amount_vnd=PAID_VND)
    assert (await stage.payment()).refunding_vnd == PAID_VND
    await courier.advance(stage.world, DECIDED)
    found = await stage.payment()
    assert (found.state, found.refunding_vnd, found.unmade_refunds[0].state) == (State.PAID, 0, RefundState.REFUSED)
    await stage.refund("R2", amount_vnd=PAID_VND, at=DECIDED + timedelta(minutes=10))
    assert await stage.given_back() == (PAID_VND, PAID_VND)


@pytest.mark.parametrize("code", [code for code in REFUNDS if code not in ONLY_THE_WHOLE])
async def test_made_and_pending_refunds_together_never_exceed_the_payment(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.rule(FaultKind.REFUND_PENDING, times=0, delay_s=0)
    asked = []
    for number, vnd in enumerate((15_000, 5_001, 5_000, 1), 1):
        await stage.refund(f"R{number}", vnd, START + timedelta(minutes=10 * number))
        asked.append((await stage.payment()).refunding_vnd)
    assert asked == [15_000, 15_000, 20_000, 20_000]
    for each in (await stage.payment()).pending_refunds:
        await decide_refund(stage.world, stage.paid.payment_id, each.request_ref, RefundState.MADE)
    assert ((await stage.payment()).state, await stage.given_back()) == (State.REFUNDED, (PAID_VND, PAID_VND))


@every_refunder
async def test_a_refund_is_decided_once(worlds: Worlds, courier: Courier, portal: Connector, code: str) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.rule(FaultKind.REFUND_PENDING, delay_s=HOUR_S)
    await stage.refund("R1")
    (pending,) = (await stage.payment()).pending_refunds
    payment_id = stage.paid.payment_id
    await decide_refund(stage.world, payment_id, pending.request_ref, RefundState.MADE)
    for state in (RefundState.MADE, RefundState.REFUSED):
        with pytest.raises(NoSuchPendingRefund):
            await decide_refund(stage.world, payment_id, pending.request_ref, state)
    await courier.advance(stage.world, DECIDED)
    assert await stage.given_back() == (stage.amount_vnd, stage.amount_vnd)


@every_refunder
async def test_the_same_seed_numbers_refunds_alike(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.rule(FaultKind.REFUND_REFUSED)
    await stage.refund("R1")
    await stage.refund("R2", at=LATER + timedelta(minutes=10))
    found = (await stage.payment()).all_refunds
    assert len({each.bank_ref for each in found}) == len(found) == 2


# --- what a connector can ask later ------------------------------------------------------------------------------


async def test_momo_tells_a_refunds_state_by_its_number(worlds: Worlds, courier: Courier, portal: Connector) -> None:
    stage = await staged(worlds, courier, portal, "momo")
    await stage.rule(FaultKind.REFUND_PENDING, delay_s=HOUR_S)
    await stage.refund("R1")

    async def told() -> tuple[int, list[int]]:
        answer = body((await ask(stage.world, "momo", samples.momo.momo_refund_query("R1"))).response)
        return answer["resultCode"], [each["resultCode"] for each in answer["refundTrans"]]

    assert await told() == (7002, [7002])
    await courier.advance(stage.world, DECIDED)
    assert await told() == (0, [0])


async def test_vnpay_tells_the_newest_refunds_state_when_it_is_queried(
    worlds: Worlds, courier: Courier, portal: Connector
) -> None:
    stage = await staged(worlds, courier, portal, "vnpay")
    await stage.rule(FaultKind.REFUND_REFUSED_LATE, delay_s=HOUR_S)
    told = []
    for number, at in enumerate((LATER, DECIDED, DECIDED + timedelta(minutes=20))):
        if number != 1:
            await stage.refund(f"R{number}", at=at)
        await courier.advance(stage.world, at)
        query = samples.vnpay.vnpay_querydr(stage.paid.order.order_ref, START, f"Q{number}")
        answer = body((await ask(stage.world, "vnpay", query)).response)
        told.append((answer["vnp_TransactionType"], answer["vnp_TransactionStatus"]))
    assert told == [("03", "05"), ("03", "09"), ("03", "00")]


@pytest.mark.parametrize("code", ["vietcombank_qn", "vietinbank_dn", "sepay", "momo"])
async def test_the_same_request_again_is_answered_with_what_became_of_the_refund(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.rule(FaultKind.REFUND_PENDING, delay_s=HOUR_S)
    where, made, pending, _ = SAYS[code]
    assert where(await stage.refund("R1")) == pending
    assert where(await stage.refund("R1", at=LATER + timedelta(minutes=6))) == pending
    assert where(await stage.refund("R1", at=DECIDED)) == made
    assert await stage.given_back() == (PART_VND, PART_VND)


async def test_every_part_that_goes_back_is_told_where_refunds_are(
    worlds: Worlds, courier: Courier, portal: Connector
) -> None:
    stage = await staged(worlds, courier, portal, "sepay")
    for number, vnd in enumerate((5_000, 1_000, 14_000), 1):
        await stage.refund(f"R{number}", vnd, START + timedelta(minutes=10 * number))
    await courier.run_due(stage.world)
    callbacks = [json.loads(sent) for _, path, sent in portal.requests if path.startswith("/callback")]
    assert [each["transferAmount"] for each in callbacks if each["transferType"] == "out"] == [5_000, 1_000, 14_000]
    assert len({each["id"] for each in callbacks}) == 4


async def test_a_pending_refund_is_told_by_callback_only_when_it_is_made(
    worlds: Worlds, courier: Courier, portal: Connector
) -> None:
    stage = await staged(worlds, courier, portal, "sepay")
    await stage.rule(FaultKind.REFUND_PENDING, delay_s=HOUR_S)
    await stage.refund("R1")
    await courier.run_due(stage.world)
    assert len(portal.requests) == 1, "only the payment was told"
    await courier.advance(stage.world, DECIDED)
    assert json.loads(portal.requests[-1][2])["transferType"] == "out"


async def test_a_name_of_a_pending_refund_is_kept(worlds: Worlds, courier: Courier, portal: Connector) -> None:
    stage = await staged(worlds, courier, portal, "sepay")
    await stage.rule(FaultKind.REFUND_PENDING, delay_s=0)
    await stage.refund("R1")
    assert sepay.DIALECT.names(await stage.payment())[1:] == ("refund:R1",)


# --- the state machine -------------------------------------------------------------------------------------------


def a_refund(ref: str = "R1", vnd: int = PART_VND, state: RefundState = RefundState.PENDING) -> Refund:
    return Refund(request_ref=ref, amount_vnd=vnd, refunded_at=START, bank_ref=f"B{ref}", state=state)


def test_a_pending_refund_of_a_payment_that_the_bank_reversed_is_refused() -> None:
    asked = with_refund(settled("vnpay"), a_refund(), START)
    reversed_ = msgspec.structs.replace(asked, state=State.REVERSED)
    after = decided(reversed_, "R1", RefundState.MADE, LATER)
    assert (after.state, after.refunds, after.unmade_refunds[0].state) == (State.REVERSED, (), RefundState.REFUSED)


def test_a_refund_cannot_be_decided_to_wait() -> None:
    asked = with_refund(settled("vnpay"), a_refund(), START)
    with pytest.raises(NoSuchPendingRefund):
        decided(asked, "R1", RefundState.PENDING, LATER)


def test_of_a_number_that_was_refused_and_tried_again_the_standing_one_counts() -> None:
    tried = with_refund(settled("mb"), a_refund(state=RefundState.REFUSED), START)
    again = with_refund(tried, a_refund(), START)
    assert (found := again.refund("R1")) is not None
    assert found.state is RefundState.PENDING
    assert again.refund("R2") is None


def test_a_refund_kept_before_there_were_states_was_made() -> None:
    old = {"request_ref": "R1", "amount_vnd": 1, "refunded_at": START, "bank_ref": "B1", "idempotency_key": ""}
    found = msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=Refund)
    assert (found.state, found.decides_at) == (RefundState.MADE, None)
