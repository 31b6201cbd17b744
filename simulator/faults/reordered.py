"""The callback waits until a later one of the same payment has gone, `delay_s` at the longest."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, later


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [msgspec.structs.replace(each, overtaken=True, due_at=later(each, fault.delay_s)) for each in planned]


FAULT = CallbackFault(
    kind="reordered",
    number=54,
    en="the callback comes only after a later one of the same payment, delay_s late at the most",
    vi="callback chỉ tới sau một callback phát sinh sau của cùng giao dịch, chậm nhất delay_s giây",
    effect=_effect,
    settings=("delay_s",),
    defaults={"delay_s": 3600},
)
