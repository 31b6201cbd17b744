"""Facts about the transition table."""

from datetime import UTC, datetime, timedelta
from itertools import product

import msgspec
import pytest

from simulator.payment import (
    COLLECTED,
    DEFAULT_OUTCOMES,
    TRANSITIONS,
    Event,
    IllegalEvent,
    Order,
    Outcome,
    Payment,
    Refund,
    RefundState,
    State,
    Step,
    apply,
    ended_at,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def payment(state: State = State.PENDING) -> Payment:
    order = Order(order_ref="HS-1", order_key="HS-1", amount_vnd=20_000)
    return Payment(
        payment_id="p1",
        bank="vnpay",
        merchant_code="DEMOV210",
        order=order,
        amount_vnd=20_000,
        bank_ref="14226112",
        created_at=NOW,
        state=state,
    )


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_an_event_outside_the_table_is_refused_and_changes_nothing(state: State, event: Event) -> None:
    before = payment(state)
    if (state, event) in TRANSITIONS:
        assert apply(before, event, LATER).state is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalEvent, match=f"a payment that is {state} cannot {event}"):
            apply(before, event, LATER)
    assert before == payment(state)


def test_every_state_is_reached_from_pending() -> None:
    reached = {State.PENDING}
    for _ in State:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(State)


def test_money_that_was_collected_is_never_silently_uncollected() -> None:
    """From a collected state only a reversal or a refund leads on."""
    onward = {event for (state, event) in TRANSITIONS if state in COLLECTED}
    assert onward == {Event.REVERSE, Event.REFUND_PART, Event.REFUND_REST}


def test_settling_events_record_when_and_how() -> None:
    after = apply(payment(), Event.DECLINE, LATER, Outcome.INSUFFICIENT_FUNDS)
    assert (after.outcome, after.settled_at, after.step) == (Outcome.INSUFFICIENT_FUNDS, LATER, Step.DONE)
    assert apply(payment(), Event.CANCEL, LATER).outcome is Outcome.CANCELLED


def test_a_refund_keeps_when_and_how_the_payment_was_settled() -> None:
    paid = apply(payment(), Event.APPROVE, NOW)
    refunded = apply(paid, Event.REFUND_REST, LATER)
    assert (refunded.outcome, refunded.settled_at) == (Outcome.SUCCESS, NOW)


def test_every_settling_event_has_an_outcome_of_its_own() -> None:
    assert set(DEFAULT_OUTCOMES) == set(Event) - {Event.REFUND_PART, Event.REFUND_REST}


def test_a_payment_survives_its_journey_through_the_store() -> None:
    before = apply(payment(), Event.APPROVE, LATER)
    assert msgspec.json.decode(msgspec.json.encode(before), type=Payment) == before


REFUND = Refund(request_ref="R", amount_vnd=1, refunded_at=LATER, bank_ref="r")
PENDING_REFUND = msgspec.structs.replace(REFUND, state=RefundState.PENDING)


@pytest.mark.parametrize("state", State)
def test_only_what_is_decided_has_ended(state: State) -> None:
    ended = ended_at(msgspec.structs.replace(payment(state), settled_at=LATER))
    assert ended == (None if state in (State.PENDING, State.SUSPECTED) else LATER)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({}, NOW),
        ({"refunds": (REFUND,)}, LATER),
        ({"unmade_refunds": (msgspec.structs.replace(REFUND, state=RefundState.REFUSED),)}, LATER),
        ({"unmade_refunds": (PENDING_REFUND,)}, None),
        ({"state": State.CANCELLED, "late_at": LATER}, None),
    ],
)
def test_a_payment_has_ended_once_nothing_more_happens_by_itself(
    changes: dict[str, object], at: datetime | None
) -> None:
    settled = msgspec.structs.replace(payment(State.PAID), settled_at=NOW)
    assert ended_at(msgspec.structs.replace(settled, **changes)) == at
