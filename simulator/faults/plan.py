"""Spending a plan: which of the faults asked for strike an occasion, and what is left of them. Pure."""

from collections.abc import Callable

import msgspec

from simulator.faults.listing import CALLBACKS, FAULTS, PAYERS
from simulator.faults.rule import CALLBACK, PAY, Fault, Occasion


def matches(fault: Fault, occasion: Occasion) -> bool:
    return (
        (_usually_there(fault, occasion) if fault.operation == "" else fault.operation == occasion.operation)
        and fault.bank in ("", occasion.bank)
        and fault.merchant_code in ("", occasion.merchant_code)
        and fault.order_ref in ("", occasion.order_ref)
    )


def _usually_there(fault: Fault, occasion: Occasion) -> bool:
    """Whether a rule that names no operation means this one."""
    if fault.kind in CALLBACKS:
        return occasion.operation == CALLBACK
    if fault.kind in PAYERS:
        return PAYERS[fault.kind].rushes or occasion.operation == PAY
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
        elif fault.probability < 1.0 and chance() >= fault.probability:
            remaining.append(fault)
        else:
            struck.append(fault)
            if fault.times != 1:
                remaining.append(msgspec.structs.replace(fault, times=max(fault.times - 1, 0)))
    return tuple(struck), tuple(remaining)
