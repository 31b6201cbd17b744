"""A refund is taken on, and refused `delay_s` later; 0 = only when somebody decides."""

from datetime import datetime, timedelta

import msgspec

from simulator.faults.kind import RefundFault
from simulator.faults.rule import Fault
from simulator.payment import Refund, RefundState


def _effect(refund: Refund, fault: Fault, now: datetime) -> Refund:
    decides_at = now + timedelta(seconds=fault.delay_s) if fault.delay_s else None
    return msgspec.structs.replace(
        refund, state=RefundState.PENDING, decides_at=decides_at, decided_as=RefundState.REFUSED
    )


FAULT = RefundFault(
    kind="refund_refused_late",
    number=72,
    en="a refund is taken on, and refused delay_s later (0 = when somebody decides)",
    vi="yêu cầu hoàn tiền được tiếp nhận rồi bị từ chối sau delay_s giây (0 = khi có người quyết định)",
    effect=_effect,
    settings=("delay_s",),
)
