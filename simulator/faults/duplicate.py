"""The callback comes `copies` times, one after another or `at_once`, whatever is answered."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, later


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    true = planned[-1]
    if fault.at_once:
        return [*planned[:-1], msgspec.structs.replace(true, copies=fault.copies)]
    extra = [msgspec.structs.replace(true, repeats=True, due_at=later(true, index)) for index in range(1, fault.copies)]
    return [*planned, *extra]


FAULT = CallbackFault(
    kind="duplicate",
    number=32,
    en="the callback comes copies times, a second apart or at_once",
    vi="callback tới copies lần, cách nhau một giây hoặc cùng lúc (at_once)",
    effect=_effect,
    settings=("copies", "at_once"),
)
