"""The payer cancels, and the money comes `delay_s` later all the same."""

from datetime import datetime, timedelta

import msgspec

from simulator.faults.kind import Deed, PayerFault
from simulator.faults.rule import Fault
from simulator.payment import Event, Payment


def _effect(payment: Payment, deed: Deed, fault: Fault, now: datetime) -> tuple[Deed, ...]:
    late = msgspec.structs.replace(deed, event=Event.APPROVE_LATE, at=now + timedelta(seconds=fault.delay_s))
    return (Deed(event=Event.CANCEL, channel=deed.channel), late)


FAULT = PayerFault(
    kind="pay_after_cancellation",
    number=89,
    en="the payer cancels, and the money comes delay_s later",
    vi="người nộp đã hủy, nhưng tiền vẫn về sau delay_s giây",
    effect=_effect,
    settings=("delay_s",),
)
