"""Facts about spending faults."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.faults import (
    ANSWER_KINDS,
    CALLBACK,
    CALLBACK_KINDS,
    EXCHANGE_KINDS,
    FALSIFYING_KINDS,
    FAULTS,
    PAYER_KINDS,
    REFUND_KINDS,
    RUSH_KINDS,
    TAMPER_KINDS,
    Fault,
    FaultKind,
    Occasion,
    matches,
    take,
)


def callback(order_ref: str = "A", bank: str = "vnpay") -> Occasion:
    return Occasion(bank=bank, operation=CALLBACK, merchant_code="M", order_ref=order_ref, usual=False)


def create(bank: str = "vnpay") -> Occasion:
    return Occasion(bank=bank, operation="create", merchant_code="M", order_ref="A")


def strikes(fault: Fault, occasion: Occasion) -> tuple[bool, tuple[Fault, ...]]:
    struck, left = take((fault,), frozenset(FaultKind), occasion, lambda: 0.5)
    return bool(struck), left


def test_every_kind_is_of_the_callback_or_of_an_exchange_or_rushes_it() -> None:
    kinds = CALLBACK_KINDS | ANSWER_KINDS | EXCHANGE_KINDS | PAYER_KINDS | RUSH_KINDS | REFUND_KINDS | TAMPER_KINDS
    assert kinds == set(FaultKind) == set(FAULTS)
    assert not CALLBACK_KINDS & ANSWER_KINDS
    assert FALSIFYING_KINDS <= CALLBACK_KINDS


def test_a_fault_strikes_its_times_and_is_then_gone() -> None:
    fault = Fault(fault_id="f", kind=FaultKind.LOST, times=2)
    struck, left = strikes(fault, callback())
    assert struck
    struck, left = strikes(left[0], callback())
    assert (struck, left) == (True, ())


def test_a_fault_of_zero_times_never_wears_out() -> None:
    fault = Fault(fault_id="f", kind=FaultKind.LOST, times=0)
    assert strikes(fault, callback()) == (True, (fault,))


def test_skipped_occasions_pass_unharmed() -> None:
    fault = Fault(fault_id="f", kind=FaultKind.LOST, skip=1)
    struck, left = strikes(fault, callback())
    assert not struck
    assert strikes(left[0], callback()) == (True, ())


@pytest.mark.parametrize(
    ("given_fault", "hit"),
    [
        ({}, True),
        ({"bank": "vnpay"}, True),
        ({"bank": "dvcqg"}, False),
        ({"order_ref": "B"}, False),
        ({"merchant_code": "other"}, False),
        ({"operation": "query"}, False),
    ],
)
def test_a_rule_strikes_only_what_it_names(given_fault: dict[str, str], hit: bool) -> None:
    fault = msgspec.structs.replace(Fault(fault_id="f", kind=FaultKind.DELAY), **given_fault)
    assert matches(fault, callback()) is hit


def test_an_exchange_fault_without_an_operation_means_the_banks_usual_exchange() -> None:
    fault = Fault(fault_id="f", kind=FaultKind.HTTP_500)
    assert matches(fault, create())
    assert not matches(fault, callback())
    assert matches(msgspec.structs.replace(fault, operation=CALLBACK), callback())


def test_a_callback_fault_without_an_operation_leaves_answers_alone() -> None:
    assert not matches(Fault(fault_id="f", kind=FaultKind.WRONG_AMOUNT), create())


@pytest.mark.parametrize(("draw", "hit"), [(0.29, True), (0.3, False)])
def test_probability_is_drawn_from_the_stream_handed_in(draw: float, hit: bool) -> None:
    fault = Fault(fault_id="f", kind=FaultKind.LOST, probability=0.3, times=0)
    struck, _ = take((fault,), CALLBACK_KINDS, callback(), lambda: draw)
    assert bool(struck) is hit


@given(st.lists(st.sampled_from(FaultKind), max_size=6), st.sampled_from([callback(), create()]))
def test_other_faults_are_left_as_they_were(kinds: list[FaultKind], occasion: Occasion) -> None:
    plan = tuple(Fault(fault_id=str(index), kind=kind) for index, kind in enumerate(kinds))
    struck, left = take(plan, CALLBACK_KINDS, occasion, lambda: 0.0)
    assert sorted((*struck, *left), key=lambda fault: fault.fault_id) == list(plan)
