"""The callback is never sent; the bank's own books keep the truth."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, DeliveryState


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [msgspec.structs.replace(each, state=DeliveryState.LOST) for each in planned]


FAULT = CallbackFault(
    kind="lost",
    number=31,
    en="the callback is never sent; only a query can tell the connector",
    vi="callback không bao giờ được gửi; chỉ truy vấn mới cho biết kết quả",
    effect=_effect,
)
