"""Facts about the use cases, seen through VNPAY's and the national platform's own messages."""

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from msgspec.structs import replace

from simulator.bank import UnknownPayment, act, progress, returned
from simulator.banks import dialects
from simulator.faults import Fault, FaultKind
from simulator.merchants import default_merchants, forged
from simulator.outbox import DeliveryState
from simulator.payment import Event, IllegalEvent, Outcome, Payment, State
from simulator.store import ByOrder
from simulator.world import World, Worlds
from tests.samples import ORDERED, SAMPLES
from tests.samples.dvcqg import dvcqg_init, dvcqg_query
from tests.samples.vnpay import vnpay_pay, vnpay_querydr, vnpay_refund
from tests.worlds import START, ask


@pytest.fixture
async def world(worlds: Worlds) -> World:
    return await worlds.create("default", seed="1")


async def the_payment(world: World) -> Payment:
    (payment,) = await world.store.payments(world.name)
    return payment


async def pending(world: World, ref: str = "HS1", amount_vnd: int = 20_000) -> Payment:
    await ask(world, "vnpay", vnpay_pay(ref, amount_vnd, START))
    return next(each for each in await world.store.payments(world.name) if each.order.order_ref == ref)


async def test_a_created_order_leads_the_payer_to_its_page(world: World) -> None:
    served = await ask(world, "vnpay", vnpay_pay("HS1", 20_000, START))
    payment = await the_payment(world)
    assert served.response.status == 302
    assert dict(served.response.headers)["location"] == world.page_url(payment.payment_id)
    assert (payment.state, payment.amount_vnd) == (State.PENDING, 20_000)


async def test_ids_follow_from_the_seed_and_the_order_alone(worlds: Worlds) -> None:
    ids = []
    for name, seed, first in (("a", "7", "X"), ("b", "7", "Y"), ("c", "8", "X")):
        world = await worlds.create(name, seed=seed)
        await pending(world, first)
        payment = await pending(world, "HS1")
        ids.append((payment.payment_id, payment.bank_ref))
    assert ids[0] == ids[1] != ids[2]


async def test_the_same_pay_request_again_shows_the_same_payment(world: World) -> None:
    first = await ask(world, "vnpay", vnpay_pay("HS1", 20_000, START))
    again = await ask(world, "vnpay", vnpay_pay("HS1", 20_000, START))
    assert again.response == first.response
    await the_payment(world)


async def test_another_order_under_a_used_reference_is_refused(world: World) -> None:
    await pending(world)
    served = await ask(world, "vnpay", vnpay_pay("HS1", 30_000, START))
    assert parse_qs(urlsplit(dict(served.response.headers)["location"]).query)["code"] == ["01"]
    assert (await the_payment(world)).amount_vnd == 20_000


async def test_a_paid_order_is_not_opened_again(world: World) -> None:
    payment = await pending(world)
    await act(world, payment.payment_id, Event.APPROVE)
    served = await ask(world, "vnpay", vnpay_pay("HS1", 20_000, START))
    assert parse_qs(urlsplit(dict(served.response.headers)["location"]).query)["code"] == ["01"]


async def test_an_order_that_is_already_expired_is_refused(world: World) -> None:
    request = vnpay_pay("HS1", 20_000, START, vnp_ExpireDate="20261122095959")
    served = await ask(world, "vnpay", request)
    assert parse_qs(urlsplit(dict(served.response.headers)["location"]).query)["code"] == ["15"]
    assert await world.store.payments(world.name) == []


async def test_a_return_host_that_was_not_registered_is_refused(worlds: Worlds, world: World) -> None:
    merchant = msgspec.structs.replace(world.merchants["vnpay", "DEMOV210"], return_hosts=("portal.gov.vn",))
    strict = await worlds.update(world.name, lambda box: msgspec.structs.replace(box, merchants=(merchant,)))
    served = await ask(strict, "vnpay", vnpay_pay("HS1", 20_000, START))
    assert parse_qs(urlsplit(dict(served.response.headers)["location"]).query)["code"] == ["71"]


async def test_an_approval_books_the_money_and_plans_the_callback_together(world: World) -> None:
    payment = await pending(world)
    await act(world, payment.payment_id, Event.APPROVE)
    (entry,) = await world.store.ledger(world.name)
    (delivery,) = await world.store.deliveries(world.name)
    assert (entry.entry_id, entry.amount_vnd) == ("debit", 20_000)
    assert (delivery.payment_id, delivery.says_state, delivery.due_at) == (payment.payment_id, State.PAID, START)


async def test_an_illegal_event_writes_nothing(world: World) -> None:
    payment = await pending(world)
    await act(world, payment.payment_id, Event.APPROVE)
    with pytest.raises(IllegalEvent):
        await act(world, payment.payment_id, Event.CANCEL)
    assert len(await world.store.ledger(world.name)) == len(await world.store.deliveries(world.name)) == 1


