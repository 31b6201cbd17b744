"""Facts about what payers do wrong, at every bank whose payers can: what is booked, what is told, and who is spared."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator import form
from simulator.bank import act, way_back
from simulator.banks import dialects
from simulator.delivery import Courier
from simulator.faults import PAYERS, Fault, FaultKind, asked_by_amount
from simulator.payment import Channel, Event, Outcome, Payment, State
from simulator.settling import spared
from simulator.store import ById
from simulator.world import World, Worlds
from tests.samples import BILL_AMOUNT_VND
from tests.test_every_bank import BANKS, a_world, opened
from tests.worlds import START, Connector, connector, courier_of, worlds_in

LATE_S = 3600

every_bank = pytest.mark.parametrize("code", BANKS)


class Stage:
    """A pending payment at one bank, and a payer who does it wrong."""

    def __init__(self, world: World, courier: Courier, code: str, payment: Payment) -> None:
        self.world = world
        self.courier = courier
        self.code = code
        self.payment_id = payment.payment_id
        self.expires_at = payment.order.expires_at or START
        self.amount_vnd = payment.amount_vnd

    async def pays(self, kind: FaultKind, **how: Any) -> Payment:
        await self.world.store.set_faults(self.world.name, (Fault(fault_id="f1", kind=kind, **how),))
        return await act(self.world, self.payment_id, Event.APPROVE)

    async def payment(self) -> Payment:
        found = await self.world.store.payment(self.world.name, ById(self.payment_id))
        assert found is not None
        return found

    async def booked(self) -> list[int]:
        return [each.amount_vnd for each in await self.world.store.ledger(self.world.name)]

    async def told(self) -> list[State]:
        """What was announced, in its order."""
        found = await self.world.store.deliveries(self.world.name)
        mine = [each for each in found if each.message == dialects()[self.code].messages[0]]
        return [each.says_state for each in sorted(mine, key=lambda each: (each.due_at, each.delivery_id))]

    def announced(self, *states: State) -> list[State]:
        """Those of these states that this bank tells of."""
        return [state for state in states if state in dialects()[self.code].announces]


async def staged(worlds: Worlds, courier: Courier, portal: Connector, code: str) -> Stage:
    world = await a_world(worlds, portal, code)
    return Stage(world, courier, code, await opened(world, courier, code))


@every_bank
async def test_who_abandons_leaves_the_payment_to_expire(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    assert (await stage.pays(FaultKind.ABANDONED)).state is State.PENDING
    assert await stage.booked() == []
    await courier.advance(stage.world, stage.expires_at)
    assert (await stage.payment()).state is State.EXPIRED
    assert await stage.told() == stage.announced(State.EXPIRED)


@every_bank
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (FaultKind.WRONG_OTP, Outcome.WRONG_OTP),
        (FaultKind.NO_FUNDS, Outcome.INSUFFICIENT_FUNDS),
        (FaultKind.OVER_LIMIT, Outcome.OVER_LIMIT),
    ],
)
async def test_who_cannot_pay_fails_for_that_reason(
    worlds: Worlds, courier: Courier, portal: Connector, code: str, kind: FaultKind, outcome: Outcome
) -> None:
    stage = await staged(worlds, courier, portal, code)
    failed = await stage.pays(kind)
    assert (failed.state, failed.outcome, await stage.booked()) == (State.FAILED, outcome, [])
    assert await stage.told() == stage.announced(State.FAILED)


@every_bank
async def test_who_clicks_twice_pays_once(worlds: Worlds, courier: Courier, portal: Connector, code: str) -> None:
    stage = await staged(worlds, courier, portal, code)
    paid = await stage.pays(FaultKind.DOUBLE_CLICK)
    assert await stage.booked() == [paid.amount_vnd]
    assert await stage.told() == stage.announced(paid.state)


@every_bank
@pytest.mark.parametrize(
    ("kind", "first"), [(FaultKind.TWO_TABS, State.CANCELLED), (FaultKind.BACK_BUTTON, State.FAILED)]
)
async def test_who_pays_after_giving_up_is_told_of_twice_in_order(
    worlds: Worlds, courier: Courier, portal: Connector, code: str, kind: FaultKind, first: State
) -> None:
    stage = await staged(worlds, courier, portal, code)
    paid = await stage.pays(kind)
    assert (paid.state, await stage.booked()) == (State.PAID, [paid.amount_vnd])
    assert await stage.told() == stage.announced(first, State.PAID)
    ids = [each.delivery_id for each in await stage.world.store.deliveries(stage.world.name)]
    assert len(ids) == len(set(ids))


@every_bank
@pytest.mark.parametrize(
    ("kind", "first"),
    [(FaultKind.PAY_AFTER_EXPIRY, State.EXPIRED), (FaultKind.PAY_AFTER_CANCELLATION, State.CANCELLED)],
)
async def test_late_money_comes_in_its_time(
    worlds: Worlds, courier: Courier, portal: Connector, code: str, kind: FaultKind, first: State
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.pays(kind, delay_s=LATE_S)
    given_up_at = stage.expires_at if first is State.EXPIRED else START
    await courier.advance(stage.world, given_up_at + timedelta(seconds=LATE_S - 1))
    assert ((await stage.payment()).state, await stage.booked()) == (first, [])
    await courier.advance(stage.world, given_up_at + timedelta(seconds=LATE_S))
    paid = await stage.payment()
    assert (paid.state, paid.late_at, await stage.booked()) == (State.PAID, None, [stage.amount_vnd])
    assert set(await stage.told()) == set(stage.announced(first, State.PAID))
    assert await stage.world.store.expiring(stage.expires_at + timedelta(days=9), 9, stage.world.name) == []


@every_bank
async def test_a_bill_or_a_transfer_can_be_paid_twice_and_an_order_cannot(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage = await staged(worlds, courier, portal, code)
    await stage.pays(FaultKind.PAID_TWICE, times=0)
    payments = await stage.world.store.payments(stage.world.name)
    ordered = dialects()[code].shape.connector_orders
    assert bool(spared(dialects()[code], FaultKind.PAID_TWICE)) is ordered
    assert await stage.booked() == [BILL_AMOUNT_VND] * (1 if ordered else 2)
    assert {each.order.order_ref for each in payments} == {payments[0].order.order_ref}
    if not ordered:
        first, second = payments
        assert first.bank_ref != second.bank_ref
        assert first.channel is not second.channel or len(dialects()[code].channels) == 1


@every_bank
@pytest.mark.parametrize(("kind", "delta_vnd"), [(FaultKind.PARTIAL_PAYMENT, -1_000), (FaultKind.OVER_PAYMENT, 1_000)])
async def test_another_amount_is_paid_where_the_payer_types_it(
    worlds: Worlds, courier: Courier, portal: Connector, code: str, kind: FaultKind, delta_vnd: int
) -> None:
    stage, dialect = await staged(worlds, courier, portal, code), dialects()[code]
    typed = not dialect.shape.connector_orders or Channel.QR in dialect.channels
    assert spared(dialect, kind) is not typed
    fault = Fault(fault_id="f1", kind=kind, amount_delta_vnd=delta_vnd)
    await stage.world.store.set_faults(stage.world.name, (fault,))
    paid = await act(stage.world, stage.payment_id, Event.APPROVE, channel=Channel.QR if typed else None)
    assert await stage.booked() == [BILL_AMOUNT_VND + (delta_vnd if typed else 0)]
    assert paid.order.amount_vnd == BILL_AMOUNT_VND
    left = (await stage.world.store.sandbox(stage.world.name)).faults
    assert left == (() if typed else (fault,)), "what cannot strike is not spent"


@every_bank
async def test_a_tampered_return_says_paid_and_no_secret_proves_it(
    worlds: Worlds, courier: Courier, portal: Connector, code: str
) -> None:
    stage, dialect = await staged(worlds, courier, portal, code), dialects()[code]
    failed = await act(stage.world, stage.payment_id, Event.CANCEL)
    await stage.world.store.set_faults(stage.world.name, (Fault(fault_id="f", kind=FaultKind.TAMPERED_RETURN),))
    url, fields = await way_back(stage.world, stage.payment_id)
    merchant = stage.world.merchants[code, failed.merchant_code]
    honest = (dialect.return_url(failed, merchant), dict(dialect.return_form(failed, merchant)))
    if not url:
        assert honest == ("", {})
        assert (await stage.world.store.sandbox(stage.world.name)).faults, "there is nothing to tamper with"
        return
    assert not spared(dialect, FaultKind.TAMPERED_RETURN)
    assert (url, dict(fields)) != honest
    assert (await way_back(stage.world, stage.payment_id))[0] == honest[0], "it is spent"
    assert (await stage.payment()).state is State.CANCELLED


async def test_a_tampered_return_keeps_the_signature_of_the_truth(
    worlds: Worlds, courier: Courier, portal: Connector
) -> None:
    stage = await staged(worlds, courier, portal, "vnpay")
    failed = await act(stage.world, stage.payment_id, Event.CANCEL)
    await stage.world.store.set_faults(stage.world.name, (Fault(fault_id="f", kind=FaultKind.TAMPERED_RETURN),))
    url, _ = await way_back(stage.world, stage.payment_id)
    said = form.fields(form.pieces(urlsplit(url).query.encode()))
    merchant = stage.world.merchants["vnpay", failed.merchant_code]
    true = form.fields(form.pieces(urlsplit(dialects()["vnpay"].return_url(failed, merchant)).query.encode()))
    assert (said["vnp_ResponseCode"], said["vnp_TransactionStatus"]) == ("00", "00")
    assert said["vnp_SecureHash"] == true["vnp_SecureHash"]


@pytest.mark.parametrize("kind", [each for each in PAYERS if each != FaultKind.CALLBACK_BEFORE_ANSWER])
async def test_the_same_seed_does_the_same(tmp_path: Path, kind: str) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        async with worlds_in(tmp_path / name) as worlds, courier_of(worlds) as courier, connector() as portal:
            stage = await staged(worlds, courier, portal, "vietinbank")
            await stage.pays(FaultKind(kind), probability=0.5)
            payments = await stage.world.store.payments(stage.world.name)
            found.append([(each.payment_id, each.bank_ref, each.state) for each in payments])
    assert found[0] == found[1]


def test_an_amount_can_ask_for_each() -> None:
    for each in PAYERS.values():
        rule = asked_by_amount(50_900 + each.number)
        assert rule is not None
        assert rule.kind == each.kind
