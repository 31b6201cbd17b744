"""A refund is refused at once: the bank looked at it, and gives nothing back."""

from datetime import datetime

import msgspec

from simulator.faults.kind import RefundFault
from simulator.faults.rule import Fault
from simulator.payment import Refund, RefundState


def _effect(refund: Refund, fault: Fault, now: datetime) -> Refund:
    return msgspec.structs.replace(refund, state=RefundState.REFUSED)


FAULT = RefundFault(
    kind="refund_refused",
    number=71,
    en="a refund is refused at once, and nothing is given back",
    vi="yêu cầu hoàn tiền bị từ chối ngay, không đồng nào được hoàn",
    effect=_effect,
)