async def test_an_unknown_payment_is_said_so(world: World) -> None:
    with pytest.raises(UnknownPayment):
        await act(world, "nobody", Event.APPROVE)


async def test_money_held_for_a_fraud_check_is_booked_once_and_given_back_once(world: World) -> None:
    payment = await pending(world)
    await act(world, payment.payment_id, Event.SUSPECT)
    await act(world, payment.payment_id, Event.REVERSE)
    booked = [(entry.entry_id, entry.amount_vnd) for entry in await world.store.ledger(world.name)]
    assert booked == [("debit", 20_000), ("reversal", -20_000)]


async def test_a_failed_payment_moves_no_money(world: World) -> None:
    payment = await pending(world)
    await act(world, payment.payment_id, Event.DECLINE, outcome=Outcome.INSUFFICIENT_FUNDS)
    assert await world.store.ledger(world.name) == []


async def test_a_payers_step_that_settles_plans_the_callback_too(world: World) -> None:
    payment = await pending(world)
    await progress(world, payment.payment_id, lambda before, now: msgspec.structs.replace(before, otp_tries=1))
    assert await world.store.deliveries(world.name) == []
    await act(world, payment.payment_id, Event.APPROVE)
    assert len(await world.store.deliveries(world.name)) == 1


async def test_a_query_tells_the_state_and_is_refused_again_too_soon(world: World) -> None:
    payment = await pending(world)
    await act(world, payment.payment_id, Event.APPROVE)
    answers = [
        json.loads((await ask(world, "vnpay", vnpay_querydr("HS1", START, f"Q{number}"))).response.body)
        for number in (1, 2)
    ]
    assert [answer["vnp_ResponseCode"] for answer in answers] == ["00", "94"]
    assert answers[0]["vnp_TransactionStatus"] == "00"


async def test_a_query_of_an_unknown_order_is_answered_so(world: World) -> None:
    served = await ask(world, "vnpay", vnpay_querydr("HS9", START, "Q1"))
    assert json.loads(served.response.body)["vnp_ResponseCode"] == "91"


async def refund_code(world: World, request_ref: str, amount_vnd: int, kind: str) -> str:
    served = await ask(world, "vnpay", vnpay_refund("HS1", START, request_ref, amount_vnd, kind))
    return str(json.loads(served.response.body)["vnp_ResponseCode"])


async def test_refunds_never_exceed_the_payment(world: World) -> None:
    payment = await pending(world)
    assert await refund_code(world, "R0", 5_000, "03") == "95"
    await act(world, payment.payment_id, Event.APPROVE)
    assert await refund_code(world, "R1", 20_001, "03") == "93"
    assert await refund_code(world, "R2", 5_000, "03") == "00"
    assert await refund_code(world, "R2", 5_000, "03") == "94"
    assert await refund_code(world, "R3", 20_000, "02") == "04"
    assert await refund_code(world, "R4", 15_001, "03") == "02"
    assert await refund_code(world, "R5", 15_000, "03") == "00"
    assert (await the_payment(world)).state is State.REFUNDED
    assert sum(entry.amount_vnd for entry in await world.store.ledger(world.name)) == 0


async def test_there_is_no_receipt_before_the_payment(world: World) -> None:
    await ask(world, "dvcqg", dvcqg_init("MTC0001", 20_000, START))
    before = await ask(world, "dvcqg", dvcqg_query("MTC0001", START, kind="GET_BILL"))
    assert not before.response.body.startswith(b"%PDF")
    await act(world, (await the_payment(world)).payment_id, Event.APPROVE)
    after = await ask(world, "dvcqg", dvcqg_query("MTC0001", START, kind="GET_BILL"))
    assert after.response.body.startswith(b"%PDF")


@pytest.mark.parametrize("code", ORDERED)
async def test_a_lost_answer_has_done_its_work(world: World, code: str) -> None:
    await world.store.set_faults(world.name, (Fault(fault_id="f", kind=FaultKind.ANSWER_LOST),))
    served = await ask(world, code, SAMPLES[code].create("HS1", 20_000, START))
    assert served.fault == FaultKind.ANSWER_LOST
    assert (await the_payment(world)).state is State.PENDING
    assert (await ask(world, code, SAMPLES[code].create("HS2", 20_000, START))).fault is None


@pytest.mark.parametrize("code", ORDERED)
@pytest.mark.parametrize("kind", [FaultKind.HTTP_500, FaultKind.CONNECTION_RESET])
async def test_a_broken_request_has_done_nothing(world: World, code: str, kind: FaultKind) -> None:
    await world.store.set_faults(world.name, (Fault(fault_id="f", kind=kind),))
    served = await ask(world, code, SAMPLES[code].create("HS1", 20_000, START))
    assert served.fault == kind
    assert await world.store.payments(world.name) == []


