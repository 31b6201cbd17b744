"""Facts about planned callbacks and the ladder of retries."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.faults import CALLBACK_KINDS, Fault, FaultKind, shaped
from simulator.outbox import (
    AFTER_RETURN_S,
    Delivery,
    DeliveryState,
    Retry,
    after_attempt,
    announce,
    release,
    said,
)
from simulator.payment import Event, Order, Outcome, Payment, State, apply

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LADDER = Retry(delays_s=(60, 120))


def paid() -> Payment:
    pending = Payment(
        payment_id="p1",
        bank="vnpay",
        merchant_code="DEMOV210",
        order=Order(order_ref="HS-1", order_key="HS-1", amount_vnd=20_000),
        amount_vnd=20_000,
        bank_ref="14226112",
        created_at=NOW,
    )
    return apply(pending, Event.APPROVE, NOW)


def plan(kind: FaultKind, **settings: object) -> tuple[Delivery, ...]:
    fault = msgspec.structs.replace(Fault(fault_id="f", kind=kind), **settings)
    return announce(paid(), NOW, shaped((fault,)))


def due_s(deliveries: tuple[Delivery, ...]) -> list[int]:
    return [int((delivery.due_at - NOW).total_seconds()) for delivery in deliveries]


def test_without_faults_one_true_callback_is_due_at_once() -> None:
    (delivery,) = announce(paid(), NOW)
    assert said(paid(), delivery) == paid()
    assert (delivery.due_at, delivery.state) == (NOW, DeliveryState.WAITING)
    assert delivery.delivery_id == "p1.0"


def test_a_second_announcement_never_reuses_an_id() -> None:
    told = msgspec.structs.replace(paid(), told=2)
    assert [each.delivery_id for each in announce(told, NOW)] == ["p1.2"]


def test_a_delayed_callback_is_due_later() -> None:
    assert due_s(plan(FaultKind.DELAY, delay_s=90)) == [90]


def test_a_lost_callback_is_recorded_but_never_due() -> None:
    assert [each.state for each in plan(FaultKind.LOST)] == [DeliveryState.LOST]


def test_sequential_duplicates_follow_whatever_is_answered() -> None:
    deliveries = plan(FaultKind.DUPLICATE, copies=3)
    assert due_s(deliveries) == [0, 1, 2]
    assert [each.repeats for each in deliveries] == [False, True, True]


def test_duplicates_at_once_are_one_delivery_with_copies() -> None:
    (delivery,) = plan(FaultKind.DUPLICATE, copies=20, at_once=True)
    assert delivery.copies == 20


def test_a_forged_callback_comes_before_the_true_one_and_is_not_retried() -> None:
    false, true = plan(FaultKind.FORGED_SIGNATURE)
    assert (false.forged, false.repeats, true.forged, true.repeats) == (True, True, False, False)
    assert false.due_at < true.due_at


def test_a_wrong_amount_is_told_and_the_payment_keeps_the_right_one() -> None:
    (delivery,) = plan(FaultKind.WRONG_AMOUNT, amount_delta_vnd=-1)
    assert said(paid(), delivery).amount_vnd == 19_999
    assert paid().amount_vnd == 20_000


def test_success_then_failure_tells_both_in_that_order() -> None:
    first, second = plan(FaultKind.SUCCESS_THEN_FAILURE, delay_s=30)
    assert [first.says_state, second.says_state] == [State.PAID, State.FAILED]
    assert due_s((first, second)) == [0, 30]


def test_failure_then_success_tells_both_in_that_order() -> None:
    first, second = plan(FaultKind.FAILURE_THEN_SUCCESS, delay_s=30)
    assert [first.says_state, second.says_state] == [State.FAILED, State.PAID]
    assert [first.says_outcome, second.says_outcome] == [Outcome.INSUFFICIENT_FUNDS, Outcome.SUCCESS]
    assert due_s((first, second)) == [0, 30]


def test_a_held_callback_goes_out_soon_after_the_return() -> None:
    (held,) = plan(FaultKind.CALLBACK_AFTER_RETURN)
    assert held.held
    later = NOW + timedelta(seconds=10)
    freed = release(held, later)
    assert (freed.held, freed.due_at) == (False, later + timedelta(seconds=AFTER_RETURN_S))


def test_the_ladder_ends() -> None:
    (delivery,) = announce(paid(), NOW)
    waits = []
    while delivery.state is DeliveryState.WAITING:
        before = delivery.due_at
        delivery = after_attempt(delivery, False, "RspCode 99", delivery.due_at, LADDER)
        waits.append(int((delivery.due_at - before).total_seconds()))
    assert delivery.state is DeliveryState.EXHAUSTED
    assert (delivery.attempt, waits) == (3, [60, 120, 0])


def test_an_acknowledgement_ends_the_retries() -> None:
    (delivery,) = announce(paid(), NOW)
    after = after_attempt(delivery, True, "RspCode 00", NOW, LADDER)
    assert (after.state, after.attempt, after.last_answer) == (DeliveryState.ACKNOWLEDGED, 1, "RspCode 00")


def test_broken_attempts_are_used_up_one_by_one() -> None:
    breaks = (FaultKind.HTTP_500, None, FaultKind.ANSWER_LOST)
    (delivery,) = announce(paid(), NOW, breaks=breaks)
    assert after_attempt(delivery, False, "", NOW, LADDER).breaks == breaks[1:]


@given(st.lists(st.sampled_from(sorted(CALLBACK_KINDS)), max_size=4), st.integers(2, 9))
def test_faults_together_still_give_ids_of_their_own(kinds: list[FaultKind], copies: int) -> None:
    faults = tuple(Fault(fault_id=str(index), kind=kind, copies=copies) for index, kind in enumerate(kinds))
    deliveries = announce(paid(), NOW, shaped(faults))
    assert len({each.delivery_id for each in deliveries}) == len(deliveries) >= 1
    assert all(each.due_at >= NOW for each in deliveries)


@pytest.mark.parametrize("attempt", range(5))
def test_an_attempt_number_beyond_a_shortened_ladder_ends_it(attempt: int) -> None:
    (delivery,) = announce(paid(), NOW)
    late = msgspec.structs.replace(delivery, attempt=attempt)
    after = after_attempt(late, False, "", NOW, Retry(delays_s=()))
    assert after.state is DeliveryState.EXHAUSTED


def test_nothing_is_tried_again_after_the_last_moment() -> None:
    (delivery,) = announce(paid(), NOW)
    wait = timedelta(seconds=LADDER.delays_s[0])
    in_time = after_attempt(delivery, False, "", NOW, LADDER, NOW + wait)
    late = after_attempt(delivery, False, "", NOW, LADDER, NOW + wait - timedelta(seconds=1))
    assert (in_time.state, late.state) == (DeliveryState.WAITING, DeliveryState.EXHAUSTED)
