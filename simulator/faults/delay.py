"""The callback comes `delay_s` later."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, later


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [msgspec.structs.replace(each, due_at=later(each, fault.delay_s)) for each in planned]


FAULT = CallbackFault(
    kind="delay",
    number=30,
    en="the callback comes delay_s later",
    vi="callback tới muộn delay_s giây",
    effect=_effect,
    settings=("delay_s",),
)