@pytest.mark.parametrize("code", ORDERED)
async def test_a_rushed_payment_is_settled_before_the_answer(world: World, code: str) -> None:
    await world.store.set_faults(world.name, (Fault(fault_id="f", kind=FaultKind.CALLBACK_BEFORE_ANSWER),))
    served = await ask(world, code, SAMPLES[code].create("HS1", 20_000, START))
    assert served.rushed == bool(dialects()[code].announces)
    assert (await the_payment(world)).state is State.PAID


async def test_a_falsified_answer_leaves_the_books_right(world: World) -> None:
    payment = await pending(world)
    await act(world, payment.payment_id, Event.APPROVE)
    fault = Fault(fault_id="f", kind=FaultKind.WRONG_AMOUNT, operation="query", amount_delta_vnd=-10_000)
    await world.store.set_faults(world.name, (fault,))
    served = await ask(world, "vnpay", vnpay_querydr("HS1", START, "Q1"))
    assert json.loads(served.response.body)["vnp_Amount"] in ("1000000", 1000000)
    assert (await the_payment(world)).amount_vnd == 20_000
    assert (await world.store.sandbox(world.name)).faults == ()


async def test_a_fault_spends_itself_on_as_many_attempts_as_it_was_given(world: World) -> None:
    payment = await pending(world)
    fault = Fault(fault_id="f", kind=FaultKind.HTTP_500, operation="callback", skip=1, times=2)
    await world.store.set_faults(world.name, (fault,))
    await act(world, payment.payment_id, Event.APPROVE)
    (delivery,) = await world.store.deliveries(world.name)
    assert delivery.breaks[:4] == (None, FaultKind.HTTP_500, FaultKind.HTTP_500, None)
    assert (await world.store.sandbox(world.name)).faults == ()


async def test_a_held_callback_is_let_go_by_the_payers_return(world: World) -> None:
    payment = await pending(world)
    await world.store.set_faults(world.name, (Fault(fault_id="f", kind=FaultKind.CALLBACK_AFTER_RETURN),))
    await act(world, payment.payment_id, Event.APPROVE)
    url = await returned(world, payment.payment_id)
    assert url.startswith("http://portal.test/return/vnpay?")
    (delivery,) = await world.store.deliveries(world.name)
    assert (delivery.held, delivery.due_at) == (False, START + timedelta(seconds=2))


async def test_a_lost_callback_stays_on_record(world: World) -> None:
    payment = await pending(world)
    await world.store.set_faults(world.name, (Fault(fault_id="f", kind=FaultKind.LOST),))
    await act(world, payment.payment_id, Event.APPROVE)
    (delivery,) = await world.store.deliveries(world.name)
    assert delivery.state is DeliveryState.LOST
    assert await world.store.claim(START + timedelta(days=9), 10, 60.0, "n") == []


async def test_the_journal_keeps_the_bytes_and_masks_secrets(world: World) -> None:
    request = vnpay_pay("HS1", 20_000, START, vnp_OrderInfo="The 9704198526191432198")
    await ask(world, "vnpay", request)
    ((_, exchange),) = await world.store.exchanges(world.name)
    assert (exchange.direction, exchange.operation, exchange.status, exchange.order_ref) == (
        "in",
        "create",
        302,
        "HS1",
    )
    assert "9704198526191432198" not in exchange.url
    assert exchange.url.startswith("/vnpay/paymentv2/vpcpay.html?vnp_Amount=2000000&")


async def test_a_refused_request_is_journalled_with_the_reason(world: World) -> None:
    request = vnpay_pay("HS1", 20_000, START)
    tampered = request.query.replace(b"vnp_Amount=2000000", b"vnp_Amount=100")
    await ask(world, "vnpay", replace(request, query=tampered))
    ((_, exchange),) = await world.store.exchanges(world.name)
    assert exchange.note.startswith("bad_signature")


async def test_an_order_reference_is_unique_within_its_day_only(world: World) -> None:
    await ask(world, "vnpay", vnpay_pay("HS1", 20_000, START))
    await ask(world, "vnpay", vnpay_pay("HS1", 20_000, START + timedelta(days=1)))
    assert len(await world.store.payments(world.name)) == 2


async def test_an_order_without_an_expiry_gets_the_banks_own(world: World) -> None:
    payment = await pending(world)
    assert payment.order.expires_at == START + timedelta(minutes=15)
    found = await world.store.payment(world.name, ByOrder("vnpay", "DEMOV210", payment.order.order_key))
    assert found == payment


def test_a_forger_signs_with_a_secret_that_is_not_the_merchants() -> None:
    for merchant in default_merchants():
        false = forged(merchant)
        signing = [name for name in merchant.secrets if "public" not in name]
        assert signing
        assert all(false.secrets[name] != merchant.secrets[name] for name in signing)
