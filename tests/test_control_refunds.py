"""Facts about refunds and payers' faults over the control API, and what a person sees of them."""

import pytest

from simulator.bank import act, decide_refund
from simulator.faults import Fault, FaultKind
from simulator.payment import Event, RefundState
from tests.samples.vnpay import vnpay_refund
from tests.test_control import CI, Caller, api, calling
from tests.test_pages import Town, town
from tests.worlds import START, ask

__all__ = ["api", "calling", "town"]


async def pending(api: Caller) -> str:
    """A VNPAY payment of 50,000 VND of which 20,000 are being given back."""
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "approve"})
    await api.post(f"{CI}/faults", {"kind": "refund_pending", "bank": "vnpay", "delay_s": 0}, 201)
    await ask(await api.worlds.get("ci"), "vnpay", vnpay_refund("A1", START, "R1", 20_000, "03"))
    return payment_id


@pytest.mark.parametrize(("made", "state", "given_back"), [(True, "made", 20_000), (False, "refused", 0)])
async def test_a_pending_refund_is_shown_and_decided_once(api: Caller, made: bool, state: str, given_back: int) -> None:
    payment_id = await pending(api)
    shown = await api.get(f"{CI}/payments/{payment_id}")
    assert (shown["state"], shown["refunded_vnd"], shown["refunding_vnd"]) == ("paid", 0, 20_000)
    assert [(each["request_ref"], each["state"]) for each in shown["refunds"]] == [("R1", "pending")]
    path = f"{CI}/payments/{payment_id}/refund-decision"
    decided = await api.post(path, {"made": made})
    assert (decided["refunded_vnd"], decided["refunding_vnd"]) == (given_back, 0)
    assert [each["state"] for each in decided["refunds"]] == [state]
    assert "Nothing was changed" in (await api.post(path, {"made": made}, 409))["detail"]


@pytest.mark.parametrize("body", [{}, {"made": "yes"}, {"made": True, "request_ref": "x" * 201}])
async def test_a_decision_must_say_what_is_decided(api: Caller, body: dict[str, object]) -> None:
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/refund-decision", body, 400)


async def test_another_refund_than_the_one_that_is_pending_is_not_decided(api: Caller) -> None:
    payment_id = await pending(api)
    path = f"{CI}/payments/{payment_id}/refund-decision"
    assert "no refund R2" in (await api.post(path, {"made": True, "request_ref": "R2"}, 409))["detail"]


@pytest.mark.parametrize(
    ("kind", "bank", "told"),
    [
        ("paid_twice", "vnpay", "neither bills nor transfers"),
        ("partial_payment", "vietinbank_wallet", "do not type the amount"),
        ("tampered_return", "bidv", "sends no browser back"),
    ],
)
async def test_what_payers_of_a_bank_cannot_do_is_refused_and_listed(
    api: Caller, kind: str, bank: str, told: str
) -> None:
    assert told in (await api.post(f"{CI}/faults", {"kind": kind, "bank": bank}, 400))["detail"]
    spared = await api.get("/_control/spared")
    assert next(each["why"] for each in spared if (each["bank"], each["kind"]) == (bank, kind)).endswith(told)


@pytest.mark.parametrize(
    ("kind", "operation"), [("refund_refused", "pay"), ("no_funds", "refund"), ("tampered_return", "pay")]
)
async def test_a_fault_strikes_only_where_it_belongs(api: Caller, kind: str, operation: str) -> None:
    refusal = await api.post(f"{CI}/faults", {"kind": kind, "bank": "vnpay", "operation": operation}, 400)
    assert "cannot strike" in refusal["detail"]


async def test_a_tampered_return_goes_the_browsers_way(api: Caller) -> None:
    payment_id = await api.payment_id()
    await api.post(f"{CI}/payments/{payment_id}/events", {"event": "cancel"})
    await api.post(f"{CI}/faults", {"kind": "tampered_return", "bank": "vnpay"}, 201)
    first, second = [(await api.post(f"{CI}/payments/{payment_id}/return"))["url"] for _ in range(2)]
    assert "vnp_ResponseCode=00" in first
    assert "vnp_ResponseCode=24" in second


async def test_a_person_sees_a_refund_and_its_state(town: Town) -> None:
    payment = await town.order(amount_vnd=77_000)

    await act(town.world, payment.payment_id, Event.APPROVE)
    assert 'id="refunds"' not in await town.see(f"/room/ci/payments/{payment.payment_id}")
    await town.world.store.set_faults("ci", (Fault(fault_id="f", kind=FaultKind.REFUND_PENDING, delay_s=60),))
    await ask(town.world, "vnpay", vnpay_refund(payment.order.order_ref, START, "R1", 7_000, "03"))
    shown = await town.see(f"/room/ci/payments/{payment.payment_id}")
    assert "đang xử lý" in shown
    assert "7.000 đ" in shown
    await decide_refund(town.world, payment.payment_id, "R1", RefundState.REFUSED)
    assert "bị từ chối" in await town.see(f"/room/ci/payments/{payment.payment_id}")
