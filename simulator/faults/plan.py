"""Spending a plan: which of the faults asked for strike an occasion, and what is left of them. Pure."""

from collections.abc import Callable

import msgspec

from simulator.faults.listing import CALLBACKS, FAULTS, PAYERS, REFUNDS
from simulator.faults.rule import CALLBACK, PAY, REFUND, RETURN, Fault, Occasion, window_of
from simulator.maintenance import ends_at

AGAIN_MAX = 1000
"""Further draws for one order in a row: bounds the work, not the chance."""


def matches(fault: Fault, occasion: Occasion) -> bool:
    return (
        (_usually_there(fault, occasion) if fault.operation == "" else fault.operation == occasion.operation)
        and fault.bank in ("", occasion.bank)
        and fault.merchant_code in ("", occasion.merchant_code)
        and fault.order_ref in ("", occasion.order_ref)
        and (not fault.hours or occasion.at is None or ends_at(window_of(fault), occasion.at) is not None)
    )


def _usually_there(fault: Fault, occasion: Occasion) -> bool:
    """Whether a rule that names no operation means this one."""
    if fault.kind in CALLBACKS:
        return occasion.operation == CALLBACK
    if fault.kind in PAYERS:
        payer = PAYERS[fault.kind]
        return payer.rushes or occasion.operation == (RETURN if payer.tampers else PAY)
    if fault.kind in REFUNDS:
        return occasion.operation == REFUND
    if occasion.orders or FAULTS[fault.kind].breaks:
        return occasion.usual
    return occasion.operation != CALLBACK


def take(
    faults: tuple[Fault, ...],
    kinds: frozenset[str],
    occasion: Occasion,
    chance: Callable[[], float],
) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """(those that strike now, the plan that remains). `chance` draws from [0, 1) and is asked only when needed."""
    struck: list[Fault] = []
    remaining: list[Fault] = []
    for fault in faults:
        if fault.kind not in kinds or not matches(fault, occasion):
            remaining.append(fault)
        elif fault.skip > 0:
            remaining.append(msgspec.structs.replace(fault, skip=fault.skip - 1))
        elif fault.limit and (passed := _passed(fault, occasion)) is not None:
            remaining.append(passed)
        elif fault.probability < 1.0 and _drawn(fault, occasion, chance) >= fault.probability:
            remaining.append(fault)
        else:
            struck.append(fault)
            if fault.times != 1:
                remaining.append(_having_struck(fault, occasion))
    return tuple(struck), tuple(remaining)


def _passed(fault: Fault, occasion: Occasion) -> Fault | None:
    """The fault once this occasion has passed under its limit; None if the window's passes are used up."""
    window = int(occasion.at.timestamp()) // fault.window_s if occasion.at else 0
    passed = fault.passed if window == fault.window else 0
    if passed >= fault.limit:
        return None
    return msgspec.structs.replace(fault, window=window, passed=passed + 1)


def _drawn(fault: Fault, occasion: Occasion, chance: Callable[[], float]) -> float:
    """Whoever was struck and tries again is not struck by the same draw for ever."""
    if fault.struck_ref == occasion.order_ref:
        for _ in range(min(fault.struck_times, AGAIN_MAX)):
            chance()
    return chance()


def _having_struck(fault: Fault, occasion: Occasion) -> Fault:
    times = max(fault.times - 1, 0)
    if fault.probability >= 1.0:
        return msgspec.structs.replace(fault, times=times)
    again = fault.struck_times + 1 if fault.struck_ref == occasion.order_ref else 1
    return msgspec.structs.replace(fault, times=times, struck_ref=occasion.order_ref, struck_times=again)
