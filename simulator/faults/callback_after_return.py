"""The callback waits until the payer's browser has gone back."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import FAR_S, Delivery, later


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [msgspec.structs.replace(each, held=True, due_at=later(each, FAR_S)) for each in planned]


FAULT = CallbackFault(
    kind="callback_after_return",
    number=37,
    en="the callback waits until the payer's browser has gone back",
    vi="callback chờ tới khi trình duyệt của người nộp đã quay về cổng",
    effect=_effect,
)
